"""What was busy inside the workers while a load was steady: event loops, threads, the machine's
CPUs, connections, locks, each as a limiter by the utilisation law.

Nothing here is guessed from response times. A place's utilisation is how much of the time
it was taken; what a request holds of it is that time over the requests (U = X s / c,
Lazowska et al., 1984, section 3.3).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np

from asyncperf.analysis.answers import keeps_answers
from asyncperf.analysis.capacity import EXPLAINED, MACHINE_BUSY
from asyncperf.analysis.seen import has_sent
from asyncperf.insight import Insight, Records
from asyncperf.probe.record_format import BLOCKED
from asyncperf.results import Limiter, LimiterKind, Window
from asyncperf.samples import Floats

# Kinds of `Resource` that are neither threads nor connections keep others out: locks,
# semaphores, limiters.
KINDS: dict[str, LimiterKind] = {"threads": "thread_pool", "connections": "connections"}
# A capacity that its own use exceeds is not one: several things that look alike.
REFUTED = 1.05
# A worker's CPU time is its threads' where they take as much of it as its event loop: together
# twice what that takes.
MOSTLY_THREADS = 2.0


@dataclass(frozen=True)
class Loop:
    """Shares of the time of a worker's event loop. `queued`: it had something to do and
    waited for a CPU; None where the system does not say."""

    cpu: float
    queued: float | None
    collecting: float
    blocked: float

    @property
    def own(self) -> float:
        """What it would need of a CPU that it had to itself, or of a colleague's patience."""
        return self.cpu + self.blocked

    @property
    def busy(self) -> float:
        return min(1.0, self.own + (self.queued or 0.0))


@dataclass(frozen=True)
class Processors:
    """The machine's CPUs, and the share of their time that was used, by whatever runs there; None
    where nobody looked."""

    cpus: int
    busy: float | None

    @property
    def full(self) -> bool:
        return self.busy is None or self.busy > MACHINE_BUSY

    def left_to(self, used: float) -> float:
        """How many CPUs there were for those that used so many of them: the others' are not."""
        others = 0.0 if self.busy is None else max(0.0, self.busy * self.cpus - used)
        return max(used, self.cpus - others)


def stations(
    insight: Insight,
    window: Window,
    requests: int,
    rate_rps: float,
    workers: int | None,
    processors: Processors,
) -> tuple[Limiter, ...]:
    """Every station with its utilisation, per worker too, and what a request waits and holds.

    `requests` ended in the window, of all endpoints. What each holds goes by the `rate_rps` at
    which they do, averaged over the position of the window's edges: where they come in waves, one
    wave more or less of few would refute a ceiling. Workers that were never called are
    idle; `workers` is None where only those that were called are known.
    """
    rows = within(insight.requests, "end", window)
    if len(rows) == 0 or requests == 0 or not rate_rps:
        return ()
    # The worker leaves requests out when they come faster than it records.
    scale = max(1.0, requests / len(rows))
    count = max(workers or 0, len(insight.workers))
    loops = loops_of(insight, rows, window, scale, processors.full)
    idle = [Loop(0.0, 0.0, 0.0, 0.0)] * (count - len(loops))
    ended = rate_rps * window.length_s
    found = [loop_station([*loops, *idle], 1 / rate_rps, wait_of(insight, rows))]
    found += threads_station(insight, window, ended, count, processors)
    found += resources(insight, window, ended, scale, count)
    return tuple(found)


def within(records: Records, column: str, window: Window) -> Records:
    return records[(records[column] >= window.start_s) & (records[column] < window.end_s)]


def wait_of(insight: Insight, rows: Records) -> float | None:
    """How long a request waits for the loop, mean."""
    if not has_sent(insight):
        return None
    rows = rows[~np.isnan(rows["sent"])]
    if len(rows) == 0:
        return None
    return float((rows["start"] - rows["sent"] + rows["resume_s"]).mean())


