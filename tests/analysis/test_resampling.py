"""What the bootstrap promises: intervals that hold the truth about as often as they say."""

import math
from dataclasses import replace

import numpy as np
import pytest

from asyncperf.analysis.comparison import difference
from asyncperf.analysis.resampling import (
    LEAST_BLOCKS,
    MAX_BLOCKS,
    PERCENTS,
    blocks_of,
    half_width,
    least_requests,
    quietest_phase,
    response_share,
    student_t,
    tied,
    uncertainties,
)
from asyncperf.results import Window
from asyncperf.samples import Samples

from ..builders import PLAN, load_of, run_of
from .synthetic import ar1, blocks, samples

RATIO = 1.2


def completions(ends_s, latency_s=0.1):
    n = len(ends_s)
    ends_s = np.asarray(ends_s, dtype=float)
    return Samples(
        start_s=ends_s - latency_s,
        latency_s=np.full(n, latency_s),
        status=np.full(n, 200, dtype=np.int32),
        ok=np.full(n, True),
        received_bytes=np.zeros(n, dtype=np.int64),
        cut_off_s=np.empty(0),
        errors={},
    )


@pytest.mark.parametrize(
    ("freedom", "quantile"),
    # Abramowitz and Stegun, table 26.10
    [(1, 12.706), (2, 4.303), (3, 3.182), (5, 2.571), (10, 2.228), (30, 2.042), (1e9, 1.960)],
)
def test_students_quantile(freedom, quantile):
    assert student_t(0.975, freedom) == pytest.approx(quantile, rel=0.002)


# Blocks


def test_blocks_are_whole_cycles_at_the_end_of_the_window():
    ends_s = np.arange(10.05, 110, 0.1)
    found = blocks_of(completions(ends_s), Window(10.0, 110.0, 1.0, 100))
    assert (found.count, found.block_s) == (25, 4.0)  # 100 cycles, at most 30 blocks
    assert np.bincount(found.block).tolist() == [40] * 25


def test_cycles_that_fill_no_block_are_left_out_at_the_start():
    ends_s = np.arange(10.05, 73, 0.1)
    found = blocks_of(completions(ends_s), Window(10.0, 73.0, 1.0, 63))
    assert (found.count, found.block_s) == (21, 3.0)
    found = blocks_of(completions(ends_s), Window(11.0, 73.0, 1.0, 62))
    assert (found.count, len(found.latency_s)) == (20, 600)


def test_no_cut_goes_through_a_wave():
    """Eighty at once, every fifteen seconds: right where the window begins and ends."""
    random = np.random.default_rng(1)
    ends_s = np.sort(
        np.concatenate([10 + 15 * k + random.normal(0, 0.3, 80) for k in range(1, 13)])
    )
    found = blocks_of(completions(ends_s, 15), Window(10.0, 190.0, 15.0, 12))
    assert np.bincount(found.block).tolist() == [80] * 11


def test_even_completions_are_cut_at_the_edge():
    assert quietest_phase(np.arange(0.05, 100, 0.1), 1.0) == 0


