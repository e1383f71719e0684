"""Whose code a file is: the user's, or that of a library, of Python or ours."""

from __future__ import annotations

import functools
import os
import sysconfig

PROBE = os.path.dirname(os.path.abspath(__file__))
LIBRARIES = ("site-packages", "dist-packages")
PYTHON = tuple(
    {
        os.path.join(os.path.realpath(path), "")
        for path in (
            sysconfig.get_path("stdlib"),
            sysconfig.get_path("platstdlib"),
            os.path.dirname(os.__file__),
        )
        if path
    }
)


@functools.cache
def is_users(file: str) -> bool:
    """Whether a code object's file is the user's own. Code without a file of its own (frozen,
    compiled from a text) is not, for it has no line that anyone could change."""
    if file.startswith("<") or not file.endswith(".py"):
        return False
    path = os.path.realpath(file)
    if path.startswith((PROBE, *PYTHON)):
        return False
    return not any(name in path.split(os.sep) for name in LIBRARIES)


def is_probes(file: str) -> bool:
    return file.startswith(PROBE)
