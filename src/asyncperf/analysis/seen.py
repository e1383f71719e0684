"""The requests of an endpoint, seen from both sides: by the load engine and in the worker.

When the engine began a request travels with it, so each of the worker's records finds its
sample by that time. Both read the machine's monotonic clock.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asyncperf.insight import Insight, Records
from asyncperf.model import Endpoint
from asyncperf.results import Window
from asyncperf.samples import Floats, Samples, Weights

# Requests this close together would be one to us. A generator needs several times as long
# for each, and what travels is cut to a billionth of a second.
SAME_S = 5e-6
# The worker records so many requests a second and leaves out the rest of a wave, so slow
# and fast requests are not recorded alike. Each of so many equal parts of the latencies is
# given the weight that it has among all requests.
STRATA = 20


@dataclass(frozen=True, eq=False)
class Seen:
    """Arrays of one length, and how many requests there were to be seen.

    `latency_s` is the engine's; without its sample up to the answer; NaN where the engine did
    not say when it began them. `weight` is how many requests each stands for, relative to
    the others.
    """

    rows: Records
    latency_s: Floats
    weight: Floats
    of_requests: int
    measured: bool  # whether `latency_s` is the engine's, of each request

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def sent_known(self) -> bool:
        return not bool(np.isnan(self.latency_s).any())

    def mean(self, values: Floats) -> float:
        return float(np.average(values, weights=self.weight))


def seen_under_load(
    insight: Insight, endpoint: Endpoint, samples: Samples, window: Window, open_load: bool
) -> Seen:
    """The successes that were answered in a window."""
    inside = samples.ok & (samples.end_s >= window.start_s) & (samples.end_s < window.end_s)
    chosen = samples.where(inside)
    if has_sent(insight) and samples.precision is None:
        rows, latency_s = joined(insight, chosen, open_load)
        measured = True
    else:  # of a folded load no request can be found by its time
        rows = routed(insight, endpoint)
        answered = rows["answered"]
        rows = rows[(answered >= window.start_s) & (answered < window.end_s)]
        latency_s = rows["answered"] - rows["sent"]
        measured = False
    weight = weights(latency_s, chosen.latency_s, chosen.weight)
    return Seen(rows, latency_s, weight, chosen.requests, measured)


def seen_alone(insight: Insight, endpoint: Endpoint, unloaded: Samples) -> Seen:
    """The single user's successes, in order."""
    if has_sent(insight):
        rows, latency_s = joined(insight, unloaded.where(unloaded.ok), open_load=False)
    else:
        rows = routed(insight, endpoint)
        rows = rows[rows["end"] < 0]
        latency_s = rows["answered"] - rows["sent"]
    order = np.argsort(rows["start"])
    ones = np.ones(len(order))
    return Seen(rows[order], latency_s[order], ones, len(unloaded), has_sent(insight))


def first_rows(
    insight: Insight, endpoint: Endpoint, samples: Samples, until_s: float, count: int
) -> Records:
    """The records of the ramp's first successes: of those that began before `until_s`, or of so
    many if these are fewer."""
    if has_sent(insight) and samples.precision is None:
        chosen = samples.where(
            samples.ok & (samples.start_s <= begun_by(samples.start_s[samples.ok], until_s, count))
        )
        rows, _ = joined(insight, chosen, open_load=False)
    else:
        rows = routed(insight, endpoint)
        rows = rows[rows["start"] >= 0]
        rows = rows[rows["start"] <= begun_by(rows["start"], until_s, count)]
    return rows


def begun_by(start_s: Floats, until_s: float, count: int) -> float:
    """`until_s`, or when so many had begun, whichever is later."""
    return max(until_s, float(np.sort(start_s)[:count].max(initial=0.0)))


def has_sent(insight: Insight) -> bool:
    """Whether the load engine's requests say when they were begun."""
    return not bool(np.isnan(insight.requests["sent"]).all())


def routed(insight: Insight, endpoint: Endpoint) -> Records:
    """The answered requests of a route."""
    rows = insight.requests
    numbers = [
        number
        for number, route in enumerate(insight.routes)
        if (route.method, route.path) == (endpoint.method, endpoint.path)
    ]
    return rows[np.isin(rows["route"], numbers) & (rows["status"] > 0) & (rows["status"] < 400)]


def joined(insight: Insight, samples: Samples, open_load: bool) -> tuple[Records, Floats]:
    """The records of these samples, and the samples' latencies."""
    begun_s = samples.start_s
    if open_load and samples.late_s is not None:  # start_s is when it was meant to begin
        begun_s = begun_s + samples.late_s
    order = np.argsort(begun_s)
    begun_s = begun_s[order]
    rows = insight.requests
    if len(begun_s) == 0:
        return rows[:0], np.empty(0)
    right = np.searchsorted(begun_s, rows["sent"]).clip(0, len(begun_s) - 1)
    left = (right - 1).clip(0)
    sent = rows["sent"]
    near = np.where(np.abs(begun_s[left] - sent) < np.abs(begun_s[right] - sent), left, right)
    found = np.abs(begun_s[near] - sent) < SAME_S  # false where the time is not known
    return rows[found], samples.latency_s[order][near[found]]


def weights(recorded_s: Floats, all_s: Floats, of_all: Weights) -> Floats:
    """How many requests each recorded one stands for: stratified by latency after the fact
    (Holt and Smith, "Post Stratification", JRSS A 142, 1979). `of_all` counts `all_s`."""
    requests = len(all_s) if of_all is None else int(of_all.sum())
    if np.isnan(recorded_s).any() or not 0 < len(recorded_s) < requests:
        return np.ones(len(recorded_s))
    # So that something was recorded of each part.
    edges = np.unique(np.quantile(recorded_s, np.linspace(0, 1, STRATA + 1)[1:-1], method="lower"))
    # A part ends with its edge.
    stratum: NDArray[np.int64] = np.searchsorted(edges, recorded_s)
    size = len(edges) + 1
    all_in = np.bincount(np.searchsorted(edges, all_s), weights=of_all, minlength=size)
    recorded_in = np.bincount(stratum, minlength=size)
    return np.asarray(all_in / np.maximum(recorded_in, 1), dtype=np.float64)[stratum]
