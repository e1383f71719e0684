"""Puts the probe into this process, if its environment asks for one."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from types import ModuleType

from .collector import TunedCollector
from .imports import AfterImport, AfterImports
from .notes import note
from .orders import ProbeOrders
from .servers import App, hooks


def install() -> None:
    """Called once, by `startup/sitecustomize.py`, before anything of the app is imported."""
    orders = ProbeOrders.read(os.environ)
    if orders is None:
        return

    wrapped: dict[int, App] = {}

    def wrap(app: App) -> App:
        """An app is wrapped once, for all of its server's ways to call it."""
        if orders.tune_gc and id(app) not in wrapped:
            wrapped[id(app)] = TunedCollector(app, orders.folder)
        return wrapped.get(id(app), app)

    harmless = functools.partial(harmlessly, orders.folder)
    AfterImports({name: harmless(hook) for name, hook in hooks(wrap).items()}).install()


def harmlessly(folder: str, hook: AfterImport) -> Callable[[ModuleType], None]:
    """The hook, whose failure is written down and keeps no module from being imported. (A
    server's new version may no longer have what the hook looks for.)"""

    def tried(module: ModuleType) -> None:
        try:
            hook(module)
        except Exception as error:
            note(folder, "not-hooked", module=module.__name__, error=repr(error))

    return tried
