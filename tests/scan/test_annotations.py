"""Types by way of names that stand for others."""

from collections.abc import Callable

import pytest

from asyncperf.sites import Scan

from .conftest import OnlySite

NAMED = """
from typing import Annotated, NewType
from fastapi import Depends
from sqlalchemy.ext.asyncio import AsyncSession as _Session
async def given() -> _Session: ...
Plain = _Session
Injected = Annotated[_Session, Depends(given)]
Twice = Injected
New = NewType("New", _Session)
Newer = NewType("Newer", New)
type Stated = _Session
"""


@pytest.mark.parametrize("name", ["Plain", "Injected", "Twice", "New", "Newer", "Stated"])
def test_an_alias_means_what_it_does_where_it_stands(only_site: OnlySite, name: str) -> None:
    body = "a = await x.scalar(select(1)); b = await x.get(int, 2); return a, b"
    source = f"from names import {name}\nfrom sqlalchemy import select\n"
    site = only_site(f"{source}async def f(x: {name}): {body}\n", names=NAMED)
    assert site.reason == "both use one session, `x`, which serves one caller at a time"


def test_a_dependency_named_elsewhere_is_found(scan_source: Callable[..., Scan]) -> None:
    names = """
    from typing import Annotated
    import httpx
    from fastapi import Depends
    client = httpx.AsyncClient()
    async def flags(): return await client.get("/flags")
    async def limits(): return await client.get("/limits")
    Flags = Annotated[dict, Depends(flags)]
    Limits = Annotated[dict, Depends(limits)]
    """
    scan = scan_source(
        """
        from fastapi import FastAPI
        from names import Flags, Limits
        app = FastAPI()
        @app.get("/")
        async def f(a: Flags, b: Limits): ...
        """,
        names=names,
    )
    (site,) = [site for site in scan.sites if site.kind == "dependencies"]
    assert site.verdict == "independent", site.reason
