"""The spans that rewritten awaits record: of which await, in which task, within which span."""

import asyncio
import sys

import pytest

from asyncperf.probe import awaits
from asyncperf.probe.notes import read_notes

from .detail import Detail, limit, rewritten, run

PRELUDE = """
import asyncio, contextlib, functools
async def leaf(n=0):
    await asyncio.sleep(n)
    return n
async def helper(n=0):
    return await leaf(n)
async def fails():
    raise ValueError("no")
async def numbers():
    yield 1
    yield await leaf()
class Session:
    async def __aenter__(self): return self
    async def __aexit__(self, *error): await leaf()
"""
SLEEP = "await asyncio.sleep(n)"
LEAF = [(0, "await leaf()", "leaf", "returned"), (1, SLEEP, "sleep", "returned")]
TASK = [(0, None, "leaf", "returned"), (1, SLEEP, "sleep", "returned")]

# What is done, and its spans: how deep, of which await (None: a task), what it calls, how it
# ended. A task lies within the span that it was created in.
TRUTH = {
    "await": ("await leaf()", LEAF),
    "helper": (
        "await helper()",
        [
            (0, "await helper()", "helper", "returned"),
            (1, "await leaf(n)", "leaf", "returned"),
            (2, SLEEP, "sleep", "returned"),
        ],
    ),
    "one after another": ("await leaf(); await leaf()", [*LEAF, *LEAF]),
    "error": (
        "with contextlib.suppress(ValueError): await fails()",
        [(0, "await fails()", "fails", "raised")],
    ),
    "future": (
        "f = asyncio.get_running_loop().create_future(); f.set_result(1); await f",
        [(0, "await f", None, "returned")],
    ),
    "task": (
        "t = asyncio.create_task(leaf()); await t",
        [(0, "await t", "leaf", "returned"), *TASK],
    ),
    "gather": (
        "await asyncio.gather(leaf(), leaf())",
        [
            (0, "await asyncio.gather(leaf(), leaf())", None, "returned"),
            (0, None, "leaf", "returned"),
            (1, SLEEP, "sleep", "returned"),
            (0, None, "leaf", "returned"),
            (1, SLEEP, "sleep", "returned"),
        ],
    ),
    "task group": (
        "async with asyncio.TaskGroup() as g: g.create_task(leaf())",
        [
            (0, "async with asyncio.TaskGroup()", "TaskGroup.__aenter__", "returned"),
            (0, "async with asyncio.TaskGroup()", "TaskGroup.__aexit__", "returned"),
            *TASK,
        ],
    ),
    "AnyIO's task group": (
        "async with anyio.create_task_group() as g: g.start_soon(leaf)",
        [
            (0, "async with anyio.create_task_group()", "TaskGroup.__aenter__", "returned"),
            (0, "async with anyio.create_task_group()", "TaskGroup.__aexit__", "returned"),
            *TASK,
        ],
    ),
    "task of a helper": (
        "async def start(): await asyncio.wait([asyncio.create_task(leaf())])\nawait start()",
        [
            (0, "await start()", "start", "returned"),
            (1, "await asyncio.wait([asyncio.create_task(leaf())])", "wait", "returned"),
            (1, None, "leaf", "returned"),
            (2, SLEEP, "sleep", "returned"),
        ],
    ),
    "async for": (
        "async for n in numbers(): pass",
        [
            (0, "async for n in numbers()", "numbers", "returned"),
            (0, "async for n in numbers()", "numbers", "returned"),
            (1, "await leaf()", "leaf", "returned"),
            (2, SLEEP, "sleep", "returned"),
            (0, "async for n in numbers()", "numbers", "returned"),
        ],
    ),
    "comprehension": (
        "[n async for n in numbers()]",
        [
            (0, "async for n in numbers()", "numbers", "returned"),
            (0, "async for n in numbers()", "numbers", "returned"),
            (1, "await leaf()", "leaf", "returned"),
            (2, SLEEP, "sleep", "returned"),
            (0, "async for n in numbers()", "numbers", "returned"),
        ],
    ),
    "async with": (
        "async with Session(): await leaf()",
        [
            (0, "async with Session()", "Session.__aenter__", "returned"),
            *LEAF,
            (0, "async with Session()", "Session.__aexit__", "returned"),
            (1, "await leaf()", "leaf", "returned"),
            (2, SLEEP, "sleep", "returned"),
        ],
    ),
    "cancelled task": (
        "t = asyncio.create_task(leaf(9)); await asyncio.sleep(0); t.cancel()\n"
        "with contextlib.suppress(asyncio.CancelledError): await t",
        [
            (0, "await asyncio.sleep(0)", "sleep", "returned"),
            (0, None, "leaf", "cancelled"),
            (1, SLEEP, "sleep", "cancelled"),
            (0, "await t", "leaf", "cancelled"),
        ],
    ),
    "timeout": (
        "with contextlib.suppress(TimeoutError): await asyncio.wait_for(leaf(9), 0.001)",
        [
            (0, "await asyncio.wait_for(leaf(9), 0.001)", "wait_for", "raised"),
            *(
                [(1, SLEEP, "sleep", "cancelled")]
                if sys.version_info >= (3, 12)  # it needs no task
                else [(1, None, "leaf", "cancelled"), (2, SLEEP, "sleep", "cancelled")]
            ),
        ],
    ),
    "a def on a thread": (
        "def blocks(): pass\nawait asyncio.to_thread(functools.partial(blocks))",
        [(0, "await asyncio.to_thread(functools.partial(blocks))", "blocks", "returned")],
    ),
    "Starlette's thread pool": (
        "class Asked:\n    def __call__(self): pass\nawait run_in_threadpool(Asked())",
        [(0, "await run_in_threadpool(Asked())", "Asked.__call__", "returned")],
    ),
    "dropped unfinished": (
        "c = leaf(9); it = c.__await__(); it.send(None); it.close()",
        [(0, SLEEP, "sleep", "cancelled")],
    ),
}
MORE = "import anyio\nfrom starlette.concurrency import run_in_threadpool\n"


