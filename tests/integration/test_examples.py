"""Each broken example has its finding, its mended twin has not, and gains what was predicted."""

import socket
import sys
import tomllib
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from .conftest import ROOT, Finished, measures

EXAMPLES = ROOT / "examples"
LOADS: dict[str, dict[str, Any]] = tomllib.loads((EXAMPLES / "loads.toml").read_text())
# What the figures are good to on a machine that others use too; benchmarks/examples.py holds
# a quiet one to 10 %.
TOLERANCE = 0.25
# What an access log line costs, its `COSTS`, is 1.5 to 1.8 times what is timed of it, by how the
# start of a server happened to lie in memory: worth another 15 % of a rate that is all CPU.
OF_SERVER_SETTINGS = 0.4
# On a busy machine a load may show no steady state, begin its requests late, or wait for a CPU so
# long that nothing of the app's explains its rate. It says so itself, and is then made again.
TRIES = 3
# It gives no rate: the broken app stands still.
STANDS_STILL = "connection-deadlock"

Asyncperf = Callable[..., Finished]


def measured(asyncperf: Asyncperf, code: str, name: str) -> dict[str, Any]:
    """The result of a load that could be judged."""
    load = LOADS[code]
    file = EXAMPLES / code.replace("-", "_") / f"{name}.py"
    seconds = load["seconds"][name == "mended"]
    flags = ("-u", load["users"], "-r", 1000, "-t", f"{seconds}s", "--json", "-")
    for _ in range(TRIES):
        served: tuple[object, ...] = (file, "-w", 1)
        if code == "server-settings":  # one of which stands in no file of the app's
            with socket.create_server(("127.0.0.1", 0)) as free:
                port = free.getsockname()[1]
            served = ("--port", port, "--", sys.executable, file, port)
        document = asyncperf("run", *flags, *served).document
        [endpoint] = document["endpoints"]
        told = endpoint["rate_rps"] if name == "broken" else endpoint["limiter"]
        if document["load"]["valid"] and (told or code == STANDS_STILL):
            break
    return document


def found_of(code: str, document: Mapping[str, Any]) -> list[dict[str, Any]]:
    begins = LOADS[code].get("message", "")
    found = [finding for finding in document["findings"] if finding["code"] == code]
    return [finding for finding in found if finding["message"].startswith(begins)]


@measures
@pytest.mark.parametrize("code", LOADS)
@pytest.mark.timeout(300)
def test_the_fault_is_found_and_its_mend_gains_what_was_predicted(
    asyncperf: Asyncperf, code: str
) -> None:
    broken, mended = (measured(asyncperf, code, name) for name in ("broken", "mended"))
    found = found_of(code, broken)
    assert [finding["endpoint"] for finding in found] == [LOADS[code]["endpoint"]]
    [finding] = found
    if "line" in LOADS[code]:
        source = EXAMPLES / code.replace("-", "_") / "broken.py"
        assert finding["file"].endswith(f"{source.parent.name}/broken.py")
        assert LOADS[code]["line"] in source.read_text().splitlines()[finding["line"] - 1]
    assert found_of(code, mended) == []
    # Of a load that stands still there is no ratio; else both rates are divided by it.
    predicted = finding["fix"]["predicted"]["rate_rps"]
    tolerance = OF_SERVER_SETTINGS if code == "server-settings" else TOLERANCE
    assert mended["endpoints"][0]["rate_rps"] == pytest.approx(predicted, rel=tolerance)


def test_every_finding_of_an_app_has_its_pair() -> None:
    pages = {page.stem for page in (ROOT / "docs" / "findings").glob("*.md")} - {"README"}
    of_the_measurement = {"generator-saturated", "too-little-data"}
    of_the_source = {"blocking-call"}
    assert set(LOADS) == pages - of_the_measurement - of_the_source
