# ruff: noqa: E501
"""The verdict on each kind of pair, run and loop, as docs/scan.md says."""

from collections.abc import Callable

import pytest

from asyncperf.sites import Scan, Site

OnlySite = Callable[..., Site]

SQL = """
from sqlalchemy import select, insert
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
maker = async_sessionmaker(create_async_engine("postgresql+asyncpg://"))
async def users(session: AsyncSession):
    return await session.execute(select(1))
async def own_users():
    async with maker() as session:
        return await session.execute(select(1))
async def own_insert():
    async with maker() as session:
        await session.execute(insert("t"))
"""
HTTP = """
import httpx
client = httpx.AsyncClient()
async def get(path):
    response = await client.get(path)
    return response.json()
async def post(path):
    return await client.post(path)
"""

NAPS = (
    HTTP
    + """
import asyncio
async def nap(): await asyncio.sleep(1)
async def slow(x=1):
    await asyncio.sleep(1)
    return x
"""
)

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

REFUSES = """
class NotFound(Exception): pass
async def shop(x):
    found = await get(x)
    if not found: raise NotFound(x)
    return found
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
    "a folder that may be there, and a read": (FOLDERS, "a = await found(1); b = await found(2); return a, b", "likely"),
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


CACHES = {
    "an early return": ("found = await cache.get(key)\n    if found: return found", "await cache.set(key, made, 60)", "likely"),
    "a condition that binds": ("if found := await cache.get(key): return found", "await cache.set(key, made)", "likely"),
    "another key": ("found = await cache.get(key)\n    if found: return found", "await cache.set('b', made)", "unsafe"),
    "another cache": ("found = await cache.get(key)\n    if found: return found", "await other.set(key, made)", "unsafe"),
    "what was never looked at": ("found = await cache.get(key)", "await cache.set(key, made)", "unsafe"),
    "a counter": ("found = await cache.get(key)\n    if found > 9: return found", "await cache.set(key, found + 1)", "unsafe"),
}  # fmt: skip


@pytest.mark.parametrize(("asks", "stores", "verdict"), CACHES.values(), ids=CACHES)
def test_filling_a_cache_is_part_of_a_read(
    only_site: OnlySite, asks: str, stores: str, verdict: str
) -> None:
    site = only_site(f"""{HTTP}
async def shops(key):
    {asks}
    made = await get(key)
    {stores}
    return made
async def f():
    a = await get("/a"); b = await shops("/b"); return a, b
""")
    assert site.verdict == verdict, site.reason


ONE_STATEMENT = {
    "arguments": (HTTP, "return print(await get('/a'), await get('/b'))", "independent"),
    "a sum": (HTTP, "x = await get('/a') + await get('/b'); return x", "independent"),
    "elements": (HTTP, "return [await get('/a'), 1, await get('/b')]", "independent"),
    "values": (HTTP, "return {'a': await get('/a'), **(await get('/b'))}", "independent"),
    "a text": (HTTP, "return f'{await get(1)} {await get(2)}'", "independent"),
    "arguments of an await": (HTTP, "return await get(print(await get('/a'), await get('/b')))", "independent"),
    "a comparison": (HTTP, "return await get('/a') < await get('/b')", "independent"),
    "a condition": (HTTP, "\n    if print(await get('/a'), await get('/b')): return", "independent"),
    "one session": (SQL, "session = maker(); return [await users(session), await users(session)]", "unsafe"),
    "writes": (HTTP, "return await post('/a'), await post('/b')", "unsafe"),
    "a name bound on the way": (HTTP, "return (a := await get('/a')), await get(a)", "dependent"),
    "a write on the way": (SQL + HTTP + "import requests\n", "return await get('/a'), requests.post('/x'), await get('/b')", "unsafe"),
    "and": (HTTP, "return await get('/a') and await get('/b')", "dependent"),
    "or, further in": (HTTP, "return await get('/a') or print(await get('/b'))", "dependent"),
    "a choice": (HTTP, "return await get('/b') if await get('/a') else 1", "dependent"),
    "the last of a chain": (HTTP, "return 1 < await get('/a') < await get('/b')", "dependent"),
    "something unknown": (HTTP, "return await get('/a'), await elsewhere.get_b()", "likely"),
}  # fmt: skip


@pytest.mark.parametrize(("setup", "body", "verdict"), ONE_STATEMENT.values(), ids=ONE_STATEMENT)
def test_awaits_of_one_statement(only_site: OnlySite, setup: str, body: str, verdict: str) -> None:
    site = only_site(f"{setup}\nasync def f():\n    {body}\n")
    assert (site.kind, site.verdict) == ("pair", verdict), site.reason


NO_PAIRS = {
    "one in the other's argument": "return await get(await get('/a'))",
    "one on the other's result": "return await (await get('/a')).json()",
    "only one of them": "return await get('/a') if x else await get('/b')",
    "messages": "assert print(await get('/a')), await get('/b')",
    "contexts": "\n    with open(await get('/a')), open(await get('/b')): pass",
    "a function of its own": "return await get('/a'), lambda: (await get('/b'))",
}


@pytest.mark.parametrize("body", NO_PAIRS.values(), ids=NO_PAIRS)
def test_what_is_no_pair_of_one_statement(scan_source: Callable[..., Scan], body: str) -> None:
    scan = scan_source(f"{HTTP}\nasync def f(x):\n    {body}\n")
    assert [site for site in scan.sites if site.function == "f"] == []


def test_awaits_of_one_statement_stand_at_the_first(scan_source: Callable[..., Scan]) -> None:
    source = f"""{HTTP}
