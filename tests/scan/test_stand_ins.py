"""Which classes a call may mean: those of tests only in tests, and those that fit a protocol."""

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from asyncperf.scan import scan_paths
from asyncperf.sites import Site

OnlySite = Callable[..., Site]

SHOP = """
import httpx
from typing import Protocol
client = httpx.AsyncClient()
class Prices:
    async def load(self, name): return await client.get(name)
async def f(prices: Prices):
    a = await prices.load(1)
    b = await prices.load(2)
    return a, b
"""
COUNTING = """
from app import Prices
class {name}(Prices):
    async def load(self, name):
        self.asked.append(name)
        return await self.client.get(name)
"""
PROTOCOL = """
import httpx
from typing import Protocol
client = httpx.AsyncClient()
class Store(Protocol):
    async def load(self, name): ...
    async def close(self): ...
class Remote:
    async def load(self, name): return await client.get(name)
    {other}
async def f(store: Store):
    a = await store.load(1)
    b = await store.load(2)
    return a, b
"""


@pytest.mark.parametrize(
    ("file", "name", "verdict"),
    [
        ("tests__test_app", "Counting", "independent"),
        ("told", "MockPrices", "independent"),
        ("told", "Counting", "unsafe"),
    ],
)
def test_what_only_tests_override(only_site: OnlySite, file: str, name: str, verdict: str) -> None:
    assert only_site(SHOP, **{file: COUNTING.format(name=name)}).verdict == verdict


@pytest.mark.parametrize(
    ("other", "verdict"),
    [("async def close(self): pass", "independent"), ("async def open(self): pass", "likely")],
)
def test_a_class_that_has_all_of_a_protocol(only_site: OnlySite, other: str, verdict: str) -> None:
    assert only_site(PROTOCOL.format(other=other)).verdict == verdict


def test_a_package_may_import_its_parts_from_itself(tmp_path: Path) -> None:
    files = {
        "app": """
            from shop import utils
            async def f():
                a = await utils.common.ask(1)
                b = await utils.common.ask(2)
                return a, b
            """,
        "shop/__init__": "",
        "shop/utils/__init__": "from shop.utils import common",
        "shop/utils/common": """
            import httpx
            async def ask(x):
                return await httpx.AsyncClient().get(x)
            """,
    }
    for name, text in files.items():
        file = tmp_path / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(text))
    (site,) = scan_paths([tmp_path]).sites
    assert site.verdict == "independent", site.reason


@pytest.mark.parametrize(
    ("body", "verdict"),
    [
        ("found.append(await hook(x))", "unsafe"),
        ("found.append(await asked(x))", "likely"),
        ("found.append(await tool.ainvoke(x))", "unsafe"),
    ],
)
def test_hooks_and_tools_are_called_in_turn(only_site: OnlySite, body: str, verdict: str) -> None:
    source = (
        f"async def f(hook, asked, tool, xs):\n    found = []\n    for x in xs:\n        {body}\n"
    )
    site = only_site(source)
    assert site.verdict == verdict, site.reason


def test_a_middleware_that_gives_something_to_await(only_site: OnlySite) -> None:
    source = """
        async def f(items, event):
            for middleware in items:
                told = middleware.after(event)
                event.answers.append(await told)
        """
    assert only_site(source).verdict == "unsafe"
    assert only_site(source.replace("middleware", "price")).verdict != "independent"


@pytest.mark.parametrize(
    ("base", "verdict"), [("raise NotImplementedError", "unsafe"), ("return 0", "independent")]
)
def test_what_others_will_fill(only_site: OnlySite, base: str, verdict: str) -> None:
    source = f"""
        class Provider:
            async def send_code(self, user): {base}
        class Quiet(Provider):
            async def send_code(self, user): return False
        async def f(providers: list[Provider], user):
            return [await provider.send_code(user) for provider in providers]
        """
    assert only_site(source).verdict == verdict


@pytest.mark.parametrize(
    ("body", "verdict"),
    [
        ("await x.subscribe('a'); b = await y.fetch_names()", "unsafe"),
        ("await x.aclose(); b = await y.fetch_names()", "unsafe"),
        ("for y in x: await y.factory.__aenter__()", "unsafe"),
        ("a = await x.fetch_names(); b = await y.fetch_names()", "independent"),
    ],
)
def test_what_begins_or_ends_something(only_site: OnlySite, body: str, verdict: str) -> None:
    assert only_site(f"async def f(x, y):\n    {body}\n").verdict == verdict
