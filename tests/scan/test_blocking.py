"""Blocking calls that async code reaches, in small projects."""

from textwrap import dedent

import pytest

from asyncperf.scan import scan_paths

SLEEPY = """\
import time


def nap():
    time.sleep(1)
"""


@pytest.fixture
def scanned(tmp_path):
    """The blocking calls of files given by name."""

    def scan(**files):
        for name, source in files.items():
            file = tmp_path / f"{name}.py"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(dedent(source))
        found = scan_paths([tmp_path])
        assert not found.problems
        return found.blocking

    return scan


def chain_of(call):
    return [(step.file, step.line, step.function) for step in call.chain]


def test_a_call_of_an_async_function_itself(scanned):
    [call] = scanned(main="import time\nasync def wait():\n    time.sleep(1)\n")
    assert (call.file, call.line, call.column) == ("main.py", 3, 4)
    assert (call.call, call.blocks, call.certain, call.brief) == (
        "time.sleep",
        "sleep",
        True,
        False,
    )
    assert chain_of(call) == [("main.py", 3, "wait")]
    assert call.endpoints == ()


def test_three_calls_deep_and_across_files_with_a_re_export(scanned):
    [call] = scanned(
        **{"tools/__init__": "from .sleepy import nap\n", "tools/sleepy": SLEEPY},
        services="from tools import nap as rest\ndef pause():\n    rest()\n",
        main="""\
            import services
            def between():
                services.pause()
            async def wait():
                between()
            """,
    )
    assert chain_of(call) == [
        ("main.py", 5, "wait"),
        ("main.py", 3, "between"),
        ("services.py", 3, "pause"),
        ("tools/sleepy.py", 5, "nap"),
    ]


def test_the_shortest_chain_is_told_and_the_others_are_counted(scanned):
    [call] = scanned(
        sleepy=SLEEPY,
        main="""\
            from sleepy import nap
            def longer():
                nap()
            async def first():
                longer()
            async def second():
                nap()
            async def third():
                nap()
            """,
    )
    assert [step.function for step in call.chain] == ["second", "nap"]
    assert call.callers == 3


def test_an_async_function_that_calls_another_is_not_told_again(scanned):
    [call] = scanned(
        main="""\
            import time
            async def inner():
                time.sleep(1)
            async def outer():
                await inner()
            """
    )
    assert [step.function for step in call.chain] == ["inner"]


@pytest.mark.parametrize(
    "body",
    [
        "class A:\n    def nap(self):\n        time.sleep(1)\nasync def f(a: A):\n    a.nap()\n",
        "class A:\n    def nap(self):\n        time.sleep(1)\n"
        "class B:\n    def __init__(self):\n        self.a = A()\n"
        "    async def f(self):\n        self.a.nap()\n",
        "class A:\n    def nap(self):\n        time.sleep(1)\n"
        "class B:\n    a = A()\n    async def f(self):\n        self.a.nap()\n",
        "class A:\n    def __init__(self):\n        time.sleep(1)\nasync def f():\n    A()\n",
        "class A:\n    @property\n    def x(self):\n        return time.sleep(1)\n"
        "async def f(a: A):\n    return a.x\n",
        "class A:\n    @classmethod\n    def make(cls):\n        time.sleep(1)\n"
        "async def f():\n    A.make()\n",
        "class A:\n    def __enter__(self):\n        time.sleep(1)\n    def __exit__(self, *e):\n"
        "        pass\nasync def f():\n    with A():\n        pass\n",
        "import contextlib\n@contextlib.contextmanager\ndef held():\n    time.sleep(1)\n    yield\n"
        "async def f():\n    with held():\n        pass\n",
        "def rows():\n    time.sleep(1)\n    yield 1\n"
        "async def f():\n    return [r for r in rows()]\n",
        "def slowly(func):\n    def inner(*a):\n        time.sleep(1)\n        return func(*a)\n"
        "    return inner\n@slowly\ndef add(a):\n    return a\nasync def f():\n    add(1)\n",
        "def nap():\n    time.sleep(1)\ndef twice(func):\n    func()\n"
        "async def f():\n    twice(nap)\n",
        "async def f():\n    def nap():\n        time.sleep(1)\n    nap()\n",
        "import asyncio\nasync def f():\n    asyncio.get_running_loop().call_later(1, nap)\n"
        "def nap():\n    time.sleep(1)\n",
        "async def f(xs):\n    return list(map(nap, xs))\ndef nap(x):\n    time.sleep(x)\n",
    ],
    ids=[
        "annotation",
        "attribute",
        "class-attribute",
        "init",
        "property",
        "classmethod",
        "enter",
        "contextmanager",
        "generator",
        "decorator",
        "callback",
        "inner",
        "loop-callback",
        "map",
    ],
)
def test_however_it_is_called(scanned, body):
    [call] = scanned(main=f"import time\n{body}")
    assert (call.call, call.certain) == ("time.sleep", True)
    assert call.chain[0].function.rpartition(".")[2] == "f"


