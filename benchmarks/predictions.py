"""Does what a single user foretells hold with 500?

    python benchmarks/predictions.py [NAME ...] [--users 500] [--seconds 60] [--keep FOLDER]

Loads the experiment (tasks of 0.5 s, two workers) and each app of examples/, broken and mended
(one worker), and prints beside each other the rate that its single user's requests foretold and
the one that was measured. The tolerance is 5 %. It needs a quiet machine, and half an hour.
`--keep` leaves the reports in a folder.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from examples import EXAMPLES, LOADS, served

EXPERIMENT = [EXAMPLES.parent / "app.py", "-w", 2, "--env", "SECONDS_TO_SLEEP=0.5"]
APPS = {"experiment": EXPERIMENT} | {
    f"{code}-{name}": served(code, name) for code in LOADS for name in ("broken", "mended")
}
TOLERANCE = 0.05


def result_of(name: str, users: int, seconds: int, folder: Path) -> dict[str, Any]:
    """Of a run in a folder where no settings of a checkout's count."""
    result = folder / f"{name}.json"
    flags = ["-u", users, "-r", users, "-t", f"{seconds}s", "--probe", "--force"]
    command = [sys.executable, "-m", "asyncperf", "run", *flags, "--json", result, *APPS[name]]
    done = subprocess.run(
        list(map(str, command)), cwd=folder, capture_output=True, text=True, check=False
    )
    result.with_suffix(".txt").write_text(done.stdout + done.stderr)
    document: dict[str, Any] = json.loads(result.read_text())
    return document


def row(name: str, endpoint: dict[str, Any]) -> tuple[str, bool]:
    label = f"{name} {endpoint['path']}"
    foretold, measured = (endpoint["predicted"] or {}).get("rate_rps"), endpoint["rate_rps"]
    if not foretold or not measured:
        return f"{label:44} {endpoint['no_window_why'] or 'nothing foretold'}", False
    off = measured / foretold - 1
    limited = (endpoint["limiter"] or {}).get("kind") or endpoint["limiter_note"]
    kept = abs(off) <= TOLERANCE
    words = "ok" if kept else "MISSED"
    return (
        f"{label:44}{foretold:9.1f}{measured:10.1f}{off:+8.1%}  {words}, limited by {limited}",
        kept,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=list(APPS), metavar="NAME")
    parser.add_argument("--users", type=int, default=500)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--keep", type=Path)
    args = parser.parse_args()
    print(f"{'':44}{'foretold':>9}{'measured':>10}{'off':>8}   req/s, {args.users} users")
    kept = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = (args.keep or Path(scratch)).resolve()
        folder.mkdir(exist_ok=True)
        for name in args.names:
            for endpoint in result_of(name, args.users, args.seconds, folder)["endpoints"]:
                text, within = row(name, endpoint)
                print(text, flush=True)
                kept.append(within)
    sys.exit(f"{len(kept) - sum(kept)} of {len(kept)} missed" if not all(kept) else 0)


if __name__ == "__main__":
    main()
