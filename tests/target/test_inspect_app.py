"""What is read off an app: its endpoints, their handlers, and why some are left out."""

import sys

import pytest
from fastapi import APIRouter, FastAPI
from starlette.applications import Starlette
from starlette.routing import Route

from asyncperf.target.inspect_app import (
    NotFound,
    describe,
    describe_value,
    find,
    load,
    takes_asgi_arguments,
)


def plain():
    return {}


async def awaited():
    return {}


class Caller:
    async def __call__(self):
        return {}


def endpoints(app):
    """The handlers of what the app's OpenAPI document shows."""
    described = describe(app)
    handlers = {(e["method"], e["path"]): e["handler"] for e in described["handlers"]}
    return {
        (method.upper(), path): handlers.get((method.upper(), path))
        for path, operations in described["openapi"].get("paths", {}).items()
        for method in operations
    }


def app_with(handler, path="/items", method="get", **options):
    app = FastAPI()
    getattr(app, method)(path, **options)(handler)
    return app


# Endpoints


def test_endpoints_are_in_the_order_of_the_app():
    app = FastAPI()
    for path in ("/b", "/a", "/c"):
        app.get(path)(plain)
    assert list(endpoints(app)) == [("GET", "/b"), ("GET", "/a"), ("GET", "/c")]


def test_endpoints_of_included_routers_have_their_whole_path():
    inner, outer, app = APIRouter(prefix="/inner"), APIRouter(prefix="/outer"), FastAPI()
    inner.get("/items")(awaited)
    outer.include_router(inner)
    app.include_router(outer, prefix="/api")
    found = endpoints(app)
    assert list(found) == [("GET", "/api/outer/inner/items")]
    assert found["GET", "/api/outer/inner/items"]["name"] == "awaited"


def test_the_documentation_is_no_endpoint():
    assert endpoints(FastAPI()) == {}


def test_what_is_hidden_from_the_schema_is_left_out():
    assert endpoints(app_with(plain, include_in_schema=False)) == {}


def test_an_app_of_another_framework_has_no_known_endpoints():
    async def app(scope, receive, send): ...

    described = describe(app)
    assert (described["openapi"], described["handlers"], described["others"]) == (None, [], [])
    assert described["no_openapi"] == "is no FastAPI app, so it has no OpenAPI document"


def test_a_starlette_app_has_routes_without_openapi():
    described = describe(Starlette(routes=[Route("/items", awaited)]))
    assert described["openapi"] is None
    assert [entry["path"] for entry in described["handlers"]] == ["/items", "/items"]


def failing():
    raise ValueError("no document")


@pytest.mark.parametrize(
    ("openapi", "error"), [(failing, "ValueError"), (lambda: {"paths": {1j}}, "TypeError")]
)
def test_an_openapi_document_that_fails_is_told_and_the_routes_stay(capsys, openapi, error):
    app = app_with(plain)
    app.openapi = openapi
    described = describe(app)
    assert described["openapi"] is None
    assert described["no_openapi"] == (
        f"failed to make its OpenAPI document: {error} in app.openapi()"
    )
    assert [entry["path"] for entry in described["handlers"]] == ["/items"]
    told = capsys.readouterr().err.splitlines()  # from Python 3.14 on with notes behind it
    assert any(line.startswith(f"{error}: ") for line in told)


@pytest.mark.filterwarnings("ignore:Duplicate Operation ID")
def test_each_method_of_a_path_is_looked_at_alone():
    app = FastAPI()
    app.api_route("/items", methods=["GET", "POST"])(plain)
    assert sorted(endpoints(app)) == [("GET", "/items"), ("POST", "/items")]
    assert endpoints(app)["POST", "/items"]["name"] == "plain"


# What is an app


@pytest.mark.parametrize(
    ("value", "description"),
    [
        (plain, "the function plain()"),
        (Caller, "the class Caller"),
        (3, "of type int"),
        (None, "of type NoneType"),
    ],
)
def test_describe_value(value, description):
    assert describe_value(value) == description


@pytest.mark.parametrize(
    ("app", "answer"),
    [
        (lambda scope, receive, send: None, True),
        (lambda *arguments: None, True),
        (lambda: None, False),
        (lambda scope: None, False),
        (lambda scope, receive, send, more: None, False),
    ],
    ids=["three", "any", "none", "one", "four"],
)
def test_takes_asgi_arguments(app, answer):
    assert takes_asgi_arguments(app) is answer


