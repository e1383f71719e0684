"""The rules: from results to findings, each a few lines with its threshold's reason."""

from collections.abc import Iterable, Sequence

from asyncperf.analysis.capacity import THREAD_TOKENS
from asyncperf.model import LATE_START_S, EndpointResult, Finding, GeneratorHealth

# A generator that uses nine tenths of a core has no room for the next burst; what it
# reports is then its own queue.
GENERATOR_CPU = 0.9
# Fewer late starts than this share are the machine's occasional hiccup; more, and what was
# offered is not the load that was asked for.
LATE_STARTS = 0.01
# The pool is worth a finding when the next limit would allow a tenth more.
WORTHWHILE = 1.1
# ... and when requests do wait for a thread: by this share of the time they hold it.
QUEUED = 0.05


def find(results: Sequence[EndpointResult]) -> tuple[Finding, ...]:
    """All findings: errors first, then warnings, each in the order of the loads."""
    found = [finding for result in results for finding in _of(result)]
    return tuple(sorted(found, key=lambda finding: SEVERITY_ORDER[finding.severity]))


SEVERITY_ORDER = {"error": 0, "warning": 1, "info": 2}


def _of(result: EndpointResult) -> Iterable[Finding]:
    saturated = generator_limit(result.generator)
    if result.generator.users_lost:
        return  # no fault of the app's, and no saturation; the load's trouble says it
    if saturated is not None:
        yield Finding(
            code="generator-saturated",
            severity="error",
            endpoint=result.endpoint.label,
            message=sentence(saturated),
            advice="Use fewer users, slower requests, or a machine with more cores.",
        )
    elif result.steady is None and result.trouble is None:
        yield Finding(
            code="too-little-data",
            severity="warning",
            endpoint=result.endpoint.label,
            message=sentence(result.no_window_why or "no steady state was found"),
            advice="Until then no figure of it is quoted.",
        )
    else:
        yield from _pool_saturated(result)


def generator_limit(generator: GeneratorHealth) -> str | None:
    """Why the generator was the limit of a load, None if it was not."""
    if generator.exhausted:
        count = sum(generator.exhausted.values())
        return f"{', '.join(generator.exhausted)}: {count:,} requests failed of it"
    if generator.users_lost:
        return (
            f"the load generator lost {generator.users_lost:,} users with a process that died: "
            "from then on it was another load"
        )
    if generator.late_starts > LATE_STARTS * generator.starts:
        return (
            f"the load generator began {generator.late_starts:,} of {generator.starts:,} requests "
            f"more than {spoken(LATE_START_S)} late"
        )
    if generator.cpu is None:
        return None
    busiest = max(generator.cpu_each, default=generator.cpu / generator.processes)
    if busiest < GENERATOR_CPU:
        return None
    return f"the load generator used {generator.cpu:.0%} of a core: its figures are its own"


def sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def spoken(time_s: float) -> str:
    return f"{time_s:.2f} s" if time_s >= 1 else f"{time_s * 1000:.3g} ms"


def _pool_saturated(result: EndpointResult) -> Iterable[Finding]:
    limiter, following = result.limiter, result.next_limiter
    handler, steady = result.endpoint.handler, result.steady
    if limiter is None or limiter.kind != "thread_pool" or following is None:
        return
    if handler is None or handler.is_async:
        return  # in a mix the pool holds back an endpoint that does not use it
    ceiling_rps = result.ceiling_rps or limiter.ceiling_rps
    if steady is None or following.ceiling_rps < WORTHWHILE * ceiling_rps:
        return
    if limiter.wait_s is not None and limiter.wait_s < QUEUED * limiter.hold_s:
        return
    # Beside a note the limiter is a whole mix's, and its hold the mean of all endpoints.
    hold_s = (result.limiter_note and result.unloaded_s) or limiter.hold_s
    yield Finding(
        code="pool-saturated",
        severity="error",
        endpoint=result.endpoint.label,
        file=handler.file,
        line=handler.line,
        function=handler.name,
        message=(
            f"Each request waits {spoken(limiter.wait_s or 0)} for one of {THREAD_TOKENS} threads "
            f"per worker, then holds it for {spoken(hold_s)}."
        ),
        advice=(
            f"Awaited tasks in an `async def`, or a bigger pool, would let {following.users:,} "
            f"users have {following.ceiling_rps:.1f} req/s instead of {ceiling_rps:.1f}."
        ),
        evidence={
            "capacity": float(limiter.capacity),
            "hold_s": hold_s,
            "wait_s": limiter.wait_s or 0.0,
            "utilization": limiter.utilization or 0.0,
        },
        fix_kind="async-or-bigger-pool",
        predicted={"rate_rps": following.ceiling_rps},
    )
