"""The source of the app under test, as it stands on disk."""

import tokenize


def read_source(file: str) -> str | None:
    """The text of a Python file, in the encoding that it declares; None if it is not there, or
    cannot be read as such."""
    try:
        with tokenize.open(file) as source:
            return source.read()
    except (OSError, SyntaxError, UnicodeDecodeError):
        return None


def source_lines(file: str) -> list[str]:
    """Its lines as Python counts them, to which a form feed is no end of one; none where it
    cannot be read."""
    source = read_source(file)
    return [] if source is None else source.split("\n")
