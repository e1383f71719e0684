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
