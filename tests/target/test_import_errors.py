"""What is suggested after an import failed: another environment, where something speaks for one."""

import sys
from importlib.metadata import version
from pathlib import Path

import httpx
import pydantic
import pytest

from asyncperf.target.import_errors import import_hint, unlike


def raised(source: str) -> Exception:
    with pytest.raises(Exception) as caught:  # noqa: PT011 - whichever it is
        exec(source, {"__name__": "shop", "httpx": httpx, "pydantic": pydantic})
    return caught.value


FAILURES = {
    "a name that another version has": ("from httpx import Nothing", "httpx"),
    "a name of a module inside": ("from starlette.routing import Nothing", "starlette"),
    "an attribute of a module": ("httpx.nothing", "httpx"),
    "what pydantic moved": ("from pydantic import BaseSettings", "pydantic"),
    "what pydantic no longer takes": ("pydantic.Field(regex='a')", "pydantic"),
    "an attribute of something else": ("httpx.Client.nothing", None),
    "Python's own": ("from json import nothing", None),
    "any other error": ("1 / 0", None),
    "an import error of the app's own": ("raise ImportError('set SHOP_DB')", None),
}


@pytest.mark.parametrize(("source", "package"), FAILURES.values(), ids=FAILURES)
def test_the_package_is_named_that_is_not_as_the_app_expects(
    source: str, package: str | None, tmp_path: Path
) -> None:
    error = raised(source)
    assert unlike(error) == package
    hint = import_hint(error, "shop.main:app", tmp_path, {})
    if package is None:
        assert hint == ""
    else:
        assert f"with {package} {version(package)}, which lacks" in hint
        assert hint.endswith("asyncperf run -- PYTHON -m uvicorn shop.main:app --port 8001")


def test_what_is_missing_may_be_installed_as_well(tmp_path: Path) -> None:
    hint = import_hint(raised("import no_such_thing"), None, tmp_path, {})
    assert hint.startswith(f"asyncperf runs in {sys.prefix}: install what is missing there, or")
    assert hint.endswith("asyncperf run -- PYTHON -m uvicorn MODULE:APP --port 8001")


@pytest.mark.parametrize(
    ("app", "served"),
    [
        ("main.py", "main:APP"),
        ("main.py:shop", "main:shop"),
        ("shop.main:app", "shop.main:app"),
        ("shop/main.py", "MODULE:APP"),
        (None, "MODULE:APP"),
    ],
)
def test_the_app_is_named_as_a_server_is_told_it(
    app: str | None, served: str, tmp_path: Path
) -> None:
    hint = import_hint(raised("import no_such_thing"), app, tmp_path, {})
    assert f"-m uvicorn {served} --port" in hint


def environment(folder: Path) -> Path:
    python = folder / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    return folder


def test_an_environment_beside_the_app_comes_before_the_active_one(tmp_path: Path) -> None:
    error, active = raised("import no_such_thing"), environment(tmp_path / "elsewhere")
    env = {"VIRTUAL_ENV": str(active)}
    assert f"-- {active}/bin/python -m" in import_hint(error, None, tmp_path / "shop", env)
    environment(tmp_path / "shop" / ".venv")
    assert "-- .venv/bin/python -m" in import_hint(error, None, tmp_path / "shop", env)


def test_our_own_environment_is_no_other(tmp_path: Path) -> None:
    env = {"VIRTUAL_ENV": sys.prefix}
    assert "-- PYTHON -m" in import_hint(raised("import no_such_thing"), None, tmp_path, env)
