"""Numbers for things that have long names: each is described once, in a note."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from types import CodeType
from typing import Any

from .notes import note
from .record_format import MOST_NUMBERED, NO_SITE


class Numbering:
    """Numbers from 1 on for keys, in the order in which they come. `describe` gives what
    the note of a new key holds. The last number is shared by all that come too late."""

    def __init__(self, folder: str, what: str) -> None:
        self._folder = folder
        self._what = what
        # Of all keys that are known, for who is in a hurry to read.
        self.numbers: dict[Hashable, int] = {}

    def number(self, key: Hashable, describe: Callable[[], dict[str, Any]]) -> int:
        found = self.numbers.get(key)
        if found is None:
            found = min(len(self.numbers) + 1, MOST_NUMBERED)
            if found < MOST_NUMBERED:
                self.numbers[key] = found
                note(self._folder, self._what, number=found, **describe())
        return found


class Sites(Numbering):
    """Places in source code: a line, or a function."""

    def __init__(self, folder: str) -> None:
        super().__init__(folder, "site")

    def line(self, file: str, line: int, column: int, function: str, text: str) -> int:
        return self.number(
            (file, line, column, text),
            lambda: {
                "file": file,
                "line": line,
                "column": column,
                "function": function,
                "text": text,
            },
        )

    def place(self, file: str, line: int, function: str) -> int:
        """A line of which no more is known."""
        return self.number(
            (file, line),
            lambda: {
                "file": file,
                "line": line,
                "column": None,
                "function": function,
                "text": None,
            },
        )

    def function(self, code: CodeType | None) -> int:
        """The `def` of a function; no site for one that is not written in Python."""
        if code is None:
            return NO_SITE
        return self.number(
            code,
            lambda: {
                "file": code.co_filename,
                "line": code.co_firstlineno,
                "column": None,
                "function": getattr(code, "co_qualname", code.co_name),
                "text": None,
            },
        )
