"""Who asks: whether the headers that were given say so, and what to type if not."""

from typing import Any

import pytest

from asyncperf.target.credentials import missing_credentials

SCHEMES: dict[str, Any] = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "basic": {"type": "http", "scheme": "Basic"},
    "oauth": {"type": "oauth2", "flows": {}},
    "openid": {"type": "openIdConnect"},
    "key": {"type": "apiKey", "in": "header", "name": "X-Key"},
    "cookie": {"type": "apiKey", "in": "cookie", "name": "session"},
    "query": {"type": "apiKey", "in": "query", "name": "api key"},
    "tls": {"type": "mutualTLS"},
    "linked": {"$ref": "#/components/securitySchemes/key"},
    "nowhere": {"$ref": "#/components/securitySchemes/nothing"},
}
DOCUMENT = {"components": {"securitySchemes": SCHEMES}}


def missing(*security: dict[str, list[str]], given: tuple[str, ...] = ()) -> str | None:
    return missing_credentials(DOCUMENT, {"security": list(security)}, "GET /x", given)


@pytest.mark.parametrize(
    ("scheme", "add", "header"),
    [
        ("bearer", "-H 'Authorization: Bearer ...'", "authorization"),
        ("basic", "-H 'Authorization: Basic ...'", "authorization"),
        ("oauth", "-H 'Authorization: Bearer ...'", "authorization"),
        ("openid", "-H 'Authorization: Bearer ...'", "authorization"),
        ("key", "-H 'X-Key: ...'", "x-key"),
        ("cookie", "-H 'Cookie: session=...'", "cookie"),
        ("linked", "-H 'X-Key: ...'", "x-key"),
        ("tls", "-H 'Authorization: ...'", "anything"),
        ("nowhere", "-H 'Authorization: ...'", "anything"),
        ("unknown", "-H 'Authorization: ...'", "anything"),
    ],
)
def test_a_scheme_is_satisfied_by_its_header_alone(scheme: str, add: str, header: str) -> None:
    assert missing({scheme: []}) == add
    assert missing({scheme: []}, given=(header,)) is None
    assert (missing({scheme: []}, given=("accept",)) is None) is (header == "anything")


def test_a_key_in_the_query_can_only_be_named() -> None:
    assert missing({"query": []}, given=("x-key",)) == "--endpoint 'GET /x?api%20key=...'"


def test_one_alternative_is_enough_and_all_of_it_is_needed() -> None:
    both = {"bearer": [], "key": []}
    assert missing(both) == "-H 'Authorization: Bearer ...', -H 'X-Key: ...'"
    assert missing(both, given=("authorization",)) is not None
    assert missing(both, given=("authorization", "x-key")) is None
    assert missing(both, {"cookie": []}, given=("cookie",)) is None
    assert missing({"query": []}, {}) is None


def test_the_documents_own_security_holds_where_the_operation_says_nothing() -> None:
    document = {**DOCUMENT, "security": [{"key": []}]}
    assert missing_credentials(document, {}, "GET /x", ()) == "-H 'X-Key: ...'"
    assert missing_credentials(document, {"security": []}, "GET /x", ()) is None
    assert missing_credentials({}, {}, "GET /x", ()) is None
