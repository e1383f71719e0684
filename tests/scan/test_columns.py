"""Columns count characters, whatever they take in UTF-8."""

from collections.abc import Callable
from pathlib import Path

import pytest

from asyncperf.scan import scan_paths
from asyncperf.scan.columns import characters
from asyncperf.sites import Scan


@pytest.mark.parametrize(
    ("line", "offset", "column"),
    [
        ("x = f()", 4, 4),
        ("\tx = f()", 5, 5),  # a tab is one
        ('"é"; f()', 6, 5),
        ('"日本"; f()', 10, 6),  # wide ones as well
        ('"😀"; f()', 8, 5),  # two units of UTF-16, one code point
        ('"e\u0301"; f()', 7, 6),
        ("é", 1, 1),  # amid a character
    ],
)
def test_a_column_counts_code_points(line: str, offset: int, column: int) -> None:
    assert characters(line, offset) == column


def test_sites_and_blocking_calls_after_wide_text_stand_where_they_are_seen(
    scan_source: Callable[..., Scan],
) -> None:
    source = (
        "import time\nasync def get(key): ...\n"
        "async def f():\n"
        '    "日本😀"; time.sleep(1)\n'
        '    x = f("日本😀", [await get(1), await get(2)])\n'
    )
    lines = source.split("\n")
    scan = scan_source(source)
    (call,) = scan.blocking
    assert lines[call.line - 1][call.column :].startswith("time.sleep")
    (site,) = scan.sites
    assert lines[site.line - 1][site.column :].startswith("await get(1)")


def test_a_site_has_the_column_of_its_line(scan_source: Callable[..., Scan]) -> None:
    """Its statement's or its loop's, not that of an await further down."""
    source = (
        "async def get(key): ...\n"
        "async def f(keys):\n"
        "    for key in keys:\n"
        "        await get(key)\n"
        "    one = list(\n"
        "        await get(1)\n"
        "    )\n"
        "    two = await get(2)\n"
        "    return one, two\n"
    )
    sites = scan_source(source).sites
    assert [(site.kind, site.line, site.column) for site in sites] == [
        ("loop", 3, 4),
        ("pair", 5, 4),
    ]


def test_a_file_in_another_encoding_counts_the_same(tmp_path: Path) -> None:
    source = "# coding: latin-1\nimport time\nasync def f():\n    'é'; time.sleep(1)\n"
    (tmp_path / "latin.py").write_bytes(source.encode("latin-1"))
    (call,) = scan_paths([tmp_path]).blocking
    assert (call.line, call.column) == (4, 9)
