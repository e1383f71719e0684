"""What serves one caller at a time, however it is come by: sessions, requests, responses."""

from collections.abc import Callable

import pytest

from asyncperf.sites import Scan

from .conftest import OnlySite
from .snippets import SQL

SHARED_SESSIONS = {
    "handed to a repository": """
class Repository:
    def __init__(self, session): self.session = session
    async def all(self): return await self.session.execute(select(1))
async def f(session: AsyncSession):
    first, second = Repository(session), Repository(session)
    a = await first.all()
    b = await second.all()
    return a, b
""",
    "held by a service, and by one of its own": """
class Service:
    def __init__(self, session: AsyncSession): self.session = session
    @classmethod
    @contextlib.asynccontextmanager
    async def opened(cls, session: AsyncSession | None = None) -> "AsyncGenerator[Self, None]":
        if session is not None:
            yield cls(session)
        else:
            async with maker() as session: yield cls(session)
    async def own(self): return await self.session.execute(select(1))
class Shop(Service):
    def __init__(self, session: AsyncSession):
        super().__init__(session)
        self.settings = Service(session)
    async def of_settings(self): return await self.settings.own()
async def f():
    async with Shop.opened() as shop:
        a = await shop.of_settings()
        b = await shop.own()
    return a, b
""",
    "held by services of a library": """
from advanced_alchemy.extensions.litestar import service
class Users(service.SQLAlchemyAsyncRepositoryService["User"]): pass
class Teams(service.SQLAlchemyAsyncRepositoryService["Team"]): pass
async def f(users: Users, teams: Teams):
    a = await users.count()
    b = await teams.count()
    return a, b
""",
    "held by what unknown code is given": """
class Users:
    def __init__(self, session: AsyncSession): self.session = session
async def f(users: Users, tools):
    return [await tool.is_there(users) for tool in tools]
""",
    "asked of an object": """
from sqlalchemy.ext.asyncio import async_object_session
async def friends(user):
    return await users(async_object_session(user))
async def f(user, other):
    a = await friends(user)
    b = await friends(other)
    return a, b
""",
    "handed to a repository's factory": """
class Repository:
    def __init__(self, session): self.session = session
    @classmethod
    def of(cls, session: AsyncSession) -> "Repository": return cls(session)
    async def all(self): return await self.session.execute(select(1))
async def f(session: AsyncSession):
    a = await Repository.of(session).all()
    b = await users(session)
    return a, b
""",
    "held by two services of the caller": """
class Service:
    def __init__(self, session: AsyncSession): self.session = session
    async def all(self): return await self.session.execute(select(1))
async def f(a: Service, b: Service):
    x = await a.all()
    y = await b.all()
    return x, y
""",
    "behind an optional argument": """
async def found(db: AsyncSession | None = None):
    if db is not None:
        return await users(db)
    return await own_users()
async def f(db: AsyncSession | None = None):
    a = await found(db)
    b = await found(db=db)
    return a, b
""",
    "opened by a context manager that may reuse one": """
from contextlib import asynccontextmanager
@asynccontextmanager
async def opened(db):
    if db: yield db
    else:
        async with maker() as session: yield session
async def found(db):
    async with opened(db) as session:
        return await users(session)
async def f(db: AsyncSession):
    a = await found(db)
    b = await found(db)
    return a, b
""",
    "in a context variable": """
from contextvars import ContextVar
current: ContextVar[AsyncSession] = ContextVar("current")
async def found(): return await users(current.get())
async def f():
    a = await found()
    b = await found()
    return a, b
""",
    "in a closure": """
async def f(session: AsyncSession):
    async def found(): return await users(session)
    a = await found()
    b = await found()
    return a, b
""",
    "given to unknown functions": """
from elsewhere import get_a, get_b
async def f(session: AsyncSession):
    a = await get_a(session)
    b = await get_b(session=session)
    return a, b
""",
    "without any type": """
async def f(session):
    a = await session.get_a()
    b = await session.get_b()
    return a, b
""",
    "in a base class that is not there": """
from elsewhere import Base
class Repository(Base):
    async def f(self):
        a = await self.session.scalar(1)
        b = await self.get_other()
        return a, b
f = None
""",
}


@pytest.mark.parametrize("source", SHARED_SESSIONS.values(), ids=SHARED_SESSIONS)
def test_a_shared_session_is_never_missed(scan_source: Callable[..., Scan], source: str) -> None:
    sites = [s for s in scan_source(SQL + source).sites if s.function.split(".")[-1] == "f"]
    assert [site.verdict for site in sites] == ["unsafe"], sites


