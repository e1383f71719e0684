"""Whose code a file is: the user's, or that of a library, of Python or ours."""

from __future__ import annotations

import functools
import os
import sysconfig

PROBE = os.path.dirname(os.path.abspath(__file__))
LIBRARIES = ("site-packages", "dist-packages")
PYTHON = tuple(
    {
        os.path.join(found, "")
        for path in (
            sysconfig.get_path("stdlib"),
            sysconfig.get_path("platstdlib"),
            os.path.dirname(os.__file__),
        )
        if path
        for found in (path, os.path.realpath(path))
    }
)
# The file that our frames around an await give as theirs: `warnings.warn(..., stacklevel=2)`
# is to find whoever awaits, not the probe. Python passes over frames of its import system,
# which it knows by these words in their file's name.
UNSEEN = "<asyncperf, like importlib._bootstrap>"


@functools.cache
def is_users(file: str) -> bool:
    """Whether a code object's file is the user's own. Code without a file of its own (frozen,
    compiled from a text) is not, for it has no line that anyone could change. Asks the disk
    nothing: an app may have forbidden that to whatever runs on its loop."""
    if file.startswith("<") or not file.endswith(".py"):
        return False
    if file.startswith((PROBE, *PYTHON)):
        return False
    return not any(name in file.split(os.sep) for name in LIBRARIES)


def is_probes(file: str) -> bool:
    return file.startswith(PROBE) or file == UNSEEN
