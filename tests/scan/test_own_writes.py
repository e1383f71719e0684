# ruff: noqa: E501
"""Writes that belong to a loop's elements, and their neighbours that do not."""

from collections.abc import Callable

import pytest

from asyncperf.sites import Scan

from .snippets import HTTP

FILES = HTTP + "import aiofiles.os, asyncio, os, shutil, tasks\nfrom pathlib import Path\n"
SQL = """
import databases
database = databases.Database("postgresql://")
async def create_row(x): return await database.execute("INSERT INTO t VALUES (:x)", {"x": x})
async def load_row(x):
    await database.execute("UPDATE t SET seen = 1 WHERE x = :x", {"x": x})
    return await database.fetch_one("SELECT 1", {"x": x})
class Row:
    @classmethod
    async def create(cls, x): return await database.execute("INSERT INTO t VALUES (:x)", {"x": x})
"""
PUBLIC = (
    HTTP
    + "async def register(x): return await elsewhere.emit(x)\nasync def level(x): return await elsewhere.sio.emit('level', x)\nasync def ask(x): return await elsewhere.sio.update('level', x)\n"
)
ANSWERS = (
    HTTP
    + """
async def check(answer):
    if answer.status > 299: raise OSError(await answer.json())
async def tell(answer): print(await answer.run())
"""
)
SHOP = """
import shops, tracing
class Shop:
    def __init__(self, client: shops.Client): self.client = client
    async def remove(self, x): return await self.client.items.discard_item(x)
    async def tell(self, x): return await self.client.items.emit(x)
    async def update(self, x):
        with tracing.step(x):
            return await self.client.items.patch_item(x)
    async def save(self, x): return self.client.items.insert_one(x)
    async def process(self, x): return self.client.items.patch_item(x)
    async def from_texts(self, x): return self.client.items.patch_item(x)
    async def handle(self, x):
        with tracing.step(x):
            return await self.client.items.patch_item(x)
shop = Shop(shops.Client())
"""

