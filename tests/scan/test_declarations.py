"""Which method of which class is meant."""

from .conftest import OnlySite

REPOSITORY = """
from typing import Protocol
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
class Asks(Protocol):
    async def rows(self, statement): ...
class ById:
    async def by_id(self: Asks, number): return await self.rows(select(number))
class Kept:
    def __init__(self, session: AsyncSession): self.kept = session
    async def rows(self, statement): return await self.kept.execute(statement)
class Users(ById, Kept):
    @classmethod
    def of(cls, session: AsyncSession): return cls(session)
"""


def test_a_mixin_calls_methods_of_the_classes_it_is_mixed_into(only_site: OnlySite) -> None:
    site = only_site(
        f"{REPOSITORY}\n"
        "async def f(x: AsyncSession, y: AsyncSession):\n"
        "    users, more = Users.of(x), Users.of(x)\n"
        "    a = await users.by_id(1)\n"
        "    b = await more.by_id(2)\n"
        "    return a, b\n"
    )
    assert site.reason == "both use one session, `x`, which serves one caller at a time"


def test_attributes_are_looked_up_in_pythons_order(only_site: OnlySite) -> None:
    site = only_site(
        """
        import httpx
        client = httpx.AsyncClient()
        class Far:
            async def load(self): return await client.get("/far")
        class Near(Far): ...
        class Other:
            async def load(self): return await client.post("/other")
        class Both(Near, Other): ...
        async def f(both: Both):
            a = await both.load()
            b = await both.load()
            return a, b
        """
    )
    assert site.verdict == "independent", site.reason


def test_a_promise_gives_way_to_what_keeps_it(only_site: OnlySite) -> None:
    site = only_site(
        """
        import httpx
        from typing import Protocol
        client = httpx.AsyncClient()
        class Loads(Protocol):
            async def load(self): ...
        class Mixin(Loads): ...
        class Loader:
            async def load(self): return await client.get("/")
        class Both(Mixin, Loader): ...
        async def f(both: Both):
            a = await both.load()
            b = await both.load()
            return a, b
        """
    )
    assert site.verdict == "independent", site.reason
