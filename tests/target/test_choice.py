"""Which requests a run sends, and what is said of the rest."""

import pytest

from asyncperf.errors import UsageError
from asyncperf.model import Endpoint, Handler, Request, Skipped
from asyncperf.target.choice import choose, choose_requests, known_endpoints
from asyncperf.target.kinds import Explored
from asyncperf.target.named import read_endpoint
from asyncperf.target.unlisted import Other

HIDDEN = Handler("shop.py", 3, "hidden", False)
SHOP = Explored(
    "shop:app",
    {"paths": {"/items": {"get": {}}, "/items/{item_id}": {"get": {}}}},
    handlers={("GET", "/items"): None, ("GET", "/hidden/{key}"): HIDDEN},
    others=(Other("websocket", "/feed"),),
)
A, AB, B = (Request(Endpoint("GET", path), path) for path in ("/a", "/a/b", "/b"))
C = Skipped("GET", "/c", "needs a key")


def labels(requests):
    return [request.endpoint.label for request in requests]


def test_what_openapi_leaves_out_is_skipped_and_says_what_to_type():
    choice = choose(SHOP, ())
    assert labels(choice.requests) == ["GET /items"]
    assert {f"{s.method} {s.path}": s.why for s in choice.skipped} == {
        "GET /items/{item_id}": "needs the path parameter 'item_id': "
        "--endpoint 'GET /items/1', or give it an example",
        "GET /hidden/{key}": "is not in the app's OpenAPI: --endpoint 'GET /hidden/1'",
        "WEBSOCKET /feed": "asyncperf sends HTTP alone; Locust users of your own can load it: "
        "-f locustfile.py",
    }


def test_a_hidden_route_that_is_named_brings_its_handler():
    [request] = choose(SHOP, [read_endpoint("GET /hidden/7")]).requests
    assert (request.target, request.endpoint) == (
        *("/hidden/7", Endpoint("GET", "/hidden/{key}", HIDDEN)),
    )


def test_hidden_routes_are_known_to_a_locustfile():
    assert Endpoint("GET", "/hidden/{key}", HIDDEN) in known_endpoints(SHOP)


def test_an_app_without_openapi_says_why_and_what_could_be_named():
    bare = Explored("shop:app", None, "shop:app is no FastAPI app", {("GET", "/x"): None})
    with pytest.raises(UsageError, match="shop:app is no FastAPI app") as caught:
        choose(bare, ())
    assert "--openapi /api/v1/openapi.json" in caught.value.hint
    assert caught.value.hint.startswith("GET /x: is not in the app's OpenAPI: --endpoint 'GET /x'")
    assert labels(choose(bare, [read_endpoint("/x")]).requests) == ["GET /x"]


@pytest.mark.parametrize(
    ("include", "exclude", "chosen"),
    [
        ((), (), (A, AB, B, C)),
        (("/a",), (), (A,)),
        (("/a*",), (), (A, AB)),
        (("/b", "/a"), (), (A, B)),  # in the order of the app
        ((), ("/a*",), (B, C)),
        (("/a*",), ("/a",), (AB,)),
        (("/?",), (), (A, B, C)),
        (("/?",), ("/c",), (A, B)),
        (("/[ab]",), ("/b",), (A,)),
    ],
)
def test_endpoints_are_chosen_by_shell_patterns(include, exclude, chosen):
    requests, skipped = choose_requests((A, AB, B), (C,), include, exclude)
    assert (*requests, *skipped) == chosen


@pytest.mark.parametrize(("include", "exclude"), [(("/d",), ()), ((), ("/d",)), (("/A",), ())])
def test_a_pattern_that_matches_nothing_is_named(include, exclude):
    with pytest.raises(UsageError) as caught:
        choose_requests((A, AB, B), (C,), include, exclude)
    assert str(caught.value) == f"no endpoint matches {(include + exclude)[0]!r}"
    assert caught.value.hint == "The paths that can be loaded: /a, /a/b, /b"


def test_of_many_paths_a_few_are_named():
    many = [Request(Endpoint("GET", f"/{n}"), f"/{n}") for n in range(12)]
    with pytest.raises(UsageError) as caught:
        choose_requests(many, (), ("/x",), ())
    assert caught.value.hint.endswith(" /8, /9, and 2 more")


def test_a_pattern_that_matches_only_what_was_skipped_says_why_it_was():
    with pytest.raises(UsageError, match="that matches --include can be requested") as caught:
        choose_requests((A, AB, B), (C,), ("/c",), ())
    assert caught.value.hint.startswith("GET /c: needs a key\n")


@pytest.mark.parametrize("requests", [(), (A,)])
def test_nothing_that_is_left_is_said(requests):
    with pytest.raises(UsageError) as caught:
        choose_requests(requests, (), ("/a",), ("/a",))
    assert str(caught.value) in ("--exclude leaves no endpoint to load", "no endpoint matches '/a'")
