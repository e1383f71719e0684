"""Which definition a place in a file is: of the project, or by name of a library.

For `scan` only.
"""

import ast
import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple

from asyncperf.scan.index import Class, Definition, Function, Module, blocks
from asyncperf.scan.project import Project

# The folders that hold libraries, and stubs of them, by the name that comes before the module's.
LIBRARIES = frozenset({"site-packages", "dist-packages", "stdlib"})
# How far a name stands behind the beginning of its definition.
KEYWORDS = {ast.FunctionDef: "def ", ast.AsyncFunctionDef: "async def ", ast.ClassDef: "class "}
CONSTRUCTORS = frozenset({"__init__", "__new__"})
# A larger one takes seconds to read, and holds no one's API.
MAX_BYTES = 2_000_000


class Library(NamedTuple):
    """A function or class outside the project, or a method of one; a constructor is its class."""

    dotted: str
    is_method: bool = False


class Definitions:
    """Finds the project's own by file and line; `root` is free of symbolic links."""

    def __init__(self, project: Project, root: Path) -> None:
        self._project = project
        self._root = root

    def at(self, path: str, line: int, column: int) -> Function | Class | Library | None:
        """What is defined there; None where that is no function and no class, but say, its
        parameter."""
        file = Path(path)
        if file.is_relative_to(self._root):
            module = self._project.at(file.relative_to(self._root).as_posix())
            if module is not None:
                return _own(module, line, column)
        dotted = module_name(path)
        if dotted is None or (line, column) not in (named := _named(path)):
            return None
        owner, name = named[line, column]
        if owner and name in CONSTRUCTORS:
            return Library(f"{dotted}.{owner}")
        whole = f"{owner}.{name}" if owner else name
        return Library(f"{dotted}.{whole}", is_method=bool(owner))


def _own(module: Module, line: int, column: int) -> Function | Class | None:
    for number, node in enumerate(module.trees.definitions(module.file, module.lines)):
        if _place(node) == (line, column):
            found: list[Function | Class] = [*module.functions, *module.classes]
            own = next((each for each in found if each.ordinal == number), None)
            is_constructor = isinstance(own, Function) and own.name in CONSTRUCTORS
            return own.owner if isinstance(own, Function) and is_constructor else own
    return None


def module_name(path: str) -> str | None:
    """`anyio.abc` for `.../site-packages/anyio/abc/__init__.pyi`, and for what a checker brings
    along of it; None for a file that is no library's."""
    parts = list(Path(path).with_suffix("").parts)
    for number in range(len(parts) - 1, -1, -1):
        if parts[number] in LIBRARIES:
            inside = parts[number + 1 :]
        elif parts[number] == "stubs":
            inside = parts[number + 2 :]  # .../stubs/NAME-OF-DISTRIBUTION/module.pyi
        elif parts[number].startswith(("python3.", "pyrefly_bundled_typeshed")):
            inside = parts[number + 1 :]  # the standard library's own source, or stubs of it
        else:
            continue
        inside = inside[:-1] if inside[-1:] == ["__init__"] else inside
        if not inside:
            return None
        first = inside[0].removesuffix("-stubs")
        if first.removeprefix("_") in sys.stdlib_module_names:
            first = first.removeprefix("_")  # `csv` is written in `_csv`, and known as `csv`
        return ".".join([first, *inside[1:]])
    return None


@cache
def _named(path: str) -> dict[tuple[int, int], tuple[str, str]]:
    """The functions and classes of a library's file by place, with the class that each is of."""
    file = Path(path)
    try:
        if file.stat().st_size > MAX_BYTES:
            return {}
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError):
        return {}
    found: dict[tuple[int, int], tuple[str, str]] = {}
    waiting = [("", tree.body)]
    while waiting:
        owner, body = waiting.pop()
        for statement in body:
            if isinstance(statement, Definition):
                is_class = isinstance(statement, ast.ClassDef)
                whole = f"{owner}.{statement.name}" if owner else statement.name
                found[_place(statement)] = ("", whole) if is_class else (owner, statement.name)
                if is_class:
                    waiting.append((whole, statement.body))
            else:
                waiting += [(owner, block) for block in blocks(statement)]
    return found


def _place(node: Definition) -> tuple[int, int]:
    """Where the name of a definition stands, as people space it."""
    return node.lineno, node.col_offset + len(KEYWORDS[type(node)])
