"""The awaits of the script that Python itself runs: `python main.py`, which serves its own app.

No import hook sees that code: Python compiles it by itself. When its app is served, the code is
running already, and must go on as it is; but nothing has been requested yet. So the functions
that it made get the code that they would have with their awaits rewritten, and stay the same
functions. How the script was started (arguments, `__file__`, `__main__`) is not touched.
"""

from __future__ import annotations

import ast
import gc
import sys
from collections.abc import Iterator
from importlib.util import decode_source
from pathlib import Path
from types import CodeType, FunctionType

from .notes import note
from .places import is_users
from .rewrite import rewrite
from .timeline import PLACES

MAIN = "__main__"


def rewrite_script(folder: str) -> None:
    """Called when the app is about to be served. A function whose code is not what the file says
    now is left as it is."""
    module = sys.modules.get(MAIN)
    file = getattr(module, "__file__", None)
    # What `python -m` runs has a spec, and came through the import hook.
    if file is None or getattr(module, "__spec__", None) is not None or not is_users(file):
        return
    try:
        codes = dict(rewritten(file))
        for function in made_from(file):
            code = codes.get(function.__code__)
            if code is not None:
                function.__code__ = code
    except Exception as error:
        note(folder, "not-rewritten", module=MAIN, error=repr(error))


def made_from(file: str) -> list[FunctionType]:
    return [
        thing
        for thing in gc.get_objects()
        if type(thing) is FunctionType and thing.__code__.co_filename == file
    ]


def rewritten(file: str) -> Iterator[tuple[CodeType, CodeType]]:
    """Each function's code as Python compiles it, and the same with its awaits rewritten; of those
    that have any, in them or in functions that they define."""
    data = Path(file).read_bytes()
    if b"await" not in data and b"async" not in data:
        return
    tree = ast.parse(data, file)
    plain: CodeType = compile(tree, file, "exec", dont_inherit=True, optimize=-1)
    rewrite(tree, decode_source(data), file, PLACES.number)
    ours: CodeType = compile(tree, file, "exec", dont_inherit=True, optimize=-1)
    yield from within(plain, ours)


def within(plain: CodeType, ours: CodeType) -> Iterator[tuple[CodeType, CodeType]]:
    """The code objects within both that differ, in pairs: what is rewritten adds none, and takes
    none away."""
    for one, other in zip(nested(plain), nested(ours), strict=True):
        if one != other:
            yield one, other
            yield from within(one, other)


def nested(code: CodeType) -> list[CodeType]:
    return [constant for constant in code.co_consts if isinstance(constant, CodeType)]
