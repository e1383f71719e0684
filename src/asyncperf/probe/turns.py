"""When the turn began that the event loop is in, read from another thread, at no cost to the loop.

What a callback that blocks took began then, or a little later. No loop tells: asyncio's has it in
a local variable, uvloop's in the structure of libuv's that it goes by.
"""

from __future__ import annotations

import ctypes
import sys
from asyncio import AbstractEventLoop
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType

# How many callers of a callback are asked whether they are asyncio's turn.
CALLERS = 3
# Words of libuv's structure that are read: it is larger than this on every system.
WORDS = 100
# libuv counts milliseconds.
MS_PER_S = 1000


@dataclass(frozen=True)
class Turn:
    """`before` is how many callbacks of this turn ran before the present one, if that is known."""

    began: float
    before: int | None


# Given the frame that called the present callback.
Turns = Callable[[FrameType | None], Turn | None]


def is_uvloop(loop: AbstractEventLoop) -> bool:
    """Whether it sends what it is given to send at the end of its turn, all of it."""
    return type(loop).__module__.partition(".")[0] == "uvloop"


def turns_of(loop: AbstractEventLoop) -> Turns:
    """None of them where it cannot be told."""
    if not is_uvloop(loop):
        return asyncio_turn
    try:
        return libuv_turns(loop)
    except Exception:  # another version of uvloop, built otherwise
        return lambda _: None


def asyncio_turn(caller: FrameType | None) -> Turn | None:
    """By what `BaseEventLoop._run_once` has in hand."""
    for _ in range(CALLERS):
        if caller is None:
            break
        if caller.f_code.co_name == "_run_once":
            found = caller.f_locals
            began, before = found.get("end_time"), found.get("i")
            if isinstance(began, float):
                return Turn(began, before if isinstance(before, int) else None)
        caller = caller.f_back
    return None


def libuv_turns(loop: AbstractEventLoop) -> Turns:
    """By the time that libuv keeps of the turn (`uv_now`). uvloop's own `time()` sets it anew,
    which shows the word that it is."""
    module = sys.modules["uvloop.loop"]
    if not isinstance(loop, module.Loop):  # which uvloop itself does not ask
        raise TypeError(type(loop))
    capsule = module.libuv_get_loop_t_ptr(loop)
    pointer = ctypes.PyDLL(None).PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, (ctypes.py_object, ctypes.c_char_p)
    words = (ctypes.c_uint64 * WORDS).from_address(pointer(capsule, None))
    now = round(loop.time() * MS_PER_S)
    [number] = [number for number, word in enumerate(words) if word == now]

    def turn(_: FrameType | None, loop: AbstractEventLoop = loop) -> Turn:  # which keeps the words
        return Turn(words[number] / MS_PER_S, None)

    return turn
