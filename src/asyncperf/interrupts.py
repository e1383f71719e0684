"""Ctrl-C and polite termination, once and at the right moment."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Self

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """Turns the first of `SIGNALS` into a KeyboardInterrupt and ignores those after it.

    People press Ctrl-C again when nothing seems to happen; the second one must not tear
    the saving of what the first one cut short. While `held`, the first waits as well.
    """

    def __init__(self) -> None:
        self._previous: dict[signal.Signals, Any] = {}
        self._held = False
        self._pending = False
        self._raised = False

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self._pending = True
        if not self._held:
            self._raise_once()

    def _raise_once(self) -> None:
        if self._pending and not self._raised:
            self._raised = True
            raise KeyboardInterrupt

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let the block finish first."""
        self._held = True
        try:
            yield
        finally:
            self._held = False
        self._raise_once()

    def __enter__(self) -> Self:
        for number in SIGNALS:
            self._previous[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
