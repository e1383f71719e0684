# ruff: noqa: E501
"""The verdict on each kind of pair, as docs/scan.md says."""

import pytest

from .conftest import OnlySite
from .snippets import HTTP, NAPS, REFUSES, SQL

THREADED = """
import asyncio
from sqlalchemy import create_engine
from sqlalchemy.orm import Session
engine = create_engine("sqlite://")
def rows():
    with Session(engine) as session:
        return session.query(1).filter(2).all()
def drop():
    with Session(engine) as session:
        return session.query(1).filter(2).delete()
"""

FILES = """
import asyncio, os
from collections.abc import Callable
def in_thread(function: Callable[..., int]):
    return asyncio.get_running_loop().run_in_executor(None, function)
def fill(): os.mkdir("a")
def look(): return os.listdir("a")
"""

TEXTS = """
text: str = make()
items = []
async def grown(x):
    y = x.lower()
    y += "?"
    return await get(y)
async def longer(x):
    y = x
    y += [1]
    return await get(y)
async def kept():
    y = None
    def keep():
        nonlocal y
        y = 1
    keep()
    return await get(y)
def number(x):
    if not isinstance(x, int): raise TypeError(x)
    return 1
def allowed(x):
    if not x: raise PermissionError(x)
    return 1
"""
FOLDERS = """
import asyncio, os
from pathlib import Path
async def folder(x):
    await asyncio.to_thread(os.makedirs, "a", exist_ok=True)
async def found(x):
    Path("a").mkdir(exist_ok=True)
    return await asyncio.to_thread(os.listdir, "a")
async def new(x):
    Path("a").mkdir()
    return await asyncio.to_thread(os.listdir, "a")
"""

USES = """
counts = {}
async def used(x):
    counts[x] += 1
    if counts[x] > 9: y = 1
    return await get(x)
async def uses(x):
    await get(x)
    return counts[x]
async def keep(x):
    found = await get(x)
    counts[x] = found
    return found
"""
GRAPH = """
from neo4j import AsyncGraphDatabase
driver = AsyncGraphDatabase.driver("bolt://")
async def ask(query): return await driver.execute_query(query)
"""

DROPPED = """
async def careful():
    async with maker() as session:
        try:
            return await session.execute(select(1))
        except OSError:
            await session.invalidate()
            raise
"""

SIDES = """
from elsewhere import RWLock
lock = RWLock()
async def looked(x):
    async with lock.reader: return await get(x)
"""

