# ruff: noqa: E501
"""What a loop awaits that was started before."""

import pytest

from .conftest import OnlySite

WORK = """
    import asyncio
    async def work(x): return x
    async def f(xs):
        found = []
        loop = asyncio.get_running_loop()
        {before}
        for {each} in {over}:
            {body}
        return found
"""
KEEP = "found.append(await task)"

STARTED = {
    "as they complete": ("pass", "task", "asyncio.as_completed([work(x) for x in xs])", KEEP, "independent"),
    "as they complete, with a bar": ("pass", "task", "tqdm(asyncio.as_completed([work(x) for x in xs]))", KEEP, "independent"),
    "tasks made at once": ("tasks = [asyncio.create_task(work(x)) for x in xs]", "task", "tasks", KEEP, "independent"),
    "tasks made one by one": ("tasks = []; tasks.append(asyncio.create_task(work(1)))", "task", "tasks", KEEP, "independent"),
    "tasks by name": ("tasks = {1: asyncio.create_task(work(1))}", "name, task", "tasks.items()", KEEP, "independent"),
    "tasks stored by name": ("tasks = {}; tasks[1] = asyncio.ensure_future(work(1))", "task", "tasks.values()", KEEP, "independent"),
    "threads, beside what they are for": ("tasks = []; task = loop.run_in_executor(None, len, xs); tasks.append((1, task))", "x, task", "tasks", KEEP, "independent"),
    "the part of each that was not started": ("tasks = []; task = loop.run_in_executor(None, len, xs); tasks.append((work(1), task))", "task, x", "tasks", KEEP, "likely"),
    "coroutines": ("tasks = [work(x) for x in xs]", "task", "tasks", KEEP, "likely"),
    "some that were not": ("tasks = [asyncio.create_task(work(1))]; tasks.append(work(2))", "task", "tasks", KEEP, "likely"),
    "what others gave": ("tasks = xs", "task", "tasks", KEEP, "likely"),
    "results that are dropped": ("tasks = [asyncio.create_task(work(x)) for x in xs]", "task", "tasks", "await task", "likely"),
    "the first of them": ("tasks = [asyncio.create_task(work(x)) for x in xs]", "task", "tasks", "return await task", "dependent"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("before", "each", "over", "body", "verdict"), STARTED.values(), ids=STARTED
)
def test_what_was_started_runs_already(
    only_site: OnlySite, before: str, each: str, over: str, body: str, verdict: str
) -> None:
    site = only_site(WORK.format(before=before, each=each, over=over, body=body))
    assert site.verdict == verdict, site.reason
    assert site.remedy == "none"
