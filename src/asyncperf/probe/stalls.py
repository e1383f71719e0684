"""From looks at the loop's thread to the stalls of the loop: pure decisions.

A stall is one thing that kept the loop from everything else for `STALL_S` or more: a step of a
task, or a callback. Many small things, one after another, are load and no stall.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE, CO_GENERATOR
from itertools import groupby
from pathlib import PurePath
from types import CodeType

from .places import is_probes, is_users
from .record_format import BLOCKED, CALLED_BY_LOOP, CPU, LOCKED, NATIVE
from .request import LONG_S
from .watchdog import LOOK_S, Look

# Below that a user does not notice it, and the loop's own rounds are of this order.
STALL_S = LONG_S
# So much of its time what lasts so long may have waited for a CPU, and still be one: whoever
# sleeps comes a little late to a CPU each time that it wakes.
DELAYED = 0.1
# A stall that used less than this share of its time on a CPU waited for something.
COMPUTING = 0.5
# ... unless threads that are not Python's computed for it meanwhile, at this share of its time: a
# native call may have threads of its own (Argon2, BLAS). On a busy machine they get less than a
# CPU; while a loop sleeps or waits for an answer, there is next to nothing.
HELPED = 0.25
# So many callbacks before one in its turn take a millisecond or two at most, if they are small.
FEW = 8
# The innermost frames of whoever waits for a thread to start, in CPython's `threading`.
STARTING = [("threading.py", "start"), ("threading.py", "wait"), ("threading.py", "wait")]
SUSPENDS = CO_COROUTINE | CO_GENERATOR | CO_ASYNC_GENERATOR

# (file, line, function), from the outermost frame inwards.
Stack = tuple[tuple[str, int, str], ...]


@dataclass(frozen=True)
class Stall:
    """`blame` is the index in `stack` of the user's innermost line, -1 if there is none. Who looked
    was kept from it for `late_s`."""

    start: float
    duration_s: float
    cpu_s: float
    delay_s: float
    kind: int
    stack: Stack
    blame: int
    late_s: float


def is_stall(duration_s: float, delay_s: float) -> bool:
    """Whether what took so long, and of that waited so long for a CPU, is one: a machine that is
    too busy stalls nobody."""
    if delay_s > DELAYED * duration_s:
        duration_s -= delay_s
    return duration_s >= STALL_S


def stall_of(
    looks: Sequence[Look],
    start: float,
    end: float,
    cpu_s: float,
    delay_s: float,
    helpers_cpu_s: float = 0.0,
    others_cpu_s: float = 0.0,
) -> Stall:
    """The stall from `start` to `end`, of which looks were taken; the loop's thread used so much
    CPU in it, and waited for a CPU so long. All other threads used `others_cpu_s`, those that
    are nobody's trip at least `helpers_cpu_s`."""
    duration_s = end - start
    cpu_s, delay_s = (min(duration_s, max(0.0, part)) for part in (cpu_s, delay_s))
    inside = [look for look in looks if start <= look.at <= end + 0.001]
    stack: Stack = ()
    blame = -1
    if inside:
        # A look stands for the time since it was due: the line that has most of it took most.
        taken_s: dict[Hashable, float] = {}
        for look in inside:
            lines = users_lines(look)
            taken_s[lines] = taken_s.get(lines, 0.0) + look.late_s + LOOK_S
        most = max(taken_s, key=taken_s.__getitem__)
        stack = stack_of(next(look for look in inside if users_lines(look) == most))
        users = [i for i, (file, _, _) in enumerate(stack) if is_users(file)]
        blame = users[-1] if users else -1
    kind = kind_of(inside, duration_s - delay_s, cpu_s, helpers_cpu_s, others_cpu_s)
    if kind == BLOCKED and starts_a_thread(stack):
        kind = LOCKED
    late_s = sum(look.late_s for look in inside)
    return Stall(start, duration_s, cpu_s, delay_s, kind, stack, blame, late_s)


def stack_of(look: Look) -> Stack:
    """What was seen, without the probe's own frames."""
    if (builtin := look.builtin) is not None:
        called = (CALLED_BY_LOOP, 0, builtin.name)
        return (called,) if builtin.place is None else (builtin.place, called)
    frames = (frame for frame in look.stack if not is_probes(frame[0].co_filename))
    return tuple((code.co_filename, line, name_of(code)) for code, line, _ in frames)


