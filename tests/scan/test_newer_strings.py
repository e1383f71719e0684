"""f-strings and t-strings of a newer Python, read by any."""

import ast
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncperf.scan import newer_strings
from asyncperf.scan.newer_strings import in_older_strings, with_strings
from asyncperf.sites import Scan

NEWER = {
    "the same quotes": 'x = f"{a["b"]}-{c}"',
    "in one another": 'x = f"{f"{f"{a["b"]}"}"}"',
    "lines and a comment": 'x = f"{\n  a["b"]  # it\'s }\n}"',
    "a backslash": "x = f'{'\\n'.join(a)}'",
    "side by side": 'x = "it\'s" f"{a["b"]}" f\'é{c!r}\'',
    "side by side over lines": 'x = (\n  f"é"  # "\n  f"{a["b"]}"\n)',
    "a continued line": 'x = f"{a["b"]}" \\\n  f"{c}"',
    "a format": 'x = f"{a["b"]:>{c["d"]}.{e}}" + f"{a:%H:%M}"',
    "three quotes": 'x = f"""{a["b"]}\n{a["c"]} {await_}"""',
    "signs of comparison": 'x = f"{a != b}{a == b}{a["b"] <= c}{d = !s}"',
    "doubled braces": 'x = f"{{{a["b"]}}}"',
    "a character by name": 'x = f"\\N{BULLET} {a["b"]}"',
    "a raw one": 'x = rf"\\{a["b"]}"',
    "a comma": 'x = f"{a["b"],}{a, b}"',
    "a method": 'x = f"{a["b"]}".strip()',
    "a t-string": 'x = t"{a} {b["c"]}"',
}
SAME = (
    "a = f\"SELECT {b} FROM {c!r:>9}\" 'WHERE'",
    "a = 'b'  # f'{'\nc = (f'{d}'  # '\n 'e')\n'''doc'''\nf''",
    "a = {b: f'é{c}', d: rf'\\{e}', f'{{': [f'{g!s}' for h in i]}",
    "a = f'{b}' if c else'd'f'{e:%H}'",
)
NO_PYTHON = ("f'{", "f'{a'", "f'{a:'", "f'{a!r'", "f'''{a}", "f'a\n'", "f'\\N{a'", "f'{a:{b'", "'")


@pytest.fixture
def old_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    """On each Python as on one that knows neither."""
    monkeypatch.setattr(newer_strings, "NEWER", "ft")


def names(tree: ast.AST) -> list[tuple[int, int, str]]:
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    return sorted((node.lineno, node.col_offset, node.id) for node in found)


def rewritten(source: str) -> ast.Module:
    text, strings = in_older_strings(source)
    return with_strings(ast.parse(text), strings)


@pytest.mark.usefixtures("old_parser")
@pytest.mark.parametrize("source", NEWER.values(), ids=NEWER)
def test_names_in_newer_strings_stand_where_they_are_written(source: str) -> None:
    tree = rewritten(source)
    lines = source.split("\n")
    assert len(names(tree)) > 1
    for line, column, name in names(tree):
        assert lines[line - 1].encode()[column:].startswith(name.encode())
    assert any(isinstance(node, ast.JoinedStr) for node in ast.walk(tree))
    assert not any(isinstance(node, ast.Tuple) for node in ast.walk(tree))


@pytest.mark.usefixtures("old_parser")
@pytest.mark.parametrize("source", SAME)
def test_what_every_python_reads_is_read_the_same(source: str) -> None:
    assert names(rewritten(source)) == names(ast.parse(source))


@pytest.mark.usefixtures("old_parser")
def test_the_texts_of_a_string_are_kept() -> None:
    """A query is known by its first word."""
    tree = rewritten('f"SELECT {a["b"]} x"')
    (string,) = (node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr))
    texts = [part.value for part in string.values if isinstance(part, ast.Constant)]
    assert texts == ["SELECT ", " x"]


@pytest.mark.usefixtures("old_parser")
@pytest.mark.parametrize("source", NO_PYTHON)
def test_what_is_no_python_is_left_alone(source: str) -> None:
    assert in_older_strings(source) == (source, {})


@given(text=st.text(alphabet="ft'\"{}a:!=\\N#(),\n é", max_size=60))
def test_any_text_is_read_to_its_end(text: str) -> None:
    older, _ = in_older_strings(text)
    assert older.count("\n") == text.count("\n")


def test_a_newer_string_hides_no_finding(scan_source: Callable[..., Scan]) -> None:
    scan = scan_source(
        "import time\n"
        "async def get(key): ...\n"
        "async def f(a):\n"
        '    x = f"é{await get(a["b"])}{time.sleep(1)}"\n'
        "    y = await get(2)\n"
        "    return x, y\n"
    )
    assert scan.problems == ()
    assert [(site.line, site.lines) for site in scan.sites] == [(4, (4, 5))]
    assert [(call.line, call.column) for call in scan.blocking] == [(4, 31)]
