"""What the event loop is at for an endpoint, from samples of the loop's thread."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePath

import numpy as np
from numpy.typing import NDArray

from asyncperf.analysis.answers import places_of
from asyncperf.analysis.seen import Seen
from asyncperf.explanation import LoopPart
from asyncperf.insight import Frame, Insight, Stack
from asyncperf.probe.places import LIBRARIES
from asyncperf.samples import Floats

# Fewer samples than this say little of shares: a half of it is right to a seventh.
LEAST_SAMPLES = 50
# What takes less of the loop's time than this is not told apart.
LEAST_SHARE = 0.01
UNKNOWN = "unknown"
PYTHON = re.compile(r"python3\.\d+")


@dataclass
class Place:
    """Samples of one place: the weight of each line, and of what it called, from the outermost
    function inwards."""

    samples: int = 0
    weight: float = 0.0
    lines: dict[int, float] = field(default_factory=lambda: defaultdict(float))
    called: list[tuple[tuple[str, ...], float]] = field(default_factory=list)


def on_loop(insight: Insight, seen: Seen) -> tuple[LoopPart, ...]:
    """The parts of the time that the loops work for an endpoint, the longest first. A function of
    the user's has all that goes by in libraries on its behalf, and the line at which most did;
    what they do for none is parted by package.

    Shares p of n samples have the variance p (1 - p) / n (Cochran, "Sampling Techniques", 1977,
    chapter 3).
    """
    stacks, weights = samples_of(insight, seen)
    if len(stacks) < LEAST_SAMPLES:
        return ()
    places: dict[tuple[str | None, str], Place] = defaultdict(Place)
    for number in np.unique(stacks):
        line, called = place_of(insight.stacks[number])
        weight = float(weights[stacks == number].sum())
        place = places[(line.file, line.function) if line else (None, package_in(called))]
        place.samples += int(np.count_nonzero(stacks == number))
        place.weight += weight
        place.called.append((called, weight))
        if line is not None:
            place.lines[line.line] += weight
    total = float(weights.sum())
    found = [
        part_of(file, name, place, place.weight / total)
        for (file, name), place in places.items()
        if place.weight >= LEAST_SHARE * total
    ]
    return tuple(sorted(found, key=lambda part: -part.share))


def part_of(file: str | None, name: str, place: Place, share: float) -> LoopPart:
    """`name` is the function's of the user's `file`, or a package's."""
    inside = most_called(place.called)
    if file is None:
        return LoopPart(None, None, None, inside or name, share, place.samples)
    line = max(place.lines, key=place.lines.__getitem__)
    return LoopPart(file, line, name, inside, share, place.samples)


def samples_of(insight: Insight, seen: Seen) -> tuple[NDArray[np.uint16], Floats]:
    """The stacks of an endpoint's samples, and their weights. Where it has the load to itself all
    are, also those in what the server does; else those in the steps of its recorded requests."""
    samples = insight.profile
    samples = samples[samples["stack"] < len(insight.stacks)]
    if len(samples) == 0 or len(seen) == 0:
        return np.empty(0, np.uint16), np.empty(0)
    since_s, until_s = seen.rows["start"].min(), seen.rows["end"].max()
    requests = insight.requests
    meanwhile = requests[(requests["end"] >= since_s) & (requests["start"] <= until_s)]
    if np.isin(meanwhile["route"], seen.rows["route"]).all():
        ours = (samples["at"] >= since_s) & (samples["at"] <= until_s)
        return samples["stack"][ours], np.ones(np.count_nonzero(ours))
    at, recorded = places_of(seen.rows, samples)
    return samples["stack"][recorded], seen.weight[at[recorded]]


def place_of(stack: Stack) -> tuple[Frame | None, tuple[str, ...]]:
    """The user's line, None if there is none, and the functions from there inwards, each after its
    package."""
    if stack.blame is None:
        return None, tuple(map(named, stack.frames))
    return stack.frames[stack.blame], tuple(map(named, stack.frames[stack.blame + 1 :]))


def most_called(called: Sequence[tuple[tuple[str, ...], float]]) -> str | None:
    """The innermost function that has more than half of the weight in it, as one goes inwards from
    the place; None where no one has, as where most is the line itself."""
    half = sum(weight for _, weight in called) / 2
    path: tuple[str, ...] = ()
    while True:
        weights: dict[str, float] = defaultdict(float)
        for functions, weight in called:
            if functions[: len(path)] == path and len(functions) > len(path):
                weights[functions[len(path)]] += weight
        most = max(weights, key=weights.__getitem__, default="")
        if weights[most] <= half:
            return path[-1] if path else None
        path += (most,)


def package_in(called: tuple[str, ...]) -> str:
    return called[-1].partition(" ")[0] if called else UNKNOWN


def named(frame: Frame) -> str:
    return f"{package_of(frame.file)} {frame.function}"


def package_of(file: str) -> str:
    """`httpcore` for .../site-packages/httpcore/_async/http11.py, `json` for Python's own."""
    if file.startswith("<frozen "):
        return file[len("<frozen ") :].partition(".")[0].rstrip(">")
    parts = PurePath(file).parts
    roots = [n for n, part in enumerate(parts[:-1]) if part in LIBRARIES]
    roots = roots or [n for n, part in enumerate(parts[:-1]) if PYTHON.fullmatch(part)]
    return PurePath(parts[roots[-1] + 1] if roots else parts[-1]).stem
