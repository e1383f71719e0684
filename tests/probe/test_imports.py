"""Hooks that run right after an import."""

import importlib
import importlib.util
import sys

import pytest

from asyncperf.probe.imports import AfterImports


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A module that can be imported by this name, once."""
    (tmp_path / "shop_of_imports.py").write_text("PRICE = 3\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    yield "shop_of_imports"
    sys.modules.pop("shop_of_imports", None)


def test_the_hook_sees_the_module_before_its_importer(module):
    AfterImports({module: lambda found: setattr(found, "PRICE", found.PRICE + 1)}).install()
    assert importlib.import_module(module).PRICE == 4


def test_the_module_keeps_its_own_loader(module):
    AfterImports({module: lambda found: None}).install()
    found = importlib.import_module(module)
    assert type(found.__loader__).__name__ == "SourceFileLoader"
    assert found.__spec__.loader is found.__loader__


def test_other_modules_are_left_alone(module):
    AfterImports({"no.such.module": lambda found: pytest.fail("called")}).install()
    assert importlib.import_module(module).PRICE == 3
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("no.such.module")


def test_what_was_imported_before_gets_its_hook_at_once(module):
    imported = importlib.import_module(module)
    AfterImports({module: lambda found: setattr(found, "PRICE", found.PRICE + 1)}).install()
    assert imported.PRICE == 4


def test_finders_ask_those_behind_them_alone(module):
    """Two of ours would otherwise ask each other for ever."""
    seen = []
    for number in range(2):
        AfterImports({module: lambda found, number=number: seen.append(number)}).install()
    importlib.import_module(module)
    assert seen == [0, 1]


def test_a_finder_that_was_taken_off_the_path_finds_nothing(module):
    assert AfterImports({module: lambda found: None}).find_spec(module, None) is None


def test_who_finds_a_module_without_importing_it_has_its_loader_whole(module):
    AfterImports({module: lambda found: pytest.fail("called")}).install()
    loader = importlib.util.find_spec(module).loader
    assert loader.get_source(module) == "PRICE = 3\n"
    assert not loader.is_package(module)
    assert loader.get_data(loader.get_filename(module)) == b"PRICE = 3\n"
    assert not hasattr(loader, "no_such_thing")


def test_a_module_that_cannot_be_imported_may_be_later(module, tmp_path):
    """What it needs in turn is not installed, and the app does without."""
    file = tmp_path / f"{module}.py"
    file.write_text("import no_such_driver\n")
    seen = []
    AfterImports({module: seen.append}).install()
    with pytest.raises(ModuleNotFoundError, match="no_such_driver"):
        importlib.import_module(module)
    assert module not in sys.modules
    file.write_text("PRICE = 4  # and no driver\n")
    importlib.invalidate_caches()
    assert importlib.import_module(module).PRICE == 4
    assert [found.__name__ for found in seen] == [module]
