"""What library calls do: read, write, wait, block others; reviewed against their documentation.

A name is looked up by its top package and its last part, since libraries re-export:
`sqlalchemy.ext.asyncio.session.AsyncSession` and `sqlalchemy.ext.asyncio.AsyncSession` are both
`sqlalchemy.AsyncSession`. For `scan` only.
"""

import re
from dataclasses import dataclass, field
from typing import Literal

from asyncperf.scan.values import named

# r reads, w writes, q probably reads, - neither; "sql": the first argument says, as a statement;
# "http": the first argument says, as a method.
Does = Literal["r", "w", "q", "-", "sql", "http", "commit"]


@dataclass(frozen=True, slots=True)
class TypeEffects:
    """What the methods of one library class do.

    `exclusive` names an object that serves one caller at a time; `world` what it reaches
    (database, http...). `makes` says which methods return or enter an object of which class,
    `quiet` which never suspend although they are awaited.
    """

    world: str = ""
    exclusive: str = ""
    does: dict[str, Does] = field(default_factory=dict)
    otherwise: Does = "w"
    makes: dict[str, str] = field(default_factory=dict)
    quiet: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class CallEffects:
    """What one library function does; `returns` is the class of its result."""

    world: str = ""
    does: Does = "-"
    returns: str = ""
    special: str = ""  # sleep, thread, gather, partial, same: understood by `calls`


