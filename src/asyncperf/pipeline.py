"""The main job, start to end: find, serve, load, save. Analysis and report follow it."""

import hashlib
import re
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Protocol

from asyncperf import __version__
from asyncperf.config import Settings
from asyncperf.errors import AsyncperfError, Interrupted
from asyncperf.handlers import as_seen
from asyncperf.interrupts import Interrupts
from asyncperf.levels import Level
from asyncperf.load.engine import LoadEngine, Workload
from asyncperf.load.locust_engine import check_installed, choose_user_classes, user_classes
from asyncperf.load_generator import crowded, engine_for, load_processes, most_connections
from asyncperf.machine import (
    SPARE_DESCRIPTORS,
    python_name,
    raise_descriptor_limit,
    this_machine,
)
from asyncperf.model import Load, LoadPlan, Request, Run, SentRequest, Target
from asyncperf.search import Step, Steps, fixed_steps, search_steps
from asyncperf.store import RunFolder, create_run_folder
from asyncperf.target.choice import Choice, choose, known_endpoints, read_named
from asyncperf.target.document import read_document
from asyncperf.target.fetch import Access, trusting
from asyncperf.target.kinds import Explored, Subject, described, subject_of
from asyncperf.target.named import Named
from asyncperf.target.server import Probed
from asyncperf.trial import Bench, Watcher, run_trial
from asyncperf.verdicts import verdicts_of

# A mix of requests is one load, of this name.
MIX = "mix"
# Of a target's name, so much goes into the run folder's; a command line can be long.
NAME_LENGTH = 60
NOT_RESTARTED = (
    "the server was not restarted between the loads, since someone else runs it: "
    "what one load left behind can weigh on the next"
)


class Progress(Protocol):
    """Somewhere to say how far the run has come."""

    def say(self, text: str) -> None:
        """A step that takes a while, in a few words."""

    def watch(self, name: str, level: Level, place: str) -> Watcher:
        """A watcher for the load of that name at that level, at that place in the run."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came of a run: always what was measured, and what ended it early, if anything."""

    run: Run
    folder: Path
    error: AsyncperfError | None


def run_experiment(
    settings: Settings, progress: Progress, output: Path | None, force: bool
) -> Outcome:
    """Find the app, then serve and load its endpoints one after another.

    Raises `AsyncperfError` when nothing could be begun. Later trouble, Ctrl-C included,
    is in the outcome: what had been recorded by then is kept in the run folder.
    """
    with Interrupts() as interrupts:
        try:
            with interrupts.allowed():
                started_at = time.time()
                progress.say("importing the app")
                if settings.engine == "locust":
                    check_installed()
                named = read_named(settings.endpoint, settings.requests)
                document = read_document(settings.openapi)
                subject = find_subject(settings, document.path)
                if settings.command or document.path:
                    progress.say("starting the server, to see what there is to request")
                explored = described(subject.explore(), document)
                choice = find_choice(settings, explored, named)
                workloads = find_workloads(settings, choice)
                processes = load_processes(settings, explored.workers)
                connections = most_connections(settings, processes, explored.workers)
                raise_descriptor_limit(connections + SPARE_DESCRIPTORS)
        except KeyboardInterrupt:
            raise Interrupted("interrupted before anything was measured") from None
        folder = create_run_folder(output, short_name(explored.name), started_at, force)
        engine = engine_for(settings, folder.scratch)
        target = replace(
            target_of(explored, choice, settings.gc),
            env_digests=digests(settings.env, settings.env_names),
        )
        run = new_run(settings, target, engine, processes, started_at)
        several = settings.find_limit or len(workloads) * settings.repeat > 1
        if several and not explored.restarted:
            run = replace(run, warnings=(NOT_RESTARTED,))
        if too_many := crowded(settings, run.machine.cpus):
            run = replace(run, warnings=(*run.warnings, too_many))
        bench = Bench(subject, target, run.plan, engine, folder.logs)
        if settings.find_limit:
            steps = search_steps(run, workloads, settings.budget)
        else:
            steps = fixed_steps(run.plan, workloads, settings.repeat)
        return measure(bench, steps, run, folder, progress, interrupts)


def measure(
    bench: Bench,
    steps: Steps,
    run: Run,
    folder: RunFolder,
    progress: Progress,
    interrupts: Interrupts,
) -> Outcome:
    """One trial after another, each saved as soon as it is over."""
    error: AsyncperfError | None = None
    try:
        folder.save(run)
        with closing(bench.engine):
            step, number = next(steps, None), 0
            while step is not None:
                number += 1
                watcher = progress.watch(step.workload.name, step.plan.level, step.place)
                here = replace(bench, plan=step.plan)
                trial = run_trial(here, step.workload, number, watcher, interrupts)
                load = step.of(trial.load)
                kept = () if step.is_probe and load.trouble is None else (load,)
                warnings = (*run.warnings, *trial.warnings)
                target = as_seen(run.target, load.insight)
                run = replace(run, target=target, loads=(*run.loads, *kept), warnings=warnings)
                folder.save(run)
                if trial.error is not None:
                    raise trial.error
                step = answered(steps, load)
        folder.discard_scratch()
    except KeyboardInterrupt:
        error = Interrupted("interrupted")
    except AsyncperfError as failure:
        error = failure
    run = replace(run, status="complete" if error is None else "partial")
    if any(load.insight is not None for load in run.loads):
        progress.say("reading the source")  # now that it delays no load
        run = replace(run, verdicts=verdicts_of(run.loads, run.started_at))
    try:
        folder.save(run)
    except AsyncperfError as failure:
        error = error or failure
    if error is None and interrupts.pending:
        error = Interrupted("interrupted")
    return Outcome(run, folder.path, error)


