"""How long a worker takes to write its server's access log."""

from __future__ import annotations

import logging
import sys
from time import perf_counter
from typing import Any

from .clock import ThreadClock

# One line of so many is timed, and stands for the others: the clock of the waits for a CPU takes
# some microseconds. Users who come in step are not as many.
TIMED_OF = 7


class AccessLog:
    """uvicorn's. `writes` is None under another server. `clock` is of the loop's thread."""

    def __init__(self, clock: ThreadClock) -> None:
        self.writes: bool | None = None
        self.spent_s = 0.0
        self._clock = clock
        if "uvicorn" in sys.modules:
            logger = logging.getLogger("uvicorn.access")
            # As uvicorn asks for it.
            self.writes = logger.hasHandlers() and logger.isEnabledFor(logging.INFO)
            if self.writes:
                self._watch(logger)

    def _watch(self, logger: logging.Logger) -> None:
        """From where uvicorn asks for a line."""
        info = logger.info
        until_timed = 0

        def watched(*args: Any, stacklevel: int = 1, **options: Any) -> None:
            nonlocal until_timed
            if until_timed:
                until_timed -= 1
                info(*args, stacklevel=stacklevel + 1, **options)
                return
            until_timed = TIMED_OF - 1
            delay_s = self._clock.read()[1]
            since = perf_counter()
            try:
                info(*args, stacklevel=stacklevel + 1, **options)
            finally:
                taken_s = perf_counter() - since
                delay_s = self._clock.read()[1] - delay_s
                if delay_s > 0:  # false where it is not known
                    taken_s = max(0.0, taken_s - delay_s)
                self.spent_s += TIMED_OF * taken_s

        vars(logger).update(info=watched)