def loops_of(
    insight: Insight, rows: Records, window: Window, scale: float, machine_busy: bool
) -> list[Loop]:
    found = []
    for worker in range(len(insight.workers)):
        ticks = insight.ticks[insight.ticks["worker"] == worker]
        steps = float(rows["loop_s"][rows["worker"] == worker].sum(dtype=np.float64))
        steps *= scale / window.length_s
        cpu = slope(ticks["at"], ticks["cpu_s"], window)
        if cpu is None:
            continue
        queued = slope(ticks["at"], ticks["delay_s"], window)
        # A step that used no CPU and did not wait for one was blocked. What the server itself
        # does between the steps makes this a little too small.
        blocked = max(0.0, steps - cpu - (queued or 0.0))
        if queued is None and machine_busy:
            blocked = 0.0  # it may as well have waited for a CPU
        seen = stalled(insight.stalls[insight.stalls["worker"] == worker], window)
        of_worker = insight.collections[insight.collections["worker"] == worker]
        collections = within(of_worker, "start", window)
        own = collections["on_loop"] == 1
        collecting, elsewhere = (
            float(collections["duration_s"][which].sum(dtype=np.float64)) / window.length_s
            for which in (own, ~own)
        )
        blocked = max(blocked, seen)
        # In another thread they hold Python's lock: the loop stands, as it does for its own.
        stood = min(blocked, elsewhere)
        collecting = min(cpu, collecting) + stood
        found.append(Loop(cpu + stood, queued, collecting, blocked - stood))
    return found


def slope(at: Floats, so_far: Floats, window: Window) -> float | None:
    """How fast a counter grew in a window, None where it was not read."""
    if len(at) < 2:
        return None
    # A blocked loop reads its clock seldom: from the last reading before to the first after.
    first = max(0, int(np.searchsorted(at, window.start_s)) - 1)
    last = min(len(at) - 1, int(np.searchsorted(at, window.end_s)))
    if last <= first:
        return None
    rate = float((so_far[last] - so_far[first]) / (at[last] - at[first]))
    return None if np.isnan(rate) else rate


def stalled(stalls: Records, window: Window) -> float:
    """The share of a window in which stalls blocked a loop."""
    stalls = stalls[stalls["kind"] == BLOCKED]
    # Of that time it may have run for a moment, or waited for a CPU.
    idle_s = stalls["duration_s"] - stalls["cpu_s"] - np.nan_to_num(stalls["delay_s"])
    inside = (stalls["start"] >= window.start_s) & (stalls["start"] < window.end_s)
    return float(idle_s[inside].clip(0).sum(dtype=np.float64)) / window.length_s


def loop_station(loops: Sequence[Loop], spent_s: float, wait_s: float | None) -> Limiter:
    """The event loops, one place each; `spent_s` is the time over the requests in it.

    Where a loop is busy all the time, waits for a CPU hold it back as well, and count as
    held. Where it is not, they come with every small thing that an idle loop wakes up for
    on a busy machine, and say nothing about its ceiling.
    """
    full = max(loop.busy for loop in loops) >= EXPLAINED
    each = tuple(loop.busy if full else loop.own for loop in loops)
    queued = sum(loop.busy - loop.own for loop in loops)
    collecting = sum(loop.collecting for loop in loops)
    waiting = queued if full else 0.0
    parts: dict[LimiterKind, float] = {
        "loop_cpu": sum(loop.cpu for loop in loops) - collecting + waiting,
        "loop_blocked": sum(loop.blocked for loop in loops),
        "gc": collecting,
    }
    return Limiter(
        kind=max(parts, key=lambda kind: parts[kind]),
        capacity=len(loops),
        hold_s=max(1e-9, sum(each) * spent_s),
        utilization=sum(each) / len(loops),
        wait_s=wait_s,
        each=each,
        queued_s=max(0.0, queued) * spent_s,
    )


def threads_station(
    insight: Insight, window: Window, ended: float, workers: int, processors: Processors
) -> Iterator[Limiter]:
    """The threads of each worker, where they compute: Python runs one of them at a time, so a
    worker has one CPU. Where one had more, what they run gives the lock away, and they have as
    many as the machine has for them."""
    if "process_cpu_s" not in (insight.ticks.dtype.names or ()):  # a run of before
        return
    each, loops = np.zeros(workers), 0.0
    for worker in range(len(insight.workers)):
        ticks = insight.ticks[insight.ticks["worker"] == worker]
        each[worker] = slope(ticks["at"], ticks["process_cpu_s"], window) or 0.0
        loops += slope(ticks["at"], ticks["cpu_s"], window) or 0.0
    used = float(each.sum())
    if used <= MOSTLY_THREADS * loops:
        return
    hold_s = used * window.length_s / ended
    if each.max() <= REFUTED:
        share, shares = float(each.mean()), tuple(map(float, each))
        yield Limiter("threads_cpu", workers, hold_s, utilization=share, each=shares)
    else:
        # Whichever worker a thread is of, it waits for the same CPUs.
        left = processors.left_to(used)
        yield Limiter(
            "machine_cpu", left, hold_s, utilization=used / left, each=(used / left,) * workers
        )


