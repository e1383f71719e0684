"""Settings of the server: what a command line and the workers tell."""

from dataclasses import replace

import pytest

from asyncperf.analysis.findings import find
from asyncperf.model import GeneratorHealth

from ...builders import figures, result_of, run_of
from .seen import codes, evidence, found, insight_of, requests, ticks

OWN = ("uvicorn", "shop:app")


def target(command=OWN, **changes):
    return replace(run_of().target, command=command, **changes)


@pytest.mark.parametrize(
    ("command", "access_log", "expected"),
    [
        (OWN, False, 0),
        (OWN, True, 1),
        (OWN, None, 1),  # its default
        (("/venv/bin/uvicorn", "shop:app"), None, 1),
        (("granian", "shop:app"), None, 0),  # its default is none
        ((), None, 0),  # somebody else's
        ((*OWN, "--reload"), False, 1),
        (("fastapi", "dev", "shop.py"), False, 1),
        (("fastapi", "dev", "shop.py", "--no-reload"), False, 0),
        (("fastapi", "run", "shop.py"), False, 0),
    ],
)
def test_the_command_line(command, access_log, expected):
    result = codes(None, target=target(command, access_log=access_log))
    assert result == ["server-settings"] * expected


@pytest.mark.parametrize(
    ("command", "writes", "expected"),
    [
        (("python", "shop.py"), True, 1),
        (("python", "shop.py"), False, 0),
        (("python", "shop.py"), None, 0),
        (OWN, False, 0),  # a configuration of its own says so
        (OWN, None, 1),
    ],
)
def test_what_a_worker_does_outdoes_the_command_line(command, writes, expected):
    insight = insight_of(requests=requests())
    workers = tuple(replace(worker, access_log=writes) for worker in insight.workers)
    result = codes(
        replace(insight, workers=workers), target=target(command=command, access_log=None)
    )
    assert result == ["server-settings"] * expected


@pytest.mark.parametrize(("cpu", "severity"), [(0.79, "info"), (0.81, "warning")])
def test_an_access_log_matters_where_the_loop_has_no_time(cpu, severity):
    insight = insight_of(requests=requests(), ticks=ticks(cpu))
    result = found(insight, target=target(access_log=True))
    assert [f.severity for f in result if f.code == "server-settings"] == [severity]
    (finding,) = (f for f in result if f.code == "server-settings")
    assert finding.endpoint == "*"


@pytest.mark.parametrize(("workers", "cpu", "expected"), [(1, 0.81, 1), (1, 0.79, 0), (2, 0.81, 0)])
def test_one_worker_on_several_cpus(workers, cpu, expected):
    insight = insight_of(requests=requests(loop_s=0.005), ticks=ticks(cpu))
    result = codes(insight, target=target(workers=workers))
    assert result.count("server-settings") == expected


@pytest.mark.parametrize(
    ("debug", "expected"), [((), 0), (("fastapi",), 1), (("asyncio", "fastapi"), 2)]
)
def test_debug_modes(debug, expected):
    assert codes(insight_of(requests=requests(), debug=debug)).count("server-settings") == expected


def test_a_setting_is_told_once_for_all_loads_where_it_costs_most():
    insights = [insight_of(requests=requests(), ticks=ticks(cpu)) for cpu in (0.1, 0.95, 0.2)]
    every = [
        seen for insight in insights for seen in evidence(insight, target=target(access_log=True))
    ]
    found = [f for f in find(every) if f.code == "server-settings"]
    assert [(f.endpoint, f.severity) for f in found] == [("*", "warning")]


def test_nothing_is_said_of_a_load_that_its_generator_limited():
    busy = replace(result_of(), generator=GeneratorHealth(cpu=1.0, max_drift_s=1.0))
    every = evidence(insight_of(requests=requests()), busy, target=target())
    assert [f.code for f in find(every)] == ["generator-saturated"]


@pytest.mark.parametrize(("rate_rps", "promised"), [(100.0, True), (0.0, False)])
def test_nothing_is_promised_where_no_request_succeeded(rate_rps, promised):
    insight = insight_of(requests=requests(1000, loop_s=0.009), ticks=ticks(0.9))
    result = result_of(steady=figures(rate_rps=rate_rps), unloaded_s=0.01)
    every = found(insight, result, target=target(access_log=True))
    (finding,) = [finding for finding in every if finding.code == "server-settings"]
    assert bool(finding.predicted) is promised
    assert bool(finding.cost_rps) is promised
    assert ("req/s under this load" in finding.advice) is promised