def starts_a_thread(stack: Stack) -> bool:
    """Whether it waits for a thread to take its first step, for which that needs nothing but
    Python's lock: others that compute have it, or have just woken and want it as well."""
    waits = [(PurePath(file).name, function) for file, _, function in stack[-len(STARTING) :]]
    return [(file, function.rpartition(".")[2]) for file, function in waits] == STARTING


def is_unseen(stall: Stall, others_cpu_s: float) -> bool:
    """Whether nobody could look at it until it was over, though nobody computed: what blocks the
    loop lets others look, so the machine kept all of them waiting, or whoever had Python's lock.
    A line of the user's is what it was all the same: a call may keep the lock and do nothing."""
    idle = stall.kind == BLOCKED and others_cpu_s < HELPED * stall.duration_s
    kept_off = stall.late_s > COMPUTING * stall.duration_s
    return idle and (not stall.stack or (stall.blame < 0 and kept_off))


def users_lines(look: Look) -> Hashable:
    if look.builtin is not None:
        return look.builtin.name
    return tuple((code, line) for code, line, _ in look.stack if is_users(code.co_filename))


def kind_of(
    looks: Sequence[Look],
    duration_s: float,
    cpu_s: float,
    helpers_cpu_s: float = 0.0,
    others_cpu_s: float = 0.0,
) -> int:
    if cpu_s < COMPUTING * duration_s:
        # Whoever looks needs Python's lock. If it was not to be had either, the loop's thread may
        # stand at any line, for it waits for the lock; or at one that waits for a thread which
        # does. A busy machine keeps the looks waiting too, but then nobody computes.
        waited_s = sum(look.late_s for look in looks)
        if waited_s > COMPUTING * duration_s and others_cpu_s >= HELPED * duration_s:
            return LOCKED
        return NATIVE if helpers_cpu_s >= HELPED * duration_s else BLOCKED
    held = any(look.late_s > COMPUTING * duration_s for look in looks)
    instructions = {look.stack[-1] if look.stack else look.call for look in looks}
    # Python moves on between two looks; a call into native code does not.
    stays = len(looks) > 1 and len(instructions) == 1
    return NATIVE if held or stays or any(look.builtin for look in looks) else CPU


def between_steps(looks: Sequence[Look], steps: Sequence[tuple[float, float]]) -> list[Look]:
    """The looks that fell into none of the steps, which are known by themselves."""
    return [look for look in looks if not any(a <= look.at <= b + 0.001 for a, b in steps)]


def callbacks(looks: Sequence[Look], since: float, now: float) -> Iterator[tuple[float, float]]:
    """When each callback that was seen began and ended, as far as looks can tell. It ended at the
    latest when another was seen, and began at the earliest with its turn of the loop, or with the
    look before; halfway between that and the first look at it, if there may have been others."""
    runs = [list(run) for _, run in groupby(looks, key=lambda look: look.call)]
    for number, run in enumerate(runs):
        first = run[0]
        began = runs[number - 1][-1].at if number else since
        if first.turn is not None and first.turn.began <= first.at:
            began = max(began, first.turn.began)
        if not took_all(run):
            began += (first.at - began) / 2
        yield began, runs[number + 1][0].at if number + 1 < len(runs) else now


def outside(
    since: float, until: float, steps: Sequence[tuple[float, float]]
) -> tuple[float, float]:
    """The longest part of a time that is in none of the steps. A callback is none of a step, but
    when it began is a guess, and may reach back into one that went before."""
    parts, at = [], since
    for began, ended in sorted(steps):
        parts.append((at, min(began, until)))
        at = max(at, ended)
    return max([*parts, (at, until)], key=lambda part: part[1] - part[0])


def took_all(run: Sequence[Look]) -> bool:
    """Whether a callback, as far as it was seen, took all of its turn, and not many small ones
    before it."""
    turn = run[0].turn
    if turn is None or turn.began > run[0].at:  # by a clock that is not ours
        return False
    if turn.before is not None and turn.before > FEW:
        return False
    # What is a long one is seen again, unless it computes. A server's many small ones are its
    # own, and steps of tasks; what the user has the loop call is rare.
    if run[0].builtin is not None:
        return len(run) > 1 or turn.before == 0
    code = run[0].stack[0][0]
    plain = is_users(code.co_filename) and not code.co_flags & SUSPENDS
    return len(run) > 1 or plain or turn.before == 0


def name_of(code: CodeType) -> str:
    return str(getattr(code, "co_qualname", code.co_name))
