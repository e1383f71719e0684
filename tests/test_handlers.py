"""Who answers an endpoint, by what the probe saw of its routes."""

from dataclasses import replace

import numpy as np
import pytest

from asyncperf.handlers import as_seen, with_handlers
from asyncperf.insight import Route, WorkerInfo
from asyncperf.model import Endpoint, Handler, Measured

from .builders import load_of, run_of, samples
from .insights import insight, ticks

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


UNKNOWN = replace(run_of().target, python=None, access_log=None)


def served(*workers):
    target = as_seen(UNKNOWN, replace(insight(), workers=workers))
    return target.python, target.access_log


def test_what_all_workers_are_alike_in_is_said_of_the_target():
    logs = WorkerInfo(1, "cpython 3.12.3", "uvloop", access_log=True)
    assert served(logs, replace(logs, pid=2)) == ("CPython 3.12.3", True)
    assert served(logs, replace(logs, python="cpython 3.13.0")) == (None, True)
    assert served(logs, replace(logs, access_log=False)) == ("CPython 3.12.3", None)
    assert as_seen(UNKNOWN, None) is UNKNOWN


def test_what_is_known_without_the_probe_stands():
    known = replace(UNKNOWN, python="3.11.7", access_log=False)
    logs = WorkerInfo(1, "cpython 3.12.3", "uvloop", access_log=True)
    assert as_seen(known, replace(insight(), workers=(logs,))) == known


@pytest.mark.parametrize(
    ("known", "last_s", "workers"),
    [
        (None, (30.0, 28.5), 2),
        (4, (30.0, 28.5), 4),
        (None, (30.0, 20.0), None),  # one was gone, and the other may have taken its place
    ],
)
def test_the_workers_that_a_command_starts_are_counted(known, last_s, workers):
    target = replace(UNKNOWN, workers=known)
    seen = np.concatenate([ticks(until, 0.1, worker=n) for n, until in enumerate(last_s)])
    assert as_seen(target, insight(workers=2, ticks=seen)).workers == workers