@pytest.mark.parametrize(
    "body",
    [
        "await asyncio.to_thread(nap)",
        "await asyncio.to_thread(time.sleep, 1)",
        "await asyncio.to_thread(partial(nap, 1))",
        "await asyncio.to_thread(lambda: time.sleep(1))",
        "await asyncio.get_running_loop().run_in_executor(None, nap)",
        "await asyncio.get_running_loop().run_in_executor(None, partial(nap, 1))",
        "await anyio.to_thread.run_sync(nap)",
        "await run_in_threadpool(nap)",
        "ThreadPoolExecutor().submit(nap)",
        "threading.Thread(target=nap).start()",
        "await in_thread(nap)",
        "await in_context(nap)",
        "await in_lambda(nap)",
        "await in_inner(nap)",
        "await sync_to_async(nap)()",
        "await threaded_nap()",
        "await made_async_nap()",
        "tasks.add_task(nap)",
        "return nap",
        "later = lambda: time.sleep(1)",
    ],
)
def test_what_goes_to_a_thread_or_is_not_called_is_no_finding(scanned, body):
    found = scanned(
        main="""\
            import asyncio, contextvars, functools, threading, time
            import anyio
            from asgiref.sync import sync_to_async
            from concurrent.futures import ThreadPoolExecutor
            from fastapi import BackgroundTasks
            from fastapi.concurrency import run_in_threadpool
            from functools import partial

            def nap(seconds=1):
                time.sleep(seconds)

            async def in_thread(func, *args):
                return await asyncio.to_thread(func, *args)

            async def in_context(func, *args):
                call = partial(contextvars.copy_context().run, func, *args)
                return await asyncio.get_running_loop().run_in_executor(None, call)

            async def in_lambda(func, *args):
                await asyncio.get_running_loop().run_in_executor(None, lambda: func(*args))

            async def in_inner(func, *args):
                def run():
                    return func(*args)
                await asyncio.get_running_loop().run_in_executor(None, run)

            @sync_to_async
            def threaded_nap():
                time.sleep(1)

            def made_async(func):
                @functools.wraps(func)
                async def inner(*args):
                    return await asyncio.to_thread(func, *args)
                return inner

            @made_async
            def made_async_nap():
                time.sleep(1)

            async def f(tasks: BackgroundTasks):
                BODY
            """.replace("BODY", body)
    )
    assert found == ()


def test_arguments_of_a_call_in_a_thread_are_evaluated_on_the_loop(scanned):
    [call] = scanned(
        main="""\
            import asyncio, requests
            def page():
                return requests.get("http://a").text
            async def f():
                await asyncio.to_thread(print, page())
            """
    )
    assert (call.call, call.blocks) == ("requests.get", "network")


