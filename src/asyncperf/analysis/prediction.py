"""What the single user's requests foretell of a load: the demands of one request, and from
them throughput and latency at any number of users. What it computes is also looked at in the
ramp's first requests.

With nobody else there a request shows what it holds and for how long: the event loop while
its steps run, a thread, a connection; everything else is a wait that any number of requests
can have at once. That is a closed network of queues, one for each worker, because a user's
connection stays with the worker that accepted it.

Two answers bound the truth. Times that never vary never queue below the ceiling: X = min(N /
(R0 + Z), m / d) (Lazowska et al., 1984, section 5.2). Exponential ones follow mean value
analysis. In between, waits grow with the variation of arrivals and services, W = (Ca^2 +
Cs^2) / 2 of the exponential one (Allen and Cunneen's approximation: Allen, "Probability,
Statistics, and Queueing Theory", 1990, section 5.2.4). Fixed sleeps, as the experiment's, are at
the bound; mean value analysis alone would miss the knee by up to a tenth.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from asyncperf.analysis.answers import BEFORE_MATTERS, keeps_answers, keys_of
from asyncperf.analysis.breakdown import parts_of, without_late_trips
from asyncperf.analysis.capacity import THREAD_TOKENS
from asyncperf.analysis.mva import Queue, per_worker
from asyncperf.analysis.seen import Seen, first_rows, seen_alone
from asyncperf.analysis.stations import (
    KINDS,
    MOSTLY_THREADS,
    REFUTED,
    is_shared,
    keeps_any_answer,
)
from asyncperf.explanation import Prediction
from asyncperf.insight import Insight, Records, Resource
from asyncperf.model import Endpoint, LoadPlan
from asyncperf.samples import Floats, Samples

# With fewer requests than this their median may still be one that something else disturbed;
# what they take at least is then the better guess.
FEW = 5
# What disturbs a step, another process on its CPU or a cold cache, only ever makes it longer.
UNDISTURBED = 0.25
# Fewer of the ramp's first requests than the single user of a fast endpoint has time for are
# too few.
TEN = 10
# From the median absolute deviation to the standard deviation of normal times.
NORMAL = 1.4826
# Demands that add up to more than the response time are of things held at the same time.
OVERLAP = 1.02
LOOP = "loop"
THREADS = "threads"
THREADS_CPU = "CPU time of threads"
# The ramp's beginning: fewer requests come than a worker records.
RAMP_S = 0.5


@dataclass(frozen=True)
class Demands:
    """What a request needs without contention: `response_s` in all, of it each queue's
    `demand_s` of one worker, by the queue's name. `variation` is C^2 of the response times."""

    response_s: float
    queues: Mapping[str, Queue]
    variation: float
    requests: int


def demands_of(
    insight: Insight | None, endpoint: Endpoint, unloaded: Samples, loaded: Samples
) -> Demands | None:
    """From the single user's requests, None without a response time.

    Their steps on the loop are cold, for it sleeps between them: 1.3 ms were seen of what then
    took 0.5 ms. What a step takes does not depend on how many wait, so those of the ramp's first
    requests count where they are shorter.
    """
    times = later(unloaded.latency_s[unloaded.ok])
    if len(times) == 0:
        return None
    response_s = float(np.median(times))
    deviation_s = NORMAL * float(np.median(np.abs(times - response_s)))
    queues: dict[str, Queue] = {}
    if insight is not None:
        seen = seen_alone(insight, endpoint, unloaded)
        if len(seen) > 0:
            ramp = first_rows(insight, endpoint, loaded, RAMP_S, TEN)
            loop_s = min(undisturbed_s(seen.rows), undisturbed_s(ramp))
            queues = {LOOP: Queue(loop_s), **held_queues(insight, seen)}
    if endpoint.handler is not None and not endpoint.handler.is_async and THREADS not in queues:
        loop_s = queues[LOOP].demand_s if LOOP in queues else 0.0
        queues[THREADS] = Queue(max(0.0, response_s - loop_s), THREAD_TOKENS)
    return Demands(
        response_s=response_s,
        queues=queues,
        variation=(deviation_s / response_s) ** 2,
        requests=len(times),
    )


def undisturbed_s(rows: Records) -> float:
    """What a request holds of the loop."""
    return float(np.quantile(rows["loop_s"], UNDISTURBED)) if len(rows) else math.inf


