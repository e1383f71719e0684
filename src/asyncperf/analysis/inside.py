"""What a load's probe says: the stations of its workers, an endpoint's breakdown, and what
its single user's requests foretold. Each is None or empty, with a reason, without a probe."""

from dataclasses import replace

import numpy as np

from asyncperf.analysis import statistics
from asyncperf.analysis.breakdown import MIN_REQUESTS, breakdown
from asyncperf.analysis.mixture import Mix
from asyncperf.analysis.paths import shown
from asyncperf.analysis.prediction import demands_of, predict, together
from asyncperf.analysis.seen import seen_under_load
from asyncperf.analysis.stations import Processors, stations
from asyncperf.analysis.steady import steady_rate
from asyncperf.explanation import Breakdown, Prediction, Starved
from asyncperf.insight import Insight
from asyncperf.model import Load, Measured, Run
from asyncperf.results import Figures, Limiter, Window

NOT_PROBED = "the workers were run without the probe"
NOTHING_SEEN = (
    "the probe recorded nothing: it does not know this server, could not start, or could not write"
)
# A worker's records end with it, a moment after the load: none of its ticks comes so late.
LATEST_S = 2.0
ENDED_EARLY = (
    "the records of a worker end before the load does: it was gone, it stood still, or what the "
    "probe saw could not be written (a full disk?)"
)
NO_WINDOW = "there is no steady window"
TOO_FEW = f"fewer than {MIN_REQUESTS} requests were recorded in the steady window"


def stations_of(run: Run, load: Load, window: Window | None) -> tuple[Limiter, ...]:
    """The stations of a load's workers in its steady window."""
    if load.insight is None or window is None:
        return ()
    ended = [statistics.completed_within(each.samples, window) for each in load.measured]
    rate_rps = sum(steady_rate(each.end_s, window, each.weight) for each in ended)
    requests = sum(each.requests for each in ended)
    processors = Processors(run.machine.cpus, load.machine_cpu)
    return stations(load.insight, window, requests, rate_rps, run.target.workers, processors)


def starved(load: Load, insight: Insight, window: Window) -> Starved:
    """How much of the time those who take part in a load had no CPU."""
    ticks = insight.ticks
    ticks = ticks[(ticks["at"] >= window.start_s) & (ticks["at"] < window.end_s)]
    waited_s = watched_s = 0.0
    for worker in range(len(insight.workers)):
        own = ticks[ticks["worker"] == worker]
        if len(own) > 1 and np.isfinite(own["delay_s"]).all():
            waited_s += float(own["delay_s"][-1] - own["delay_s"][0])
            watched_s += float(own["at"][-1] - own["at"][0])
    generator = (load.generator.cpu_wait or 0.0) / load.generator.processes
    return Starved(generator, waited_s / watched_s if watched_s else 0.0)


def breakdown_of(
    run: Run, load: Load, measured: Measured, window: Window | None, steady: Figures | None
) -> tuple[Breakdown | None, str | None]:
    """Where an endpoint's mean request spends its time, or why that is not known."""
    if load.insight is None:
        return None, NOTHING_SEEN if run.plan.probed else NOT_PROBED
    if window is None or steady is None or steady.latency is None:
        return None, NO_WINDOW
    open_load = run.plan.model == "open"
    seen = seen_under_load(load.insight, measured.endpoint, measured.samples, window, open_load)
    without_cpu = starved(load, load.insight, window)
    found = breakdown(load.insight, seen, steady.latency.mean_s, without_cpu)
    if found is None:
        return None, TOO_FEW
    endpoints = [each.endpoint for each in load.measured]
    awaits = (
        replace(part, shown=shown(part.file, load.insight, endpoints)) for part in found.awaits
    )
    on_loop = (
        replace(part, shown=shown(part.file, load.insight, endpoints)) if part.file else part
        for part in found.on_loop
    )
    return replace(found, awaits=tuple(awaits), on_loop=tuple(on_loop)), None


def not_seen(run: Run, load: Load) -> tuple[str, ...]:
    """What the probe was to see of a load and did not, a sentence each."""
    insight = load.insight
    if insight is None:
        return (NOTHING_SEEN,) if run.plan.probed else ()
    ticks = insight.ticks
    ends = [ticks["at"][ticks["worker"] == worker] for worker in range(len(insight.workers))]
    # A worker has ticks from its first request on, and a full disk takes no note of why not.
    early = sum(not len(at) or at[-1] < load.duration_s - LATEST_S for at in ends)
    # Those in whose place others were started are told as such.
    replaced = max(0, len(ends) - (run.target.workers or len(ends)))
    if early <= replaced or load.server_gone:
        return insight.missing
    return (*insight.missing, ENDED_EARLY)


def predicted_of(run: Run, load: Load, measured: Measured, mix: Mix | None) -> Prediction | None:
    """What the single user's requests foretell of an endpoint; of a mix, its share of what
    they foretell of the whole. None for users who share their time in unknown ways."""
    workers = run.target.workers or 1
    if len(load.measured) == 1:
        demands = demands_of(load.insight, measured.endpoint, measured.unloaded, measured.samples)
        return None if demands is None else predict(demands, run.plan, workers)
    parts = [
        (m, demands_of(load.insight, m.endpoint, m.unloaded, m.samples)) for m in load.measured
    ]
    known = [(mix.share(m.endpoint), d) for m, d in parts if d is not None] if mix else []
    if mix is None or len(known) < len(parts):
        return None
    whole, share = predict(together(known), run.plan, workers), mix.share(measured.endpoint)
    return Prediction(
        share * whole.rate_rps, None, share * whole.low_rps, share * whole.high_rps, whole.requests
    )