PAIRS = {
    "reads by one HTTP client": (HTTP, "a = await get('/a'); b = await get('/b'); return a, b", "independent"),
    "sessions of their own": (SQL, "a = await own_users(); b = await own_users(); return a, b", "independent"),
    "the first's result": (HTTP, "a = await get('/a'); b = await get(a); return b", "dependent"),
    "a value derived in between": (HTTP, "a = await get('/a'); c = a['x']; b = await get(c); return b", "dependent"),
    "a container filled in between": (HTTP, "q = {}; a = await get('/a'); q['a'] = a; b = await get(q); return b", "dependent"),
    "a closure over the result": (HTTP, "a = await get('/a')\n    def path(): return a\n    b = await get(path()); return b", "dependent"),
    "a check in between": (HTTP, "a = await get('/a')\n    if a is None: raise ValueError\n    b = await get('/b'); return b", "dependent"),
    "an assertion in between": (HTTP, "a = await get('/a')\n    assert a\n    b = await get('/b'); return b", "dependent"),
    "one session": (SQL, "session = maker(); a = await users(session); b = await users(session); return a, b", "unsafe"),
    "sessions that are dropped after a failure": (SQL + DROPPED, "a = await careful(); b = await careful(); return a, b", "independent"),
    "write then read": (SQL, "a = await own_insert(); b = await own_users(); return a, b", "dependent"),
    "read then write": (SQL, "a = await own_users(); b = await own_insert(); return a, b", "unsafe"),
    "write then write": (HTTP, "a = await post('/a'); b = await post('/b'); return a, b", "unsafe"),
    "a sleep": ("import asyncio\n" + HTTP, "await asyncio.sleep(1); a = await get('/a'); return a", "unsafe"),
    "a call of nothing known": (HTTP, "a = await get('/a'); b = await elsewhere.get_b(); return a, b", "likely"),
    "an unknown write with Django's prefix": (HTTP, "a = await get('/a'); b = await elsewhere.adelete(); return a, b", "unsafe"),
    "an unseen effect": ("import zipfile\nfrom anyio import Path\nfrom fastapi.concurrency import run_in_threadpool\n", "zip = zipfile.ZipFile('x')\n    await Path('x').mkdir(); await run_in_threadpool(zip.extractall)", "unsafe"),
    "a file written in between": (HTTP, "a = await get('/a'); open('x', 'w').write(a); b = await get('/b'); return b", "independent"),
    "a file written in between and read": (HTTP + "import aiofiles.os\n", "a = await get('/a'); open('x', 'w').write(a); b = await aiofiles.os.stat('x'); return b", "unsafe"),
    "an unknown write": (HTTP, "a = await get('/a'); b = await elsewhere.save(); return a, b", "unsafe"),
    "a status that may refuse, in between": (HTTP, "a = await client.get('/a'); a.raise_for_status(); b = await get('/b'); return a, b", "dependent"),
    "a result handed out in between": (HTTP, "a = await get('/a')\n    yield a\n    b = await get('/b'); print(b)", "dependent"),
    "a result handed out at once": (HTTP, "yield await get('/a')\n    b = await get('/b'); print(b)", "dependent"),
    "two readings of one response": ("import aiohttp\n", "async with aiohttp.ClientSession() as http, http.get('/a') as response:\n        a = await response.text(); b = await response.json(); return a, b", "unsafe"),
    "an object's part, then the commit": (SQL + HTTP, "session = maker(); x.a = await get('/a'); await session.commit()", "dependent"),
    "an object's part through a name, then the commit": (SQL + HTTP, "session = maker(); a = await get('/a'); x.a = a; await session.commit()", "dependent"),
    "an object's part, then a query that flushes it": (SQL + HTTP, "session = maker(); x.a = await get('/a'); await users(session)", "dependent"),
    "an object's part, then another session": (SQL + HTTP, "x.a = await get('/a'); b = await own_users(); return b", "independent"),
    "an object changed in a callee, then the commit": (SQL + "async def rename(user): user.name = 'x'\n", "session = maker(); await rename(x); await session.commit()", "dependent"),
    "told to the client, then entered": (HTTP + "listeners = set()\nasync def enter(x): listeners.add(x)\n", "await post('/a'); await enter(1)", "unsafe"),
    "the chat's state, and a read": (HTTP + "from aiogram.fsm.context import FSMContext\nstate: FSMContext = made()\n", "a = await state.get_data(); b = await get('/b'); return a, b", "independent"),
    "two changes of the chat's state": (HTTP + "from aiogram.fsm.context import FSMContext\nstate: FSMContext = made()\n", "await state.set_state(1); await state.update_data(a=1)", "unsafe"),
    "a pause in a helper": (NAPS, "await nap(); a = await get('/a'); return a", "unsafe"),
    "a helper that takes its time": (NAPS, "a = await slow(); b = await get('/b'); return a, b", "independent"),
    "the body of a request of Quart": ("from quart import Request\nx: Request = made()\n", "a = await x.get_json(); b = await x.form; return a, b", "unsafe"),
    "two looks at one page": ("from playwright.async_api import Page\npage: Page = made()\n", "a = await page.title(); b = await page.content(); return a, b", "independent"),
    "a field filled and read": ("from playwright.async_api import Page\npage: Page = made()\n", "a = await page.fill('#a', 'x'); b = await page.input_value('#a'); return a, b", "dependent"),
    "old queries in threads": (THREADED, "a = await asyncio.to_thread(rows); b = await asyncio.to_thread(rows); return a, b", "independent"),
    "an old query that deletes": (THREADED, "a = await asyncio.to_thread(drop); b = await asyncio.to_thread(rows); return a, b", "dependent"),
    "a thread behind a plain function": (FILES, "await in_thread(fill); a = await in_thread(look); return a", "dependent"),
    "threads behind a plain function": (FILES, "a = await in_thread(look); b = await in_thread(look); return a, b", "independent"),
    "a session behind a cast": (SQL + "from typing import Any, cast\nasync def cast_insert():\n    async with cast(Any, maker)() as s:\n        await s.execute(insert('t'))\n", "await cast_insert(); a = await own_users(); return a", "dependent"),
    "a cast to a class": (SQL + "from typing import cast\nx = made()\n", "a = await users(cast(AsyncSession, x)); b = await users(cast(AsyncSession, x)); return a, b", "unsafe"),
    "a text that grows": (HTTP + TEXTS, "a = await grown(text); b = await grown(text); return a, b", "independent"),
    "a list that grows": (HTTP + TEXTS, "a = await longer(items); b = await longer(items); return a, b", "unsafe"),
    "names of the caller's own": (HTTP + TEXTS, "a = await kept(); b = await kept(); return a, b", "independent"),
    "names of a function around": (HTTP + TEXTS, "y = 0\n    def keep():\n        nonlocal y\n        y = 1\n    async def kept():\n        keep()\n        return await get(1)\n    a = await kept(); b = await kept(); return a, b, y", "unsafe"),
    "a folder that may be there, and a read": (FOLDERS, "a = await found(1); b = await found(2); return a, b", "independent"),
    "a folder, made for what follows": (FOLDERS, "await folder(1); b = await found(2); return b", "dependent"),
    "a folder that must not be there": (FOLDERS, "a = await new(1); b = await found(2); return a, b", "dependent"),
    "an archive, written in between": (HTTP + "import zipfile\nasync def add(x: zipfile.ZipFile): x.writestr('b', await get(1))\nx = zipfile.ZipFile('x')\n", "a = await get('/a'); x.writestr('a', a); await add(x)", "dependent"),
    "a mistake in between": (HTTP + TEXTS, "a = await get('/a'); y = number(a); b = await get('/b'); return y, b", "independent"),
    "a mistake in between, then a write": (HTTP + TEXTS, "a = await get('/a'); y = number(a); b = await post('/b'); return y, b", "dependent"),
    "a refusal in between": (HTTP + TEXTS, "a = await get('/a'); y = allowed(a); b = await get('/b'); return y, b", "dependent"),
    "tasks that are awaited at once": ("import asyncio\n" + HTTP, "a = await asyncio.create_task(get('/a')); b = await asyncio.create_task(get('/b')); return a, b", "independent"),
    "tasks in the background": ("import asyncio\n" + HTTP + "async def go(x):\n    asyncio.create_task(post(x))\n    return await get(x)\n", "a = await go('/a'); b = await go('/b'); return a, b", "unsafe"),
    "writing tasks that are awaited at once": ("import asyncio\n" + HTTP, "a = await asyncio.create_task(post('/a')); b = await asyncio.create_task(post('/b')); return a, b", "unsafe"),
    "another loop's result": ("import asyncio\nloop = make()\n" + HTTP + "def at(x): return asyncio.run_coroutine_threadsafe(get(x), loop).result()\n", "a = await asyncio.to_thread(at, 1); b = await asyncio.to_thread(at, 2); return a, b", "independent"),
    "counts of uses": (HTTP + USES, "a = await used('/a'); b = await used('/b'); return a, b", "likely"),
    "a count and who reads it": (HTTP + USES, "a = await used('/a'); b = await uses('/b'); return a, b", "dependent"),
    "what is kept under a key, read and then stored": (HTTP + USES, "a = await uses('/a'); b = await keep('/b'); return a, b", "unsafe"),
    "questions to a graph": (GRAPH, "a = await ask('MATCH (n) RETURN n'); b = await ask('MATCH (m) RETURN m'); return a, b", "independent"),
    "a change to a graph": (GRAPH, "a = await ask('MATCH (n) SET n.x = 1'); b = await ask('MATCH (m) RETURN m'); return a, b", "dependent"),
    "one session of a graph": (GRAPH, "s = driver.session(); a = await s.run('MATCH (n) RETURN n'); b = await s.run('MATCH (m) RETURN m'); return a, b", "unsafe"),
    "one and the same that may refuse": (HTTP + REFUSES, "a = await shop(1); b = await shop(2); return a, b", "independent"),
    "another that may refuse": (HTTP + REFUSES, "a = await shop(1); b = await get(2); return a, b", "dependent"),
    "one and the same guard": (HTTP, "a = await elsewhere.check_x(1); b = await elsewhere.check_x(2); return a, b", "dependent"),
    "what makes sure of something, and gives it": (HTTP, "a = await elsewhere.ensure_shop(1); b = await get(2); return a, b", "likely"),
    "what makes sure of something": (HTTP, "await elsewhere.ensure_shop(1); b = await get(2); return b", "dependent"),
    "what waits for a call": ("import asyncio\n" + HTTP, "a = await asyncio.wait_for(get(1), 5); b = await asyncio.wait_for(get(2), 5); return a, b", "independent"),
    "two attributes of one object": (HTTP, "x = dict(); x.a = await get(1); x.b = await get(2); return x", "independent"),
    "one attribute of one object": (HTTP, "x = dict(); x.a = await get(1); x.a = await get(2); return x", "dependent"),
    "attributes of an object that is given on": (HTTP, "x = dict(); x.a = await get(1); x.b = await get(x); return x", "dependent"),
    "what is made of what the first changes": (HTTP + "class X:\n    async def begin(self): self.year = 1\nx = X()\n", "await x.begin(); url = f'/{x.year}'; a = await get(url); return a", "dependent"),
    "what is made of something else": (HTTP + "class X:\n    async def begin(self): self.year = 1\nx = X()\n", "await x.begin(); url = f'/{x.month}'; a = await get(url); return a", "independent"),
    "one side of a lock": (HTTP + SIDES, "a = await looked(1); b = await looked(2); return a, b", "independent"),
    "a name that guards": (HTTP, "await elsewhere.verify_access(); a = await get('/a'); return a", "dependent"),
}  # fmt: skip


