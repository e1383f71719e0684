"""The user's modules, imported with their awaits rewritten, and all that must not show."""

import importlib
import inspect
import os
import subprocess
import sys
import sysconfig
import traceback
from importlib.machinery import SourceFileLoader

import pytest

from asyncperf.probe import awaits
from asyncperf.probe.imports import AfterImports
from asyncperf.probe.notes import read_notes
from asyncperf.probe.orders import ProbeOrders
from asyncperf.probe.rewrite import AWAIT
from asyncperf.probe.sources import Rewriting, UserSources

MODULE = "async def price():\n    return await other()\nasync def other(): return 3\n"


@pytest.fixture
def load(hooked, tmp_path, monkeypatch):
    """Import a module of this source, by way of the finder."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    UserSources(str(tmp_path)).install()
    names = []

    def load(source, name="shop_of_sources", folder=tmp_path):
        file = folder / f"{name.rpartition('.')[2]}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(source if isinstance(source, bytes) else source.encode())
        importlib.invalidate_caches()
        names.append(name)
        return importlib.import_module(name)

    yield load
    for name in names:
        sys.modules.pop(name, None)


def is_rewritten(function):
    return AWAIT in function.__code__.co_names


def test_the_module_shows_nothing_of_it(load, tmp_path):
    module = load(MODULE)
    assert is_rewritten(module.price)
    assert {name for name in vars(module) if not name.startswith("__")} == {"price", "other"}
    assert inspect.getsource(module.price) == "".join(MODULE.splitlines(True)[:2])
    assert inspect.iscoroutinefunction(module.price)
    assert isinstance(module.__loader__, SourceFileLoader)
    assert module.__file__ == str(tmp_path / "shop_of_sources.py")


def test_no_bytecode_is_written_or_read(load, tmp_path):
    load(MODULE)
    assert not list(tmp_path.rglob("*.pyc"))
    load("PRICE = 3\n", "shop_without_awaits")
    assert list(tmp_path.rglob("shop_without_awaits*.pyc"))


def test_future_imports_docstrings_and_encodings_stay(load):
    source = (
        '# -*- coding: latin-1 -*-\n"""Prices in £."""\nfrom __future__ import annotations\n'
        "async def price(x: Unknown): return await other('é')\nasync def other(x): return x\n"
    )
    module = load(source.encode("latin-1"))
    assert module.__doc__ == "Prices in £."
    assert module.price.__annotations__ == {"x": "Unknown"}
    with pytest.raises(StopIteration) as stop:
        module.price(0).send(None)
    assert stop.value.value == "é"
    assert is_rewritten(load("\ufeff" + MODULE, "shop_with_a_mark").price)
    assert is_rewritten(load(MODULE.replace("\n", "\r\n"), "shop_of_windows").price)


@pytest.mark.parametrize("source", ["await = 3\n", "async def f(:\n", "def f(): await g()\n"])
def test_a_syntax_error_is_pythons_own(load, source):
    with pytest.raises(SyntaxError) as error:
        load(source)
    assert error.value.filename.endswith("shop_of_sources.py")


def test_an_error_at_import_has_the_traceback_it_would_have(load, tmp_path):
    source = "async def f(): await f()\n1 / 0\n"
    frames = []
    for name, finders in (("shop_a", sys.meta_path), ("shop_b", sys.meta_path[1:])):
        sys.meta_path[:] = finders
        with pytest.raises(ZeroDivisionError) as error:
            load(source, name)
        found = traceback.extract_tb(error.value.__traceback__)
        frames.append([(f.name, f.lineno) for f in found if "test_sources" not in f.filename])
    assert frames[0] == frames[1]


def test_what_cannot_be_rewritten_is_imported_and_noted(load, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise RecursionError("too deep")

    monkeypatch.setattr("asyncperf.probe.sources.rewrite", fail)
    assert not is_rewritten(load(MODULE).price)
    [found] = read_notes(tmp_path)
    assert (found["note"], found["module"]) == ("not-rewritten", "shop_of_sources")


@pytest.mark.parametrize("folder", ["site-packages", "env/lib/python3/dist-packages"])
def test_installed_packages_are_left_alone(load, tmp_path, monkeypatch, folder):
    monkeypatch.syspath_prepend(tmp_path / folder)
    assert not is_rewritten(load(MODULE, "shop_installed", tmp_path / folder).price)


def test_python_fastapi_and_ours():
    finder = UserSources("/nowhere")
    stdlib = sysconfig.get_paths()["stdlib"]
    packages = sysconfig.get_paths()["purelib"]
    assert not finder._wants("asyncio.locks", f"{stdlib}/asyncio/locks.py")
    assert not finder._wants("awaits", awaits.__file__)
    assert not finder._wants("fastapi.concurrency", f"{packages}/fastapi/concurrency.py")
    assert finder._wants("fastapi.routing", f"{packages}/fastapi/routing.py")
    assert finder._wants("shop", "/srv/shop.py")


def test_the_disk_is_not_asked_whose_a_module_is(monkeypatch):
    """Apps that forbid blocking calls on their loop allow those of an import alone."""
    finder = UserSources("/nowhere")
    for name in ("stat", "lstat", "readlink"):
        monkeypatch.setattr(os, name, lambda *_, **__: pytest.fail("asked"))
    assert finder._wants("shop", "/srv/never/seen/before.py")


def test_other_loaders_are_left_alone(load, tmp_path):
    class Own(SourceFileLoader):
        pass

    class Finder:
        @staticmethod
        def find_spec(name, path, target=None):
            if name != "shop_of_its_own":
                return None
            file = str(tmp_path / f"{name}.py")
            return importlib.util.spec_from_file_location(name, file, loader=Own(name, file))

    sys.meta_path.insert(1, Finder)
    module = load(MODULE, "shop_of_its_own")
    assert type(module.__loader__) is Own
    assert not is_rewritten(module.price)


def test_both_hooks_on_one_module(load):
    seen = []
    AfterImports({"shop_of_both": seen.append}).install()
    module = load(MODULE, "shop_of_both")
    assert seen == [module]
    assert is_rewritten(module.price)
    assert type(module.__loader__) is Rewriting


def test_it_stands_before_the_apps_first_import(tmp_path):
    (tmp_path / "shop.py").write_text(MODULE)
    code = "import shop; print(shop.price.__code__.co_names[0])"
    for record, first in ((True, AWAIT), (False, "other")):
        env = ProbeOrders(str(tmp_path), record=record).environment({"PYTHONPATH": str(tmp_path)})
        command = [sys.executable, "-B", "-c", code]
        done = subprocess.run(
            command, env=env, capture_output=True, text=True, timeout=60, check=False
        )
        assert (done.stdout.strip(), done.stderr) == (first, "")