def held_queues(insight: Insight, seen: Seen) -> dict[str, Queue]:
    """What a single user's typical request holds beside the loop."""
    queues: dict[str, Queue] = {}
    later_ones = slice(1, None) if len(seen) > 1 else slice(None)
    rows = seen.rows[later_ones]
    latency_s = seen.latency_s[later_ones]
    pool_s = typical(parts_of(rows, latency_s).pool_run)
    # What only a background task runs keeps no answer back, however full the threads are.
    early_s = typical(parts_of(without_late_trips(insight, rows), latency_s).pool_run)
    pools = [number for number, r in enumerate(insight.resources) if r.kind == THREADS]
    if early_s > BEFORE_MATTERS * pool_s and waited_for(insight, pools):
        tokens = [r.capacity for r in insight.resources if r.kind == THREADS and r.capacity]
        queues[THREADS] = Queue(pool_s, tokens[0] if tokens else THREAD_TOKENS)
    if (computed_s := threads_cpu_s(insight, rows)) is not None:
        queues[THREADS_CPU] = Queue(computed_s, cpus_at_once(insight, rows["worker"][0]))
    keys = keys_of(rows, "number")
    for number, resource in enumerate(insight.resources):
        uses = insight.uses[insight.uses["resource"] == number]
        if resource.kind == THREADS or resource.capacity is None or not is_shared(uses):
            continue
        ours = uses[np.isin(keys_of(uses, "request"), keys)]
        before = len(ours) > 0 and keeps_answers(rows, ours, ours["got"])
        if before and waited_for(insight, [number]):
            held_s = typical(held(uses, keys))
            if held_s > 0:
                queues[name_of(number, resource)] = Queue(held_s, resource.capacity)
    return queues


def waited_for(insight: Insight, numbers: Sequence[int]) -> bool:
    """Whether answers wait for any of these resources. Of a single user's request that cannot be
    told where it sets out on a task and does not await it: nothing keeps that one. The load's
    later half tells, for by then such tasks come to a full resource long after the answers."""
    if not len(insight.requests):
        return True
    since_s = max(0.0, float(insight.requests["end"].max()) / 2)
    return any(keeps_any_answer(insight, number, since_s) for number in numbers) or not numbers


def threads_cpu_s(insight: Insight, rows: Records) -> float | None:
    """CPU time of a request where threads take most of it. None where the loop computes, or it
    cannot be told. The clocks are read some twenty times a second: where the
    single user's requests are over sooner, those of the ramp's beginning are added, for what one
    computes does not depend on how many wait."""
    if "process_cpu_s" not in (insight.ticks.dtype.names or ()) or len(rows) < FEW:
        return None
    worker, route = rows["worker"][0], rows["route"][0]
    ticks = insight.ticks[insight.ticks["worker"] == worker]
    requests = insight.requests[insight.requests["worker"] == worker]
    # From a tick within them, which leaves out what was cold before.
    first = int(np.searchsorted(ticks["at"], rows["start"].min()))
    for until in (float(rows["end"].max()), RAMP_S):
        last = min(int(np.searchsorted(ticks["at"], until)), len(ticks) - 1)
        if last <= first:
            continue
        since_s, until_s = ticks["at"][first], ticks["at"][last]
        ended = requests[(requests["end"] > since_s) & (requests["end"] <= until_s)]
        process_s = float(ticks["process_cpu_s"][last] - ticks["process_cpu_s"][first])
        loop_s = float(ticks["cpu_s"][last] - ticks["cpu_s"][first])
        if len(ended) >= FEW and (ended["route"] == route).all():
            return process_s / len(ended) if process_s > MOSTLY_THREADS * loop_s else None
    return None


def cpus_at_once(insight: Insight, worker: int) -> int:
    """On how many CPUs a worker's threads compute. Python runs one of them at a time, so it is
    one, unless the ramp's beginning showed more: what computes then gives Python's lock away, as
    hashing does."""
    ticks = insight.ticks[insight.ticks["worker"] == worker]
    ticks = ticks[(ticks["at"] >= 0.0) & (ticks["at"] <= RAMP_S)]
    if len(ticks) < FEW:
        return 1
    ran_s = float(ticks["process_cpu_s"][-1] - ticks["process_cpu_s"][0])
    return max(1, math.ceil(ran_s / float(ticks["at"][-1] - ticks["at"][0]) / REFUTED))


