"""What OpenAPI leaves out, in words that say how to name it."""

import pytest

from asyncperf.model import Skipped
from asyncperf.target.requests import operations_of
from asyncperf.target.unlisted import Other, unlisted_operations, unlisted_skipped

DOCUMENT = {"paths": {"/items": {"get": {}}}}


def skipped(*routes, others=()):
    listed = tuple(operations_of(DOCUMENT, {}))
    operations = unlisted_operations(listed, dict.fromkeys(routes))
    return unlisted_skipped(operations, others)


def test_what_is_listed_is_not_unlisted():
    assert skipped(("GET", "/items")) == ()
    [post] = skipped(("GET", "/items"), ("POST", "/items"))
    assert post.method == "POST"


def test_head_goes_with_get():
    assert [s.method for s in skipped(("GET", "/x"), ("HEAD", "/x"))] == ["GET"]
    assert [s.method for s in skipped(("HEAD", "/x"))] == ["HEAD"]


@pytest.mark.parametrize(
    ("routes", "why"),
    [
        ([], "an app of its own: --endpoint 'GET /sub/...'"),
        ([("POST", "/sub/x")], "an app of its own with a route: --endpoint 'POST /sub/x'"),
        (
            [("POST", "/sub/x"), ("GET", "/sub/{key}"), ("HEAD", "/sub/{key}")],
            "an app of its own with 2 routes: --endpoint 'GET /sub/1'",
        ),
    ],
)
def test_a_mounted_app_is_one_entry_with_all_its_routes(routes, why):
    assert skipped(*routes, others=[Other("app", "/sub")]) == (Skipped("MOUNT", "/sub", why),)


def test_a_mount_takes_only_what_is_below_it():
    found = skipped(("GET", "/subject"), others=[Other("static", "/sub")])
    assert found == (
        Skipped("GET", "/subject", "is not in the app's OpenAPI: --endpoint 'GET /subject'"),
        Skipped("MOUNT", "/sub", "static files: --endpoint 'GET /sub/FILE'"),
    )


def test_what_is_mounted_at_the_root_leaves_the_routes_to_themselves():
    found = skipped(("GET", "/x"), others=[Other("static", "")])
    assert [(s.method, s.path) for s in found] == [("GET", "/x"), ("MOUNT", "/")]
