"""Says f-strings and t-strings that an older Python cannot parse in words that it can, and puts
them back into the tree. For `scan` only.

Since Python 3.12 (PEP 701) what stands in an f-string's braces is code like any other, with the
same quotes, comments and lines of its own. So for an older parser the fields of a string become a
tuple, as `(  a["b"],  c,)` for `f"{a["b"]}-{c}"`, and all stays in its line and column; in the tree
it becomes an f-string again. A t-string (PEP 750, Python 3.14) likewise. It is asked only where
the parser has refused a file.
"""

import ast
import re
import sys
from dataclasses import dataclass, field

from asyncperf.scan.columns import blank

# The prefixes whose strings this Python's own parser does not know as the newest does.
NEWER = ("f" if sys.version_info < (3, 12) else "") + ("t" if sys.version_info < (3, 14) else "")
PREFIXES = frozenset({"", "r", "u", "b", "f", "t", "br", "rb", "fr", "rf", "tr", "rt"})

# What matters in code: words, which may be a string's prefix, and these signs.
NEXT = re.compile(r"\w+|'''|\"\"\"|['\"#()\[\]{}:]|[!<>=]=|[!=]")
# What stands between two parts of one string, as in `"a" f"{b}"`; where a bracket is open also
# the ends of lines.
GAP = re.compile(r"(?:[ \t\f]|\\\n)*")
LOOSE_GAP = re.compile(r"(?:[ \t\f\n]|\\\n|#[^\n]*)*")
QUOTES = re.compile(r"'''|\"\"\"|'|\"")
WORD = re.compile(r"[A-Za-z]*")

Place = tuple[int, int]  # a line from 1, and a column in bytes from 0, as `ast` has them
Texts = dict[Place, list[str | None]]  # a string's parts; None for each field


class Unreadable(Exception):
    """This is no Python, of whichever version."""


@dataclass
class Parts:
    """One string, of literals side by side: its texts and fields, and what it leaves of them."""

    is_newer: bool = False
    texts: list[str | None] = field(default_factory=list)
    kept: list[tuple[int, int]] = field(default_factory=list)  # the code of its fields
    commas: list[int] = field(default_factory=list)


def in_older_strings(text: str) -> tuple[str, Texts]:
    """The text with a tuple for each newer string, and where those stand. Unchanged where the
    strings cannot be told apart."""
    reader = _Reader(text)
    try:
        reader.code(0, in_field=False)
    except (Unreadable, RecursionError):
        return text, {}
    return "".join(reader.written), reader.found


def with_strings(tree: ast.Module, found: Texts) -> ast.Module:
    """The tree with the strings in the place of the tuples that stood for them."""
    return _Strings(found).visit(tree) if found else tree


