"""Blocking calls that do not wait: by their arguments, by what was asked before, or in a thread."""

import pytest


@pytest.mark.parametrize(
    "call",
    [
        "time.sleep(0)",
        "items.get(False)",
        "items.get(block=False)",
        "items.get(timeout=0)",
        "done.result(0)",
        "os.waitpid(1, os.WNOHANG)",
        "threads.shutdown(wait=False)",
    ],
)
def test_a_call_that_is_told_not_to_wait_does_not_block(scanned, call):
    source = (
        "import os, queue, time\nfrom concurrent.futures import Future, ThreadPoolExecutor\n"
        "async def f(items: queue.Queue, done: Future, threads: ThreadPoolExecutor):\n    CALL\n"
    )
    assert scanned(main=source.replace("CALL", call)) == ()
    waiting = "items.get()\n    done.result(1)\n    threads.shutdown()"
    names = [each.call for each in scanned(main=source.replace("CALL", waiting))]
    assert names == [
        "queue.Queue.get",
        "concurrent.Future.result",
        "concurrent.ThreadPoolExecutor.shutdown",
    ]


READY = """\
    import os, queue, subprocess, threading, time
    from concurrent.futures import Future, as_completed
    async def f(items: queue.Queue, done: Future, thread: threading.Thread,
                child: subprocess.Popen, event: threading.Event, others: queue.Queue):
        BODY
"""


@pytest.mark.parametrize(
    "body",
    [
        "if not items.empty(): items.get()",
        "while not items.empty(): items.get()",
        "while items.qsize() > 0: items.get()",
        "if items.qsize():\n            items.get()",
        "if items.qsize() != 0 and event: items.get()",
        "if items.empty(): pass\n        else: items.get()",
        "if items.empty() is True or event: return\n        items.get()",
        "while True:\n            if items.empty(): break\n            items.get()",
        "return items.get() if not items.empty() else None",
        "if done.done(): done.result()",
        "if not thread.is_alive(): thread.join()",
        "while thread.is_alive(): print(1)\n        thread.join()",
        "if child.poll() is not None: child.wait()",
        "if event.is_set(): event.wait()",
        "for each in as_completed([done], timeout=0): each.result()",
    ],
)
def test_what_is_asked_first_whether_it_would_wait_does_not_block(scanned, body):
    assert scanned(main=READY.replace("BODY", body)) == ()


@pytest.mark.parametrize(
    "body",
    [
        "if items.empty(): items.get()",
        "if items.qsize() == 0: items.get()",
        "if not others.empty(): items.get()",
        "if not items.empty() or event: items.get()",
        "if not items.empty(): pass\n        items.get()",
        "while thread.is_alive(): break\n        thread.join()",
        "if thread.is_alive(): thread.join()",
        "if child.poll() is None: child.wait()",
    ],
)
def test_what_is_asked_of_something_else_or_says_that_it_would_wait_blocks(scanned, body):
    assert len(scanned(main=READY.replace("BODY", body))) == 1


STREAMED = """\
    import asyncio, time
    from fastapi.responses import StreamingResponse
    from starlette.concurrency import iterate_in_threadpool
    def lines(text=""):
        time.sleep(1)
        yield text
    def numbered(given):
        yield from given
    def ready():
        time.sleep(1)
        return [1]
    async def f():
        BODY
"""


@pytest.mark.parametrize(
    ("body", "is_told"),
    [
        ("return StreamingResponse(lines())", False),
        ("return StreamingResponse(content=lines(), media_type='text/plain')", False),
        ("made = lines()\n        return StreamingResponse(made)", False),
        ("return StreamingResponse(numbered(lines()))", False),
        (
            "made = lines()\n        made = numbered(made)\n        return StreamingResponse(made)",
            False,
        ),
        ("iterate_in_threadpool(lines())", False),
        ("await asyncio.to_thread(list, lines())", False),
        ("return StreamingResponse(ready())", True),
        ("return StreamingResponse(lines(ready()))", True),
        ("return StreamingResponse(list(lines()))", True),
        ("for line in lines(): print(line)\n        return StreamingResponse([])", True),
    ],
)
def test_a_plain_generator_runs_in_a_thread_where_a_response_streams_it(scanned, body, is_told):
    found = scanned(main=STREAMED.replace("BODY", body))
    assert [call.call for call in found] == ["time.sleep"] * is_told


