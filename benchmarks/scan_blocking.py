"""The scan's blocking calls beside those of hydroid and blockpath, on source trees.

    python benchmarks/scan_blocking.py FOLDER ... [--rivals BIN] [--keep FOLDER] [--sample N]

BIN is the folder with the commands `hydroid` (hydroid-cli on PyPI) and `blockpath` (Python 3.12);
a rival that is not there is left out. Calls are compared by file and line. Prints, per tree, how
many each finds outside of tests and, one a line, what a rival finds and the scan does not.
--keep stores what the rivals print, and takes it from there the next time; --sample prints N of
the scan's findings, drawn at random, with their chains, to be judged by eye.
"""

import argparse
import json
import random
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from asyncperf.scan import scan_paths
from asyncperf.scan.call_graph import TESTS
from asyncperf.sites import BlockingCall

SEED = 5
TIMEOUT_S = 1800

Place = tuple[str, int]
COMMANDS = {
    "hydroid": ["--cpu", "--no-cache", "--format", "json"],
    "blockpath": ["check", "--json", "--no-config", "--tier=error", "--tier=warning", "--tier=off"],
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--rivals", type=Path, help="the folder of the rivals' commands")
    parser.add_argument("--keep", type=Path, help="where to keep what the rivals print")
    parser.add_argument("--sample", type=int, default=0)
    options = parser.parse_args()
    everything: list[tuple[Path, BlockingCall]] = []
    for folder in options.folders:
        ours = scan_paths([folder]).blocking
        everything += [(folder, call) for call in ours]
        compare(folder, ours, options.rivals, options.keep)
    for folder, call in sorted(random.Random(SEED).sample(everything, options.sample), key=str):
        print(f"\n{folder}/{call.file}:{call.line}  {call.call}{'' if call.certain else '  ?'}")
        for step in call.chain:
            print(f"    {step.file}:{step.line} {step.function}")
        print(f"    {', '.join(call.endpoints[:4])}")
    return 0


def compare(
    folder: Path, ours: tuple[BlockingCall, ...], rivals: Path | None, keep: Path | None
) -> None:
    own = {(call.file, call.line) for call in ours}
    warned = sum(call.certain and not (call.brief or call.once) for call in ours)
    print(f"\n{folder}\n  scan       {len(own):5} lines, {warned} of level warning")
    for name, arguments in COMMANDS.items():
        printed = ask(name, arguments, folder, rivals, keep)
        if printed is None:
            print(f"  {name:10} is not there, or failed")
            continue
        everywhere = PLACES[name](json.loads(printed))
        found = {place: what for place, what in everywhere.items() if not TESTS.search(place[0])}
        missing = {place: what for place, what in found.items() if place not in own}
        print(f"  {name:10} {len(found):5} lines, {len(found) - len(missing)} of them the scan's")
        for what, count in Counter(missing.values()).most_common():
            places = [f"{file}:{line}" for (file, line), w in sorted(missing.items()) if w == what]
            print(f"      {count:4} {what}: {', '.join(places)}")


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


def hydroid_places(document: dict[str, Any]) -> dict[Place, str]:
    last = [(each["chain"][-1]["location"], each["sink"]) for each in document["diagnostics"]]
    return {(at["path"], at["line"]): sink["qualname"] for at, sink in last}


def blockpath_places(document: dict[str, Any]) -> dict[Place, str]:
    last = [(each["witness"][-1], each["callee"]) for each in document["findings"]]
    return {(at["path"], at["line"]): callee for at, callee in last}


PLACES = {"hydroid": hydroid_places, "blockpath": blockpath_places}

if __name__ == "__main__":
    sys.exit(main())
