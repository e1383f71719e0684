"""The event loop: blocked by a call, or busy computing."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from asyncperf.analysis.capacity import THREAD_TOKENS
from asyncperf.analysis.findings.evidence import Evidence, Spot
from asyncperf.analysis.findings.gains import at_most, with_queue, without
from asyncperf.analysis.findings.short_waits import (
    ShortWaits,
    short_waits,
    spot_of,
    stalled_lines,
    told_by,
)
from asyncperf.analysis.findings.shown_calls import calls_of, named
from asyncperf.analysis.findings.stalls import (
    GRAVE,
    Blamed,
    after_answer,
    blamed,
    called_by_loop,
    damage,
    in_background,
    share_of,
)
from asyncperf.analysis.findings.words import (
    damage_said,
    in_words,
    rate,
    sentence,
    share,
    spoken,
)
from asyncperf.analysis.mva import Queue
from asyncperf.analysis.prediction import LOOP, THREADS
from asyncperf.insight import Frame
from asyncperf.probe.record_format import UNNAMED
from asyncperf.results import Finding, Severity

# At four fifths of its time a loop already keeps what comes waiting for four times as long as
# it works on it (M/M/1: U / (1 - U); Lazowska et al., 1984, section 3.3).
BUSY = 0.8
# Of that, so much is the machine's part and worth naming: no CPU was free for the loop.
CROWDED = 0.1
# FastAPI and uvicorn take some 0.12 to 0.3 ms for a request by themselves; an endpoint that
# takes less than this has little of its own to save.
FRAMEWORK_S = 0.001

# What takes this share of the loop's time is named, of the first few; and what takes most of it is
# the line to change.
NAMED = 0.1
MOST_NAMED = 3
MOSTLY = 0.5

NO_THREADS = (
    "A thread would not mend it: Python runs one thread at a time. Compute less, or once and "
    "keep the result, or compute in another process (`ProcessPoolExecutor`)"
)
# What the source of a line that hashes a password says: the standard library, its packages, or
# the names that FastAPI's tutorial uses. All of these release Python's lock.
HASHES = re.compile(r"scrypt|pbkdf2|bcrypt|argon2|hashpw|checkpw|passw|pwd", re.IGNORECASE)
HASHING = (
    "Hashing a password releases Python's lock, so a thread frees the loop (`asyncio.to_thread`, "
    "or a plain `def` function). It takes as much CPU there"
)
NATIVE_CALL = (
    "Where it is a call that releases Python's lock (hashing, compression, NumPy; not json, not a "
    "regular expression), `asyncio.to_thread` frees the loop. Otherwise "
)
UNSHOWN = (
    "The source shows no call that is known to wait: look for a driver or a client that is not "
    "asynchronous. A virtual machine whose CPUs are given to others looks like this as well"
)
# What the loop calls by itself has no line that could await.
HAND_OVER = (
    "What has the loop call it (`call_soon`, `call_later`, `call_at`, `add_done_callback`, "
    "`add_reader`) can have it call a function that hands this to a thread "
    "(`loop.run_in_executor`), or start a task that awaits an asynchronous version"
)


def loop_blocked(evidence: Evidence) -> Iterable[Finding]:
    """A call that waits on the event loop: in it no other request goes on."""
    short = short_waits(evidence)
    for stalls in blamed(evidence, waiting=True):
        spot, what = _spot(evidence, stalls)
        part = share_of(stalls, evidence.inside) if evidence.inside else 0.0
        mean_s = stalls.own_s / max(1, evidence.answered)
        shorter, figures = "", _evidence(stalls, part)
        if short is not None and _tells(evidence, spot, short):
            shorter = f" Besides, {_in_short(short)}."
            figures |= {"waited_s": short.mean_s, "waited_share": short.part}
            part, mean_s, short = min(1.0, part + short.part), mean_s + short.mean_s, None
        cost = evidence.cost(mean_s, queues_s={LOOP: mean_s})
        advice = "Await an asynchronous version of the call"
        if called_by_loop(evidence, stalls) is not None:
            advice = HAND_OVER
        if cost.gain:
            advice += f": {cost.gain}"
        if not in_background(stalls):
            plain = "background task" if after_answer(evidence, stalls) else "endpoint"
            moved = in_threads(evidence, mean_s)
            advice += f"; in threads (a plain `def` {plain}, `asyncio.to_thread`) {moved}"
        suffers = damage(evidence, stalls)
        yield Finding(
            code="loop-blocked",
            severity=severity(part),
            endpoint=_label(evidence, stalls),
            **spot._asdict(),
            message=(
                f"{what} blocks the event loop for {spoken(mean_length(stalls))} at a time, "
                f"{len(stalls.records):,} times in {_span(evidence)}: "
                f"{share(figures['loop_share'])} of the loop's time.{shorter}"
                f"{damage_said(suffers)}"
            ),
            advice=f"{advice}.",
            evidence=figures,
            suffers=suffers,
            fix_kind="await-or-thread",
            predicted=cost.predicted,
            cost_ms_per_request=cost.ms_per_request,
            cost_rps=cost.rps,
        )


def _tells(evidence: Evidence, spot: Spot, short: ShortWaits) -> bool:
    """Whether the finding on the stalls of that line is that on the short waits too."""
    at = spot_of(evidence, short)[:2]
    return spot[:2] == at and told_by(evidence, short) == evidence.index


def _in_short(short: ShortWaits) -> str:
    return (
        f"requests keep the event loop for {spoken(short.mean_s)} each without computing, "
        f"{share(min(1.0, short.part))} of its time: calls that wait, each for less than 20 ms"
    )


def loop_blocked_in_short(evidence: Evidence) -> Iterable[Finding]:
    """Calls that block the event loop for less than a stall each, but often: once for a load, and
    not where a line that makes stalls as well tells of them."""
    short = short_waits(evidence) if evidence.first else None
    if short is None or told_by(evidence, short) is not None:
        return
    mean_s, calls = short.mean_s, short.calls
    cost = evidence.cost(mean_s, queues_s={LOOP: mean_s})
    advice = f"{UNSHOWN}{_stalling(evidence)}"
    if calls:
        gain = f": {cost.gain}" if cost.gain else ""
        advice = (
            f"The source shows what may wait there: {named(evidence, calls)}. Await an "
            f"asynchronous version{gain}; in threads (a plain `def` endpoint, "
            f"`asyncio.to_thread`) {in_threads(evidence, mean_s)}"
        )
    yield Finding(
        code="loop-blocked",
        severity=severity(short.part) if short.lasting else "info",
        endpoint=evidence.everyone,
        **spot_of(evidence, short)._asdict(),
        message=sentence(_in_short(short)),
        advice=f"{advice}.",
        evidence={"waited_s": mean_s, "loop_share": short.part, "calls": float(len(calls))},
        fix_kind="await-or-thread",
        predicted=cost.predicted,
        cost_ms_per_request=cost.ms_per_request,
        cost_rps=cost.rps,
    )


def _stalling(evidence: Evidence) -> str:
    """The lines that were seen to block for longer, which may make shorter waits too."""
    lines = dict.fromkeys(f"{spot.file}:{spot.line}" for _, spot in stalled_lines(evidence))
    return f". What blocks it for longer may do that as well: {in_words(list(lines))}" * bool(lines)


def loop_busy(evidence: Evidence) -> Iterable[Finding]:
    """Code that computes on the event loop: by the line, if it does so for long at a time; else
    by all that a request takes, if the loop has no time left."""
    found = blamed(evidence, waiting=False)
    for stalls in found:
        spot, what = _spot(evidence, stalls)
        part = share_of(stalls, evidence.inside) if evidence.inside else 0.0
        mean_s = stalls.own_s / max(1, evidence.answered)
        cost = evidence.cost(mean_s, mean_s, {LOOP: mean_s})
        suffers = damage(evidence, stalls)
        gained = f"; without it, {cost.gain}" if cost.gain else ""
        advice = f"{_no_threads(NATIVE_CALL if stalls.native else '')}{gained}."
        fix_kind = "compute-less-or-elsewhere"
        if stalls.native and _hashes(evidence, stalls):
            fix_kind = "thread"
            cpus = evidence.run.machine.cpus
            cost = at_most(cost, cpus / mean_s)
            advice = f"{HASHING}: at most {rate(cpus / mean_s)} on {cpus} CPUs."
        yield Finding(
            code="loop-busy",
            severity=severity(part),
            endpoint=_label(evidence, stalls),
            **spot._asdict(),
            message=(
                f"{what} computes on the event loop for {spoken(mean_length(stalls))} at a time, "
                f"{len(stalls.records):,} times in {_span(evidence)}: {share(part)} of the "
                f"loop's time.{damage_said(suffers)}"
            ),
            advice=advice,
            evidence=_evidence(stalls, part),
            suffers=suffers,
            fix_kind=fix_kind,
            predicted=cost.predicted,
            cost_ms_per_request=cost.ms_per_request,
            cost_rps=cost.rps,
        )
    if not found:
        yield from _no_time_left(evidence)


def _hashes(evidence: Evidence, stalls: Blamed) -> bool:
    frame, verdicts = stalls.frame, evidence.run.verdicts
    if frame is None or verdicts is None:
        return False
    return HASHES.search(verdicts.line(frame.file, frame.line)) is not None


def _no_time_left(evidence: Evidence) -> Iterable[Finding]:
    inside, requests = evidence.inside, evidence.requests
    if inside is None or requests is None or not inside.ticked_s or not _takes_most(evidence):
        return
    if evidence.mostly_failed:
        return
    cpu, delay = inside.cpu_share, inside.delay_share
    if cpu + delay < BUSY:
        return
    mean_s = float(np.mean(requests["loop_s"] - requests["gc_s"]))
    loop_s = inside.loop_cpu_s / max(1, evidence.answered)
    cost = evidence.cost(loop_s * evidence.shares[evidence.index])
    crowded = (
        f" For {share(delay)} of the time no CPU was free for it: the machine is too small for "
        f"its {_workers(inside.workers)} and all else that runs."
        if delay >= CROWDED
        else ""
    )
    little = mean_s < FRAMEWORK_S
    cpus = evidence.run.machine.cpus
    spot, seen = _seen(evidence)
    yield Finding(
        code="loop-busy",
        severity="info" if little or delay > cpu else "warning",
        endpoint=evidence.label,
        **(spot or evidence.handler)._asdict(),
        message=(
            f"The event loop had work for {share(min(1.0, cpu + delay))} of the time; a request "
            f"keeps it for {spoken(mean_s)}.{seen}{crowded}"
        ),
        advice=(
            "That is little more than FastAPI itself takes: more workers help, up to the "
            f"{cpus} CPUs; threads do not."
            if little
            else f"{_no_threads('' if seen else _shown(evidence))}; more workers help, up to the "
            f"{cpus} CPUs."
        ),
        evidence={"loop_cpu": cpu, "cpu_wait": delay, "loop_s": mean_s},
        fix_kind="compute-less-or-elsewhere",
        cost_ms_per_request=cost.ms_per_request,
    )


def _seen(evidence: Evidence) -> tuple[Spot | None, str]:
    """The line of the function that has most of the loop's time, if one has; and what took how
    much, in words."""
    found = evidence.result.breakdown
    if found is None or not found.on_loop:
        return None, ""
    spot, texts = None, []
    for part in found.on_loop[:MOST_NAMED]:
        inside = f"in {part.inside}" if part.inside else ""
        if part.file is not None and part.line is not None:
            frame = Frame(part.file, part.line, part.function or "")
            inside = f"at {evidence.shown(frame.file)}:{frame.line}{inside and ', '}{inside}"
            if part.share > MOSTLY:
                spot = evidence.spot(frame)
        if part.share >= NAMED:
            texts.append(f"{share(part.share)} {inside}")
    samples = sum(part.samples for part in found.on_loop)
    return (
        spot,
        f" Of the time that it worked {'; '.join(texts)} ({samples:,} samples)." if texts else "",
    )


def _no_threads(begin: str) -> str:
    """That threads do not help, after what is to be said before it."""
    inside = begin.endswith(NATIVE_CALL)
    return begin + (f"{NO_THREADS[0].lower()}{NO_THREADS[1:]}" if inside else NO_THREADS)


def _shown(evidence: Evidence) -> str:
    """The calls behind the endpoint that may be a part of it."""
    calls = calls_of(evidence, [evidence.index])
    if not calls:
        return NATIVE_CALL
    native = NATIVE_CALL if any(call.blocks == "cpu" for call in calls) else ""
    return f"The source shows calls there that keep it: {named(evidence, calls)}. {native}"


def _takes_most(evidence: Evidence) -> bool:
    """Whether no other endpoint of the load takes more of the loop."""
    inside = evidence.inside
    if inside is None or evidence.alone:
        return True
    owners = inside.owners(inside.requests, "number")
    taken = [
        float(inside.requests["loop_s"][owners == index].sum())
        for index in range(len(evidence.together))
    ]
    return taken[evidence.index] == max(taken)


def _workers(count: int) -> str:
    return "worker" if count == 1 else f"{count} workers"


def mean_length(stalls: Blamed) -> float:
    return stalls.own_s / len(stalls.records)


def severity(part: float) -> Severity:
    return "error" if part >= GRAVE else "warning"


def _span(evidence: Evidence) -> str:
    return f"{evidence.inside.span_s:.0f} s" if evidence.inside else ""


def _label(evidence: Evidence, stalls: Blamed) -> str:
    return evidence.everyone if in_background(stalls) else evidence.label


def in_threads(evidence: Evidence, mean_s: float) -> str:
    """What threads would allow: they wait as long, but 40 at a time."""
    now = evidence.demands
    if now is None or evidence.rate_rps is None:
        return f"at most {rate(evidence.workers * THREAD_TOKENS / mean_s)}"
    held = now.queues.get(THREADS, Queue(0.0, THREAD_TOKENS))
    longer = replace(held, demand_s=held.demand_s + mean_s)
    moved = with_queue(without(now, queues_s={LOOP: mean_s}), THREADS, longer)
    return evidence.cost_of(now, moved, mean_s).gain or "nothing would be gained"


def _spot(evidence: Evidence, stalls: Blamed) -> tuple[Spot, str]:
    """The line to change, and a name for it at the beginning of a sentence."""
    frame = stalls.frame
    if (called := called_by_loop(evidence, stalls)) is not None:
        return _by_loop(evidence, stalls, called)
    whose = "A task in the background" if in_background(stalls) else "This line"
    if after_answer(evidence, stalls):
        whose += ", in a background task after the answer,"
    if frame is not None and stalls.users:
        return evidence.spot(frame), whose
    inner = "Something"
    if frame is not None:
        inner = f"{frame.function} ({evidence.shown(frame.file)}:{frame.line})"
    if in_background(stalls):
        return Spot(), inner
    return evidence.handler, f"{inner}, called for this endpoint,"


def _by_loop(evidence: Evidence, stalls: Blamed, called: str) -> tuple[Spot, str]:
    """The same of what the loop itself calls: where it was handed over, if that was seen, or if
    the source shows one such place alone."""
    unnamed = called == UNNAMED
    what = "A callback of the event loop that is no Python function" if unnamed else called
    if stalls.users:
        return evidence.spot(stalls.frame), f"{what}, which this line has the event loop call,"
    calls = calls_of(evidence, range(len(evidence.together)))
    shown = [call for call in calls if call.by_loop and (unnamed or call.call == called)]
    if len(shown) != 1:
        return Spot(), what if unnamed else f"{what}, called back by the event loop,"
    [call] = shown
    spot = Spot(evidence.shown(call.file), call.line, call.chain[-1].function)
    if unnamed:
        return spot, f"{what} (by the source {call.call}, which this line has it call)"
    return spot, f"{what}, which by the source this line has the event loop call,"


def _evidence(stalls: Blamed, part: float) -> dict[str, float]:
    return {
        "stalls": float(len(stalls.records)),
        "mean_s": mean_length(stalls),
        "longest_s": stalls.longest_s,
        "loop_share": part,
    }