@pytest.mark.parametrize(
    (
        "source",
        "name",
        "blocks",
    ),
    [
        (
            "import requests\nasync def f():\n    requests.Session().get('a')",
            "requests.Session.get",
            "network",
        ),
        (
            "import httpx\nasync def f():\n    with httpx.Client() as c:\n        c.post('a')",
            "httpx.Client.post",
            "network",
        ),
        (
            "from urllib.request import urlopen\nasync def f():\n    urlopen('a')",
            "urllib.request.urlopen",
            "network",
        ),
        (
            "import boto3\nasync def f():\n    boto3.client('s3').get_object()",
            "boto3.Client.get_object",
            "network",
        ),
        (
            "import subprocess\nasync def f():\n    subprocess.run(['a'])",
            "subprocess.run",
            "process",
        ),
        (
            "import subprocess\nasync def f(p: subprocess.Popen):\n    p.wait()",
            "subprocess.Popen.wait",
            "process",
        ),
        (
            "import bcrypt\nasync def f(p):\n    bcrypt.hashpw(p, b'')",
            "bcrypt.hashpw",
            "cpu",
        ),
        (
            "from passlib.context import CryptContext\nc = CryptContext()\n"
            "async def f(p):\n    c.verify(p, p)",
            "passlib.CryptContext.verify",
            "cpu",
        ),
        (
            "from pwdlib import PasswordHash\nc = PasswordHash.recommended()\n"
            "async def f(p):\n    c.hash(p)",
            "pwdlib.PasswordHash.hash",
            "cpu",
        ),
        (
            "import sqlite3\nasync def f():\n    sqlite3.connect('a')",
            "sqlite3.connect",
            "database",
        ),
        (
            "from sqlalchemy.orm import Session\n"
            "async def f(s: Session):\n    s.query(1).filter(2).all()",
            "sqlalchemy.Query.all",
            "database",
        ),
        (
            "from sqlmodel import Session\nasync def f(s: Session):\n    s.exec(1)",
            "sqlmodel.Session.exec",
            "database",
        ),
        (
            "from redis import Redis\nasync def f(r: Redis):\n    r.get('a')",
            "redis.Redis.get",
            "database",
        ),
        (
            "import shutil\nasync def f():\n    shutil.rmtree('a')",
            "shutil.rmtree",
            "file",
        ),
        (
            "import queue\nasync def f(q: queue.Queue):\n    q.get()",
            "queue.Queue.get",
            "wait",
        ),
        (
            "from concurrent.futures import Future\nasync def f(x: Future):\n    x.result()",
            "concurrent.Future.result",
            "wait",
        ),
        (
            "async def f():\n    input()",
            "input",
            "wait",
        ),
    ],
)
def test_what_blocks(scanned, source, name, blocks):
    [call] = scanned(main=source)
    assert (call.call, call.blocks, call.brief) == (name, blocks, False)
    assert call.certain


@pytest.mark.parametrize(
    "source",
    [
        "from redis.asyncio import Redis\n"
        "async def f(r: Redis):\n    await r.get('a')\n    r.get('b')",
        "from sqlalchemy.ext.asyncio import AsyncSession\n"
        "async def f(s: AsyncSession):\n    await s.commit()",
        "import anyio\nasync def f(p: anyio.Path):\n    await p.read_text()",
        "import httpx\nasync def f(c: httpx.AsyncClient):\n    await c.get('a')",
        "import asyncio\n"
        "async def f(t: asyncio.Task, q: asyncio.Queue):\n    t.result()\n    await q.get()",
        "async def f(d: dict):\n    d.get('a')\n    d.update(b=1)",
        "import boto3\nasync def f():\n    boto3.client('s3').generate_presigned_url('a')",
    ],
)
def test_async_namesakes_do_not_block(scanned, source):
    assert scanned(main=source) == ()


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ("with Session() as db:\n        db.execute(1)", "sqlalchemy.Session.execute"),
        ("db = Session()\n    db.query(1).filter(2).first()", "sqlalchemy.Query.first"),
        ("async with Session() as db:\n        await db.execute(1)", None),
    ],
)
def test_a_sessionmakers_session_is_sync_where_only_a_sync_one_can_be(scanned, body, name):
    found = scanned(
        main="from sqlalchemy.orm import sessionmaker\nSession = sessionmaker()\n"
        f"async def f():\n    {body}\n"
    )
    assert [call.call for call in found] == ([name] if name else [])


def test_an_heir_of_a_blocking_class_blocks(scanned):
    [call] = scanned(
        main="""\
            import httpx
            class Shop(httpx.Client):
                def page(self):
                    return self.get("/")
            async def f(shop: Shop):
                return shop.page()
            """
    )
    assert (call.call, call.certain) == ("httpx.Client.get", True)


def test_a_session_of_unknown_class_that_nobody_awaits_is_not_certain(scanned):
    [call] = scanned(main="async def f(request):\n    request.state.db.commit()\n")
    assert (call.call, call.certain) == ("sqlalchemy.Session.commit", False)


def test_one_system_call_is_brief(scanned):
    found = scanned(
        main="""\
            from pathlib import Path
            HERE = Path(__file__).parent
            async def f(name):
                with open(name) as file:
                    file.read()
                (HERE / name).read_text()
                for path in HERE.glob("*"):
                    path.unlink()
            """
    )
    names = [call.call.rpartition(".")[2] for call in found]
    assert names == ["open", "read_text", "glob", "unlink"]
    assert all(call.brief and call.certain for call in found)