LOOPS = {
    "files, each deleted": (
        FILES,
        "    for x in xs: await asyncio.to_thread(os.unlink, x)",
        "likely",
    ),
    "files, deleted by their own method": (
        FILES,
        "    for x in xs:\n        path = Path(x)\n        await asyncio.to_thread(path.unlink)",
        "likely",
    ),
    "one file, deleted again and again": (
        FILES,
        "    for x in xs: await asyncio.to_thread(os.unlink, 'a')",
        "unsafe",
    ),
    "files by a module's function that is awaited": (
        FILES,
        "    for x in xs: await aiofiles.os.remove(x)",
        "likely",
    ),
    "files that a plain call writes": (
        FILES,
        "    for x in xs:\n        with open(x, 'wb') as file: file.write(await get(x))",
        "likely",
    ),
    "one file that a plain call writes": (
        FILES,
        "    for x in xs:\n        with open('a', 'ab') as file: file.write(await get(x))",
        "unsafe",
    ),
    "rows that another service deletes": (
        HTTP,
        "    for x in xs: await elsewhere.delete_row(x.id)",
        "likely",
    ),
    "rows, unless one is missing": (
        HTTP,
        "    for x in xs:\n        if not x: raise KeyError(x)\n        await elsewhere.delete_row(x.id)",
        "unsafe",
    ),
    "rows, as long as all is well": (
        HTTP,
        "    for x in xs:\n        done = await elsewhere.delete_row(x.id)\n        assert done",
        "unsafe",
    ),
    "rows, of arguments that are as they should be": (
        HTTP,
        "    for x in xs:\n        assert x\n        found.append(await elsewhere.delete_row(x.id))",
        "likely",
    ),
    "rows, as long as the answer is good": (
        HTTP,
        "    for x in xs: await elsewhere.delete_row('a')",
        "unsafe",
    ),
    "messages": (HTTP, "    for x in xs: await elsewhere.send_message(x.chat, 'a')", "unsafe"),
    "messages that give something": (
        HTTP,
        "    for x in xs: found.append(await elsewhere.send_message(x.chat, 'a'))",
        "unsafe",
    ),
    "messages that a helper sends": (
        PUBLIC,
        "    for x in xs: found.append(await level(x))",
        "unsafe",
    ),
    "what a helper updates": (PUBLIC, "    for x in xs: found.append(await ask(x))", "likely"),
    "cookies that are added": (HTTP, "    for x in xs: await context.add_cookies([x])", "unsafe"),
    "cookies that are added, with what it gives": (
        HTTP,
        "    for x in xs: found.append(await context.add_cookies([x]))",
        "unsafe",
    ),
    "what is started": (HTTP, "    for x in xs: await x.start()", "unsafe"),
    "clients, each closed": (HTTP, "    for x in xs: await x.close()", "likely"),
    "one client, closed again and again": (
        HTTP,
        "    for x in xs: await elsewhere.close()",
        "unsafe",
    ),
    "jobs, each ended": (
        HTTP,
        "    for x in xs: await elsewhere.terminate_job(f'job:{x.id}')",
        "likely",
    ),
    "jobs, each begun": (
        HTTP,
        "    for x in xs: await elsewhere.start_job(f'job:{x.id}')",
        "unsafe",
    ),
    "what is started, and gives something": (
        HTTP,
        "    for x in xs: found.append(await x.start())",
        "unsafe",
    ),
    "a dropped call of which nothing is said": (
        HTTP,
        "    for x in xs: await elsewhere.handle(x)",
        "unsafe",
    ),
    "what is put into a queue": (
        FILES,
        "    queue = asyncio.Queue(1)\n    for x in xs: await queue.put(x)",
        "unsafe",
    ),
    "rows of a table that are numbered": (
        SQL,
        "    for x in xs: found.append(await create_row(x))",
        "unsafe",
    ),
    "objects that a class makes": (
        SQL,
        "    for x in xs: found.append(await Row.create(x))",
        "likely",
    ),
    "rows that are read and marked": (
        SQL,
        "    for x in xs: found.append(await load_row(x))",
        "likely",
    ),
    "one row that is read and marked": (
        SQL,
        "    for x in xs: found.append(await load_row(1))",
        "unsafe",
    ),
    "rows of a client that an object holds": (
        SHOP,
        "    for x in xs: await shop.remove(x)",
        "likely",
    ),
    "what is told by a client that an object holds": (
        SHOP,
        "    for x in xs:\n        try: await shop.tell(x)\n        except Exception: pass",
        "unsafe",
    ),
    "rows that are updated in a way not known to the bottom": (
        SHOP,
        "    for x in xs: await shop.update(x)",
        "likely",
    ),
    "rows that are inserted in a way not known to the bottom": (
        SHOP,
        "    for x in xs: await shop.save(x)",
        "unsafe",
    ),
    "what is done in a way not known to the bottom": (
        SHOP,
        "    for x in xs: await shop.handle(x)",
        "unsafe",
    ),
    "a helper that looks at the answer": (
        ANSWERS,
        "    for x in xs:\n        answer = await get(x)\n        await check(answer)\n        found.append(answer)",
        "likely",
    ),
    "a helper that hides what it does": (
        ANSWERS,
        "    for x in xs:\n        answer = await get(x)\n        await tell(answer)\n        found.append(answer)",
        "unsafe",
    ),
    "what listeners have": (
        HTTP,
        "    for x, listener in xs: found.append(await listener.get_events())",
        "likely",
    ),
    "listeners that are called": (
        HTTP,
        "    for x, listener in xs: found.append(await listener.told(x))",
        "unsafe",
    ),
    "what is processed in a way not known to the bottom, for what it gives": (
        SHOP,
        "    for x in xs: found.append(await shop.process(x))",
        "likely",
    ),
    "a store that is made in a way not known to the bottom": (
        SHOP,
        "    for x in xs: found.append(await shop.from_texts(x))",
        "unsafe",
    ),
    "a name that an awaited method does not fill": (
        HTTP,
        "    for x in xs: found.append(await client.get(x))\n    for x in xs:\n        await shelf.remove(x)",
        "likely",
    ),
    "a list that is filled, and asked": (
        HTTP,
        "    seen = []\n    for x in xs:\n        seen.append(x)\n        await elsewhere.remove(seen)",
        "dependent",
    ),
}


@pytest.mark.parametrize(("setup", "body", "verdict"), LOOPS.values(), ids=LOOPS)
def test_a_loop_that_writes(
    scan_source: Callable[..., Scan], setup: str, body: str, verdict: str
) -> None:
    scan = scan_source(f"{setup}\nasync def f(xs):\n    found = []\n{body}\n    return found\n")
    *_, site = (site for site in scan.sites if site.function == "f" and site.kind == "loop")
    assert site.verdict == verdict, site.reason


def test_the_doubt_says_whose_the_write_is(scan_source: Callable[..., Scan]) -> None:
    scan = scan_source(
        "import os, asyncio\nasync def f(xs):\n    for x in xs: await asyncio.to_thread(os.unlink, x)\n"
    )
    (site,) = scan.sites
    assert site.reason.endswith("that what each writes to files is its own is not proved")