def _does(reads: str = "", writes: str = "", neither: str = "", sql: str = "", **more: str) -> dict[str, Does]:  # fmt: skip
    found: dict[str, Does] = {}
    groups: list[tuple[Does, str]] = [
        ("r", reads), ("w", writes), ("-", neither), ("sql", sql),
        ("http", more.get("http", "")), ("commit", more.get("commit", "")),
        ("q", more.get("probably", "")),
    ]  # fmt: skip
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
        "__contains__ close close_all reset aclose connection get_transaction no_autoflush info",
        commit="commit flush rollback begin begin_nested prepare",
    ),
    makes={
        "begin": "sqlalchemy.AsyncSessionTransaction",
        "connection": "sqlalchemy.AsyncConnection",
    },
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
    makes=dict.fromkeys(("get", "head", "options", "post", "put", "patch", "delete", "request", "send"), "httpx.Response")
    | {"stream": "httpx.Response", "ws_connect": "aiohttp.ClientWebSocketResponse"},
)  # fmt: skip
_RESPONSE = TypeEffects(
    "http",
    "",
    _does(
        reads="read text json aread content aiter_bytes aiter_lines iter_chunked iter_any readline"
    ),
    "-",
)
_SOCKET = TypeEffects("socket", "socket", _does(reads="recv receive receive_text receive_json receive_bytes receive_str"))  # fmt: skip
_REDIS = TypeEffects(
    "redis",
    "",
    _does(
        reads="get mget hget hgetall hmget hkeys hvals hlen hexists exists keys scan scan_iter ttl "
        "pttl type strlen getrange llen lrange lindex smembers sismember scard sinter sunion zrange "
        "zrangebyscore zscore zcard zcount zrank zrevrange dbsize ping info memory_usage xlen xrange "
        "xinfo_stream bitcount getbit mget pubsub_numsub time",
        neither="pipeline pubsub lock register_script from_url aclose close",
    ),
    makes={"pipeline": "redis.Pipeline", "pubsub": "redis.PubSub", "lock": "asyncio.Lock"},
)
_MONGO = TypeEffects(
    "database",
    "",
    _does(
        reads="find_one find count_documents estimated_document_count distinct list_collection_names "
        "aggregate list_indexes index_information to_list sort limit skip",
        neither="get_collection get_database start_session get_default_database",
    ),
    makes={
        "find": "motor.Cursor", "aggregate": "motor.Cursor", "get_collection": "motor.Collection",
        "get_database": "motor.Collection", "get_default_database": "motor.Collection",
        "sort": "motor.Cursor", "limit": "motor.Cursor", "skip": "motor.Cursor",
        "start_session": "motor.ClientSession",
    },
)  # fmt: skip
_FILE = TypeEffects("files", "file", _does(reads="read readline readlines readall", neither="close seek tell"))  # fmt: skip
_REQUEST = TypeEffects(
    "", "request body",
    _does(reads="json body form stream", neither="is_disconnected url_for"), "-",
)  # fmt: skip
_LOCK = TypeEffects(
    "", "", _does(neither="acquire release locked", writes="notify notify_all wait wait_for set clear"), "-"
)  # fmt: skip
_QUEUE = TypeEffects(
    "queue", "", _does(reads="qsize empty full", writes="put get put_nowait get_nowait join task_done"),
    quiet=frozenset({"put_nowait", "get_nowait"}),
)  # fmt: skip
_EXCLUSIVE = TypeEffects("", "exit stack", {}, "w")
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
        ("sqlalchemy.AsyncSession", "sqlmodel.AsyncSession", "sqlalchemy.Session", "sqlmodel.Session",
         "sqlalchemy.async_scoped_session", "sqlalchemy.scoped_session", "odmantic.AIOSession"),
        _SESSION,
    ),
    **dict.fromkeys(
        ("sqlalchemy.AsyncConnection", "sqlalchemy.Connection", "asyncpg.Connection",
         "psycopg.AsyncConnection", "psycopg.Connection", "aiosqlite.Connection", "aiopg.Connection",
         "aiomysql.Connection", "asyncmy.Connection", "psycopg.AsyncCursor", "aiosqlite.Cursor",
         "asyncpg.Cursor", "aiomysql.Cursor", "asyncpg.PoolConnectionProxy", "databases.Connection"),
        _CONNECTION,
    ),
    **dict.fromkeys(
        ("sqlalchemy.AsyncEngine", "sqlalchemy.Engine", "asyncpg.Pool", "psycopg_pool.AsyncConnectionPool",
         "databases.Database", "aiopg.Pool", "aiomysql.Pool"),
        _POOL,
    ),
    **dict.fromkeys(("sqlalchemy.AsyncSessionTransaction", "asyncpg.Transaction", "motor.ClientSession"), _TRANSACTION),
    **dict.fromkeys(("httpx.AsyncClient", "httpx.Client", "aiohttp.ClientSession", "requests.Session"), _HTTP_CLIENT),
    **dict.fromkeys(("httpx.Response", "aiohttp.ClientResponse", "requests.Response"), _RESPONSE),
    **dict.fromkeys(
        ("starlette.WebSocket", "fastapi.WebSocket", "websockets.ClientConnection", "websockets.connect",
         "websockets.WebSocketClientProtocol", "websockets.ServerConnection", "redis.PubSub",
         "aiohttp.ClientWebSocketResponse", "asyncio.StreamReader", "asyncio.StreamWriter"),
        _SOCKET,
    ),
    **dict.fromkeys(("redis.Redis", "redis.RedisCluster", "redis.StrictRedis", "aioredis.Redis", "valkey.Valkey"), _REDIS),
    "redis.Pipeline": _PIPELINE,
    **dict.fromkeys(
        ("motor.AsyncIOMotorClient", "motor.AsyncIOMotorDatabase", "motor.AsyncIOMotorCollection",
         "motor.Collection", "motor.Cursor", "pymongo.AsyncMongoClient", "pymongo.AsyncCollection",
         "pymongo.AsyncDatabase"),
        _MONGO,
    ),
    **dict.fromkeys(("aiofiles.File", "anyio.AsyncFile", "io.File"), _FILE),
    **dict.fromkeys(("starlette.Request", "fastapi.Request"), _REQUEST),
    **dict.fromkeys(("fastapi.UploadFile", "starlette.UploadFile"), TypeEffects("", "upload", _does(reads="read"), "w")),
    **dict.fromkeys(
        ("asyncio.Lock", "asyncio.Semaphore", "asyncio.BoundedSemaphore", "asyncio.Condition", "asyncio.Event",
         "anyio.Lock", "anyio.Semaphore", "anyio.CapacityLimiter", "anyio.Event", "threading.Lock",
         "threading.RLock"),
        _LOCK,
    ),
    **dict.fromkeys(("asyncio.Queue", "asyncio.PriorityQueue", "asyncio.LifoQueue"), _QUEUE),
    **dict.fromkeys(("contextlib.AsyncExitStack", "contextlib.ExitStack", "anyio.TaskGroup", "asyncio.TaskGroup"), _EXCLUSIVE),
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
}  # fmt: skip


def _call(names: str, **effects: str) -> dict[str, CallEffects]:
    return dict.fromkeys(names.split(), CallEffects(**effects))  # type: ignore[arg-type]


