"""The rate in the steady window against arithmetic, for loads simulated exactly."""

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asyncperf.analysis.statistics import completed_within, steady_figures
from asyncperf.analysis.steady import LoadView, NotSteady, find_window, settle_time, wave_near
from asyncperf.results import Window
from asyncperf.samples import Samples

from .closed_load import (
    ClosedLoad,
    drifting,
    exponential,
    fixed,
    noisy,
    samples,
    simulate,
    together,
    until,
    warming_up,
)

# How far the rate may be from arithmetic where nothing is random.
EXACT = 0.002


@dataclass(frozen=True)
class Shape:
    """A load with a fixed service time, and the run lengths that are tried on it."""

    users: int
    spawn_rate: float
    response_s: float
    shortest_s: float
    longest_s: float
    places: int | None = None
    burst_ramp: bool = False

    @property
    def load(self) -> ClosedLoad:
        service = fixed(self.response_s)
        return ClosedLoad(self.users, self.spawn_rate, service, self.places, self.burst_ramp)

    @property
    def true_rps(self) -> float:
        return min(self.places or self.users, self.users) / self.response_s


# Run lengths span at least a cycle, so that the end cuts the waves at every phase.
SHAPES = {
    "published, 15 s": Shape(500, 50, 15, 280, 300),
    "published, 5 s": Shape(500, 50, 5, 280, 300),
    "published, pool": Shape(500, 50, 15, 280, 300, places=80),
    "Locust's ramp, 15 s": Shape(500, 50, 15, 280, 300, burst_ramp=True),
    "Locust's ramp, 5 s": Shape(500, 50, 5, 280, 300, burst_ramp=True),
    "Locust's ramp, pool": Shape(500, 50, 15, 280, 300, places=80, burst_ramp=True),
    "a tenth, 1.5 s": Shape(500, 50, 1.5, 20, 40),
    "a tenth, 0.5 s": Shape(500, 50, 0.5, 20, 30),
    "a tenth, pool": Shape(500, 50, 1.5, 40, 60, places=80),
    "a tenth, Locust's ramp, 1.5 s": Shape(500, 50, 1.5, 20, 40, burst_ramp=True),
    "a tenth, Locust's ramp, pool": Shape(500, 50, 1.5, 40, 60, places=80, burst_ramp=True),
    "one user more than places": Shape(81, 50, 1.5, 20, 40, places=80),
    "users that do not divide": Shape(123, 17, 2.3, 30, 50),
    "a few users": Shape(7, 50, 1.0, 30, 60),
    "a few users, long waits": Shape(41, 50, 5.0, 60, 90),
    "a hundred at once": Shape(100, 100_000, 1.0, 10, 20),
    "pool of one worker": Shape(300, 300, 2.1, 40, 60, places=40),
}
# Where the ramp fills every cycle evenly there are no waves, and a naive count is right.
WAVES = ("published, 15 s", "published, pool", "Locust's ramp, pool", "a few users, long waits")


@cache
def simulated(name: str) -> Samples:
    shape = SHAPES[name]
    return simulate(shape.load, shape.longest_s)


def view_at(name: str, run_time_s: float) -> LoadView:
    """The load as it stood after so long, which is what a shorter run would have seen."""
    shape = SHAPES[name]
    return replace(
        until(simulated(name), run_time_s),
        ramp_end_s=shape.load.ramp_s,
        response_s=(shape.response_s,),
    )


def view_of(load: ClosedLoad, run_time_s: float, response_s: float) -> LoadView:
    found = until(simulate(load, run_time_s), run_time_s)
    return replace(found, ramp_end_s=load.ramp_s, response_s=(response_s,))


def rate_rps(view: LoadView, window: Window | NotSteady) -> float:
    """What a report would quote."""
    assert isinstance(window, Window), window
    found = samples(view.start_s, view.latency_s)
    rate = steady_figures(completed_within(found, window), window).rate_rps
    assert rate is not None
    return rate


def naive_rate_rps(view: LoadView) -> float:
    """All completions after the ramp had settled, by the time from there to the end."""
    assert view.ramp_end_s is not None
    from_s = settle_time(view, view.ramp_end_s)
    assert from_s is not None
    ends = view.start_s + view.latency_s
    return float((ends >= from_s).sum()) / (view.duration_s - from_s)


