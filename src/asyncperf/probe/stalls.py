"""From looks at the loop's thread to the stalls of the loop: pure decisions.

A stall is one thing that kept the loop from everything else for `STALL_S` or more: a step of a
task, or a callback. Many small things, one after another, are load and no stall.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from types import CodeType

from .places import is_probes, is_users
from .record_format import BLOCKED, CPU, LOCKED, NATIVE
from .request import LONG_S
from .watchdog import Look

# Below that a user does not notice it, and the loop's own rounds are of this order.
STALL_S = LONG_S
# A stall that used less than this share of its time on a CPU waited for something.
COMPUTING = 0.5
# ... unless threads that are not Python's computed for it meanwhile, at this share of its time: a
# native call may have threads of its own (Argon2, BLAS). On a busy machine they get less than a
# CPU; while a loop sleeps or waits for an answer, there is next to nothing.
HELPED = 0.25

# (file, line, function), from the outermost frame inwards.
Stack = tuple[tuple[str, int, str], ...]


@dataclass(frozen=True)
class Stall:
    """`blame` is the index in `stack` of the user's innermost line, -1 if there is none."""

    start: float
    duration_s: float
    cpu_s: float
    delay_s: float
    kind: int
    stack: Stack
    blame: int


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
        # Looked at several times, what was seen most often took most of the time.
        seen = Counter(look.stack for look in inside).most_common(1)[0][0]
        frames = [frame for frame in seen if not is_probes(frame[0].co_filename)]
        stack = tuple((code.co_filename, line, name_of(code)) for code, line, _ in frames)
        users = [i for i, (code, _, _) in enumerate(frames) if is_users(code.co_filename)]
        blame = users[-1] if users else -1
    kind = kind_of(inside, duration_s - delay_s, cpu_s, helpers_cpu_s, others_cpu_s)
    return Stall(start, duration_s, cpu_s, delay_s, kind, stack, blame)


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
    instructions = {look.stack[-1] for look in looks}
    # Python moves on between two looks; a call into native code does not.
    return NATIVE if held or (len(looks) > 1 and len(instructions) == 1) else CPU


def between_steps(looks: Sequence[Look], steps: Sequence[tuple[float, float]]) -> list[Look]:
    """The looks that fell into none of the steps, which are known by themselves."""
    return [look for look in looks if not any(a <= look.at <= b + 0.001 for a, b in steps)]


def longest_callback(looks: Sequence[Look], since: float, now: float) -> tuple[float, float] | None:
    """When the callback that was seen longest began and ended, as far as looks can tell: it
    began between the look before and the first one that saw it. None if there is none."""
    if not looks:
        return None
    callbacks = Counter(id(look.callback) for look in looks)
    longest = callbacks.most_common(1)[0][0]
    numbers = [i for i, look in enumerate(looks) if id(look.callback) == longest]
    first, last = numbers[0], numbers[-1]
    before = looks[first - 1].at if first else since
    began = max(before, looks[first].at - (looks[first].at - before) / 2)
    ended = looks[last + 1].at if last + 1 < len(looks) else now
    return began, ended


def name_of(code: CodeType) -> str:
    return str(getattr(code, "co_qualname", code.co_name))