CALLS: dict[str, CallEffects] = {
    **_call("asyncio.sleep anyio.sleep trio.sleep anyio.sleep_until", special="sleep"),
    **_call("time.sleep", special="blocking"),
    **_call(
        "asyncio.to_thread anyio.run_sync starlette.run_in_threadpool fastapi.run_in_threadpool "
        "asgiref.sync_to_async asyncer.asyncify",
        special="thread",
    ),
    **_call(
        "asyncio.gather asyncio.wait asyncio.wait_for asyncio.shield asyncio.as_completed "
        "asyncio.timeout asyncio.timeout_at anyio.fail_after anyio.move_on_after "
        "async_timeout.timeout",
        special="gather",
    ),
    **_call("asyncio.create_task asyncio.ensure_future asyncio.run_coroutine_threadsafe", special="start"),
    **_call("functools.partial functools.partialmethod", special="partial"),
    **_call(
        "contextlib.asynccontextmanager contextlib.contextmanager functools.wraps typing.cast "
        "functools.lru_cache functools.cache contextlib.aclosing contextlib.closing copy.copy "
        "builtins.aiter builtins.iter builtins.reversed builtins.sorted builtins.list builtins.tuple "
        "builtins.set builtins.enumerate fastapi.Depends fastapi.Security typing_extensions.cast",
        special="same",
    ),
    **_call("builtins.anext builtins.next", special="next"),
    **_call("sqlalchemy.select sqlmodel.select sqlalchemy.exists sqlalchemy.union_all", returns="sqlalchemy.Select"),
    **_call("sqlalchemy.insert sqlalchemy.update sqlalchemy.delete sqlmodel.delete sqlmodel.update", returns="sqlalchemy.Write"),
    **_call("sqlalchemy.text sqlmodel.text", special="text"),
    **_call("sqlalchemy.create_async_engine sqlalchemy.create_engine sqlmodel.create_engine", returns="sqlalchemy.AsyncEngine"),
    **_call("sqlalchemy.async_sessionmaker sqlalchemy.sessionmaker", returns="sqlalchemy.async_sessionmaker"),
    **_call("sqlalchemy.async_scoped_session sqlalchemy.scoped_session", returns="sqlalchemy.shared_sessionmaker"),
    **_call("asyncpg.connect psycopg.connect aiosqlite.connect", returns="asyncpg.Connection"),
    **_call("asyncpg.create_pool", returns="asyncpg.Pool"),
    **_call("redis.from_url aioredis.from_url", returns="redis.Redis"),
    **_call("aiofiles.open anyio.open_file", world="files", does="q", returns="aiofiles.File"),
    **_call("builtins.open io.open os.fdopen", world="files", does="q", returns="io.File"),
    **_call("httpx.get httpx.head requests.get requests.head urllib.urlopen", world="http", does="r", returns="httpx.Response"),
    **_call("httpx.post httpx.put httpx.patch httpx.delete requests.post requests.put requests.patch requests.delete", world="http", does="w", returns="httpx.Response"),
    **_call("httpx.request requests.request", world="http", does="http", returns="httpx.Response"),
    **_call("aiohttp.request", world="http", does="http", returns="httpx.Response"),
    **_call("websockets.connect websockets.serve", world="socket", does="w", returns="websockets.ClientConnection"),
    **_call(
        "subprocess.run subprocess.Popen subprocess.call subprocess.check_call subprocess.check_output "
        "asyncio.create_subprocess_exec asyncio.create_subprocess_shell anyio.run_process anyio.open_process os.system",
        world="process", does="w",
    ),
    **_call(
        "os.remove os.unlink os.mkdir os.makedirs os.rename os.replace os.rmdir os.chmod os.symlink "
        "shutil.rmtree shutil.copy shutil.copyfile shutil.copytree shutil.move shutil.copyfileobj "
        "aiofiles.remove aiofiles.mkdir aiofiles.makedirs aiofiles.rename aiofiles.rmtree",
        world="files", does="w",
    ),
    **_call("os.listdir os.stat os.walk os.scandir glob.glob aiofiles.listdir aiofiles.stat aiofiles.exists", world="files", does="r"),
    **_call("boto3.client", returns="boto3.Client"),
    **_call("boto3.resource", returns="boto3.Resource"),
    **_call("builtins.print builtins.input", world="output", does="w"),
    **_call("smtplib.SMTP smtplib.SMTP_SSL aiosmtplib.send", world="mail", does="w"),
    **_call("structlog.bind_contextvars", special="context"),
}  # fmt: skip

