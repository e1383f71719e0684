"""What caps a mix: several endpoints that share one load's users, in known shares.

One class of customers whose visits take turns: its demand is the mean of the endpoints'
demands, weighted by their shares, and the laws of `capacity` hold for the whole (Lazowska
et al., "Quantitative System Performance", 1984, section 5.2). An endpoint then has its
share of the whole's ceiling.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from asyncperf.analysis import statistics
from asyncperf.analysis.capacity import (
    THREAD_TOKENS,
    load_limiter,
    measures_pool,
    tightest_first,
)
from asyncperf.analysis.unloaded import unloaded_response_s
from asyncperf.model import Endpoint, Load, LoadPlan, Measured, Run, Target
from asyncperf.results import Limiter, Window

Key = tuple[str, str]
Shares = Mapping[Key, float]
# A load, and its steady window if it has one.
Part = tuple[Load, Window | None]


@dataclass(frozen=True)
class Whole:
    """All requests of a load in its steady window: the rate of its successes and their mean
    latency, how many requests and failures there were, and how many were sent for them."""

    rate_rps: float
    mean_s: float
    requests: int
    failures: int
    sent: int


@dataclass(frozen=True)
class Mix:
    """A load of several endpoints. `shares` are of the requests that were answered in the
    steady window; without one, of the weights. `response_s` is the mean without load;
    `limiters` are those of the whole, the tightest first; `whole` is None where nothing
    succeeded in a steady window.
    """

    shares: Shares
    response_s: float
    limiters: tuple[Limiter, ...]
    whole: Whole | None

    def share(self, endpoint: Endpoint) -> float:
        return self.shares[key_of(endpoint)]


def mix_of(run: Run, parts: Sequence[Part], seen: Sequence[Limiter] = ()) -> Mix | None:
    """A load, or its repetitions together, as a mix; `seen` are its stations. None if it is of
    one endpoint, if it decided itself what to request (a Locust user class), or if one of its
    response times without load is not known."""
    measured = parts[0][0].measured
    weights = weights_of(run.target, measured) if len(measured) > 1 else None
    alone_s = response_times(load for load, _ in parts)
    if weights is None or any(alone_s.get(key) is None for key in weights):
        return None
    counts, whole = in_windows(parts)
    # Requests are drawn by their weights, so what came of it differs by chance, by some
    # percent of an endpoint; a ceiling goes by what was really sent.
    total = sum(counts.values())
    shares = {key: counts.get(key, 0) / total for key in weights} if total else weights
    response_s = sum(share * alone_s[key] for key, share in shares.items())
    limiters = limiters_of(run.plan, run.target.workers, measured, shares, alone_s, seen)
    return Mix(shares, response_s, limiters, whole)


def in_windows(parts: Sequence[Part]) -> tuple[Mapping[Key, int], Whole | None]:
    """How many requests of each endpoint were answered in the steady windows, and all of
    them together; the rate is the mean of the repetitions'."""
    counts: dict[Key, int] = {}
    waited_s, rates, requests, failures, sent = 0.0, [], 0, 0, 0
    for load, window in parts:
        if window is None:
            continue
        rate_rps = 0.0
        for measured in load.measured:
            figures = statistics.steady_figures(measured.samples, window)
            key = key_of(measured.endpoint)
            counts[key] = counts.get(key, 0) + figures.requests
            if figures.latency is not None:
                waited_s += figures.latency.mean_s * (figures.requests - figures.failures)
            rate_rps += figures.rate_rps or 0.0
            requests += figures.requests
            failures += figures.failures
            sent += figures.sent or 0
        rates.append(rate_rps)
    if requests == failures or not sum(rates):
        return counts, None
    mean_rate_rps, mean_s = sum(rates) / len(rates), waited_s / (requests - failures)
    return counts, Whole(mean_rate_rps, mean_s, requests, failures, sent)


def response_times(loads: Iterable[Load]) -> dict[Key, float]:
    """The median over the loads of each endpoint's response time without load."""
    found: dict[Key, list[float]] = {}
    for load in loads:
        for measured in load.measured:
            response_s = unloaded_response_s(measured.unloaded)
            if response_s is not None:
                found.setdefault(key_of(measured.endpoint), []).append(response_s)
    return {key: float(np.median(times)) for key, times in found.items()}


def key_of(endpoint: Endpoint) -> tuple[str, str]:
    return endpoint.method, endpoint.path


def weights_of(target: Target, measured: Sequence[Measured]) -> Shares | None:
    """Each endpoint's share of the load by the weights that were asked for, None if nobody
    asked for any."""
    weights: dict[tuple[str, str], float] = {}
    for sent in target.sent:
        key = sent.method, sent.path
        weights[key] = weights.get(key, 0.0) + sent.weight
    keys = [key_of(each.endpoint) for each in measured]
    if not all(key in weights for key in keys):
        return None
    whole = sum(weights[key] for key in keys)
    return {key: weights[key] / whole for key in keys}


def limiters_of(
    plan: LoadPlan,
    workers: int | None,
    measured: Sequence[Measured],
    shares: Shares,
    alone_s: Mapping[Key, float],
    seen: Sequence[Limiter] = (),
) -> tuple[Limiter, ...]:
    """The limiters of the whole, the tightest first; `alone_s` are the endpoints' response
    times without load, `seen` the stations measured inside."""
    response_s = sum(share * alone_s[key] for key, share in shares.items())
    found = [load_limiter(plan.users, response_s + plan.think_time_s, plan.rate_rps), *seen]
    handlers = ((key_of(each.endpoint), each.endpoint.handler) for each in measured)
    blocking = [key for key, handler in handlers if handler is not None and not handler.is_async]
    pool_s = sum(shares[key] * alone_s[key] for key in blocking)
    if pool_s and workers is not None and not measures_pool(seen):
        found.append(Limiter("thread_pool", workers * THREAD_TOKENS, pool_s))
    return tightest_first(found)