def short_name(name: str) -> str:
    """A target's name for its run folder: of a command without the directories before it."""
    return re.sub(r"^/\S*/", "", name)[:NAME_LENGTH]


def answered(steps: Steps, load: Load) -> Step | None:
    """The next step, now that it is known what came of the last one."""
    try:
        return steps.send(load)
    except StopIteration:
        return None


def find_subject(settings: Settings, openapi_path: str | None) -> Subject:
    trusting(ca_file(settings))  # a slip in it is said, whether this target needs it or not
    return subject_of(
        settings.app,
        settings.command,
        workers=settings.workers,
        port=settings.port,
        env=settings.env,
        python=python_name(),
        access=Access(settings.timeout_s, settings.header, ca_file(settings)),
        allow_remote=settings.allow_remote,
        probed=Probed(tune_gc=settings.gc == "tuned", record=settings.probe),
        openapi_path=openapi_path,
    )


def ca_file(settings: Settings) -> str | None:
    return str(settings.ca_file.resolve()) if settings.ca_file else None


def find_choice(settings: Settings, explored: Explored, named: Sequence[Named]) -> Choice:
    if settings.locustfile is not None:
        return Choice((), (), known_endpoints(explored))
    return choose(
        explored,
        named,
        include=settings.include,
        exclude=settings.exclude,
        allow_writes=settings.allow_writes,
        headers=[name for name, _ in settings.header],
    )


def find_workloads(settings: Settings, choice: Choice) -> tuple[Workload, ...]:
    """What to load, in order: the locustfile's user classes, all requests together, or one
    endpoint's after the other's."""
    if settings.locustfile is not None:
        defined = user_classes(settings.locustfile, settings.load_env)
        return tuple(map(Workload, choose_user_classes(defined, settings.user_class)))
    if settings.mix:
        return (Workload(MIX, choice.requests),)
    endpoints = dict.fromkeys(request.endpoint for request in choice.requests)
    return tuple(
        Workload(
            endpoint.label,
            tuple(request for request in choice.requests if request.endpoint == endpoint),
        )
        for endpoint in endpoints
    )


def target_of(explored: Explored, choice: Choice, gc: Literal["default", "tuned"]) -> Target:
    return Target(
        app=explored.name,
        command=explored.command,
        workers=explored.workers,
        server=explored.server,
        python=explored.python,
        access_log=explored.access_log,
        gc=gc,
        endpoints=choice.endpoints,
        skipped=choice.skipped,
        sent=tuple(map(remembered, choice.requests)),
    )


def remembered(request: Request) -> SentRequest:
    return SentRequest(
        method=request.method,
        path=request.endpoint.path,
        target=request.target,
        headers=tuple(name for name, _ in request.headers),
        body_bytes=len(request.body),
        weight=request.weight,
    )


def new_run(
    settings: Settings, target: Target, engine: LoadEngine, processes: int, started_at: float
) -> Run:
    plan = LoadPlan(
        engine=engine.name,
        users=settings.users,
        spawn_rate=settings.spawn_rate,
        run_time_s=settings.run_time_s,
        max_time_s=settings.max_time_s,
        timeout_s=settings.timeout_s,
        model="closed" if settings.rate is None else "open",
        processes=processes,
        think_time=settings.think_time.kind,
        think_time_s=settings.think_time.mean_s,
        rate_rps=settings.rate,
        arrivals=settings.arrivals,
        keepalive=settings.keepalive,
        headers=settings.header,
        connect_timeout_s=settings.connect_timeout_s,
        response_timeout_s=settings.response_timeout_s,
        ca_file=ca_file(settings),
        probed=settings.probe and target.command != (),
        stages=settings.stages,
        find_limit=tuple(b.text for b in settings.budget) if settings.find_limit else None,
    )
    tool = f"asyncperf {__version__}"
    return Run(tool, started_at, this_machine(), target, plan, loads=(), status="running")


def digests(env: Mapping[str, str], names: Sequence[str]) -> dict[str, str]:
    """The first characters of each value's SHA-256."""
    return {
        name: hashlib.sha256(env[name].encode(errors="surrogateescape")).hexdigest()[:8]
        for name in sorted(set(names))
    }