async def f():
    return print(
        await get('/a'),
        await get('/b'),
        await get('/c'),
    )
"""
    first = 1 + source[: source.index("await get('/a')")].count("\n")
    sites = [site for site in scan_source(source).sites if site.function == "f"]
    assert {(site.kind, site.line, site.lines, site.column) for site in sites} == {
        ("pair", first, (first, first + 1), 8),
        ("pair", first + 1, (first + 1, first + 2), 8),
        ("run", first, (first, first + 1, first + 2), 8),
    }


OF_A_REQUEST = {
    "what the app keeps on its state": ("request.state.shop", "likely"),
    "what it keeps on the app's": ("request.app.state.shop", "likely"),
    "a session on its state": ("request.state.session", "unsafe"),
    "the request itself": ("request", "unsafe"),
}


@pytest.mark.parametrize(("owner", "verdict"), OF_A_REQUEST.values(), ids=OF_A_REQUEST)
def test_what_hangs_on_a_request(only_site: OnlySite, owner: str, verdict: str) -> None:
    method = "json" if owner == "request" else "get"
    site = only_site(
        "from fastapi import Request\nasync def f(request: Request):\n"
        f"    a = await {owner}.{method}()\n    b = await {owner}.{method}()\n    return a, b\n"
    )
    assert site.verdict == verdict, site.reason


@pytest.mark.parametrize(("setup", "body", "verdict"), PAIRS.values(), ids=PAIRS)
def test_a_pair(only_site: OnlySite, setup: str, body: str, verdict: str) -> None:
    site = only_site(f"{setup}\nasync def f():\n    {body}\n")
    assert (site.kind, site.verdict) == ("pair", verdict), site.reason


LOOPS = {
    "a pause in a helper": (NAPS, "    for x in xs: await nap()", "unsafe"),
    "a helper that takes its time": (NAPS, "    for x in xs: found.append(await slow(x))", "independent"),
    "hooks": ("", "    for x in xs:\n        try: await x(1)\n        except Exception: pass", "unsafe"),
    "functions that are asked": ("", "    for x in xs:\n        try: found.append(await x(1))\n        except Exception: pass", "likely"),
    "an unknown effect": (HTTP, "    for x in xs: await elsewhere.get(x)", "unsafe"),
    "an unknown effect, caught": (HTTP, "    for x in xs:\n        try: await elsewhere.save(x)\n        except Exception: pass", "likely"),
    "an unknown effect, caught where it happens": (HTTP, "    for x in xs:\n        if x.due:\n            try: await elsewhere.save(x)\n            except Exception: pass", "likely"),
    "an unknown effect, caught in one of two branches": (HTTP, "    for x in xs:\n        if x.due:\n            try: await elsewhere.save(x)\n            except Exception: pass\n        else: await elsewhere.save(x)", "unsafe"),
    "backwards, for an effect": (HTTP, "    for x in reversed(xs):\n        try: await x.stop()\n        except Exception: pass", "unsafe"),
    "backwards, with numbers": (HTTP, "    for i, x in enumerate(reversed(xs)):\n        try: await x.stop()\n        except Exception: pass", "unsafe"),
    "backwards, by a slice": (HTTP, "    for x in xs[::-1]:\n        try: await x.stop()\n        except Exception: pass", "unsafe"),
    "backwards, for results": (HTTP, "    for x in reversed(xs): found.append(await get(x))", "independent"),
    "asked only if all before said so": (HTTP, "    y = True\n    for x in xs: y = y and await get(x)", "dependent"),
    "asked only if one before said so": (HTTP, "    y = None\n    for x in xs: y = (await get(x)) if y is None else y", "dependent"),
    "asked only if the element says so": (HTTP, "    for x in xs: found.append(x.known or await get(x))", "independent"),
    "texts for one chat": (HTTP, "    for x in xs:\n        try: await bot.send_message(chat, x)\n        except Exception: pass", "unsafe"),
    "texts for the chat that asked": (HTTP, "    for x in xs:\n        try: await message.answer(x)\n        except Exception: pass", "unsafe"),
    "one text for each chat": (HTTP, "    for x in xs:\n        try: await bot.send_message(x.chat, 'a')\n        except Exception: pass", "likely"),
    "a text for each socket": (HTTP, "    for x in xs:\n        socket = x.socket\n        try: await socket.send('a')\n        except Exception: pass", "likely"),
    "one file, written again and again": (HTTP, "    for x in xs:\n        try: await files.save('a')\n        except Exception: pass", "unsafe"),
    "reads": (HTTP, "    for x in xs: found.append(await get(x))", "independent"),
    "a comprehension": (HTTP, "    found = [await get(x) for x in xs]", "independent"),
    "a condition that asks": (HTTP, "    found = [x for x in xs if await get(x)]", "independent"),
    "a condition that writes": (HTTP, "    found = [x for x in xs if await post(x)]", "unsafe"),
    "a condition with one session": (SQL, "    session = maker()\n    found = [x for x in xs if await users(session)]", "unsafe"),
    "an inner loop over what is asked": (HTTP, "    found = [y for x in xs for y in await get(x)]", "independent"),
    "an inner loop over what is written": (HTTP, "    found = [y for x in xs for y in await post(x)]", "unsafe"),
    "a condition on what is done, in a try": (HTTP, "    for x in xs:\n        try:\n            found.append(await get(x))\n            if len(found) > 3: await get('/')\n        except OSError: pass", "dependent"),
    "a condition on what is done, without an await": (HTTP, "    for x in xs:\n        try:\n            found.append(await get(x))\n            if len(found) > 3: y = 1\n        except OSError: pass", "independent"),
    "hooks of objects": ("", "    for x in xs:\n        hook = x.hook()\n        try: await hook.__call__(1)\n        except Exception: pass", "unsafe"),
    "hooks that a helper awaits": ("async def ready(x): return await x", "    for x in xs:\n        try: await ready(x())\n        except Exception: pass", "unsafe"),
    "what may refuse, and only reads": (HTTP + REFUSES, "    for x in xs: found.append(await shop(x))", "independent"),
    "what may refuse, and leaves traces": (HTTP + REFUSES + "kept = {}\nasync def keep(x): kept[x] = await shop(x)\n", "    for x in xs: found.append(await keep(x))", "likely"),
    "what a cast hides": ("from typing import cast\n", "    for x in xs: await cast(int, x)", "unsafe"),
    "what a cast hides, kept": ("from typing import cast\n", "    for x in xs: found.append(await cast(int, x))", "likely"),
    "tasks": ("", "    for x in xs: await x", "likely"),
    "what each iteration starts": ("", "    for x in xs:\n        y = x()\n        if y: await y", "unsafe"),
    "a caught write of what was filled with the element": (HTTP, "    for x in xs:\n        y = {}\n        y['x'] = x\n        try: await post(y)\n        except Exception: pass", "likely"),
    "folders": ("import asyncio, os\n", "    for x in xs: await asyncio.to_thread(os.makedirs, x)", "unsafe"),
    "an accumulator passed on": (HTTP, "    y = 0\n    for x in xs: y = await get(y)", "dependent"),
    "a name seen so far": (HTTP, "    seen = set()\n    for x in xs:\n        if x in seen: continue\n        seen.add(await get(x))", "dependent"),
    "the first match": (HTTP, "    for x in xs:\n        if await get(x): return x", "dependent"),
    "a break": (HTTP, "    for x in xs:\n        if await get(x): break", "dependent"),
    "a sum across an await": (HTTP, "    y = 0\n    for x in xs: y += await get(x)", "unsafe"),
    "writes": (HTTP, "    for x in xs: await post(x)", "unsafe"),
    "a pause": ("import asyncio\n" + HTTP, "    for x in xs:\n        await get(x)\n        await asyncio.sleep(1)", "unsafe"),
    "one session": (SQL, "    session = maker()\n    for x in xs: found.append(await users(session))", "unsafe"),
    "sessions of their own": (SQL, "    for x in xs: found.append(await own_users())", "independent"),
    "results handed out": (HTTP, "    for x in xs: yield await get(x)", "dependent"),
}  # fmt: skip


@pytest.mark.parametrize(("setup", "body", "verdict"), LOOPS.values(), ids=LOOPS)
def test_a_loop(scan_source: Callable[..., Scan], setup: str, body: str, verdict: str) -> None:
    scan = scan_source(f"{setup}\nasync def f(xs):\n    found = []\n{body}\n    return found\n")
    (site,) = [site for site in scan.sites if site.function == "f" and site.kind == "loop"]
    assert site.verdict == verdict, site.reason


def test_a_run_is_as_good_as_its_worst_pair(scan_source: Callable[..., Scan]) -> None:
    """The third needs the first, though the neighbours do not need each other."""
    scan = scan_source(
        HTTP + "async def f():\n    a = await get('/a')\n    b = await get('/b')\n"
        "    c = await get(a)\n    return b, c\n"
    )
    verdicts = {(site.kind, site.line): site.verdict for site in scan.sites if site.function == "f"}
    assert [verdict for (kind, _), verdict in verdicts.items() if kind == "pair"] == [
        "independent",
        "independent",
    ]
    assert [verdict for (kind, _), verdict in verdicts.items() if kind == "run"] == ["dependent"]


def test_a_shared_object_is_named_with_its_place(only_site: OnlySite) -> None:
    site = only_site(
        SQL + "async def f(session: AsyncSession):\n"
        "    a = await users(session)\n    b = await users(session)\n    return a, b\n"
    )
    assert "`session`" in site.reason
    assert site.fact_file == "app.py"
    assert site.fact_line == 6
    assert site.remedy == "none"


def test_a_function_that_was_handed_in_may_wait_and_write(only_site: OnlySite) -> None:
    site = only_site("async def f(send):\n    await send(1)\n    await send(2)\n")
    assert site.reason == "`send` is awaited for its effect, which `send` hides"


def test_what_nobody_has_written_may_use_the_session_that_it_is_given(only_site: OnlySite) -> None:
    site = only_site(
        "from typing import Protocol\n" + SQL + "class Source(Protocol):\n"
        "    async def get(self, x: AsyncSession): ...\n"
        "async def f(one: Source, two: Source, x: AsyncSession):\n"
        "    a = await one.get(x)\n    b = await two.get(x)\n    return a, b\n"
    )
    assert site.reason == "both use one session, `x`, which serves one caller at a time"


@pytest.mark.parametrize(("name", "verdict"), [("read", "likely"), ("write", "unsafe")])
def test_a_method_without_a_body_does_what_its_name_says(
    only_site: OnlySite, name: str, verdict: str
) -> None:
    site = only_site(f"""
