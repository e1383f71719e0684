"""How well the scan's verdicts agree with people's, on labelled awaits of real applications.

    python benchmarks/scan_corpus.py awaits.json CHECKOUTS [--errors]

`awaits.json` lists sites, each with `source` (owner/name), `revision`, `path`, `line`, `kind` and
`verdict`; CHECKOUTS holds each source's tree at that revision in a folder `owner+name`. Prints,
per application and overall, what the issue asks of the scan, and the reasons behind each cell of
the confusion. Disputed sites do not count.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from asyncperf.scan import scan_paths
from asyncperf.sites import Site

SAFE = ("safe", "likely")
CLAIMS = ("independent", "likely")
# How the readers' reasons name what must never be missed.
SHARED = ("session", "connection", "transaction")

GOALS = {
    "independent that are safe": 0.97,
    "independent or likely that are safe": 0.85,
    "shared sessions refused": 0.98,
    "safe called independent": 0.30,
    "safe called independent or likely": 0.75,
}


class Judged(NamedTuple):
    label: dict[str, Any]
    site: Site | None

    @property
    def verdict(self) -> str:
        return self.site.verdict if self.site else "not found"

    @property
    def is_safe(self) -> bool:
        return self.label["verdict"] in SAFE

    @property
    def is_shared(self) -> bool:
        text = " ".join(self.label["reasons"]).lower()
        return not self.is_safe and any(word in text for word in SHARED)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("checkouts", type=Path)
    parser.add_argument("--errors", action="store_true", help="list each site judged differently")
    options = parser.parse_args()
    labels = [
        label for label in json.loads(options.corpus.read_text()) if label["verdict"] != "disputed"
    ]
    judged: dict[str, list[Judged]] = {}
    for source in sorted({label["source"] for label in labels}):
        own = [label for label in labels if label["source"] == source]
        judged[source] = judge(own, options.checkouts / source.replace("/", "+"))
    everything = [one for group in judged.values() for one in group]
    table({**judged, "all": everything})
    confusion(everything)
    if options.errors:
        errors(everything)
    return 0


def judge(labels: list[dict[str, Any]], checkout: Path) -> list[Judged]:
    """Each labelled site with the scan's own."""
    tops = sorted({label["path"].split("/")[0] for label in labels})
    scan = scan_paths([checkout / top for top in tops], root=checkout)
    found: dict[tuple[str, int, str], Site] = {}
    for site in scan.sites:
        found.setdefault((site.file, site.line, site.kind), site)
    return [
        Judged(label, found.get((label["path"], label["line"], label["kind"]))) for label in labels
    ]


def table(groups: dict[str, list[Judged]]) -> None:
    print(f"{'':38}" + "".join(f"{name:>22}" for name in groups) + f"{'goal':>8}")
    for title, goal in GOALS.items():
        cells = [share(title, group) for group in groups.values()]
        print(f"{title:38}" + "".join(f"{cell:>22}" for cell in cells) + f"{goal:>8.0%}")
    print()


def share(title: str, group: Iterable[Judged]) -> str:
    group = list(group)
    safe = [one for one in group if one.is_safe]
    if title == "independent that are safe":
        claimed = [one for one in group if one.verdict == "independent"]
        return ratio(sum(one.is_safe for one in claimed), len(claimed))
    if title == "independent or likely that are safe":
        claimed = [one for one in group if one.verdict in CLAIMS]
        return ratio(sum(one.is_safe for one in claimed), len(claimed))
    if title == "shared sessions refused":
        shared = [one for one in group if one.is_shared]
        return ratio(sum(one.verdict not in CLAIMS for one in shared), len(shared))
    if title == "safe called independent":
        return ratio(sum(one.verdict == "independent" for one in safe), len(safe))
    return ratio(sum(one.verdict in CLAIMS for one in safe), len(safe))


def ratio(part: int, whole: int) -> str:
    return f"{part}/{whole} {part / whole:.0%}" if whole else "none"


def confusion(judged: list[Judged]) -> None:
    cells = Counter((one.label["verdict"], one.verdict) for one in judged)
    columns = ("independent", "likely", "dependent", "unsafe", "not found")
    print(f"{'people say':12}" + "".join(f"{column:>14}" for column in columns))
    for row in ("safe", "likely", "dependent", "unsafe"):
        print(f"{row:12}" + "".join(f"{cells[row, column]:>14}" for column in columns))
    print()


def errors(judged: list[Judged]) -> None:
    for one in judged:
        if one.is_safe != (one.verdict in CLAIMS):
            where = f"{one.label['path']}:{one.label['line']} {one.label['kind']}"
            print(f"{where}\n  people: {one.label['verdict']}: {one.label['reasons'][0]}")
            reason = one.site.reason if one.site else "no such site"
            fact = f" ({one.site.fact_file}:{one.site.fact_line})" if one.site else ""
            print(f"  scan: {one.verdict}: {reason}{fact}")


if __name__ == "__main__":
    sys.exit(main())
