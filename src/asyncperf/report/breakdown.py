"""Where a request's time goes: a row of shares per endpoint, and its longest awaits."""

import re
from collections.abc import Mapping, Sequence

from rich.cells import cell_len
from rich.console import Group, RenderableType

from asyncperf.explanation import AwaitPart, Breakdown, LoopPart
from asyncperf.report.layout import prose, table
from asyncperf.report.tables import names
from asyncperf.report.units import TIE, UNKNOWN, count, in_words, percent, seconds
from asyncperf.report.untrusted import clean, clean_path, cut_off, short_place
from asyncperf.results import EndpointResult

TITLE = "Where a request's time goes, % of its mean latency"
# In the order of a request's life.
HEADS = {
    "loop_wait_s": "loop\nwait",
    "pool_wait_s": "thread\nwait",
    "pool_run_s": "on\nthread",
    "connection_wait_s": "conn.\nwait",
    "lock_wait_s": "lock\nwait",
    "await_s": "awaits",
    "loop_cpu_s": "on\nloop",
    "gc_s": "gc",
    "other_s": "other",
}
# A column in which no endpoint has this share is left out.
SHOWN = 0.0005
# Of an endpoint's awaits so many are named, and none that takes less than this share.
AWAITS = 3
AWAIT_MATTERS = 0.01
# So many parts of the event loop's time are named too, and none with less than this share of it.
LOOP_MATTERS = 0.1
# More often than this is more than once a request.
ONCE = 1.005
# A sample this large is not worth a word.
NEARLY_ALL = 0.99
# The source of an await is shortened to this.
SOURCE = 44
HANG = "  "
# The share that a note begins with.
SHARE = re.compile(r"[\d.]+%")


def breakdowns(results: Sequence[EndpointResult], width: int) -> RenderableType | None:
    """None where no endpoint was seen from inside."""
    seen = [result for result in results if result.breakdown is not None]
    found = [result.breakdown for result in seen if result.breakdown is not None]
    if not found:
        return None
    head, labels = names(seen)
    columns = [name for name in HEADS if any(matters(each, name) for each in found)]
    rows = [
        (label, seconds(each.mean_s), *(share(each, name) for name in columns))
        for label, each in zip(labels, found, strict=True)
    ]
    parts: list[RenderableType] = [
        table(TITLE, (head, "mean", *(HEADS[name] for name in columns)), rows, width)
    ]
    for label, each in zip(labels, found, strict=True):
        longest = [part for part in each.awaits if part.mean_s > AWAIT_MATTERS * each.mean_s]
        if longest:
            text = "; ".join(await_text(part, width) for part in longest[:AWAITS])
            parts.append(prose(f"{label} awaits {text}", width, hang=HANG))
        busiest = [part for part in each.on_loop[:AWAITS] if part.share >= LOOP_MATTERS]
        if busiest:
            text = "; ".join(loop_text(part, width) for part in busiest)
            parts.append(prose(f"{label} on the loop: {text}", width, hang=HANG))
    lines = notes(labels, found)
    parts += [prose(clean(line), width, style="dim", hang=HANG) for line in lines]
    return Group(*parts)


def notes(labels: Sequence[str], found: Sequence[Breakdown]) -> list[str]:
    """What qualifies the figures. What is said of several endpoints is said once, with the share
    of each."""
    if len(found) == 1:
        return [*found[0].notes, *sampled(found[0])]
    said: dict[str, dict[str, str]] = {}
    for label, each in zip(labels, found, strict=True):
        for note in each.notes:
            begin = SHARE.match(note)
            what = note[begin.end() :] if begin else note
            said.setdefault(what, {})[label] = begin[0] if begin else ""
    lines = [shared(what, shares) for what, shares in said.items()]
    samples = [
        f"{label} {note}"
        for label, each in zip(labels, found, strict=True)
        for note in sampled(each)
    ]
    return lines + ["; ".join(samples)] * bool(samples)


def shared(what: str, shares: Mapping[str, str]) -> str:
    """`6.3% (/items) and 3.6% (/me) of ...`, or `/items and /me: ...`."""
    if len(shares) == 1 or not all(shares.values()):
        return f"{in_words(list(shares))}: {next(iter(shares.values()))}{what}"
    return f"{in_words([f'{share} ({label})' for label, share in shares.items()])}{what}"


def matters(found: Breakdown, name: str) -> bool:
    value = getattr(found, name)
    return value is not None and abs(value) >= SHOWN * found.mean_s


def share(found: Breakdown, name: str) -> str:
    value = getattr(found, name)
    return UNKNOWN if value is None else f"{100 * value / found.mean_s:.1f}"


def await_text(part: AwaitPart, width: int) -> str:
    """`shop/app.py:66 fetch() 5.000 s (3 times)`."""
    place = place_text(part.shown or part.file, part.line, width)
    source = on_one_line(clean(part.text or part.function))
    # A context manager is entered and left.
    times = part.times / 2 if source.startswith("async with ") else part.times
    often = f" ({times:.3g}{TIE}times)" if times > ONCE else ""
    return f"{place} {source} {seconds(part.mean_s)}{often}"


def loop_text(part: LoopPart, width: int) -> str:
    """`93% at shop/app.py:66 items in httpcore AsyncConnectionPool.handle_async_request`."""
    where = f"in {clean(part.inside)}" if part.inside else ""
    if part.file is not None and part.line is not None:
        place = place_text(part.shown or part.file, part.line, width)
        where = f"at {place} {clean(part.function or '')} {where}".rstrip()
    return f"{percent(part.share, 0)} {where}"


def place_text(file: str, line: int, width: int) -> str:
    place = short_place(f"{clean_path(file)}:{line}", width - len(HANG))
    return place.replace(" ", TIE)  # a path with spaces is not broken either


def on_one_line(source: str) -> str:
    """Source whose lines were joined, without the blanks of that; its beginning tells most."""
    source = re.sub(r"([(\[{]) ", r"\1", source)
    source = re.sub(r",? ([)\]}])", r"\1", source)
    return source if cell_len(source) <= SOURCE else f"{cut_off(source, SOURCE - 1)}…"


def sampled(found: Breakdown) -> list[str]:
    if found.requests >= NEARLY_ALL * found.of_requests:
        return []
    kept = f"{count(found.requests)} of {count(found.of_requests)} requests"
    return [f"from {kept} ({percent(found.requests / found.of_requests, 0)})"]
