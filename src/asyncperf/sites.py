"""The words of a scan of source: sites of awaits with a verdict each, calls that would block
the event loop, and what could not be read.

Anyone may import this.
"""

import posixpath
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

SiteKind = Literal["pair", "run", "loop", "dependencies"]
SiteVerdict = Literal["independent", "likely", "dependent", "unsafe"]
Remedy = Literal["overlap", "batch", "bounded-overlap", "none"]
# What a blocking call does for so long.
Blocks = Literal["sleep", "network", "file", "process", "cpu", "database", "wait"]
SourceCode = Literal[
    "sequential-awaits", "sequential-loop", "sequential-dependencies", "blocking-call"
]
# How far a scan has come: what it does, and how many of how many files or functions are done.
ScanStage = Literal["reading", "judging", "blocking"]
Watch = Callable[[ScanStage, int, int], None]


def unwatched(stage: ScanStage, done: int, of: int) -> None:
    """Where nobody asks how far it has come."""


@dataclass(frozen=True, slots=True)
class Site:
    """Awaits of one block, of one loop, or the dependencies of one endpoint, judged.

    `file` is relative to the root of the scan, with `/`; `column` counts characters from 0, as
    all columns of a scan do. `line` is where the first await's
    statement begins (of awaits that share a statement: the first await; of a loop: the loop; of
    dependencies: the `def`), `lines` those of all its
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
class Step:
    """A call in a chain of calls: where it stands, and the function that it stands in."""

    file: str
    line: int
    function: str


@dataclass(frozen=True, slots=True)
class BlockingCall:
    """A call that would block the event loop, reached from async code.

    `call` is its full name, such as `time.sleep`. `chain` begins at the `async def` and ends
    at the call itself, which stands at `file`, `line` and `column`. `endpoints` are those that
    reach it, such as `GET /items`. `certain` is False where a step of the chain could not be
    settled, as a method whose object has no known class. `brief` calls take microseconds as a
    rule, as one system call on a local disk does. `callers` counts the async functions that
    come to it, the chain's own among them. `once`: only as the app starts or ends, or the first
    time that something is asked for which is then kept. `cached`: a step of the chain is only
    taken until what it gives is kept, for the same object or arguments. `by_loop`: it is not
    called there, but given to the event loop to call.
    """

    file: str
    line: int
    column: int
    call: str
    blocks: Blocks
    chain: tuple[Step, ...]
    endpoints: tuple[str, ...] = ()
    certain: bool = True
    brief: bool = False
    callers: int = 1
    once: bool = False
    cached: bool = False
    by_loop: bool = False


@dataclass(frozen=True, slots=True)
class Route:
    """An endpoint that an app says it has, such as `GET /items`, and where the `def` stands that
    answers it; `file` is relative to the root of the scan."""

    endpoint: str
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Problem:
    """A file, or a line of it, that the scan could not take into account."""

    file: str
    line: int | None
    what: str


@dataclass(frozen=True, slots=True)
class Inferred:
    """What a type checker said of calls that annotations do not explain: of `asked` calls it
    explained `answered`. `trouble` is why it was asked no more, None where all went well."""

    checker: str
    asked: int
    answered: int
    trouble: str | None = None


@dataclass(frozen=True, slots=True)
class Scan:
    """All that one scan found; `lines` counts the source lines read. `inferred` is None where
    no type checker was asked; `commented` are the files that may have comments for the scan."""

    root: str
    files: int
    lines: int
    sites: tuple[Site, ...]
    problems: tuple[Problem, ...]
    blocking: tuple[BlockingCall, ...] = ()
    inferred: Inferred | None = None
    commented: tuple[str, ...] = ()


# Where the probe saw an await, or where a function begins: its file as the probe names it, the
# line, and the column, counted in characters from 1 (None of a function).
SeenAt = tuple[str, int, int | None]
VerdictKind = Literal["pair", "loop", "dependencies"]


@dataclass(frozen=True, slots=True)
class Independence:
    """Whether awaits could run together, why, and who says so: the source, or the probe, which
    saw what they use.

    `verdict` is None where that cannot be told; `reason` then says why. The deciding fact
    stands at `line` of `file`. A `remedy` of "none": nothing is gained, or to be suggested.
    """

    verdict: SiteVerdict | None
    reason: str
    remedy: Remedy
    file: str | None = None
    line: int | None = None
    by: Literal["source", "probe"] = "source"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the source says of awaits that the probe saw: of two of one function, in their
    order, of one that a loop repeats, or of two dependencies. Files are the probe's."""

    kind: VerdictKind
    at: tuple[SeenAt, ...]
    independence: Independence


