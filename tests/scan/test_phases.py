"""Which functions run beside requests, for the blocking calls that they reach."""

import pytest


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


@pytest.mark.parametrize("file", ["tests/it", "test_shop/it", "shop/testing/it", "it_test"])
def test_tests_are_left_out(scanned, file):
    assert scanned(**{file: "import time\nasync def f():\n    time.sleep(1)\n"}) == ()


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


@pytest.mark.parametrize(
    "given",
    [
        "app.on_startup.append(warm)",
        "app.on_cleanup.append(jobs.warm)",
        "app.add_event_handler('shutdown', warm)",
        "app = Starlette(lifespan=warm)",
        "app = Starlette(on_startup=[other, warm])",
    ],
)
def test_what_is_given_to_be_called_as_the_app_starts(scanned, given):
    source = f"import time\nasync def warm(app):\n    time.sleep(1)\n{given}\n"
    assert [call.once for call in scanned(main=source)] == [True]
    imported = f"from jobs import warm\n{given}\n"
    jobs = "import time\nasync def warm(app):\n    time.sleep(1)\n"
    assert [call.once for call in scanned(main=imported, jobs=jobs)] == [True]
    assert [call.once for call in scanned(main="app.later.append(warm)", jobs=jobs)] == [False]


def test_what_makes_an_app_is_of_the_start(scanned):
    source = """\
        import time
        from aiohttp import web
        async def NAME():
            time.sleep(1)
            app = MAKING
            return app
        """
    for name, making, is_once in (
        ("init", "web.Application()", True),
        ("get_app", "await init()", True),
        ("init", "await make()", False),
    ):
        made = source.replace("NAME", name).replace("MAKING", making)
        assert [call.once for call in scanned(main=made)] == [is_once]


def test_what_is_kept_for_the_same_arguments_says_so(scanned):
    found = scanned(main=APP_MADE_ONCE.replace("BODY", "settings_of(user)"))
    assert {call.line: call.cached for call in found} == {13: True, 35: False, 43: False}


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


@pytest.mark.parametrize(
    ("more", "is_told"),
    [
        ("", False),
        ("kept = stale\n", True),
        ("def start(tasks):\n    tasks.append(stale)\n", True),
        ("class Job:\n    async def run(self):\n        await work()\n", True),
        ("@hooks.on\nasync def hook():\n    await work()\n", True),
        ("hooks.on(stale)\n", True),
        ("KEPT = {'stale': stale}\n", True),
        ("KEPT = [None, None, None, None, None, None, None, None, stale]\n", True),
        ("def start(tasks):\n    tasks.append('main:stale')\n", True),
        ("__all__ = ['stale']\n", False),
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


@pytest.mark.parametrize(
    ("init", "app", "is_told"),
    [
        ("", "", False),
        ("from shop.jobs.stale import clean\n__all__ = ['clean']\n", "", False),
        ("from shop.jobs.stale import clean as tidy\n", "", True),
        ("from shop.jobs.stale import clean\nKEPT = (clean,)\n", "", True),
        ("from shop.jobs.stale import clean\n", "from shop.jobs import clean\n", False),
        ("from shop.jobs.stale import clean\n", "from shop.jobs import clean\nadd(clean)\n", True),
        ("", "from shop.jobs import stale\nadd(stale.clean)\n", True),
        ("", "def start():\n    from shop.jobs.stale import clean\n", True),
        ("", "from elsewhere import stale\nstale.clean()\n", True),
        ("", "from elsewhere import fresh\nfresh.clean()\n", False),
    ],
)
def test_what_is_only_passed_on_nobody_calls(scanned, init, app, is_told):
    serving = "from fastapi import FastAPI\napp = FastAPI()\n@app.get('/')\nasync def f(): ...\n"
    stale = "import time\nasync def clean():\n    time.sleep(1)\n"
    files = {"shop/jobs/__init__": init, "shop/jobs/stale": stale, "app": app + serving}
    assert len(scanned(**files, **{"shop/__init__": ""})) == is_told


def test_what_only_tests_name_nobody_calls(scanned):
    serving = "from fastapi import FastAPI\napp = FastAPI()\n@app.get('/')\nasync def f(): ...\n"
    stale = "import time\nasync def clean():\n    time.sleep(1)\n"
    naming = "from jobs import clean\nadd(clean)\nadd('jobs.clean')\n"
    assert scanned(**{"jobs": stale, "app": serving, "tests/test_it": naming}) == ()
    assert len(scanned(jobs=stale, app=serving, other=naming)) == 1


def test_the_outermost_package_passes_on_to_who_installs_it(scanned):
    serving = "from fastapi import FastAPI\napp = FastAPI()\n@app.get('/')\nasync def f(): ...\n"
    stale = "import time\nasync def clean():\n    time.sleep(1)\n"
    passing = "from jobs.stale import clean\n"
    outer = {"jobs/__init__": passing, "jobs/stale": stale, "app": serving}
    assert len(scanned(**outer)) == 1


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


@pytest.mark.parametrize(
    ("serves", "is_once"),
    [
        ("await Server(Config(app)).serve()", True),
        ("await dispatcher.start_polling(bot)", True),
        ("await bot.send(app)", False),
    ],
)
def test_what_comes_before_serving_is_the_start(scanned, serves, is_once):
    source = """\
        import time
        from uvicorn import Config, Server
        async def begin(app, bot, dispatcher):
            time.sleep(1)
            SERVES
        """
    [call] = scanned(main=source.replace("SERVES", serves))
    assert call.once is is_once


def test_validators_of_what_a_dependency_gives_by_another_name_are_left_out(scanned):
    source = """\
        import time
        from typing import Annotated
        from fastapi import Depends, FastAPI
        from pydantic import BaseModel, model_validator
        app = FastAPI()
        class Settings(BaseModel):
            @model_validator(mode="after")
            def check(self):
                time.sleep(1)
        def settings() -> Settings: ...
        Given = Annotated[Settings, MORE]
        @app.post("/")
        def f(given: Given): ...
        """
    assert scanned(main=source.replace("MORE", "Depends(settings)")) == ()
    assert len(scanned(main=source.replace("given: Given", "given: Settings"))) == 1
