"""The answer first: what limits each endpoint, in plain words with figures."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from asyncperf.model import LoadPlan, Target
from asyncperf.report.layout import prose, table
from asyncperf.report.limiter import NAMES, OF_THE_LOAD, limited, name_of
from asyncperf.report.units import (
    TIE,
    in_words,
    known,
    number,
    percent,
    plural,
    seconds,
    span,
)
from asyncperf.report.untrusted import clean, shorten
from asyncperf.results import Diagnosis, EndpointResult, Limiter, LimiterKind

# More endpoints than this are grouped by what limits them; the tables still name each.
FEW = 6
# Of a group, or of the endpoints without a verdict, so many are named.
NAMED = 3
LISTED = 10
# A label inside a sentence is shortened to this.
LABEL = 50

# The finding that explains a limiter in full, so that the verdict need not.
EXPLAINED_BY: dict[LimiterKind, str] = {"thread_pool": "pool-saturated"}


def alerts(diagnosis: Diagnosis, width: int) -> RenderableType | None:
    """What a reader must know before any figure; None if there is nothing."""
    lines = []
    gone = any(load.server_gone for load in diagnosis.run.loads)
    if gone:
        text = "NOT VALID: the server was gone before the end of a load."
        lines.append(prose(text, width, style="bold red"))
    elif not diagnosis.valid:
        died = any(load.generator.users_lost for load in diagnosis.run.loads)
        what = "died during a load" if died else "was the limit of a load"
        text = f"NOT VALID: the load generator {what}; its figures are not the app's."
        lines.append(prose(text, width, style="bold red"))
    if diagnosis.run.status != "complete":
        text = "PARTIAL RUN: it ended early; the figures cover what was recorded until then."
        lines.append(prose(text, width, style="bold yellow"))
    for warning in dict.fromkeys((*diagnosis.run.warnings, *diagnosis.warnings)):
        lines.append(prose(f"! {clean(warning)}", width, style="yellow", hang="  "))
    return Group(*lines) if lines else None


def header(diagnosis: Diagnosis, width: int) -> RenderableType:
    """The app as served, the load, and the load generator's own health."""
    target, plan = diagnosis.run.target, diagnosis.run.plan
    served = [target.app, *_served(target)]
    load = _load(plan)
    return Group(
        prose(" · ".join(clean(part) for part in served if part), width, style="bold"),
        prose(f"{load} · {_generator(diagnosis)}", width),
    )


def _load(plan: LoadPlan) -> str:
    """How much load there was: `500 users at 50/s, closed`."""
    if plan.find_limit is not None:
        return _search(plan)
    amounts = [f"{stage.level.amount:,g}" for stage in plan.stages]
    if plan.rate_rps is not None:
        rates = f"in stages of {in_words(amounts)}" if amounts else f"{plan.rate_rps:g}"
        return f"{rates} requests a second, {plan.arrivals}, {plan.model}"
    users = f"in stages of {in_words(amounts)} users" if amounts else plural(plan.users, "user")
    think = f", {seconds(plan.think_time_s)} think time" if plan.think_time_s else ""
    return f"{users} at {plan.spawn_rate:g}/s, {plan.model}{think}"


def _search(plan: LoadPlan) -> str:
    """How far a search for the limit went."""
    if plan.rate_rps is not None:
        most = f"{plan.rate_rps:g} requests a second, {plan.arrivals}"
    else:
        most = plural(plan.users, "user")
    return f"searched for the limit, up to {most}, {plan.model}"


def _served(target: Target) -> list[str]:
    """What is known of how the app was served, then what is not."""
    facts = {
        "workers": target.workers and plural(target.workers, "worker"),
        "server": target.server,
        "Python": target.python
        and (f"Python {target.python}" if target.python[:1].isdigit() else target.python),
        "access log": None
        if target.access_log is None
        else f"access log {'on' if target.access_log else 'off'}",
        "collector": "collector tuned" if target.gc == "tuned" else "",
    }
    unknown = [name for name, fact in facts.items() if fact is None]
    return [
        *(str(fact) for fact in facts.values() if fact),
        *([f"not known: {', '.join(unknown)}"] if unknown else []),
    ]


