"""The experiment against its arithmetic: what each endpoint reaches of its ceiling.

    python benchmarks/experiment.py [FLAGS of asyncperf run ...]

Tasks of 0.5 s, 500 users who start within a second, two workers, the settings of this
checkout's pyproject.toml: what `scripts/demo` runs, in about two minutes. Server and engine
share the machine, so beside each figure stands how busy its CPUs were and what limited it.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
LEAST, MOST = 0.995, 1.005
USERS = ("-u", "500", "-r", "500", "--env", "SECONDS_TO_SLEEP=0.5")


def main() -> None:
    command = (sys.executable, "-m", "asyncperf", "run", "app.py", *USERS, *sys.argv[1:])
    done = subprocess.run(
        (*command, "-q", "--json", "-"), cwd=ROOT, stdout=subprocess.PIPE, check=False
    )
    if not done.stdout:
        sys.exit(done.returncode)
    document: dict[str, Any] = json.loads(done.stdout)
    if not document["load"]["valid"]:
        print(f"load not valid: {'; '.join(document['load']['warnings'])}")
    loads = {load["name"]: load for load in document["load"]["loads"]}
    print(f"{'endpoint':20} {'req/s':>8} {'ceiling':>8} {'share':>8} {'engine':>7} {'machine':>8}")
    for endpoint in document["endpoints"]:
        print(row(endpoint, loads[endpoint["load"]]))


def row(endpoint: dict[str, Any], load: dict[str, Any]) -> str:
    share, path = endpoint["measured_over_ceiling"], endpoint["path"]
    limited = (endpoint["limiter"] or {}).get("kind") or endpoint["limiter_note"]
    if share is None:
        return f"{path:20} {endpoint['trouble'] or endpoint['no_window_why']}"
    verdict = "ok" if LEAST <= share <= MOST else "MISSED"
    cpu, busy = load["generator"]["cpu"] or 0.0, load["machine_cpu"] or 0.0
    return (
        f"{path:20} {endpoint['rate_rps']:8.2f} {endpoint['ceiling_rps']:8.2f} {share:8.2%} "
        f"{cpu:7.1%} {busy:8.0%}  {verdict} ({LEAST} to {MOST}), limited by {limited}"
    )


if __name__ == "__main__":
    main()
