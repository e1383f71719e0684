"""Awaits as a probe might have seen them, and what the source may say of them."""

from dataclasses import replace

from asyncperf.insight import Resource, Site
from asyncperf.results import Figures, Latency
from asyncperf.sites import Independence, Verdict, Verdicts

from ...builders import ITEMS, result_of
from .seen import FILE, insight_of, requests, table

LINES = (3, 4, 5)
PROVED = Independence("independent", "no data flows between them", "overlap")
LIKELY = Independence("likely", "no data flows, but `ask` is not known", "overlap", FILE, 9)
NEEDS = Independence("dependent", "line 4 uses `a`, which comes from line 3", "none", FILE, 4)
SHARED = Independence("unsafe", "both use one session, `db`", "none", FILE, 30)
NO_GAIN = Independence("independent", "`one` never waits", "none")
UNTOLD = Independence(None, "they stand in one statement", "overlap")
BLOCKS = Independence(None, "they stand in different blocks", "none")


def site(line):
    return Site(FILE, line, 9, "items", f"await on_line_{line}()")


def pairs(*said):
    """What the source says of line 3 and 4, of 3 and 5, of 4 and 5."""
    both = ((3, 4), (3, 5), (4, 5))
    return Verdicts(
        tuple(
            Verdict("pair", tuple((FILE, line, 9) for line in lines), each)
            for lines, each in zip(both, said, strict=False)
        )
    )


def rounds(said):
    """What it says of the loop around line 3."""
    return Verdicts((Verdict("loop", ((FILE, 3, 9),), said),))


def spans(each_s, *, requests=10, rounds=1, parent=None):
    """In each request the sites' awaits one after another, of these lengths, before its answer."""
    rows = []
    for request in range(requests):
        at, number = 20.0, 0
        for site, length_s in enumerate(each_s):
            for _ in range(rounds):
                rows.append(
                    {
                        "start": at,
                        "end": at + length_s,
                        "request": request,
                        "span": number,
                        "parent": number if parent is None else parent,
                        "site": site,
                    }
                )
                at, number = at + length_s, number + 1
    return rows


def seen(*each_s, **how):
    sites = tuple(map(site, LINES[: len(each_s)]))
    return insight_of(requests=requests(answered=59.0), sites=sites, spans=spans(each_s, **how))


def users(mean_s, rate_rps=None):
    """500 users who wait for nothing else."""
    rate = rate_rps or 500 / mean_s
    return result_of(
        ITEMS,
        steady=Figures(5000, 0, rate, Latency(mean_s, mean_s, mean_s, {50: mean_s})),
        unloaded_s=mean_s,
    )


SESSION = Resource("one at a time", "Session", None, None)


def using(insight, *rows, resource=SESSION, held_s=0.0):
    """Sessions used in each request: (when, which, in which task)."""
    uses = [
        {"request": request, "asked": at, "released": at + held_s, "instance": n, "task": task}
        for request in range(10)
        for at, n, task in rows
    ]
    return replace(insight, resources=(resource,), uses=table("uses", uses))
