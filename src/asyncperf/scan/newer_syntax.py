"""Says source of a newer Python in words that an older one can parse. For `scan` only.

What the scan does not need is blanked out, so that all else stays in its line and column: the
parameters of generics and the word `type` (PEP 695), and parentheses are put around exceptions
(PEP 758). It is asked only where the parser has refused a file.
"""

import io
import keyword
import tokenize
from collections.abc import Sequence
from tokenize import NAME, OP, TokenInfo

from asyncperf.scan.columns import blank

OPENING, CLOSING = "([{", ")]}"
UNSEEN = {tokenize.COMMENT, tokenize.NL}
LINE_STARTS = {tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}

# What to write over which stretch of one line, from column to column or to its end.
Edit = tuple[int, int, int | None, str]


def in_older_words(text: str) -> str:
    """The text unchanged where there is nothing of this kind in it."""
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    except (tokenize.TokenError, SyntaxError):
        return text
    tokens = [token for token in tokens if token.type not in UNSEEN]
    lines = text.split("\n")
    edits: list[Edit] = []
    for number, token in enumerate(tokens):
        if token.type != NAME:
            continue
        starts = (
            number == 0 or tokens[number - 1].type in LINE_STARTS or _is(tokens, number - 1, ";")
        )
        if token.string in {"def", "class"}:
            edits += _blank_parameters(tokens, number + 2, lines)
        elif token.string == "type" and starts:
            edits += _alias(tokens, number, lines)
        elif token.string == "except" and starts:
            edits += _exceptions(tokens, number)
    for row, begin, end, new in sorted(edits, key=lambda edit: edit[:2], reverse=True):
        line = lines[row - 1]
        lines[row - 1] = line[:begin] + new + ("" if end is None else line[end:])
    return "\n".join(lines)


def _is(tokens: Sequence[TokenInfo], number: int, string: str) -> bool:
    return number < len(tokens) and tokens[number].type == OP and tokens[number].string == string


def _matching(tokens: Sequence[TokenInfo], number: int) -> int:
    """Where the bracket that opens here is closed."""
    depth = 0
    for end in range(number, len(tokens)):
        if tokens[end].type == OP:
            depth += (tokens[end].string in OPENING) - (tokens[end].string in CLOSING)
        if not depth:
            return end
    return len(tokens) - 1


def _blank_parameters(tokens: Sequence[TokenInfo], number: int, lines: Sequence[str]) -> list[Edit]:
    """`[T]` after the name of a class, a function or an alias."""
    if not _is(tokens, number, "["):
        return []
    (row, begin), (last, end) = tokens[number].start, tokens[_matching(tokens, number)].end
    edits: list[Edit] = []
    for broken in range(row, last):  # the bracket held the statement together
        edits.append((broken, begin, None, "\\"))
        begin = 0
    return [*edits, (last, begin, end, blank(lines[last - 1][begin:end]))]


def _alias(tokens: Sequence[TokenInfo], number: int, lines: Sequence[str]) -> list[Edit]:
    """`type Name[T] = ...` as `Name = ...`."""
    name = tokens[number + 1] if number + 1 < len(tokens) else None
    if name is None or name.type != NAME or keyword.iskeyword(name.string):
        return []
    (row, begin), (_, end) = tokens[number].start, name.end
    written = (row, begin, end, name.string.ljust(end - begin))
    return [written, *_blank_parameters(tokens, number + 2, lines)]


def _exceptions(tokens: Sequence[TokenInfo], number: int) -> list[Edit]:
    """`except A, B:` as `except(A, B):`."""
    first = number + 2 if _is(tokens, number + 1, "*") else number + 1
    if first >= len(tokens):
        return []
    depth, has_comma = 0, False
    for end in range(first, len(tokens)):
        token = tokens[end]
        if token.type == NAME and token.string == "as":
            return []
        if token.type == OP:
            depth += (token.string in OPENING) - (token.string in CLOSING)
            has_comma |= token.string == "," and not depth
            if token.string == ":" and not depth:
                break
    else:
        return []
    (row, column), (last, stop) = tokens[first].start, tokens[end].start
    return [(row, column - 1, column, "("), (last, stop, stop, ")")] if has_comma else []
