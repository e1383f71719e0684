"""The native engine's record of a request: 46 bytes, packed, little-endian.

    intended  f8   when it should have begun
    start     f8   when it did: the moment before it was written, or its connection begun
    first     f8   when the first byte of the answer came, 0 if none did
    end       f8   when its outcome was certain
    bytes     u8   of the answer's body
    status    u2   0 where no answer came
    outcome   u1   see `outcomes`
    phase     u1   0 the single user, 1 the load
    message   u2   which of the orders' messages it was

Times are seconds of `time.perf_counter`: one clock for all processes of a machine. A process
writes them to one segment after another: nothing is added to one once the next one exists.
Imports the standard library only; the load processes start with it.
"""

import os
from collections.abc import Callable
from pathlib import Path
from struct import Struct

from asyncperf.load.outcomes import Outcome

RECORD = Struct("<ddddQHBBH")
RECORD_BYTES = RECORD.size
ALONE, LOADED = 0, 1
# Written when so many have gathered, if no heartbeat comes first.
BUFFERED = 1024
# So many make a segment, 12 MB, some ten seconds of one process's work at its fastest.
SEGMENT = 256 * BUFFERED

# The path of a process's segment of that number.
Segments = Callable[[int], Path]


class RecordWriter:
    """Appends records to segments. `add` makes a system call once in `BUFFERED` records."""

    __slots__ = (
        "_at",
        "_buffer",
        "_file",
        "_number",
        "_pack",
        "_segments",
        "_size",
        "_written",
        "phase",
    )

    def __init__(self, segments: Segments) -> None:
        self._segments = segments
        self._number = self._written = 0
        self._file = self._open()
        self._buffer = bytearray(BUFFERED * RECORD.size)
        self._size = len(self._buffer)
        self._at = 0
        self._pack = RECORD.pack_into
        self.phase = ALONE

    def add(
        self,
        intended: float,
        start: float,
        first: float,
        end: float,
        received: int,
        status: int,
        outcome: Outcome,
        message: int = 0,
    ) -> None:
        at = self._at
        self._pack(
            self._buffer,
            at,
            intended,
            start,
            first,
            end,
            received,
            status,
            outcome,
            self.phase,
            message,
        )
        self._at = at = at + RECORD_BYTES
        if at == self._size:
            self.flush()

    def flush(self) -> None:
        """Hand all records to the operating system; raises OSError where the disk is full."""
        view = memoryview(self._buffer)[: self._at]
        while view:
            view = view[os.write(self._file, view) :]
        self._written += self._at
        self._at = 0
        if self._written >= SEGMENT * RECORD_BYTES:
            os.close(self._file)
            self._number, self._written = self._number + 1, 0
            self._file = self._open()

    def _open(self) -> int:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        return os.open(self._segments(self._number), flags, 0o644)

    def close(self) -> None:
        self.flush()
        os.close(self._file)
