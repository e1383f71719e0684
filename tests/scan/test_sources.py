"""Finding and reading files: whatever is odd is reported, and the rest goes on."""

import ast
import errno
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncperf.scan import index, scan_paths, sources
from asyncperf.sites import Problem

GOOD = "async def f(c):\n    a = await c.get(1)\n    b = await c.get(a)\n"


def test_a_syntax_error_is_reported_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("x = 1\ndef\n")
    (tmp_path / "good.py").write_text(GOOD)
    scan = scan_paths([tmp_path])
    assert [(problem.file, problem.line) for problem in scan.problems] == [("bad.py", 2)]
    # The file may be good for a newer one.
    assert f"Python {sys.version_info[0]}.{sys.version_info[1]}:" in scan.problems[0].what
    assert [site.file for site in scan.sites] == ["good.py"]


@pytest.mark.parametrize(
    "content", [b"# coding: nonsense\n", b"\xff\xfe", b"x = '\xe9'\n", b"a\x00b"]
)
def test_an_unreadable_file_is_reported(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "odd.py").write_bytes(content)
    (tmp_path / "good.py").write_text(GOOD)
    scan = scan_paths([tmp_path])
    assert [problem.file for problem in scan.problems] == ["odd.py"]
    assert len(scan.sites) == 1


def test_a_declared_encoding_is_honoured(tmp_path: Path) -> None:
    (tmp_path / "latin.py").write_bytes(b"# coding: latin-1\nx = '\xe9'\n")
    assert not scan_paths([tmp_path]).problems


def test_a_giant_file_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "giant.py").write_text("x = 1\n" * (sources.MAX_FILE_BYTES // 6 + 1))
    (problem,) = scan_paths([tmp_path]).problems
    assert "generated" in problem.what


def test_a_file_that_vanished_is_reported(tmp_path: Path) -> None:
    found = sources.read(tmp_path / "gone.py", tmp_path)
    assert isinstance(found, Problem)
    assert found.file == "gone.py"


def test_a_folder_that_cannot_be_listed_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = os.scandir

    def scandir(folder: str) -> Iterator[os.DirEntry[str]]:
        if Path(folder).name == "closed":
            raise PermissionError(errno.EACCES, "Permission denied", folder)
        return listed(folder)

    (tmp_path / "closed").mkdir()
    (tmp_path / "good.py").write_text(GOOD)
    monkeypatch.setattr(os, "scandir", scandir)
    scan = scan_paths([tmp_path])
    assert [(problem.file, problem.what) for problem in scan.problems] == [
        ("closed", "cannot be listed: Permission denied")
    ]
    assert len(scan.sites) == 1


def test_a_folder_that_cannot_be_entered_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is listed by its parent, of which not even a file's existence can be asked."""
    asked, listed = os.stat, os.scandir

    def refuse(path: str | Path) -> None:
        if "closed" in Path(path).parts:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))

    def stat(path: str | Path, **options: Any) -> os.stat_result:
        refuse(path)
        return asked(path, **options)

    def scandir(folder: str) -> Iterator[os.DirEntry[str]]:
        refuse(folder)
        return listed(folder)

    (tmp_path / "closed").mkdir()
    (tmp_path / "good.py").write_text(GOOD)
    monkeypatch.setattr(os, "stat", stat)
    monkeypatch.setattr(os, "scandir", scandir)
    scan = scan_paths([tmp_path])
    assert [problem.file for problem in scan.problems] == ["closed"]
    assert len(scan.sites) == 1


def test_a_notebook_is_not_taken_for_python(tmp_path: Path) -> None:
    """Its JSON often parses as such."""
    (tmp_path / "a.ipynb").write_text('{"cells": []}')
    scan = scan_paths([tmp_path / "a.ipynb"])
    assert scan.files == 0
    assert "a notebook" in scan.problems[0].what


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "good.py").write_text(GOOD)
    scan = scan_paths([tmp_path])
    assert [(problem.file, problem.what) for problem in scan.problems] == [
        ("pipe.py", "not read: no regular file")
    ]
    assert len(scan.sites) == 1


def test_a_file_that_vanishes_once_it_is_listed_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find_files(*arguments: object) -> Iterator[Path]:
        yield tmp_path / "gone.py"
        yield tmp_path / "good.py"

    (tmp_path / "good.py").write_text(GOOD)
    monkeypatch.setattr(sources, "find_files", find_files)
    scan = scan_paths([tmp_path])
    assert [problem.file for problem in scan.problems] == ["gone.py"]
    assert [site.file for site in scan.sites] == ["good.py"]


@pytest.mark.parametrize("then", ["gone", "broken", "another"])
def test_a_file_that_changes_between_two_readings_is_survived(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, then: str
) -> None:
    """Of a large project no syntax trees are kept, and files are parsed again."""
    first, second = tmp_path / "a.py", tmp_path / "b.py"
    first.write_text("async def fetch(c):\n    return await c.get(1)\n" + GOOD)
    second.write_text("from a import fetch\n" + GOOD.replace("c.get", "fetch"))
    parse = sources.parse

    def parse_and_change(source: sources.Source) -> ast.Module | Problem:
        if source.file == "b.py" and first.exists():
            if then == "gone":
                first.unlink()
            else:
                first.write_text("def" if then == "broken" else "class fetch: pass\n")
        return parse(source)

    monkeypatch.setattr(sources, "parse", parse_and_change)
    monkeypatch.setattr(index, "MAX_LINES_OF_TREES", 1)
    scan = scan_paths([tmp_path])
    assert scan.files == 2
    assert "b.py" in {site.file for site in scan.sites}
    told = {problem.file for problem in scan.problems}
    assert told == (set() if then == "another" else {"a.py"})


