"""From what was named to an app that can be served, and what is said where there is none."""

import os
import sys

import pytest

from asyncperf.errors import TargetError
from asyncperf.target import discover
from asyncperf.target.discover import find_app

SHOP = """\
import os
from fastapi import FastAPI

print("on standard output")
app = FastAPI()

@app.get("/" + os.environ.get("SHOP", "items"))
async def items(): ...

@app.get("/items/{item_id}")
def item(item_id: int): ...
"""


@pytest.fixture
def project(monkeypatch, tmp_path):
    """A directory with an app in it; its name must not be mistaken for a package's."""
    folder = tmp_path / "uvicorn-demo"
    folder.mkdir()
    monkeypatch.chdir(folder)

    def project(source, name="shop.py"):
        (folder / name).write_text(source)
        return folder

    return project


def mishap(app, **env):
    with pytest.raises(TargetError) as caught:
        find_app(app, os.environ | env)
    assert caught.value.exit_code == 3
    return caught.value


def test_an_app_is_described(project, capfd):
    folder = project(SHOP, "main.py")
    found = find_app(None, os.environ | {"SHOP": "open"})
    assert found.import_string == "main:app"
    assert found.app_dir == folder
    assert list(found.openapi["paths"]) == ["/open", "/items/{item_id}"]  # in its environment
    handler = found.handlers["GET", "/open"]
    assert (handler.file, handler.line) == ("main.py", 8)
    assert (handler.name, handler.is_async) == ("items", True)
    out, err = capfd.readouterr()
    assert out == ""  # standard output is for the result
    assert "on standard output" in err


def test_an_import_leaves_no_trace_in_this_process(project):
    project(SHOP, "main.py")
    find_app("main:app", os.environ)
    assert "main" not in sys.modules


def test_an_error_of_the_app_comes_through_whole(project, capfd):
    project("import json\n\ndef price():\n    return json.loads('x')\n\nprice()\n")
    error = mishap("shop.py")
    assert str(error) == "cannot use 'shop.py': JSONDecodeError on import"
    printed = capfd.readouterr().err
    assert printed.startswith("Traceback (most recent call last):\n")
    assert "return json.loads('x')" in printed
    assert "shop.py" in printed.splitlines()[1]  # from its first frame on, and no sooner
    assert printed.splitlines()[-1].startswith("json.decoder.JSONDecodeError: Expecting value")


def test_a_module_that_does_not_exist_is_no_error_of_the_app(project, capfd):
    project("import nowhere")
    assert "there is no module 'nope'" in str(mishap("nope.main:app"))
    assert capfd.readouterr().err == ""
    error = mishap("shop:app")
    assert str(error) == "cannot use 'shop:app': ModuleNotFoundError on import"
    assert "asyncperf run -- PYTHON -m uvicorn" in error.hint
    assert "shop.py" in capfd.readouterr().err.splitlines()[1]


@pytest.mark.parametrize(
    ("app", "says"),
    [
        ("shop.py", "Could not find FastAPI app"),
        ("shop:app", 'Attribute "app" not found'),
        ("other.py", "Path does not exist other.py"),
    ],
)
def test_what_is_no_app_is_said_in_the_words_of_who_looked(project, app, says):
    project("x = 1")
    assert says in str(mishap(app))


def test_an_app_that_ends_the_interpreter_is_told_apart(project, capfd):
    project("raise SystemExit('SECONDS must be a number')")
    error = mishap("shop:app")
    assert "'shop:app' ended the interpreter on import (exit code 1)" in str(error)
    assert error.hint
    assert "SECONDS must be a number" in capfd.readouterr().err


def test_an_app_that_hangs_on_import_is_given_up(project, monkeypatch):
    monkeypatch.setattr(discover, "IMPORT_TIMEOUT_S", 1.0)
    project("import time\ntime.sleep(300)")
    assert "'shop.py' was still importing after 1 s" in str(mishap("shop.py"))


def test_no_app_says_what_to_type(project):
    project("", "README.md")
    error = mishap(None)
    assert str(error).startswith("cannot use the app: there is none in ")
    assert "asyncperf run FILE.py" in error.hint
