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
        if "uvicorn" in sys.modules:
            logger = logging.getLogger("uvicorn.access")
            # As uvicorn asks for it.
            self.writes = logger.hasHandlers() and logger.isEnabledFor(logging.INFO)
            if self.writes:
                self._watch(logger)

    def _watch(self, logger: logging.Logger) -> None:
        """From where uvicorn asks for a line."""
        info = logger.info

        def watched(*args: Any, stacklevel: int = 1, **options: Any) -> None:
            since = perf_counter()
            try:
                info(*args, stacklevel=stacklevel + 1, **options)
            finally:
                self.spent_s += perf_counter() - since

        vars(logger).update(info=watched)
