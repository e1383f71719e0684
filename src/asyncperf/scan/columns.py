"""Columns in characters, as people and editors count them: `ast` counts bytes of UTF-8.

For `scan` only.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from functools import cache
from typing import TypeVar

from asyncperf.sites import BlockingCall, Site

Placed = TypeVar("Placed", Site, BlockingCall)


def in_characters(
    found: Iterable[Placed], wide: Collection[str], text_of: Callable[[str], str]
) -> Iterator[Placed]:
    """What was found, with columns in characters. `wide` are the files in which the two
    differ; `text_of` is asked for the text of one, as it was parsed."""

    @cache
    def lines_of(file: str) -> list[str]:
        return text_of(file).split("\n")

    for each in found:
        if each.column and each.file in wide and each.line <= len(lines_of(each.file)):
            column = characters(lines_of(each.file)[each.line - 1], each.column)
            each = replace(each, column=column)
        yield each


def characters(line: str, offset: int) -> int:
    """How many characters stand before a byte of the line."""
    return len(line.encode(errors="surrogatepass")[:offset].decode(errors="replace"))


def blank(text: str) -> str:
    """Spaces in the place of a text of one line, as many as it has bytes, since `ast` counts
    those."""
    return " " * len(text.encode(errors="surrogatepass"))