# Exact loads


@pytest.mark.parametrize("name", SHAPES)
@settings(max_examples=15, deadline=None)
@given(share=st.floats(0, 1))
def test_rate_is_that_of_arithmetic_wherever_the_run_ends(name, share):
    shape = SHAPES[name]
    view = view_at(name, shape.shortest_s + share * (shape.longest_s - shape.shortest_s))
    rate = rate_rps(view, find_window(view))
    assert rate == pytest.approx(shape.true_rps, rel=EXACT)


@pytest.mark.parametrize("name", SHAPES)
@settings(max_examples=25, deadline=None)
@given(share=st.floats(0, 1))
def test_however_early_a_window_is_quoted_its_rate_is_right(name, share):
    """A run is looked at all the time while it grows; three cycles are the least."""
    shape = SHAPES[name]
    view = view_at(name, share * shape.shortest_s)
    window = find_window(view)
    if isinstance(window, Window):
        assert rate_rps(view, window) == pytest.approx(shape.true_rps, rel=0.01)


@pytest.mark.parametrize("name", WAVES)
def test_a_naive_count_is_wrong_where_it_cuts_a_wave(name):
    """Else the test above could not fail."""
    shape = SHAPES[name]
    views = [view_at(name, at) for at in np.linspace(shape.shortest_s, shape.longest_s, 40)]
    errors = [abs(naive_rate_rps(view) / shape.true_rps - 1) for view in views]
    assert max(errors) > 0.01


@pytest.mark.parametrize("name", SHAPES)
def test_window_lies_between_the_ramp_and_the_end(name):
    view = view_at(name, SHAPES[name].longest_s)
    window = find_window(view)
    assert isinstance(window, Window)
    assert SHAPES[name].load.ramp_s <= window.start_s < window.end_s <= view.duration_s
    assert window.length_s == pytest.approx(window.cycles * window.cycle_s)


@pytest.mark.parametrize("name", ["published, 15 s", "published, pool", "a few users, long waits"])
def test_cycle_is_the_time_after_which_the_waves_come_round(name):
    window = find_window(view_at(name, SHAPES[name].longest_s))
    assert isinstance(window, Window)
    assert window.cycle_s == pytest.approx(SHAPES[name].response_s, rel=0.01)


def test_users_pinned_to_the_busier_of_two_workers_do_not_disturb_the_rate():
    """Keep-alive connections are not balanced, so one pool's queue is longer."""
    busier = simulate(ClosedLoad(300, 30, fixed(1.5), places=40), 90)
    calmer = simulate(ClosedLoad(200, 20, fixed(1.5), places=40), 90)
    view = replace(until(together(busier, calmer), 90), ramp_end_s=10.0, response_s=(1.5,))
    assert rate_rps(view, find_window(view)) == pytest.approx(80 / 1.5, rel=EXACT)


def test_response_time_may_be_unknown():
    view = replace(view_at("published, 15 s", 300), response_s=())
    assert rate_rps(view, find_window(view)) == pytest.approx(500 / 15, rel=EXACT)


# Noise


@pytest.mark.parametrize(("share", "tolerance"), [(0.01, 0.002), (0.02, 0.004), (0.05, 0.01)])
@pytest.mark.parametrize(
    ("response_s", "places", "run_time_s"),
    [(1.5, None, 37.3), (1.5, 80, 61.7), (5.0, None, 98.1), (15.0, None, 233.0)],
)
def test_rate_withstands_noise_on_the_response_time(
    share, tolerance, response_s, places, run_time_s
):
    load = ClosedLoad(500, 50, noisy(response_s, share, seed=1), places)
    view = view_of(load, run_time_s, response_s)
    rate = rate_rps(view, find_window(view))
    assert rate == pytest.approx((places or 500) / response_s, rel=tolerance)


@pytest.mark.parametrize("places", [None, 80])
def test_rate_withstands_exponential_service_times(places):
    """Within three standard errors of so many independent completions."""
    view = view_of(ClosedLoad(500, 50, exponential(0.5, seed=1), places), 200, 0.5)
    true_rps = (places or 500) / 0.5
    assert rate_rps(view, find_window(view)) == pytest.approx(
        true_rps, rel=3 / np.sqrt(150 * true_rps)
    )


