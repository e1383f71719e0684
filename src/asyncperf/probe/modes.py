"""Which debug modes a worker runs in."""

from __future__ import annotations

from asyncio import AbstractEventLoop
from collections.abc import Mapping
from typing import Any


def debug_modes(loop: AbstractEventLoop, scope: Mapping[str, Any]) -> list[str]:
    """Whose debug modes are on, by a request's scope once it has been through the app."""
    modes = {
        # Starlette, and so FastAPI, leaves itself in the scope.
        "fastapi": getattr(scope.get("app"), "debug", False) is True,
        "asyncio": loop.get_debug(),
    }
    return [name for name, on in modes.items() if on]
