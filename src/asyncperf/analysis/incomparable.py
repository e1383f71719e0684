"""What makes two runs different experiments, to be known before any verdict."""

from collections.abc import Iterator

from asyncperf.analysis.findings import generator_limit
from asyncperf.model import Run


def differences(base: Run, new: Run) -> tuple[str, ...]:
    """A sentence for each thing besides the code that was not alike in both runs."""
    return (*_doubts("BASE", base), *_doubts("NEW", new), *_unlike(base, new))


def _doubts(name: str, run: Run) -> Iterator[str]:
    if run.status != "complete":
        yield f"{name} is a partial run: it ended early"
    if any(generator_limit(load.generator) for load in run.loads):
        yield f"{name} is not valid: the load generator was the limit"
    for warning in run.warnings:
        yield f"{name}: {warning}"


def _unlike(base: Run, new: Run) -> Iterator[str]:
    before, after = _conditions(base), _conditions(new)
    for what, value in before.items():
        if after[what] != value:
            yield f"not the same {what}: {value} in BASE, {after[what]} in NEW"
    a, b = base.target.env_digests, new.target.env_digests
    for name in sorted({*a, *b}):
        if a.get(name) != b.get(name):
            yield f"not the same environment: {name} {_how(a.get(name), b.get(name))}"


def _how(before: str | None, after: str | None) -> str:
    if before is None:
        return "was set in NEW only"
    return "was set in BASE only" if after is None else "has another value"


def _conditions(run: Run) -> dict[str, str]:
    """What has to be alike, by its name."""
    plan, target, machine = run.plan, run.target, run.machine
    return {
        "users": f"{plan.users:,}",
        "spawn rate": f"{plan.spawn_rate:g}/s",
        "load model": plan.model,
        "load generator": plan.engine,
        "workers": f"{target.workers:,}",
        "server": target.server,
        "Python": target.python,
        "access log": "on" if target.access_log else "off",
        "machine": f"{machine.cpus} x {machine.cpu_model}, {machine.memory_bytes >> 20:,} MiB",
        "system": machine.system,
    }