LEAVING = """\
    import asyncio, contextlib, sqlite3, tempfile
    from concurrent.futures import ThreadPoolExecutor, as_completed
    class Work:
        def __init__(self):
            self.pool = ThreadPoolExecutor()
            self.stack = contextlib.AsyncExitStack()
        async def f(self, work, kept: ThreadPoolExecutor, rows: sqlite3.Connection):
            BODY
"""


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ("with ThreadPoolExecutor() as pool: pool.submit(work)", ["ThreadPoolExecutor.__exit__"]),
        ("with kept: kept.submit(work)", ["ThreadPoolExecutor.__exit__"]),
        ("self.stack.enter_context(self.pool)", ["ThreadPoolExecutor.__exit__"]),
        ("with ThreadPoolExecutor() as pool: await run(pool, work)", []),
        (
            "with ThreadPoolExecutor() as pool:\n"
            "                for done in as_completed([pool.submit(work)]): done.result()",
            ["as_completed"],
        ),
        (
            "held = tempfile.TemporaryDirectory() if work else contextlib.nullcontext()\n"
            "            with held: await work()",
            ["TemporaryDirectory", "TemporaryDirectory.__exit__"],
        ),
        ("with rows: pass", ["Connection.__exit__"]),
        ("async with kept: pass", []),
    ],
)
def test_what_a_with_waits_for_as_it_ends(scanned, body, names):
    found = [call.call for call in scanned(main=LEAVING.replace("BODY", body))]
    assert [name.partition(".")[2].removeprefix("futures.") for name in found] == names


def test_a_callback_of_a_future_gets_a_done_one(scanned):
    source = """\
        from concurrent.futures import Future
        def tell(done: Future):
            print(done.result())
        async def f(future: Future):
            future.add_done_callback(tell)
        async def g(future: Future):
            CALL
        """
    assert scanned(main=source.replace("CALL", "pass")) == ()
    [call] = scanned(main=source.replace("CALL", "future.result()"))
    assert call.line == 7


@pytest.mark.parametrize(
    ("call", "is_told"),
    [
        ("done_future.result(5)", True),
        ("self.future.exception(timeout=limit)", True),
        ("future.result(timeout=0)", False),
        ("future.result()", False),  # asyncio's, which takes none, or one that is done
        ("report.result(5)", False),
    ],
)
def test_a_future_by_name_that_is_told_how_long_to_wait_is_not_certain(scanned, call, is_told):
    found = scanned(main=f"async def f(self, future, done_future, report, limit):\n    {call}\n")
    assert [each.certain for each in found] == [False] * is_told


def test_waiting_for_what_is_named_as_a_pool_is_not_certain(scanned):
    source = "async def f(app):\n    app.state.thread_pool.shutdown(CALL)\n"
    [call] = scanned(main=source.replace("CALL", "wait=True"))
    assert (call.call, call.certain) == ("concurrent.ThreadPoolExecutor.shutdown", False)
    assert scanned(main=source.replace("CALL", "wait=False")) == ()


MEMORY = """\
import sqlite3
class Shop:
    def __init__(self):
        self.db: sqlite3.Connection = sqlite3.connect(WHERE)
    async def count(self):
        with self.db:
            self.db.execute("SELECT 1")
        self.db.cursor().execute("SELECT 1")
async def f():
    db = sqlite3.connect(WHERE)
    db.execute("SELECT 1")
    Shop()
"""


def test_nobody_waits_for_a_database_in_memory(scanned):
    assert scanned(main=MEMORY.replace("WHERE", "':memory:'")) == ()
    assert len(scanned(main=MEMORY.replace("WHERE", "'shop.db'"))) == 6


def test_a_datagram_is_only_put_in_a_buffer(scanned):
    source = """\
        import socket
        async def f(where):
            told = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            told.sendto(b"", where)
            told.sendall(b"")
        """
    assert [call.brief for call in scanned(main=source)] == [True]
    connecting = source.replace('sendall(b"")', "connect(where)")
    assert len(scanned(main=connecting)) == 1
    assert len(scanned(main=connecting.replace("DGRAM", "STREAM"))) == 2
    assert len(scanned(main=source.replace('sendall(b"")', "recv(5)"))) == 2