from typing import Protocol
class Files(Protocol):
    async def {name}(self, path): ...
async def f(files: Files, paths):
    return [await files.{name}(path) for path in paths]
""")
    assert site.verdict == verdict, site.reason


def test_an_object_that_is_refreshed_comes_from_there(only_site: OnlySite) -> None:
    site = only_site(
        HTTP + "from elsewhere import Row\nasync def f(rows, row: Row):\n"
        "    await rows.refresh(row)\n    b = await get(row.id)\n    return b\n"
    )
    assert site.reason.endswith("uses `row`, which comes from line 11"), site.reason


LOOKS = {
    "for each": "for one in x: print(one)",
    "in a comprehension": "y = [one for one in x]",
    "in": "y = 1 in x",
    "if": "if x: print(1)",
    "if not": "if not x: print(1)",
    "while": "while x: return 1",
    "how many": "y = len(x)",
}


@pytest.mark.parametrize("looks", LOOKS.values(), ids=LOOKS)
def test_looking_through_a_container_reads_it(only_site: OnlySite, looks: str) -> None:
    site = only_site(
        f"{HTTP}\nasync def fill(x): x.append(await get('/a'))\n"
        f"async def look(x):\n    {looks}\n    return await get('/b')\n"
        "async def f(x: list):\n    a = await fill(x)\n    b = await look(x)\n    return a, b\n"
    )
    assert site.reason == "the first changes `x[]`, which the second reads"


THREADS = {"in a thread": "independent", "here": "unsafe"}


@pytest.mark.parametrize(("where", "verdict"), THREADS.items())
def test_a_thread_has_a_context_of_its_own(only_site: OnlySite, where: str, verdict: str) -> None:
    call = "await asyncio.to_thread(work)" if where == "in a thread" else "work()"
    site = only_site(
        f"""
        import asyncio
        import httpx
        client = httpx.AsyncClient()
        def work():
            asyncio.set_event_loop(asyncio.new_event_loop())
            return 1
        async def get(path):
            {call}
            return await client.get(path)
        async def f():
            a = await get("/a")
            b = await get("/b")
            return a, b
        """
    )
    assert site.verdict == verdict, site.reason


def test_an_exceptions_own_attributes_are_its_own(only_site: OnlySite) -> None:
    """`super().__init__` of what Python has is no unknown call."""
    site = only_site(
        HTTP + "class Missing(Exception):\n"
        "    def __init__(self, message):\n"
        "        self.message = message\n        super().__init__(message)\n"
        "async def ask(path):\n    try:\n        return await get(path)\n"
        "    except OSError as error:\n        raise Missing('x') from error\n"
        "async def f():\n    a = await ask('/a')\n    b = await ask('/b')\n    return a, b\n"
    )
    assert site.verdict == "independent", site.reason


def test_money_is_no_transaction_of_a_database(only_site: OnlySite) -> None:
    site = only_site(
        SQL + "from stripe import BalanceTransaction\n"
        "async def f(x: AsyncSession, fee: BalanceTransaction):\n"
        "    a = await users(x)\n    b = await fee.get_all()\n    return a, b\n"
    )
    assert site.verdict == "likely", site.reason


def test_a_model_is_only_asked(only_site: OnlySite) -> None:
    site = only_site(
        "from openai import AsyncOpenAI\n"
        "async def f(client: AsyncOpenAI):\n"
        "    a = await client.embeddings.create(input='a')\n"
        "    b = await client.embeddings.create(input='b')\n    return a, b\n"
    )
    assert site.verdict == "likely", site.reason


def test_the_flow_of_data_is_named(only_site: OnlySite) -> None:
    site = only_site(
        HTTP + "async def f():\n    user = await get('/a')\n    b = await get(user)\n    return b\n"
    )
    assert "`user`" in site.reason


def test_what_holds_no_session_may_be_given_to_unknown_code(only_site: OnlySite) -> None:
    site = only_site(
        "class Users:\n    def __init__(self, path: str): self.path = path\n"
        "async def f(users: Users, tools):\n"
        "    return [await tool.is_there(users) for tool in tools]\n"
    )
    assert site.verdict == "likely", site.reason


SHARED_SESSIONS = {
    "handed to a repository": """