def resources(
    insight: Insight, window: Window, ended: float, scale: float, workers: int
) -> Iterator[Limiter]:
    """Pools and locks; each worker has its own. Those that are taken after the answers alone, by
    background tasks, hold none of them back."""
    trips, uses = insight.trips, insight.uses
    began = began_at(trips)
    tables = (
        (trips["pool"], trips["worker"], trips["asked"], began, began + trips["run_s"]),
        (uses["resource"], uses["worker"], uses["asked"], uses["got"], uses["released"]),
    )
    for number, resource in enumerate(insight.resources):
        if resource.capacity is None or not is_shared(uses[uses["resource"] == number]):
            continue
        # Tasks that nothing awaits come to it ever later, if they come faster than they are done.
        if not keeps_any_answer(insight, number, (window.start_s + window.end_s) / 2):
            continue
        taken_s, waited_s = np.zeros(workers), 0.0
        for numbers, of_worker, asked, got, released in tables:
            ours = (numbers == number) & ~np.isnan(got)
            # What was not given back when the load ended was held until then.
            until = np.where(np.isnan(released[ours]), window.end_s, released[ours])
            inside = np.minimum(until, window.end_s) - np.maximum(got[ours], window.start_s)
            taken_s += np.bincount(of_worker[ours], inside.clip(0), workers)
            waits = (got - asked)[ours & (got >= window.start_s) & (got < window.end_s)]
            waited_s += float(waits.sum())
        each = scale * taken_s / (resource.capacity * window.length_s)
        if not 0 < each.max() <= REFUTED:
            continue
        yield Limiter(
            kind=KINDS.get(resource.kind, "lock"),
            capacity=resource.capacity * workers,
            hold_s=scale * float(taken_s.sum()) / ended,
            utilization=float(each.mean()),
            wait_s=scale * waited_s / ended,
            each=tuple(map(float, each)),
            name=resource.name,
        )


def keeps_any_answer(insight: Insight, number: int, since_s: float) -> bool:
    """Whether a resource is taken before answers from a time on, as far as anything shows: not
    where requests are answered before the tasks that they set out on have got it."""
    trips, uses = insight.trips, insight.uses
    tables = ((trips, "pool", began_at(trips)), (uses, "resource", uses["got"]))
    found = []
    for stays, numbers, got in tables:
        ours = (stays[numbers] == number) & ~(got < since_s)
        if ours.any():
            found.append(keeps_answers(insight.requests, stays[ours], got[ours]))
    return any(found) or not found


def began_at(trips: Records) -> Floats:
    """When each trip did; one that was given up before it began held nothing."""
    began: Floats = np.where(np.isnan(trips["run_s"]), np.nan, trips["asked"] + trips["wait_s"])
    return began


def is_shared(uses: Records) -> bool:
    """Whether requests share one thing in each worker. What each of them makes for itself, or
    what there is one of for each key, looks alike and limits nothing together."""
    instances = np.unique(uses["worker"].astype(np.int64) << 32 | uses["instance"])
    return len(instances) == len(np.unique(uses["worker"]))


def merged(repetitions: Sequence[tuple[Limiter, ...]]) -> tuple[Limiter, ...]:
    """The stations of repeated loads: means of what each of them measured."""

    def what(limiter: Limiter) -> tuple[str, str]:
        return station_of(limiter.kind), limiter.name

    everything = sorted((limiter for found in repetitions for limiter in found), key=what)
    return tuple(mean_of(list(group)) for _, group in groupby(everything, key=what))


def station_of(kind: LimiterKind) -> str:
    """An event loop is one station, whatever it is busy with."""
    return "loop" if kind in ("loop_cpu", "loop_blocked", "gc") else kind


def mean_of(found: Sequence[Limiter]) -> Limiter:
    def mean(values: Sequence[float | None]) -> float:
        known = [value for value in values if value is not None]
        return sum(known) / len(known) if known else 0.0

    return replace(
        found[0],
        capacity=mean([limiter.capacity for limiter in found]),
        hold_s=mean([limiter.hold_s for limiter in found]),
        utilization=mean([limiter.utilization for limiter in found]),
        wait_s=mean([limiter.wait_s for limiter in found]),
        queued_s=mean([limiter.queued_s for limiter in found]),
        # Which worker is which differs from load to load.
        each=tuple(np.mean([sorted(limiter.each) for limiter in found], axis=0).tolist()),
    )
