"""Tables in memory that are written to their files by and by."""

from __future__ import annotations

import errno
import os
import threading
from collections import deque
from itertools import starmap
from pathlib import Path
from struct import Struct
from typing import Any

from .accelerator import NATIVE
from .record_format import FILES, block, file_name, packing

# So many records fill a buffer; a full one waits to be written by another thread.
BUFFERED = 1024
# Buffers that may wait. A disk that takes no more must not fill the memory instead: what
# comes beyond is counted and dropped.
MOST_WAITING = 256


class Rows(list[tuple[float, ...]]):
    """Records that wait to be packed."""

    def __init__(self, packed: Struct) -> None:
        super().__init__()
        self._pack = packed.pack

    def take(self) -> bytes:
        """All so far, which are gone from here then. To pack many at once takes half of the time
        of one by one."""
        rows = self.copy()
        del self[: len(rows)]
        return b"".join(starmap(self._pack, rows))


def rows_of(name: str) -> Any:
    """What each request makes is packed in C where that was built, which then adds it too."""
    packed = packing(FILES[name])
    if NATIVE is not None and name in ("requests", "spans"):
        return NATIVE.Rows(packed.size)
    return Rows(packed)


class Appended:
    """A file that is made at the first write, and stays open: each call of the system's lets go of
    Python's lock, which a busy loop gives back only after `sys.getswitchinterval`."""

    __slots__ = ("_file", "_path", "_size")

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = -1
        self._size = 0

    def append(self, data: bytes) -> None:
        """All of it or nothing: what follows half a block could not be read. Raises OSError."""
        if self._file < 0:
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
            self._file = os.open(self._path, flags, 0o666)
            self._size = os.fstat(self._file).st_size
        written = 0
        try:
            written = os.write(self._file, data)
        finally:
            if written < len(data):
                os.ftruncate(self._file, self._size)
        if written < len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._size += written

    def __del__(self) -> None:
        if self._file >= 0:
            os.close(self._file)


class Table:
    """Records of one kind. `add` and `cut` are for the event loop's thread, `write` is for
    another one; the two meet in a deque alone, which is safe for both."""

    __slots__ = ("_file", "_size", "_waiting", "dropped", "rows")

    def __init__(self, path: Path, name: str) -> None:
        self._file = Appended(path)
        self._size = packing(FILES[name]).size
        # Who is in a hurry appends here, and has it cut where it is long.
        self.rows = rows_of(name)
        self._waiting: deque[bytes] = deque()
        self.dropped = 0

    def add(self, *values: float) -> None:
        rows = self.rows
        rows.append(values)
        if len(rows) >= BUFFERED:
            self.cut()

    def cut(self) -> None:
        """Hand over what has been added so far."""
        count = len(self.rows)
        if not count:
            return
        data = self.rows.take()
        if len(self._waiting) < MOST_WAITING:
            self._waiting.append(data)
        else:
            self.dropped += count

    def write(self) -> None:
        """Append to the file what was handed over. Raises OSError, and loses nothing then."""
        count = len(self._waiting)
        if not count:
            return
        data = block(b"".join(self._waiting[number] for number in range(count)), self._size)
        self._file.append(data)
        for _ in range(count):
            self._waiting.popleft()


class Tables:
    """All tables of this process."""

    def __init__(self, folder: Path) -> None:
        pid = os.getpid()
        made = {name: Table(folder / file_name(name, pid), name) for name in FILES}
        self.requests = made["requests"]
        self.waits = made["waits"]
        self.trips = made["trips"]
        self.spans = made["spans"]
        self.uses = made["uses"]
        self.collections = made["collections"]
        self.stalls = made["stalls"]
        self.profile = made["profile"]
        self.ticks = made["ticks"]
        self._all = tuple(made.values())
        self._writing = threading.Lock()

    def cut(self) -> None:
        for table in self._all:
            table.cut()

    def write(self) -> None:
        """From one thread at a time: the watchdog's, or whichever ends the process."""
        with self._writing:
            for table in self._all:
                table.write()

    @property
    def dropped(self) -> int:
        return sum(table.dropped for table in self._all)
