"""Source for a newer Python, read by any."""

import ast

import pytest

from asyncperf.scan.newer_syntax import in_older_words
from asyncperf.scan.sources import Source, parse

OLDER = {
    "a generic class": ("class A[T: int](B): x = 1", "class A        (B): x = 1"),
    "a generic function": ("async def f[T, *Ts](x: T): ...", "async def f        (x: T): ..."),
    "a name of more bytes than letters": ("def f[Größe](x): ...", "def f         (x): ..."),
    "a nested bracket": ("class A[T: dict[str, int]]: ...", "class A                   : ..."),
    "over lines": ("class A[\n    T,  # one\n](B): ...", "class A\\\n\\\n (B): ..."),
    "an alias": ("type A = int", "A      = int"),
    "a generic alias": ("if x:\n    type A[T] = list[T]", "if x:\n    A         = list[T]"),
    "several exceptions": ("try: ...\nexcept A, B.C: ...", "try: ...\nexcept(A, B.C): ..."),
    "an exception group": ("try: ...\nexcept* A, B: ...", "try: ...\nexcept*(A, B): ..."),
}

UNCHANGED = {
    "a name": "type = 1\ntype(x)\ntype.x = 2",
    "a subscript": "a[1] = b[2]",
    "one exception": "try: ...\nexcept (A, B): ...",
    "a named exception": "try: ...\nexcept A as error: ...",
    "a call's exceptions": "try: ...\nexcept of(A, B): ...",
    "no exception": "try: ...\nexcept: ...",
    "no Python": "def [",
    "an open bracket": "class A[T",
}


@pytest.mark.parametrize(("newer", "older"), OLDER.values(), ids=OLDER)
def test_newer_syntax_keeps_its_places(newer: str, older: str) -> None:
    assert in_older_words(newer) == older
    assert isinstance(parse(Source("a.py", newer, 3)), ast.Module)


def test_columns_after_a_parameter_are_those_of_the_source() -> None:
    """In bytes, as the parser counts them."""
    newer = "class Maß[Größe: Länge](B): pass\ndef f[Ä,\n  Ö](x: C): pass\ntype É[Ü] = y"
    lines = newer.encode().split(b"\n")
    used = [
        node
        for node in ast.walk(ast.parse(in_older_words(newer)))
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    ]
    assert sorted(node.id for node in used) == ["B", "C", "y"]
    for node in used:
        assert lines[node.lineno - 1][node.col_offset :].decode().startswith(node.id)


@pytest.mark.parametrize("text", UNCHANGED.values(), ids=UNCHANGED)
def test_what_has_none_of_it_is_left_alone(text: str) -> None:
    assert in_older_words(text) == text
