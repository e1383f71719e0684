"""examples/shop, a real service over PostgreSQL and an HTTP upstream: its faults are found at
their lines, and what is healthy is left alone."""

import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from ..postgres import running
from .conftest import ROOT, Running, answers, measures, starter, wait_until

# One run loads all endpoints for all tests; what fails measures its own once more.
pytestmark = [measures, pytest.mark.timeout(600)]
SHOP = ROOT / "examples" / "shop"
SCHEMA = json.loads((ROOT / "docs" / "result.schema.json").read_text())
# Users who think leave the machine time for the database and the supplier.
LOAD = ("-w", 1, "-u", 12, "-r", 40, "--think-time", "0.3s", "--allow-writes")
# What is answered seldom takes longer to be known.
QUICK_S, SLOW_S = 4, 6
# A machine with too much else to do spoils a load. What it spoiled is measured again.
ATTEMPTS = 4


@dataclass(frozen=True)
class Fault:
    """A finding's code, and the line that it is to name, by what stands there."""

    code: str
    file: str
    source: str
    limiter: str = "users"


FAULTS = {
    "POST /login": Fault(
        "loop-busy", "passwords.py", "found = hashlib.scrypt(password", "loop_cpu"
    ),
    "GET /products/{number}/offer": Fault(
        "sequential-awaits", "catalogue.py", 'price = await ask("price"'
    ),
    "GET /orders/{number}/items": Fault(
        "sequential-loop", "orders.py", "await session.get(Product, line.product_id)"
    ),
    "GET /orders/{number}/freight": Fault(
        "sequential-loop", "orders.py", 'await ask("freight", line.product_id)'
    ),
    "GET /orders/{number}/payment": Fault(
        "connections-saturated", "orders.py", "await session.get(Order, number)", "connections"
    ),
    "GET /orders/{number}/invoice": Fault(
        "lock-saturated", "orders.py", "async with drawing:", "lock"
    ),
    "GET /me": Fault("pool-trips", "accounts.py", "def locale("),
}
SLOW = ("POST /login", "GET /orders/{number}/payment", "GET /orders/{number}/invoice")
HEALTHY = (
    "GET /products/terms",
    "GET /products/{number}",
    "GET /products/{number}/page",
    "GET /customers/orders",
    "GET /orders/statistics",
)
EVERY = (*FAULTS, *HEALTHY)


@dataclass(frozen=True)
class Seen:
    """What was found of each endpoint, by its label. `run` loads the shop."""

    run: Callable[..., Running]
    endpoints: dict[str, dict[str, Any]] = field(default_factory=dict)
    findings: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    healthy: dict[str, list[str]] = field(default_factory=dict)

    def measure(self) -> None:
        """What is missing."""
        for attempt in range(1, ATTEMPTS + 1):
            missing = [label for label in EVERY if label not in self.endpoints]
            for slow, run_s in ((False, QUICK_S), (True, SLOW_S)):
                wanted = [label for label in missing if (label in SLOW) is slow]
                if not wanted:
                    continue
                paths = [flag for label in wanted for flag in ("--include", label.split()[1])]
                run = self.run(*LOAD, "-t", f"{attempt * run_s}s", *paths, "--json", "-")
                done = run.finish(patience_s=300)
                assert done.code in (0, 1, 4), done.err
                jsonschema.validate(done.document, SCHEMA)
                self._keep(done.document)

    def _keep(self, document: dict[str, Any]) -> None:
        """What could be measured, and what limits it be told: of a machine without a free CPU
        it cannot."""
        for endpoint in document["endpoints"]:
            label = f"{endpoint['method']} {endpoint['path']}"
            mine = [f for f in document["findings"] if f["endpoint"] == label]
            spoiled = {"generator-saturated", "too-little-data"} & {f["code"] for f in mine}
            if endpoint["breakdown_s"] is None or endpoint["limiter"] is None or spoiled:
                continue
            self.endpoints[label] = endpoint
            self.findings[label] = mine
            self.healthy[label] = [
                h["message"] for h in document["healthy"] if h["endpoint"] == label
            ]

    def endpoint(self, label: str) -> dict[str, Any]:
        assert label in self.endpoints, f"{label}: {ATTEMPTS} loads could not be measured"
        return self.endpoints[label]

    def found(self, label: str) -> list[dict[str, Any]]:
        self.endpoint(label)
        return self.findings[label]

    def serious(self, label: str) -> set[str]:
        return {f["code"] for f in self.found(label) if f["severity"] != "info"}


@contextmanager
def supplier() -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "shop.supplier:app", "--port", str(port)]
    process = subprocess.Popen([*command, "--log-level", "error"], cwd=SHOP.parent)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: answers(f"{url}/price/1", process), "the supplier")
        yield url
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    with (
        running() as postgres,
        supplier() as upstream,
        starter(tmp_path_factory.mktemp("shop")) as start,
    ):
        env = {"DATABASE_URL": f"postgresql://{postgres}", "SUPPLIER_URL": upstream}
        yield Seen(partial(start, "run", "shop.main:app", env=env, cwd=SHOP.parent))


