"""The probe's hot parts in C, where they were built for this Python.

Each has a twin in Python, in the module that says what it is for; that one is what counts, and what
runs where there is no other. See `native/`.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from typing import Any

# "0" leaves the C parts out.
VARIABLE = "ASYNCPERF_PROBE_NATIVE"
# What the two sides ask of each other, counted up with each change of it: what lies here may have
# been built from other sources than those beside it.
INTERFACE = 4


def load(env: Mapping[str, str]) -> Any:
    """The C parts, None if they are not wanted, or not to be had: a server's Python may be another
    than ours."""
    if env.get(VARIABLE) == "0":
        return None
    try:
        native = importlib.import_module("._native", __package__)
    except Exception:
        return None
    return native if native.INTERFACE == INTERFACE else None


NATIVE = load(os.environ)
