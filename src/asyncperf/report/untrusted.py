"""Names, paths and errors come from the app under test and are not trusted.

Everything that `report` prints passes through here first.
"""

import re
import unicodedata

from rich.cells import cell_len

# ECMA-48: CSI sequences, OSC/DCS/PM/APC/SOS strings, two-byte escapes; 7-bit and 8-bit forms.
ESCAPE_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]"
)
# Control, format (bidirectional overrides), surrogate, private-use and unassigned characters.
INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
# What a spreadsheet takes for a formula (OWASP, "CSV Injection").
FORMULA_STARTS = ("=", "+", "-", "@")
BREAK_AFTER = re.compile(r"(?<=[/_\-. ])")


def clean(text: str) -> str:
    """The text on one line, without escape sequences or invisible characters."""
    text = ESCAPE_SEQUENCE.sub("", text)
    text = re.sub(r"\s+", " ", text)
    return "".join(c for c in text if unicodedata.category(c) not in INVISIBLE).strip()


def clean_code(line: str) -> str:
    """A line of source as `clean` makes it, with its spaces."""
    line = ESCAPE_SEQUENCE.sub("", line)
    return "".join(c for c in line if unicodedata.category(c) not in INVISIBLE).rstrip()


def clean_path(path: str) -> str:
    """A path as `clean` makes it, with its spaces: two in a row are another file than one."""
    return clean_code(re.sub(r"\s", " ", path))


def cut(text: str, width: int) -> str:
    """At most `width` columns; the end gives way."""
    return text if cell_len(text) <= width else cut_off(text, width - 1) + "…"


def shorten(text: str, width: int) -> str:
    """At most `width` columns; the middle gives way, since a path's end tells most."""
    if cell_len(text) <= width:
        return text
    tail = (width - 1) * 2 // 3
    backwards = text[::-1]
    return cut_off(text, width - 1 - tail) + "…" + cut_off(backwards, tail)[::-1]


def short_place(place: str, width: int) -> str:
    """A `file:line` without the first of its folders, as many as fill more than `width` columns;
    what remains is whole."""
    found, rest = place, place
    while cell_len(found) > width and "/" in rest.lstrip("/"):
        rest = rest.lstrip("/").partition("/")[2]
        found = f"…/{rest}"
    return found


def fold(text: str, width: int, lines: int) -> str:
    """Break a label after / _ - . so that it fits `width`, in about `lines` lines."""
    folded = [""]
    for piece in BREAK_AFTER.split(shorten(text, width * lines)):
        if folded[-1] and cell_len(folded[-1]) + cell_len(piece.rstrip()) > width:
            folded.append("")
        while cell_len(piece.rstrip()) > width:
            start = cut_off(piece, max(width, 2))
            folded[-1:] = [start, ""]
            piece = piece[len(start) :]
        folded[-1] += piece
    return "\n".join(line.rstrip() for line in folded if line)


def cut_off(text: str, width: int) -> str:
    """The longest start of `text` that fills at most `width` columns."""
    end = next((i for i in range(len(text)) if cell_len(text[: i + 1]) > width), len(text))
    return text[:end]


def spreadsheet_safe(text: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    text = clean(text)
    return "'" + text if text.startswith(FORMULA_STARTS) else text
