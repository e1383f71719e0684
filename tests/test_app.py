"""The experiment itself: four ways to run three tasks, and what they answer."""

import asyncio
import importlib.util
import inspect
import subprocess
import sys
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

APP = Path(__file__).parents[1] / "app.py"
ENDPOINTS = ("/sync_baseline", "/async_independent", "/async_dependent", "/async_concurrent")


@pytest.fixture(scope="module")
def app():
    """app.py as imported where a slow task takes a hundredth of a second."""
    spec = importlib.util.spec_from_file_location("experiment", APP)
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("SECONDS_TO_SLEEP", "0.01")
        spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/sync_baseline", "first, second, third"),
        ("/async_independent", "first, second, third"),
        # Only here each task is given the result of the one before it.
        ("/async_dependent", "first, first > second, first > second > third"),
        ("/async_concurrent", "first, second, third"),
    ],
)
def test_each_endpoint_answers_with_its_three_results(app, path, message):
    with TestClient(app.app) as client:
        response = client.get(path)
    assert response.status_code == 200
    assert response.json() == {"message": message}


def test_only_the_baseline_is_a_def(app):
    handlers = {route.path: route.endpoint for route in app.app.routes if route.path in ENDPOINTS}
    is_async = [inspect.iscoroutinefunction(handlers[path]) for path in ENDPOINTS]
    assert is_async == [False, True, True, True]


class Tasks:
    """Slow tasks that note how many of them are at work at the same time."""

    def __init__(self):
        self.at_work = 0
        self.most = 0
        self.order = []

    async def task(self, result):
        self.at_work += 1
        self.most = max(self.most, self.at_work)
        self.order.append(result)
        for _ in range(3):
            await asyncio.sleep(0)
        self.at_work -= 1
        return result


@pytest.fixture
def tasks(app, monkeypatch):
    """Count the tasks of the endpoints under test, instead of sleeping."""
    tasks = Tasks()
    monkeypatch.setattr(app, "slow_async_task", tasks.task)
    return tasks


@pytest.mark.parametrize(
    ("path", "at_once"),
    [("/async_independent", 1), ("/async_dependent", 1), ("/async_concurrent", 3)],
)
def test_how_many_tasks_run_at_once(app, tasks, path, at_once):
    with TestClient(app.app) as client:
        client.get(path)
    assert tasks.most == at_once
    assert len(tasks.order) == 3


@pytest.mark.parametrize(
    ("limit", "given", "at_once"), [(1, 5, 1), (2, 5, 2), (5, 5, 5), (10, 5, 5), (3, 0, 0)]
)
def test_gather_bounded_awaits_so_many_at_a_time(app, limit, given, at_once):
    tasks = Tasks()
    results = asyncio.run(app.gather_bounded(limit, *map(tasks.task, range(given))))
    assert results == list(range(given))
    assert tasks.most == at_once


def test_gather_bounded_gives_results_in_the_order_of_the_tasks(app):
    async def main():
        async def after(turns):
            for _ in range(turns):
                await asyncio.sleep(0)
            return turns

        return await app.gather_bounded(10, after(5), after(1), after(3))

    assert asyncio.run(main()) == [5, 1, 3]


def test_gather_bounded_raises_what_a_task_raises(app):
    async def fail():
        raise ValueError("no such item")

    with pytest.raises(ValueError, match="no such item"):
        asyncio.run(app.gather_bounded(2, fail()))


def test_a_slow_task_returns_its_argument(app):
    assert app.slow_task("result") == "result"
    assert asyncio.run(app.slow_async_task("result")) == "result"


# SECONDS_TO_SLEEP


@pytest.mark.parametrize(
    ("value", "seconds"),
    [(None, 5.0), ("5", 5.0), ("0.5", 0.5), ("0", 0.0), (" 1e-2 ", 0.01)],
)
def test_seconds_to_sleep(app, monkeypatch, value, seconds):
    monkeypatch.delenv("SECONDS_TO_SLEEP", raising=False)
    if value is not None:
        monkeypatch.setenv("SECONDS_TO_SLEEP", value)
    assert app.seconds_to_sleep() == seconds


@pytest.mark.parametrize("value", ["-1", "-0.5", "nan", "inf", "-inf", "", "five", "5s", "1,5"])
def test_a_bad_value_names_itself_and_what_to_try(app, monkeypatch, value):
    monkeypatch.setenv("SECONDS_TO_SLEEP", value)
    with pytest.raises(SystemExit) as caught:
        app.seconds_to_sleep()
    assert str(caught.value) == (
        f"SECONDS_TO_SLEEP must be a number of seconds, 0 or more, not {value!r}. "
        "Try SECONDS_TO_SLEEP=0.5"
    )


def test_a_bad_value_ends_the_import_without_a_traceback():
    done = subprocess.run(
        [sys.executable, "-c", "import app"],
        cwd=APP.parent,
        env={"SECONDS_TO_SLEEP": "five"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("SECONDS_TO_SLEEP must be a number")
    assert "'five'" in done.stderr
    assert "Traceback" not in done.stderr
