"""Around the app: where a request begins and ends for the probe."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

from .notes import note
from .request import CURRENT, Timed
from .servers import App, Receive, Scope, Send
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

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        worker = self._worker
        if worker is None and not self._failed:
            worker = self._made()
        if worker is None or scope["type"] != "http" or perf_counter() < worker.next_record:
            await self._app(scope, receive, send)
            return
        request = worker.begin(scope)
        token = CURRENT.set(request)
        try:
            await Timed(self._app(scope, receive, request.sending(send)), request)
        finally:
            CURRENT.reset(token)
            try:
                worker.finish(request, scope)
            except Exception as error:
                self._fail(error)

    def _made(self) -> Worker | None:
        try:
            self._worker = self._make_worker(self._folder)
        except Exception as error:
            self._fail(error)
        return self._worker

    def _fail(self, error: Exception) -> None:
        self._failed, self._worker = True, None
        note(self._folder, "failed", error=repr(error))
