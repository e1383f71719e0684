"""Who answers an endpoint, by what the probe saw of its routes."""

from dataclasses import replace

import pytest

from asyncperf.handlers import python_of, with_handlers
from asyncperf.insight import Route, WorkerInfo
from asyncperf.model import Endpoint, Handler, Measured

from .builders import load_of, samples
from .insights import insight

SOURCE = """
@app.get("/items")
@cached
def items(): ...

@app.get("/one")
async def one(): ...

class Page:
    def __call__(self): ...
"""


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop.py").write_text(SOURCE)
    return str(tmp_path / "shop.py")


def load(*endpoints):
    return load_of(*(Measured(each, samples([1.0]), samples([1.0])) for each in endpoints))


def handlers(routes, *endpoints):
    found = with_handlers(load(*endpoints), insight(routes=routes))
    return [measured.endpoint.handler for measured in found.measured]


def test_a_handler_has_the_line_of_its_def_and_its_kind(file):
    routes = (Route("GET", "/items", file, 2, "items"), Route("GET", "/one", file, 6, "one"))
    assert handlers(routes, Endpoint("GET", "/items"), Endpoint("GET", "/one")) == [
        Handler("shop.py", 4, "items", False),
        Handler("shop.py", 7, "one", True),
    ]


@pytest.mark.parametrize(
    "route",
    [
        Route("POST", "/items", "{}", 2, "items"),  # of another method
        Route("GET", "/items", "{}", 3, "items"),  # the source has changed since
        Route("GET", "/items", "{}", 2, "renamed"),
        Route("GET", "/items", "/gone/shop.py", 2, "items"),
        Route("GET", "/items", None, None, None),
    ],
)
def test_what_is_not_certain_is_not_known(file, route):
    route = replace(route, file=route.file and route.file.format(file))
    assert handlers((route,), Endpoint("GET", "/items")) == [None]


def test_what_is_known_already_stays(file):
    known = Handler("else.py", 1, "other", True)
    routes = (Route("GET", "/items", file, 2, "items"),)
    assert handlers(routes, Endpoint("GET", "/items", known)) == [known]


def test_without_a_probe_nothing_changes():
    before = load(Endpoint("GET", "/items"))
    assert with_handlers(before, None) is before


def test_the_python_is_named_if_all_workers_have_the_same():
    seen = insight(workers=2)
    assert python_of(seen) == "CPython 3.12.3"
    other = WorkerInfo(2, "cpython 3.13.0", "uvloop")
    assert python_of(replace(seen, workers=(seen.workers[0], other))) is None