@pytest.mark.parametrize(("setup", "body", "verdict"), PAIRS.values(), ids=PAIRS)
def test_a_pair(only_site: OnlySite, setup: str, body: str, verdict: str) -> None:
    site = only_site(f"{setup}\nasync def f():\n    {body}\n")
    assert (site.kind, site.verdict) == ("pair", verdict), site.reason


HOOKED = """
async def called(function, x): return await function(x)
def called_plainly(function, x): return function(x)
"""


@pytest.mark.parametrize(
    ("body", "verdict", "said"),
    [
        ("await called(x.hook, 1)", "unsafe", "`x.hook` may be anything, and hooks"),
        ("await called(x.ask, 1)", "likely", "whatever x.ask reaches"),
        ("await get(called_plainly(x.hook, 1))", "likely", "`hook`"),
    ],
    ids=["a hook", "a function", "a plain hook"],
)
def test_what_others_have_registered(
    only_site: OnlySite, body: str, verdict: str, said: str
) -> None:
    site = only_site(
        f"{HTTP}{HOOKED}from elsewhere import xs\n"
        f"async def f():\n    x = xs[0]\n    a = {body}; b = await get('/')\n    return a, b\n"
    )
    assert site.verdict == verdict, site.reason
    assert said in site.reason
    assert "never waits" not in site.reason