def test_what_is_given_a_stream_in_memory_opens_no_file(scanned):
    source = """\
        import io, tarfile, zipfile
        async def f(content, path):
            held = io.BytesIO(content)
            with zipfile.ZipFile(held) as archive:
                archive.namelist()
            tarfile.open(fileobj=io.BytesIO(content))
            zipfile.ZipFile(path)
        """
    assert [call.line for call in scanned(main=source)] == [7]


def test_a_call_that_may_mean_several_methods_is_not_certain(scanned):
    [call] = scanned(
        main="""\
            import time
            class Store:
                def save(self): ...
            class Slow(Store):
                def save(self):
                    time.sleep(1)
            class Quick(Store):
                def save(self):
                    return 1
            async def f(store: Store):
                store.save()
            """
    )
    assert not call.certain


def test_a_telling_name_of_an_unknown_object_is_not_certain(scanned):
    [call] = scanned(main="async def f(path):\n    return path.read_text()\n")
    assert (call.call, call.certain) == ("pathlib.Path.read_text", False)


def test_a_settled_chain_is_preferred_to_a_shorter_unsettled_one(scanned):
    [call] = scanned(
        main="""\
            import time
            def nap():
                time.sleep(1)
            class A:
                def go(self):
                    nap()
            class B(A):
                def go(self):
                    return 1
            async def unsure(a: A):
                a.go()
            def between():
                nap()
            def sure():
                between()
            async def f():
                sure()
            """
    )
    assert call.certain
    assert [step.function for step in call.chain] == ["f", "sure", "between", "nap"]


@pytest.mark.parametrize(
    "source",
    [
        "import time\ntime.sleep(1)\nasync def f(): ...\n",
        "import time\ndef f():\n    time.sleep(1)\n",
        "import time\nasync def f(): ...\nif __name__ == '__main__':\n    time.sleep(1)\n",
        "import time, typer\napp = typer.Typer()\n"
        "@app.command()\nasync def f():\n    time.sleep(1)\n",
        "import asyncio, time\nasync def work():\n    time.sleep(1)\n"
        "def run():\n    asyncio.run(work())\n",
        "import time, typer\napp = typer.Typer()\nclass Job:\n    async def work(self):\n"
        "        time.sleep(1)\n@app.command()\nasync def f(jobs):\n    await jobs[0].work()\n",
        "import time, typer\nfrom typing import Protocol\napp = typer.Typer()\n"
        "class Work(Protocol):\n    async def work(self): ...\nclass Job:\n"
        "    async def work(self):\n        time.sleep(1)\n"
        "@app.command()\nasync def f(job: Work):\n    await job.work()\n",
    ],
    ids="module function main-block command own-loop named protocol".split(),  # noqa: SIM905
)
def test_where_no_request_waits_for_the_loop(scanned, source):
    assert scanned(main=source) == ()


def test_tests_are_left_out(scanned):
    assert scanned(**{"tests/test_it": "import time\nasync def f():\n    time.sleep(1)\n"}) == ()


def test_migrations_are_left_out(scanned):
    migration = "import time\nasync def upgrade():\n    time.sleep(1)\n"
    assert scanned(**{"migrations/versions/one": migration}) == ()


APP_MADE_ONCE = """\
    import time
    from functools import lru_cache
    from fastapi import FastAPI

    _it = None

    @lru_cache
    def settings():
        time.sleep(1)

    @lru_cache
    def settings_of(user):
        time.sleep(1)

    def client():
        global _it
        if _it is None:
            time.sleep(1)
            _it = object()
        return _it

    def create_app(debug=False):
        time.sleep(1)
        return FastAPI()

    class Settings:
        @classmethod
        def load(cls):
            if cls.loaded:
                return
            time.sleep(1)
            cls.loaded = True

    async def lifespan(app):
        time.sleep(1)
        yield

    async def f(user):
        BODY

    @on_shutdown
    async def close():
        time.sleep(1)
"""


@pytest.mark.parametrize(
    ("body", "line", "is_once"),
    [
        ("settings()", 9, True),
        ("settings_of(user)", 13, False),
        ("client()", 18, True),
        ("create_app()", 23, True),
        ("Settings.load()", 31, True),
        ("pass", 35, True),
    ],
)
def test_what_happens_once_in_a_process_is_told_apart(scanned, body, line, is_once):
    found = scanned(main=APP_MADE_ONCE.replace("BODY", body))
    assert line in {call.line for call in found}
    assert {call.line: call.once for call in found} == {35: True, 43: True, line: is_once}


