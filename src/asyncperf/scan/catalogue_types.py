"""What the methods of library classes do. Part of the catalogue."""

from dataclasses import replace

from asyncperf.scan import catalogue_methods as methods
from asyncperf.scan.catalogue_services import SERVICES
from asyncperf.scan.catalogue_stores import STORES
from asyncperf.scan.library_effects import TypeEffects
from asyncperf.scan.values import named

# Of `fastapi.security`: those that refuse, and those that only collect fields of a form.
REFUSING = named(
    """
    HTTPBearer HTTPBasic HTTPDigest APIKeyHeader APIKeyQuery APIKeyCookie OAuth2 OpenIdConnect
    OAuth2PasswordBearer OAuth2AuthorizationCodeBearer
    """
)
COLLECTING = named("OAuth2PasswordRequestForm OAuth2PasswordRequestFormStrict")

TYPES: dict[str, TypeEffects] = {
    **dict.fromkeys(
        (
            "sqlalchemy.AsyncSession",
            "sqlmodel.AsyncSession",
            "sqlalchemy.Session",
            "sqlmodel.Session",
            "sqlalchemy.async_scoped_session",
            "sqlalchemy.scoped_session",
            "odmantic.AIOSession",
        ),
        methods.SESSION,
    ),
    **dict.fromkeys(
        (
            "sqlalchemy.AsyncConnection",
            "sqlalchemy.Connection",
            "asyncpg.Connection",
            "psycopg.AsyncConnection",
            "psycopg.Connection",
            "aiosqlite.Connection",
            "aiopg.Connection",
            "aiomysql.Connection",
            "asyncmy.Connection",
            "psycopg.AsyncCursor",
            "aiosqlite.Cursor",
            "asyncpg.Cursor",
            "aiomysql.Cursor",
            "asyncpg.PoolConnectionProxy",
            "databases.Connection",
            "pool.Connection",  # that a pool of no known class lends
        ),
        methods.CONNECTION,
    ),
    **dict.fromkeys(
        (
            "sqlalchemy.AsyncEngine",
            "sqlalchemy.Engine",
            "asyncpg.Pool",
            "psycopg_pool.AsyncConnectionPool",
            "databases.Database",
            "aiopg.Pool",
            "aiomysql.Pool",
        ),
        methods.POOL,
    ),
    "factory.Session": methods.MADE_SESSION,  # that a factory of no known body makes
    "sqlalchemy.async_sessionmaker": TypeEffects(
        "", "", {}, "-", makes={"begin": "sqlalchemy.AsyncSession"}
    ),
    # They look at a request's headers and parameters, never at its body.
    **dict.fromkeys((f"fastapi.{name}" for name in REFUSING), methods.SCHEME),
    "prisma.Transaction": methods.TRANSACTION,
    **dict.fromkeys(("edgedb.AsyncIOClient", "gel.AsyncIOClient"), methods.EDGEDB),
    # It spreads what it is asked over connections and threads of its own.
    "kuzu.AsyncConnection": methods.POOL,
    **dict.fromkeys(("neo4j.AsyncDriver", "neo4j.Driver"), methods.GRAPH_DRIVER),
    **dict.fromkeys(
        ("neo4j.AsyncSession", "neo4j.Session", "neo4j.AsyncTransaction", "neo4j.Transaction"),
        methods.GRAPH_SESSION,
    ),
    **dict.fromkeys(
        ("sqlalchemy.AsyncSessionTransaction", "asyncpg.Transaction", "motor.ClientSession"),
        methods.TRANSACTION,
    ),
    **dict.fromkeys(
        ("httpx.AsyncClient", "httpx.Client", "requests.Session", "hishel.AsyncCacheClient"),
        methods.HTTP_CLIENT,
    ),
    **dict.fromkeys(
        (
            "aiohttp.ClientSession",
            "aiohttp_client_cache.CachedSession",
            "aiohttp_retry.RetryClient",
        ),
        methods.AIOHTTP_CLIENT,
    ),
    **dict.fromkeys(("httpx.Response", "requests.Response"), methods.RESPONSE),
    "aiohttp.ClientResponse": methods.RESPONSE_BODY,
    **dict.fromkeys(
        (
            "starlette.WebSocket",
            "fastapi.WebSocket",
            "websockets.ClientConnection",
            "websockets.connect",
            "websockets.WebSocketClientProtocol",
            "websockets.ServerConnection",
            "redis.PubSub",
            "aiohttp.ClientWebSocketResponse",
            "asyncio.StreamReader",
            "asyncio.StreamWriter",
        ),
        methods.SOCKET,
    ),
    **dict.fromkeys(
        (
            "redis.Redis",
            "redis.RedisCluster",
            "redis.StrictRedis",
            "aioredis.Redis",
            "valkey.Valkey",
            "valkey.ValkeyCluster",
            "coredis.Redis",
            "coredis.RedisCluster",
            "fakeredis.FakeRedis",
            "fakeredis.FakeAsyncRedis",
        ),
        methods.REDIS,
    ),
    "redis.Pipeline": methods.PIPELINE,
    "redis.Sentinel": TypeEffects(
        "redis",
        "",
        methods.does(neither="master_for slave_for"),
        "q",
        makes=dict.fromkeys(("master_for", "slave_for"), "redis.Redis"),
    ),
    **dict.fromkeys(
        (
            "aiomcache.Client",
            "aiocache.BaseCache",
            "aiocache.Cache",
            "aiocache.RedisCache",
            "aiocache.SimpleMemoryCache",
        ),
        methods.KEY_VALUES,
    ),
    "beanie.Document": methods.BEANIE,
    "beanie.FindMany": methods.BEANIE_QUERY,
    **dict.fromkeys(("tortoise.Model", "tortoise.QuerySet"), methods.TORTOISE),
    "aiogram.FSMContext": TypeEffects(
        "the chat's state", "", methods.does(reads="get_data get_state get_value")
    ),
    **dict.fromkeys(("aiofiles.File", "anyio.AsyncFile", "io.File"), methods.FILE),
    **dict.fromkeys(("zipfile.ZipFile", "tarfile.TarFile"), methods.ARCHIVE),
    **dict.fromkeys(("starlette.Request", "fastapi.Request"), methods.REQUEST),
    **dict.fromkeys(
        ("quart.Request", "aiohttp.Request", "aiohttp.BaseRequest", "sanic.Request"), methods.SERVED
    ),
    **dict.fromkeys(
        ("playwright.Page", "playwright.Frame", "playwright.Locator", "playwright.ElementHandle"),
        methods.PAGE,
    ),
    "sqlalchemy.Query": methods.QUERY,
    **dict.fromkeys(
        ("sqlite3.Connection", "sqlite3.Cursor"),
        replace(
            methods.PLAIN_CONNECTION,
            makes=dict.fromkeys(("cursor", "execute", "executemany"), "sqlite3.Cursor"),
        ),
    ),
    **dict.fromkeys(
        ("psycopg2.connection", "psycopg2.cursor"),
        replace(methods.PLAIN_CONNECTION, makes={"cursor": "psycopg2.cursor"}),
    ),
    **dict.fromkeys(
        ("pymysql.Connection", "pymysql.Cursor"),
        replace(methods.PLAIN_CONNECTION, makes={"cursor": "pymysql.Cursor"}),
    ),
    # Rows are fetched on the connection, of which the statement has said that it is used.
    **dict.fromkeys(("sqlalchemy.Result", "sqlalchemy.AsyncResult"), methods.MEMORY),
    **dict.fromkeys(
        ("fastapi.UploadFile", "starlette.UploadFile"),
        TypeEffects("", "upload", methods.does(reads="read"), "w"),
    ),
    **dict.fromkeys(
        (
            "asyncio.Lock",
            "asyncio.Semaphore",
            "asyncio.BoundedSemaphore",
            "asyncio.Condition",
            "asyncio.Event",
            "anyio.Lock",
            "anyio.Semaphore",
            "anyio.CapacityLimiter",
            "anyio.Event",
            "threading.Lock",
            "threading.RLock",
        ),
        methods.LOCK,
    ),
    **dict.fromkeys(("asyncio.Queue", "asyncio.PriorityQueue", "asyncio.LifoQueue"), methods.QUEUE),
    **dict.fromkeys(
        (
            "contextlib.AsyncExitStack",
            "contextlib.ExitStack",
            "anyio.TaskGroup",
            "asyncio.TaskGroup",
        ),
        methods.EXCLUSIVE,
    ),
    "anyio.Path": methods.PATH,
    "pathlib.Path": methods.PATH,
    "concurrent.ThreadPoolExecutor": methods.MEMORY,
    **STORES,
    **SERVICES,
}