@pytest.mark.parametrize(
    ("told", "verdict"),
    [
        ("logger.info(x)", "independent"),
        ("logger.told(x)", "unsafe"),
        ("audit_logger.info(x)", "unsafe"),
    ],
)
def test_what_a_logger_is_told(only_site: OnlySite, told: str, verdict: str) -> None:
    site = only_site(f"""{HTTP}
class Logger:
    def __init__(self): self.lines = []
    def info(self, line): self.lines.append(line)
    def told(self, line): self.lines.append(line)
logger = audit_logger = Logger()
async def shop(x):
    {told}
    return await get(x)
async def f():
    a = await shop(1)
    b = await shop(2)
    return a, b
""")
    assert site.verdict == verdict, site.reason


@pytest.mark.parametrize(
    ("body", "verdict"),
    [
        ("a = await shop_a(1); b = await shop_b(2)", "independent"),
        ("await shop_a(1); a = b = await shop_b(2)", "dependent"),
        ("a = await shop_a(1); b = await get('/')", "dependent"),
        ("a = await shop_a(1); b = await other(2)", "dependent"),
    ],
    ids=["both", "for nothing else", "the first alone", "in two places"],
)
def test_what_both_refuse_in_one_place(only_site: OnlySite, body: str, verdict: str) -> None:
    site = only_site(
        f"{HTTP}{REFUSES}async def shop_a(x): return await shop(x)\n"
        "async def shop_b(x): return await shop(x)\n"
        "async def other(x):\n    if not x: raise NotFound\n    return await get(x)\n"
        f"async def f():\n    {body}\n    return a, b\n"
    )
    assert site.verdict == verdict, site.reason