def test_what_is_only_sometimes_marked_as_done_is_not_of_the_start(scanned):
    source = """\
        import time
        _done = False
        def load():
            global _done
            if _done:
                return
            time.sleep(1)
            MARK
        async def f():
            load()
        """
    assert [call.once for call in scanned(main=source.replace("MARK", "_done = True"))] == [True]
    sometimes = source.replace("MARK", "if time.time() > 5: _done = True")
    assert [call.once for call in scanned(main=sometimes)] == [False]


def test_what_a_request_reaches_too_is_not_only_of_the_start(scanned):
    [call] = scanned(
        main="import time\ndef load():\n    time.sleep(1)\n"
        "async def lifespan(app):\n    load()\n    yield\nasync def f():\n    load()\n"
    )
    assert (call.once, call.chain[0].function) == (False, "f")


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


def test_what_only_windows_comes_to_is_no_finding(scanned):
    found = scanned(
        main="""\
            import sys, time
            def nap():
                time.sleep(1)
            async def f():
                if sys.platform == "win32":
                    nap()
                    time.sleep(1)
                else:
                    time.sleep(2)
                if sys.platform != "win32":
                    return
                time.sleep(3)
            """
    )
    assert [call.line for call in found] == [9]


AWAITED = """\
    import time
    from typing import Awaitable
    class Store:
        async def save(self):
            return 1
    class Slow(Store):
        def save(self)RETURNS:
            time.sleep(1)
    async def f(store: Store):
        BODY
"""


@pytest.mark.parametrize(
    ("body", "returns", "is_told"),
    [
        ("await store.save()", "", False),
        ("await store.save()", " -> None", False),
        ("await store.save()", " -> Awaitable[int]", True),
        ("return store.save()", "", True),
    ],
)
def test_an_awaited_call_means_no_plain_method_where_an_async_one_is_there(
    scanned, body, returns, is_told
):
    found = scanned(main=AWAITED.replace("BODY", body).replace("RETURNS", returns))
    assert len(found) == is_told


NARROWED = """\
    import time
    class Store:
        pass
    class Slow(Store):
        def save(self):
            time.sleep(1)
    class Quick(Store):
        def save(self):
            return 1
    async def f(store: Slow | Quick, base: Store, more):
        BODY
"""


@pytest.mark.parametrize(
    ("body", "certain"),
    [
        ("store.save()", [False]),
        ("if isinstance(store, Slow): store.save()", [True]),
        ("if isinstance(store, Quick): store.save()", []),
        ("if isinstance(store, (Quick, int)): store.save()", []),
        ("if isinstance(store, Quick): pass\n        else: store.save()", [True]),
        ("if isinstance(store, Slow): return\n        store.save()", []),
        ("if not isinstance(store, Quick): raise ValueError\n        store.save()", []),
        ("assert isinstance(store, Quick)\n        store.save()", []),
        ("more and isinstance(store, Quick) and store.save()", []),
        ("return store.save() if isinstance(store, Quick) else None", []),
        ("if isinstance(base, Slow): base.save()", [True]),
        ("if isinstance(more, Slow): more.save()", [True]),
        (
            "if isinstance(store, Quick):\n            store = Slow()\n            store.save()",
            [False],
        ),
        ("if isinstance(store, Quick): pass\n        store.save()", [False]),
    ],
)
def test_an_isinstance_tells_which_of_the_declared_classes_it_is(scanned, body, certain):
    assert [call.certain for call in scanned(main=NARROWED.replace("BODY", body))] == certain


def test_what_only_some_heirs_do_is_not_said_of_a_class_that_does_it_itself(scanned):
    found = scanned(
        main="""\
            import time
            class Store:
                def save(self):
                    return 1
                def load(self):
                    print(self)
            class Slow(Store):
                def save(self):
                    time.sleep(1)
                def load(self):
                    time.sleep(1)
            async def f(store: Store):
                store.save()
                store.load()
            """
    )
    assert [(call.line, call.certain) for call in found] == [(9, False)]


SWITCHED = """\
    import time
    def rest(long=False, *, thorough=True):
        if long:
            time.sleep(1)
        if not thorough:
            time.sleep(2)
        else:
            time.sleep(3)
        if long and time.sleep(4):
            pass
        return thorough or time.sleep(5)
    async def f(given, more):
        BODY
"""