def test_a_shared_object_is_named_with_its_place(only_site: OnlySite) -> None:
    site = only_site(
        SQL + "async def f(session: AsyncSession):\n"
        "    a = await users(session)\n    b = await users(session)\n    return a, b\n"
    )
    assert "`session`" in site.reason
    assert site.fact_file == "app.py"
    assert site.fact_line == 6
    assert site.remedy == "none"


def test_what_nobody_has_written_may_use_the_session_that_it_is_given(only_site: OnlySite) -> None:
    site = only_site(
        "from typing import Protocol\n" + SQL + "class Source(Protocol):\n"
        "    async def get(self, x: AsyncSession): ...\n"
        "async def f(one: Source, two: Source, x: AsyncSession):\n"
        "    a = await one.get(x)\n    b = await two.get(x)\n    return a, b\n"
    )
    assert site.reason == "both use one session, `x`, which serves one caller at a time"


def test_what_holds_no_session_may_be_given_to_unknown_code(only_site: OnlySite) -> None:
    site = only_site(
        "class Users:\n    def __init__(self, path: str): self.path = path\n"
        "async def f(users: Users, tools):\n"
        "    return [await tool.is_there(users) for tool in tools]\n"
    )
    assert site.verdict == "likely", site.reason


def test_money_is_no_transaction_of_a_database(only_site: OnlySite) -> None:
    site = only_site(
        SQL + "from stripe import BalanceTransaction\n"
        "async def f(x: AsyncSession, fee: BalanceTransaction):\n"
        "    a = await users(x)\n    b = await fee.get_all()\n    return a, b\n"
    )
    assert site.verdict == "likely", site.reason


OF_A_REQUEST = {
    "what the app keeps on its state": ("request.state.shop", "likely"),
    "what it keeps on the app's": ("request.app.state.shop", "likely"),
    "a session on its state": ("request.state.session", "unsafe"),
    "the request itself": ("request", "unsafe"),
}


@pytest.mark.parametrize(("owner", "verdict"), OF_A_REQUEST.values(), ids=OF_A_REQUEST)
def test_what_hangs_on_a_request(only_site: OnlySite, owner: str, verdict: str) -> None:
    method = "json" if owner == "request" else "get"
    site = only_site(
        "from fastapi import Request\nasync def f(request: Request):\n"
        f"    a = await {owner}.{method}()\n    b = await {owner}.{method}()\n    return a, b\n"
    )
    assert site.verdict == verdict, site.reason


def test_an_unknown_response_serves_one_reader_at_a_time(only_site: OnlySite) -> None:
    site = only_site(
        "async def f(response):\n    a = await response.text()\n"
        "    b = await response.read()\n    return a, b\n"
    )
    assert site.verdict == "unsafe", site.reason


@pytest.mark.parametrize(
    ("scope", "verdict"),
    [
        ("scopefunc=current_task", "independent"),
        ("asyncio.current_task", "independent"),
        ("scopefunc=request_id", "unsafe"),
    ],
)
def test_a_session_for_each_task(only_site: OnlySite, scope: str, verdict: str) -> None:
    site = only_site(f"""{SQL}
import asyncio
from asyncio import current_task
from contextlib import asynccontextmanager
from sqlalchemy.ext.asyncio import async_scoped_session
from elsewhere import request_id
scoped = async_scoped_session(maker, {scope})
@asynccontextmanager
async def opened():
    session = scoped()
    try: yield session
    finally: await session.close()
async def found():
    async with opened() as session: return await users(session)
async def f():
    a = await found()
    b = await found()
    return a, b
""")
    assert site.verdict == verdict, site.reason


@pytest.mark.parametrize(
    ("lock", "body", "verdict"),
    [
        ("self._lock", "return await self._conn.execute(select(1))", "independent"),
        ("self._lock", "await self._conn.execute(select(1)); await self._conn.commit()", "unsafe"),
        ("asyncio.Lock()", "return await self._conn.execute(select(1))", "unsafe"),
        ("self._slots", "return await self._conn.execute(select(1))", "unsafe"),
    ],
    ids=["one's own", "with a commit", "of each call", "a semaphore"],
)
def test_a_connection_under_a_lock(only_site: OnlySite, lock: str, body: str, verdict: str) -> None:
    site = only_site(f"""{SQL}
import asyncio
class Shop:
    def __init__(self, conn: AsyncSession):
        self._conn = conn
        self._lock = asyncio.Lock()
        self._slots = asyncio.Semaphore(2)
    async def ask(self):
        async with {lock}:
            {body}
async def f(shop: Shop):
    a = await shop.ask()
    b = await shop.ask()
    return a, b
""")
    assert site.verdict == verdict, site.reason


