"""Find an app as `fastapi run` does, import it, and describe it as JSON.

Runs in a process of its own (`python -m asyncperf.target.inspect_app RESULT [APP]`), so that
whatever the app does on import (patch, print, crash, exit) stays out of ours. The result
goes to the file RESULT; standard output and error stay the app's own, so that its
traceback reaches the user whole.
"""

import importlib
import inspect
import json
import logging
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import fastapi_cli
import uvicorn
from fastapi import FastAPI
from fastapi_cli.config import FastAPIConfig
from fastapi_cli.discover import (
    ImportData,
    get_import_data,
    get_import_data_from_import_string,
)
from fastapi_cli.exceptions import FastAPICLIException
from starlette.applications import Starlette
from uvicorn.importer import ImportFromStringError, import_from_string

from asyncperf.target.import_errors import import_hint
from asyncperf.target.inspect_routes import describe_routes

NO_FASTAPI = "is no FastAPI app, so it has no OpenAPI document"

# Where the frames of an import begin that are not the user's: this file, and these packages.
MACHINERY = (
    __file__,
    "<frozen importlib",
    *(package.__path__[0] for package in (importlib, fastapi_cli, uvicorn)),
)


class NotFound(Exception):
    """No app where one was looked for: the message and the next step."""


def find(app: str | None) -> ImportData:
    """Resolve as `fastapi run` does: what is named, else pyproject's entrypoint, else by name."""
    try:
        if app is None:
            config = FastAPIConfig.resolve()
            if config.entrypoint is not None:
                return get_import_data_from_import_string(config.entrypoint, from_pyproject=True)
            return get_import_data()
        path, separator, name = app.partition(":")
        if separator and not name:
            raise NotFound(
                "nothing stands after the colon", f"Name the app: asyncperf run {path}:app"
            )
        if separator and not path.endswith(".py"):
            return get_import_data_from_import_string(app, from_pyproject=False)
        if not Path(path).exists() and not path.endswith(".py") and "/" not in path:
            raise NotFound(
                f"there is no file {path!r}",
                f"Name the app in the module as well: asyncperf run {path}:app",
            )
        return get_import_data(path=Path(path), app_name=name or None)
    except FastAPICLIException as error:
        if app is None:
            raise NotFound(
                f"there is none in {Path.cwd()} ({error})",
                "`fastapi run` looks for main.py, app.py or api.py, here and in app/. "
                "Name another: asyncperf run FILE.py, or asyncperf run MODULE:APP",
            ) from None
        raise NotFound(
            str(error), "Name the app: asyncperf run FILE.py, or asyncperf run MODULE:APP"
        ) from None


def load(found: ImportData) -> Any:
    """Import the app and make sure that it is one."""
    module = found.import_string.partition(":")[0]
    try:
        app = import_from_string(found.import_string)
    except ImportFromStringError as error:
        if f'module "{module}"' in str(error) and module not in sys.modules:
            raise no_module(module, module) from None
        raise NotFound(str(error), "Check the name on both sides of the colon.") from None
    except ModuleNotFoundError as error:
        # A part of the very name that was given, missed before any code of the user's ran;
        # a module that theirs imports is their own error.
        if f"{module}.".startswith(f"{error.name}.") and users_frames(error) is None:
            raise no_module(module, error.name or module) from None
        raise
    if not callable(app) or isinstance(app, type):
        raise not_an_app(found, app)
    if not hasattr(app, "router") and not takes_asgi_arguments(app):
        raise not_an_app(found, app)
    return app


def no_module(module: str, missing: str) -> NotFound:
    """Nothing of that name: where it was looked for, and the file that may have been meant."""
    file = module.replace(".", "/") + ".py"
    hint = f"Run from the directory that holds {file}, or name its path: asyncperf run PATH/{file}"
    for found in sorted(Path.cwd().glob(f"*/{file}")):
        meant = found.relative_to(Path.cwd())
        hint = f"There is {meant}: asyncperf run {meant}"
        break
    parent = sys.modules.get(missing.rpartition(".")[0])
    if parent is None:
        where = f"neither in {Path.cwd()} nor among the packages of {sys.prefix}"
    elif folders := list(getattr(parent, "__path__", [])):
        where = f"which was looked for in {folders[0]}"
    else:
        where = f"for {parent.__name__!r} is a module, {parent.__file__}"
        hint = f"Name the app that is in it: asyncperf run {parent.__name__}:app"
    return NotFound(f"there is no module {missing!r}, {where}", hint)


def not_an_app(found: ImportData, value: object) -> NotFound:
    hint = "Name the attribute that holds the FastAPI() object."
    if inspect.isfunction(value):
        hint += (
            " A function that makes one is served by: asyncperf run -- "
            f"uvicorn --factory {found.import_string} --port 8001"
        )
    return NotFound(f"{found.import_string} is no ASGI app but {describe_value(value)}", hint)


def describe_value(value: object) -> str:
    if inspect.isfunction(value):
        return f"the function {value.__qualname__}{inspect.signature(value)}"
    if isinstance(value, type):
        return f"the class {value.__qualname__}"
    return f"of type {type(value).__qualname__}"


def takes_asgi_arguments(app: Callable[..., Any]) -> bool:
    """Whether `app(scope, receive, send)` is a call that its signature allows."""
    try:
        inspect.signature(app).bind(None, None, None)
    except (TypeError, ValueError):
        return False
    return True


def describe(app: Any) -> dict[str, Any]:
    """The app's OpenAPI document and routes, as far as its framework tells: `openapi` is None
    with a reason in `no_openapi`, for an app that is none of FastAPI's or Starlette's there
    are no routes either."""
    routes = describe_routes(app) if isinstance(app, Starlette) else {"handlers": [], "others": []}
    if not isinstance(app, FastAPI):
        return {"openapi": None, "no_openapi": NO_FASTAPI, **routes}
    try:
        document = app.openapi()
        json.dumps(document)
    except Exception as error:
        print_user_traceback(error)
        why = f"failed to make its OpenAPI document: {type(error).__name__} in app.openapi()"
        return {"openapi": None, "no_openapi": why, **routes}
    return {"openapi": document, "no_openapi": "", **routes}


def main(result_file: str, app: str | None) -> int:
    # It explains import errors in its own way, before ours.
    logging.getLogger("fastapi_cli").setLevel(logging.CRITICAL)
    # `python -m` puts the working directory first; `fastapi run` puts the app's root there.
    sys.path[:] = [entry for entry in sys.path if entry not in ("", str(Path.cwd()))]
    try:
        found = find(app)
        result = {
            "import_string": found.import_string,
            "app_dir": str(found.module_data.extra_sys_path),
            **describe(load(found)),
        }
    except NotFound as error:
        message, hint = error.args
        result = {"error": message, "hint": hint}
    except Exception as error:
        print_user_traceback(error)
        hint = import_hint(error, app, Path.cwd(), os.environ)
        result = {"error": f"{type(error).__name__} on import", "hint": hint}
    Path(result_file).write_text(json.dumps(result), encoding="utf-8")
    return 0


def print_user_traceback(error: BaseException) -> None:
    """The traceback from the user's first frame on; if there is none, all of it."""
    traceback.print_exception(type(error), error, users_frames(error) or error.__traceback__)


def users_frames(error: BaseException) -> TracebackType | None:
    """The frames of an error from the user's first on, None if there are none."""
    tb = error.__traceback__
    while tb is not None and tb.tb_frame.f_code.co_filename.startswith(MACHINERY):
        tb = tb.tb_next
    return tb


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None))