@pytest.mark.parametrize("seed", range(10))
def test_completions_at_random_have_no_period(seed):
    random = np.random.default_rng(seed)
    for rate in (5, 50, 300):
        for length_s in (10.3, 47.1, 118.8):
            ends = np.sort(random.uniform(0, length_s, random.poisson(rate * length_s)))
            for response_s in (0.3, 1.5, 4.0):
                assert wave_near(ends, response_s) is None, (rate, length_s, response_s)


@pytest.mark.parametrize("length_s", np.linspace(20, 26, 7))
def test_an_even_flow_has_no_period(length_s):
    assert wave_near(np.arange(0, length_s, 0.003), 4.0) is None


def test_a_weak_wave_has_a_period():
    """One user in ten comes in a wave every two seconds."""
    random = np.random.default_rng(1)
    flow = random.uniform(0, 60, 5400)
    waves = 2.0 * random.integers(0, 30, 600) + random.normal(1, 0.1, 600)
    assert wave_near(np.sort(np.concatenate([flow, waves])), 1.8) == pytest.approx(2.0, rel=0.01)


# Not steady


@pytest.mark.parametrize("places", [None, 80])
@pytest.mark.parametrize("per_s", [0.002, 0.005, 0.01, 0.02])
@pytest.mark.parametrize("run_time_s", [60.0, 90.0, 120.0, 200.0])
def test_a_response_time_that_drifts_is_not_steady(places, per_s, run_time_s):
    view = view_of(ClosedLoad(500, 50, drifting(1.5, per_s), places), run_time_s, 1.5)
    assert isinstance(find_window(view), NotSteady)


@pytest.mark.parametrize("places", [None, 80])
@pytest.mark.parametrize("factor", [1.1, 1.5, 3.0])
@pytest.mark.parametrize("run_time_s", [90.0, 120.0, 200.0])
def test_a_warm_up_is_cut_away(places, factor, run_time_s):
    """Or, where it took most of the run, there is no window."""
    load = ClosedLoad(500, 50, warming_up(1.5, factor, until_s=30), places)
    view = view_of(load, run_time_s, 1.5)
    window = find_window(view)
    if run_time_s == 200.0 or isinstance(window, Window):
        assert rate_rps(view, window) == pytest.approx((places or 500) / 1.5, rel=0.005)


def test_no_more_than_a_warm_up_is_cut_away():
    view = view_of(ClosedLoad(500, 50, warming_up(1.5, 1.5, until_s=30)), 200, 1.5)
    window = find_window(view)
    assert isinstance(window, Window)
    assert window.start_s < 45


def varying(seed, growth=1.0):
    """A user every 4 ms for 10 s; a busy machine makes each stretch of 0.2 s slower or faster, by
    a fifth, and in all they take `growth` times as long at the end."""
    start_s = np.arange(0, 10, 0.004)
    stretch = np.random.default_rng(seed).lognormal(0, 0.2, 51)[(start_s / 0.2).astype(int)]
    latency_s = 0.003 * stretch * (1 + (growth - 1) * start_s / 10)
    return LoadView(start_s, latency_s, 0.1, 10.0, (0.203,))


def halves_differ(view):
    first, second = (part.mean() for part in np.array_split(view.latency_s, 2))
    return abs(first - second) > 0.1 * min(first, second)


def test_answers_that_vary_with_the_machine_are_steady_all_the_same():
    views = [varying(seed) for seed in range(60)]
    assert sum(map(halves_differ, views)) >= 3
    assert all(isinstance(find_window(view), Window) for view in views)


def test_no_noise_excuses_a_drift():
    views = [varying(seed, growth=2.0) for seed in range(20)]
    assert not any(isinstance(find_window(view), Window) for view in views)


def test_a_warm_up_of_more_than_half_the_load_is_not_steady():
    """A window over both halves would quote a rate that never was: 40 % too low."""
    view = view_of(ClosedLoad(500, 50, warming_up(1.5, 3.0, until_s=40)), 60, 1.5)
    assert isinstance(find_window(view), NotSteady)