@pytest.mark.parametrize("first", ["found", "opened_rows"])
def test_a_session_of_what_asks_itself_for_another(only_site: OnlySite, first: str) -> None:
    site = only_site(f"""{SQL}
from contextlib import asynccontextmanager
@asynccontextmanager
async def opened(tenant):
    if tenant: await found()
    async with maker() as session: yield session
async def found():
    async with opened(None) as made: return await made.execute(select(1))
async def opened_rows():
    async with opened(1) as rows: return await rows.execute(select(1))
async def f():
    a = await {first}()
    b = await {first}()
    return a, b
""")
    assert site.verdict == "independent", site.reason


PLAIN_STORE = """
class Store:
    def __init__(self, path):
        self.conn = DRIVER.connect(path)
        self.lock = threading.Lock()
    def rows(self):
        cursor = self.conn.cursor()
        cursor.execute("SELECT * FROM a")
        return cursor.fetchall()
    def count(self):
        return self.conn.execute("SELECT COUNT(*) FROM a").fetchone()
    def rows_in_turn(self):
        with self.lock:
            return self.conn.execute("SELECT * FROM a").fetchall()
    def count_in_turn(self):
        with self.lock:
            return self.conn.execute("SELECT COUNT(*) FROM a").fetchone()
    async def rows_at_once(self):
        found = self.rows()
        await asyncio.sleep(0)
        return found
store = Store("shop.db")
async def f(loop):
    a = await FIRST
    b = await SECOND
    return a, b
"""


@pytest.mark.parametrize("driver", ["sqlite3", "psycopg2", "pymysql"])
@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        ("asyncio.to_thread(store.rows)", "asyncio.to_thread(store.count)", "unsafe"),
        ("loop.run_in_executor(None, store.rows)", "asyncio.to_thread(store.count)", "unsafe"),
        (
            "asyncio.to_thread(store.rows_in_turn)",
            "asyncio.to_thread(store.count_in_turn)",
            "independent",
        ),
        ("store.rows_at_once()", "store.rows_at_once()", "independent"),
    ],
)
def test_a_connection_that_nobody_awaits_is_for_one_thread_at_a_time(
    only_site: OnlySite, driver: str, first: str, second: str, verdict: str
) -> None:
    source = PLAIN_STORE.replace("DRIVER", driver).replace("FIRST", first).replace("SECOND", second)
    site = only_site(f"import asyncio, threading, {driver}\n{source}")
    assert site.verdict == verdict, site.reason
    if verdict == "unsafe":
        assert "one connection, `store.conn`" in site.reason


GIVEN_OR_OPENED = """
from contextlib import asynccontextmanager
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
@asynccontextmanager
async def lent(engine: AsyncEngine, connection: AsyncConnection | None = None):
    opens = connection is None
    if opens:
        connection = await engine.connect()
    yield connection
    if opens:
        await connection.close()
async def rows(engine: AsyncEngine, connection: AsyncConnection | None = None):
    async with lent(engine, connection) as opened:
        return await opened.scalar(select(1))
async def own_rows(engine: AsyncEngine):
    async with lent(engine) as opened:
        return await opened.scalar(select(1))
async def open_rows(engine: AsyncEngine, **more):
    async with lent(engine, **more) as opened:
        return await opened.scalar(select(1))
"""


@pytest.mark.parametrize(
    ("call", "verdict"),
    [
        ("rows(engine)", "independent"),
        ("own_rows(engine)", "independent"),
        ("rows(engine, connection)", "unsafe"),
        ("rows(engine, connection=connection)", "unsafe"),
        # Whether one is given nobody sees.
        ("open_rows(engine, **more)", "unsafe"),
        ("rows(engine, **more)", "unsafe"),
    ],
)
def test_a_connection_that_is_given_or_opened(only_site: OnlySite, call: str, verdict: str) -> None:
    site = only_site(
        f"{GIVEN_OR_OPENED}async def f(engine: AsyncEngine, connection: AsyncConnection, more):\n"
        f"    a = await {call}; b = await {call}; return a, b\n"
    )
    assert site.verdict == verdict, site.reason