@pytest.mark.parametrize("link", ["a.py", "z.py"])  # before and after the file itself
def test_a_file_and_a_link_to_it_are_one(tmp_path: Path, link: str) -> None:
    (tmp_path / "m.py").write_text(GOOD)
    (tmp_path / "sub").mkdir()
    (tmp_path / link).symlink_to("m.py")
    (tmp_path / "sub" / link).symlink_to(f"../{link}")
    scan = scan_paths([tmp_path])
    assert (scan.files, [site.file for site in scan.sites]) == (1, ["m.py"])


def test_what_a_link_names_can_be_imported_by_that_name(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "clients.py").write_text(
        "import httpx\nclient = httpx.AsyncClient()\n"
        "async def get():\n    return await client.get('/')\n"
    )
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "clients.py").symlink_to(tmp_path / "own" / "clients.py")
    (tmp_path / "shop" / "use.py").write_text(
        "from shop.clients import get\n"
        "async def f():\n    a = await get()\n    b = await get()\n    return a, b\n"
    )
    scan = scan_paths([tmp_path])
    assert [site.verdict for site in scan.sites] == ["independent"]


def test_a_file_outside_is_read_once_by_the_name_of_a_link_to_it(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "outside.py").write_text(GOOD)
    for name in ("a.py", "b.py"):
        (root / name).symlink_to("../outside.py")
    assert [site.file for site in scan_paths([root]).sites] == ["a.py"]


def test_links_in_circles_and_to_nowhere_are_survived(tmp_path: Path) -> None:
    (tmp_path / "good.py").write_text(GOOD)
    (tmp_path / "a.py").symlink_to("b.py")
    (tmp_path / "b.py").symlink_to("a.py")
    (tmp_path / "itself.py").symlink_to("itself.py")
    (tmp_path / "nowhere.py").symlink_to("gone.py")
    (tmp_path / "folder").symlink_to(".")
    scan = scan_paths([tmp_path])
    assert [site.file for site in scan.sites] == ["good.py"]
    told = {problem.file: problem.what for problem in scan.problems}
    assert told.keys() == {"a.py", "b.py", "itself.py", "nowhere.py"}
    assert told["nowhere.py"] == "cannot be read: No such file or directory"
    assert "symbolic links" in told["a.py"]


def test_environments_are_not_the_projects_own(tmp_path: Path) -> None:
    for folder in (".venv", "venv", "node_modules", "mine"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.py").write_text(GOOD)
    (tmp_path / "mine2").mkdir()
    (tmp_path / "mine2" / "pyvenv.cfg").touch()
    (tmp_path / "mine2" / "a.py").write_text(GOOD)
    assert [site.file for site in scan_paths([tmp_path]).sites] == ["mine/a.py"]


def test_one_file_is_named_relative_to_its_folder(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(GOOD)
    assert [site.file for site in scan_paths([tmp_path / "a.py"]).sites] == ["a.py"]


def test_nothing_is_executed(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("raise SystemExit(1)\n" + GOOD)
    assert len(scan_paths([tmp_path]).sites) == 1


def test_deep_nesting_is_survived(tmp_path: Path) -> None:
    (tmp_path / "deep.py").write_text("x = " + "(" * 3_000 + ")" * 3_000 + "\n")
    (tmp_path / "sum.py").write_text("x = " + "+".join(["1"] * 20_000) + "\n")
    (tmp_path / "good.py").write_text(GOOD)
    assert len(scan_paths([tmp_path]).sites) == 1


def test_cyclic_imports_bases_and_calls_end(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(
        "from b import *\nfrom b import B, name\nclass A(B): pass\n"
        "async def first(n):\n    await second(n)\n    await second(n)\n"
    )
    (tmp_path / "b.py").write_text(
        "from a import *\nfrom a import A, name, first\nclass B(A): pass\n"
        "async def second(n):\n    await first(n)\n    await third(n)\n"
        "async def third(n):\n    await second(n)\n    await third(n)\n"
    )
    assert {site.function for site in scan_paths([tmp_path]).sites} == {"first", "second", "third"}


@given(text=st.text(alphabet="async def f():\n    await x(y)[]{}=,.:'\"\\0#é", max_size=200))
def test_any_text_is_scanned_or_reported(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    folder = tmp_path_factory.mktemp("any")
    (folder / "a.py").write_bytes(text.encode())
    scan = scan_paths([folder])
    assert scan.files + len(scan.problems) == 1


def test_odd_syntax_of_the_standard_librarys_tests_is_scanned() -> None:
    """A sample; benchmarks/scan_speed.py takes all of it."""
    library = Path(sys.modules["os"].__file__ or "").parent
    names = (
        "test_coroutines",
        "test_asyncgen",
        "test_grammar",
        "test_patma",
        "test_syntax",
        "test_scope",
    )
    files = [path for name in names if (path := library / "test" / f"{name}.py").is_file()]
    if not files:  # some systems leave the tests out
        files = sorted(library.glob("asyncio/*.py"))
    scan = scan_paths(files, root=library)
    assert scan.files + len(scan.problems) == len(files)
    assert scan.lines > 5_000
