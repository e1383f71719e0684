"""How each server comes by the app it serves: where the probe puts itself around it.

One hook per server, at the place where every way to start that server passes. A server
that is not known here serves its app without a probe.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Coroutine, MutableMapping
from types import ModuleType
from typing import Any

from .imports import AfterImport

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Coroutine[Any, Any, None]]
Wrap = Callable[[App], App]


def hooks(wrap: Wrap) -> dict[str, AfterImport]:
    """What to do after the import of which module, so that `wrap` gets each app once."""
    return {
        "uvicorn.config": functools.partial(_uvicorn, wrap),
        "hypercorn.app_wrappers": functools.partial(_hypercorn, wrap),
        "granian.asgi": functools.partial(_granian, wrap),
        "gunicorn.workers.gasgi": functools.partial(_gunicorn, wrap),
    }


def _uvicorn(wrap: Wrap, module: ModuleType) -> None:
    """uvicorn, `fastapi run`, and gunicorn with uvicorn's workers."""
    load = module.Config.load

    @functools.wraps(load)
    def wrapped(self: Any) -> None:
        load(self)
        self.loaded_app = wrap(self.loaded_app)

    module.Config.load = wrapped


def _hypercorn(wrap: Wrap, module: ModuleType) -> None:
    init = module.ASGIWrapper.__init__

    @functools.wraps(init)
    def wrapped(self: Any, app: App) -> None:
        init(self, wrap(app))

    module.ASGIWrapper.__init__ = wrapped


def _granian(wrap: Wrap, module: ModuleType) -> None:
    """granian gives the app to its lifespan and, apart from that, to its requests."""
    init, runner = module.LifespanProtocol.__init__, module._callback_wrapper

    @functools.wraps(init)
    def lifespan(self: Any, callable: App) -> None:
        init(self, wrap(callable))

    @functools.wraps(runner)
    def requests(callback: App, *args: Any, **kwargs: Any) -> Any:
        return runner(wrap(callback), *args, **kwargs)

    module.LifespanProtocol.__init__ = lifespan
    vars(module)["_callback_wrapper"] = requests


def _gunicorn(wrap: Wrap, module: ModuleType) -> None:
    """gunicorn's own ASGI worker."""
    load = module.ASGIWorker.load_wsgi

    @functools.wraps(load)
    def wrapped(self: Any) -> None:
        load(self)
        self.asgi = wrap(self.asgi)

    module.ASGIWorker.load_wsgi = wrapped