@pytest.mark.parametrize(
    ("run_time_s", "why"),
    [
        (12.0, "no request sent after the ramp was answered"),
        (31.0, "requests completed after the ramp had settled, 100 are needed"),
        (50.0, "less than 5 cycles of"),
    ],
)
def test_a_load_that_is_too_short_says_so_and_what_to_do(run_time_s, why):
    window = find_window(view_of(ClosedLoad(500, 50, fixed(15)), run_time_s, 15))
    assert isinstance(window, NotSteady)
    assert why in window.why
    assert "-t" in window.why


def test_a_ramp_that_never_ended_is_not_steady():
    view = replace(view_at("a tenth, 1.5 s", 30), ramp_end_s=None)
    assert find_window(view) == NotSteady("the load ended before all users had started")


@pytest.mark.parametrize(("requests", "steady"), [(99, False), (100, True)])
def test_a_hundred_requests_are_needed_after_the_ramp(requests, steady):
    start = np.arange(requests) * 0.1
    found = LoadView(start, np.full(requests, 0.05), 0.02, requests * 0.1, (0.05,))
    window = find_window(found)
    assert isinstance(window, Window) is steady
    if not steady:
        assert "99 requests completed" in window.why
        assert "100 are needed" in window.why


# Requests that hang


def test_a_request_that_is_never_answered_does_not_matter():
    view = view_at("a tenth, 1.5 s", 40)
    assert isinstance(find_window(view), Window)  # it is among those cut off, not here


@pytest.mark.parametrize("hung_s", [5.0, 30.0, 100.0, 116.0])
def test_one_request_that_is_answered_late_does_not_hold_up_the_window(hung_s):
    load = simulate(ClosedLoad(500, 50, fixed(1.5)), 120)
    found = together(load, samples(np.array([3.0]), np.array([hung_s])))
    view = replace(until(found, 120), ramp_end_s=10.0, response_s=(1.5,))
    window = find_window(view)
    assert rate_rps(view, window) == pytest.approx(500 / 1.5, rel=EXACT)
    assert window.start_s < 20


# Whatever comes


@st.composite
def views(draw):
    """Any load whatever, mostly with enough requests to reach the later steps."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = draw(st.integers(0, 120) | st.integers(100, 1500))
    length_s = draw(st.sampled_from([1e-6, 1e-3, 1.0, 60.0, 1e6]))
    kind = draw(st.sampled_from(["even", "random", "at once", "in waves", "two clumps"]))
    start = {
        "even": np.linspace(0, length_s, n),
        "random": random.uniform(0, length_s, n),
        "at once": np.full(n, length_s / 3),
        "in waves": length_s / 7 * random.integers(0, 7, n),
        "two clumps": np.where(np.arange(n) < n // 2, 0.0, length_s),
    }[kind]
    share = draw(st.sampled_from([0.0, 1e-12, 1e-6, 1e-3, 0.1, 1.0, 10.0]))
    latency = share * length_s * random.uniform(0, 1, n) ** draw(st.sampled_from([0, 1, 20]))
    order = np.argsort(start + latency, kind="stable")
    shares = st.just(0.0) | st.floats(1e-6, 2)
    return LoadView(
        start[order],
        latency[order],
        draw(st.none() | shares.map(lambda share: share * length_s)),
        draw(shares) * length_s,
        tuple(share * length_s for share in draw(st.lists(shares, max_size=2))),
    )


@settings(max_examples=300, deadline=None)
@given(views())
def test_any_load_has_a_window_or_a_reason(view):
    window = find_window(view)
    if isinstance(window, NotSteady):
        assert window.why
        return
    assert window.cycles >= 3
    assert window.start_s < window.end_s <= view.duration_s
    assert np.isfinite(rate_rps(view, window))


@pytest.mark.parametrize("latency_s", [0.0, 1e-9, 1e-4])
def test_very_fast_responses_make_no_endless_number_of_cycles(latency_s):
    """The search compares every truncation, so its time grows with the square of the cycles."""
    start = np.arange(0, 4, 0.001)
    view = LoadView(start, np.full(len(start), latency_s), 0.01, 4.0, (latency_s,))
    window = find_window(view)
    assert isinstance(window, Window)
    assert window.cycles <= 1000
