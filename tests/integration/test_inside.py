"""What holds real apps back, seen from inside their workers."""

import json
from collections.abc import Callable

import jsonschema
import pytest

from .conftest import APPS, ROOT, Finished, measures

Asyncperf = Callable[..., Finished]
SCHEMA = json.loads((ROOT / "docs" / "result.schema.json").read_text())
LIMITERS = {
    "/computing": "loop_cpu",
    "/blocking": "loop_blocked",
    "/gathering": "users",
    "/varying": "users",
    "/queueing": "awaited",
    "/forgetting": "users",
}


@measures
@pytest.mark.timeout(300)
def test_the_limit_inside_is_named_and_the_parts_add_up(asyncperf: Asyncperf) -> None:
    done = asyncperf("run", APPS / "inside.py", "-u", 10, "-r", 40, "-t", "5s", "--json", "-")
    jsonschema.validate(done.document, SCHEMA)
    found = {endpoint["path"]: endpoint for endpoint in done.document["endpoints"]}
    kinds = {path: each["limiter"] and each["limiter"]["kind"] for path, each in found.items()}
    assert kinds == LIMITERS, [each["limiter_note"] for each in found.values()]
    for endpoint in found.values():
        parts, mean_s = endpoint["breakdown_s"], endpoint["latency_s"]["mean"]
        assert sum(parts.values()) == pytest.approx(mean_s, rel=1e-9)
        # Mostly the answer's way back, for which the client has to wait for a CPU as well.
        assert abs(parts["other"]) < 0.1 * mean_s
    for path in ("/computing", "/blocking"):
        # Ten users, of whom two are served.
        assert found[path]["breakdown_s"]["loop_wait"] > 0.6 * found[path]["latency_s"]["mean"]
        assert max(found[path]["limiter"]["each"]) > 0.9
    assert found["/gathering"]["breakdown_s"]["await"] > 0.8 * 0.1
    queueing = found["/queueing"]
    assert queueing["limiter"]["capacity"] == pytest.approx(10, rel=0.1)
    assert "await asyncio.sleep(TURNS[0] - now)" in queueing["limiter_note"]
    # Its lock would allow 40 req/s, if an answer waited for it.
    forgetting = found["/forgetting"]
    assert forgetting["predicted"]["rate_rps"] == pytest.approx(100, rel=0.05)
    blocking, limiter = found["/blocking"], found["/blocking"]["limiter"]
    assert blocking["rate_rps"] == pytest.approx(limiter["capacity"] / limiter["hold_s"], rel=0.15)
    # A sleep takes as long with one user as with ten, but for what a busy machine makes the
    # loop wait for a CPU after each.
    undisturbed_rps = limiter["capacity"] / (limiter["hold_s"] - limiter["queued_s"])
    assert blocking["predicted"]["rate_rps"] == pytest.approx(undisturbed_rps, rel=0.15)


@measures
@pytest.mark.timeout(300)
def test_threads_that_compute_are_one_cpu_however_many_there_are(asyncperf: Asyncperf) -> None:
    """Python runs one of them at a time: 10 users are no 10 times as many requests as one."""
    flags = ("-u", 10, "-r", 40, "-t", "4s", "-w", 1)
    done = asyncperf("run", APPS / "on_threads.py", *flags, "--json", "-")
    (endpoint,) = done.document["endpoints"]
    # On a busy machine it is not all of a CPU, and named among what holds the rate back.
    limiter, note = endpoint["limiter"], endpoint["limiter_note"]
    assert (limiter and limiter["kind"]) == "threads_cpu" or "the CPU time of its threads" in note
    # The single user's requests, which take turns with nobody, foretell it: 40 threads would
    # let each of 10 users have as many as one alone.
    assert endpoint["predicted"]["rate_rps"] < 1.5 * endpoint["ceiling_rps"]
    # Nor does one trip less to a thread change that, or a bigger pool.
    for finding in done.document["findings"]:
        if finding["code"] in ("pool-trips", "pool-saturated"):
            assert (finding["cost_rps"] or 0.0) < 0.5 * endpoint["rate_rps"]


def test_without_the_probe_the_report_says_what_it_takes(asyncperf: Asyncperf) -> None:
    flags = ("--no-probe", "--include", "/gathering", "-u", 10, "-r", 40, "-t", "3s", "-w", 1)
    done = asyncperf("run", APPS / "inside.py", *flags, "--json", "-")
    jsonschema.validate(done.document, SCHEMA)
    (endpoint,) = done.document["endpoints"]
    assert endpoint["breakdown_s"] is None
    assert endpoint["breakdown_note"] == "the workers were run without the probe"
    assert endpoint["limiter"]["kind"] == "users"
    # Nor is anything said to be in good order that was not looked at.
    assert not done.document["healthy"]