class Repository:
    def __init__(self, session): self.session = session
    async def all(self): return await self.session.execute(select(1))
async def f(session: AsyncSession):
    first, second = Repository(session), Repository(session)
    a = await first.all()
    b = await second.all()
    return a, b
""",
    "held by a service, and by one of its own": """
class Service:
    def __init__(self, session: AsyncSession): self.session = session
    @classmethod
    @contextlib.asynccontextmanager
    async def opened(cls, session: AsyncSession | None = None) -> "AsyncGenerator[Self, None]":
        if session is not None:
            yield cls(session)
        else:
            async with maker() as session: yield cls(session)
    async def own(self): return await self.session.execute(select(1))
class Shop(Service):
    def __init__(self, session: AsyncSession):
        super().__init__(session)
        self.settings = Service(session)
    async def of_settings(self): return await self.settings.own()
async def f():
    async with Shop.opened() as shop:
        a = await shop.of_settings()
        b = await shop.own()
    return a, b
""",
    "held by services of a library": """
from advanced_alchemy.extensions.litestar import service
class Users(service.SQLAlchemyAsyncRepositoryService["User"]): pass
class Teams(service.SQLAlchemyAsyncRepositoryService["Team"]): pass
async def f(users: Users, teams: Teams):
    a = await users.count()
    b = await teams.count()
    return a, b
