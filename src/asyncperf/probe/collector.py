"""Python's garbage collector, kept away from what lives as long as the worker does.

A request that waits keeps hundreds of objects alive. Full collections walk them all, and
everything the imports have left: at 10,000 waiting requests they took half of the workers'
CPU. Frozen, what start-up has left is never walked again, and higher thresholds make the
collections of the rest rare (`gc.freeze`, `gc.set_threshold` in Python's documentation).
"""

from __future__ import annotations

import gc

from .notes import note
from .servers import App, Message, Receive, Scope, Send

# The young collection after so many more allocations than frees; every fiftieth of them
# goes a generation further. Measured: more gains nothing.
THRESHOLDS = (100_000, 50, 50)


class TunedCollector:
    """An app whose worker tunes its collector once it has started: when the app says that
    its start-up is complete, or at its first request if it has no lifespan."""

    def __init__(self, app: App, folder: str) -> None:
        self._app = app
        self._folder = folder
        self._tuned = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":

            async def tuning(message: Message) -> None:
                if message["type"] == "lifespan.startup.complete":
                    self._tune()
                await send(message)

            await self._app(scope, receive, tuning)
            return
        if not self._tuned:
            self._tune()
        await self._app(scope, receive, send)

    def _tune(self) -> None:
        self._tuned = True
        gc.collect()
        gc.freeze()
        gc.set_threshold(*THRESHOLDS)
        note(self._folder, "gc-tuned", frozen=gc.get_freeze_count())