# Modules whose plain calls only compute, or whose effects (logs, metrics, time) do not count.
BENIGN_PACKAGES = named(
    """
    abc argparse array ast base64 binascii bisect builtins calendar collections colorsys
    copy csv dataclasses datetime decimal difflib email enum fnmatch fractions functools
    gettext gzip hashlib heapq hmac html http inspect io ipaddress itertools json keyword
    locale logging math mimetypes numbers operator os pathlib pickle platform posixpath
    pprint random re secrets shlex statistics string stringprep struct sys tempfile textwrap
    time timeit token tokenize tomllib traceback types typing typing_extensions unicodedata
    urllib uuid warnings weakref xml zipfile zlib zoneinfo contextvars contextlib asyncio
    concurrent importlib threading signal pydantic pydantic_core pydantic_settings
    pydantic_extra_types attr attrs cattrs msgspec orjson ujson simplejson yaml toml tomli
    tomlkit jsonschema marshmallow annotated_types sqlalchemy sqlmodel fastapi starlette
    structlog loguru rich click typer pendulum dateutil pytz tzlocal arrow isodate humanize
    slugify jinja2 markupsafe mako bs4 lxml markdown bleach jwt jose passlib bcrypt
    cryptography nacl argon2 ecdsa coincurve bech32 base58 bolt11 numpy pandas polars scipy
    sklearn PIL cv2 httpx aiohttp yarl multidict requests urllib3 certifi charset_normalizer
    idna prometheus_client opentelemetry sentry_sdk statsd tenacity backoff cachetools
    async_lru anyio sniffio packaging semver pluggy tqdm tiktoken asyncpg psycopg redis
    motor pymongo bson boto3 botocore aioboto3 email_validator phonenumbers nanoid shortuuid
    ulid uuid6 regex pyparsing networkx langcodes babel coolname  aiofiles
    asgi_lifespan dotenv environs griffe pathspec whenever cronsim croniter graphviz
    """
)

# Classes outside the catalogue that serve one caller at a time, by their names.
SESSION_CLASS = re.compile(
    r"(?<!http)(?<!client)(session|connection|cursor|transaction|unitofwork|uow)$", re.IGNORECASE
)

# Objects of unknown classes that are entered and called so are taken for locks.
LOCK_LIKE = re.compile(r"(lock|semaphore|sema|mutex|limiter)(\(\))?$", re.IGNORECASE)

# ... but these of their calls leave traces that others see, or wait for someone else.
LOGGING_ROOTS = frozenset({"logger", "log", "logging", "LOGGER", "LOG", "_logger", "_log"})

# Methods of built-in containers and text by what they do to the object.
CONTAINER_READS = named(
    """
    get items keys values copy index count startswith endswith strip lstrip rstrip split
    rsplit join format lower upper title replace encode decode isdigit isalpha isnumeric
    splitlines partition rpartition removeprefix removesuffix zfill ljust rjust center find
    rfind casefold capitalize union intersection difference issubset issuperset
    symmetric_difference isoformat timestamp strftime date time total_seconds weekday
    astimezone hex most_common as_posix with_suffix resolve exists is_file is_dir
    is_absolute joinpath relative_to model_dump model_dump_json dict json model_copy
    model_fields_set group groups match search fullmatch findall finditer sub quantize
    to_dict as_dict raise_for_status mappings scalars scalar_one scalar_one_or_none scalar
    first all one one_or_none fetchall fetchone unique tuples where filter filter_by
    order_by limit offset options join outerjoin group_by having distinct select_from
    with_for_update execution_options returning values on_conflict_do_nothing
    on_conflict_do_update in_ notin_ not_in is_ is_not isnot like ilike contains label asc
    desc cast subquery cte alias correlate returning_id c bindparams columns
    with_only_columns any has debug info warning error exception critical success trace warn
    log bind opt isEnabledFor labels inc observe dec total done result cancelled tell
    getvalue hexdigest digest cache_clear __anext__ __aiter__ get_secret_value from_orm
    parse_obj model_validate model_validate_json parse_raw construct model_construct
    model_json_schema schema
    """
)
# Of these, what makes a text from a text.
TEXT_METHODS = named(
    """
    strip lstrip rstrip format lower upper replace removeprefix removesuffix bindparams encode
    """
)
CONTAINER_APPENDS = frozenset({"append", "extend", "insert", "appendleft", "extendleft", "sort", "reverse"})  # fmt: skip
CONTAINER_STORES = named(
    """
    read readline readlines add update setdefault discard pop popitem remove clear popleft difference_update
    intersection_update
    """
)


def key(dotted: str) -> str:
    """The catalogue's key for a dotted name."""
    first, _, rest = dotted.partition(".")
    return f"{first}.{rest.rpartition('.')[2]}" if rest else f"builtins.{first}"


def type_effects(dotted: str) -> TypeEffects | None:
    return TYPES.get(key(dotted))


def call_effects(dotted: str) -> CallEffects | None:
    return CALLS.get(key(dotted))


def is_benign(dotted: str) -> bool:
    """Whether a plain call of this name only computes."""
    return dotted.partition(".")[0] in BENIGN_PACKAGES or "." not in dotted