""",
    "held by what unknown code is given": """
class Users:
    def __init__(self, session: AsyncSession): self.session = session
async def f(users: Users, tools):
    return [await tool.is_there(users) for tool in tools]
""",
    "asked of an object": """
from sqlalchemy.ext.asyncio import async_object_session
async def friends(user):
    return await users(async_object_session(user))
async def f(user, other):
    a = await friends(user)
    b = await friends(other)
    return a, b
""",
    "handed to a repository's factory": """
class Repository:
    def __init__(self, session): self.session = session
    @classmethod
    def of(cls, session: AsyncSession) -> "Repository": return cls(session)
    async def all(self): return await self.session.execute(select(1))
async def f(session: AsyncSession):
    a = await Repository.of(session).all()
    b = await users(session)
    return a, b
""",
    "held by two services of the caller": """
class Service:
    def __init__(self, session: AsyncSession): self.session = session
    async def all(self): return await self.session.execute(select(1))
async def f(a: Service, b: Service):
    x = await a.all()
    y = await b.all()
    return x, y
""",
    "behind an optional argument": """
async def found(db: AsyncSession | None = None):
    if db is not None:
        return await users(db)
    return await own_users()
async def f(db: AsyncSession | None = None):
    a = await found(db)
    b = await found(db=db)
    return a, b
