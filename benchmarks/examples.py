"""Does each broken example gain what its finding predicts?

    python benchmarks/examples.py [CODE ...] [--rounds 1] [--keep FOLDER]

Runs the pairs of examples/ at the loads of examples/loads.toml, broken and mended in turns,
and prints for each finding whether it was found in the first and gone in the second, the rate
that was predicted of the mended app, and the one that was measured. The tolerance is 10 % of
the gain (the ratio of the two rates); where the broken app stands still there is no ratio, and
it is 10 % of the rate. It needs a quiet machine. `--keep` leaves the reports in a folder.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

EXAMPLES = Path(__file__).parents[1] / "examples"
LOADS: dict[str, dict[str, Any]] = tomllib.loads((EXAMPLES / "loads.toml").read_text())
TOLERANCE = 0.10
# A load that says itself that it cannot be judged is made again.
TRIES = 3
# It gives no rate: the broken app stands still.
STANDS_STILL = "connection-deadlock"
FREE_PORT = 8765


@dataclass(frozen=True)
class Round:
    """`found` in the broken app, `left` in the mended one; requests per second."""

    found: bool
    left: bool
    broken_rps: float
    predicted_rps: float
    mended_rps: float


def served(code: str, name: str) -> list[object]:
    """How `asyncperf run` is told of an example's app, "broken" or "mended"."""
    file = EXAMPLES / code.replace("-", "_") / f"{name}.py"
    if code == "server-settings":  # of which one is the command line's
        return ["--port", FREE_PORT, "--", sys.executable, file, FREE_PORT]
    return [file, "-w", 1]


def run(folder: Path, code: str, name: str) -> dict[str, Any]:
    load, result = LOADS[code], folder / f"{code}-{name}.json"
    seconds = load["seconds"][name == "mended"]
    flags = ["-u", load["users"], "-r", 1000, "-t", f"{seconds}s", "--probe", "--force"]
    command = [sys.executable, "-m", "asyncperf", "run", *flags, "--json", result]
    command += served(code, name)
    for _ in range(TRIES):
        done = subprocess.run(
            list(map(str, command)), cwd=folder, capture_output=True, text=True, check=False
        )
        result.with_suffix(".txt").write_text(done.stdout + done.stderr)
        document: dict[str, Any] = json.loads(result.read_text())
        [endpoint] = document["endpoints"]
        told = endpoint["rate_rps"] if name == "broken" else endpoint["limiter"]
        if document["load"]["valid"] and (told or code == STANDS_STILL):
            break
    return document


def found_of(code: str, document: Mapping[str, Any]) -> list[dict[str, Any]]:
    begins = LOADS[code].get("message", "")
    found = [finding for finding in document["findings"] if finding["code"] == code]
    return [finding for finding in found if finding["message"].startswith(begins)]


def round_of(folder: Path, code: str) -> Round:
    broken, mended = (run(folder, code, name) for name in ("broken", "mended"))
    found = found_of(code, broken)
    predicted = (found[0]["fix"] or {}).get("predicted") or {} if found else {}
    return Round(
        bool(found),
        bool(found_of(code, mended)),
        broken["endpoints"][0]["rate_rps"] or 0.0,
        predicted.get("rate_rps", float("nan")),
        mended["endpoints"][0]["rate_rps"] or 0.0,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("codes", nargs="*", default=list(LOADS), metavar="CODE")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--keep", type=Path)
    args = parser.parse_args()
    print(f"{'':26}{'req/s':>8}{'predicted':>11}{'mended':>8}{'off':>8}")
    missed = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = args.keep or Path(scratch)
        folder.mkdir(exist_ok=True)
        for code in args.codes:
            rounds = [round_of(folder, code) for _ in range(args.rounds)]
            broken, predicted, mended = (
                statistics.median(getattr(each, name) for each in rounds)
                for name in ("broken_rps", "predicted_rps", "mended_rps")
            )
            off = mended / predicted - 1
            words = [
                "not found" * (not all(each.found for each in rounds)),
                "not gone" * any(each.left for each in rounds),
                "too far off" * (not abs(off) <= TOLERANCE),
            ]
            print(
                f"{code:26}{broken:8.1f}{predicted:11.1f}{mended:8.1f}{off:+8.1%}",
                ", ".join(filter(None, words)),
                flush=True,
            )
            missed += [code] if any(words) else []
    sys.exit(f"missed: {', '.join(missed)}" if missed else 0)


if __name__ == "__main__":
    main()
