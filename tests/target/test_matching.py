"""Named requests meet the OpenAPI document: each finds its endpoint, and what it left out."""

from pathlib import Path
from typing import Any

import pytest

from asyncperf.errors import UsageError
from asyncperf.model import Handler, Request
from asyncperf.target.matching import requests_named
from asyncperf.target.named import Named, read_endpoint
from asyncperf.target.requests import Operation, operations_of

HANDLER = Handler("app.py", 9, "read", is_async=True)


def parameter(name: str, place: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": place, "required": True, "schema": schema}


def body(schema: dict[str, Any]) -> dict[str, Any]:
    return {"required": True, "content": {"application/json": {"schema": schema}}}


DOCUMENT = {
    "paths": {
        "/items/{id}": {
            "get": {"parameters": [parameter("id", "path", {"type": "integer"})]},
            "put": {
                "parameters": [parameter("id", "path", {"type": "integer", "minimum": 4})],
                "requestBody": body({"const": {"a": 1}}),
            },
        },
        "/items/latest": {"get": {}},
        "/items": {"post": {"requestBody": body({"type": "string"})}},
        "/search": {"get": {"parameters": [parameter("q", "query", {"const": "tea"})]}},
        "/tenant": {"get": {"parameters": [parameter("x-tenant", "header", {"type": "string"})]}},
    }
}
OPERATIONS = tuple(operations_of(DOCUMENT, {("GET", "/items/{id}"): HANDLER}))


def requests(*texts: str, operations: tuple[Operation, ...] = OPERATIONS) -> tuple[Request, ...]:
    return requests_named([read_endpoint(text) for text in texts], operations)


def request(text: str) -> Request:
    [only] = requests(text)
    return only


def test_a_path_belongs_to_the_endpoint_whose_template_it_matches() -> None:
    found = request("GET /items/1?full=1")
    assert (found.target, found.endpoint.path) == ("/items/1?full=1", "/items/{id}")
    assert found.endpoint.handler == HANDLER


def test_a_path_of_its_own_goes_before_a_template() -> None:
    assert request("GET /items/latest").endpoint.path == "/items/latest"


def test_a_path_that_the_document_lacks_is_sent_all_the_same() -> None:
    found = request("GET /hidden/1")
    assert (found.endpoint.label, found.endpoint.handler) == ("GET /hidden/1", None)


def test_what_was_left_out_is_filled_in() -> None:
    assert request("GET /search").target == "/search?q=tea"
    assert request("GET /search?q=milk").target == "/search?q=milk"
    written = request("PUT /items/9")
    assert (written.target, written.body) == ("/items/9", b'{"a": 1}')
    template = request("PUT /items/{id}?x=1")
    assert (template.target, template.body) == ("/items/4?x=1", b'{"a": 1}')
    assert template.headers == (("Content-Type", "application/json"),)


def test_what_was_given_is_kept() -> None:
    assert request('PUT /items/{id} {"b": 2}').body == b'{"b": 2}'
    assert request('POST /items "cup"').headers == (("Content-Type", "application/json"),)


def test_headers_are_the_users_own_matter() -> None:
    named = Named("here", "GET", "/tenant", headers=(("X-Tenant", "acme"),))
    [found] = requests_named([named], OPERATIONS)
    assert (found.target, found.headers) == ("/tenant", (("X-Tenant", "acme"),))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("GET /items/{id}", "needs the path parameter 'id'"),
        ("GET /absent/{id}", "the app's OpenAPI has no GET /absent/{id}"),
        ("POST /items", "needs a request body: --endpoint 'POST /items @body.json'"),
    ],
)
def test_what_cannot_be_filled_is_refused(text: str, says: str) -> None:
    with pytest.raises(UsageError, match="--endpoint") as raised:
        request(text)
    assert says in str(raised.value)


def test_different_requests_to_one_endpoint_are_told_apart() -> None:
    found = requests("GET /items/1", "GET /items/2", "PUT /items/1", 'PUT /items/1 {"b": 2}')
    assert [each.endpoint.path for each in found] == [
        *("/items/1", "/items/2", "/items/1", "/items/1 (2)"),
    ]
    assert found[0].endpoint.handler == HANDLER


def test_a_name_of_the_users_makes_one_row_of_many() -> None:
    named = [Named("here", "GET", f"/items/{n}", name="any item") for n in (1, 2)]
    first, second = requests_named(named, OPERATIONS)
    assert first.key == second.key == ("GET", "any item")


def test_without_a_document_each_request_is_its_own_endpoint() -> None:
    [found] = requests('POST /items {"a": 1}', operations=())
    assert (found.endpoint.label, found.body) == ("POST /items", b'{"a": 1}')


FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("content", "given", "kind"),
    [
        ({FORM: {}}, "a=b", FORM),
        ({FORM: {}}, "@body.bin", FORM),
        ({FORM: {}}, '{"a": 1}', "application/json"),  # recognised, whatever the document says
        ({FORM: {}, "text/csv": {}}, "a=b", "text/plain; charset=utf-8"),
        ({"multipart/form-data": {}}, "a=b", "text/plain; charset=utf-8"),
        ({}, "a=b", "text/plain; charset=utf-8"),
        ([FORM], "a=b", "text/plain; charset=utf-8"),
    ],
)
def test_a_body_of_some_type_has_the_only_one_that_is_taken(
    content: Any, given: str, kind: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("body.bin").write_bytes(b"a=b")
    document = {"paths": {"/x": {"post": {"requestBody": {"content": content}}}}}
    [sent] = requests(f"POST /x {given}", operations=tuple(operations_of(document, {})))
    assert sent.headers == (("Content-Type", kind),)
