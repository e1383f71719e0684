"""Where the mean request's latency goes, from the worker's records of single requests.

Up to the answer a request's time is parted without a gap: before the app was called; then
its own steps on the loop, its trips to threads, its waits for connections and locks, and what
is left, its awaits; and until the loop's turn was over, where it sends answers only then. What the
engine measured beyond that is `other`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from asyncperf.analysis.answers import after_answer, keys_of, places_of
from asyncperf.analysis.on_loop import on_loop
from asyncperf.analysis.seen import Seen
from asyncperf.explanation import NOT_STARVED, AwaitPart, Breakdown, Starved
from asyncperf.insight import Insight, Records
from asyncperf.probe.places import is_users
from asyncperf.probe.record_format import CANCELLED
from asyncperf.samples import Floats

# A part of the latency that cannot be told apart is said if it is more than this share.
OTHER_MATTERS = 0.02
# Waits for a CPU of less than this share of the time are those of any machine.
STARVED = 0.05
# So much of the latency in awaits that nobody wrote is worth a word, where there are so many
# steps that their turns can add up to it: FastAPI alone takes one.
UNNAMED_MATTERS = 0.1
MANY_STEPS = 10
# Of so many requests at least a mean is worth quoting.
MIN_REQUESTS = 20
NOT_SENT = "the load generator does not say when it began a request: its wait is in other"


@dataclass(frozen=True, eq=False)
class Parts:
    """Seconds of each request, up to its answer."""

    before: Floats
    loop_cpu: Floats
    gc: Floats
    pool_run: Floats
    pool_wait: Floats
    resume: Floats
    connection_wait: Floats
    lock_wait: Floats
    awaits: Floats
    turn: Floats


def breakdown(
    insight: Insight, seen: Seen, mean_s: float, starved: Starved = NOT_STARVED
) -> Breakdown | None:
    """None where too few requests were seen. `mean_s` is the mean latency of all of them."""
    if len(seen) < MIN_REQUESTS:
        return None
    parts = parts_of(without_late_trips(insight, seen.rows), seen.latency_s)
    # The requests that were recorded may have been a little slower or faster than all of them:
    # their shares are taken of the mean of all (a ratio estimate: Cochran, "Sampling Techniques",
    # 1977, chapter 6).
    scale = mean_s / seen.mean(seen.latency_s) if seen.measured else 1.0
    loop_waits = parts.before + parts.resume + parts.turn
    loop_wait_s = scale * seen.mean(loop_waits) if seen.sent_known else None
    known = {
        "pool_wait_s": scale * seen.mean(parts.pool_wait),
        "pool_run_s": scale * seen.mean(parts.pool_run),
        "connection_wait_s": scale * seen.mean(parts.connection_wait),
        "lock_wait_s": scale * seen.mean(parts.lock_wait),
        "await_s": scale * seen.mean(parts.awaits),
        "loop_cpu_s": scale * seen.mean(parts.loop_cpu),
        "gc_s": scale * seen.mean(parts.gc),
    }
    other_s = mean_s - sum(known.values()) - (loop_wait_s or 0.0)
    found = Breakdown(
        mean_s=mean_s,
        loop_wait_s=loop_wait_s,
        **known,
        other_s=other_s,
        requests=len(seen),
        of_requests=seen.of_requests,
        awaits=awaits_of(insight, seen),
        on_loop=on_loop(insight, seen),
        notes=(),
        starved=starved,
        steps=seen.mean(seen.rows["steps"].astype(np.float64)),
    )
    return replace(found, notes=tuple(notes_of(found)))


def notes_of(found: Breakdown) -> Iterator[str]:
    mean_s, starved = found.mean_s, found.starved
    if found.loop_wait_s is None:
        yield NOT_SENT
    elif abs(found.other_s) > OTHER_MATTERS * mean_s:
        waited = (
            f", which {starved.generator:.0%} of the time was ready and had no CPU"
            if starved.generator > STARVED
            else ""
        )
        yield (
            f"{found.other_s / mean_s:.1%} is neither in the app nor before it: the answer's way "
            f"back, and the load generator{waited}"
        )
    unnamed_s = found.await_s - sum(part.mean_s for part in found.awaits)
    if unnamed_s > UNNAMED_MATTERS * mean_s and found.steps >= MANY_STEPS:
        yield (
            f"{unnamed_s / mean_s:.0%} is in awaits that are none of the app's own: middleware and "
            f"libraries take it through {found.steps:.0f} steps on the event loop, and it waits "
            "for its turn before each"
        )
    if starved.loop > STARVED:
        yield (
            f"{starved.loop:.0%} of the time the event loop was ready and had no CPU, for the "
            "machine is busy: that is in each part of it"
        )


def without_late_trips(insight: Insight, rows: Records) -> Records:
    """The requests' own figures without the trips to threads that they set out on after their
    answer: background tasks, and dependencies that are left."""
    rows, trips, uses = rows.copy(), insight.trips, insight.uses
    if not len(rows):
        return rows
    trips = trips[after_answer(rows, trips, trips["asked"])]
    at, _ = places_of(rows, trips)
    for column, part in (
        ("pool_wait_s", "wait_s"),
        ("pool_run_s", "run_s"),
        ("resume_s", "resume_s"),
    ):
        spent = np.bincount(at, np.nan_to_num(trips[part]), len(rows))
        rows[column] -= spent.astype(rows[column].dtype)
    if "on_thread" not in (uses.dtype.names or ()):  # a run of before
        return rows
    # What is asked for on such a trip (the others end at the answer for the probe).
    uses = uses[(uses["on_thread"] == 1) & after_answer(rows, uses, uses["asked"])]
    at, _ = places_of(rows, uses)
    waited = np.bincount(at, np.nan_to_num(uses["got"] - uses["asked"]), len(rows))
    rows["thread_conn_wait_s"] = np.maximum(0.0, rows["thread_conn_wait_s"] - waited)
    return rows


def parts_of(rows: Records, latency_s: Floats) -> Parts:
    """What cannot have been before the answer is not counted: a request's own figures include
    its background tasks. Nor is what comes after all of it has arrived, `latency_s` after it was
    sent (NaN: unknown): behind a middleware an app may say much later that it is at its end."""
    start, answered = rows["start"], rows["answered"]
    arrived = rows["sent"] + latency_s
    left = np.maximum(0.0, np.fmin(answered, arrived) - start)
    known = rows.dtype.names or ()  # a run of before has not all of them
    turn = np.zeros(len(rows))
    if "left_s" in known:
        rest = np.nan_to_num(np.maximum(0.0, arrived - answered))
        turn = np.minimum(rows["left_s"].astype(np.float64), rest)
    # Handing over the answer is a step that goes on until the end, unless there is work left
    # to wait for.
    after = rows["end"] - answered
    steps = rows["loop_s"].astype(np.float64)
    late = np.zeros(len(rows))
    if "late_loop_s" in known:
        late = rows["late_loop_s"].astype(np.float64)
    steps -= np.where((after <= steps) & (late == 0), after, late)
    taken = []
    for part in (
        steps,
        rows["pool_run_s"],
        rows["pool_wait_s"],
        rows["resume_s"],
        rows["conn_wait_s"],
        rows["lock_wait_s"],
    ):
        part = np.clip(part.astype(np.float64), 0.0, left)
        left = left - part
        taken.append(part)
    steps, pool_run, pool_wait, resume, connection_wait, lock_wait = taken
    gc = np.minimum(rows["gc_s"], steps)
    # On a thread it is asked for by code that runs there.
    on_thread = np.minimum(rows["thread_conn_wait_s"], pool_run)
    return Parts(
        before=start - rows["sent"],
        loop_cpu=steps - gc,
        gc=gc,
        pool_run=pool_run - on_thread,
        pool_wait=pool_wait,
        resume=resume,
        connection_wait=connection_wait + on_thread,
        lock_wait=lock_wait,
        awaits=left,
        turn=turn,
    )


def awaits_of(insight: Insight, seen: Seen) -> tuple[AwaitPart, ...]:
    """The awaits of the user's code that a request itself waits at, the longest first; from
    those requests whose awaits were recorded. Together they are no longer than it waits."""
    detailed = seen.rows["detail"] == 1
    spans = insight.spans
    # An await inside another one is a part of that; what another task awaits goes on beside.
    spans = spans[outermost(insight) & ~np.isnan(spans["end"])]
    if not detailed.any() or len(spans) == 0:
        return ()
    rows, weight = seen.rows[detailed], seen.weight[detailed]
    at, ours = places_of(rows, spans)
    # Nobody waits for what comes after the answer.
    end_s = np.minimum(spans["end"], rows["answered"][at])
    ours &= end_s > spans["start"]
    at, spans, end_s = at[ours], spans[ours], end_s[ours]
    weight_of, counted_s = weight[at], counted_once(at, spans, end_s)
    size = len(insight.sites) + 1
    sites = np.minimum(spans["site"], size - 1)
    total_s = np.bincount(sites, weight_of * counted_s, size)
    times = np.bincount(sites, weight_of, size)
    requests = float(weight.sum())
    found = [
        AwaitPart(
            site.file,
            site.line,
            site.column,
            site.function,
            site.text,
            float(total_s[number] / requests),
            float(times[number] / requests),
        )
        for number, site in enumerate(insight.sites)
        if times[number] > 0
    ]
    return tuple(sorted(found, key=lambda part: -part.mean_s))


def counted_once(of: NDArray[np.int64], spans: Records, end_s: Floats) -> Floats:
    """How long a request (`of`) waits at each of its awaits, until `end_s` at most, when it was
    answered. Of some that overlap, in tasks beside each other, the one that began first counts,
    and then what others last beyond its end; one that was cancelled, or came to its end after the
    answer, kept nobody waiting while others did."""
    if not len(spans):
        return np.empty(0)
    # Requests one after another on one line of time, so that none overlaps another's.
    first_s = spans["start"].min()
    since = spans["start"] - first_s + of * (end_s.max() - first_s + 1.0)
    until = since + (end_s - spans["start"])
    counted_s = np.zeros(len(spans))
    covered, so_far_s = np.zeros(1), np.zeros(1)
    for_nothing = (spans["outcome"] == CANCELLED) | (end_s < spans["end"])
    for chosen in map(np.flatnonzero, (~for_nothing, for_nothing)):
        chosen = chosen[np.argsort(since[chosen], kind="stable")]
        ends = until[chosen]
        before = np.maximum.accumulate(np.concatenate([[0.0], ends]))[:-1]
        begins = np.minimum(np.maximum(since[chosen], before), ends)
        begun_s, ended_s = (np.interp(each, covered, so_far_s) for each in (begins, ends))
        counted_s[chosen] = (ends - begins) - (ended_s - begun_s)
        # None of these overlap: how much of all time so far is in one.
        lasted_s = np.column_stack((np.zeros(len(ends)), ends - begins)).ravel()
        covered = np.concatenate([[0.0], np.column_stack((begins, ends)).ravel()])
        so_far_s = np.concatenate([[0.0], lasted_s.cumsum()])
    return counted_s


def outermost(insight: Insight) -> NDArray[np.bool_]:
    """Which spans are awaits of the user's own source that a request itself waits at, and that
    no other such await is around. One that FastAPI's own lie within (in a middleware) is the
    whole rest of the app, so those inside count; that may be in a task of its own. So may what
    comes after the endpoint: a response streams what the app makes."""
    spans = insight.spans
    size = len(insight.sites)
    number = np.minimum(spans["site"], size)
    theirs = np.array([is_users(site.file) for site in insight.sites] + [False])
    apps = [bool(site.text) and not is_users(site.file) for site in insight.sites]
    app = np.array([*apps, False])[number]
    own = theirs[number]
    owners = keys_of(spans, "request")
    order = np.lexsort((spans["span"], owners))
    # A request's spans are numbered in order, so its parents are found by search.
    places = owners[order].astype(np.float64) * 2.0**20 + spans["span"][order]
    wanted = owners.astype(np.float64) * 2.0**20 + spans["parent"]
    at = np.searchsorted(places, wanted).clip(0, max(0, len(spans) - 1))
    around = order[at] if len(spans) else at
    has_parent = (spans["parent"] != spans["span"]) & (places[at] == wanted if len(spans) else True)
    middleware = np.zeros(len(spans), bool)
    inner = app.copy()
    while inner.any():
        outer = np.zeros(len(spans), bool)
        outer[around[inner & has_parent]] = True
        inner = outer & ~middleware
        middleware |= outer
    tasks = owners.astype(np.float64) * 2.0**20 + spans["task"]
    # A library's task that no endpoint or dependency set out on goes on with the request.
    begins = spans["site"] >= size
    goes_on = begins & ~theirs[np.minimum(spans["callee"], size)]
    goes_on &= ~has_parent | middleware[around]
    mains = (spans["task"] == 0) | np.isin(tasks, tasks[app | goes_on])
    own &= mains & ~middleware
    inside = np.zeros(len(spans), bool)
    while True:
        further = has_parent & (own[around] | inside[around])
        if (further == inside).all():
            return np.asarray(own & ~inside, dtype=np.bool_)
        inside = further
