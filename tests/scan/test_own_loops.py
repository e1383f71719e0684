"""What has an event loop to itself, and blocks nobody else."""

from textwrap import dedent

import pytest

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


@pytest.mark.parametrize(("launcher", "is_told"), [("stats", False), ("main", True)])
def test_tasks_of_a_loop_of_its_own_are_nobody_elses(scanned, launcher, is_told):
    source = f"""\
        import asyncio, time
        from fastapi import FastAPI
        app = FastAPI()
        async def count():
            time.sleep(1)
        async def work():
            await asyncio.wait([asyncio.create_task(count())])
        def {launcher}():
            asyncio.run(work())
        @app.get("/")
        async def serve(): ...
        """
    assert len(scanned(main=source)) == is_told
    started = "async def lifespan(app):\n    asyncio.create_task(count())\n    yield\n"
    assert len(scanned(main=dedent(source) + started)) == 1


def test_flask_gives_async_views_a_loop_of_their_own(scanned):
    view = "@app.get('/')\nasync def f():\n    time.sleep(1)\n"
    assert scanned(main=f"import time, flask\napp = flask.Flask('shop')\n{view}") == ()
    assert len(scanned(main=f"import time, quart\napp = quart.Quart('shop')\n{view}")) == 1


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
