"""What an operation's security asks for, as something that a user can type.

Pure.
"""

from collections.abc import Collection, Iterator
from urllib.parse import quote

from asyncperf.target.examples import CannotFill, Schema, resolve


def missing_credentials(
    document: Schema, definition: Schema, sample: str, given: Collection[str]
) -> str | None:
    """What to add so that the operation knows who asks, None if nothing need be added.

    `given` are the names in lower case of the headers that come with the request, `sample` is
    the operation's method and path as a user might type them.
    """
    security = definition.get("security", document.get("security"))
    # An empty alternative says that it can do without.
    if not security or not all(security):
        return None
    alternatives = [list(schemes_of(document, requirement)) for requirement in security]
    if any(all(is_given(scheme, given) for scheme in schemes) for schemes in alternatives):
        return None
    return ", ".join(dict.fromkeys(to_type(scheme, sample) for scheme in alternatives[0]))


def schemes_of(document: Schema, requirement: Schema) -> Iterator[Schema]:
    """The schemes that must all be satisfied; an empty one where the document has none."""
    for name in requirement:
        known = document.get("components", {}).get("securitySchemes", {})
        try:
            yield resolve(document, known.get(name))
        except CannotFill:
            yield {}


def is_given(scheme: Schema, given: Collection[str]) -> bool:
    """Whether a header carries it; of a scheme that is not known any header may."""
    match scheme:
        case {"type": "apiKey", "in": "header", "name": name}:
            return name.lower() in given
        case {"type": "apiKey", "in": "cookie"}:
            return "cookie" in given
        case {"type": "apiKey", "in": "query"}:
            return False
        case {"type": "http" | "oauth2" | "openIdConnect"}:
            return "authorization" in given
    return bool(given)


def to_type(scheme: Schema, sample: str) -> str:
    match scheme:
        case {"type": "apiKey", "in": "header", "name": name}:
            return f"-H '{name}: ...'"
        case {"type": "apiKey", "in": "cookie", "name": name}:
            return f"-H 'Cookie: {name}=...'"
        case {"type": "apiKey", "in": "query", "name": name}:
            return f"--endpoint '{sample}?{quote(name)}=...'"
        case {"type": "http", "scheme": str(kind)} if kind.lower() == "basic":
            return "-H 'Authorization: Basic ...'"
        case {"type": "http" | "oauth2" | "openIdConnect"}:
            return "-H 'Authorization: Bearer ...'"
    return "-H 'Authorization: ...'"
