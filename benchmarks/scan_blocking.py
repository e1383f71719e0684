"""The scan's blocking calls beside those of hydroid and blockpath, on source trees.

    python benchmarks/scan_blocking.py FOLDER ... [--rivals BIN] [--keep FOLDER] [--sample N]

BIN is the folder with the commands `hydroid` (hydroid-cli on PyPI) and `blockpath` (Python 3.12);
a rival that is not there is left out. Calls are compared by file and line. Prints, per tree, how
many each finds outside of tests and, by reason, one a line, what a rival finds and the scan does
not: `MISSED` is what no reason explains. Then the sums over all trees.
--keep stores what the rivals print, and takes it from there the next time; --sample prints N of
the scan's findings, drawn at random by --seed, with their chains, to be judged by eye.
"""

import argparse
import json
import random
import shutil
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any, NamedTuple

from scan_differences import BREAKS, Finding, Own, Place, find_own, last_step, reason

from asyncperf.scan.project import TESTS
from asyncperf.sites import BlockingCall

SEED = 5
TIMEOUT_S = 1800

COMMANDS = {
    "hydroid": ["--cpu", "--no-cache", "--format", "json"],
    "blockpath": ["check", "--json", "--no-config", "--tier=error", "--tier=warning", "--tier=off"],
}


class Compared(NamedTuple):
    """How many lines a rival tells, how many of them the scan tells too, and why not the rest."""

    lines: int
    shared: int
    reasons: Counter[str]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--rivals", type=Path, help="the folder of the rivals' commands")
    parser.add_argument("--keep", type=Path, help="where to keep what the rivals print")
    parser.add_argument("--sample", type=int, default=0)
    parser.add_argument("--seed", type=int, default=SEED)
    options = parser.parse_args()
    everything: list[tuple[Path, BlockingCall]] = []
    sums: dict[str, list[Compared]] = defaultdict(list)
    for folder in options.folders:
        own = find_own(folder)
        everything += [(folder, call) for call in own.calls]
        warned = sum(call.certain and not (call.brief or call.once) for call in own.calls)
        print(
            f"\n{folder}\n  scan       {len(own.places):5} lines, {warned} calls of level warning"
        )
        for name, arguments in COMMANDS.items():
            printed = ask(name, arguments, folder, options.rivals, options.keep)
            if printed is None:
                print(f"  {name:10} is not there, or failed")
            else:
                sums[name].append(compare(name, own, FINDINGS[name](json.loads(printed))))
    for name, compared in sums.items():
        lines, shared = sum(each.lines for each in compared), sum(each.shared for each in compared)
        print(f"\n{name} in all: {lines} lines, {shared} of them the scan's; the others:")
        for why, count in sum((each.reasons for each in compared), Counter[str]()).most_common():
            print(f"  {count:5} {why}")
    sample = random.Random(options.seed).sample(everything, min(options.sample, len(everything)))
    for folder, call in sorted(sample, key=str):
        print(f"\n{folder}/{call.file}:{call.line}  {call.call}{'' if call.certain else '  ?'}")
        for step in call.chain:
            print(f"    {step.file}:{step.line} {step.function}")
        print(f"    {', '.join(call.endpoints[:4])}")
    return 0


def compare(name: str, own: Own, findings: list[Finding]) -> Compared:
    found: dict[Place, list[Finding]] = defaultdict(list)
    for each in findings:
        if not TESTS.search(each.place[0]):
            found[each.place].append(each)
    missing = [those for place, those in sorted(found.items()) if place not in own.places]
    print(f"  {name:10} {len(found):5} lines, {len(found) - len(missing)} of them the scan's")
    reasons: dict[str, list[Finding]] = defaultdict(list)
    for those in missing:
        why, least = reason(own, those)
        reasons[why].append(least)
    for why, those in sorted(reasons.items(), key=lambda item: -len(item[1])):
        print(f"    {len(those):5} {why}:")
        for each in those:
            after = f", after {last_step(own, each)}" if why == BREAKS else ""
            print(f"          {each.place[0]}:{each.place[1]} {each.call}{after}")
    counts = Counter({why: len(those) for why, those in reasons.items()})
    return Compared(len(found), len(found) - len(missing), counts)


def ask(
    name: str, arguments: list[str], folder: Path, rivals: Path | None, keep: Path | None
) -> str | None:
    kept = keep / f"{name}-{'+'.join(folder.parts[-2:])}.json" if keep else None
    if kept and kept.exists():
        return kept.read_text() or None
    command = shutil.which(name, path=str(rivals) if rivals else None)
    if command is None:
        return None
    try:
        done = subprocess.run(
            [command, *arguments, str(folder)],
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,  # findings are a failure to both
        )
    except subprocess.TimeoutExpired:
        return None
    if kept:
        kept.write_text(done.stdout)
    return done.stdout or None


def hydroid_findings(document: dict[str, Any]) -> list[Finding]:
    return [
        Finding(
            tuple((at["location"]["path"], at["location"]["line"]) for at in each["chain"]),
            each["sink"]["qualname"],
        )
        for each in document["diagnostics"]
    ]


def blockpath_findings(document: dict[str, Any]) -> list[Finding]:
    return [
        Finding(
            tuple((at["path"], at["line"]) for at in each["witness"]),
            each["callee"],
            is_given=each["category"] == "offload",
        )
        for each in document["findings"]
    ]


FINDINGS = {"hydroid": hydroid_findings, "blockpath": blockpath_findings}

if __name__ == "__main__":
    sys.exit(main())