@pytest.fixture
def seen(request: pytest.FixtureRequest, shop: Seen) -> Seen:
    if getattr(request.node, "execution_count", 1) > 1:
        params = request.node.callspec.params if hasattr(request.node, "callspec") else {}
        for label in params.values() or EVERY:
            shop.endpoints.pop(label, None)
    shop.measure()
    return shop


def line_of(file: str, source: str) -> int:
    lines = (SHOP / file).read_text().splitlines()
    (number,) = [number for number, line in enumerate(lines, start=1) if source in line]
    return number


@pytest.mark.parametrize("label", FAULTS)
def test_a_fault_is_found_at_its_line(seen: Seen, label: str) -> None:
    fault = FAULTS[label]
    places = {
        (finding["code"], Path(finding["file"]).name, finding["line"])
        for finding in seen.found(label)
        if finding["file"] is not None
    }
    assert (fault.code, fault.file, line_of(fault.file, fault.source)) in places
    # Nothing else is blamed.
    assert seen.serious(label) <= {fault.code}


@pytest.mark.parametrize("label", HEALTHY)
def test_what_is_healthy_is_left_alone(seen: Seen, label: str) -> None:
    serious = [f["message"] for f in seen.found(label) if f["severity"] != "info"]
    assert serious == []


@pytest.mark.parametrize("label", EVERY)
def test_the_limiter_is_named(seen: Seen, label: str) -> None:
    expected = FAULTS[label].limiter if label in FAULTS else "users"
    assert seen.endpoint(label)["limiter"]["kind"] == expected


@pytest.mark.parametrize("label", EVERY)
def test_the_parts_of_a_request_add_up(seen: Seen, label: str) -> None:
    parts = dict(seen.endpoint(label)["breakdown_s"])
    mean_s = seen.endpoint(label)["latency_s"]["mean"]
    assert sum(parts.values()) == pytest.approx(mean_s, rel=1e-9)
    # By what the probe saw alone, too, but for the answer's way back to the client, some tenths
    # of a millisecond if there is a CPU for it.
    assert abs(parts.pop("other")) <= 0.02 * mean_s + 0.001


def test_waits_are_told_from_awaits(seen: Seen) -> None:
    for label, part in (("payment", "connection_wait"), ("invoice", "lock_wait")):
        endpoint = seen.endpoint(f"GET /orders/{{number}}/{label}")
        mean_s, parts = endpoint["latency_s"]["mean"], endpoint["breakdown_s"]
        assert parts[part] > 0.3 * mean_s
        # The request to the supplier, and the drawing.
        held_s = endpoint["limiter"]["hold_s"]
        assert parts["await"] == pytest.approx(held_s, rel=0.2)
        assert endpoint["limiter"]["utilization"] > 0.9


def test_what_is_awaited_with_an_idle_connection_is_named(seen: Seen) -> None:
    (finding,) = [
        f
        for f in seen.found("GET /orders/{number}/payment")
        if f["code"] == "connections-saturated"
    ]
    line = line_of("orders.py", 'await ask("payment", order.id)')
    assert f'`ask("payment", order.id)` (shop/orders.py:{line})' in finding["message"]


def test_both_dependencies_in_threads_are_named(seen: Seen) -> None:
    trips = {f["line"] for f in seen.found("GET /me") if f["code"] == "pool-trips"}
    assert trips == {
        line_of("accounts.py", f"def {name}(") for name in ("locale", "customer_number")
    }
    parts = seen.endpoint("GET /me")["breakdown_s"]
    assert parts["pool_wait"] > parts["pool_run"] > 0


def test_awaits_that_have_to_stay_in_order_are_said_to(seen: Seen) -> None:
    # (Two quick queries save less than a millisecond, and may not be worth a word.)
    for chain in seen.healthy["GET /customers/orders"]:
        assert "each await needs the one before it" in chain or "event loop" in chain
    # Their source does not show the session: `await sales.lines()`, `await sales.cents()`.
    (session,) = [s for s in seen.healthy["GET /orders/statistics"] if "statistics:" in s]
    assert "both use one Session, which runs one thing at a time" in session


def test_the_gain_of_gathering_is_that_of_the_healthy_twin(seen: Seen) -> None:
    (finding,) = [
        f for f in seen.found("GET /products/{number}/offer") if f["code"] == "sequential-awaits"
    ]
    together_rps = seen.endpoint("GET /products/{number}/page")["rate_rps"]
    assert finding["fix"]["predicted"]["rate_rps"] == pytest.approx(together_rps, rel=0.15)


def test_queries_in_a_loop_are_to_become_one_and_requests_to_run_together(seen: Seen) -> None:
    def advice(label: str) -> str:
        found = [f for f in seen.found(label) if f["code"] == "sequential-loop"]
        return found[0]["advice"]

    assert "in one trip" in advice("GET /orders/{number}/items")
    assert "asyncio.gather" in advice("GET /orders/{number}/freight")


def test_hashing_is_sent_to_a_thread(seen: Seen) -> None:
    (finding,) = [f for f in seen.found("POST /login") if f["code"] == "loop-busy"]
    assert "Hashing a password releases Python's lock" in finding["advice"]