class _Strings(ast.NodeTransformer):
    def __init__(self, found: Texts) -> None:
        self.found = found

    def visit_Tuple(self, node: ast.Tuple) -> ast.AST:
        self.generic_visit(node)
        texts = self.found.get((node.lineno, node.col_offset))
        if texts is None:
            return node
        fields: list[ast.expr] = [
            ast.copy_location(ast.FormattedValue(each, -1, None), each) for each in node.elts
        ]
        if texts.count(None) == len(fields):  # else one has a comma of its own
            left = iter(fields)
            fields = [
                next(left) if each is None else ast.copy_location(ast.Constant(each), node)
                for each in texts
            ]
        return ast.copy_location(ast.JoinedStr(fields), node)


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.written = list(text)
        self.found: Texts = {}
        self._lines = [0, *(match.end() for match in re.finditer("\n", text))]

    def code(self, at: int, in_field: bool) -> int:
        """Reads on to the end of the field that the code stands in, or of the text."""
        depth = 0
        while match := NEXT.search(self.text, at):
            sign, at = match[0], match.start()
            after = match.end()
            if sign == "#":
                after = self._line_end(at)
            elif self._string_at(at):
                after = self.string(at, is_loose=in_field or depth > 0)
            elif sign in {"(", "[", "{"}:
                depth += 1
            elif in_field and not depth and sign in {"}", ":", "!", "="}:
                return at
            elif sign in {")", "]", "}"}:
                depth -= 1
            at = after
        if in_field:
            raise Unreadable
        return len(self.text)

    def string(self, begin: int, is_loose: bool) -> int:
        """One string with all its literals; what is newer in it is written anew."""
        parts = Parts()
        end = self._literal(begin, parts)
        gap = LOOSE_GAP if is_loose else GAP
        while self._string_at(after := self._skip(gap, end)):
            end = self._literal(after, parts)
        if parts.is_newer:
            self._write(begin, end, parts)
        return end

    def _write(self, begin: int, end: int, parts: Parts) -> None:
        at = begin
        for kept, until in [*parts.kept, (end, end)]:
            for number in range(at, kept):
                sign = self.text[number]
                self.written[number] = sign if sign == "\n" else blank(sign)
            at = until
        for comma in parts.commas:
            self.written[comma] = ","
        self.written[begin], self.written[end - 1] = "(", ")"
        line = self.text.count("\n", 0, begin)
        column = len(self.text[self._lines[line] : begin].encode())
        self.found[line + 1, column] = parts.texts

    def _literal(self, at: int, parts: Parts) -> int:
        prefix = self._prefix(at)
        quotes = self._quotes(at + len(prefix))
        is_newer = not set(NEWER).isdisjoint(prefix)
        parts.is_newer |= is_newer
        begin = at + len(prefix) + len(quotes)
        return self._text(begin, quotes, parts, is_newer, "r" in prefix)

    def _text(self, at: int, quotes: str, parts: Parts, is_newer: bool, is_raw: bool) -> int:
        """The rest of a literal, up to its end."""
        begin = at
        while at < len(self.text):
            sign = self.text[at]
            if self.text.startswith(quotes, at):
                parts.texts.append(self.text[begin:at])
                return at + len(quotes)
            if sign == "\n" and len(quotes) == 1:
                raise Unreadable
            if sign == "\\":
                is_named = is_newer and not is_raw and self.text.startswith("N{", at + 1)
                at = self._find("}", at) + 1 if is_named else at + 2
                if self.text[at - 2 : at] == "\\{":
                    at -= 1  # it begins a field all the same
            elif is_newer and self.text.startswith(("{{", "}}"), at):
                at += 2
            elif is_newer and sign == "{":
                parts.texts.append(self.text[begin:at])
                begin = at = self._field(at + 1, quotes, parts)
            else:
                at += 1
        raise Unreadable

    def _field(self, at: int, quotes: str, parts: Parts) -> int:
        """What stands in braces, and its format, up to behind the closing one."""
        number = len(parts.kept)
        parts.kept.append((at, at))
        parts.texts.append(None)
        end = self.code(at, in_field=True)
        parts.kept[number] = (at, end)
        if not self.text[at:end].rstrip().endswith(","):
            parts.commas.append(end)
        while self.text[end : end + 1] not in {":", "}"}:  # `=` and `!r`
            if not self.text[end : end + 1] or self.text.startswith(quotes, end):
                raise Unreadable
            end += 1
        if self.text[end] == "}":
            return end + 1
        end += 1
        while not self.text.startswith("}", end):
            if end >= len(self.text) or self.text.startswith(quotes, end):
                raise Unreadable
            is_field = self.text[end] == "{"
            end = self._field(end + 1, quotes, parts) if is_field else end + 1
        return end + 1

    def _string_at(self, at: int) -> bool:
        prefix = WORD.match(self.text, at)
        return (
            prefix is not None
            and prefix[0].lower() in PREFIXES
            and QUOTES.match(self.text, prefix.end()) is not None
        )

    def _prefix(self, at: int) -> str:
        match = WORD.match(self.text, at)
        return match[0].lower() if match else ""

    def _quotes(self, at: int) -> str:
        match = QUOTES.match(self.text, at)
        return match[0] if match else ""

    def _skip(self, gap: re.Pattern[str], at: int) -> int:
        match = gap.match(self.text, at)
        return match.end() if match else at

    def _find(self, sign: str, at: int) -> int:
        found = self.text.find(sign, at)
        if found < 0:
            raise Unreadable
        return found

    def _line_end(self, at: int) -> int:
        found = self.text.find("\n", at)
        return len(self.text) if found < 0 else found
