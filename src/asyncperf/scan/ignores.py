"""Comments that keep a finding from being told: `# asyncperf: ignore[CODE] reason`."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

from asyncperf.sites import SourceCode

CODES = get_args(SourceCode)
COMMENT = re.compile(r"#\s*asyncperf:\s*ignore(?:\[(?P<codes>[^\]]*)\])?(?P<reason>.*)", re.DOTALL)
# A file without it need not be split into tokens.
MARK = "asyncperf:"


@dataclass(frozen=True)
class Ignore:
    """A comment at `line`. It concerns that line, or the next one of code where it stands on a
    line of its own."""

    line: int
    concerns: int
    codes: tuple[str, ...]
    reason: str

    def problems(self, used: bool) -> list[str]:
        """What is wrong with the comment itself, in words."""
        if not self.codes:
            return ["names no code: write # asyncperf: ignore[CODE] reason"]
        found = [
            f"ignores {code!r}, which is no code of the scan: {', '.join(CODES)}"
            for code in self.codes
            if code not in CODES
        ]
        if not self.reason:
            found.append("gives no reason: write # asyncperf: ignore[CODE] reason")
        if not used and not found:
            found.append("ignores nothing that is found here: remove it")
        return found


def ignores(lines: Sequence[str]) -> list[Ignore]:
    """Those of a file's lines. Of a file that cannot be split into tokens, none."""
    if not any(MARK in line for line in lines):
        return []
    text = "\n".join(lines) + "\n"
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    except (tokenize.TokenError, SyntaxError):
        return []
    return [
        _read(token, match, lines)
        for token in tokens
        if token.type == tokenize.COMMENT and (match := COMMENT.match(token.string))
    ]


def _read(token: tokenize.TokenInfo, match: re.Match[str], lines: Sequence[str]) -> Ignore:
    line = token.start[0]
    concerns = line
    if not token.line[: token.start[1]].strip():
        after = (at for at in range(line, len(lines)) if _is_code(lines[at]))
        concerns = next(after, line - 1) + 1
    codes = (match["codes"] or "").split(",")
    return Ignore(
        line,
        concerns,
        tuple(code.strip() for code in codes if code.strip()),
        match["reason"].strip(),
    )


def _is_code(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")