def spans_of(body, detail=None):
    lines = "\n".join("    " + line for line in body.split("\n"))
    detail = detail or Detail()
    run(rewritten(f"{PRELUDE}{MORE}\nasync def main():\n{lines}\n"), {}, detail)
    return detail.spans


def depth(span, spans):
    return 0 if span.parent == span.span else 1 + depth(spans[span.parent], spans)


@pytest.mark.parametrize("construct", TRUTH)
def test_what_is_recorded(hooked, construct):
    body, expected = TRUTH[construct]
    spans = spans_of(body)
    found = [(depth(span, spans), span.site, span.callee, span.outcome) for span in spans]
    assert found == expected
    assert [span.span for span in spans] == list(range(len(spans)))
    for span in spans:
        assert span.start <= span.end
        around = spans[span.parent]
        assert around.start <= span.start
        if span.task == around.task:
            assert span.end <= around.end
        assert span.request == 7


def test_each_task_has_its_number_and_its_spans_lie_in_it(hooked):
    spans = spans_of("await asyncio.gather(leaf(0.02), leaf())\nawait leaf()")
    assert [(span.task, span.callee) for span in spans] == [
        (0, None),
        (1, "leaf"),
        (1, "sleep"),
        (2, "leaf"),
        (2, "sleep"),
        (0, "leaf"),
        (0, "sleep"),
    ]
    assert spans[3].end < spans[1].end


def test_beyond_the_bound_awaits_are_counted_alone(hooked, monkeypatch):
    limit(monkeypatch, MOST_SPANS=5)
    detail = Detail()
    spans = spans_of("for _ in range(10): await leaf()", detail)
    assert len(spans) == 5
    assert detail.request.detail == 1 + 15


def test_deep_recursion_does_not_use_up_the_stack(hooked, monkeypatch):
    limit(monkeypatch, DEEPEST=3)
    detail = Detail()
    source = "async def deep(n): return n and await deep(n - 1)\nassert await deep(7) == 0"
    assert len(spans_of(source, detail)) == 3
    assert detail.request.detail == 1 + 5
    assert len(spans_of("await leaf(); await leaf()")) == 4  # not for ever


def test_a_loop_in_another_thread_is_left_out(hooked):
    spans = spans_of("await asyncio.to_thread(asyncio.run, leaf())")
    assert [span.site for span in spans] == ["await asyncio.to_thread(asyncio.run, leaf())"]


def test_what_is_not_in_detail_is_given_back_itself():
    things = (object(), asyncio.sleep, [], None)
    for function in (awaits.awaited, awaits.iterated, awaits.entered):
        assert all(function(0, thing) is thing for thing in things)


def test_a_probe_that_fails_says_so_and_the_await_goes_on(hooked, tmp_path):
    detail = Detail(str(tmp_path))

    def full(*place):
        raise OverflowError("no room")

    detail.recording.line = full
    assert spans_of("assert await leaf(0) == 0; await leaf()", detail) == []
    [found] = read_notes(tmp_path)
    assert (found["note"], found["error"]) == ("failed", "OverflowError('no room')")


def test_a_callee_that_cannot_be_found_out_breaks_nothing(hooked, tmp_path):
    source = """
class Odd:
    @property
    def get_coro(self): raise LookupError("odd")
    def __await__(self): return leaf(1e-3).__await__()
assert await Odd() == 1e-3"""
    detail = Detail(str(tmp_path))
    spans_of(source, detail)
    assert detail.timeline.broken
