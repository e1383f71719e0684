"""When a load has gone on for long enough, and how much longer it will take."""

import numpy as np

from asyncperf.analysis.steady import LoadView, NotSteady, find_window
from asyncperf.model import LoadPlan
from asyncperf.results import Window

# Enough to quote: each of these must hold in the steady window.
ENOUGH_RESPONSE_TIMES = 3.0
ENOUGH_CYCLES = 5
ENOUGH_REQUESTS = 500
# Long enough for a stall or two of a busy worker to count for no more than they do.
ENOUGH_S = 8.0


def enough(window: Window | NotSteady, requests: int, mean_latency_s: float) -> bool:
    """Whether a steady window with so many requests holds enough to quote."""
    if isinstance(window, NotSteady):
        return False
    return (
        window.length_s >= max(ENOUGH_S, ENOUGH_RESPONSE_TIMES * mean_latency_s)
        and window.cycles >= ENOUGH_CYCLES
        and requests >= ENOUGH_REQUESTS
    )


def expected_s(plan: LoadPlan, response_s: float, ceiling_rps: float) -> float:
    """How long a load will take from the start of its ramp, seconds: an estimate to show
    beside the progress, from the response time without load and the known ceiling."""
    if plan.run_time_s is not None:
        return plan.run_time_s
    loaded_s = max(response_s, plan.users / ceiling_rps)
    window_s = max(
        ENOUGH_S,
        ENOUGH_RESPONSE_TIMES * loaded_s,
        (ENOUGH_CYCLES + 1) * response_s,
        ENOUGH_REQUESTS / ceiling_rps,
    )
    return min(plan.max_time_s, plan.ramp_s + loaded_s + window_s)


def view_is_enough(view: LoadView) -> bool:
    """`enough` for a load as it stands now."""
    window = find_window(view)
    if isinstance(window, NotSteady):
        return False
    ends = view.end_s
    inside = view.where((ends >= window.start_s) & (ends < window.end_s))
    if len(inside.latency_s) == 0:
        return False
    mean_s = float(np.average(inside.latency_s, weights=inside.weight))
    return enough(window, inside.requests, mean_s)
