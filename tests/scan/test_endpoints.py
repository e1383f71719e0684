"""The names of endpoints found in source."""

from textwrap import dedent

import pytest

from asyncperf.scan import scan_paths


@pytest.fixture
def reaching(tmp_path):
    """The endpoints of the one blocking call in some files."""

    def scan(**files):
        for name, source in files.items():
            (tmp_path / f"{name}.py").write_text(dedent(source))
        [call] = scan_paths([tmp_path]).blocking
        return call.endpoints

    return scan


ROUTER = """\
    import time
    from fastapi import APIRouter
    router = APIRouter(prefix="/items")
    @router.get("/{id}")
    async def item(id):
        time.sleep(1)
"""


@pytest.mark.parametrize(
    ("decorators", "names"),
    [
        ('@app.get("/a")', ("GET /a",)),
        ('@app.post(path="/a")', ("POST /a",)),
        ('@app.get("/a")\n@app.put("/b")', ("GET /a", "PUT /b")),
        ('@app.api_route("/a", methods=["get", "POST"])', ("GET /a", "POST /a")),
        ('@app.api_route("/a")', ("GET /a",)),
        ('@app.websocket("/ws")', ("WEBSOCKET /ws",)),
        ('@app.get("")', ("GET /",)),
        ('@app.get(f"{BASE}/a")', ("GET /base/a",)),
        ("@app.get(elsewhere.PATH)", ("GET …",)),
        ('@cache.get("key")', ()),
        ('@cache.get("/a", 1)\n@retry()', ("GET /a",)),
    ],
)
def test_decorators(reaching, decorators, names):
    source = f'import time\nBASE = "/base"\n{decorators}\nasync def f():\n    time.sleep(1)\n'
    assert reaching(main=source) == names


def test_a_router_that_nobody_includes_has_its_own_prefix(reaching):
    assert reaching(items=ROUTER) == ("GET /items/{id}",)


def test_prefixes_of_routers_in_routers_in_an_app(reaching):
    assert reaching(
        items=ROUTER,
        api="""\
            from fastapi import APIRouter
            import items
            api_router = APIRouter()
            api_router.include_router(items.router, prefix="/v1")
            """,
        main="""\
            from fastapi import FastAPI
            from api import api_router
            app = FastAPI()
            app.include_router(api_router, prefix="/api")
            """,
    ) == ("GET /api/v1/items/{id}",)


def test_a_router_included_twice_has_two_endpoints(reaching):
    assert reaching(
        items=ROUTER,
        main="""\
            from fastapi import FastAPI
            from items import router
            app = FastAPI()
            app.include_router(router, prefix="/a")
            app.include_router(router, prefix="/b")
            """,
    ) == ("GET /a/items/{id}", "GET /b/items/{id}")


def test_a_prefix_from_settings_is_said_to_be_unknown(reaching):
    assert reaching(
        items=ROUTER,
        main="""\
            from fastapi import FastAPI
            from items import router
            from elsewhere import settings
            def create_app():
                app = FastAPI()
                app.include_router(router, prefix=settings.prefix)
                return app
            """,
    ) == ("GET …/items/{id}",)


def test_routers_that_include_each_other_end(reaching):
    assert reaching(items=ROUTER + "    router.include_router(router)\n") == ("GET /items/{id}",)
