"""At what the loop's thread is found, however short its steps are."""

import asyncio
import json
import threading
import time
from collections import Counter

import numpy as np
import pytest

from asyncperf.probe.accelerator import NATIVE
from asyncperf.probe.boundary import Boundary
from asyncperf.probe.record_format import NO_REQUEST
from asyncperf.probe.sampler import APART_S, told
from asyncperf.probe.worker import Worker
from asyncperf.probe_files import read_insight

pytestmark = pytest.mark.usefixtures("clean")
in_c = pytest.mark.skipif(NATIVE is None, reason="only the C parts can look")
ROWS = list(range(300))
# Of CPU time: some hundred looks.
LONG_S = 100 * APART_S


def squares(count):
    total = 0
    for number in range(count):
        total += number * number
    return total


def shorter(count):
    return squares(count // 2)


def texts():
    for _ in range(5):
        json.loads(json.dumps(ROWS))


def watched(folder, until_s=LONG_S):
    """Requests of some 0.5 ms that do all three until the thread has used so much CPU time, and
    what each of them used of it."""
    spent = Counter()

    def timed(work, *given):
        began = time.thread_time()
        work(*given)
        spent[work.__name__] += time.thread_time() - began

    async def app(scope, receive, send):
        timed(squares, 4000)
        timed(shorter, 4000)
        timed(texts)
        await asyncio.sleep(0)
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body"})

    async def send(message):
        pass

    async def main():
        boundary = Boundary(app, str(folder), Worker)
        while spent.total() < until_s:
            await boundary(
                {"type": "http", "method": "GET", "path": "/", "headers": []}, None, send
            )
        boundary.worker.close()

    asyncio.run(main())
    return read_insight(folder, time.time()), spent


@in_c
def test_short_steps_are_found_as_often_as_they_take_time(tmp_path):
    """Also where they are in C: the line that called is what the thread comes back to."""
    insight, spent = watched(tmp_path)
    seen: Counter[str] = Counter()
    for sample in insight.profile:
        stack = insight.stacks[sample["stack"]]
        if stack.blame is not None:
            seen[stack.frames[stack.blame].function] += 1
    ours = seen["squares"] + seen["shorter"]
    assert ours + seen["texts"] > 30
    share = (spent["squares"] + spent["shorter"]) / spent.total()
    assert ours / (ours + seen["texts"]) == pytest.approx(share, abs=0.2)
    of_recorded = np.isin(insight.profile["request"], insight.requests["number"])
    assert (of_recorded | (insight.profile["request"] == NO_REQUEST)).all()
    assert of_recorded.any()
    called = {f.function for s in insight.stacks for f in s.frames if "json" in f.file}
    assert called & {"dumps", "loads", "JSONEncoder.encode", "JSONEncoder.iterencode"}


@in_c
def test_it_stops_with_its_worker(tmp_path):
    before = threading.active_count()
    insight, _ = watched(tmp_path, until_s=10 * APART_S)
    assert threading.active_count() <= before + 2  # the watchdog's and the writer's
    assert (insight.profile["at"] <= insight.requests["end"].max() + 0.1).all()


def test_another_thread_than_the_main_one_is_not_looked_at(tmp_path):
    found = []
    thread = threading.Thread(target=lambda: found.append(watched(tmp_path, 5 * APART_S)))
    thread.start()
    thread.join()
    [(insight, _)] = found
    assert len(insight.requests) > 0
    assert len(insight.profile) == 0


def code(file, name="work", line=1):
    namespace = {}
    source = "\n" * (line - 1) + f"def {name}(): pass"
    exec(compile(source, file, "exec"), namespace)
    return namespace[name].__code__


OURS = code("/home/me/shop.py", "items", 10)
LIBRARY = code("/lib/python3.11/site-packages/httpx/client.py", "send", 20)
INNER = code("/lib/python3.11/site-packages/httpcore/pool.py", "wait", 30)
SERVER = code("/lib/python3.11/site-packages/uvicorn/http.py", "run", 40)
PROBE = code(told.__code__.co_filename, "taken")


def test_the_users_line_is_kept_with_what_it_called():
    frames = [(INNER, 33), (LIBRARY, 22), (OURS, 12), (SERVER, 44), (OURS, 99)]
    assert told(frames) == (
        ("/home/me/shop.py", 12, "items"),
        (LIBRARY.co_filename, 20, "send"),
        (INNER.co_filename, 30, "wait"),
    )


def test_where_no_line_is_the_users_the_function_is():
    assert told([(INNER, 33), (SERVER, 44)]) == ((INNER.co_filename, 30, "wait"),)
    assert told([]) == ()


def test_the_probe_is_passed_over():
    assert told([(PROBE, 1), (OURS, 12)]) == (("/home/me/shop.py", 12, "items"),)
