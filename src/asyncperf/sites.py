"""What a scan of source says: sites of awaits with a verdict each, and what could not be read.

Anyone may import this.
"""

from dataclasses import dataclass
from typing import Literal

SiteKind = Literal["pair", "run", "loop", "dependencies"]
SiteVerdict = Literal["independent", "likely", "dependent", "unsafe"]
Remedy = Literal["overlap", "batch", "bounded-overlap", "none"]


@dataclass(frozen=True, slots=True)
class Site:
    """Awaits of one block, of one loop, or the dependencies of one endpoint, judged.

    `file` is relative to the root of the scan, with `/`. `line` is where the first await's
    statement begins (of a loop: the loop; of dependencies: the `def`), `lines` those of all its
    awaits. The deciding fact stands at `fact_line` of `fact_file`; both are None where the
    verdict rests on the absence of anything against it.
    """

    file: str
    line: int
    column: int
    lines: tuple[int, ...]
    function: str
    kind: SiteKind
    verdict: SiteVerdict
    reason: str
    remedy: Remedy
    fact_file: str | None = None
    fact_line: int | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """A file, or a line of it, that the scan could not take into account."""

    file: str
    line: int | None
    what: str


@dataclass(frozen=True, slots=True)
class Scan:
    """All that one scan found; `lines` counts the source lines read."""

    root: str
    files: int
    lines: int
    sites: tuple[Site, ...]
    problems: tuple[Problem, ...]
