"""How long a worker takes to write its server's access log."""

from __future__ import annotations

import logging
import sys
from time import perf_counter
from typing import Any


class AccessLog:
    """uvicorn's. `writes` is None under another server."""

    def __init__(self) -> None:
        self.writes: bool | None = None
        self.spent_s = 0.0
        self._since = 0.0
        if "uvicorn" in sys.modules:
            logger = logging.getLogger("uvicorn.access")
            # As uvicorn asks for it.
            self.writes = logger.hasHandlers() and logger.isEnabledFor(logging.INFO)
            if self.writes:
                self._watch(logger)

    def _watch(self, logger: logging.Logger) -> None:
        """A line is a record that is made, and then handled."""
        make, handle = logger.makeRecord, logger.handle

        def made(*args: Any, **options: Any) -> logging.LogRecord:
            self._since = perf_counter()
            return make(*args, **options)

        def handled(record: logging.LogRecord) -> None:
            try:
                handle(record)
            finally:
                self.spent_s += perf_counter() - self._since

        vars(logger).update(makeRecord=made, handle=handled)
