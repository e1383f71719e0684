"""The load processes' records as NumPy arrays, read while they are written."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from asyncperf.load.outcomes import SUCCEEDED, Outcome
from asyncperf.load.record_format import RECORD, Segments
from asyncperf.model import LATE_START_S

# As `record_format` packs it.
DTYPE = np.dtype(
    [
        ("intended", "<f8"),
        ("start", "<f8"),
        ("first", "<f8"),
        ("end", "<f8"),
        ("received", "<u8"),
        ("status", "<u2"),
        ("outcome", "u1"),
        ("phase", "u1"),
        ("message", "<u2"),
    ]
)
assert DTYPE.itemsize == RECORD.size

Records = NDArray[np.void]
NONE = np.empty(0, DTYPE)
CUT_OFF = int(Outcome.CUT_OFF)
# By outcome; a number that no outcome has is no success.
IS_SUCCESS = np.isin(np.arange(256), [int(outcome) for outcome in SUCCEEDED])
# How a request ended: its outcome and its status.
End = tuple[int, int]


class RecordReader:
    """One process's segments, read from where the last read ended. `segment` and `offset`, in
    bytes, are that place; `is_behind` says whether there is a further segment to read."""

    def __init__(self, segments: Segments) -> None:
        self._segments = segments
        self._read: list[Path] = []
        self.segment = self.offset = 0
        self.is_behind = False

    def new_records(self) -> Records:
        """What has been written to the present segment since the last call."""
        path = self._segments(self.segment)
        # Asked first: what is read after that is all that the segment will ever hold.
        self.is_behind = self._segments(self.segment + 1).exists()
        with path.open("rb") as file:
            file.seek(self.offset)
            data = file.read()
        whole = len(data) // DTYPE.itemsize * DTYPE.itemsize
        self.offset += whole
        if self.is_behind:
            self._read.append(path)
            self.segment, self.offset = self.segment + 1, 0
        return np.frombuffer(data, dtype=DTYPE, count=whole // DTYPE.itemsize)

    @property
    def has_read_segments(self) -> bool:
        """Whether there are segments that hold nothing new any more."""
        return bool(self._read)

    def delete_read_segments(self) -> None:
        while self._read:
            self._read.pop().unlink()


def in_order(records: Records) -> Records:
    """Records of several processes in order of completion."""
    ends = np.ascontiguousarray(records["end"])
    if (ends[1:] >= ends[:-1]).all():
        return records
    return records[np.argsort(ends, kind="stable")]


def late_starts(records: Records) -> int:
    """How many began later than they should have by more than `LATE_START_S`."""
    return int(np.count_nonzero(records["start"] - records["intended"] > LATE_START_S))


def failed_ends(records: Records) -> dict[End, int]:
    """How many failed in each way."""
    failed = records[~IS_SUCCESS[records["outcome"]]]
    packed = failed["outcome"].astype(np.int64) << 16 | failed["status"]
    counted = zip(*np.unique(packed, return_counts=True), strict=True)
    return {(int(end) >> 16, int(end) & 0xFFFF): int(count) for end, count in counted}
