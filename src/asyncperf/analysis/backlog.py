"""Whether an open load asks for more than is answered, so that its queue has no end.

Such a load never becomes steady, and that is its result: what arrives in a second is more
than what is answered in a second.
"""

import math

from asyncperf.analysis.steady import LoadView

# Long enough for a stall of a second to be over, and in response times for the pipeline to
# have filled.
LEAST_S = 8.0
LEAST_RESPONSES = 5.0
# Requests that stayed in the queue must be more than those that a steady load has in flight
# would vary by, and more than a hundredth of all.
IN_FLIGHT = 2.0
SHARE = 0.01
DEVIATIONS = 3.0
SLACK = 10.0


def answered_rps(view: LoadView, rate_rps: float, is_random: bool) -> float | None:
    """How many requests a second are answered of an open load that falls behind, over its
    second half; None if it does not, or cannot be told to.

    Both quarters of that half must have lost ground, or a stall just now would look like it.
    `is_random` arrivals vary by the square root of their number (Poisson).
    """
    from_s = view.ramp_end_s
    response_s = min(view.response_s, default=None)
    if from_s is None or response_s is None:
        return None
    length_s = view.duration_s - from_s
    if length_s < max(LEAST_S, LEAST_RESPONSES * response_s):
        return None
    half_s = length_s / 2
    ends_s = view.start_s + view.latency_s
    middle_s, late_s = view.duration_s - half_s, view.duration_s - half_s / 2
    arrived = rate_rps * half_s
    noise = SLACK + IN_FLIGHT * rate_rps * response_s
    noise += DEVIATIONS * math.sqrt(arrived) if is_random else 0.0
    least = max(noise, SHARE * arrived)
    early = int(((ends_s >= middle_s) & (ends_s < late_s)).sum())
    late = int(((ends_s >= late_s) & (ends_s < view.duration_s)).sum())
    short = [arrived / 2 - answered for answered in (early, late)]
    if sum(short) <= least or min(short) <= least / 4:
        return None
    return (early + late) / half_s
