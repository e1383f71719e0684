"""Where the OpenAPI document is, and what is said where it is not."""

from pathlib import Path

import pytest

from asyncperf.errors import UsageError
from asyncperf.target.document import Document, base_of, no_openapi, openapi_of, read_document
from asyncperf.target.fetch import Answer


def test_a_file_that_exists_is_read_and_anything_else_is_a_path(tmp_path: Path) -> None:
    file = tmp_path / "openapi.json"
    file.write_text('{"paths": {}}')
    assert read_document(None) == Document()
    assert read_document(str(file)) == Document(content={"paths": {}})
    assert read_document("/api/v1/openapi.json") == Document(path="/api/v1/openapi.json")


@pytest.mark.parametrize(
    ("named", "says"),
    [
        ("openapi.json", "is no file, and no path on the server"),
        ("http://127.0.0.1/openapi.json", "is no file, and no path on the server"),
        ("/a path", "is no file, and no path on the server"),
        ("bad.json", "'bad.json' holds no OpenAPI document"),
    ],
)
def test_what_is_neither_is_refused(
    named: str, says: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bad.json").write_text("openapi: 3.1.0")
    with pytest.raises(UsageError) as caught:
        read_document(named)
    assert says in str(caught.value)
    assert "--openapi" in caught.value.hint


@pytest.mark.parametrize(
    ("status", "body", "found"),
    [
        (200, b'{"paths": {}}', True),
        (404, b'{"paths": {}}', False),
        (200, b"<html>", False),
        (200, b"[" * 100_000, False),
        (200, b"[]", False),
        (200, b'{"detail": "no"}', False),
    ],
)
def test_openapi_of_an_answer(status: int, body: bytes, found: bool) -> None:
    answer = Answer(status, None, body)
    assert (openapi_of(answer) is not None) is found
    assert "http://127.0.0.1:8001/api" in no_openapi("http://127.0.0.1:8001/api", answer)


def test_a_document_that_asks_for_credentials_says_how_to_send_them() -> None:
    assert no_openapi("/x", Answer(401, None, b"")).endswith("(HTTP 401): -H 'Authorization: ...'")


@pytest.mark.parametrize(
    ("servers", "path", "base"),
    [
        ([{"url": "/api"}], "/api/openapi.json", "/api"),
        ([{"url": "/api/"}], "/api/openapi.json", "/api"),
        ([{"url": "/api"}], "/openapi.json", ""),  # a proxy's prefix, and there is no proxy
        ([{"url": "/api"}], "/apiary.json", ""),
        ([{"url": "/"}], "/openapi.json", ""),
        ([{"url": "https://shop.example/api"}], "/api/openapi.json", ""),
        ([], "/openapi.json", ""),
        ("/api", "/api/openapi.json", ""),
    ],
)
def test_a_prefix_is_believed_where_the_document_is_below_it(
    servers: object, path: str, base: str
) -> None:
    assert base_of({"paths": {}, "servers": servers}, path) == base
    assert base_of(None, path) == ""
