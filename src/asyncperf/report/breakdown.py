"""Where a request's time goes: a row of shares per endpoint, and its longest awaits."""

from collections.abc import Sequence

from rich.console import Group, RenderableType

from asyncperf.explanation import AwaitPart, Breakdown
from asyncperf.report.layout import prose, table
from asyncperf.report.tables import names
from asyncperf.report.units import TIE, UNKNOWN, count, percent, seconds
from asyncperf.report.untrusted import clean, clean_path, short_place, shorten
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
# More often than this is more than once a request.
ONCE = 1.005
# A sample this large is not worth a word.
NEARLY_ALL = 0.99
# The source of an await is shortened to this.
SOURCE = 44
HANG = "  "


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
    notes = dict.fromkeys(
        (note if len(found) == 1 else f"{label}: {note}")
        for label, each in zip(labels, found, strict=True)
        for note in [*each.notes, *sampled(each)]
    )
    parts += [prose(clean(note), width, style="dim", hang="  ") for note in notes]
    return Group(*parts)


def matters(found: Breakdown, name: str) -> bool:
    value = getattr(found, name)
    return value is not None and abs(value) >= SHOWN * found.mean_s


def share(found: Breakdown, name: str) -> str:
    value = getattr(found, name)
    return UNKNOWN if value is None else f"{100 * value / found.mean_s:.1f}"


def await_text(part: AwaitPart, width: int) -> str:
    """`shop/app.py:66 fetch() 5.000 s (3 times)`."""
    place = short_place(f"{clean_path(part.shown or part.file)}:{part.line}", width - len(HANG))
    place = place.replace(" ", TIE)  # a path with spaces is not broken either
    source = shorten(clean(part.text or part.function), SOURCE)
    often = f" ({part.times:.3g}{TIE}times)" if part.times > ONCE else ""
    return f"{place} {source} {seconds(part.mean_s)}{often}"


def sampled(found: Breakdown) -> list[str]:
    if found.requests >= NEARLY_ALL * found.of_requests:
        return []
    kept = f"{count(found.requests)} of {count(found.of_requests)} requests"
    return [f"from {kept} ({percent(found.requests / found.of_requests, 0)})"]
