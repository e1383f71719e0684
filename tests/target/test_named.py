"""Requests as the user writes them: read whole, or refused with the place and the remedy."""

from pathlib import Path

import pytest

from asyncperf.errors import UsageError
from asyncperf.target.named import read_endpoint
from asyncperf.target.requests_file import read_requests

JSON = (("Content-Type", "application/json"),)
TEXT = (("Content-Type", "text/plain; charset=utf-8"),)


@pytest.mark.parametrize(
    ("text", "method", "target", "headers", "body"),
    [
        ("/", "GET", "/", (), None),
        ("GET /items/1", "GET", "/items/1", (), None),
        ("  delete   /items/1 ", "DELETE", "/items/1", (), None),
        ("GET /search?q=a%20b&x={y}", "GET", "/search?q=a%20b&x={y}", (), None),
        ("GET /käse?art=grün", "GET", "/k%C3%A4se?art=gr%C3%BCn", (), None),
        ('POST /items {"a": [1, 2]}', "POST", "/items", JSON, b'{"a": [1, 2]}'),
        ('POST /items\n{\n"a": 1}', "POST", "/items", JSON, b'{\n"a": 1}'),
        ("POST /items null", "POST", "/items", JSON, b"null"),
        ("PUT /note plain words", "PUT", "/note", TEXT, b"plain words"),
    ],
)
def test_endpoint(text: str, method: str, target: str, headers: object, body: object) -> None:
    named = read_endpoint(text)
    assert (named.method, named.target, named.headers, named.body) == (
        *(method, target, headers, body),
    )


@pytest.mark.parametrize(
    ("name", "kind"),
    [("b.json", "application/json"), ("b.xml", "text/xml"), ("b", "application/octet-stream")],
)
def test_body_file_gives_the_content_type(tmp_path: Path, name: str, kind: str) -> None:
    (tmp_path / name).write_bytes(b"\x00\xff")
    named = read_endpoint(f"POST /items @{tmp_path / name}")
    assert named.body == b"\x00\xff"
    assert dict(named.headers)["Content-Type"] in (kind, kind.replace("text/", "application/"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is no request"),
        ("items", "is no request"),
        ("POST", "is no request"),
        ("GET http://localhost/items", "is a whole URL"),
        ("BREW /pot", "no method 'BREW'"),
        ("GET /a#b", "no path '/a#b'"),
        ("GET /a\x07b", "no path"),
        ("POST /items {not json}", "the body is no JSON: Expecting property name"),
        ("POST /items @nowhere.json", "cannot read the body 'nowhere.json': No such file"),
        ("GET /items weight=3", "a GET with the text 'weight=3' as its body"),
        ("POST /items @/", "cannot read the body '/': Is a directory"),
    ],
)
def test_endpoint_that_is_refused(text: str, says: str) -> None:
    with pytest.raises(UsageError, match="--endpoint") as raised:
        read_endpoint(text)
    assert says in str(raised.value)
    assert raised.value.hint


def test_requests_file(tmp_path: Path) -> None:
    (tmp_path / "body.json").write_text("[1]")
    file = tmp_path / "requests.toml"
    file.write_text(
        """
        [[request]]
        path = "/items/1"

        [[request]]
        method = "post"
        path = "/items"
        headers = { Authorization = "Bearer abc", content-type = "application/vnd.a+json" }
        json = { name = "cup", tags = ["a"] }
        weight = 3
        name = "new item"

        [[request]]
        method = "PUT"
        path = "/items"
        body_file = "body.json"
        weight = 0.5
        """
    )
    first, second, third = read_requests(file)
    assert (first.method, first.target, first.body, first.weight) == ("GET", "/items/1", None, 1)
    assert (second.method, second.body) == ("POST", b'{"name": "cup", "tags": ["a"]}')
    assert second.headers == (
        ("Authorization", "Bearer abc"),
        ("content-type", "application/vnd.a+json"),
    )
    assert (second.weight, second.name) == (3, "new item")
    assert (third.body, third.headers, third.weight) == (b"[1]", JSON, 0.5)
    assert third.where == f"{file}, request 3"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ('[[request]]\npath = "/"\nweight 3\n', "(at line 3"),
        ("", "holds no [[request]]"),
        ("request = 3", "holds no [[request]]"),
        ("request = [3]", "request 1 is no table"),
        ('[[requests]]\npath = "/"', "has an unknown table 'requests'"),
        ("[[request]]\nmethod = 'GET'", "request 1 has no path"),
        ("[[request]]\npath = '/'\n[[request]]\npath = 'a'", "request 2: no path 'a'"),
        ("[[request]]\npath = '/'\nurl = '/'", "request 1 has an unknown key 'url'"),
        ("[[request]]\npath = 3", "path must be a text, not 3"),
        ("[[request]]\npath = '/'\nmethod = 'BREW'", "no method 'BREW'"),
        ("[[request]]\npath = '/'\nweight = 0", "weight must be a number above 0"),
        ("[[request]]\npath = '/'\nweight = true", "weight must be a number above 0"),
        ("[[request]]\npath = '/'\nweight = nan", "weight must be a number above 0"),
        ("[[request]]\npath = '/'\nheaders = { 'a b' = 'c' }", "no HTTP header 'a b'"),
        ("[[request]]\npath = '/'\nheaders = { a = \"b\\r\\nc\" }", "no HTTP header 'a'"),
        ("[[request]]\npath = '/'\nbody = 'a'\njson = 1", "has body and json"),
        ("[[request]]\npath = '/'\njson = 2026-01-01", "json: Object of type date"),
        ("[[request]]\npath = '/'\nbody_file = 'no'", "cannot read the body"),
    ],
)
def test_requests_file_that_is_refused(tmp_path: Path, content: str, says: str) -> None:
    file = tmp_path / "requests.toml"
    file.write_text(content)
    with pytest.raises(UsageError, match=r"requests\.toml") as raised:
        read_requests(file)
    assert says in str(raised.value)


def test_requests_file_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot read '.*no\.toml': No such file"):
        read_requests(tmp_path / "no.toml")


def test_requests_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "requests.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="is no TOML"):
        read_requests(tmp_path / "requests.toml")
