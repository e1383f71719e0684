# ruff: noqa: E501
"""Which stores only fill a cache, in memory or elsewhere."""

import pytest

from .conftest import OnlySite
from .snippets import HTTP

FILLING = {
    "in": ("if x in kept: return kept[x]", "kept[x] = found", "independent"),
    "not in": ("if x not in kept: pass", "kept[x] = found", "independent"),
    "asked first": ("old = kept.get(x)\n    if old: return old", "kept[x] = found", "independent"),
    "dropped if it is too old": (
        "old = kept.get(x)\n    if old and old < 3: kept.pop(x)",
        "kept[x] = found",
        "independent",
    ),
    "bound anew": (
        "old = kept.get(x)\n    if not old: old = found",
        "kept[x] = old",
        "independent",
    ),
    "never asked": ("", "kept[x] = found", "likely"),
    "another key": ("if x in kept: return kept[x]", "kept[1] = found", "likely"),
    "another cache": ("if x in kept: return kept[x]", "other[x] = found", "likely"),
    "counted": ("old = kept.get(x)\n    if old: pass", "kept[x] = old + 1", "likely"),
}


@pytest.mark.parametrize(("asks", "stores", "verdict"), FILLING.values(), ids=FILLING)
def test_who_comes_first_fills_a_cache(
    only_site: OnlySite, asks: str, stores: str, verdict: str
) -> None:
    site = only_site(f"""
import httpx
client = httpx.AsyncClient()
kept = {{}}
other = {{}}
async def shop(x):
    found = await client.get(x)
    {asks}
    {stores}
    return found
async def f():
    a = await shop(1)
    b = await shop(2)
    return a, b
""")
    assert site.verdict == verdict, site.reason


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


OWN_WAYS = """
import contextvars, httpx, redis.asyncio
http, store = httpx.AsyncClient(), redis.asyncio.Redis()
async def get_cached_rate(key): return await store.get(key)
async def set_cached_rate(key, rate): await store.set(key, rate)
async def set_cached_name(key, name): await store.set(key, name)
async def get_rate(key): return await store.get(key)
async def set_rate(key, rate): await store.set(key, rate)
"""


@pytest.mark.parametrize(
    ("asks", "stores", "verdict"),
    [
        ("get_cached_rate(key)", "set_cached_rate(key, rate)", "likely"),
        ("store.getex(key)", "store.set(key, rate)", "likely"),
        ("get_cached_rate(key) or b''", "set_cached_rate(key, rate)", "likely"),
        ("get_cached_rate(key) or b''", "set_cached_rate(key, found + rate)", "unsafe"),
        ("get_cached_rate(key)", "set_cached_rate('all', rate)", "unsafe"),
        ("get_cached_rate(key)", "set_cached_name(key, rate)", "unsafe"),
        ("get_cached_rate(key)", "set_cached_rate(key, found)", "unsafe"),
        ("get_rate(key)", "set_rate(key, rate)", "unsafe"),
    ],
)
def test_a_cache_behind_functions_of_the_project(
    only_site: OnlySite, asks: str, stores: str, verdict: str
) -> None:
    site = only_site(f"""{OWN_WAYS}
async def shown(key):
    found = (await {asks})
    if found:
        return found
    rate = await http.get(key)
    await {stores}
    return rate
async def f():
    a = await shown("a")
    b = await shown("b")
    return a, b
""")
    assert site.verdict == verdict, site.reason


@pytest.mark.parametrize(
    ("asks", "verdict"),
    [("found = kept.get(None)\n    if found is None: ", "likely"), ("", "unsafe")],
)
def test_a_context_variable_that_is_set_where_nothing_is_in_it(
    only_site: OnlySite, asks: str, verdict: str
) -> None:
    site = only_site(f"""{OWN_WAYS}
kept = contextvars.ContextVar("kept")
def client():
    {asks}kept.set(httpx.AsyncClient())
    return http
async def f():
    a = await client().get("/a")
    b = await client().get("/b")
    return a, b
""")
    assert site.verdict == verdict, site.reason


@pytest.mark.parametrize(
    ("leaves", "verdict"), [("depth.reset(self.token)", "independent"), ("pass", "unsafe")]
)
def test_a_context_variable_that_is_reset_on_leaving(
    only_site: OnlySite, leaves: str, verdict: str
) -> None:
    site = only_site(f"""
import contextvars, httpx
http = httpx.AsyncClient()
depth = contextvars.ContextVar("depth")
class Deeper:
    async def __aenter__(self):
        self.token = depth.set(1)
    async def __aexit__(self, *error):
        {leaves}
async def deep(path):
    async with Deeper():
        return await http.get(path)
async def f():
    a = await deep("/a")
    b = await deep("/b")
    return a, b
""")
    assert site.verdict == verdict, site.reason
