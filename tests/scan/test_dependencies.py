"""Dependencies of an endpoint."""

from collections.abc import Callable

import pytest

from asyncperf.sites import Scan

SETUP = """
from typing import Annotated
import httpx
from fastapi import Depends, FastAPI, HTTPException, Security
from fastapi.security import HTTPBearer, OAuth2PasswordRequestForm
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
app, client = FastAPI(), httpx.AsyncClient()
async def session() -> AsyncSession: ...
async def flags(): return (await client.get("/flags")).json()
async def limits(): return (await client.get("/limits")).json()
async def user():
    found = await client.get("/me")
    if not found: raise HTTPException(401)
    return found
async def rows(session: AsyncSession = Depends(session)): return await session.execute(select(1))
async def more(session: AsyncSession = Depends(session)): return await session.execute(select(2))
async def of_flags(flags=Depends(flags)): return (await client.get("/more")).json()
async def deep(found=Depends(of_flags)): return (await client.get("/deep")).json()
Limits = Annotated[dict, Depends(limits)]
def rows_of(table):
    async def found(session: AsyncSession = Depends(session)):
        return await session.execute(select(table))
    return found
class Reader:
    def __init__(self, path): self.path = path
    async def __call__(self): return (await client.get(self.path)).json()
class Limit:
    def __init__(self, requests): self.requests = requests
    async def __call__(self): return await client.post("/counts", json=self.requests)
def after(first):
    async def found(first=Depends(first)): return (await client.get("/after")).json()
    return found
users = rows_of("users")
bearer = HTTPBearer()
async def of_bearer(token=Depends(bearer)): return (await client.get("/of")).json()
class Provider:
    @classmethod
    def made(cls): return Provider()
    async def user(self, session: AsyncSession = Depends(session)): return 1
    async def limits(self): return (await client.get("/limits")).json()
provider = Provider.made()
async def named(session: AsyncSession = Depends(session)): return 1
async def of_rows(rows=Depends(rows)): return (await client.get("/of")).json()
async def of_something(found=Depends(elsewhere)): return (await client.get("/of")).json()
async def left(found=Depends(flags, use_cache=False)): return (await client.get("/left")).json()
async def right(found=Depends(flags, use_cache=False)): return (await client.get("/right")).json()
async def counted(): return await client.post("/counts", json=1)
async def one(found=Depends(counted, use_cache=False)): return 1
async def two(found=Depends(counted, use_cache=False)): return 2
"""

ENDPOINTS = {
    "two reads": ("a=Depends(flags), b=Depends(limits)", "independent"),
    "annotated": ("b: Limits, a: Annotated[dict, Depends(flags)]", "independent"),
    "one that refuses": ("a=Depends(user), b=Depends(limits)", "dependent"),
    "one session": ("a=Depends(rows), b=Depends(more)", "unsafe"),
    "one that the other needs": ("a=Depends(flags), b=Depends(of_flags)", "dependent"),
    "one that needs the other": ("a=Depends(of_flags), b=Depends(flags)", "dependent"),
    "one that it needs in the end": ("a=Depends(flags), b=Depends(deep)", "dependent"),
    "one that may need the other's session": (
        "a=Depends(session), b=Depends(elsewhere)",
        "dependent",
    ),
    "one of an object that needs the other": (
        "a=Depends(session), b=Security(provider.user)",
        "dependent",
    ),
    "one of an object": ("a=Depends(flags), b=Depends(provider.limits)", "independent"),
    "a scheme that refuses": ("a=Depends(bearer), b=Depends(flags)", "dependent"),
    "a scheme that refuses after a read": (
        "a=Depends(flags), b=Depends(HTTPBearer())",
        "independent",
    ),
    "a form": (
        "a: Annotated[OAuth2PasswordRequestForm, Depends()], b=Depends(session)",
        "independent",
    ),
    "one that needs a scheme": ("a=Depends(of_bearer), b=Depends(flags)", "independent"),
    "one that a call makes": ("a=Depends(rows), b=Depends(rows_of('users'))", "unsafe"),
    "one made with the other": ("a=Depends(flags), b=Depends(after(flags))", "dependent"),
    "one made with another": ("a=Depends(limits), b=Depends(after(flags))", "likely"),
    "one made before": ("a=Depends(rows), b=Depends(users)", "unsafe"),
    "objects that are called": ("a=Depends(Reader('/a')), b=Depends(Reader('/b'))", "independent"),
    "two made by one class": ("a=Depends(Limit(20)), b=Depends(Limit(100))", "unsafe"),
    "one session deep below": ("a=Depends(of_rows), b=Depends(more)", "unsafe"),
    "one that needs an unknown one": ("a=Depends(of_something), b=Depends(limits)", "likely"),
    "one asked for again": (
        "a=Depends(flags), b=Depends(flags, use_cache=False)",
        "independent",
    ),
    "one that writes, asked for again": (
        "a=Depends(counted), b=Depends(counted, use_cache=False)",
        "unsafe",
    ),
    "one that writes, and is there already": (
        "a=Depends(counted), b=Depends(counted)",
        "independent",
    ),
    "one that the other asks for again": ("a=Depends(flags), b=Depends(left)", "independent"),
    "both ask again for one": ("a=Depends(left), b=Depends(right)", "independent"),
    "both ask again for one that writes": ("a=Depends(one), b=Depends(two)", "unsafe"),
    "an unknown one": ("a=Depends(elsewhere), b=Depends(limits)", "likely"),
}


@pytest.mark.parametrize(("parameters", "verdict"), ENDPOINTS.values(), ids=ENDPOINTS)
def test_dependencies(scan_source: Callable[..., Scan], parameters: str, verdict: str) -> None:
    scan = scan_source(f"{SETUP}\n@app.get('/')\nasync def f({parameters}): ...\n")
    (site,) = [site for site in scan.sites if site.kind == "dependencies"]
    assert site.verdict == verdict, site.reason


@pytest.mark.parametrize(
    ("parameters", "remedy"),
    [
        ("a=Depends(flags), b=Depends(limits)", "overlap"),
        ("a=Depends(flags), b=Depends(plain)", "none"),
        ("a=Depends(flags), b=Depends(never)", "none"),
        ("a=Depends(flags), b=Depends(fetch)", "overlap"),
        ("a=Depends(flags), b=Depends(elsewhere)", "overlap"),
    ],
)
def test_dependencies_that_wait_for_nothing_gain_nothing(
    scan_source: Callable[..., Scan], parameters: str, remedy: str
) -> None:
    more = """
import requests
def plain(): return 1
async def never(): return 1
def fetch(): return requests.get("http://one")
"""
    scan = scan_source(f"{SETUP}{more}\n@app.get('/')\nasync def f({parameters}): ...\n")
    (site,) = [site for site in scan.sites if site.kind == "dependencies"]
    assert site.verdict in ("independent", "likely")
    assert site.remedy == remedy, site.reason


def test_one_dependency_is_no_site(scan_source: Callable[..., Scan]) -> None:
    scan = scan_source(f"{SETUP}\n@app.get('/')\nasync def f(a=Depends(flags)): ...\n")
    assert not scan.sites
