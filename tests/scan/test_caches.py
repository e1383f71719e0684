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
