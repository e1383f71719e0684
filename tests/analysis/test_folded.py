"""Figures of a folded load against those of the same requests one by one."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asyncperf.analysis import statistics
from asyncperf.analysis.comparison import METRICS, compare
from asyncperf.analysis.diagnosis import diagnose
from asyncperf.analysis.measurement import measurements, view_of
from asyncperf.analysis.steady import CELLS_PER_CYCLE, LoadView, NotSteady, find_window
from asyncperf.analysis.sufficiency import view_is_enough
from asyncperf.model import Endpoint, Measured
from asyncperf.results import PERCENTILES, Figures, Window
from asyncperf.samples import Samples

from .. import builders
from ..folded import folded
from . import synthetic
from .closed_load import ClosedLoad, drifting, exponential, fixed, noisy, simulate, until
from .test_steady import SHAPES, simulated

RATE = 0.002


def exact_view(name: str, run_time_s: float) -> tuple[Samples, LoadView]:
    shape = SHAPES[name]
    whole = simulated(name)
    found = whole.where(whole.end_s < run_time_s)
    view = until(whole, run_time_s)
    return found, replace(view, ramp_end_s=shape.load.ramp_s, response_s=(shape.response_s,))


def view_like(view: LoadView, found: Samples) -> LoadView:
    """The same load, seen through other samples of it."""
    order = np.argsort(found.end_s, kind="stable")
    assert found.weight is not None
    assert found.precision is not None
    return replace(
        view,
        start_s=found.start_s[order],
        latency_s=found.latency_s[order],
        weight=found.weight[order],
        cell_s=found.precision.time_s,
    )


def figures(found: Samples, window: Window | NotSteady) -> Figures:
    assert isinstance(window, Window), window
    return statistics.steady_figures(statistics.completed_within(found, window), window)


@pytest.mark.parametrize("name", SHAPES)
@settings(max_examples=8, deadline=None)
@given(share=st.floats(0, 1))
def test_the_same_window_is_found_and_the_same_rate(name, share):
    """With the longest stretches of time in which the window's search still sees a wave."""
    shape = SHAPES[name]
    run_time_s = shape.shortest_s + share * (shape.longest_s - shape.shortest_s)
    found, view = exact_view(name, run_time_s)
    cells = folded(found, cell_s=shape.response_s / CELLS_PER_CYCLE)
    was, now = find_window(view), find_window(view_like(view, cells))
    assert isinstance(was, Window)
    assert isinstance(now, Window)
    if not shape.burst_ramp:  # else any whole number of seconds comes round as well
        assert now.cycle_s == pytest.approx(was.cycle_s, rel=0.01)
        # Whole cycles: at the start there may just be room for one, or just not.
        assert abs(now.cycles - was.cycles) <= 1
    rate = figures(cells, now).rate_rps
    assert rate == pytest.approx(figures(found, was).rate_rps, rel=RATE)
    assert rate == pytest.approx(shape.true_rps, rel=2 * RATE)


def random_load(users, spawn_rate, service, run_time_s, response_s):
    load = ClosedLoad(users, spawn_rate, service)
    found = simulate(load, run_time_s)
    view = until(found, run_time_s)
    return found, replace(view, ramp_end_s=load.ramp_s, response_s=(response_s,))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("service", "run_time_s"),
    [
        (lambda seed: noisy(0.05, 0.2, seed), 40.0),
        (lambda seed: exponential(0.05, seed), 40.0),
        (lambda seed: fixed(0.05), 20.0),
    ],
    ids=["noisy", "exponential", "fixed"],
)
@pytest.mark.parametrize("cell_s", [0.01, 0.08])
def test_a_load_without_waves_has_the_same_figures(service, run_time_s, seed, cell_s):
    found, view = random_load(100, 50.0, service(seed), run_time_s, 0.05)
    cells = folded(found, cell_s=cell_s)
    was, now = (
        figures(found, find_window(view)),
        figures(cells, find_window(view_like(view, cells))),
    )
    assert now.rate_rps == pytest.approx(was.rate_rps, rel=RATE)
    assert was.latency is not None
    assert now.latency is not None
    # The windows' edges differ by a few cells.
    assert now.latency.mean_s == pytest.approx(was.latency.mean_s, rel=0.002)


def test_a_load_that_drifts_is_not_steady_either_way():
    found, view = random_load(100, 50.0, drifting(0.05, 0.05), 60.0, 0.05)
    assert isinstance(find_window(view), NotSteady)
    assert isinstance(find_window(view_like(view, folded(found, cell_s=0.16))), NotSteady)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000), start=st.floats(2, 8), cycles=st.integers(5, 20))
def test_of_one_window_percentiles_are_within_the_stated_precision(seed, start, cycles):
    """The same requests but for those in the cells that the window's edges cut."""
    found, _ = random_load(50, 50.0, exponential(0.05, seed), 15.0, 0.05)
    cells = folded(found)
    window = Window(start, start + cycles * 0.25, 0.25, cycles)
    was, now = figures(found, window), figures(cells, window)
    assert now.rate_rps == pytest.approx(was.rate_rps, rel=RATE)
    assert now.requests == pytest.approx(was.requests, abs=25)
    assert was.latency is not None
    assert now.latency is not None
    order = np.sort(statistics.completed_within(found, window).latency_s)
    for percent in PERCENTILES:
        value = now.latency.percentiles_s[percent]
        if value is not None:
            # The ranks move with the requests at the edges.
            ranks = len(order) * percent / 100 + np.array([-26, 25])
            low, high = np.clip(np.ceil(ranks), 0, len(order) - 1).astype(int)
            assert order[low] * 0.995 <= value <= order[high] * 1.005


