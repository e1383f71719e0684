"""What is presumed of a call of which only the name is known."""

import pytest

from .conftest import OnlySite


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


POOLS = """
import asyncpg
pool = None
async def start():
    global pool
    pool = await asyncpg.create_pool()
async def rows():
    async with pool.acquire() as lent:
        return await lent.fetch("SELECT 1")
async def taken():
    lent = await pool.acquire()
    return await lent.fetch("SELECT 1")
"""


@pytest.mark.parametrize(
    ("body", "verdict"),
    [
        ("a = await rows(); b = await rows()", "independent"),
        (
            "async with pool.acquire() as c: a = await c.fetch('SELECT 1'); "
            "b = await c.fetch('SELECT 2')",
            "unsafe",
        ),
        ("a = await taken(); b = await taken()", "unsafe"),
    ],
    ids=["of each one's own", "one for both", "never given back"],
)
def test_a_connection_that_a_pool_of_no_known_class_lends(
    only_site: OnlySite, body: str, verdict: str
) -> None:
    site = only_site(f"{POOLS}async def f():\n    {body}\n    return a, b\n")
    assert site.verdict == verdict, site.reason


@pytest.mark.parametrize(
    ("made", "verdict"),
    [
        ("vendor.ShopClient()", "likely"),
        ("vendor.RateConnector()", "likely"),
        # What these were given goes out with it, or is lost.
        ("vendor.Producer()", "unsafe"),
        ("vendor.Journal()", "unsafe"),
    ],
)
def test_what_is_closed_after_it_was_asked(only_site: OnlySite, made: str, verdict: str) -> None:
    site = only_site(f"""
import httpx, vendor
http = httpx.AsyncClient()
class Shop:
    def __init__(self):
        self.asked = {made}
    async def close(self):
        await self.asked.close()
async def rates(path):
    shop = Shop()
    found = await http.get(path)
    await shop.close()
    return found
async def f():
    a = await rates("/a")
    b = await rates("/b")
    return a, b
""")
    assert site.verdict == verdict, site.reason


@pytest.mark.parametrize(
    ("held", "verdict"),
    [("vendor.OPT_A", "independent"), ("OPTIONS", "unsafe"), ("vendor.options", "unsafe")],
)
def test_a_librarys_constant_is_no_container(only_site: OnlySite, held: str, verdict: str) -> None:
    site = only_site(f"""
import httpx, vendor
http = httpx.AsyncClient()
OPTIONS = set()
async def rates(path):
    option = {held}
    option |= vendor.OPT_B
    return await http.get(path, params=option)
async def f():
    a = await rates("/a")
    b = await rates("/b")
    return a, b
""")
    assert site.verdict == verdict, site.reason


@pytest.mark.parametrize(
    ("name", "verdict"),
    [("execute_query", "likely"), ("run_sql", "likely"), ("execute_job", "unsafe")],
)
def test_what_takes_a_statement_does_what_that_says(
    only_site: OnlySite, name: str, verdict: str
) -> None:
    site = only_site(f"""
import asyncpg, vendor
pool = asyncpg.Pool()
async def {name}(text):
    vendor.told(text)
    return await pool.fetch(text)
async def f():
    a = await {name}("SELECT 1")
    b = await {name}("SELECT 2")
    return a, b
""")
    assert site.verdict == verdict, site.reason


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("query + ' LIMIT 10'", "independent"),
        ("'SELECT * FROM ' + query", "independent"),
        ("'DELETE FROM ' + query", "unsafe"),
    ],
)
def test_what_is_added_to_a_statement_says_nothing(
    only_site: OnlySite, text: str, verdict: str
) -> None:
    site = only_site(f"""
import asyncpg
pool = asyncpg.Pool()
async def rows(query):
    return await pool.fetch({text})
async def f():
    a = await rows("SELECT 1")
    b = await rows("SELECT 2")
    return a, b
""")
    assert site.verdict == verdict, site.reason


@pytest.mark.parametrize(("name", "verdict"), [("wait", "dependent"), ("weight", "likely")])
def test_what_nobody_knows_is_waited_for(only_site: OnlySite, name: str, verdict: str) -> None:
    site = only_site(
        "async def f(container):\n"
        f"    a = await container.{name}(timeout=1); b = await container.get_lines(); return a, b\n"
    )
    assert site.verdict == verdict, site.reason


@pytest.mark.parametrize(
    ("query", "verdict"),
    [
        ("select('*').eq('id', 1)", "likely"),
        ("insert(x)", "unsafe"),
        ("update(x).select()", "unsafe"),
        ("rpc(x)", "unsafe"),
    ],
)
def test_a_query_that_is_put_together(only_site: OnlySite, query: str, verdict: str) -> None:
    site = only_site(f"""
async def rows(client, x):
    return await client.table("shops").{query}.execute()
async def f(client, x):
    a = await rows(client, x); b = await rows(client, x); return a, b
""")
    assert site.verdict == verdict, site.reason


@pytest.mark.parametrize(("name", "verdict"), [("rows", "likely"), ("upsert_rows", "unsafe")])
def test_an_unknown_statement_of_what_is_named_as_a_write(
    only_site: OnlySite, name: str, verdict: str
) -> None:
    site = only_site(f"""
import asyncpg, vendor
pool = asyncpg.Pool()
async def {name}(number):
    return await pool.fetch(vendor.STATEMENTS[number])
async def f():
    a = await {name}(1); b = await {name}(2); return a, b
""")
    assert site.verdict == verdict, site.reason
