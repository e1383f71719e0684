"""What makes two runs different experiments, to be known before any verdict."""

from collections.abc import Iterator

from asyncperf.analysis.capacity import MACHINE_BUSY
from asyncperf.analysis.findings import generator_limit
from asyncperf.levels import Stage
from asyncperf.model import Run


def differences(base: Run, new: Run) -> tuple[str, ...]:
    """A sentence for each thing besides the code that was not alike in both runs."""
    return (*_doubts("BASE", base), *_doubts("NEW", new), *_unlike(base, new))


def _doubts(name: str, run: Run) -> Iterator[str]:
    if run.status != "complete":
        yield f"{name} is a partial run: it ended early"
    if any(generator_limit(load.generator) for load in run.loads):
        yield f"{name} is not valid: the load generator was the limit"
    busy = max((load.machine_cpu or 0.0 for load in run.loads), default=0.0)
    if busy > MACHINE_BUSY:
        yield f"{name}: the machine's CPUs were up to {busy:.0%} busy, by whatever ran on it"
    for warning in run.warnings:
        yield f"{name}: {warning}"


def _unlike(base: Run, new: Run) -> Iterator[str]:
    before, after = _conditions(base), _conditions(new)
    for what, value in before.items():
        if after[what] != value:
            was, now = value or "not known", after[what] or "not known"
            yield f"not the same {what}: {was} in BASE, {now} in NEW"
    if base.target.sent != new.target.sent:
        yield "not the same requests were sent: paths, parameters, bodies or weights differ"
    a, b = base.target.env_digests, new.target.env_digests
    for name in sorted({*a, *b}):
        if a.get(name) != b.get(name):
            yield f"not the same environment: {name} {_how(a.get(name), b.get(name))}"


def _how(before: str | None, after: str | None) -> str:
    if before is None:
        return "was set in NEW only"
    return "was set in BASE only" if after is None else "has another value"


def _conditions(run: Run) -> dict[str, str | None]:
    """What has to be alike, by its name; None is not known."""
    plan, target, machine = run.plan, run.target, run.machine
    logs = {None: None, True: "on", False: "off"}
    return {
        "users": f"{plan.users:,}",
        "spawn rate": f"{plan.spawn_rate:g}/s",
        "stages": ", ".join(map(_spoken, plan.stages)) or "none",
        "load model": plan.model,
        "arrival rate": f"{plan.rate_rps:g}/s, {plan.arrivals}" if plan.rate_rps else "none",
        "think time": f"{plan.think_time_s:g} s, {plan.think_time}"
        if plan.think_time_s
        else "none",
        "connections": "kept alive" if plan.keepalive else "one per request",
        "load generator": plan.engine,
        "workers": None if target.workers is None else f"{target.workers:,}",
        "server": target.server,
        "Python": target.python,
        "access log": logs[target.access_log],
        "garbage collector": target.gc,
        "machine": f"{machine.cpus} x {machine.cpu_model}, {machine.memory_bytes >> 20:,} MiB",
        "system": machine.system,
    }


def _spoken(stage: Stage) -> str:
    unit = "" if stage.level.rate_rps is None else "/s"
    return f"{stage.level.amount:g}{unit}:{stage.hold_s:g}s"