def test_of_whole_cells_mean_and_extremes_are_exact():
    found, _ = random_load(50, 50.0, exponential(0.05, 7), 15.0, 0.05)
    was, now = statistics.whole_run(found), statistics.whole_run(folded(found))
    assert (now.requests, now.failures) == (was.requests, was.failures)
    assert now.rate_rps == pytest.approx(was.rate_rps, rel=RATE)
    assert was.latency is not None
    assert now.latency is not None
    assert now.latency.mean_s == pytest.approx(was.latency.mean_s, rel=1e-12)
    assert now.latency.min_s == pytest.approx(was.latency.min_s, rel=1e-9)
    assert now.latency.max_s == pytest.approx(was.latency.max_s, rel=1e-9)


def test_shapes_count_every_request():
    found, _ = random_load(50, 50.0, exponential(0.05, 8), 15.0, 0.05)
    cells = folded(found)
    rates = statistics.timeline(cells, 15.0)
    assert sum(rates.rates_rps) * rates.bin_s == pytest.approx(len(found))
    bars = statistics.histogram(cells)
    assert bars is not None
    assert sum(bars.counts) == len(found)


def test_what_completed_too_late_was_in_flight():
    found = folded(builders.samples([1.0, 1.0, 5.0, 5.0, 5.0], 1.0, cut_off_s=[2.0]))
    cut = statistics.until(replace(found, cut_off_s=np.array([2.0])), 5.5)
    assert cut.requests == 2
    assert cut.cut_off_s.tolist() == pytest.approx([2.0, 5.0, 5.0, 5.0])


def test_enough_goes_by_the_requests_and_not_by_their_entries():
    found, _ = random_load(200, 400.0, fixed(0.5), 12.0, 0.5)
    measured = [Measured(synthetic.ITEMS, builders.alone(0.5), folded(found, cell_s=0.03))]
    view = view_of(measured, 0.5, 12.0)
    assert len(view.start_s) < 500 < view.requests
    assert view_is_enough(view)


# The whole analysis


def folded_run(run):
    return replace(
        run,
        loads=tuple(
            replace(
                load, measured=tuple(replace(m, samples=folded(m.samples)) for m in load.measured)
            )
            for load in run.loads
        ),
    )


def run_of(*seeds, scale=1.0):
    loads = (
        synthetic.load(
            synthetic.samples(synthetic.noisy(np.random.default_rng(seed), 3000, scale)), number
        )
        for number, seed in enumerate(seeds, start=1)
    )
    # The last answer has come a moment before the end, whatever it is rounded to.
    return synthetic.run(*(replace(load, duration_s=load.duration_s + 1e-6) for load in loads))


@pytest.mark.parametrize("seeds", [(1,), (2, 3, 4)])
def test_a_diagnosis_says_how_finely_it_knows(seeds):
    run = run_of(*seeds)
    [was] = diagnose(run).endpoints
    [now] = diagnose(folded_run(run)).endpoints
    assert was.folded is None
    assert now.folded is not None
    assert now.folded.requests == now.whole.requests == was.whole.requests
    assert (now.folded.precision.time_s, now.folded.precision.latency) == (0.01, 0.005)
    assert now.limiter is not None
    assert was.limiter is not None
    assert now.limiter.kind == was.limiter.kind
    assert now.steady.rate_rps == pytest.approx(was.steady.rate_rps, rel=RATE)
    for percent, value in was.steady.latency.percentiles_s.items():
        found = now.steady.latency.percentiles_s[percent]
        assert found == pytest.approx(value, rel=0.02) if value else found is None


def test_repetitions_may_be_folded_or_not():
    run = run_of(1, 2)
    mixed = replace(run, loads=(folded_run(run).loads[0], run.loads[1]))
    [was], [now] = diagnose(run).endpoints, diagnose(mixed).endpoints
    assert now.steady.requests == pytest.approx(was.steady.requests, rel=0.02)
    assert now.steady.latency.mean_s == pytest.approx(was.steady.latency.mean_s, rel=0.005)
    assert now.folded.requests == len(run.loads[0].measured[0].samples)
    assert [r.folded is None for r in now.repetitions] == [False, True]


@pytest.mark.parametrize(("scale", "verdict"), [(1.0, None), (1.3, "worse")])
def test_two_runs_compare_alike(scale, verdict):
    base, new = run_of(1), run_of(2, scale=scale)
    was, now = (
        compare(a, b, np.random.default_rng(1989)).endpoints[0]
        for a, b in ((base, new), (folded_run(base), folded_run(new)))
    )
    assert verdict in (None, now.verdict)
    assert len(now.changes) == len(METRICS)
    for before, after in zip(was.changes, now.changes, strict=True):
        assert after.verdict == before.verdict
        for bound in ("ratio", "low", "high"):
            assert getattr(after, bound) == pytest.approx(getattr(before, bound), rel=0.02)


def test_a_mix_has_the_same_limits():
    random = np.random.default_rng(11)
    found = synthetic.samples(synthetic.noisy(random, 4000))
    halves = [found.where(random.random(len(found)) < share) for share in (0.7, 0.3)]
    ends = [Endpoint("GET", "/a"), Endpoint("GET", "/b")]
    load = synthetic.load(found)
    measured = tuple(
        Measured(end, builders.alone(0.05), half) for end, half in zip(ends, halves, strict=True)
    )
    run = synthetic.run(replace(load, name="mix", measured=measured))
    assert len(measurements(run)) == 2
    for was, now in zip(diagnose(run).endpoints, diagnose(folded_run(run)).endpoints, strict=True):
        assert now.steady.rate_rps == pytest.approx(was.steady.rate_rps, rel=0.01)
        assert (now.ceiling_rps, now.limiter) == (was.ceiling_rps, was.limiter)
