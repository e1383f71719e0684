"""Rewritten source is the same program in its text."""

import ast
import asyncio
import sysconfig
from pathlib import Path

import anyio
import fastapi
import pytest
import starlette

from asyncperf.probe.rewrite import AWAIT, ENTER, ITERATE, MOST_TEXT, Place, rewrite

CORPUS = {
    "asyncio": Path(asyncio.__file__).parent,
    "anyio": Path(anyio.__file__).parent,
    "starlette": Path(starlette.__file__).parent,
    "fastapi": Path(fastapi.__file__).parent,
    # Python's own tests, which are not in every distribution. Some of them, for time's sake.
    "test": Path(sysconfig.get_paths()["stdlib"]) / "test",
}
FILES = {"test": "test_[cg]*.py"}


class Undo(ast.NodeTransformer):
    """Back to what was written."""

    def visit_Call(self, node):
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id in (AWAIT, ITERATE, ENTER):
            return node.args[1]
        return node


def with_awaits(folder, files):
    for file in sorted(folder.rglob(files)):
        data = file.read_bytes()
        if b"await" in data or b"async" in data:
            try:
                yield file, data.decode(), ast.parse(data)
            except (SyntaxError, UnicodeDecodeError):
                pass  # Python's own tests have such files


@pytest.mark.parametrize("package", CORPUS)
@pytest.mark.filterwarnings("ignore::SyntaxWarning", "ignore::DeprecationWarning")
def test_nothing_else_changes(package):
    for file, source, tree in with_awaits(CORPUS[package], FILES.get(package, "*.py")):
        before = ast.dump(tree, include_attributes=True)
        places = []

        def number(place, places=places):
            places.append(place)
            return len(places)

        rewrite(tree, source, str(file), number)
        compile(tree, str(file), "exec", dont_inherit=True)
        assert len(places) == awaits_in(ast.parse(source)), file
        assert ast.dump(Undo().visit(tree), include_attributes=True) == before, file
        check_text(source, places)


def awaits_in(tree):
    count = 0
    for node in ast.walk(tree):
        count += isinstance(node, ast.Await | ast.AsyncFor)
        count += isinstance(node, ast.comprehension) and node.is_async
        count += len(node.items) if isinstance(node, ast.AsyncWith) else 0
    return count


def check_text(source, places):
    """The text of an await that fits on one line stands where its place says."""
    lines = source.split("\n")
    for place in places:
        line = lines[place.line - 1]
        if place.text.startswith("await ") and place.text in line and len(place.text) < MOST_TEXT:
            assert line[place.column - 1 :].startswith(place.text)


def places(source):
    found = []
    rewrite(ast.parse(source), source, "shop.py", lambda place: found.append(place) or len(found))
    return sorted(found)


def test_a_place_counts_characters_and_names_the_function():
    source = """
class Shop:
    async def buy(self):
        async def pay():
            "ü"; await self.till("€", await price())
"""
    assert places(source) == [
        Place("shop.py", 5, 18, "Shop.buy.<locals>.pay", 'await self.till("€", await price())'),
        Place("shop.py", 5, 39, "Shop.buy.<locals>.pay", "await price()"),
    ]


def test_loops_and_managers_have_the_place_of_what_they_run_over():
    source = """
async def main():
    async for x in numbers(): pass
    async with one() as a, await two(): pass
    return {x: y async for x, y in pairs()}
"""
    assert [(p.line, p.column, p.text) for p in places(source)] == [
        (3, 20, "async for x in numbers()"),
        (4, 16, "async with one()"),
        (4, 28, "async with await two()"),
        (4, 28, "await two()"),
        (5, 36, "async for x, y in pairs()"),
    ]


def test_long_and_folded_awaits_are_shown_on_one_line():
    [place] = places("async def f():\n    await g(\n        1,\n        2,\n    )\n")
    assert place.text == "await g( 1, 2, )"
    [place] = places(f"async def f(): await g({'x' * 500})")
    assert len(place.text) == MOST_TEXT
    assert place.text.endswith("…")


def test_without_classes_their_methods_are_left_alone():
    source = "class A:\n    async def f(self): await g()\nasync def h(): await g()\n"
    found = []
    rewrite(ast.parse(source), source, "", lambda p: found.append(p) or 0, classes=False)
    assert [place.function for place in found] == ["h"]


@pytest.mark.parametrize("call", ["g()", "g(1)(2)", "(g())"])
def test_calls_of_some_names_are_left_alone(call):
    source = (
        f"async def f():\n    await {call}\n    async with g(): await o.g()\n    await h(g())\n"
    )
    found = []
    rewrite(ast.parse(source), source, "", lambda p: found.append(p) or 0, but={"g"})
    assert [place.text for place in found] == ["await o.g()", "await h(g())"]