@pytest.mark.parametrize(
    ("call", "lines"),
    [
        ("rest()", [8]),
        ("rest(long=True)", [4, 8, 9]),
        ("rest(long=False, thorough=False)", [6, 11]),
        ("rest(long=given, thorough=given)", [4, 6, 8, 9, 11]),
        ("rest(given)", [4, 8, 9]),
        ("rest(**more)", [4, 6, 8, 9, 11]),
        ("rest()\n        rest(long=True, thorough=False)", [4, 6, 8, 9, 11]),
    ],
)
def test_what_the_caller_switches_off_is_no_finding(scanned, call, lines):
    assert [each.line for each in scanned(main=SWITCHED.replace("BODY", call))] == lines


@pytest.mark.parametrize(
    ("call", "is_told"),
    [
        ("read(text=given)", False),
        ("read(path=None)", False),
        ("read(path=given)", True),
        ("read(path='a')", True),
        ("read(given, given)", True),
    ],
)
def test_what_the_caller_does_not_give_is_none(scanned, call, is_told):
    source = """\
        import time
        def read(text=None, path=None):
            if text:
                return text
            elif path is not None:
                time.sleep(1)
        async def f(given):
            CALL
        """
    assert len(scanned(main=source.replace("CALL", call))) == is_told


TOLD = """\
    import time
    def is_address(host): ...
    def is_name(host): ...
    def resolve(timeout, host):
        if is_address(host):
            return host
        time.sleep(timeout)
    async def f(host, other):
        BODY
"""


@pytest.mark.parametrize(
    ("body", "is_told"),
    [
        ("resolve(1, host)", True),
        ("if is_address(host): resolve(1, host)", False),
        ("if is_address(host): resolve(1, host=host)", False),
        ("if not is_address(host): return\n        resolve(1, host)", False),
        ("if not is_address(host): resolve(1, host)", True),
        ("if is_name(host): resolve(1, host)", True),
        ("if is_address(other): resolve(1, host)", True),
        ("if is_address(host):\n            host = other\n            resolve(1, host)", True),
    ],
)
def test_what_the_caller_has_asked_of_an_argument_is_not_asked_again(scanned, body, is_told):
    assert len(scanned(main=TOLD.replace("BODY", body))) == is_told


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


def test_entering_what_only_some_heirs_enter_slowly_is_not_said_of_a_class_that_does_it(scanned):
    found = scanned(
        main="""\
            import time
            class Held:
                def __enter__(self):
                    print(self)
                def __exit__(self, *e):
                    print(self)
            class Slow(Held):
                def __enter__(self):
                    time.sleep(1)
                def __exit__(self, *e):
                    time.sleep(1)
            async def f(held: Held):
                with held:
                    pass
            """
    )
    assert found == ()


def test_a_wrapper_runs_when_what_it_wraps_does(scanned):
    [call] = scanned(
        main="""\
            import functools, time
            def kept(function):
                @functools.wraps(function)
                async def wrapper():
                    time.sleep(1)
                    return await function()
                return wrapper
            @kept
            async def load(): ...
            async def lifespan(app):
                await load()
                yield
            """
    )
    assert call.once


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


def test_a_method_of_what_is_named_as_a_path_is_not_certain(scanned):
    [call] = scanned(
        main="async def f(user, sock_path):\n    user.exists()\n    sock_path.exists()\n"
    )
    assert (call.line, call.call, call.certain) == (3, "pathlib.Path.exists", False)


def test_what_a_command_shares_with_an_endpoint_is_told(scanned):
    [call] = scanned(
        main="""\
            import time, typer
            from fastapi import FastAPI
            app, shell = FastAPI(), typer.Typer()
            async def work():
                time.sleep(1)
            @shell.command()
            async def command():
                await work()
            @app.get("/work")
            async def serve():
                await work()
            """
    )
    assert call.endpoints == ("GET /work",)


def test_a_cycle_of_calls_ends(scanned):
    [call] = scanned(
        main="""\
            import time
            def even(n):
                return n == 0 or odd(n - 1)
            def odd(n):
                time.sleep(n)
                return even(n - 1)
            async def f(n):
                return even(n)
            """
    )
    assert [step.function for step in call.chain] == ["f", "even", "odd"]