def _generator(diagnosis: Diagnosis) -> str:
    health = [result.generator for result in diagnosis.endpoints]
    cpu = max((h.cpu for h in health if known(h.cpu)), default=None)
    drift = max((h.max_drift_s for h in health if known(h.max_drift_s)), default=None)
    parts = []
    if cpu is not None:
        processes = max(h.processes for h in health)
        where = f" in {processes} processes" if processes > 1 else ""
        parts.append(f"{percent(cpu, 0)} of a core{where}")
    if drift is not None:
        parts.append(f"at most {seconds(drift)} late")
    said = ", ".join(parts) or "its own health unknown"
    return f"{clean(diagnosis.run.plan.engine).capitalize()}: {said}"


def verdict(diagnosis: Diagnosis, width: int) -> RenderableType:
    """A row per endpoint, or per kind of limiter where there are many endpoints."""
    results = diagnosis.endpoints
    if not results:
        return Text("No endpoint was loaded, so there is nothing to say.")
    if len(results) > FEW:
        return _grouped(diagnosis, width)
    rows = [_row(result, diagnosis) for result in results]
    styles = {i: _style(result) for i, result in enumerate(results)}
    return table("", ("endpoint", "req/s", "limited by"), rows, width, words=1, styles=styles)


def _style(result: EndpointResult) -> str:
    if result.trouble:
        return "red"
    return "yellow" if result.limiter and result.limiter.kind not in OF_THE_LOAD else ""


def _row(result: EndpointResult, diagnosis: Diagnosis) -> tuple[str, str, str]:
    rate = number(result.steady.rate_rps if result.steady else None)
    return clean(result.endpoint.label), rate, sentence(result, diagnosis)


def sentence(result: EndpointResult, diagnosis: Diagnosis) -> str:
    """What limits one endpoint, or what keeps us from telling."""
    if result.trouble:
        return f"trouble: {clean(result.trouble)}"
    if result.steady is None:
        why = None if _found("too-little-data", result, diagnosis) else result.no_window_why
        return f"cannot tell: {clean(why or 'there is no steady window')}"
    if result.limiter is None:
        return f"cannot tell: {clean(result.limiter_note or 'no known limit explains it')}"
    explained = _found(EXPLAINED_BY.get(result.limiter.kind), result, diagnosis)
    if result.limiter_note and result.limiter.kind == "awaited":
        return clean(result.limiter_note)  # which has the figures
    if result.limiter_note:
        return _noted(result.limiter, clean(result.limiter_note))
    run = diagnosis.run
    return limited(result.limiter, run.target.workers or 1, explained, run.plan.think_time_s)


def _found(code: str | None, result: EndpointResult, diagnosis: Diagnosis) -> bool:
    """Whether a finding says the rest, so that the verdict need not."""
    label = result.endpoint.label
    return any(f.code == code and f.endpoint == label for f in diagnosis.findings)


def _noted(limiter: Limiter, note: str) -> str:
    """What limits the endpoint, or a whole of which it is a part: the note says which part."""
    return f"{name_of(limiter)}; {note}"


def _grouped(diagnosis: Diagnosis, width: int) -> RenderableType:
    lines = []
    for kind in NAMES:
        group = [result for result in diagnosis.endpoints if _decided(result) == kind]
        if group:
            lines.append(_group(kind, group, width))
    undecided = [result for result in diagnosis.endpoints if _decided(result) is None]
    for result in undecided[:LISTED]:
        label = _name(result)
        lines.append(prose(f"{label}: {sentence(result, diagnosis)}", width, hang="  "))
    if len(undecided) > LISTED:
        lines.append(prose(f"and {len(undecided) - LISTED} more without a verdict", width))
    return Group(*lines)


def _decided(result: EndpointResult) -> LimiterKind | None:
    if result.trouble or result.steady is None or result.limiter is None:
        return None
    return result.limiter.kind


def _group(kind: LimiterKind, group: Sequence[EndpointResult], width: int) -> Text:
    def rate(result: EndpointResult) -> float:
        return (result.steady and result.steady.rate_rps) or 0.0

    slowest = sorted(group, key=rate)
    low, high = number(rate(slowest[0])), number(rate(slowest[-1]))
    text = f"Limited by {NAMES[kind]}: {plural(len(group), 'endpoint')}"
    text += f" at {span(low, high)} req/s"
    if kind not in OF_THE_LOAD:
        named = [_name(result) for result in slowest[:NAMED]]
        more = [f"{len(group) - NAMED} more"] if len(group) > NAMED else []
        text += f": {in_words(named + more)}"
    return prose(text, width, hang="  ", style=_style(group[0]))


def _name(result: EndpointResult) -> str:
    return shorten(clean(result.endpoint.label), LABEL).replace(" ", TIE)