""",
    "opened by a context manager that may reuse one": """
from contextlib import asynccontextmanager
@asynccontextmanager
async def opened(db):
    if db: yield db
    else:
        async with maker() as session: yield session
async def found(db):
    async with opened(db) as session:
        return await users(session)
async def f(db: AsyncSession):
    a = await found(db)
    b = await found(db)
    return a, b
""",
    "in a context variable": """
from contextvars import ContextVar
current: ContextVar[AsyncSession] = ContextVar("current")
async def found(): return await users(current.get())
async def f():
    a = await found()
    b = await found()
    return a, b
""",
    "in a closure": """
async def f(session: AsyncSession):
    async def found(): return await users(session)
    a = await found()
    b = await found()
    return a, b
""",
    "given to unknown functions": """
from elsewhere import get_a, get_b
async def f(session: AsyncSession):
    a = await get_a(session)
    b = await get_b(session=session)
    return a, b
""",
    "without any type": """
async def f(session):
    a = await session.get_a()
    b = await session.get_b()
    return a, b
""",
    "in a base class that is not there": """
from elsewhere import Base
class Repository(Base):
    async def f(self):
        a = await self.session.scalar(1)
        b = await self.get_other()
        return a, b
f = None
""",
}


@pytest.mark.parametrize("source", SHARED_SESSIONS.values(), ids=SHARED_SESSIONS)
def test_a_shared_session_is_never_missed(scan_source: Callable[..., Scan], source: str) -> None:
    sites = [s for s in scan_source(SQL + source).sites if s.function.split(".")[-1] == "f"]
    assert [site.verdict for site in sites] == ["unsafe"], sites


def test_what_never_waits_has_nothing_to_gain(only_site: OnlySite) -> None:
    site = only_site(
        "seen = {}\nasync def known(): return seen.get(1)\n"
        "async def f():\n    a = await known()\n    b = await known()\n    return a, b\n"
    )
    assert (site.verdict, site.remedy) == ("independent", "none")


@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        ("self.seen.append(1)", "await web.post('/b')", "unsafe"),
        ("self.token = None", "self.token = await web.get('/b')", "unsafe"),
        ("return self.seen[0]", "await web.get('/b')", "likely"),
        ("pass", "await web.get('/b')", "likely"),
    ],
    ids=["then tells others", "sets anew", "is asked for nothing", "an empty hook"],
)
def test_what_never_waits_is_judged_by_what_it_does(
    only_site: OnlySite, first: str, second: str, verdict: str
) -> None:
    site = only_site(f"""
        import httpx

        web = httpx.AsyncClient()

        class Shop:
            def __init__(self):
                self.seen, self.token = [1], None

            async def one(self):
                {first}

            async def two(self):
                {second}
                return 1

        async def f(shop: Shop):
            await shop.one()
            return await shop.two()
    """)
    assert site.verdict == verdict, site.reason


@pytest.mark.parametrize(
    ("body", "verdict"),
    [
        ("ORDER.append(shop)", "unsafe"),
        ("COUNTS[shop] += 1", "independent"),
        ("self.queue.put_nowait(shop)", "independent"),
        ("pass", "likely"),
    ],
    ids=["in order", "counts under keys", "an element's own queue", "an empty hook"],
)
def test_a_loop_that_never_waits_is_judged_by_what_it_does(
    only_site: OnlySite, body: str, verdict: str
) -> None:
    site = only_site(f"""
        import asyncio
        from collections import defaultdict

        ORDER, COUNTS = [], defaultdict(int)

        class Shop:
            def __init__(self):
                self.queue = asyncio.Queue()

            async def tell(self, shop: str):
                {body}

        async def f(shops: list[Shop]):
            for shop in shops:
                await shop.tell(shop.name)
    """)
    assert site.verdict == verdict, site.reason


def test_what_tasks_do_is_waited_for_before_the_second(only_site: OnlySite) -> None:
    site = only_site(
        "import asyncio\nasync def known(): return await web.get('/a')\n"
        "async def f(tasks: dict):\n    done, _ = await asyncio.wait(tasks.keys())\n"
        "    a = await known()\n    return done, a\n"
    )
    assert site.verdict == "dependent", site.reason


def test_a_connection_is_accepted_before_it_is_served(only_site: OnlySite) -> None:
    site = only_site(
        "import httpx\nweb = httpx.AsyncClient()\nasync def f(websocket):\n"
        "    await websocket.accept()\n    return await web.get('/a')\n"
    )
    assert site.verdict == "unsafe", site.reason


def test_an_empty_method_that_an_heir_overrides_is_a_hook(only_site: OnlySite) -> None:
    site = only_site("""
        class Shop:
            async def start(self):
                pass

        class Bakery(Shop):
            async def start(self):
                self.ready = True

        async def f(shops: list[Shop]):
            for shop in shops:
                await shop.start()
    """)
    assert (site.verdict, "a hook" in site.reason) == ("unsafe", True), site.reason


def test_contexts_are_entered_in_order(only_site: OnlySite) -> None:
    site = only_site(
        "async def f(stack, contexts):\n    found = []\n    for context in contexts:\n"
        "        found.append(await stack.enter_async_context(context))\n    return found\n"
    )
    assert site.verdict == "unsafe", site.reason


def test_chunks_of_a_gather_bound_how_many_run(only_site: OnlySite) -> None:
    site = only_site(
        "import asyncio\nasync def f(chunks):\n    found = []\n    for chunk in chunks:\n"
        "        found += [await asyncio.gather(*chunk)]\n    return found\n"
    )
    assert site.verdict == "unsafe", site.reason


@pytest.mark.parametrize(("name", "verdict"), [("update", "unsafe"), ("shown", "likely")])
def test_what_is_not_known_to_the_bottom_does_what_its_name_says(
    only_site: OnlySite, name: str, verdict: str
) -> None:
    site = only_site(
        "import asyncio, httpx, store\nweb = httpx.AsyncClient()\n"
        f"def {name}(x): return store.table(x)\nasync def f(x):\n"
        f"    a = await web.get('/a')\n    b = await asyncio.to_thread({name}, x)\n"
        "    return a, b\n"
    )
    assert site.verdict == verdict, site.reason


def test_an_unknown_response_serves_one_reader_at_a_time(only_site: OnlySite) -> None:
    site = only_site(
        "async def f(response):\n    a = await response.text()\n"
        "    b = await response.read()\n    return a, b\n"
    )
    assert site.verdict == "unsafe", site.reason


def test_a_property_of_a_subclass_may_give_what_waits(only_site: OnlySite) -> None:
    site = only_site("""
