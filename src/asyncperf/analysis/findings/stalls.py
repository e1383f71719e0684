"""Stalls of the event loop, put together by the line that is to blame."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from asyncperf.analysis.findings.evidence import Evidence
from asyncperf.analysis.findings.inside import NOBODY, Inside, own_s
from asyncperf.insight import Frame, Records, Stack
from asyncperf.probe.record_format import BLOCKED, CALLED_BY_LOOP, CPU, NATIVE, NO_REQUEST
from asyncperf.samples import Floats

# Once is an accident: an import, a cache that is filled.
LEAST_STALLS = 3
# Of the loop's time. What takes less costs no rate that two runs could tell apart ...
LEAST_SHARE = 0.01
# ... but a pause of so long is noticed by whoever meets it (Nielsen, "Usability
# Engineering", 1993: a tenth of a second is where things stop to feel immediate).
NOTICED_S = 0.1
# From this share of the loop's time on it is what everyone waits for.
GRAVE = 0.1
# Files of Python's own, wherever the worker's Python is.
PYTHONS = re.compile(r"^<|[/\\]lib[/\\]python3\.\d+t?[/\\](?!(?:site|dist)-packages[/\\])")
# What runs background tasks.
BACKGROUND = "starlette/background.py"
# Others suffer if it is by more than this of each of their requests: less is the loop's
# ordinary noise.
LEAST_DAMAGE_S = 0.001


@dataclass(frozen=True, eq=False)
class Blamed:
    """The stalls of one line, or of no known line, with one cause: an endpoint's index or
    `NOBODY`. `frame` is the user's line, else the innermost one, None if none was seen."""

    frame: Frame | None
    users: bool
    cause: int
    records: Records

    @property
    def own_s(self) -> float:
        return float(own_s(self.records).sum())

    @property
    def longest_s(self) -> float:
        return float(own_s(self.records).max())

    @property
    def native(self) -> bool:
        """Whether most of it went by inside a call that is not Python's own code."""
        return bool(np.mean(self.records["kind"] == NATIVE) > 1 / 2)


def blamed(evidence: Evidence, *, waiting: bool) -> list[Blamed]:
    """The lines that stalled the loop in this endpoint's requests, those which cost most first:
    `waiting` for something, or computing. The first endpoint of a load also speaks for what no
    endpoint caused."""
    inside = evidence.inside
    if inside is None:
        return []
    causes = inside.causes(inside.stalls)
    chosen = np.isin(inside.stalls["kind"], (BLOCKED,) if waiting else (CPU, NATIVE))
    found: list[Blamed] = []
    for cause in (evidence.index, NOBODY) if evidence.first else (evidence.index,):
        own = list(_by_line(inside, inside.stalls[chosen & (causes == cause)], cause))
        found += own if waiting else _by_function(inside, own)
    worth = (each for each in found if matters(each, inside))
    return sorted(worth, key=lambda each: -each.own_s)


def matters(stalls: Blamed, inside: Inside) -> bool:
    if len(stalls.records) < LEAST_STALLS:
        return False
    return share_of(stalls, inside) >= LEAST_SHARE or stalls.longest_s >= NOTICED_S


def share_of(stalls: Blamed, inside: Inside) -> float:
    """Of the time of all event loops. (Of the last one a part is later.)"""
    return min(1.0, stalls.own_s / (inside.span_s * max(1, inside.workers)))


def _by_line(inside: Inside, stalls: Records, cause: int) -> Iterable[Blamed]:
    lines: dict[tuple[Frame | None, bool], list[int]] = defaultdict(list)
    for number in map(int, np.unique(stalls["stack"])):
        stack = inside.insight.stacks[number] if number < len(inside.insight.stacks) else None
        lines[_to_blame(stack)].append(number)
    for (frame, users), numbers in lines.items():
        yield Blamed(frame, users, cause, stalls[np.isin(stalls["stack"], numbers)])


def _by_function(inside: Inside, lines: Sequence[Blamed]) -> list[Blamed]:
    """Code that computes is looked at while it is at this line or that, or in one of those that
    have called it: put together with what was seen most, whose line is the one told. So is a
    stall of which nothing was seen."""
    stacks = inside.insight.stacks
    found: list[Blamed] = []
    for each in sorted(lines, key=lambda each: (each.frame is None, -each.own_s)):
        same = next((i for i, other in enumerate(found) if _is_part(each, other, stacks)), None)
        if same is None:
            found.append(each)
        else:
            records = np.concatenate([found[same].records, each.records])
            found[same] = replace(found[same], records=records)
    return found


