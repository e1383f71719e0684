"""Blocking calls that async code reaches, in small projects."""

import pytest

SLEEPY = """\
import time


def nap():
    time.sleep(1)
"""


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


def test_a_method_of_what_is_named_as_a_path_is_not_certain(scanned):
    [call] = scanned(
        main="async def f(user, sock_path):\n    user.exists()\n    sock_path.exists()\n"
    )
    assert (call.line, call.call, call.certain) == (3, "pathlib.Path.exists", False)


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


def test_what_a_dependency_gives_is_not_validated(scanned):
    source = """\
        import time
        from typing import Annotated
        from fastapi import Depends, FastAPI
        from pydantic import BaseModel, field_validator
        app = FastAPI()
        class User(BaseModel):
            name: str
            @field_validator("name")
            def check(cls, value):
                time.sleep(1)
        def current_user() -> User: ...
        @app.get("/users")
        def show(user: PARAMETER):
            return user
        """
    for parameter in ("User = Depends(current_user)", "Annotated[User, Depends(current_user)]"):
        assert scanned(main=source.replace("PARAMETER", parameter)) == ()
    assert len(scanned(main=source.replace("PARAMETER", "User"))) == 1


def test_what_is_put_in_a_queue_with_its_arguments_runs_elsewhere(scanned):
    source = """\
        import time
        class Store:
            def execute(self, work, *arguments):
                if self.is_alive():
                    PUT
                else:
                    work(*arguments)
        def read(key):
            time.sleep(1)
        async def f(store: Store):
            store.execute(read, 1)
        """
    assert scanned(main=source.replace("PUT", "self.queue.put_nowait((work, arguments))")) == ()
    assert len(scanned(main=source.replace("PUT", "print((work, arguments))"))) == 1


def test_a_generator_that_a_thread_takes_from_runs_there(scanned):
    source = """\
        import asyncio, time
        def rows():
            time.sleep(1)
            yield 1
        async def f():
            found = iter(rows())
            GO
        """
    assert scanned(main=source.replace("GO", "await asyncio.to_thread(next, found, None)")) == ()
    inside = "async def take(): await asyncio.to_thread(next, found)"
    assert scanned(main=source.replace("GO", inside)) == ()
    assert len(scanned(main=source.replace("GO", "next(found)"))) == 1


HEIRS = """\
    import asyncio, time
    class Store:
        def add(self): raise NotImplementedError
        async def aadd(self):
            self.add()
    class Files(Store):
        def add(self):
            time.sleep(1)
        async def aadd(self):
            BODY
    async def f(store: Store):
        await store.aadd()
"""


def test_an_heir_with_a_method_of_its_own_does_not_come_there_from_the_one_it_replaces(scanned):
    assert scanned(main=HEIRS.replace("BODY", "await asyncio.to_thread(self.add)")) == ()
    assert len(scanned(main=HEIRS.replace("BODY", "await super().aadd()"))) == 1
    assert len(scanned(main=HEIRS.replace("async def aadd(self):\n            BODY", ""))) == 1


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


def test_the_parent_of_what_is_named_as_a_path_is_one(scanned):
    [call] = scanned(main="async def f(zip_path, it):\n    zip_path.parent.exists()\n")
    assert (call.call, call.certain) == ("pathlib.Path.exists", False)
    assert scanned(main="async def f(zip_path, it):\n    it.parent.exists()\n") == ()