APP = """\
    import time
    from typing import Annotated
    from fastapi import Depends, FastAPI

    app = FastAPI()

    async def user():
        time.sleep(1)

    def settings():
        time.sleep(1)

    async def account(user: Annotated[str, Depends(user)]):
        return user

    @app.get("/mine")
    async def mine(account=Depends(account)):
        return account

    @app.get("/settings", dependencies=[Depends(user)])
    def read_settings(settings=Depends(settings)):
        time.sleep(1)

    @app.get("/quiet")
    async def quiet(settings=Depends(settings)):
        return settings
"""


def test_a_dependency_is_reached_by_the_endpoints_that_depend_on_it(scanned):
    [call] = scanned(main=APP)
    assert call.line == 8  # neither the `def` dependency nor the `def` endpoint
    assert call.endpoints == ("GET /mine", "GET /settings")


def test_validators_of_a_body_run_on_the_loop_even_for_a_def_endpoint(scanned):
    [call] = scanned(
        main="""\
            import bcrypt
            from fastapi import FastAPI
            from pydantic import BaseModel, field_validator
            app = FastAPI()
            class User(BaseModel):
                password: bytes
                @field_validator("password")
                @classmethod
                def hash(cls, value):
                    return bcrypt.hashpw(value, bcrypt.gensalt())
            @app.post("/users")
            def create(user: User):
                return user
            """
    )
    assert (call.call, call.endpoints) == ("bcrypt.hashpw", ("POST /users",))
    assert [step.function for step in call.chain] == ["User.hash"]


GIVEN_ON = """\
    import time
    def rest(long=False):
        if long:
            nap()
    def nap():
        time.sleep(1)
    async def never():
        rest(long=False)
    async def f():
        rest()
    BODY
"""


def test_a_chain_does_not_go_through_a_call_that_is_switched_off(scanned):
    assert scanned(main=GIVEN_ON.replace("BODY", "")) == ()
    [call] = scanned(main=GIVEN_ON.replace("BODY", "async def g():\n        rest(long=True)"))
    assert [step.function for step in call.chain] == ["g", "rest", "nap"]
    assert call.callers == 1


OWN_LOOPS = """\
    import asyncio, time
    async def work(number=0):
        time.sleep(1)
    def run(coroutine):
        return asyncio.run(coroutine)
    def deeper(coroutine):
        return run(coroutine)
    def make(factory):
        loop = asyncio.new_event_loop()
        return loop.run_until_complete(factory())
    def task():
        BODY
"""


@pytest.mark.parametrize(
    "body",
    [
        "run(work(1))",
        "deeper(work())",
        "deeper(coroutine=work())",
        "make(work)",
        "make(lambda: work(1))",
    ],
)
def test_what_gives_its_arguments_an_event_loop_of_their_own(scanned, body):
    assert scanned(main=OWN_LOOPS.replace("BODY", body)) == ()
    assert scanned(main=OWN_LOOPS.replace("BODY", "print(work())")) != ()


def test_what_a_runner_runs_in_heirs_has_a_loop_of_its_own(scanned):
    source = """\
import asyncio, time
class Task:
    def __call__(self):
        with asyncio.Runner() as runner:
            runner.run(self.work())
"""
    for number in range(12):  # more than are followed
        source += f"class Mail{number}(Task):\n    async def work(self):\n        time.sleep(1)\n"
    assert scanned(main=source) == ()
    assert scanned(main=source.replace("runner.run(self.work())", "print(self.work())")) != ()


def test_a_loop_of_its_own_that_another_file_gives(scanned):
    files = {
        "loops": "import asyncio\ndef run(coroutine):\n    return asyncio.run(coroutine)\n",
        "tasks": "import time\nfrom loops import run\nasync def work():\n    time.sleep(1)\n"
        "def task():\n    run(work())\n",
    }
    assert scanned(**files) == ()
    [call] = scanned(**files, app="import tasks\nasync def f():\n    await tasks.work()\n")
    assert call.file == "tasks.py"


