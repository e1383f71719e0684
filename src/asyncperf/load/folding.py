"""A load of more requests than are kept one by one, folded into cells.

A cell holds the requests that ended alike (message's name, status, outcome), in the same
stretch of time, with about the same latency: bins of equal relative width, as HdrHistogram has
them (Tene, hdrhistogram.org). It keeps their number and their sums, so that means and totals
stay exact, and the least and the greatest latency.

Once there are too many cells, each two stretches of time become one. So a load twice as long is
known half as finely in time, which is the same part of its length, and its latencies as finely
as before. Only where few stretches are left, because requests end in very many ways, each two
bins of latency become one instead.
"""

import math
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from asyncperf.load.record_reader import IS_SUCCESS, End, Records, late_starts
from asyncperf.samples import Precision, Samples

# The first stretches of time: a million requests within a minute have 6,000 of them.
CELL_S = 0.01
# The search for the steady state takes 16 of them for a cycle: 500 leave it 31 cycles.
LEAST_STRETCHES = 500
# The first bins: a sixth of the smallest difference between two runs that is worth naming.
LATENCY_PRECISION = 0.005
# Latencies are recorded to a microsecond: what is shorter shares the first bin.
LEAST_LATENCY_S = 1e-6
# As many entries as a load may have that is not folded: 72 MB, and some four times that while
# they are added up and looked at.
MOST_CELLS = 1_000_000

# Records are folded so many at a time: a cell for each is larger than a record.
AT_ONCE = 100_000

# A cell's number: its stretch of time, then what its requests have in common, then its bin.
# At 10 ms 30 bits are 124 days, and 2^13 bins of 0.5 % span 17 orders of magnitude.
BIN_BITS, KIND_BITS = 13, 20
TIME_BITS_AT = BIN_BITS + KIND_BITS
CELL = np.dtype(
    [
        ("number", "<i8"),
        ("requests", "<i8"),
        ("end", "<f8"),
        ("latency", "<f8"),
        ("late", "<f8"),
        ("first", "<f8"),
        ("received", "<i8"),
        ("least", "<f8"),
        ("most", "<f8"),
    ]
)
SUMS = ("requests", "end", "latency", "late", "first", "received")

Cells = NDArray[np.void]
# What requests of one cell have in common: message's name (its number), status and outcome.
Kind = tuple[int, int, int]


