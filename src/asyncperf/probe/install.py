"""Puts the probe into this process, if its environment asks for one."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from types import ModuleType

from . import awaits, connections_http, connections_sql, exclusive, locks, threads
from .boundary import Boundary
from .collector import TunedCollector
from .imports import AfterImport, AfterImports
from .intake import DEFAULT_RATES, EVERYTHING
from .notes import note
from .orders import ProbeOrders
from .script import rewrite_script
from .servers import App, Wrap, hooks
from .sources import UserSources
from .worker import Worker


def install() -> None:
    """Called once, by `startup/sitecustomize.py`, before anything of the app is imported."""
    orders = ProbeOrders.read(os.environ)
    if orders is None:
        return
    wrap = Once(functools.partial(wrapped, orders))
    harmless = functools.partial(harmlessly, orders.folder)
    if orders.record:
        awaits.install()
        UserSources(orders.folder).install()
    wanted = hooks(wrap)
    if orders.record:
        for hooked in (threads, locks, connections_sql, connections_http, exclusive):
            wanted |= hooked.hooks()
    AfterImports({name: harmless(hook) for name, hook in wanted.items()}).install()


def wrapped(orders: ProbeOrders, app: App) -> App:
    """The app with all around it that was ordered."""
    if orders.tune_gc:
        app = TunedCollector(app, orders.folder)
    if orders.record:
        rewrite_script(orders.folder)
        rates = EVERYTHING if orders.everything else DEFAULT_RATES
        app = Boundary(app, orders.folder, functools.partial(Worker, rates=rates))
    return app


class Once:
    """Wraps each app once, for all of its server's ways to call it."""

    def __init__(self, wrap: Wrap) -> None:
        self._wrap = wrap
        self._wrapped: dict[int, tuple[App, App]] = {}

    def __call__(self, app: App) -> App:
        if id(app) not in self._wrapped:
            self._wrapped[id(app)] = (app, self._wrap(app))
        return self._wrapped[id(app)][1]


def harmlessly(folder: str, hook: AfterImport) -> Callable[[ModuleType], None]:
    """The hook, whose failure is written down and keeps no module from being imported. (A
    server's new version may no longer have what the hook looks for.)"""

    def tried(module: ModuleType) -> None:
        try:
            hook(module)
        except Exception as error:
            note(folder, "not-hooked", module=module.__name__, error=repr(error))

    return tried