def test_failures_are_in_no_block():
    found = completions(np.arange(0.05, 30, 0.1))
    found.ok[: len(found) // 2] = False
    assert len(blocks_of(found, Window(0.0, 30.0, 1.0, 30)).latency_s) == 150


def test_too_short_a_window_has_no_blocks():
    assert blocks_of(completions([1.0, 2.0]), Window(0.0, 3.0, 3.0, 1)) is None


def test_blocks_grow_until_neighbours_differ():
    random = np.random.default_rng(2)
    assert blocks(random.normal(1, 0.1, 3000)).count == MAX_BLOCKS
    slow = blocks(1 + ar1(random, 3000, 500, 0.1))
    assert LEAST_BLOCKS <= slow.count <= MAX_BLOCKS // 2
    assert slow.block_s > 1


# Coverage


def figure(name, repetitions):
    together = np.sort(np.concatenate([found.latency_s for found in repetitions]))
    if name == "mean":
        return together.mean()
    return together[math.ceil(len(together) * PERCENTS[name] / 100) - 1]


def coverage(simulations, requests, repetitions=1, between=0.0, memory=5.0):
    """How often the interval of each figure holds the true ratio."""
    held = {}
    for seed in range(simulations):
        random = np.random.default_rng(seed)

        def side(scale, random=random):
            shifts = random.normal(0, between, repetitions)
            logs = [shift + ar1(random, requests, memory, 0.2) for shift in shifts]
            return [blocks(scale * np.exp(log)) for log in logs]

        base, new = side(1.0), side(RATIO)
        of_base, of_new = uncertainties(base, random), uncertainties(new, random)
        for name in ("mean", "p50", "p95"):
            error = math.log(figure(name, new) / figure(name, base) / RATIO)
            held.setdefault(name, []).append(
                abs(error) <= half_width(difference(of_base[name], of_new[name]))
            )
    return {name: np.mean(values) for name, values in held.items()}


@pytest.mark.parametrize("memory", [1, 10])
def test_an_interval_holds_the_truth_about_as_often_as_it_says(memory):
    """With 100 simulations of 95 %, two standard errors are 4 %; long memory in a short run
    is known to cost a little."""
    for name, share in coverage(100, 900, memory=memory).items():
        assert 0.86 <= share <= 1.0, name


def test_drawing_single_requests_would_be_far_too_sure():
    """The reason for blocks: with a block per request the intervals hold nothing."""
    held = 0
    for seed in range(60):
        random = np.random.default_rng(seed)
        logs = [ar1(random, 900, 20, 0.2) for _ in range(2)]
        error = np.mean(logs[1]) - np.mean(logs[0])
        held += abs(error) <= 1.96 * math.sqrt(2 * 0.2**2 / 900)
    assert held / 60 < 0.6


@pytest.mark.parametrize("repetitions", [2, 4])
def test_noise_between_repetitions_is_in_the_interval(repetitions):
    found = coverage(60, 200, repetitions, between=0.05, memory=2)
    for name, share in found.items():
        assert share >= 0.88, name


def test_repetitions_that_agree_by_luck_do_not_hide_the_noise_within():
    random = np.random.default_rng(3)
    one = blocks(np.exp(ar1(random, 900, 5, 0.2)))
    [alone] = [uncertainties([one], random)["mean"]]
    twice = uncertainties([one, one], random)["mean"]
    assert twice.error == pytest.approx(alone.error / math.sqrt(2), rel=0.2)
    assert twice.freedom == 2 * alone.freedom


def test_scatter_between_repetitions_widens_the_interval():
    random = np.random.default_rng(4)
    calm = [blocks(np.exp(ar1(random, 600, 2, 0.05))) for _ in range(5)]
    apart = [
        blocks(np.exp(shift + ar1(random, 600, 2, 0.05))) for shift in (-0.1, -0.05, 0, 0.05, 0.1)
    ]
    assert uncertainties(apart, random)["mean"].error == pytest.approx(
        np.std([-0.1, -0.05, 0, 0.05, 0.1], ddof=1) / math.sqrt(5), rel=0.15
    )
    assert uncertainties(calm, random)["mean"].error < 0.01


def test_the_error_of_a_rate_is_that_of_its_counts():
    """Poisson arrivals: the standard error of log(rate) is 1 / sqrt(requests)."""
    random = np.random.default_rng(5)
    ends_s = np.sort(random.uniform(0, 300, 9000))
    found = blocks_of(completions(ends_s), Window(0.0, 300.0, 1.0, 300))
    error = uncertainties([found], random)["rate"].error
    assert error == pytest.approx(1 / math.sqrt(9000), rel=0.35)


def test_a_rate_of_equal_waves_is_no_surer_than_their_latency():
    """Eighty of 160 users are answered each tenth of a second, so that every block counts
    the same; how long their waves took scatters."""
    random = np.random.default_rng(7)
    ends_s = np.repeat(np.arange(0.05, 10, 0.1), 80)
    waves_s = np.repeat(random.normal(0.2, 0.02, 100), 80)
    load = replace(completions(ends_s), start_s=ends_s - waves_s, latency_s=waves_s)
    found = uncertainties([blocks_of(load, Window(0.0, 10.0, 0.1, 100))], random)
    assert found["rate"].error < 1e-12
    assert found["mean"].error > 0.005
    assert tied(found, 1.0)["rate"].error == found["mean"].error
    # With as long a wait of the user's own, half of its turn is certain.
    assert tied(found, 0.5)["rate"].error == found["mean"].error / 2
    assert tied(found, None) == found
    assert tied({"rate": None, "mean": None}, 1.0) == {"rate": None, "mean": None}


@pytest.mark.parametrize(
    ("plan", "endpoints", "share"),
    [
        ({}, 1, 1.0),
        ({"think_time_s": 0.6}, 1, 0.25),
        ({"model": "open", "rate_rps": 5.0}, 1, None),
        ({}, 2, None),
    ],
)
def test_what_of_a_turn_is_the_response(plan, endpoints, share):
    load = load_of(*load_of().measured * endpoints)
    run = run_of(load, plan=replace(PLAN, **plan))
    assert response_share(run, load, 0.2) == (share and pytest.approx(share))


def test_a_percentile_without_enough_behind_it_has_no_interval():
    random = np.random.default_rng(6)
    few = uncertainties([blocks(random.lognormal(0, 0.1, least_requests("p99") - 1))], random)
    assert few["p99"] is None
    assert few["p95"] is not None
    enough = uncertainties([blocks(random.lognormal(0, 0.1, least_requests("p99")))], random)
    assert enough["p99"] is not None


def test_what_never_varies_has_no_error():
    found = uncertainties([blocks(np.full(3000, 0.5))], np.random.default_rng(7))
    assert {name: round(known.error, 12) for name, known in found.items()} == dict.fromkeys(
        ("rate", "mean", "p50", "p95", "p99"), 0.0
    )


def test_the_same_seed_gives_the_same_errors():
    one = blocks(np.exp(ar1(np.random.default_rng(8), 600, 5, 0.2)))
    first, second = (uncertainties([one], np.random.default_rng(9)) for _ in range(2))
    assert first == second


def test_a_load_of_its_own_making_is_steady_enough_for_blocks():
    found = samples(np.full(2000, 0.05))
    assert blocks_of(found, Window(1.0, 5.0, 0.05, 80)).count >= 2
