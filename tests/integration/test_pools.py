"""What the probe tells of pools, in real workers under load."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from asyncperf.analysis.findings.inside import Inside
from asyncperf.analysis.findings.standstill import standstill
from asyncperf.insight import Insight
from asyncperf.probe.record_format import TRIP_KINDS
from asyncperf.probe_files import NOTHING
from asyncperf.store import load_run

from ..postgres import running
from .conftest import APPS, ROOT, Finished, measures

Asyncperf = Callable[..., Finished]


def insights(folder: Path) -> list[Insight]:
    """Of each load of the saved run; the probe missed nothing that it knows of."""
    found = [load.insight for load in load_run(folder / "run").loads]
    assert all(insight is not None and insight.missing == () for insight in found)
    return [insight for insight in found if insight is not None]


@measures
def test_waiting_and_running_explain_the_latency(asyncperf: Asyncperf, tmp_path: Path) -> None:
    """100 users for 80 threads: each request waits for one, then holds it for 0.6 s."""
    load = ("-u", 100, "-r", 100, "-t", "6s", "-o", "run")
    env = {"SECONDS_TO_SLEEP": "0.2"}
    done = asyncperf("run", ROOT / "app.py", "--include", "/sync_baseline", *load, env=env)
    assert done.code == 0
    [insight] = insights(tmp_path)
    # Beyond the warm-up's single requests.
    requests = insight.requests[insight.requests["start"] > 1]
    assert len(requests) > 100
    explained_s = requests["pool_wait_s"] + requests["pool_run_s"] + requests["resume_s"]
    latency_s = requests["end"] - requests["start"]
    assert explained_s.mean() == pytest.approx(latency_s.mean(), rel=0.1)
    assert requests["pool_run_s"].mean() == pytest.approx(0.6, rel=0.1)
    assert set(requests["trips"]) == {1}
    [pool] = insight.resources
    assert (pool.kind, pool.name, pool.capacity) == ("threads", "thread pool", 40)
    assert insight.ticks["threads_busy"].max() == 40
    [cause] = {insight.sites[number].function for number in insight.trips["cause"]}
    assert cause == "sync_baseline"


def test_every_trip_of_a_request_is_told(asyncperf: Asyncperf, tmp_path: Path) -> None:
    load = ("-u", 4, "-r", 10, "-t", "1s", "-w", 1, "-o", "run")
    done = asyncperf("run", APPS / "trips.py", *load)
    assert done.code in (0, 4)  # a second may be too little for a verdict
    four = {
        ("dependency", "dependency"),
        ("generator dependency enter", "generator"),
        ("generator dependency exit", "generator"),
    }
    five = four | {("endpoint", "five"), ("response validation", "ModelField.validate")}
    for path, expected in (("/four", four | {("endpoint", "four")}), ("/five", five)):
        [(insight, route)] = [
            (insight, number)
            for insight in insights(tmp_path)
            for number, route in enumerate(insight.routes)
            if route.path == path
        ]
        requests = insight.requests[insight.requests["route"] == route]
        assert set(requests["trips"]) == {len(expected)}
        trips = insight.trips
        sent = zip(trips["kind"], trips["cause"], strict=True)
        assert {(TRIP_KINDS[kind], insight.sites[cause].function) for kind, cause in sent} == (
            expected
        )
        assert len(trips) >= len(expected) * len(requests)


@measures
def test_a_shared_semaphore_explains_the_latency(asyncperf: Asyncperf, tmp_path: Path) -> None:
    load = ("-u", 20, "-r", 40, "-t", "3s", "-w", 1, "-o", "run")
    done = asyncperf("run", APPS / "limited.py", *load)
    assert done.code in (0, 4)
    shared, own = insights(tmp_path)
    requests = shared.requests[shared.requests["start"] > 1]
    latency_s = requests["end"] - requests["start"]
    # 20 ms of it are the hold.
    assert (requests["lock_wait_s"].mean() + 0.02) == pytest.approx(latency_s.mean(), rel=0.2)
    for insight, instances in ((shared, 1), (own, len(own.requests) / 4)):
        [resource] = insight.resources
        assert (resource.kind, resource.capacity) == ("semaphore", 2)
        assert resource.site is not None
        assert insight.sites[resource.site].file.endswith("limited.py")
        assert len(set(insight.uses["instance"])) >= instances
    assert len(set(shared.uses["instance"])) == 1
    assert own.requests["lock_wait_s"].max() < 0.02


@measures
def test_waits_for_a_connection_are_told_from_the_rest_of_the_run(
    asyncperf: Asyncperf, tmp_path: Path
) -> None:
    load = ("-u", 20, "-r", 40, "-t", "3s", "-w", 1, "-o", "run", "--include", "/one")
    env = {"DATABASE": str(tmp_path / "db")}
    done = asyncperf("run", APPS / "connected.py", *load, env=env)
    assert done.code in (0, 4)
    [insight] = insights(tmp_path)
    requests = insight.requests[insight.requests["start"] > 1]
    run_s, conn_wait_s = requests["pool_run_s"].mean(), requests["thread_conn_wait_s"].mean()
    assert run_s - conn_wait_s == pytest.approx(0.02, abs=0.015)  # the hold
    assert conn_wait_s > 0.02
    [pool] = [each for each in insight.resources if each.kind == "connections"]
    assert (pool.name, pool.capacity) == ("SQLAlchemy QueuePool", 2)
    lines = {insight.sites[site].line for site in insight.uses["site"] if site < NOTHING}
    text = (APPS / "connected.py").read_text().splitlines()
    assert {text[line - 1] for line in lines} == {"    with engine.connect():"}


def test_a_deadlock_over_connections_can_be_seen(asyncperf: Asyncperf, tmp_path: Path) -> None:
    """Requests that hold one and wait for another that such as they hold: no request ends, and
    the server has to be killed."""
    load = ("-u", 20, "-r", 100, "-t", "3s", "-w", 1, "-o", "run", "--include", "/two")
    asyncperf("run", APPS / "connected.py", *load, env={"DATABASE": str(tmp_path / "db")})
    [insight] = insights(tmp_path)
    uses = insight.uses
    held = uses[~np.isnan(uses["got"]) & np.isnan(uses["released"])]
    waiting = uses[np.isnan(uses["got"])]
    assert len(held) > 0
    for worker, request in held[["worker", "request"]]:
        [wait] = waiting[(waiting["worker"] == worker) & (waiting["request"] == request)]
        assert wait["asked"] > held["got"].min()


def test_threads_and_connections_that_wait_for_each_other_are_a_deadlock(
    asyncperf: Asyncperf, tmp_path: Path
) -> None:
    """60 users, for 40 threads and two connections that are held between two threads."""
    load = ("-u", 60, "-r", 600, "-t", "4s", "-w", 1, "-o", "run", "--include", "/handed")
    asyncperf("run", APPS / "connected.py", *load, env={"DATABASE": str(tmp_path / "db")})
    [insight] = insights(tmp_path)
    [pool] = [n for n, each in enumerate(insight.resources) if each.kind == "connections"]
    found = standstill(Inside(insight, (), 0.0, 4.0), pool)
    assert found is not None
    assert found.waiting == 40
    lines = {insight.sites[site].line for site in found.held["site"] if site < NOTHING}
    text = (APPS / "connected.py").read_text().splitlines()
    assert {text[line - 1] for line in lines} <= {"    with engine.connect() as taken:"}


@measures
def test_psycopgs_pools_with_what_a_connection_is_held_for(
    asyncperf: Asyncperf, tmp_path: Path
) -> None:
    """Eight users for two connections, which hold each for 20 ms."""
    load = ("-u", 8, "-r", 40, "-t", "3s", "-w", 1, "-o", "run", "--json", "-")
    with running() as address:
        env = {"DATABASE": f"postgresql://{address}"}
        done = asyncperf("run", APPS / "pooled.py", *load, "--fail-on", "never", env=env)
    for insight, kind in zip(
        insights(tmp_path), ("AsyncConnectionPool", "ConnectionPool"), strict=True
    ):
        [pool] = [each for each in insight.resources if each.kind == "connections"]
        assert (pool.name, pool.capacity) == (f"psycopg {kind}", 2)
        number = insight.resources.index(pool)
        uses = insight.uses[(insight.uses["resource"] == number) & (insight.uses["asked"] > 1)]
        assert len(set(uses["instance"])) == 1
        ended = uses[~np.isnan(uses["released"])]
        assert (ended["released"] - ended["got"]).min() >= 0.02
        # Six of eight wait, for four who hold one of two.
        wait_s, hold_s = (
            (ended[after] - ended[before]).mean()
            for before, after in (("asked", "got"), ("got", "released"))
        )
        assert wait_s == pytest.approx(3 * hold_s, rel=0.3)
    found = {
        (finding["function"], finding["endpoint"]): finding
        for finding in done.document["findings"]
        if finding["code"] == "connections-saturated"
    }
    held = found["held", "GET /held"]
    assert "nothing is asked of the connection" in held["message"]
    assert "`asyncio.sleep(HOLD_S)`" in held["message"]
    assert ("threaded", "GET /threaded") in found
    for endpoint in done.document["endpoints"]:
        parts = endpoint["breakdown_s"]
        assert max(parts, key=lambda name: parts[name]) == "connection_wait"
