"""How text is laid out on a terminal: prose, tables, and a last pass over every line.

Cells and sentences are plain strings, never rich markup, so nothing in them is interpreted.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from types import MappingProxyType

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.segment import Segment
from rich.text import Text

from asyncperf.report.units import TIE
from asyncperf.report.untrusted import cut_off, shorten

# Longer lines of prose than this are hard to read, however wide the terminal is.
PROSE_WIDTH = 100
# The least room for an endpoint's label beside its figures.
LEAST_LABEL = 12
# The least room for a sentence beside figures.
LEAST_WORDS = 24
# What belongs to a title stands below it so far to the right.
INDENT = "    "
# A line of a file, as editors and terminals open it on a click.
PLACE = re.compile(r"\w\.[A-Za-z]\w*:\d")
# What our own typography becomes where the stream cannot carry it.
ASCII = str.maketrans(
    {"·": "-", "…": ".", "–": "-", "━": "=", "│": "|", "└": "+", "─": "-", "●": "o"}
)


def prose(text: str, width: int, indent: str = "", style: str = "", hang: str = "") -> Text:
    """Wrap without parting a figure from its unit; `hang` indents the lines after the first."""
    lines = wrap(text, min(width, PROSE_WIDTH), indent, indent + hang)
    return Text("\n".join(lines).replace(TIE, " "), style, overflow="ignore")


def wrap(text: str, width: int, first: str = "", other: str = "") -> list[str]:
    """Break at blanks into lines of so many columns, and within a word that is longer than one; a
    place in a file stays whole, however long, for half of one leads nowhere."""
    lines: list[str] = []
    line, blank = first, ""
    for part in re.split("( +)", text.strip(" ")):
        if part.startswith(" "):
            blank = part
            continue
        if line.strip(" ") and cell_len(line + blank + part) > width:
            lines.append(line)
            line, blank = other, ""
        line, blank = line + blank + part, ""
        while cell_len(line) > width and not is_place(part):
            start = cut_off(line, max(width, cell_len(other) + 2))
            lines.append(start)
            line = other + line[len(start) :]
    return [*lines, line] if line.strip(" ") else lines


def is_place(word: str) -> bool:
    return PLACE.search(word) is not None


def titled(title: Text, parts: Sequence[str], width: int) -> Text:
    """A title with its parts on one line where they fit, else each that does not on a line of its
    own; a place in a file stays whole."""
    title = Text(overflow="ignore").append_text(title)
    filled = title.cell_len
    for part in parts:
        part = part if is_place(part) else shorten(part, width - len(INDENT))
        begin = "  " if filled + 2 + cell_len(part) <= width else f"\n{INDENT}"
        title.append(begin + part)
        filled = cell_len(part) + (filled + 2 if begin == "  " else len(INDENT))
    return title


def table(
    title: str,
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    width: int,
    words: int = 0,
    styles: Mapping[int, str] = MappingProxyType({}),
) -> RenderableType:
    """A label, then columns of figures, then `words` columns of text; the last one wraps.

    Columns move closer together where the labels need the room; a label that still does
    not fit stands on a line of its own. `styles` are of rows, by number.
    """
    last = len(head) - 1
    widths = [max(_width(row[i]) for row in [head, *rows]) for i in range(len(head))]
    least = min(widths[last], max(LEAST_WORDS, width // 3)) if words else widths[last]
    taken = sum(widths[1:last]) + least
    gap = 2 if widths[0] + taken + 2 * last <= width else 1
    room = max(LEAST_LABEL, width - taken - gap * last)
    widths[0] = max(w for w in [_width(head[0]), *(_width(row[0]) for row in rows)] if w <= room)
    gap = 2 if widths[0] + taken + 2 * last <= width else gap
    rest = max(LEAST_LABEL, width - sum(widths[:last]) - gap * last)

    left = {0, *range(len(head) - words, len(head))}
    lines = [Text(title, "bold")] if title else []
    lines += [Text(line, "dim") for line in _lines(head, widths, gap, left, at_bottom=True)]
    for i, row in enumerate(rows):
        label, cells, style = row[0], list(row[1:]), styles.get(i, "")
        if _width(label) > widths[0]:
            lines.append(Text(shorten(label, width), style))
            if not any(cells):
                continue
            label = ""
        if words:
            cells[-1] = "\n".join(wrap(cells[-1], rest))
        lines += [Text(line, style) for line in _lines([label, *cells], widths, gap, left)]
    for line in lines:
        line.no_wrap = True
        line.overflow = "ignore" if words and is_place(line.plain) else "ellipsis"
    return Group(*lines)


def _lines(
    cells: Sequence[str],
    widths: Sequence[int],
    gap: int,
    left: Collection[int],
    at_bottom: bool = False,
) -> Iterator[str]:
    """One row of cells as lines; `left` numbers the columns that are left-aligned."""
    stacks = [cell.split("\n") for cell in cells]
    height = max(map(len, stacks))
    for i, stack in enumerate(stacks):
        blank = [""] * (height - len(stack))
        stacks[i] = blank + stack if at_bottom else stack + blank
    for line in zip(*stacks, strict=True):
        padded = (_pad(part, widths[i], i in left) for i, part in enumerate(line))
        yield (" " * gap).join(padded).rstrip().replace(TIE, " ")


def _pad(text: str, width: int, left: bool) -> str:
    blank = " " * (width - cell_len(text))
    return text + blank if left else blank + text


def _width(cell: str) -> int:
    return max((cell_len(line) for line in cell.split("\n")), default=0)


class Page:
    """Lines without trailing blanks, and in ASCII alone where the stream carries no more. What is
    wider than the console is not cut: print it with `crop=False`."""

    def __init__(self, content: RenderableType) -> None:
        self.content = content

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        for line in Segment.split_lines(console.render(self.content, options)):
            for segment in _without_trailing_blanks(line):
                text = to_ascii(segment.text) if options.ascii_only else segment.text
                yield Segment(text, segment.style)
            yield Segment.line()


def to_ascii(text: str) -> str:
    """The same width in ASCII; a character without a counterpart becomes `?`."""
    text = text.translate(ASCII)
    return "".join(c if c.isascii() else "?" * cell_len(c) for c in text)


def _without_trailing_blanks(line: Sequence[Segment]) -> list[Segment]:
    kept = list(line)
    while kept and not kept[-1].text.rstrip():
        kept.pop()
    if kept:
        kept[-1] = Segment(kept[-1].text.rstrip(), kept[-1].style)
    return kept
