"""How a limiter is called and described."""

from asyncperf.report.units import count, known, number, percent, plural, seconds
from asyncperf.report.untrusted import clean, shorten
from asyncperf.results import Limiter, LimiterKind

# In the order in which groups are printed: what can be mended first.
NAMES: dict[LimiterKind, str] = {
    "loop_blocked": "a blocked event loop",
    "loop_cpu": "the event loop's CPU",
    "gc": "garbage collection on the event loop",
    "threads_cpu": "the CPU time of the worker's threads, of which Python runs one at a time",
    "machine_cpu": "the machine's CPUs",
    "connections": "the connections",
    "lock": "a lock",
    "thread_pool": "the thread pool",
    "awaited": "what requests wait for, in the app or behind it",
    "users": "the users themselves",
    "rate": "the arrival rate",
}
# In a table.
SHORT: dict[LimiterKind, str] = {
    "loop_blocked": "blocked loop",
    "loop_cpu": "loop's CPU",
    "gc": "collector",
    "threads_cpu": "threads' CPU",
    "machine_cpu": "machine's CPUs",
    "connections": "connections",
    "lock": "lock",
    "thread_pool": "thread pool",
    "awaited": "what it awaits",
    "users": "users",
    "rate": "arrival rate",
}
# These are the load's own limits: the app had room.
OF_THE_LOAD = ("users", "rate")
OF_THE_LOOP = ("loop_blocked", "loop_cpu", "gc")
OF_THE_WORKERS = (*OF_THE_LOOP, "threads_cpu", "machine_cpu")
# A worker's places are all taken when this much of them is, on average.
FULL = 0.9
# Waits for a CPU are said if they are this share of what a request holds the loop.
QUEUED_MATTERS = 0.1
# A pool's or a lock's own name in a sentence is shortened to this.
OWN_NAME = 40


def limited(limiter: Limiter, workers: int, explained: bool, think_s: float = 0.0) -> str:
    """A sentence without its full stop; short where a finding explains the rest. `think_s` is
    how long a user waits between two requests."""
    text, hold = name_of(limiter), seconds(limiter.hold_s)
    if limiter.kind == "users":
        return f"{text}, {hold} a request{' with its think time' if think_s else ''}"
    if limiter.kind == "rate" or explained:
        return text
    if limiter.kind in OF_THE_WORKERS:
        return text + _queued(limiter)
    places = int(limiter.capacity) // max(1, workers)
    place = f"one of {count(places)} {_places(limiter.kind)} per worker"
    if places == 1:
        place = "the only one of its worker"
    if not known(limiter.wait_s):
        return f"{text}: a request holds {place} for {hold}"
    wait = seconds(limiter.wait_s)
    return f"{text}: a request waits {wait} for {place}, then holds it for {hold}"


def name_of(limiter: Limiter) -> str:
    """The limiter and how much of it was taken."""
    name = NAMES[limiter.kind]
    if limiter.kind == "users":
        return f"the {plural(int(limiter.capacity), 'user')} themselves"
    if limiter.kind == "rate":
        asked = f"{name} of {limiter.capacity:g} req/s"
        if not known(limiter.answered):
            return asked
        answered = percent(limiter.answered)
        return f"{asked}: {number(limiter.sent_rps)} sent, {answered} of them answered"
    if limiter.kind == "machine_cpu":
        taken, left = percent(limiter.utilization, 0), f"{limiter.capacity:.1f}"
        return f"{name}, {seconds(limiter.hold_s)} a request: {taken} of {left} that others leave"
    if limiter.kind in OF_THE_WORKERS:
        return f"{name}, {seconds(limiter.hold_s)} a request: {_busy_each(limiter)}"
    if limiter.name and limiter.kind != "thread_pool":
        name += f" ({shorten(clean(limiter.name), OWN_NAME)})"
    return f"{name}{_busy(limiter)}"


def _busy(limiter: Limiter) -> str:
    capacity = count(int(limiter.capacity))
    if not known(limiter.utilization):
        return f", {capacity} {_places(limiter.kind)}"
    busy = round(min(limiter.utilization, 1.0) * limiter.capacity)
    return f", {count(busy)} of {capacity} busy"


def _places(kind: LimiterKind) -> str:
    return {"thread_pool": "threads", "connections": "connections"}.get(kind, "places")


def _busy_each(limiter: Limiter) -> str:
    """`2 of 2 loops 97 % busy`, or what those that are not full are."""
    what = "loop" if limiter.kind in OF_THE_LOOP else "worker"
    full = [share for share in limiter.each if share >= FULL]
    others = [share for share in limiter.each if share < FULL]
    if not full:
        return f"{plural(len(others), what)} {_mean(others)} busy"
    text = f"{len(full)} of {plural(len(limiter.each), what)} {_mean(full)} busy"
    return f"{text}, the rest {_mean(others)}" if others else text


def _mean(shares: list[float]) -> str:
    return percent(sum(shares) / len(shares), 0)


def _queued(limiter: Limiter) -> str:
    if limiter.queued_s < QUEUED_MATTERS * limiter.hold_s:
        return ""
    return f"; {seconds(limiter.queued_s)} of it waits for a CPU, so the machine is busy as well"
