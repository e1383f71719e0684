"""A rewritten program does what it did: written ones, and ones at random."""

import itertools
import linecache
import sys
import traceback
import warnings

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .detail import Detail, rewritten, run
from .programs import NO_SPANS, PROGRAMS, program


def behaviour(code, detail=None):
    """All that a program shows of itself: what it returns or raises, where, and its log."""
    module = {}
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            ended = ("returned", run(code, module, detail))
        except BaseException as error:
            ended = ("raised", *described(error))
    return ended, module.get("log"), sorted((str(w.message), w.filename, w.lineno) for w in warned)


def described(error):
    if error is None:
        return ()
    frames = [
        (frame.f_code.co_name, line)
        for frame, line in traceback.walk_tb(error.__traceback__)
        if frame.f_code.co_filename == "program.py" or "asyncperf" in frame.f_code.co_filename
    ]
    own = list(itertools.dropwhile(lambda frame: frame[0] in HARNESS, frames))
    if LOSES_FRAMES and error.__context__ is not None:
        own = own[:1]
    inner = [described(each) for each in getattr(error, "exceptions", ())]
    return type(error), str(error), own, described(error.__context__), inner


# Python 3.11 forgets the inner frames of an error that an await raises inside an `except`, where
# the coroutine has been resumed by the loop. Behind a span it does not.
LOSES_FRAMES = sys.version_info < (3, 12)
# What calls `main`.
HARNESS = ("run_main", "timed")


def both(source):
    linecache.cache["program.py"] = (
        len(source),
        None,
        source.splitlines(keepends=True),
        "program.py",
    )
    detail = Detail()
    plain = behaviour(compile(source, "program.py", "exec", dont_inherit=True))
    rewritten_plain = behaviour(rewritten(source))
    rewritten_detail = behaviour(rewritten(source), detail)
    assert not detail.timeline.broken
    return plain, rewritten_plain, rewritten_detail, detail


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_rewritten_program_behaves_as_it_did(hooked, name):
    plain, undetailed, detailed, detail = both(program(PROGRAMS[name]))
    assert undetailed == plain
    assert detailed == plain
    assert bool(detail.spans) == (name not in NO_SPANS)


# Programs at random.

ERRORS = ("ValueError", "KeyError", "asyncio.CancelledError")


VALUES = st.sampled_from(
    ["new(1)", "new(2, 3)", "Ready(3)", "Slow(4)", "old(5)", "asyncio.sleep(0, 6)"]
    + [f"bad({error}('e'))" for error in ERRORS]
    + [f"Ready({error}('r'))" for error in ERRORS]
    + ["asyncio.create_task(new(7, 2))", "asyncio.gather(new(8), new(9, 2))"]
)


EXPRESSIONS = st.recursive(
    st.builds("await {}".format, VALUES),
    lambda inner: st.one_of(
        st.builds("[({}), {}]".format, inner, inner),
        st.builds("await new(({}), 2)".format, inner),
        st.builds("[({}) async for _ in count(2)]".format, inner),
        st.builds("await asyncio.wait_for(new(({})), 5)".format, inner),
    ),
    max_leaves=4,
)


def block(statements):
    return "\n".join(statements).replace("\n", "\n    ")


# What has room for a block, an error's name, or a number.
COMPOUND = (
    "try:\n    {block}\nexcept {error} as e:\n    {other}",
    "try:\n    {block}\nfinally:\n    {other}",
    "async for i in count({number}):\n    {block}",
    "async for i in Items(1, {error}('i')):\n    {block}",
    "async with Manager('m', {number} == 1) as m:\n    {block}",
    "async with asyncio.TaskGroup() as g:\n    g.create_task(new(1, 3))\n    {block}",
    "async def f():\n    {block}\nlog.append(await f())",
    "async def f():\n    {block}\n    yield 1\nasync for y in f(): log.append(y)",
    "try:\n    async with asyncio.timeout(0): await new(1, 9)\nexcept TimeoutError:\n    {block}",
)


def compound(inner):
    blocks = st.lists(inner, min_size=1, max_size=3).map(block)
    return st.builds(
        str.format,
        st.sampled_from(COMPOUND),
        block=blocks,
        other=blocks,
        error=st.sampled_from(ERRORS),
        number=st.integers(0, 3),
    )


STATEMENTS = st.recursive(
    EXPRESSIONS.map("log.append({})".format) | st.sampled_from(["pass", "await asyncio.sleep(0)"]),
    compound,
    max_leaves=8,
)


@settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(STATEMENTS, min_size=1, max_size=4).map("\n".join))
def test_any_rewritten_program_behaves_as_it_did(hooked, body):
    plain, undetailed, detailed, _ = both(program(body))
    assert undetailed == plain
    assert detailed == plain
