"""Around the app: where a request begins and ends for the probe."""

from __future__ import annotations

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


class Boundary:
    """An app whose requests are recorded; everything else passes as it is.

    The worker is made at the first call: a server may load the app in one process and
    serve it in others. A probe that fails is taken away.
    """

    def __init__(self, app: App, folder: str, make_worker: Callable[[str], Worker]) -> None:
        self._app = app
        self._folder = folder
        self._make_worker = make_worker
        self._worker: Worker | None = None
        self._failed = False

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Coroutine[Any, Any, None]:
        # No coroutine of our own around a request that is not recorded: it would cost two
        # microseconds, and this is every request of a busy server but a few.
        worker, now = self._worker, perf_counter()
        if worker is not None and now < worker.idle_until:
            return self._app(scope, receive, send)
        if worker is None and not self._failed:
            worker = self._made()
        if worker is None:
            return self._app(scope, receive, send)
        try:
            request = worker.begin(scope, now)
        except Exception as error:
            self._fail(error)
            request = None
        if request is None:
            return self._app(scope, receive, send)
        if request.number == NO_REQUEST:
            return self._watched(worker, request, scope, receive, send)
        return recorded(self._app, worker, request, scope, receive, send, self._fail)

    async def _watched(
        self, worker: Worker, request: Request, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """A lifespan or a WebSocket; the tasks that it creates are the app's own."""
        lifespan = scope["type"] == "lifespan"
        if lifespan:
            note(self._folder, "lifespan")
        try:
            await timed(self._app(scope, receive, send), request)
        finally:
            # uvicorn's workers end by the signal that stopped them, with no other farewell.
            if lifespan:
                worker.close()

    def _made(self) -> Worker | None:
        try:
            self._worker = self._make_worker(self._folder)
        except Exception as error:
            self._fail(error)
        return self._worker

    def _fail(self, error: Exception) -> None:
        self._failed, self._worker = True, None
        note(self._folder, "failed", error=repr(error))


async def recorded(
    app: App,
    worker: Intake,
    request: Request,
    scope: Scope,
    receive: Receive,
    send: Send,
    failed: Callable[[Exception], None],
) -> None:
    """All of a request that is recorded."""
    track = Track(worker.timeline, request, 0, NONE) if request.detail else None
    try:
        request.server_send = send
        await timed(app(scope, receive, request.send), request, track)
    finally:
        try:
            worker.finish(request, scope)
        except Exception as error:
            failed(error)


if NATIVE is not None and not TYPE_CHECKING:
    recorded = NATIVE.recorded
