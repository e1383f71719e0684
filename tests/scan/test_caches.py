"""Which stores only fill a cache, in memory."""

from collections.abc import Callable

import pytest

from asyncperf.sites import Site

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
    only_site: Callable[..., Site], asks: str, stores: str, verdict: str
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
