"""What the methods of library classes do. Part of the catalogue."""

from dataclasses import replace

from asyncperf.scan.library_effects import Does, TypeEffects
from asyncperf.scan.values import named


def _does(
    reads: str = "", writes: str = "", neither: str = "", sql: str = "", **more: str
) -> dict[str, Does]:
    found: dict[str, Does] = {}
    groups: list[tuple[Does, str]] = [
        ("r", reads),
        ("w", writes),
        ("-", neither),
        ("sql", sql),
        ("http", more.get("http", "")),
        ("commit", more.get("commit", "")),
        ("q", more.get("probably", "")),
    ]
    for does, names in groups:
        found.update(dict.fromkeys(names.split(), does))
    return found


_SESSION = TypeEffects(
    "database",
    "session",
    _does(
        reads="get get_one scalar_one refresh stream_scalars",
        sql="execute scalar scalars stream exec exec_driver_sql",
        writes="add add_all delete merge bulk_save_objects bulk_insert_mappings run_sync",
        neither="expunge expunge_all expire expire_all get_bind in_transaction is_modified "
        "__contains__ close close_all reset aclose connection get_transaction no_autoflush info "
        "query",
        commit="commit flush rollback begin begin_nested prepare",
    ),
    makes={
        "begin": "sqlalchemy.AsyncSessionTransaction",
        "connection": "sqlalchemy.AsyncConnection",
        "query": "sqlalchemy.Query",
    },
)
# The older way to ask a session. It reads, until it is told to change what it found.
_QUERY = TypeEffects(
    "database",
    "",
    _does(
        reads="all first one one_or_none scalar count get exists yield_per",
        writes="delete update",
    ),
    "-",
    makes=dict.fromkeys(
        named(
            "filter filter_by join outerjoin options order_by group_by having limit offset "
            "distinct select_from where with_entities add_columns slice execution_options "
            "populate_existing enable_eagerloads with_for_update"
        ),
        "sqlalchemy.Query",
    ),
)
_CONNECTION = TypeEffects(
    "database",
    "connection",
    _does(
        reads="get_isolation_level",
        sql="execute scalar scalars stream exec_driver_sql stream_scalars fetch fetchval fetchrow "
        "fetchall fetchone execute_fetchall executemany cursor prepare copy_from_query",
        neither="close in_transaction is_closed get_raw_connection execution_options dialect",
        commit="commit rollback begin begin_nested transaction set_isolation_level",
    ),
    makes={"cursor": "asyncpg.Cursor", "transaction": "asyncpg.Transaction"}
    | dict.fromkeys(("execute", "scalars", "stream", "fetch", "fetchrow"), "sqlalchemy.Result"),
)
_POOL = TypeEffects(
    "database",
    "",
    _does(
        sql="execute executemany fetch fetchval fetchrow fetch_all fetch_one fetch_val iterate",
        neither="acquire connection release begin connect dispose getconn putconn dialect url "
        "get_size sync_engine transaction",
        writes="close",
    ),
    makes={
        "acquire": "asyncpg.Connection",
        "connection": "asyncpg.Connection",
        "connect": "asyncpg.Connection",
        "begin": "asyncpg.Connection",
    },
)
_HTTP_CLIENT = TypeEffects(
    "http",
    "",
    _does(
        reads="get head options",
        writes="post put patch delete ws_connect websocket_connect",
        http="request stream send",
        neither="build_request aclose close __aenter__ __aexit__ headers cookies",
    ),
    makes=dict.fromkeys(
        ("get", "head", "options", "post", "put", "patch", "delete", "request", "send"),
        "httpx.Response",
    )
    | {"stream": "httpx.Response", "ws_connect": "aiohttp.ClientWebSocketResponse"},
)
_AIOHTTP_CLIENT = replace(
    _HTTP_CLIENT,
    makes={
        name: made.replace("httpx.Response", "aiohttp.ClientResponse")
        for name, made in _HTTP_CLIENT.makes.items()
    },
)
_RESPONSE = TypeEffects(
    "http",
    "",
    _does(
        reads="read text json aread content aiter_bytes aiter_lines iter_chunked iter_any readline"
    ),
    "-",
)
_RESPONSE_BODY = replace(_RESPONSE, exclusive="response body")  # read from the socket at last
_SOCKET = TypeEffects(
    "socket",
    "socket",
    _does(reads="recv receive receive_text receive_json receive_bytes receive_str"),
    holds=frozenset({"app", "state"}),
)
_REDIS = TypeEffects(
    "redis",
    "",
    _does(
        reads="get mget hget hgetall hmget hkeys hvals hlen hexists exists keys scan scan_iter ttl "
        "pttl type strlen getrange llen lrange lindex smembers sismember scard sinter sunion "
        "zrange "
        "zrangebyscore zscore zcard zcount zrank zrevrange dbsize ping info memory_usage xlen "
        "xrange "
        "xinfo_stream bitcount getbit mget pubsub_numsub time",
        neither="pipeline pubsub lock register_script from_url aclose close get_default_node "
        "set_default_node get_node_from_key get_nodes get_primaries",
    ),
    makes={"pipeline": "redis.Pipeline", "pubsub": "redis.PubSub", "lock": "asyncio.Lock"},
)
_MONGO = TypeEffects(
    "database",
    "",
    _does(
        reads="find_one find count_documents estimated_document_count distinct "
        "list_collection_names "
        "aggregate list_indexes index_information to_list sort limit skip",
        neither="get_collection get_database start_session get_default_database",
    ),
    makes={
        "find": "motor.Cursor",
        "aggregate": "motor.Cursor",
        "get_collection": "motor.Collection",
        "get_database": "motor.Collection",
        "get_default_database": "motor.Collection",
        "sort": "motor.Cursor",
        "limit": "motor.Cursor",
        "skip": "motor.Cursor",
        "start_session": "motor.ClientSession",
    },
)
_FILE = TypeEffects(
    "files", "file", _does(reads="read readline readlines readall", neither="close seek tell")
)
_ARCHIVE = TypeEffects(
    "files",
    "archive",
    _does(
        reads="read open namelist infolist getinfo testzip getmember getmembers getnames "
        "extractfile",
        neither="close",
    ),
)
_REQUEST = TypeEffects(
    "",
    "request body",
    _does(reads="json body form stream", neither="is_disconnected url_for"),
    "-",
    holds=frozenset({"app", "state"}),
)
# Of servers whose requests read their body by methods of any name.
_SERVED = replace(
    _REQUEST, does=_does(reads="json body form stream read text post get_data get_json")
)
# What is done to a page and what is read of it are of one page, and in order.
_PAGE = TypeEffects(
    "the page",
    "",
    _does(
        reads="content title inner_text inner_html text_content all_text_contents input_value "
        "all_inner_texts get_attribute is_visible is_hidden is_enabled is_disabled is_checked "
        "is_editable query_selector query_selector_all count all bounding_box screenshot pdf",
        neither="locator get_by_role get_by_text get_by_label get_by_placeholder get_by_test_id "
        "first last nth filter frame_locator on once url",
    ),
    makes=dict.fromkeys(
        named(
            "locator get_by_role get_by_text get_by_label get_by_placeholder get_by_test_id "
            "first last nth filter query_selector query_selector_all all"
        ),
        "playwright.Locator",
    ),
)
_LOCK = TypeEffects(
    "",
    "",
    _does(neither="acquire release locked", writes="notify notify_all wait wait_for set clear"),
    "-",
)
_QUEUE = TypeEffects(
    "queue",
    "",
    _does(reads="qsize empty full", writes="put get put_nowait get_nowait join task_done"),
    quiet=frozenset({"put_nowait", "get_nowait"}),
)
_EXCLUSIVE = TypeEffects("", "exit stack", {}, "w")
_GRAPH_DRIVER = TypeEffects(
    "database",
    "",
    _does(sql="execute_query", neither="session close verify_connectivity get_server_info"),
    makes={"session": "neo4j.AsyncSession"},
)
_GRAPH_SESSION = TypeEffects(
    "database",
    "session",
    _does(
        sql="run", reads="execute_read last_bookmarks", neither="close", commit="commit rollback"
    ),
    makes={"begin_transaction": "neo4j.AsyncTransaction"},
)
_TRANSACTION = TypeEffects("database", "transaction", _does(commit="commit rollback start"), "w")
_PIPELINE = TypeEffects("redis", "pipeline", {}, "w")
_PATH = TypeEffects(
    "files",
    "",
    _does(
        reads="exists is_file is_dir stat read_text read_bytes iterdir glob rglob",
        writes="write_text write_bytes unlink mkdir rmdir touch rename replace chmod symlink_to",
    ),
    "-",
    makes=dict.fromkeys(("joinpath", "resolve", "with_suffix", "absolute"), "pathlib.Path"),
)
_MEMORY = TypeEffects("", "", {}, "-")
_BOTO = TypeEffects(
    "cloud",
    "",
    _does(reads="get_object head_object list_objects list_objects_v2 get_item query scan")
    | dict.fromkeys(("get_paginator", "get_waiter"), "-"),
    "q",
)

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
        _SESSION,
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
        ),
        _CONNECTION,
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
        _POOL,
    ),
    # It spreads what it is asked over connections and threads of its own.
    "kuzu.AsyncConnection": _POOL,
    **dict.fromkeys(("neo4j.AsyncDriver", "neo4j.Driver"), _GRAPH_DRIVER),
    **dict.fromkeys(
        ("neo4j.AsyncSession", "neo4j.Session", "neo4j.AsyncTransaction", "neo4j.Transaction"),
        _GRAPH_SESSION,
    ),
    **dict.fromkeys(
        ("sqlalchemy.AsyncSessionTransaction", "asyncpg.Transaction", "motor.ClientSession"),
        _TRANSACTION,
    ),
    **dict.fromkeys(
        ("httpx.AsyncClient", "httpx.Client", "requests.Session"),
        _HTTP_CLIENT,
    ),
    "aiohttp.ClientSession": _AIOHTTP_CLIENT,
    **dict.fromkeys(("httpx.Response", "requests.Response"), _RESPONSE),
    "aiohttp.ClientResponse": _RESPONSE_BODY,
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
        _SOCKET,
    ),
    **dict.fromkeys(
        (
            "redis.Redis",
            "redis.RedisCluster",
            "redis.StrictRedis",
            "aioredis.Redis",
            "valkey.Valkey",
        ),
        _REDIS,
    ),
    "redis.Pipeline": _PIPELINE,
    "aiogram.FSMContext": TypeEffects(
        "the chat's state", "", _does(reads="get_data get_state get_value")
    ),
    **dict.fromkeys(
        (
            "motor.AsyncIOMotorClient",
            "motor.AsyncIOMotorDatabase",
            "motor.AsyncIOMotorCollection",
            "motor.Collection",
            "motor.Cursor",
            "pymongo.AsyncMongoClient",
            "pymongo.AsyncCollection",
            "pymongo.AsyncDatabase",
        ),
        _MONGO,
    ),
    **dict.fromkeys(("aiofiles.File", "anyio.AsyncFile", "io.File"), _FILE),
    **dict.fromkeys(("zipfile.ZipFile", "tarfile.TarFile"), _ARCHIVE),
    **dict.fromkeys(("starlette.Request", "fastapi.Request"), _REQUEST),
    **dict.fromkeys(
        ("quart.Request", "aiohttp.Request", "aiohttp.BaseRequest", "sanic.Request"), _SERVED
    ),
    **dict.fromkeys(
        ("playwright.Page", "playwright.Frame", "playwright.Locator", "playwright.ElementHandle"),
        _PAGE,
    ),
    "sqlalchemy.Query": _QUERY,
    **dict.fromkeys(
        ("fastapi.UploadFile", "starlette.UploadFile"),
        TypeEffects("", "upload", _does(reads="read"), "w"),
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
        _LOCK,
    ),
    **dict.fromkeys(("asyncio.Queue", "asyncio.PriorityQueue", "asyncio.LifoQueue"), _QUEUE),
    **dict.fromkeys(
        (
            "contextlib.AsyncExitStack",
            "contextlib.ExitStack",
            "anyio.TaskGroup",
            "asyncio.TaskGroup",
        ),
        _EXCLUSIVE,
    ),
    "boto3.Client": _BOTO,
    **dict.fromkeys(
        ("boto3.Session", "aioboto3.Session", "aiobotocore.Session", "aiobotocore.AioSession"),
        TypeEffects(
            "", "", {}, "-", makes={"client": "boto3.Client", "resource": "boto3.Resource"}
        ),
    ),
    **dict.fromkeys(
        ("google.Client", "google.Bucket", "google.Blob"),
        TypeEffects(
            "cloud",
            "",
            _does(
                reads="get_bucket list_blobs exists download_as_bytes download_as_text get_blob",
                neither="bucket blob",
            ),
            makes={"bucket": "google.Bucket", "blob": "google.Blob", "get_bucket": "google.Bucket"},
        ),
    ),
    "anyio.Path": _PATH,
    "pathlib.Path": _PATH,
    "boto3.Resource": TypeEffects("cloud", "boto3 resource", {}, "w"),
    "concurrent.ThreadPoolExecutor": _MEMORY,
}
