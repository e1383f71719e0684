"""What is recorded of requests: an entry for each, or for alike ones together, in NumPy arrays.

Part of the domain's words (`model`); every module may import it, it imports none. Times are
seconds; a time inside a load counts from the moment its ramp began.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
# How many requests each entry stands for; None if each stands for one.
Weights = NDArray[np.int64] | None


@dataclass(frozen=True)
class Precision:
    """How far apart requests that share an entry can be: their completions by `time_s` seconds,
    their latencies by the share `latency`."""

    time_s: float
    latency: float


@dataclass(frozen=True)
class Folded:
    """So many requests of an endpoint were not kept one by one, and are known this finely."""

    requests: int
    precision: Precision


@dataclass(frozen=True, eq=False)
class Samples:
    """Every request of one endpoint in one load, in order of completion.

    Of a load of very many requests an entry stands for `weight` of them, that ended alike, at
    about the same time and with about the same latency: `precision` says how far apart. Its
    times are then their means, `received_bytes` their sum; `least_s` and `most_s` are their
    least and greatest latency, and the order is that of `precision.time_s`.

    Arrays of length n: `start_s`, `latency_s` (unrounded), `status` (0 where no answer
    came), `ok`, `received_bytes`. `cut_off_s` (length m) holds the starts of the requests
    that were in flight when the load ended. `errors` counts failures by their text.

    In an open load `start_s` is when a request was meant to start, and latency counts from
    then. Length n as well, or None where the engine cannot tell: `late_s`, how long after
    it was meant to start it did; `first_byte_s`, when its answer began (NaN where none
    came); `outcome`, how it ended (see `load.outcomes`).
    """

    start_s: Floats
    latency_s: Floats
    status: NDArray[np.int32]
    ok: NDArray[np.bool_]
    received_bytes: NDArray[np.int64]
    cut_off_s: Floats
    errors: Mapping[str, int]
    late_s: Floats | None = None
    first_byte_s: Floats | None = None
    outcome: NDArray[np.uint8] | None = None
    weight: Weights = None
    least_s: Floats | None = None
    most_s: Floats | None = None
    precision: Precision | None = None

    @property
    def end_s(self) -> Floats:
        return self.start_s + self.latency_s

    @property
    def requests(self) -> int:
        """How many requests there are, whatever number of entries they take."""
        return len(self.start_s) if self.weight is None else int(self.weight.sum())

    @property
    def failures(self) -> int:
        return self.count(~self.ok)

    def count(self, chosen: NDArray[np.bool_]) -> int:
        """How many requests the chosen entries stand for."""
        return int(np.count_nonzero(chosen) if self.weight is None else self.weight[chosen].sum())

    def where(self, chosen: NDArray[np.bool_]) -> "Samples":
        """The entries at which `chosen` is true; the rest stays as it is."""
        columns = {name: getattr(self, name) for name in COLUMNS}
        return replace(
            self, **{name: value[chosen] for name, value in columns.items() if value is not None}
        )

    def __len__(self) -> int:
        return len(self.start_s)

    @classmethod
    def none(cls) -> "Samples":
        empty = np.empty(0)
        return cls(
            start_s=empty,
            latency_s=empty,
            status=empty.astype(np.int32),
            ok=empty.astype(np.bool_),
            received_bytes=empty.astype(np.int64),
            cut_off_s=empty,
            errors={},
        )


# What has a value for each entry.
COLUMNS = tuple(
    column.name
    for column in fields(Samples)
    if column.name not in ("cut_off_s", "errors", "precision")
)


def joined(parts: Sequence[Samples]) -> Samples:
    """All requests of several loads or endpoints, one part after the other.

    A column that one of them lacks is left out. If one is folded, all have weights.
    """
    if len(parts) == 1:
        return parts[0]
    parts = parts or [Samples.none()]
    precision = coarsest(parts)
    if precision is not None:
        parts = [_weighted(part) for part in parts]
    columns: dict[str, Any] = {}
    for name in COLUMNS:
        values = [getattr(part, name) for part in parts]
        if not any(value is None for value in values):
            columns[name] = np.concatenate(values)
    return Samples(
        **columns,
        cut_off_s=np.concatenate([part.cut_off_s for part in parts]),
        errors=dict(sum((Counter(part.errors) for part in parts), Counter[str]())),
        precision=precision,
    )


def coarsest(parts: Sequence[Samples]) -> Precision | None:
    """How finely all of them are known; None if every request has an entry of its own."""
    found = [part.precision for part in parts if part.precision is not None]
    if not found:
        return None
    return Precision(max(p.time_s for p in found), max(p.latency for p in found))


def _weighted(part: Samples) -> Samples:
    if part.weight is not None:
        return part
    ones = np.ones(len(part), dtype=np.int64)
    return replace(part, weight=ones, least_s=part.latency_s, most_s=part.latency_s)
