"""Packages and method names that say what plain calls do. Part of the catalogue."""

import re

from asyncperf.scan.values import named

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

# Packages whose classes stand for no service that is asked for something.
STANDARD = named(
    """
    abc builtins collections contextlib dataclasses enum typing typing_extensions types pydantic
    pydantic_settings attr attrs sqlmodel sqlalchemy asyncio threading queue io socket
    """
)

# Classes outside the catalogue that serve one caller at a time, by their names.
SESSION_CLASS = re.compile(
    r"((?<!http)(?<!client)session|connection|cursor|unitofwork|uow|"
    # Of Advanced Alchemy, FastAPI-Users, ...: each is made with a session.
    r"sqlalchemy\w*(repository|service|database)|"
    # ... but a `BalanceTransaction` is somebody's money.
    r"(^|[._]|async|base|db|database|nested|sql)transaction)$",
    re.IGNORECASE,
)

# Classes outside the catalogue that connect to something when they are made and entered.
OPENED = re.compile(r"(client|session|connection|channel|driver|pool|database)$", re.IGNORECASE)

# ... and are closed without anything that they were given being lost.
CONNECTED = re.compile(r"(client|connector|connection|channel|pool)$", re.IGNORECASE)

# Objects of unknown classes that are entered and called so are taken for locks.
LOCK_LIKE = re.compile(r"(lock|semaphore|sema|mutex|limiter)(\(\))?$", re.IGNORECASE)

# ... but these of their calls leave traces that others see, or wait for someone else.
# A log, and OpenTelemetry's way to note what is done.
LOGGING_ROOTS = frozenset(
    {"logger", "log", "logging", "LOGGER", "LOG", "_logger", "_log", "tracer", "_tracer"}
)

ASYNC_LOGS = named("adebug ainfo awarning awarn aerror acritical aexception alog amsg")

# Methods of built-in containers and text by what they do to the object.
CONTAINER_READS = named(
    """
    get items keys values copy index count startswith endswith strip lstrip rstrip split
    rsplit join format lower upper title replace encode decode isdigit isalpha isnumeric
    splitlines isspace isupper islower istitle isdecimal isidentifier isprintable isascii
    swapcase capitalize expandtabs translate rindex fromhex bit_length to_bytes from_bytes
    is_integer isoweekday isocalendar toordinal timetuple utcoffset fromisoformat fromkeys
    as_uri with_name expanduser _asdict _replace
    partition rpartition removeprefix removesuffix zfill ljust rjust center find
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
    model_json_schema schema groupdict getroot findtext itertext isalnum isdisjoint bit_count
    timetz ctime span
    """
)
# Of these, what goes through all that an object holds.
DUMPS = named("model_dump model_dump_json dict json to_dict as_dict _asdict model_copy")
# Of these, what makes a model of what it is given.
MODEL_METHODS = named(
    """
    model_validate model_validate_json model_construct parse_obj parse_raw from_orm construct
    model_json_schema
    """
)
# Of these, what makes a text from a text.
TEXT_METHODS = named(
    """
    strip lstrip rstrip format lower upper replace removeprefix removesuffix bindparams encode
    """
)
CONTAINER_APPENDS = frozenset(
    {"append", "extend", "insert", "appendleft", "extendleft", "sort", "reverse"}
)
CONTAINER_STORES = named(
    """
    read readline readlines add update setdefault discard pop popitem remove clear popleft
    difference_update
    intersection_update
    """
)
CONTAINER_METHODS = CONTAINER_READS | CONTAINER_APPENDS | CONTAINER_STORES
# Functions that change their first argument.
FILLING = named(
    """
    setattr setitem heappush heappushpop heapreplace insort insort_left insort_right
    """
)
