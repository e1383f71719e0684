"""How far the experiment's gathered endpoint goes: thousands of users, five-second tasks.

    python benchmarks/many_users.py [USERS ...]

Each number of users (10,000, 15,000 and 20,000 unless told) loads `/async_concurrent` of
app.py twice, on two uvicorn workers: with the garbage collector as Python has it, and with
`--gc tuned`. Users wait five seconds an answer, so the ceiling is a fifth of them a second.
Server, engine and whatever else runs share the machine's CPUs, so the probe stays out; the
load ends where the descriptors of a process do (`ulimit -n`). Beside each figure stand how many
load processes there were, how busy the machine's CPUs, and what limited the rate. Three minutes
for each number of users.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
USERS = (10_000, 15_000, 20_000)
# Users start over ten seconds: two turns, so that they arrive evenly from then on.
RAMP_S = 10
RUN_S = 75
# What issue and README claim of the tuned server: the share of the ceiling, and the p99.
AT_LEAST = {10_000: 0.995, 15_000: 0.99}
P99_BELOW_S = {10_000: 5.1}


def measured(users: int, gc: str) -> dict[str, Any]:
    command = [
        *(sys.executable, "-m", "asyncperf", "run", "app.py", "--include", "/async_concurrent"),
        *("--env", "SECONDS_TO_SLEEP=5", "--gc", gc, "--workers", "2", "--no-probe"),
        *("-u", str(users), "-r", str(users // RAMP_S), "-t", f"{RUN_S}s"),
        *("-q", "--json", "-"),
    ]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=False)
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def main() -> None:
    print(
        f"{'users':>7} {'collector':9} {'req/s':>8} {'ceiling':>8} {'share':>7} {'p99':>8} ", end=""
    )
    print(f"{'failed':>6} {'engine':>7} {'in':>2} {'late':>5} {'machine':>7}  verdict")
    for users in map(int, sys.argv[1:] or USERS):
        for gc in ("default", "tuned"):
            print(row(users, gc, measured(users, gc)), flush=True)


def row(users: int, gc: str, document: dict[str, Any]) -> str:
    load, [endpoint] = document["load"], document["endpoints"]
    if endpoint["rate_rps"] is None:
        return f"{users:7,} {gc:9} {endpoint['trouble'] or endpoint['no_window_why']}"
    # The unloaded response is a hair above 5 s; the arithmetic's ceiling is users / 5 s.
    ceiling_rps = users / 5
    share, p99_s = endpoint["rate_rps"] / ceiling_rps, endpoint["latency_s"]["p99"]
    health, busy = load["generator"], load["loads"][0]["machine_cpu"] or 0.0
    limited = (endpoint["limiter"] or {}).get("kind") or endpoint["limiter_note"]
    verdict = "" if load["valid"] else "load not valid "
    if gc == "tuned" and users in AT_LEAST:
        kept = share >= AT_LEAST[users] and p99_s < P99_BELOW_S.get(users, float("inf"))
        p99_limit = f", p99 < {P99_BELOW_S[users]:g} s" if users in P99_BELOW_S else ""
        verdict += "ok" if kept and not endpoint["failures"] else "MISSED"
        verdict += f" (share >= {AT_LEAST[users]:.1%}{p99_limit}, no failure) "
    return (
        f"{users:7,} {gc:9} {endpoint['rate_rps']:8.1f} {ceiling_rps:8.1f} {share:7.2%} "
        f"{p99_s:6.3f} s {endpoint['failures']:6} {health['cpu']:7.1%} {health['processes']:2} "
        f"{health['late_starts']:5} {busy:7.0%}  {verdict}limited by {limited}"
    )


if __name__ == "__main__":
    main()
