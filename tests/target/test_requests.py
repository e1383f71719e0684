"""From OpenAPI to requests: every operation is one, or says what to add."""

import json
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import pytest
from fastapi import Body, Cookie, FastAPI, Header, Path, Query, Security
from fastapi.security import HTTPBearer
from pydantic import BaseModel, Field

from asyncperf.model import Handler, Request
from asyncperf.target.requests import Discovered, discover


class Item(BaseModel):
    name: str = Field(examples=["cup"])
    price: float = Field(ge=1)
    note: str | None = None


class Bare(BaseModel):
    name: str


app = FastAPI()


@app.get("/plain")
def plain(page: int = 1) -> None: ...


@app.get("/items/{item_id}")
def item(item_id: int) -> None: ...


@app.get("/known/{item_id}")
def known(item_id: Annotated[int, Path(examples=[7])]) -> None: ...


@app.get("/kind/{kind}")
def kind(kind: Literal["a b", "c"]) -> None: ...


@app.get("/search")
def search(q: str) -> None: ...


@app.get("/tags")
def tags(tag: Annotated[list[str], Query(openapi_examples={"two": {"value": ["a", "b&c"]}})]): ...


@app.get("/head")
def head(x_tenant: Annotated[str, Header(examples=["acme"])]) -> None: ...


@app.get("/cookie")
def cookie(session: Annotated[str, Cookie(examples=["s1"])]) -> None: ...


@app.get("/token")
def token(x_token: Annotated[str, Header()]) -> None: ...


@app.get("/secret", dependencies=[Security(HTTPBearer())])
def secret() -> None: ...


@app.post("/items")
def create(item: Item) -> None: ...


@app.post("/bare")
def bare(item: Bare) -> None: ...


@app.put("/nothing")
def nothing() -> None: ...


@app.post("/upload")
def upload(file: Annotated[bytes, Body(media_type="application/pdf")]) -> None: ...


DOCUMENT = app.openapi()


def found(allow_writes: bool = False, headers: Sequence[str] = ()) -> Discovered:
    return discover(DOCUMENT, {}, allow_writes=allow_writes, headers=headers)


def requested(discovered: Discovered) -> dict[str, Request]:
    return {request.endpoint.label: request for request in discovered.requests}


def skipped(discovered: Discovered) -> dict[str, str]:
    return {f"{s.method} {s.path}": s.why for s in discovered.skipped}


@pytest.mark.parametrize(
    ("label", "target", "headers"),
    [
        ("GET /plain", "/plain", ()),
        ("GET /known/{item_id}", "/known/7", ()),
        ("GET /kind/{kind}", "/kind/a%20b", ()),
        ("GET /tags", "/tags?tag=a&tag=b%26c", ()),
        ("GET /head", "/head", (("x-tenant", "acme"),)),
        ("GET /cookie", "/cookie", (("Cookie", "session=s1"),)),
    ],
)
def test_examples_fill_what_is_required(label: str, target: str, headers: object) -> None:
    request = requested(found())[label]
    assert (request.target, request.headers, request.body) == (target, headers, b"")


@pytest.mark.parametrize(
    ("label", "why"),
    [
        (
            "GET /items/{item_id}",
            "needs the path parameter 'item_id': --endpoint 'GET /items/1', or give it an example",
        ),
        (
            "GET /search",
            "needs the query parameter 'q': --endpoint 'GET /search?q=...', or give it an example",
        ),
        (
            "GET /token",
            "needs the header 'x-token': -H 'x-token: ...', or give it an example",
        ),
        (
            "GET /secret",
            "needs credentials: -H 'Authorization: Bearer ...'",
        ),
        ("PUT /nothing", "PUT may write: --allow-writes, or name it: --endpoint 'PUT /nothing'"),
    ],
)
def test_what_cannot_be_filled_says_what_to_add(label: str, why: str) -> None:
    assert skipped(found())[label] == why


def test_methods_that_may_write_wait_for_leave() -> None:
    assert {request.method for request in found().requests} == {"GET"}
    request = requested(found(allow_writes=True))["POST /items"]
    assert json.loads(request.body) == {"name": "cup", "price": 1}
    assert request.headers == (("Content-Type", "application/json"),)


def test_a_body_that_cannot_be_filled_names_its_field() -> None:
    why = skipped(found(allow_writes=True))
    assert why["POST /bare"].startswith("needs the body's field 'name': --endpoint 'POST /bare @bo")
    assert why["POST /upload"].startswith("needs a body of application/pdf: --endpoint 'POST /up")


def test_headers_that_the_user_gave_stand_for_credentials() -> None:
    assert "GET /secret" in requested(found(headers=["Authorization"]))


def test_a_header_that_comes_with_each_request_need_not_be_filled() -> None:
    assert requested(found(headers=["X-Token"]))["GET /token"].headers == ()


def test_every_operation_is_requested_or_skipped() -> None:
    discovered = found(allow_writes=True)
    assert len(discovered.requests) + len(discovered.skipped) == len(discovered.operations)


def test_handlers_go_with_their_endpoints() -> None:
    handler = Handler("app.py", 3, "plain", False)
    discovered = discover(DOCUMENT, {("GET", "/plain"): handler}, allow_writes=False)
    assert requested(discovered)["GET /plain"].endpoint.handler == handler


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"paths": []},
        {"paths": {"/": None}},
        {"paths": {"/": {"get": []}}},
        {"paths": {"/": {"parameters": 3}}},
    ],
)
def test_a_document_without_operations(document: dict[str, Any]) -> None:
    assert discover(document, {}, allow_writes=True) == Discovered()


@pytest.mark.parametrize(
    "operation",
    [
        {"requestBody": {"required": True, "content": {"application/json": {"schema": {
            "type": "object", "required": 3}}}}},
        {"requestBody": {"required": True, "content": []}},
        {"parameters": [{"name": "a", "in": "query", "required": True,
                         "schema": {"type": "integer", "minimum": "low"}}]},
        {"parameters": [{"name": "a", "in": "query", "required": True, "schema": {"anyOf": 3}}]},
        {"security": 3},
    ],
)  # fmt: skip
def test_a_malformed_operation_is_skipped_alone(operation: dict[str, Any]) -> None:
    document = {"paths": {"/bad": {"get": operation}, "/good": {"get": {}}}}
    discovered = discover(document, {}, allow_writes=False)
    assert [request.target for request in discovered.requests] == ["/good"]
    assert [entry.path for entry in discovered.skipped] == ["/bad"]


def test_optional_security_asks_for_nothing() -> None:
    document = {"security": [{"key": []}], "paths": {
        "/": {"get": {"security": []}}, "/or": {"get": {"security": [{}, {"key": []}]}},
        "/key": {"get": {}}}}  # fmt: skip
    discovered = discover(document, {}, allow_writes=False)
    assert [request.target for request in discovered.requests] == ["/", "/or"]