class Folding:
    """The requests of one load beyond those that are kept one by one.

    `names` gives each message the number of its name; times count from `origin_s`, latencies
    from the `start` column: "start" or, in an open load, "intended".
    """

    def __init__(
        self,
        names: Sequence[int],
        origin_s: float,
        start: str,
        *,
        most_cells: int = MOST_CELLS,
        cell_s: float = CELL_S,
    ) -> None:
        self._names = np.array(names, dtype=np.int64)
        self._origin_s = origin_s
        self._start = start
        self._most_cells = most_cells
        self._cells = np.empty(0, CELL)
        self._kinds: dict[Kind, int] = {}
        self._cell_s = cell_s
        # A bin has this many of the finest, as a power of two.
        self._bin_bits = 0
        self.late_starts = 0
        # How many requests ended in each outcome.
        self.by_outcome = np.zeros(256, dtype=np.int64)

    def add(self, records: Records) -> None:
        """Fold finished requests, in any order."""
        for begin in range(0, len(records), AT_ONCE):
            self._add(records[begin : begin + AT_ONCE])
        self.late_starts += late_starts(records)
        self.by_outcome += np.bincount(records["outcome"], minlength=256)

    def _add(self, records: Records) -> None:
        new = summed(self._cells_of(records))
        # Before the first new cell's stretch of time there is nothing to add up.
        first = new["number"][0] >> TIME_BITS_AT << TIME_BITS_AT
        settled = int(np.searchsorted(self._cells["number"], first))
        tail = summed(np.concatenate([self._cells[settled:], new]))
        self._cells = np.concatenate([self._cells[:settled], tail])
        while len(self._cells) > self._most_cells and self._bin_bits < BIN_BITS:
            if self._stretches >= 2 * LEAST_STRETCHES:
                self._lengthen()
            else:
                self._widen()
            self._cells = summed(self._cells)

    @property
    def precision(self) -> Precision:
        widest = math.expm1(math.log1p(LATENCY_PRECISION) * (1 << self._bin_bits))
        # To the digits that say something: 0.5 %, then 1.0025 %.
        return Precision(self._cell_s, float(f"{widest:.6g}"))

    @property
    def _stretches(self) -> int:
        first, last = self._cells["number"][[0, -1]] >> TIME_BITS_AT
        return int(last - first) + 1

    def _lengthen(self) -> None:
        """Make each two stretches of time one."""
        time, rest = np.divmod(self._cells["number"], 1 << TIME_BITS_AT)
        self._cells["number"] = time >> 1 << TIME_BITS_AT | rest
        self._cell_s *= 2

    def _widen(self) -> None:
        """Make each two bins of latency one."""
        rest, number = np.divmod(self._cells["number"], 1 << BIN_BITS)
        self._cells["number"] = rest << BIN_BITS | number >> 1
        self._bin_bits += 1

    def _cells_of(self, records: Records) -> Cells:
        """A cell for each request."""
        start, end, first = records[self._start], records["end"], records["first"]
        cells = np.empty(len(records), CELL)
        latency = end - start
        time = np.floor((end - self._origin_s) / self._cell_s).astype(np.int64)
        # One that ended before the ramp by a rounding error has no stretch of its own.
        time = np.maximum(time, 0) << TIME_BITS_AT
        bins = bins_of(latency) >> self._bin_bits
        cells["number"] = time | self._kinds_of(records) << BIN_BITS | bins
        cells["requests"] = 1
        cells["end"] = end - self._origin_s
        cells["latency"] = cells["least"] = cells["most"] = latency
        cells["late"] = records["start"] - records["intended"]
        # Where a request had no first byte its cell has none.
        cells["first"] = np.where(first > 0, first - self._origin_s, np.nan)
        cells["received"] = records["received"]
        return cells

    def _kinds_of(self, records: Records) -> NDArray[np.int64]:
        names = self._names[records["message"]]
        packed = names << 24 | records["status"].astype(np.int64) << 8 | records["outcome"]
        found, inverse = np.unique(packed, return_inverse=True)
        kinds = ((int(kind) >> 24, int(kind) >> 8 & 0xFFFF, int(kind) & 0xFF) for kind in found)
        numbers = [self._kinds.setdefault(kind, len(self._kinds)) for kind in kinds]
        return np.array(numbers, dtype=np.int64)[inverse]

    def failed_ends(self, name: int) -> dict[End, int]:
        """How many requests of one name failed in each way."""
        counts = np.bincount(self._kind_numbers(), self._cells["requests"], len(self._kinds))
        return {
            (outcome, status): int(counts[number])
            for (other, status, outcome), number in self._kinds.items()
            if other == name and not IS_SUCCESS[outcome]
        }

    def samples(self, name: int) -> Samples:
        """The folded requests of one name, without its errors."""
        kinds = np.array(list(self._kinds), dtype=np.int64).reshape(-1, 3)
        kind, cells = self._kind_numbers(), self._cells
        chosen = kinds[kind, 0] == name
        if not chosen.all():
            kind, cells = kind[chosen], cells[chosen]
        requests = cells["requests"].copy()
        latency_s = cells["latency"] / requests
        outcome = kinds[kind, 2]
        return Samples(
            start_s=cells["end"] / requests - latency_s,
            latency_s=latency_s,
            status=kinds[kind, 1].astype(np.int32),
            ok=IS_SUCCESS[outcome],
            received_bytes=cells["received"].copy(),
            cut_off_s=np.empty(0),
            errors={},
            late_s=cells["late"] / requests,
            first_byte_s=cells["first"] / requests,
            outcome=outcome.astype(np.uint8),
            weight=requests,
            least_s=cells["least"].copy(),
            most_s=cells["most"].copy(),
            precision=self.precision,
        )

    def _kind_numbers(self) -> NDArray[np.int64]:
        numbers: NDArray[np.int64] = self._cells["number"] >> BIN_BITS & (1 << KIND_BITS) - 1
        return numbers

    def save(self, file: Path, exact: Records, read: Sequence[tuple[int, int]]) -> None:
        """Write down what has been folded beside the `exact` records: together all before these
        places, each a segment's number and an offset in it, of process after process. Raises
        OSError where there is no room."""
        new = file.with_suffix(".new")
        try:
            with new.open("wb") as content:
                np.savez(
                    content,
                    exact=exact,
                    cells=self._cells,
                    kinds=np.array(list(self._kinds)),
                    precision=[self.precision.time_s, self.precision.latency],
                    read=np.array(read),
                )
            os.replace(new, file)
        finally:
            new.unlink(missing_ok=True)


def bins_of(latency_s: NDArray[np.float64]) -> NDArray[np.int64]:
    """The number of each latency's finest bin, which is `LATENCY_PRECISION` wide."""
    ratio = np.maximum(latency_s, LEAST_LATENCY_S) / LEAST_LATENCY_S
    found: NDArray[np.int64] = (np.log(ratio) / math.log1p(LATENCY_PRECISION)).astype(np.int64)
    return np.minimum(found, (1 << BIN_BITS) - 1)


def summed(cells: Cells) -> Cells:
    """Cells in the order of their numbers, those of one number added up."""
    cells = cells[np.argsort(cells["number"], kind="stable")]
    starts = np.flatnonzero(np.diff(cells["number"], prepend=-1))
    together = np.empty(len(starts), CELL)
    together["number"] = cells["number"][starts]
    for name in SUMS:
        together[name] = np.add.reduceat(cells[name], starts)
    together["least"] = np.minimum.reduceat(cells["least"], starts)
    together["most"] = np.maximum.reduceat(cells["most"], starts)
    return together
