"""Around the app: where a request begins and ends for the probe."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from time import perf_counter
from typing import TYPE_CHECKING, Any

from .accelerator import NATIVE
from .intake import Intake
from .notes import note
from .record_format import NO_REQUEST
from .request import Request, timed
from .servers import App, Receive, Scope, Send
from .timeline import NONE, Track
from .worker import Worker


class Passage(ABC):
    """An app whose requests are recorded by a worker, once there is one; everything else passes as
    it is."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.worker: Worker | None = None

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Coroutine[Any, Any, None]:
        # No coroutine of our own around a request that is not recorded: it would cost two
        # microseconds, and this is every request of a busy server but a few.
        worker, now = self.worker, perf_counter()
        if worker is not None and now < worker.idle_until:
            return self.app(scope, receive, send)
        worker = worker or self._made()
        if worker is None:
            return self.app(scope, receive, send)
        try:
            request = worker.begin(scope, now)
        except Exception as error:
            self._fail(error)
            request = None
        if request is None:
            return self.app(scope, receive, send)
        if request.number == NO_REQUEST:
            return self._watched(request, scope, receive, send)
        return self._recorded(worker, request, scope, receive, send)

    async def _recorded(
        self, worker: Intake, request: Request, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """All of a request that is recorded."""
        track = Track(worker.timeline, request, 0, NONE) if request.detail else None
        try:
            request.server_send = send
            await timed(self.app(scope, receive, request.send), request, track)
        finally:
            try:
                worker.finish(request, scope)
            except Exception as error:
                self._fail(error)

    # What is rare.

    @abstractmethod
    def _made(self) -> Worker | None:
        """The worker, at the first call."""

    @abstractmethod
    def _watched(
        self, request: Request, scope: Scope, receive: Receive, send: Send
    ) -> Coroutine[Any, Any, None]:
        """A call that is none of HTTP's."""

    @abstractmethod
    def _fail(self, error: Exception) -> None:
        """The probe failed, not the app."""


if NATIVE is not None and not TYPE_CHECKING:
    Passage = NATIVE.Passage


class Boundary(Passage):
    """The worker is made at the first call: a server may load the app in one process and serve it
    in others. A probe that fails is taken away."""

    def __init__(self, app: App, folder: str, make_worker: Callable[[str], Worker]) -> None:
        super().__init__(app)
        self._folder = folder
        self._make_worker = make_worker
        self._failed = False

    def _made(self) -> Worker | None:
        if not self._failed:
            try:
                self.worker = self._make_worker(self._folder)
            except Exception as error:
                self._fail(error)
        return self.worker

    async def _watched(self, request: Request, scope: Scope, receive: Receive, send: Send) -> None:
        """A lifespan or a WebSocket; the tasks that it creates are the app's own."""
        lifespan, worker = scope["type"] == "lifespan", self.worker
        if lifespan:
            note(self._folder, "lifespan")
        try:
            await timed(self.app(scope, receive, send), request)
        finally:
            # uvicorn's workers end by the signal that stopped them, with no other farewell.
            if lifespan and worker is not None:
                worker.close()

    def _fail(self, error: Exception) -> None:
        self._failed, self.worker = True, None
        note(self._folder, "failed", error=repr(error))