@pytest.fixture
def project(monkeypatch, tmp_path):
    """An empty directory to look for apps in; what is imported from it is forgotten."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


APP = "from fastapi import FastAPI\napp = FastAPI()\n"


@pytest.mark.parametrize(
    ("files", "named", "import_string"),
    [
        (["main.py"], None, "main:app"),
        (["app.py"], None, "app:app"),
        (["app/main.py", "app/__init__.py"], None, "app.main:app"),
        (["shop.py"], "shop.py", "shop:app"),
        (["shop.py"], "shop.py:app", "shop:app"),
        (["shop.py"], "shop:app", "shop:app"),
        (["pkg/__init__.py", "pkg/shop.py"], "pkg/shop.py", "pkg.shop:app"),
    ],
)
def test_an_app_is_found_as_fastapi_run_finds_it(project, files, named, import_string):
    for file in files:
        (project / file).parent.mkdir(exist_ok=True)
        (project / file).write_text("" if file.endswith("__init__.py") else APP)
    found = find(named)
    assert found.import_string == import_string
    assert found.module_data.extra_sys_path == project


def test_the_entrypoint_of_pyproject_comes_first(project):
    (project / "main.py").write_text(APP)
    (project / "shop.py").write_text(APP.replace("app =", "shop ="))
    (project / "pyproject.toml").write_text('[tool.fastapi]\nentrypoint = "shop:shop"\n')
    assert find(None).import_string == "shop:shop"


@pytest.mark.parametrize(
    ("named", "message", "hint"),
    [
        (None, "there is none in ", "asyncperf run FILE.py"),
        ("shop", "there is no file 'shop'", "asyncperf run shop:app"),
        ("shop.py", "shop.py", "asyncperf run FILE.py"),
        ("no/such/shop.py", "no/such/shop.py", "asyncperf run FILE.py"),
        (":app", "", "asyncperf run"),
        ("shop:", "", "asyncperf run"),
    ],
)
def test_an_app_that_is_not_found_is_named_with_what_to_type(project, named, message, hint):
    with pytest.raises(NotFound) as caught:
        find(named)
    found, next_step = caught.value.args
    assert message in found
    assert hint in next_step


@pytest.mark.parametrize(
    ("source", "attribute", "message"),
    [
        ("app = 3", "app", "shop:app is no ASGI app but of type int"),
        ("class app: ...", "app", "shop:app is no ASGI app but the class app"),
        ("def app(): ...", "app", "shop:app is no ASGI app but the function app()"),
        (APP, "other", 'Attribute "other" not found in module "shop"'),
    ],
)
def test_an_attribute_that_is_no_app_is_described(project, source, attribute, message):
    (project / "shop.py").write_text(source)
    with pytest.raises(NotFound) as caught:
        load(find(f"shop:{attribute}"))
    assert message in caught.value.args[0]
    assert caught.value.args[1]


def test_a_function_that_makes_an_app_is_told_how_to_serve_it(project):
    (project / "shop.py").write_text("def create(): ...")
    with pytest.raises(NotFound) as caught:
        load(find("shop:create"))
    assert "asyncperf run -- uvicorn --factory shop:create" in caught.value.args[1]


@pytest.mark.parametrize(
    "source",
    [APP, "async def app(scope, receive, send): ...", "app = lambda *arguments: None"],
)
def test_any_asgi_app_is_taken(project, source):
    (project / "shop.py").write_text(source)
    sys.path.insert(0, str(project))
    assert callable(load(find("shop:app")))


@pytest.mark.parametrize(
    ("named", "message", "hint"),
    [
        ("nope:app", "there is no module 'nope', neither in ", "asyncperf run PATH/nope.py"),
        ("nope.main:app", "there is no module 'nope', neither in ", "asyncperf run PATH/nope/main"),
        ("pkg.nope:app", "there is no module 'pkg.nope', which was looked for in ", "pkg/nope.py"),
        ("one.nope:app", "'one.nope', for 'one' is a module, ", "asyncperf run one:app"),
        ("store.main:app", "there is no module 'store'", "There is src/store/main.py: asyncperf"),
    ],
)
def test_a_module_that_does_not_exist_is_named_with_what_to_type(project, named, message, hint):
    (project / "pkg").mkdir()
    (project / "pkg/__init__.py").touch()
    (project / "one.py").write_text(APP)
    (project / "src/store").mkdir(parents=True)
    (project / "src/store/main.py").write_text(APP)
    with pytest.raises(NotFound) as caught:
        load(find(named))
    found, next_step = caught.value.args
    assert message in found
    assert hint in next_step


@pytest.mark.parametrize("named", ["shop:app", "pkg:app", "pkg.main:app"])
def test_a_module_that_the_app_misses_is_an_error_of_the_app(project, named):
    """Though it begins with the name of the app's own package."""
    (project / "pkg").mkdir()
    for file in ("shop.py", "pkg/__init__.py"):
        (project / file).write_text("import pkg.missing")
    with pytest.raises(ModuleNotFoundError, match=r"pkg\.missing"):
        load(find(named))
