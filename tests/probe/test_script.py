"""`python main.py`: the script's own functions have their awaits rewritten, and nothing else of
it changes."""

import json
import os
import subprocess
import sys

import pytest

from asyncperf.probe.notes import read_notes
from asyncperf.probe.orders import ProbeOrders

SCRIPT = '''
import asyncio, functools, inspect, json, multiprocessing, pickle, sys
import uvicorn

def wrapped(function):
    @functools.wraps(function)
    async def inner(*args):
        return await function(*args)
    return inner

def made(seconds):
    async def wait(limit=lambda: seconds):
        """Waits."""
        await asyncio.sleep(limit())
        return seconds
    return wait

class Shop:
    size = 3
    async def price(self):
        return sum([n async for n in self.numbers()])
    async def numbers(self):
        for n in range(self.size):
            yield await made(0)() + n
    @wrapped
    async def item(self):
        async with asyncio.timeout(60):
            return await self.price()

before = made(0)
shop = Shop()

async def app(scope, receive, send):
    await send({})

def spawned(queue):
    queue.put((__name__, __file__, pickle.dumps(Shop).decode("latin-1")))

def told():
    app_before, code = app, app.__code__
    config = uvicorn.Config(app, log_config=None)
    config.load()
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    child = context.Process(target=spawned, args=(queue,))
    child.start()
    in_child = queue.get(timeout=60)
    child.join()
    return {
        "argv": sys.argv, "file": __file__, "name": __name__, "spec": repr(__spec__),
        "path": sys.path[0], "package": __package__, "loader": type(__loader__).__name__,
        "pickled": pickle.dumps([Shop, app, shop]).decode("latin-1"), "child": in_child,
        "same": app is app_before, "doc": before.__doc__, "line": app.__code__.co_firstlineno,
        "source": inspect.getsource(app), "defaults": repr(inspect.signature(Shop.item)),
        "async": [inspect.iscoroutinefunction(f) for f in (app, Shop.item, shop.price, told)],
        "value": asyncio.run(shop.item()), "names": sorted(globals()),
    }, {
        name: "__asyncperf_await__" in code.co_names
        for name, code in {
            "app": app.__code__, "method": shop.price.__wrapped__.__code__
            if hasattr(shop.price, "__wrapped__") else Shop.item.__wrapped__.__code__,
            "closure": before.__code__, "wrapper": Shop.item.__code__,
            "generator": Shop.numbers.__code__, "made later": made(1).__code__,
        }.items()
    }

if __name__ == "__main__":
    print(json.dumps(told()))
'''


@pytest.fixture
def run(tmp_path):
    """What a script prints, run from elsewhere; with the probe that `orders` describe."""
    folder = tmp_path / "notes"
    folder.mkdir()
    (tmp_path / "elsewhere").mkdir()

    def run(script=SCRIPT, orders=None, how=("main.py",)):
        (tmp_path / "main.py").write_text(script)
        env = orders.environment(os.environ) if orders else dict(os.environ)
        done = subprocess.run(
            [sys.executable, *how, "--port", "8001"],
            cwd=tmp_path,
            env=env,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert not done.stderr
        return json.loads(done.stdout)

    run.orders = ProbeOrders(str(folder), record=True)
    run.notes = lambda: [note for note in read_notes(folder) if note["note"] != "worker"]
    return run


def test_the_scripts_functions_are_rewritten_and_nothing_shows_it(run):
    plain, not_rewritten = run()
    probed, rewritten = run(orders=run.orders)
    assert not any(not_rewritten.values())
    assert all(rewritten.values()), rewritten
    assert probed == plain
    assert plain["value"] == 3
    assert run.notes() == []


SHORT = """
import json, pathlib, uvicorn
{before}
async def app(scope, receive, send): await send({{}})
code = app.__code__
uvicorn.Config(app, log_config=None).load()
print(json.dumps(app.__code__ is not code))
"""


@pytest.mark.parametrize(
    ("before", "rewritten"),
    [
        ("", True),
        ("pathlib.Path(__file__).write_text('async def app(): await 1')", False),  # changed since
        ("pathlib.Path(__file__).write_text('no Python await')", False),
        ("pathlib.Path(__file__).unlink()", False),
    ],
)
def test_only_what_the_file_still_says_is_rewritten(run, before, rewritten):
    assert run(SHORT.format(before=before), run.orders) is rewritten


def test_what_cannot_be_rewritten_is_said(run):
    run(SHORT.format(before="pathlib.Path(__file__).unlink()"), run.orders)
    [said] = run.notes()
    assert (said["note"], said["module"]) == ("not-rewritten", "__main__")


@pytest.mark.parametrize("how", [("-m", "main"), ("-O", "main.py")])
def test_other_ways_to_run_it(run, how):
    """`python -m` imports what it runs, so the import hook has rewritten it already."""
    already = how[0] == "-m"
    assert run(SHORT.format(before=""), run.orders, how) is not already
    script = SHORT.replace("app.__code__ is not code", "app.__code__.co_names[0]")
    assert run(script.format(before=""), run.orders, how) == "__asyncperf_await__"


def test_a_script_without_awaits_is_left_alone(run):
    script = (
        "import json, uvicorn\n"
        "def app(scope): pass\n"
        "before = app.__code__\n"
        "uvicorn.Config(app, log_config=None).load()\n"
        "print(json.dumps(app.__code__ is before))\n"
    )
    assert run(script, run.orders) is True
    assert run.notes() == []
