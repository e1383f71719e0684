"""The source of the app under test, as it stands on disk."""

import ast
import tokenize
from functools import cache


def read_source(file: str) -> str | None:
    """The text of a Python file, in the encoding that it declares; None if it is not there, or
    cannot be read as such."""
    try:
        with tokenize.open(file) as source:
            return source.read()
    except (OSError, SyntaxError, UnicodeDecodeError):
        return None


def source_lines(file: str) -> list[str]:
    """Its lines as Python counts them, to which a form feed is no end of one; none where it
    cannot be read."""
    source = read_source(file)
    return [] if source is None else source.split("\n")


def def_line(file: str, first_line: int) -> int:
    """The line of the `def` itself: `co_firstlineno` is that of the first decorator."""
    return def_lines(file).get(first_line, first_line)


@cache
def def_lines(file: str) -> dict[int, int]:
    """The line of each `def` of a file by the first line of the function, decorators included;
    empty for a file that does not parse. An app's functions share few files."""
    source = read_source(file)
    try:
        tree = ast.parse(source or "")
    except (SyntaxError, ValueError):
        return {}
    return {
        min([decorator.lineno for decorator in node.decorator_list] + [node.lineno]): node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