def _is_part(each: Blamed, other: Blamed, stacks: Sequence[Stack]) -> bool:
    """Whether its function was on the way to what the other was seen at."""
    if each.frame is None:
        return other.users
    if not (each.users and other.users):
        return False
    of = (each.frame.file, each.frame.function)
    numbers = (int(number) for number in np.unique(other.records["stack"]))
    frames = (frame for n in numbers if n < len(stacks) for frame in stacks[n].frames)
    return any((frame.file, frame.function) == of for frame in frames)


def _to_blame(stack: Stack | None) -> tuple[Frame | None, bool]:
    if stack is None:
        return None, False
    if stack.blame is not None:
        return stack.frames[stack.blame], True
    # That a library waits in `Condition.wait` says nothing; which of its functions does, it does.
    librarys = (frame for frame in reversed(stack.frames) if not PYTHONS.search(frame.file))
    return next(librarys, stack.frames[-1] if stack.frames else None), False


def damage(evidence: Evidence, stalls: Blamed) -> dict[str, float]:
    """By their labels: how long each request of the other endpoints lay in these stalls, on
    average, but no longer than it was slowed down at all."""
    inside = evidence.inside
    if inside is None:
        return {}
    found = {}
    for index, result in enumerate(evidence.together):
        requests = inside.of(inside.requests, index, "number")
        if index == stalls.cause or not len(requests) or result.unloaded_s is None:
            continue
        mean_s = float(np.mean(requests["answered"] - _sent(requests)))
        slowed_s = max(0.0, mean_s - result.unloaded_s)
        met_s = min(_met_s(requests, stalls.records), slowed_s)
        if met_s >= LEAST_DAMAGE_S:
            found[result.endpoint.label] = met_s
    return found


def _met_s(requests: Records, stalls: Records) -> float:
    """The mean time that a request shared with a stall of its worker."""
    total = 0.0
    for worker in np.unique(stalls["worker"]):
        inside = stalls[stalls["worker"] == worker]
        inside = inside[np.argsort(inside["start"])]
        mine = requests[requests["worker"] == worker]
        met_s = _stalled_by(mine["answered"], inside) - _stalled_by(_sent(mine), inside)
        total += float(met_s.sum())
    return total / len(requests)


def _sent(requests: Records) -> Floats:
    """When each was begun, or if that did not travel with it, when the app was called."""
    begun: Floats = np.where(np.isfinite(requests["sent"]), requests["sent"], requests["start"])
    return begun


def _stalled_by(at: Floats, stalls: Records) -> Floats:
    """How long a worker had been stalling by each moment; its stalls follow each other."""
    starts, lengths_s = stalls["start"], own_s(stalls)
    before_s = np.concatenate([[0.0], np.cumsum(lengths_s)])
    begun = np.searchsorted(starts, at, side="right")
    last = np.maximum(begun - 1, 0)
    partly_s = np.clip(at - starts[last], 0.0, lengths_s[last])
    by: Floats = np.where(begun > 0, before_s[last] + partly_s, 0.0)
    return by


def after_answer(evidence: Evidence, stalls: Blamed) -> bool:
    """Whether it was one of Starlette's background tasks, which run once the answer is sent."""
    seen = stacks_of(evidence, stalls)
    late = [any(f.file.endswith(BACKGROUND) for f in stack.frames) for stack in seen]
    return bool(late) and sum(late) > len(late) / 2


def called_by_loop(evidence: Evidence, stalls: Blamed) -> str | None:
    """What it was that the event loop called, if that is no Python function."""
    for stack in stacks_of(evidence, stalls):
        if stack.frames and stack.frames[-1].file == CALLED_BY_LOOP:
            return stack.frames[-1].function
    return None


def stacks_of(evidence: Evidence, stalls: Blamed) -> list[Stack]:
    """The stack of each."""
    stacks = evidence.inside.insight.stacks if evidence.inside else ()
    return [stacks[n] for n in map(int, stalls.records["stack"]) if n < len(stacks)]


def in_background(stalls: Blamed) -> bool:
    """Whether a task or a callback of the app's own caused it, and no request."""
    return stalls.cause == NOBODY and bool(np.all(stalls.records["request"] == NO_REQUEST))
