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


@pytest.mark.parametrize(
    ("given", "call"),
    [
        ("loop.call_soon(time.sleep, 1)", "time.sleep"),
        ("loop.call_soon_threadsafe(time.sleep, 1)", "time.sleep"),
        ("loop.call_later(5, functools.partial(time.sleep, 1))", "time.sleep"),
        ("asyncio.current_task().add_done_callback(requests.get)", "requests.get"),
        ("loop.call_soon(print, 1)", None),
        ("loop.call_soon(asyncio.sleep, 1)", None),
        ("loop.run_in_executor(None, time.sleep, 1)", None),
        ("list(map(time.sleep, [1]))", None),
    ],
)
def test_a_librarys_function_that_the_loop_is_given_is_called_by_it(scanned, given, call):
    found = scanned(
        main=f"""\
            import asyncio, functools, requests, time
            async def soon():
                loop = asyncio.get_running_loop()
                {given}
            """
    )
    assert [(each.call, each.line, each.by_loop) for each in found] == (
        [] if call is None else [(call, 4, True)]
    )


def test_what_is_called_where_it_stands_is_not_given_to_the_loop(scanned):
    [call] = scanned(main="import time\nasync def wait():\n    time.sleep(1)\n")
    assert call.by_loop is False
