"""One trial: a fresh server, one user alone, then the load, watched until it is enough.

The server is started anew for every trial. A load leaves hundreds of requests in the
thread pool's queue that no client waits for any more; the next endpoint must not inherit
them.
"""

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import psutil

from asyncperf.analysis.backlog import answered_rps
from asyncperf.analysis.measurement import view_of
from asyncperf.analysis.mixture import Key, key_of, limiters_of, weights_of
from asyncperf.analysis.steady import LoadView
from asyncperf.analysis.sufficiency import expected_s, view_is_enough
from asyncperf.analysis.unloaded import unloaded_response_s
from asyncperf.errors import AsyncperfError, Interrupted, TargetError
from asyncperf.handlers import with_handlers
from asyncperf.insight import Insight
from asyncperf.interrupts import Interrupts
from asyncperf.load.engine import LoadEngine, LoadSession, Recording, Workload
from asyncperf.load.silence import last_answer_s, silence_of
from asyncperf.model import Endpoint, Load, LoadPlan, Measured, Target
from asyncperf.probe_files import read_insight
from asyncperf.samples import Samples
from asyncperf.target.kinds import Server, Subject

POLL_S = 0.5
# Looking at a million requests takes a quarter of a second of CPU, which the server might
# need: of one core at most this share.
LOOKING_SHARE = 0.05
# The generator needs a moment to start and to stop, beyond its time under load.
GENERATOR_MARGIN_S = 30.0


class Watcher(Protocol):
    """Someone to tell how a load stands."""

    def __call__(self, recording: Recording, expected_s: float | None) -> None:
        """`expected_s` is how long the load will probably take, ramp included; None while
        the single user is at work."""


@dataclass(frozen=True)
class Bench:
    """What all trials of a run share."""

    subject: Subject
    target: Target
    plan: LoadPlan
    engine: LoadEngine
    logs: Path

    @property
    def endpoints(self) -> dict[tuple[str, str], Endpoint]:
        return {(e.method, e.path): e for e in self.target.endpoints}


@dataclass(frozen=True, eq=False)
class Trial:
    """What came of one trial; `error` is set when it ended the run as well."""

    load: Load
    warnings: tuple[str, ...] = ()
    error: AsyncperfError | None = None


def run_trial(
    bench: Bench, workload: Workload, number: int, watcher: Watcher, interrupts: Interrupts
) -> Trial:
    """Serve and load. Raises `AsyncperfError` or KeyboardInterrupt only before the load
    has begun; after that what was recorded is returned with the error."""
    log = bench.logs / f"server-{number:03}.log"
    error: AsyncperfError | None = None
    started_at = time.time()
    with interrupts.allowed():
        server = bench.subject.start(log)
    with server:
        session = bench.engine.start(workload, bench.plan, server.url)
        cpu = MachineCpu()
        gone = False
        try:
            with interrupts.allowed():
                trouble = watch(bench, workload, server, session, cpu, watcher, interrupts)
        except KeyboardInterrupt:
            error = Interrupted("interrupted")
            trouble = "interrupted"
        except AsyncperfError as failure:
            error = failure
            trouble = str(failure)
            gone = isinstance(failure, TargetError)
        machine_cpu = cpu.busy()
        recording = session.stop()
        # A server that is itself the error has said so.
        told = error is None or isinstance(error, Interrupted)
        troubles = server.troubles() if told else ()
    warnings = tuple(f"{workload.name}: {text}" for text in (*recording.warnings, *troubles))
    silence = silence_of(recording.loaded.values())
    if gone and recording.loaded:
        last_s = last_answer_s(recording.loaded.values())
        trouble = f"{trouble}; its last answer came after {last_s:.1f} s"
    elif silence is not None and trouble is None:
        gone, trouble = True, str(silence)
    load = load_of(bench, workload, recording, started_at, trouble or recording.trouble)
    insight = insight_of(server, load.started_at, recording.clock_s)
    load = with_handlers(load, insight)
    load = replace(load, machine_cpu=machine_cpu, insight=insight, server_gone=gone)
    return Trial(load, warnings, error)


def insight_of(server: Server, ramp_epoch: float, ramp_clock_s: float | None) -> Insight | None:
    """What the probe saw in a server that has ended; its files are then no longer needed. Files
    that cannot be read stay where they are, and cost the load nothing of what it recorded."""
    if server.notes is None:
        return None
    try:
        insight = read_insight(server.notes, ramp_epoch, ramp_clock_s)
    except (OSError, ValueError, LookupError):
        return None
    shutil.rmtree(server.notes, ignore_errors=True)
    return insight


class MachineCpu:
    """How busy all CPUs of the machine were since the ramp had ended."""

    def __init__(self) -> None:
        self._since: tuple[float, float] | None = None

    def ramp_ended(self) -> None:
        if self._since is None:
            self._since = self._times()

    def busy(self) -> float | None:
        """The busy share, None if the ramp had not ended."""
        if self._since is None:
            return None
        idle_s, total_s = (now - then for now, then in zip(self._times(), self._since, strict=True))
        return min(1.0, max(0.0, 1 - idle_s / total_s)) if total_s > 0 else None

    @staticmethod
    def _times() -> tuple[float, float]:
        times = psutil.cpu_times()
        return times.idle + getattr(times, "iowait", 0.0), sum(times)