@dataclass(frozen=True)
class Verdicts:
    """All that one look at the source says of what the probe saw in a run. `unread` says for a
    file why nothing of it was judged; `trouble` why nothing was judged at all. `lines` are the
    texts of those that kept an event loop, by file and number; `defs` the lines of decorated
    functions' `def`, by file and the line of the first decorator, where Python has them begin.
    `blocking` are the calls that would block the event loop, with the probe's files."""

    found: tuple[Verdict, ...] = ()
    unread: Mapping[str, str] = field(default_factory=dict)
    trouble: str | None = None
    lines: Mapping[str, Mapping[int, str]] = field(default_factory=dict)
    defs: Mapping[str, Mapping[int, int]] = field(default_factory=dict)
    blocking: tuple[BlockingCall, ...] = ()

    @cached_property
    def _by_place(self) -> dict[tuple[VerdictKind, tuple[SeenAt, ...]], Independence]:
        return {(verdict.kind, verdict.at): verdict.independence for verdict in self.found}

    def of(self, kind: VerdictKind, *at: SeenAt) -> Independence | None:
        return self._by_place.get((kind, at))

    def reached_from(self, endpoints: Collection[str]) -> list[BlockingCall]:
        """The calls that requests of these endpoints may come to again and again."""
        return [
            call
            for call in self.blocking
            if not (call.once or call.cached) and {*call.endpoints} & {*endpoints}
        ]

    def unjudged(self, at: Iterable[SeenAt]) -> str:
        """Why there is no verdict on what stands there."""
        if self.trouble is not None:
            return self.trouble
        reasons = (self.unread[file] for file, *_ in at if file in self.unread)
        return next(reasons, "the scan judges nothing that stands there")

    def line(self, file: str, number: int) -> str:
        """The text of a line that kept an event loop; "" where it was not read."""
        return self.lines.get(file, {}).get(number, "")

    def def_line(self, file: str, first: int) -> int:
        """The line of the `def` of a function that begins at a line, decorators included."""
        return self.defs.get(file, {}).get(first, first)


@dataclass(frozen=True, slots=True)
class Suppression:
    """Why a finding is not told: a comment in the source, or the baseline."""

    kind: Literal["ignore", "baseline"]
    reason: str


@dataclass(frozen=True, slots=True)
class SourceFinding:
    """Something in the source worth changing. `lines` are all that it is about, `line` is the
    one to change. `fingerprint` stays when lines move, and changes when their text does."""

    code: SourceCode
    severity: Literal["warning", "info"]
    file: str
    line: int
    column: int
    lines: tuple[int, ...]
    function: str
    message: str
    advice: str
    fingerprint: str
    related: tuple[Step, ...] = ()
    suppressed: Suppression | None = None


@dataclass(frozen=True, slots=True)
class ScanResult:
    """A scan with what is made of it. `base` is the folder from which people are told paths:
    the working directory where the root lies in it, else the root. `known` counts
    the entries of the baseline, `elsewhere` those in files that the scan did not look at, `stale`
    those of the others that are found no more."""

    scan: Scan
    base: str
    findings: tuple[SourceFinding, ...]
    problems: tuple[Problem, ...]
    stale: int = 0
    known: int = 0
    elsewhere: int = 0

    def shown(self, file: str) -> str:
        """The path of a file of the scan as people are told it."""
        return posixpath.relpath(posixpath.join(self.scan.root, file), self.base)