class Silent:
    async def emit(self, event): pass
class Speaking(Silent):
    @property
    def emit(self): return self.socket.emit
async def f(emitter: Silent, names):
    for name in names:
        await emitter.emit(name)
""")
    assert site.verdict == "unsafe", site.reason


def test_a_context_variable_that_is_set_stays_in_its_task(only_site: OnlySite) -> None:
    source = (
        HTTP + "from contextvars import ContextVar\nuser = ContextVar('user')\n"
        "async def login():\n    user.set(await get('/me'))\n"
        "async def f():\n    await login()\n    a = await get('/a')\n    return a\n"
    )
    assert only_site(source).verdict == "unsafe"


def test_one_lock_makes_them_take_turns(only_site: OnlySite) -> None:
    source = (
        HTTP + "import asyncio\nlock = asyncio.Lock()\n"
        "async def turn(path):\n    async with lock:\n        return await get(path)\n"
        "async def f():\n    a = await turn('/a')\n    b = await turn('/b')\n    return a, b\n"
    )
    site = only_site(source)
    assert (site.verdict, site.remedy) == ("independent", "none")


def test_changes_to_a_list_of_the_caller_keep_their_order(only_site: OnlySite) -> None:
    source = (
        HTTP + "async def f():\n    found = []\n"
        "    async def add(path):\n        found.append(await get(path))\n"
        "    await add('/a')\n    await add('/b')\n    return found\n"
    )
    assert only_site(source).verdict == "unsafe"


def test_the_experiment(scan_source: Callable[..., Scan]) -> None:
    from pathlib import Path

    source = Path(__file__).parents[2].joinpath("app.py").read_text()
    verdicts: dict[str, set[str]] = {}
    for site in scan_source(source).sites:
        verdicts.setdefault(site.function, set()).add(site.verdict)
    assert verdicts == {"async_independent": {"independent"}, "async_dependent": {"dependent"}}


def test_a_run_too_long_to_try_in_pairs_is_not_called_independent(
    scan_source: Callable[..., Scan],
) -> None:
    for count, verdict in ((20, "independent"), (300, "likely")):
        awaits = "\n    ".join("await get('/a')," for _ in range(count))
        scan = scan_source(f"{HTTP}\nasync def f():\n  return (\n    {awaits}\n  )\n")
        (run,) = [site for site in scan.sites if site.kind == "run"]
        assert (len(run.lines), run.verdict) == (count, verdict)


@pytest.mark.parametrize(("name", "verdict"), [("read", "likely"), ("step", "unsafe")])
def test_what_is_too_deep_to_read_does_what_its_name_says(
    only_site: OnlySite, name: str, verdict: str
) -> None:
    chain = "".join(
        f"async def {name}_{n}(): return await {name}_{n + 1}()\n" for n in range(2_000)
    )
    site = only_site(
        f"{chain}async def {name}_2000(): return 1\n"
        f"async def f():\n    a = await {name}_0(); b = await {name}_0(); return a, b\n"
    )
    assert site.verdict == verdict, site.reason
