"""Closed loads simulated exactly: users without think time, with or without a pool.

What such a load says of throughput follows from arithmetic alone, so it is the truth that
the analysis is held against.
"""

import heapq
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from asyncperf.analysis.steady import LoadView
from asyncperf.levels import Held, Stage
from asyncperf.load.schedule import spans, turns
from asyncperf.samples import Floats, Samples

# From the time at which a request is begun to how long it is worked on, in seconds.
Service = Callable[[float], float]


@dataclass(frozen=True)
class ClosedLoad:
    """`users` start at `spawn_rate` and ask again as soon as they are answered.

    `places` serve first come first served, one for each user if None. With `burst_ramp` the
    users of each second start together, as Locust starts them.
    """

    users: int
    spawn_rate: float
    service: Service
    places: int | None = None
    burst_ramp: bool = False

    @property
    def ramp_s(self) -> float:
        return self.users / self.spawn_rate

    def arrival_s(self, user: int) -> float:
        at_s = user / self.spawn_rate
        return float(int(at_s)) if self.burst_ramp else at_s


def fixed(seconds: float) -> Service:
    return lambda now_s: seconds


def noisy(seconds: float, share: float, seed: int) -> Service:
    """Normal noise around `seconds`, its standard deviation `share` of them."""
    random = np.random.default_rng(seed)
    return lambda now_s: max(0.01 * seconds, float(random.normal(seconds, share * seconds)))


def exponential(mean_s: float, seed: int) -> Service:
    random = np.random.default_rng(seed)
    return lambda now_s: float(random.exponential(mean_s))


def drifting(seconds: float, per_s: float) -> Service:
    """Slower by `per_s` of `seconds` with every second."""
    return lambda now_s: seconds * (1 + per_s * now_s)


def warming_up(seconds: float, factor: float, until_s: float) -> Service:
    """`factor` times as slow until a point in time."""
    return lambda now_s: seconds * (factor if now_s < until_s else 1.0)


def simulate(load: ClosedLoad, run_time_s: float) -> Samples:
    """Every request that completes within `run_time_s`, and those that are cut off."""
    free = [0.0] * (load.places or load.users)
    asking = [(load.arrival_s(user), user) for user in range(load.users)]
    heapq.heapify(asking)
    starts: list[float] = []
    ends: list[float] = []
    cut_off: list[float] = []
    while asking and asking[0][0] < run_time_s:
        start_s, user = heapq.heappop(asking)
        begun_s = max(start_s, heapq.heappop(free))
        end_s = begun_s + load.service(begun_s)
        heapq.heappush(free, end_s)
        if end_s < run_time_s:
            starts.append(start_s)
            ends.append(end_s)
            heapq.heappush(asking, (end_s, user))
        else:
            cut_off.append(start_s)
    return samples(np.array(starts), np.array(ends) - np.array(starts), np.array(cut_off))


def simulate_stages(
    stages: Sequence[Stage], spawn_rate: float, service: Service, places: int | None = None
) -> tuple[Samples, tuple[Held, ...]]:
    """A closed load that goes through stages, and when it held which level."""
    most = max(stage.level.users or 0 for stage in stages)
    asking = [
        (turn.start_s, math.inf if turn.leave_s is None else turn.leave_s, number)
        for user in range(most)
        for number, turn in enumerate(turns(stages, spawn_rate, user))
    ]
    heapq.heapify(asking)
    end_s = spans(stages, spawn_rate)[-1].ends_s or math.inf
    free = [0.0] * (places or most)
    done: list[tuple[float, float, float]] = []
    while asking and asking[0][0] < end_s:
        start_s, leave_s, number = heapq.heappop(asking)
        begun_s = max(start_s, heapq.heappop(free))
        ended_s = begun_s + service(begun_s)
        heapq.heappush(free, ended_s)
        done.append((start_s, ended_s, leave_s))
        if ended_s < leave_s:
            heapq.heappush(asking, (ended_s, leave_s, number))
    found = np.array([(start_s, ended_s) for start_s, ended_s, _ in done])
    whole = found[:, 1] < end_s
    held = tuple(
        Held(
            stage.level,
            span.begins_s,
            # Those who were asked to leave have left.
            max([span.reached_s, *(e for _, e, leave_s in done if leave_s < span.reached_s <= e)]),
            span.ends_s or end_s,
        )
        for stage, span in zip(stages, spans(stages, spawn_rate), strict=True)
    )
    kept = found[whole]
    return samples(kept[:, 0], kept[:, 1] - kept[:, 0], found[~whole][:, 0]), held


def samples(start_s: Floats, latency_s: Floats, cut_off_s: Floats | None = None) -> Samples:
    """Successful requests, put in order of completion."""
    order = np.argsort(start_s + latency_s, kind="stable")
    n = len(order)
    return Samples(
        start_s=start_s[order].astype(float),
        latency_s=latency_s[order].astype(float),
        status=np.full(n, 200, dtype=np.int32),
        ok=np.ones(n, dtype=np.bool_),
        received_bytes=np.full(n, 34, dtype=np.int64),
        cut_off_s=np.empty(0) if cut_off_s is None else np.sort(cut_off_s),
        errors={},
    )


def together(*parts: Samples) -> Samples:
    """Independent loads at the same time."""
    return samples(
        np.concatenate([part.start_s for part in parts]),
        np.concatenate([part.latency_s for part in parts]),
        np.concatenate([part.cut_off_s for part in parts]),
    )


def until(found: Samples, run_time_s: float) -> LoadView:
    """What had completed by then; ramp and response times are for the caller to say."""
    done = found.end_s < run_time_s
    return LoadView(found.start_s[done], found.latency_s[done], None, run_time_s, ())
