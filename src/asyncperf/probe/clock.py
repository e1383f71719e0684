"""How long a thread ran, and how long it was ready to run while no CPU was free."""

from __future__ import annotations

import os
import time

UNKNOWN = float("nan")


class ThreadClock:
    """Of the thread that makes it, in seconds; for that thread alone to read.

    Linux counts both (`/proc/thread-self/schedstat`, in nanoseconds; Linux kernel
    documentation, "scheduler statistics"); a reading takes a microsecond. Elsewhere only the
    first is known.
    """

    def __init__(self) -> None:
        try:
            self.file = os.open("/proc/thread-self/schedstat", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            self.file = -1

    def read(self) -> tuple[float, float]:
        """CPU time and waits for a CPU, so far; the latter NaN where it is not known."""
        return seconds(self.raw())

    def raw(self) -> bytes | float:
        """The same as it stands in the file, for `seconds`: to be read a hundred times a second,
        and made into numbers if anybody asks."""
        return time.thread_time() if self.file < 0 else os.pread(self.file, 80, 0)

    def close(self) -> None:
        if self.file >= 0:
            os.close(self.file)
            self.file = -1

    def since(self, raw: bytes | float) -> tuple[float, float]:
        """The same since a reading; a wait that is not known is none."""
        (ran, waited), (ran_before, waited_before) = self.read(), seconds(raw)
        delay_s = waited - waited_before
        return ran - ran_before, delay_s if delay_s == delay_s else 0.0


def seconds(raw: bytes | float) -> tuple[float, float]:
    if isinstance(raw, float):
        return raw, UNKNOWN
    ran, waited, _ = raw.split()
    return int(ran) / 1e9, int(waited) / 1e9
