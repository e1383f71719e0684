"""The verdicts on two runs whose true difference is known."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asyncperf.analysis.comparison import (
    METRICS,
    compare,
    decide,
    difference,
    matched,
    more_data,
    summed_up,
)
from asyncperf.analysis.incomparable import differences
from asyncperf.analysis.resampling import Uncertainty, half_width
from asyncperf.model import Endpoint, GeneratorHealth, Machine

from .synthetic import ITEMS, load, noisy, run, samples

SLOW = Endpoint("GET", "/slow")


def loads(seed, *, scale=1.0, requests=1500, repeat=1, between=0.01, memory=3.0, endpoint=ITEMS):
    random = np.random.default_rng(seed)
    shifts = np.exp(random.normal(0, between, repeat)) * scale
    return [
        load(samples(noisy(random, requests, shift, memory)), number, endpoint)
        for number, shift in enumerate(shifts, start=1)
    ]


def made(seed, **how):
    return run(*loads(seed, **how))


def compared(base, new, **how):
    return compare(base, new, np.random.default_rng(1989), **how)


def scaled(original, factor):
    """The same run with every time of it multiplied."""

    def slower(found):
        times = {name: getattr(found, name) * factor for name in ("start_s", "latency_s")}
        return replace(found, **times)

    return replace(
        original,
        loads=tuple(
            replace(
                one,
                duration_s=one.duration_s * factor,
                ramp_end_s=one.ramp_end_s * factor,
                measured=tuple(
                    replace(m, unloaded=slower(m.unloaded), samples=slower(m.samples))
                    for m in one.measured
                ),
            )
            for one in original.loads
        ),
    )


# What must never, and what must always be said


@settings(max_examples=15, deadline=None)
@given(
    st.integers(0, 10**6), st.integers(1, 3), st.sampled_from([1.0, 10.0]), st.sampled_from([0, 3])
)
def test_a_run_against_itself_is_neither_better_nor_worse(seed, repeat, memory, percent):
    same = made(seed, requests=600, repeat=repeat, memory=memory)
    [endpoint] = compared(same, same, at_least=percent / 100).endpoints
    for change in endpoint.changes:
        assert change.verdict in ("no_difference_shown", "cannot_tell")
        assert change.ratio in (None, 1.0)
        if change.low is not None:
            assert change.low <= 1 <= change.high


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([1, 3]))
def test_times_a_fifth_longer_are_worse_and_the_other_way_round_better(seed, repeat):
    base = made(seed, repeat=repeat, between=0.002, requests=1500)
    slower = scaled(base, 1.2)
    [endpoint] = compared(base, slower).endpoints
    assert endpoint.verdict == "worse"
    by_metric = {change.metric: change for change in endpoint.changes}
    assert by_metric["mean"].verdict == by_metric["rate"].verdict == "worse"
    # Rounding may move a request over the window's edge.
    assert by_metric["mean"].ratio == pytest.approx(1.2, rel=0.005)
    assert by_metric["rate"].ratio == pytest.approx(1 / 1.2, rel=0.001)
    [endpoint] = compared(slower, base).endpoints
    assert endpoint.verdict == "better"


def test_two_runs_of_one_app_seldom_differ():
    """40 pairs whose repetitions really scatter by 2 %: hardly a false alarm."""
    verdicts = []
    for seed in range(40):
        pair = [made(2 * seed + k, repeat=3, between=0.02, requests=500) for k in range(2)]
        verdicts += [endpoint.verdict for endpoint in compared(*pair).endpoints]
    assert sum(verdict in ("better", "worse") for verdict in verdicts) <= 2


def test_the_interval_of_whole_runs_holds_the_true_ratio():
    held = {metric: [] for metric in METRICS}
    for seed in range(40):
        # The shifts between runs are not in the interval of a single run, so there are none.
        base, new = (
            run(*loads(s, requests=900, between=0.0, scale=scale))
            for s, scale in ((1000 + seed, 1.0), (5000 + seed, 1.1))
        )
        for change in compared(base, new).endpoints[0].changes:
            if change.low is not None:
                truth = 1 / 1.1 if change.metric == "rate" else 1.1
                held[change.metric].append(change.low <= truth <= change.high)
    assert held["p99"] == []  # 1,000 requests
    for metric in ("rate", "mean", "p50", "p95"):
        assert np.mean(held[metric]) >= 0.85, metric


# One decision


@pytest.mark.parametrize(
    ("ratio", "reach", "rate_verdict", "time_verdict"),
    [
        # estimate and half-width in per cent, against 3 %
        (+10, 5, "better", "worse"),
        (-10, 5, "worse", "better"),
        (+10, 8, "cannot_tell", "cannot_tell"),  # more than nothing, perhaps less than 3 %
        (+10, 20, "cannot_tell", "cannot_tell"),
        (0, 2, "no_difference_shown", "no_difference_shown"),
        (+2, 0.5, "no_difference_shown", "no_difference_shown"),  # real, and not worth naming
        (0, 5, "cannot_tell", "cannot_tell"),
        (0, 0, "no_difference_shown", "no_difference_shown"),
        (+20, 0, "better", "worse"),
    ],
)
def test_the_whole_interval_decides(ratio, reach, rate_verdict, time_verdict):
    estimate, half = math.log1p(ratio / 100), reach / 100
    assert decide(estimate, half, 0.03, True)[0] == rate_verdict
    assert decide(estimate, half, 0.03, False)[0] == time_verdict


def test_what_cannot_be_told_says_why():
    assert decide(0.0, 0.1, 0.03, False) == ("cannot_tell", "too noisy")
    leaning = ("cannot_tell", "higher, but perhaps by less than 3 %")
    assert decide(math.log(1.1), math.log(1.08), 0.03, False) == leaning


@pytest.mark.parametrize(
    ("ratio", "error", "freedom", "times"),
    [
        (1.0, math.log(1.03) / 1.96 * 2, 1e6, 4.0),  # an interval twice as wide as the margin
        (1.0, math.log(1.03) / 1.96 * 5, 1e6, 25.0),
        (1.1, 1.25 * math.log(1.1 / 1.03) / 1.96, 1e6, 1.25**2),  # beyond the margin it counts
        (1.03, 0.01, 1e6, None),  # on the margin itself
        (1.0, 1.0, 1e6, None),
        (1.0, 0.02, 2.0, 2.83),  # t falls from 4.3 to 2.5 meanwhile, or it would be 8.5
    ],
)
def test_how_much_more_data_it_takes(ratio, error, freedom, times):
    found = more_data(math.log(ratio), Uncertainty(error, freedom), 0.03)
    assert found == (None if times is None else pytest.approx(times, rel=0.03))


@given(st.floats(-1, 1), st.floats(1e-9, 1), st.floats(1, 1e4), st.floats(0, 0.5))
def test_more_data_is_never_less(estimate, error, freedom, at_least):
    times = more_data(estimate, Uncertainty(error, freedom), at_least)
    assert times is None or times >= 1


@given(st.floats(-1, 1), st.floats(0, 1), st.floats(0, 0.5), st.booleans())
def test_better_and_worse_mirror_each_other(estimate, reach, at_least, higher):
    mirrored = {"better": "worse", "worse": "better"}
    verdict, _ = decide(estimate, reach, at_least, higher)
    assert decide(-estimate, reach, at_least, higher)[0] == mirrored.get(verdict, verdict)
    assert decide(estimate, reach, at_least, not higher)[0] == mirrored.get(verdict, verdict)


def test_a_difference_has_the_noise_of_both_runs():
    sure, noisy_one = Uncertainty(0.0, 5.0), Uncertainty(0.01, 29.0)
    assert half_width(difference(sure, sure)) == 0
    assert difference(noisy_one, sure) == Uncertainty(0.01, pytest.approx(29))
    both = difference(noisy_one, noisy_one)
    assert (both.error, both.freedom) == pytest.approx((math.sqrt(2) * 0.01, 58))
    assert half_width(both) == pytest.approx(2.0 * math.sqrt(2) * 0.01, rel=0.01)
    assert difference(Uncertainty(1e-200, 1), sure).freedom == pytest.approx(1)


@pytest.mark.parametrize(
    ("verdicts", "verdict"),
    [
        (["better", "worse", "cannot_tell"], "worse"),
        (["better", "no_difference_shown", "cannot_tell"], "better"),
        (["no_difference_shown", "cannot_tell"], "cannot_tell"),
        (["no_difference_shown"] * 5, "no_difference_shown"),
    ],
)
def test_an_endpoint_is_summed_up(verdicts, verdict):
    assert summed_up(verdicts) == verdict


# Which endpoints


@pytest.mark.parametrize(
    ("base", "new", "pairs"),
    [
        (["GET /a:GET /a"], ["GET /a:GET /a"], [(0, 0)]),
        (["GET /a:GET /a"], ["load 1:GET /a"], [(0, 0)]),  # another engine's name
        (["GET /a:GET /a"], ["POST /a:POST /a"], []),
        (["One:GET /a", "Two:GET /a"], ["Two:GET /a", "One:GET /a"], [(0, 1), (1, 0)]),
        (["One:GET /a", "Two:GET /a"], ["Three:GET /a"], []),  # which one is meant?
    ],
)
def test_endpoints_are_matched_by_method_and_path(base, new, pairs):
    def keys(texts):
        return [(name, *label.split()) for name, label in (text.split(":") for text in texts)]

    base, new = keys(base), keys(new)
    assert matched(base, new) == [(base[a], new[b]) for a, b in pairs]


def test_endpoints_of_one_run_alone_are_named():
    base = run(*loads(1), *loads(2, endpoint=SLOW))
    found = compared(base, run(*loads(3)))
    assert [endpoint.label for endpoint in found.endpoints] == ["GET /items"]
    assert (found.only_in_base, found.only_in_new) == (("GET /slow",), ())


# What cannot be compared, and what must be known first


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"generator": GeneratorHealth(1.0, 0.1)}, "NEW: the load generator used 100%"),
        ({"trouble": "the server exited"}, "NEW: the server exited"),
        ({"ramp_end_s": None}, "NEW: the load ended before all users had started"),
    ],
)
def test_what_cannot_be_trusted_is_not_compared(changes, why):
    [one] = loads(1)
    [endpoint] = compared(run(one), run(replace(one, **changes))).endpoints
    assert endpoint.verdict == "cannot_tell"
    assert all(change.why.startswith(why) for change in endpoint.changes)
    assert all(change.low is None and change.more_data is None for change in endpoint.changes)


def test_a_percentile_with_too_few_requests_says_how_many_it_takes():
    few = made(1, requests=700)
    changes = {c.metric: c for c in compared(few, few).endpoints[0].changes}
    assert changes["p99"].why == "BASE: an interval of p99 takes 1,000 requests"
    assert changes["p95"].low is not None


def test_a_single_run_says_what_its_interval_leaves_out():
    once, often = made(1), made(2, repeat=3)
    [warning] = compared(once, once).warnings
    assert warning.startswith("BASE and NEW measured once: how much runs differ")
    [warning] = compared(often, once).warnings
    assert warning.startswith("NEW measured once")
    assert compared(often, often).warnings == ()


def test_the_same_runs_give_the_same_comparison():
    base, new = made(1), made(2)
    assert compared(base, new) == compared(base, new)


BASE = run(*loads(1))


@pytest.mark.parametrize(
    ("new", "said"),
    [
        (replace(BASE, plan=replace(BASE.plan, users=100)), "not the same users: 20 in BASE"),
        (replace(BASE, plan=replace(BASE.plan, engine="native 0.1")), "not the same load gen"),
        (replace(BASE, target=replace(BASE.target, workers=4)), "not the same workers: 2 in"),
        (replace(BASE, target=replace(BASE.target, python="CPython 3.13")), "not the same Pyth"),
        (replace(BASE, target=replace(BASE.target, server="uvicorn 1")), "not the same server"),
        (replace(BASE, target=replace(BASE.target, access_log=True)), "not the same access log"),
        (
            replace(BASE, machine=Machine("Linux 6.1", 8, "some CPU", 8 << 30, "CPython 3.12.3")),
            "not the same machine: 2 x some CPU",
        ),
        (replace(BASE, status="partial"), "NEW is a partial run"),
        (
            replace(BASE, loads=(replace(BASE.loads[0], generator=GeneratorHealth(1.0, 1.0)),)),
            "NEW is not valid",
        ),
        (replace(BASE, warnings=("a worker died",)), "NEW: a worker died"),
        (
            replace(BASE, target=replace(BASE.target, env_digests={"SECONDS": "abc"})),
            "not the same environment: SECONDS was set in NEW only",
        ),
    ],
)
def test_what_was_not_alike_is_said(new, said):
    [warning] = differences(BASE, new)
    assert warning.startswith(said)
    assert differences(new, new) == () or "NEW" in differences(new, new)[-1]


def test_another_value_of_a_variable_is_said_without_the_value():
    a, b = (
        replace(BASE, target=replace(BASE.target, env_digests={"SECONDS": digest}))
        for digest in ("aaaa", "bbbb")
    )
    assert differences(a, b) == ("not the same environment: SECONDS has another value",)
    assert differences(b, replace(b, target=replace(b.target, env_digests={}))) == (
        "not the same environment: SECONDS was set in BASE only",
    )


def test_runs_that_are_alike_need_no_word():
    assert differences(BASE, BASE) == ()