@pytest.mark.parametrize(
    ("more", "is_told"),
    [
        ("", False),
        ("kept = stale\n", True),
        ("def start(tasks):\n    tasks.append(stale)\n", True),
        ("class Job:\n    async def run(self):\n        await work()\n", True),
        ("@hooks.on\nasync def hook():\n    await work()\n", True),
    ],
)
def test_in_an_app_nobody_calls_a_function_that_nothing_names(scanned, more, is_told):
    source = """\
import asyncio, time
from fastapi import FastAPI
app = FastAPI()
async def work():
    time.sleep(1)
async def job():
    await work()
def task():
    asyncio.run(job())
async def stale():
    await work()
"""
    endpoint = "@app.get('/')\nasync def serve(): ...\n"
    assert len(scanned(main=source + endpoint + more)) == is_told
    assert len(scanned(main=source + more)) == 1  # a library's own users may call it


SCRIPT = """\
import asyncio, time
async def first():
    time.sleep(1)
PHASES = {"first": first}
async def begin(name):
    await PHASES[name]()
if __name__ == "__main__":
    asyncio.run(begin("first"))
"""


@pytest.mark.parametrize(
    ("script", "app", "is_told"),
    [
        (SCRIPT, "", False),
        (SCRIPT, "from demo import first\n", True),
        (SCRIPT, "import demo\n", True),
        (SCRIPT.replace("__name__", "name"), "", True),
        (SCRIPT + "    import uvicorn\n", "", True),
    ],
)
def test_a_script_that_nothing_imports_has_its_loop_to_itself(scanned, script, app, is_told):
    app += "from fastapi import FastAPI\napp = FastAPI()\n@app.get('/')\nasync def serve(): ...\n"
    assert len(scanned(demo=script, app=app)) == is_told


def test_what_is_also_given_to_a_library_has_no_loop_of_its_own(scanned):
    source = OWN_LOOPS.replace("BODY", "run(work())") + "    from tools import Tool\n"
    assert scanned(main=source + "    async def f():\n        Tool(coroutine=work)\n") != ()
    assert scanned(main=source + "    async def f():\n        Tool(run)\n") == ()


PROTOCOLS = """\
    import time, typer
    from typing import Protocol
    app = typer.Typer()
    class Work(Protocol):
        async def work(self): ...
        async def rest(self): ...
    class Job:
        async def work(self):
            time.sleep(1)
        async def REST(self): ...
    @app.command()
    async def f(job: Work):
        await job.work()
    async def other(queue):
        await queue.work()
"""


def test_a_class_with_all_methods_of_a_protocol_is_called_through_it(scanned):
    assert scanned(main=PROTOCOLS.replace("REST", "rest")) == ()
    [call] = scanned(main=PROTOCOLS.replace("REST", "pause"))
    assert call.line == 9


def test_what_no_with_of_the_project_enters_does_not_tell_when_it_runs(scanned):
    source = """\
        import time
        class Store:
            async def __aenter__(self):
                await self.open()
            async def open(self):
                time.sleep(1)
        async def lifespan(app):
            await Store().open()
            yield
        async def f():
            BODY
        """
    [call] = scanned(main=source.replace("BODY", "pass"))
    assert call.once
    [call] = scanned(main=source.replace("BODY", "await Store().open()"))
    assert not call.once
    entering = "async with Store(): pass"
    [call] = scanned(main=source.replace("BODY", entering))
    assert not call.once


def test_waiting_for_what_is_named_as_a_pool_is_not_certain(scanned):
    source = "async def f(app):\n    app.state.thread_pool.shutdown(CALL)\n"
    [call] = scanned(main=source.replace("CALL", "wait=True"))
    assert (call.call, call.certain) == ("concurrent.ThreadPoolExecutor.shutdown", False)
    assert scanned(main=source.replace("CALL", "wait=False")) == ()


def test_the_parent_of_what_is_named_as_a_path_is_one(scanned):
    [call] = scanned(main="async def f(zip_path, it):\n    zip_path.parent.exists()\n")
    assert (call.call, call.certain) == ("pathlib.Path.exists", False)
    assert scanned(main="async def f(zip_path, it):\n    it.parent.exists()\n") == ()


@pytest.mark.parametrize(
    ("test", "is_found"),
    [
        ("isinstance(it.files, Files)", True),
        ("it and isinstance(it.files, Files)", True),
        ("it or isinstance(it.files, Files)", False),
        ("not isinstance(it.files, Files)", False),
        ("isinstance(it, Files)", False),
    ],
)
def test_an_isinstance_around_tells_the_class(scanned, test, is_found):
    source = """\
        import time
        class Files:
            def version(self):
                time.sleep(1)
        async def f(it):
            if TEST:
                it.files.version()
        """
    assert bool(scanned(main=source.replace("TEST", test))) == is_found
