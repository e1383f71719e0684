"""Folded requests against the same ones counted one by one."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asyncperf.load.folding import CELL, CELL_S, LATENCY_PRECISION, Folding, bins_of
from asyncperf.load.outcomes import Outcome
from asyncperf.ranks import latency
from asyncperf.results import PERCENTILES
from asyncperf.samples import Precision, Samples, joined

from ..builders import samples
from ..folded import ORIGIN_S, folded, records_of

# Times of a clock that has run for a while differ in their last digits from those of the ramp.
ROUNDING_S = 1e-11

latencies = st.one_of(st.floats(1e-6, 0.1), st.floats(0.1, 1000.0))
rows = st.lists(st.tuples(st.floats(0, 300), latencies, st.booleans()), min_size=1, max_size=300)


def requests_of(rows):
    starts, times, ok = (np.array(column) for column in zip(*rows, strict=True))
    return replace(samples(starts, times, ok=ok), received_bytes=np.arange(len(rows)))


def crowd(seed, n=20_000, length_s=60.0, spread=0.5):
    random = np.random.default_rng(seed)
    times = random.lognormal(np.log(0.02), spread, n)
    return samples(random.uniform(0, length_s, n), times, ok=random.random(n) > 0.1)


def as_precise(found, exact, precision):
    return found == pytest.approx(exact, rel=precision.latency, abs=ROUNDING_S)


@settings(deadline=None)
@given(rows, st.integers(1, 300))
def test_counts_sums_and_extremes_stay_exact(rows, most_cells):
    exact = requests_of(rows)
    found = folded(exact, most_cells)
    assert (found.requests, found.failures) == (exact.requests, exact.failures)
    assert found.received_bytes.sum() == exact.received_bytes.sum()
    was, now = latency(exact), latency(found)
    assert now.mean_s == pytest.approx(was.mean_s, rel=1e-9, abs=ROUNDING_S)
    assert (now.min_s, now.max_s) == pytest.approx((was.min_s, was.max_s), abs=2 * ROUNDING_S)


@settings(deadline=None)
@given(rows, st.integers(1, 300))
def test_percentiles_are_within_the_stated_precision(rows, most_cells):
    exact = requests_of(rows)
    found = folded(exact, most_cells)
    was, now = latency(exact).percentiles_s, latency(found).percentiles_s
    for percent in PERCENTILES:
        if was[percent] is None:
            assert now[percent] is None
        else:
            assert as_precise(now[percent], was[percent], found.precision)


@settings(deadline=None)
@given(rows, st.integers(1, 300))
def test_what_shares_an_entry_is_as_close_as_stated(rows, most_cells):
    found = folded(requests_of(rows), most_cells)
    least, most = found.least_s, found.most_s
    assert (most <= least * (1 + found.precision.latency) + ROUNDING_S).all()
    assert (least <= found.latency_s + ROUNDING_S).all()
    assert (found.latency_s <= most + ROUNDING_S).all()


@settings(deadline=None)
@given(rows, st.lists(st.integers(0, 300), max_size=5), st.randoms())
def test_it_does_not_matter_in_which_turns_requests_come(rows, cuts, random):
    exact = records_of(requests_of(rows))
    shuffled = exact[random.sample(range(len(rows)), len(rows))]
    folding = Folding([0], ORIGIN_S, "start", most_cells=50)
    for part in np.split(shuffled, sorted(cuts)):
        folding.add(part)
    together, apart = folded(requests_of(rows), 50), folding.samples(0)
    assert together.precision == apart.precision
    assert sorted(together.weight) == sorted(apart.weight)
    assert sorted(together.least_s) == sorted(apart.least_s)
    assert sorted(together.latency_s) == pytest.approx(sorted(apart.latency_s))


def test_cells_get_longer_only_when_there_are_too_many():
    exact = crowd(1, spread=0.01)
    found = folded(exact)
    assert found.precision == Precision(CELL_S, LATENCY_PRECISION)
    assert len(found) < len(exact)
    fewer = folded(exact, most_cells=10_000)
    assert len(fewer) <= 10_000
    assert fewer.precision == Precision(8 * CELL_S, LATENCY_PRECISION)


def test_bins_get_wider_where_few_stretches_of_time_are_left():
    found = folded(crowd(2), most_cells=10_000)
    # 60 s by 0.08 s; half as many would be too few.
    assert found.precision.time_s == 8 * CELL_S
    assert found.precision.latency == pytest.approx(1.005**32 - 1, rel=1e-5)
    assert len(found) <= 10_000


def test_a_bound_below_the_kinds_of_requests_is_no_endless_loop():
    found = folded(crowd(2), most_cells=1)
    assert found.requests == 20_000
    assert found.precision.time_s == 8 * CELL_S


def test_an_entry_holds_requests_of_one_status_and_outcome_alone():
    exact = crowd(3)
    found = folded(exact, most_cells=1000)
    assert set(found.status[found.ok]) == {200}
    assert set(found.status[~found.ok]) == {500}
    assert found.count(found.ok) == exact.ok.sum()
    assert latency(found.where(~found.ok)).mean_s == pytest.approx(
        latency(exact.where(~exact.ok)).mean_s
    )


def test_messages_of_one_name_are_one():
    exact = samples([1.0, 2.0, 3.0], 0.1)
    folding = Folding([0, 1, 0], ORIGIN_S, "start")
    for message in range(3):
        folding.add(records_of(exact, message))
    assert [folding.samples(name).requests for name in (0, 1)] == [6, 3]


def test_failures_are_counted_in_each_way():
    records = records_of(samples(range(6), 0.1))
    records["outcome"][:3] = [Outcome.HTTP_ERROR, Outcome.HTTP_ERROR, Outcome.RESET]
    records["status"][:3] = [503, 404, 0]
    folding = Folding([0], ORIGIN_S, "start")
    folding.add(records)
    assert folding.failed_ends(0) == {
        (Outcome.HTTP_ERROR, 503): 1,
        (Outcome.HTTP_ERROR, 404): 1,
        (Outcome.RESET, 0): 1,
    }
    assert folding.by_outcome[int(Outcome.OK)] == 3


def test_latency_counts_from_the_asked_for_start_and_lateness_from_the_intended():
    records = records_of(samples([1.0, 1.0], 0.5))
    records["intended"] -= 0.25
    folding = Folding([0], ORIGIN_S, "intended")
    folding.add(records)
    found = folding.samples(0)
    assert found.latency_s.tolist() == pytest.approx([0.75])
    assert found.late_s.tolist() == pytest.approx([0.25])
    assert folding.late_starts == 2


def test_first_bytes_are_averaged_where_all_had_one():
    records = records_of(samples([1.0, 1.0, 2.0, 2.0], 0.5))
    records["first"] = np.array([1.1, 1.3, 2.1, -ORIGIN_S]) + ORIGIN_S
    folding = Folding([0], ORIGIN_S, "start")
    folding.add(records)
    first = folding.samples(0).first_byte_s
    assert first.tolist() == pytest.approx([1.2, float("nan")], nan_ok=True)


def test_no_two_bins_share_a_latency_and_none_is_wider_than_stated():
    times = np.geomspace(1e-6, 1e6, 200_000)
    bins = bins_of(times)
    assert (np.diff(bins) >= 0).all()
    edges = times[np.flatnonzero(np.diff(bins, prepend=-1))]
    assert (edges[1:] / edges[:-1] < 1.0052).all()
    assert bins_of(np.array([0.0, 1e-9, 1e30])).tolist() == [0, 0, 2**13 - 1]


def test_what_was_folded_is_written_down(tmp_path):
    folding = Folding([0], ORIGIN_S, "start")
    folding.add(records_of(crowd(4)))
    alone = records_of(samples([-1.0], 0.1))
    folding.save(tmp_path / "folded.npz", alone, [(3, 46), (0, 92)])
    with np.load(tmp_path / "folded.npz") as saved:
        assert saved["cells"].dtype == CELL
        assert saved["cells"]["requests"].sum() == 20_000
        assert saved["kinds"].tolist() == [[0, 200, 0], [0, 500, int(Outcome.HTTP_ERROR)]]
        assert saved["precision"].tolist() == [CELL_S, LATENCY_PRECISION]
        assert (saved["exact"] == alone).all()
        assert saved["read"].tolist() == [[3, 46], [0, 92]]


def test_what_cannot_be_written_down_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    folding = Folding([0], ORIGIN_S, "start")
    folding.add(records_of(crowd(4)))
    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="No space"):
        folding.save(tmp_path / "folded.npz", records_of(samples()), [])
    assert list(tmp_path.iterdir()) == []


def test_folded_and_exact_samples_are_joined():
    exact, other = crowd(5), crowd(6)
    together = joined([folded(exact), other])
    assert together.requests == 40_000
    assert together.precision == folded(exact).precision
    was, now = latency(joined([exact, other])), latency(together)
    assert now.mean_s == pytest.approx(was.mean_s)
    for percent in PERCENTILES:
        found, exact_s = now.percentiles_s[percent], was.percentiles_s[percent]
        assert as_precise(found, exact_s, together.precision)


def test_nothing_joined_is_nothing():
    assert len(joined([])) == len(joined([Samples.none()])) == 0