def name_of(number: int, resource: Resource) -> str:
    """A queue's name: what it is, and the number of its resource."""
    return f"{KINDS.get(resource.kind, resource.kind)} {number}"


def later(times_s: Floats) -> Floats:
    """Without the first, which also pays for connecting and for caches, unless it is the
    only one."""
    return times_s[1:] if len(times_s) > 1 else times_s


def held(uses: Records, keys: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Floats:
    """How long each of these requests held something, all its stays added up."""
    uses = uses[~np.isnan(uses["got"]) & ~np.isnan(uses["released"])]
    owners, durations_s = keys_of(uses, "request"), uses["released"] - uses["got"]
    return np.array([durations_s[owners == key].sum() for key in keys], dtype=np.float64)


def typical(times_s: Floats) -> float:
    return float(np.median(times_s) if len(times_s) >= FEW else np.min(times_s))


def without_overlap(queues: Mapping[str, Queue], response_s: float) -> dict[str, Queue]:
    """The queues, or where a request holds several at a time, such as a connection on a
    thread, the loop and the tightest of the others, for no longer than the rest of the
    request takes: no product form knows of those. Their ceilings stand all the same."""
    if sum(queue.demand_s for queue in queues.values()) <= OVERLAP * response_s:
        return dict(queues)
    others = {name: queue for name, queue in queues.items() if name != LOOP}
    if not others:
        return dict(queues)
    tightest = min(others, key=lambda name: most_rps(others[name]))
    kept = {name: queue for name, queue in queues.items() if name in (LOOP, tightest)}
    if LOOP in kept and sum(queue.demand_s for queue in kept.values()) > OVERLAP * response_s:
        kept[tightest] = replace(
            kept[tightest], demand_s=max(0.0, response_s - kept[LOOP].demand_s)
        )
    return kept


def most_rps(queue: Queue) -> float:
    """The utilisation law: X <= m / d."""
    return queue.servers / queue.demand_s if queue.demand_s > 0 else np.inf


def ceiling_rps(demands: Demands) -> float:
    """What the tightest queue of one worker allows, however the holds of a request overlap."""
    return min(map(most_rps, demands.queues.values()), default=np.inf)


def together(parts: Sequence[tuple[float, Demands]]) -> Demands:
    """The demands of a mix: one class of customers whose requests are drawn by their shares,
    so the mean of each queue's demands."""
    names = dict.fromkeys(name for _, demands in parts for name in demands.queues)
    mean_s = sum(share * demands.response_s for share, demands in parts)
    square = sum(share * d.response_s**2 * (1 + d.variation) for share, d in parts)
    queues = {}
    for name in names:
        having = [(share, d.queues[name]) for share, d in parts if name in d.queues]
        demand_s = sum(share * queue.demand_s for share, queue in having)
        queues[name] = Queue(demand_s, having[0][1].servers)
    requests = sum(demands.requests for _, demands in parts)
    return Demands(mean_s, queues, max(0.0, square / mean_s**2 - 1), requests)


def predict(demands: Demands, plan: LoadPlan, workers: int) -> Prediction:
    """Throughput and latency under a plan's load."""
    ceiling = ceiling_rps(demands)
    if plan.rate_rps is not None:
        rate = float(min(plan.rate_rps, workers * ceiling))
        return Prediction(rate, None, rate, rate, demands.requests)
    turn_s = demands.response_s + plan.think_time_s
    fewer, more = divmod(plan.users, workers)
    high = float(
        (workers - more) * min(fewer / turn_s, ceiling) + more * min((fewer + 1) / turn_s, ceiling)
    )
    queues = list(without_overlap(demands.queues, demands.response_s).values())
    delay_s = max(0.0, turn_s - sum(queue.demand_s for queue in queues))
    low = min(high, per_worker(queues, delay_s, plan.users, workers))
    # Users who think for times that vary come as they like, even to services that do not vary.
    thinking = 1.0 if plan.think_time == "exponential" else 0.0
    variance = demands.variation * demands.response_s**2 + thinking * plan.think_time_s**2
    arrivals = max(demands.variation, variance / turn_s**2)
    between = min(1.0, (arrivals + demands.variation) / 2)
    turn_s = plan.users / high + between * (plan.users / low - plan.users / high)
    rate = plan.users / turn_s
    return Prediction(rate, turn_s - plan.think_time_s, low, high, demands.requests)
