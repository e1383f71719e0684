"""The whole run in the columns of Locust's `_stats.csv`, with exact values.

Times are milliseconds, unrounded where Locust rounds to about two digits. As in Locust, a
row counts every request of the run, the ramp and the failures included. A percentile with
too few requests behind it is `N/A`, which Locust writes only where there are none at all;
so is everything about an endpoint whose load was never made.
"""

import csv
import io
import math
from collections.abc import Iterator, Sequence

from asyncperf.model import Load
from asyncperf.ranks import latency
from asyncperf.report.levels import level_name
from asyncperf.report.units import TIE
from asyncperf.report.untrusted import spreadsheet_safe
from asyncperf.results import PERCENTILES, Diagnosis, EndpointResult, Latency
from asyncperf.samples import Samples, joined

COLUMNS = (
    "Type",
    "Name",
    "Request Count",
    "Failure Count",
    "Median Response Time",
    "Average Response Time",
    "Min Response Time",
    "Max Response Time",
    "Average Content Size",
    "Requests/s",
    "Failures/s",
    *(f"{p:g}%" for p in (*PERCENTILES, 100)),
)
NOT_KNOWN = "N/A"

Cell = str | int | float


def stats_csv(diagnosis: Diagnosis) -> str:
    """A row per endpoint, of a search for the limit one per endpoint and level; then Locust's
    `Aggregated`."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    is_search = diagnosis.run.plan.find_limit is not None
    for result in diagnosis.endpoints:
        each = result.levels if is_search else (result,)
        writer.writerows(_row(one, diagnosis) for one in each)
    writer.writerow(_aggregated(diagnosis))
    return text.getvalue()


def _row(result: EndpointResult, diagnosis: Diagnosis) -> list[Cell]:
    name = [spreadsheet_safe(result.endpoint.method), spreadsheet_safe(_name(result, diagnosis))]
    if not result.loaded:
        return [*name, *(NOT_KNOWN,) * (len(COLUMNS) - len(name))]
    whole = result.whole
    rate = whole.rate_rps or 0.0
    failed = rate * whole.failures / whole.requests if whole.requests else 0.0
    return [
        *name,
        whole.requests,
        whole.failures,
        *_times(whole.latency),
        _content_size(_samples_of(result, diagnosis)),
        _exact(rate),
        _exact(failed),
        *_percentiles(whole.latency),
    ]


def _name(result: EndpointResult, diagnosis: Diagnosis) -> str:
    if diagnosis.run.plan.find_limit is None or result.held is None:
        return result.endpoint.path
    return f"{result.endpoint.path}, {level_name(result.held.level).replace(TIE, ' ')}"


def _aggregated(diagnosis: Diagnosis) -> list[Cell]:
    """All requests together: their total over the loads' times up to the last answer.

    Endpoints loaded one after another never shared the server, so this rate is a mean
    over the run's time and not what the app serves when all are loaded at once.
    """
    loads = diagnosis.run.loads
    samples = [measured.samples for load in loads for measured in load.measured]
    duration_s = sum(map(_last_answer_s, loads))
    requests = sum(s.requests for s in samples)
    failures = sum(s.failures for s in samples)
    times = latency(joined(samples))
    return [
        "",
        "Aggregated",
        requests,
        failures,
        *_times(times),
        _content_size(samples),
        _exact(requests / duration_s if duration_s else 0.0),
        _exact(failures / duration_s if duration_s else 0.0),
        *_percentiles(times),
    ]


def _last_answer_s(load: Load) -> float:
    """Where Locust's rates end: the last completion, from the start of the ramp."""
    ends = (float(m.samples.end_s.max()) for m in load.measured if len(m.samples))
    return max(ends, default=0.0)


def _samples_of(result: EndpointResult, diagnosis: Diagnosis) -> list[Samples]:
    return [
        measured.samples
        for load in diagnosis.run.loads
        if load.name == result.load and _is_at(load, result)
        for measured in load.measured
        if measured.endpoint == result.endpoint
    ]


def _is_at(load: Load, result: EndpointResult) -> bool:
    """Whether a result is of that load: of a search each level is a load by itself."""
    return not load.levels or result.held in load.levels


def _times(latency: Latency | None) -> Iterator[Cell]:
    """Median, mean, min and max in ms; 0 without requests, as Locust writes."""
    if latency is None:
        return iter((0, 0, 0, 0))
    times = (latency.percentiles_s.get(50), latency.mean_s, latency.min_s, latency.max_s)
    return (_milliseconds(time) for time in times)


def _percentiles(latency: Latency | None) -> Iterator[Cell]:
    if latency is None:
        return iter((NOT_KNOWN,) * (len(PERCENTILES) + 1))
    times = [latency.percentiles_s.get(p) for p in PERCENTILES]
    return (_milliseconds(time) for time in (*times, latency.max_s))


def _content_size(samples: Sequence[Samples]) -> Cell:
    """The mean size of a response's body in bytes."""
    requests = sum(s.requests for s in samples)
    total = sum(int(s.received_bytes.sum()) for s in samples)
    return total / requests if requests else 0


def _milliseconds(time_s: float | None) -> Cell:
    return NOT_KNOWN if time_s is None else _exact(time_s * 1000)


def _exact(value: float) -> Cell:
    return float(value) if math.isfinite(value) else NOT_KNOWN