def watch(
    bench: Bench,
    workload: Workload,
    server: Server,
    session: LoadSession,
    cpu: MachineCpu,
    watcher: Watcher,
    interrupts: Interrupts,
) -> str | None:
    """Wait until the load has recorded enough; what went wrong, in a sentence, if anything."""
    plan = bench.plan
    requests_alone = 0
    progressed = time.monotonic()
    phase = "under a single user"
    looked_s = 0.0
    while True:
        time.sleep(max(POLL_S, looked_s / LOOKING_SHARE))
        looking = time.thread_time()
        server.check(phase)
        ended = session.ended
        with interrupts.held():  # what was read in part would be lost, or counted again
            recording = session.read()
        if recording.trouble is not None:
            return recording.trouble
        if recording.ramp_started_at is not None:
            phase = "under load"
            if ended:
                return ended_early(plan, recording)
            if recording.ramp_end_s is not None:
                cpu.ramp_ended()
            if is_done(bench, recording):
                return None
            watcher(recording, expected_length_s(bench, recording))
            looked_s = time.thread_time() - looking
            continue
        if failures := failures_alone(recording):
            return f"failed for a single user ({failures}), so it was not loaded{advice(failures)}"
        if ended:
            return "the load generator exited before the load began"
        count = sum(map(len, recording.unloaded.values()))
        if count > requests_alone or recording.duration_s <= 0:  # 0: it has not come up yet
            requests_alone, progressed = count, time.monotonic()
        if time.monotonic() - progressed > plan.timeout_s:
            return (
                f"a single user had no answer within {plan.timeout_s:g} s (--timeout), "
                "so it was not loaded"
            )
        watcher(recording, None)


def failures_alone(recording: Recording) -> str:
    """The failures of the single user; of several endpoints, with the one that failed."""
    several = len(recording.unloaded) > 1
    return ", ".join(
        f"{method} {path}: {error}" if several else error
        for (method, path), samples in recording.unloaded.items()
        for error in samples.errors
    )


def advice(failures: str) -> str:
    """What to do about failures of the single user, as far as a status alone tells."""
    if any(denied in failures for denied in ("HTTP 401", "HTTP 403")):
        return "; credentials go with -H 'Authorization: ...'"
    if "HTTP 422" in failures:
        return "; the app refuses its parameters or its body as they were sent"
    return ""


def ended_early(plan: LoadPlan, recording: Recording) -> str | None:
    """What it means that the generator has exited by itself: nothing, if its time was up."""
    if plan.run_time_s is not None and recording.duration_s > plan.run_time_s - 1:
        return None
    return f"the load generator exited by itself after {recording.duration_s:.0f} s"


def is_done(bench: Bench, recording: Recording) -> bool:
    """Whether the load may be stopped from here; with a fixed run time the generator stops
    by itself, unless it is stuck."""
    plan = bench.plan
    if plan.run_time_s is not None:
        return recording.duration_s > plan.run_time_s + GENERATOR_MARGIN_S
    silence = silence_of(recording.loaded.values())
    if recording.duration_s >= plan.max_time_s or (silence is not None and silence.is_for_good):
        return True
    measured = measured_of(bench, recording)
    view = view_of(measured, recording.ramp_end_s, recording.duration_s, plan.think_time_s)
    return view_is_enough(view) or is_too_much(plan, view)


def is_too_much(plan: LoadPlan, view: LoadView) -> bool:
    """Whether an open load of a search has shown that it is more than can be answered: it
    never becomes steady, and is a result all the same."""
    if plan.find_limit is None or plan.rate_rps is None:
        return False
    return answered_rps(view, plan.rate_rps, plan.arrivals == "poisson") is not None


def expected_length_s(bench: Bench, recording: Recording) -> float | None:
    """By the mean of the endpoints that the single user had an answer from, each in its share;
    where the load decides itself what it requests, in that of the single user's requests."""
    times = [(m, unloaded_response_s(m.unloaded)) for m in measured_of(bench, recording)]
    alone_s = {key_of(m.endpoint): time_s for m, time_s in times if time_s is not None}
    measured = [m for m, _ in times if key_of(m.endpoint) in alone_s]
    if not measured:
        return None
    shares = weights_of(bench.target, measured) or shares_alone(measured)
    response_s = sum(share * alone_s[key] for key, share in shares.items())
    tightest, *_ = limiters_of(bench.plan, bench.target.workers, measured, shares, alone_s)
    return expected_s(bench.plan, response_s, tightest.ceiling_rps)


def shares_alone(measured: Sequence[Measured]) -> dict[Key, float]:
    requests = sum(len(each.unloaded) for each in measured)
    return {key_of(each.endpoint): len(each.unloaded) / requests for each in measured}


def measured_of(bench: Bench, recording: Recording) -> tuple[Measured, ...]:
    """The recording's endpoints, with their handlers where the app has them."""
    known = bench.endpoints
    keys = dict.fromkeys((*recording.unloaded, *recording.loaded))
    return tuple(
        Measured(
            endpoint=known.get(key, Endpoint(*key)),
            unloaded=recording.unloaded.get(key, Samples.none()),
            samples=recording.loaded.get(key, Samples.none()),
        )
        for key in keys
    )


def load_of(
    bench: Bench, workload: Workload, recording: Recording, started_at: float, trouble: str | None
) -> Load:
    measured = measured_of(bench, recording)
    if not measured:
        endpoints = dict.fromkeys(request.endpoint for request in workload.requests)
        measured = tuple(Measured(each, Samples.none(), Samples.none()) for each in endpoints)
    return Load(
        name=workload.name,
        started_at=recording.ramp_started_at or started_at,
        duration_s=recording.duration_s,
        ramp_end_s=recording.ramp_end_s,
        generator=recording.generator,
        measured=measured,
        trouble=trouble,
        levels=recording.levels,
    )
