# ruff: noqa: E501
"""Names across files: imports, re-exports, the place of the root."""

import ast
import gc
from collections.abc import Callable
from pathlib import Path

import pytest

from asyncperf.scan import load, room_to_work, scan_paths
from asyncperf.scan.index import (
    LINES_FOR_A_LINE_OF_TREES,
    MAX_LINES_OF_TREES,
    Class,
    Function,
    Module,
    Trees,
)
from asyncperf.scan.project import External
from asyncperf.scan.sources import Excerpts
from asyncperf.sites import Scan

READS = "import httpx\nclient = httpx.AsyncClient()\nasync def get():\n    return await client.get('/')\n"
USE = "async def f():\n    a = await get()\n    b = await get()\n    return a, b\n"

LAYOUTS = {
    "absolute": {"pkg/__init__.py": "", "pkg/api.py": READS, "pkg/use.py": "from pkg.api import get\n" + USE},
    "relative": {"pkg/__init__.py": "", "pkg/api.py": READS, "pkg/use.py": "from .api import get\n" + USE},
    "re-exported": {"pkg/__init__.py": "from .api import *\n", "pkg/api.py": READS, "use.py": "from pkg import get\n" + USE},
    "in src": {"src/pkg/__init__.py": "", "src/pkg/api.py": READS, "src/pkg/use.py": "from pkg.api import get\n" + USE},
    "without __init__": {"app/api.py": READS, "app/sub/use.py": "from app.api import get\n" + USE},
    "in a branch": {"api.py": READS, "use.py": "try:\n    from api import get\nexcept ImportError:\n    get = None\n" + USE},
    "as a module": {"api.py": READS, "use.py": "import api as own\n" + USE.replace("get()", "own.get()")},
}  # fmt: skip


@pytest.mark.parametrize("files", LAYOUTS.values(), ids=LAYOUTS)
def test_an_imported_function_is_followed(tmp_path: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (site,) = scan_paths([tmp_path]).sites
    assert site.verdict == "independent", site.reason


def test_a_package_that_is_the_root_itself_is_found(tmp_path: Path) -> None:
    package = tmp_path / "pkg"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "api.py").write_text(READS)
    (package / "use.py").write_text("from pkg.api import get\n" + USE)
    (site,) = scan_paths([package]).sites
    assert (site.file, site.verdict) == ("use.py", "independent")


def test_an_installed_package_wins_over_a_file_beside(tmp_path: Path) -> None:
    (tmp_path / "redis.py").write_text("def from_url(): ...\n")
    (tmp_path / "use.py").write_text("from redis import from_url\nfrom use2 import C\n")
    (tmp_path / "use2.py").write_text("class C: ...\n")
    project = load([tmp_path], tmp_path).project
    module = project.modules["use.py"]
    assert isinstance(project.name(module, "from_url"), External)
    assert isinstance(project.name(module, "C"), Class)


def test_subclasses_are_taken_for_what_may_be_called(scan_source: Callable[..., Scan]) -> None:
    """A base that only reads does not prove that an override does."""
    scan = scan_source(
        READS + "class Base:\n    async def load(self): return await get()\n"
        "class Other(Base):\n    async def load(self): return await client.post('/')\n"
        "async def f(base: Base):\n    a = await base.load()\n    b = await base.load()\n    return a, b\n"
    )
    (site,) = [site for site in scan.sites if site.function == "f"]
    assert site.verdict == "unsafe"


def test_bodies_are_parsed_again_when_trees_were_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("asyncperf.scan.index.MAX_LINES_OF_TREES", 1)
    (tmp_path / "api.py").write_text(READS)
    (tmp_path / "use.py").write_text("from api import get\n" + USE)
    (site,) = scan_paths([tmp_path]).sites
    assert site.verdict == "independent"


def test_trees_make_room_in_large_projects() -> None:
    parsed = []

    def parse(file: str) -> ast.Module:
        parsed.append(file)
        return ast.parse("def f(): ...")

    trees = Trees(parse, lambda *_: None)
    for number in range(10):
        trees.keep(f"{number}.py", parse("first"), MAX_LINES_OF_TREES // 10)
    parsed.clear()
    trees.make_room(0)  # all may stay
    trees.make_room(MAX_LINES_OF_TREES * LINES_FOR_A_LINE_OF_TREES // 2)  # half has to go
    for number in (9, 5, 4):
        assert len(trees.definitions(f"{number}.py", 1)) == 1
    assert parsed == ["4.py"]
    trees.make_room(MAX_LINES_OF_TREES * LINES_FOR_A_LINE_OF_TREES * 2)  # but the last one stays
    assert len(trees.definitions("4.py", 1)) == 1
    assert parsed == ["4.py"]


NESTED = """\
class Shop:
    if True:
        @first
        @second(
            1)
        async def get(self):
            text = '''
no indent
'''
            def inner():
                return lambda: text
            return inner

def last(): return 1; pass
"""


def test_a_function_is_parsed_again_alone_and_stands_where_it_stood(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(NESTED)
    module = load([tmp_path], tmp_path).project.modules["a.py"]
    whole = [function.node for function in module.functions]
    trees = module.trees = Trees(lambda file: None, Excerpts(tmp_path))
    get, inner, last = (function.node for function in module.functions)
    for again, before in zip((get, inner, last), whole, strict=True):
        assert again is not None
        assert before is not None
        assert again is not before
        assert ast.dump(again, include_attributes=True) == ast.dump(before, include_attributes=True)
    assert inner in ast.walk(get)  # one tree
    assert trees.definition(module.functions[0]) is get


def test_what_cannot_be_parsed_alone_is_parsed_with_its_file(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(NESTED)
    project = load([tmp_path], tmp_path).project
    module = project.modules["a.py"]
    module.trees = Trees(lambda file: ast.parse(NESTED), lambda *_: None)
    assert [function.node is not None for function in module.functions] == [True, True, True]
    (tmp_path / "a.py").unlink()
    assert Excerpts(tmp_path)("a.py", 1, 3) is None


def test_functions_know_their_class_and_line(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("class A:\n    async def f(self):\n        def g(): ...\n")
    functions = load([tmp_path], tmp_path).project.modules["a.py"].functions
    assert [(f.qualname, f.line) for f in functions] == [("A.f", 2), ("A.f.g", 3)]
    assert all(isinstance(f, Function) for f in functions)


def test_an_interrupt_waits_for_no_collector() -> None:
    def interrupted() -> None:
        with room_to_work():
            raise KeyboardInterrupt

    before = gc.get_freeze_count()
    try:
        with pytest.raises(KeyboardInterrupt):
            interrupted()
        assert gc.get_freeze_count() > before
    finally:
        gc.unfreeze()


def test_a_scan_leaves_nothing_for_the_collector_to_find(scan_source) -> None:
    """Which would walk all of it."""

    def definitions() -> set[int]:
        return {id(each) for each in gc.get_objects() if isinstance(each, Module | Function)}

    collects = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        before = definitions()
        source = (
            "class A:\n    async def f(self):\n        await self.f()\n        await self.f()\n"
        )
        assert len(scan_source(source).sites) == 1
        assert definitions() <= before
    finally:
        if collects:
            gc.enable()
