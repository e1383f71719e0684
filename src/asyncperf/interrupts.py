"""Ctrl-C and polite termination, once and at the right moment."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Self

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Signalled(KeyboardInterrupt):
    """One of the signals came.

    A KeyboardInterrupt itself, wherever it is caught, makes CPython end by SIGINT and not with
    our exit code if it came while a string was executed, as dataclasses and SQLAlchemy do.
    """


class Interrupts:
    """Turns the first of `SIGNALS` into a KeyboardInterrupt, where that is `allowed`.

    Everywhere else it waits, so that what was measured is collected and saved whole; and
    people press Ctrl-C again when nothing seems to happen, so later ones are ignored.
    """

    def __init__(self) -> None:
        self._previous: dict[signal.Signals, Any] = {}
        self._allowed = False
        self._raised = False
        self.pending = False

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self.pending = True
        if self._allowed:
            self._raise_once()

    def _raise_once(self) -> None:
        if self.pending and not self._raised:
            self._raised = True
            raise Signalled

    @contextmanager
    def allowed(self) -> Iterator[None]:
        """Let the block be interrupted, at once if a signal has been waiting."""
        self._allowed = True
        try:
            self._raise_once()
            yield
        finally:
            self._allowed = False

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep the block whole inside one that may be interrupted: a signal waits for its end."""
        allowed, self._allowed = self._allowed, False
        try:
            yield
        finally:
            self._allowed = allowed
        if allowed:
            self._raise_once()

    def __enter__(self) -> Self:
        for number in SIGNALS:
            # What is ignored, as `nohup` has it, stays so.
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._previous[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
