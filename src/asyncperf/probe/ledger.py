"""The worker's account of its pools: trips to threads, stays with limited things.

The hooks (`threads`, `locks`, `connections_*`) are in place before there is a worker, and
run in any thread; `OPEN.ledger` is where they write once there is one. Its tables are the
loop's. What happens in another thread is put into a deque, which both sides may use
without a lock, and added by the loop at its next tick.
"""

from __future__ import annotations

from collections import deque
from threading import get_ident
from typing import Any

from .causes import Causes
from .notes import note
from .numbering import Numbering, Sites
from .tables import Tables


class Ledger:
    def __init__(self, folder: str, tables: Tables, sites: Sites) -> None:
        """Made in the loop's thread."""
        self._folder = folder
        self._unknown: set[str] = set()
        self.loop_thread = get_ident()
        self.sites = sites
        self.resources = Numbering(folder, "resource")
        self.causes = Causes(sites)
        self.trips = tables.trips
        self.uses = tables.uses
        # Stays (`uses.Use`) that have begun and not ended; and such as ended in another thread.
        self.open_uses: set[Any] = set()
        self.handed_over: deque[Any] = deque()
        self.next_look = 0.0
        # The limiter of the default thread pool, once a trip has asked for it.
        self.default_limiter: Any = None

    def resource(self, kind: str, name: str, capacity: float | None, site: int | None) -> int:
        """The number of a limited thing. Those that are alike in all of this are one: an app
        may make a semaphore for each request."""
        return self.resources.number(
            (kind, name, capacity, site),
            lambda: {"kind": kind, "name": name, "capacity": limit(capacity), "site": site},
        )

    def unknown(self, module: str, error: Exception) -> None:
        """A hook found a thing of that module otherwise than it expects; said once. Whatever
        a hook does for the probe's sake must not fail in the app."""
        if module not in self._unknown:
            self._unknown.add(module)
            note(self._folder, "not-hooked", module=module, error=repr(error))

    def threads_busy(self) -> int:
        limiter = self.default_limiter
        return 0 if limiter is None else min(limiter.borrowed_tokens, 0xFFFF)


def limit(capacity: float | None) -> int | None:
    return int(capacity) if capacity is not None and 0 < capacity < float("inf") else None


class Open:
    """The ledger of this process, None before there is one."""

    __slots__ = ("ledger",)

    def __init__(self) -> None:
        self.ledger: Ledger | None = None


OPEN = Open()
