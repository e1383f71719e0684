"""What the event loop itself called that is no Python function: no frame shows it.

asyncio's handle says what it is. uvloop's cannot be asked; there the system tells whether the
loop's thread waits in a call that is not the loop's own way to wait.
"""

from __future__ import annotations

import functools
import os
import platform
from asyncio import AbstractEventLoop, Handle, Task
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from threading import get_native_id
from types import CoroutineType, FrameType, GeneratorType
from typing import Any

from .callees import function_code
from .places import is_users
from .record_format import UNNAMED
from .turns import is_uvloop

# The system's numbers (Linux: `syscalls(7)`) of what is no wait of a callback's: the loop's own,
# `epoll_wait`, `epoll_pwait`, `epoll_pwait2`, `io_uring_enter`; and `futex`, which may be for
# Python's lock.
NO_CALLBACKS = {
    "x86_64": frozenset(("232", "281", "441", "426", "202")),
    "aarch64": frozenset(("22", "441", "426", "98")),
}
RUNNING = "running"


@dataclass(frozen=True)
class Builtin:
    """What is called, by which `call`; and who had the loop call it, as (file, line, function),
    where that is known."""

    name: str
    call: Hashable
    place: tuple[str, int, str] | None = None


# Given the frame that calls the loop's callbacks, while it is the innermost.
Builtins = Callable[[FrameType], Builtin | None]


def builtins_of(loop: AbstractEventLoop) -> Builtins:
    """For another thread to ask; to be made in the loop's own."""
    if not is_uvloop(loop):
        return handles_builtin
    own_waits = NO_CALLBACKS.get(platform.machine())
    task = f"/proc/self/task/{get_native_id()}"
    if own_waits is None or not os.access(f"{task}/syscall", os.R_OK):
        return lambda _: None
    return functools.partial(waiting_builtin, task, own_waits)


def handles_builtin(caller: FrameType) -> Builtin | None:
    """By the handle that asyncio runs. None for Python's own functions, which have just ended or
    are about to begin."""
    handle: Any = caller.f_locals.get("self")
    if not isinstance(handle, Handle):
        return None
    callback = getattr(handle, "_callback", None)  # None once it was cancelled
    if callback is None or (name := name_of(callback)) is None:
        return None
    return Builtin(name, id(caller), scheduled_at(handle))


def name_of(callback: Any) -> str | None:
    """The name of what runs without a frame, None if that is a Python function or coroutine."""
    while isinstance(callback, functools.partial):
        callback = callback.func
    if function_code(callback) is not None:
        return None
    task = getattr(callback, "__self__", None)
    if isinstance(task, Task):  # its next step
        callback = task.get_coro()
        if isinstance(callback, (CoroutineType, GeneratorType)):
            return None
    # A type of its own kind may say anything of itself, by code of its own.
    kind = type(callback)
    named = callback if isinstance(callback, type) or "__qualname__" in vars(kind) else kind
    module = getattr(named, "__module__", None)
    name = str(named.__qualname__)
    return f"{module}.{name}" if isinstance(module, str) and module != "builtins" else name


def scheduled_at(handle: Any) -> tuple[str, int, str] | None:
    """Where the user's code had the loop call it, which asyncio notes in its debug mode."""
    for frame in reversed(handle._source_traceback or ()):
        if is_users(frame.filename):
            return frame.filename, frame.lineno, frame.name
    return None


def waiting_builtin(task: str, own_waits: frozenset[str], caller: FrameType) -> Builtin | None:
    """By the system's word on what the loop's thread does. While it waits its clock stands, so
    another time is another call."""
    with open(f"{task}/syscall") as file:
        number = file.read().split()[0]
    if number == RUNNING or number in own_waits:
        return None
    with open(f"{task}/schedstat") as file:
        ran_ns = file.read().split()[0]
    return Builtin(UNNAMED, (id(caller), ran_ns))
