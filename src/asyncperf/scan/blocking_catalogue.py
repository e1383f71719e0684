"""Which library calls wait or compute for long without `await`; reviewed against their
documentation and source.

A function is looked up by its top package and its last part, a method by the top package, the
class and its name, since libraries re-export. For `scan` only.
"""

import ast
import re
from typing import NamedTuple

from asyncperf.scan.annotations import last_name
from asyncperf.scan.values import Type, named
from asyncperf.sites import Blocks


class Blocking(NamedTuple):
    """What a call does for so long; `brief`: as a rule for microseconds, as on a local disk."""

    blocks: Blocks
    brief: bool = False


CALLS: dict[str, Blocking] = {}
METHODS: dict[str, dict[str, Blocking]] = {}


def _calls(blocks: Blocks, names: str, brief: bool = False) -> None:
    CALLS.update(dict.fromkeys(names.split(), Blocking(blocks, brief)))


def _methods(blocks: Blocks, classes: str, names: str, brief: bool = False) -> None:
    for class_ in classes.split():
        METHODS.setdefault(class_, {}).update(dict.fromkeys(names.split(), Blocking(blocks, brief)))


HTTP_METHODS = "get post put patch delete head options request"

_calls("sleep", "time.sleep")

_calls("network", " ".join(f"{p}.{m}" for p in ("requests", "httpx") for m in HTTP_METHODS.split()))
_calls("network", "httpx.stream urllib.urlopen urllib.urlretrieve urllib3.request")
_methods("network", "requests.Session httpx.Client", f"{HTTP_METHODS} send stream")
_methods("network", "urllib3.PoolManager urllib3.HTTPConnectionPool", "request urlopen")
_methods("network", "http.HTTPConnection http.HTTPSConnection", "request getresponse connect")
_calls(
    "network",
    "socket.create_connection socket.getaddrinfo socket.gethostbyname socket.gethostbyname_ex "
    "socket.gethostbyaddr socket.getfqdn select.select",
)
_methods("network", "socket.socket", "connect accept recv recvfrom recv_into send sendall")
# A datagram is only put in a buffer.
_methods("network", "socket.datagram", "recv recvfrom recv_into")
_methods("network", "socket.socket socket.datagram", "sendto", brief=True)
_calls("network", "smtplib.SMTP smtplib.SMTP_SSL ftplib.FTP imaplib.IMAP4 imaplib.IMAP4_SSL")
_methods(
    "network", "smtplib.SMTP smtplib.SMTP_SSL",
    "connect login starttls sendmail send_message quit ehlo",
)  # fmt: skip
_methods("network", "paramiko.SSHClient", "connect exec_command open_sftp")
_methods("network", "git.Repo", "clone_from")
_methods(
    "network", "openai.OpenAI openai.AzureOpenAI anthropic.Anthropic",
    "create parse generate edit embed",
)  # fmt: skip
# Each operation of a service is one request; the names below need none.
LOCAL_TO_BOTO = named(
    "meta exceptions can_paginate close get_paginator get_waiter generate_presigned_url "
    "generate_presigned_post Bucket Object Table Queue Topic"
)

_calls(
    "file",
    "builtins.open io.open os.fdopen codecs.open gzip.open bz2.open lzma.open tarfile.open "
    "zipfile.ZipFile os.read os.write os.fsync os.sendfile os.listdir os.scandir glob.glob "
    "shutil.copy shutil.copy2 shutil.copyfile shutil.copyfileobj shutil.disk_usage "
    "os.remove os.unlink os.rename os.replace os.renames os.mkdir os.makedirs os.rmdir "
    "os.removedirs os.stat os.lstat os.chmod os.chown os.utime os.link os.symlink os.readlink "
    "os.truncate os.access os.exists os.lexists os.isfile os.isdir os.islink os.getsize "
    "os.getmtime os.getatime os.getctime os.realpath tempfile.NamedTemporaryFile "
    "tempfile.TemporaryFile tempfile.mkstemp tempfile.mkdtemp tempfile.TemporaryDirectory "
    "shutil.which",
    brief=True,
)
_calls(
    "file",
    "os.walk shutil.rmtree shutil.copytree shutil.move shutil.make_archive "
    "shutil.unpack_archive pandas.read_csv pandas.read_excel pandas.read_parquet "
    "pandas.read_json polars.read_csv polars.read_parquet",
)
_methods(
    "file",
    "pathlib.Path",
    "open read_text read_bytes write_text write_bytes touch mkdir unlink rmdir rename replace "
    "iterdir glob stat lstat exists is_file is_dir is_symlink chmod resolve samefile readlink "
    "symlink_to hardlink_to",
    brief=True,
)
_methods("file", "tarfile.TarFile", "open", brief=True)
_methods("file", "pathlib.Path", "rglob walk")
_methods("file", "zipfile.ZipFile tarfile.TarFile", "extractall extract")
_methods("file", "tempfile.TemporaryDirectory", "cleanup __exit__", brief=True)

_calls(
    "process",
    "subprocess.run subprocess.call subprocess.check_call subprocess.check_output "
    "subprocess.getoutput subprocess.getstatusoutput os.system os.popen os.wait os.waitpid",
)
_calls("process", "subprocess.Popen", brief=True)  # starting it; the waits are its methods'
_methods("process", "subprocess.Popen", "wait communicate __exit__")

_calls("cpu", "bcrypt.hashpw bcrypt.checkpw bcrypt.kdf hashlib.scrypt hashlib.pbkdf2_hmac")
_methods(
    "cpu", "passlib.CryptContext",
    "hash verify encrypt verify_and_update dummy_verify hash_password verify_password",
)  # fmt: skip
_methods(
    "cpu", "passlib.bcrypt passlib.argon2 passlib.scrypt passlib.pbkdf2_sha256",
    "hash verify encrypt",
)  # fmt: skip
_methods("cpu", "argon2.PasswordHasher", "hash verify")
_methods("cpu", "pwdlib.PasswordHash", "hash verify verify_and_update")
_methods("cpu", "cryptography.PBKDF2HMAC cryptography.Scrypt", "derive verify")
_calls("cpu", "werkzeug.generate_password_hash werkzeug.check_password_hash")

_calls(
    "database",
    "sqlite3.connect psycopg2.connect psycopg.connect pymysql.connect MySQLdb.connect "
    "pyodbc.connect oracledb.connect cx_Oracle.connect",
)
_methods("database", "psycopg.Connection", "connect execute commit rollback")
_methods(
    "database",
    "sqlite3.Connection psycopg2.connection pymysql.Connection",
    "execute executemany executescript commit rollback __exit__",
)
_methods(
    "database",
    "sqlite3.Cursor psycopg2.cursor psycopg.Cursor pymysql.Cursor",
    "execute executemany executescript fetchone fetchall fetchmany",
)
_SESSION = (
    "execute scalar scalars get get_one commit flush refresh merge rollback connection "
    "bulk_save_objects bulk_insert_mappings bulk_update_mappings"
)
_methods("database", "sqlalchemy.Session sqlalchemy.scoped_session sqlmodel.Session", _SESSION)
_methods("database", "sqlmodel.Session", "exec")
_methods(
    "database", "sqlalchemy.Query",
    "all first one one_or_none scalar count get delete update exists_",
)  # fmt: skip
_methods(
    "database", "sqlalchemy.Connection",
    "execute scalar scalars commit rollback exec_driver_sql",
)  # fmt: skip
_methods("database", "sqlalchemy.Engine", "connect begin raw_connection")
_methods(
    "database",
    "redis.Redis redis.StrictRedis",
    "get set setex setnx mget mset getset delete exists expire ttl incr incrby decr decrby hget "
    "hset hmget hgetall hdel hincrby lpush rpush lpop rpop blpop brpop lrange llen sadd srem "
    "smembers sismember zadd zrem zrange zrangebyscore zscore zcard publish keys scan eval ping "
    "flushdb flushall xadd xread xreadgroup xack execute_command",
)
_methods("database", "redis.Pipeline", "execute")
_methods(
    "database",
    "pymongo.Collection",
    "find_one insert_one insert_many update_one update_many replace_one delete_one delete_many "
    "find_one_and_update find_one_and_delete find_one_and_replace count_documents distinct "
    "bulk_write create_index drop aggregate",
)

_methods("wait", "concurrent.Future", "result exception")
_methods(
    "wait", "concurrent.ThreadPoolExecutor concurrent.ProcessPoolExecutor", "shutdown __exit__"
)
_calls("wait", "concurrent.wait concurrent.as_completed builtins.input getpass.getpass")
_methods("wait", "threading.Thread multiprocessing.Process", "join")
_methods("wait", "threading.Event threading.Barrier threading.Condition", "wait wait_for")
_methods(
    "wait", "queue.Queue queue.LifoQueue queue.PriorityQueue queue.SimpleQueue", "get join"
)  # fmt: skip
_methods("wait", "multiprocessing.Pool", "map starmap apply join")

# Streams that are in memory: who opens what is given one opens no file.
IN_MEMORY = frozenset({"io.BytesIO", "io.StringIO"})

# What a call gives, where `catalogue` does not say.
RETURNS = {
    "sqlite3.connect": "sqlite3.Connection",
    "psycopg2.connect": "psycopg2.connection",
    "pymysql.connect": "pymysql.Connection",
    "requests.session": "requests.Session",
    "socket.socket": "socket.socket",
    "socket.create_connection": "socket.socket",
    "smtplib.SMTP": "smtplib.SMTP",
    "smtplib.SMTP_SSL": "smtplib.SMTP_SSL",
    "subprocess.Popen": "subprocess.Popen",
    "zipfile.ZipFile": "zipfile.ZipFile",
    "tarfile.open": "tarfile.TarFile",
    "pathlib.Path.cwd": "pathlib.Path",
    "pathlib.Path.home": "pathlib.Path",
    "sqlite3.Connection.cursor": "sqlite3.Cursor",
    "sqlite3.Connection.execute": "sqlite3.Cursor",
    "psycopg2.connection.cursor": "psycopg2.cursor",
    "pymysql.Connection.cursor": "pymysql.Cursor",
    "pwdlib.PasswordHash.recommended": "pwdlib.PasswordHash",
    "concurrent.ThreadPoolExecutor.submit": "concurrent.futures.Future",
    "concurrent.ProcessPoolExecutor.submit": "concurrent.futures.Future",
    "asyncio.run_coroutine_threadsafe": "concurrent.futures.Future",
    "sqlalchemy.Session.query": "sqlalchemy.orm.Query",
    "sqlmodel.Session.query": "sqlalchemy.orm.Query",
    "sqlalchemy.AsyncSession.query": "sqlalchemy.orm.Query",  # only a sync session has it
    "redis.Redis.pipeline": "redis.Pipeline",
}
# Methods that give an object of the same class again.
CHAINED = {
    "sqlalchemy.Query": named(
        "filter filter_by join outerjoin order_by group_by having limit offset options distinct "
        "with_for_update where select_from with_entities execution_options populate_existing "
        "yield_per enable_eagerloads union union_all from_statement add_columns"
    ),
    "pathlib.Path": named(
        "absolute expanduser joinpath relative_to rename replace resolve with_name "
        "with_stem with_suffix"
    ),
}

# Methods that give many of what they belong to.
LISTING = {"pathlib.Path": frozenset({"glob", "rglob", "iterdir"})}

METHOD_NAMES = frozenset(name for methods in METHODS.values() for name in methods)

# Methods that are telling enough where nothing is known of the object; never quite certain.
BY_NAME = {
    "read_text": "pathlib.Path.read_text",
    "read_bytes": "pathlib.Path.read_bytes",
    "write_text": "pathlib.Path.write_text",
    "write_bytes": "pathlib.Path.write_bytes",
    "iterdir": "pathlib.Path.iterdir",
    "rglob": "pathlib.Path.rglob",
}
# And those of a path, where its name says that it is one.
OF_PATHS = named("exists is_file is_dir unlink rmdir touch")
PATH_NAMES = re.compile(r"(^|_)(path|dir|directory|folder|file|socket)$", re.IGNORECASE)
# The same for pools of threads or processes.
OF_POOLS = named("shutdown")
POOL_NAMES = re.compile(r"(^|_)(pool|executor)$", re.IGNORECASE)

# And for futures, where they are told how long to wait: asyncio's take no such argument.
OF_FUTURES = named("result exception")
FUTURE_NAMES = re.compile(r"(^|_)(fut|future)$", re.IGNORECASE)

# Where nobody awaits or uses what they give, and the object is called as sessions are, these are
# a sync session's: a coroutine would be dropped.
DROPPED = {name: f"sqlalchemy.Session.{name}" for name in ("commit", "rollback", "flush")}
SESSION_NAMES = re.compile(r"session|(^|_)db$|(^|_)conn(ection)?$", re.IGNORECASE)

# What is given to these is called where it is given, on the event loop.
CALLED_BY_LOOP = named(
    "call_soon call_soon_threadsafe call_later call_at add_done_callback add_reader add_writer "
    "add_signal_handler"
)
CALLS_HERE = CALLED_BY_LOOP | named("map filter reduce retry_call")
# What is put there in a tuple, with its arguments, is called by who takes it out.
QUEUING = named("put put_nowait append appendleft send")
# Sync functions under these decorators are run in threads, by libraries.
THREADING_DECORATORS = named(
    "sync_to_async asyncify run_in_threadpool to_thread run_in_executor run_in_thread in_thread "
    "threaded make_async async_wrap as_async wrap_async"
)
# Plain generators that are given to these run where they are iterated over, in threads.
ITERATING_IN_THREADS = named(
    "StreamingResponse EventSourceResponse iterate_in_threadpool to_thread run_in_threadpool "
    "run_sync run_in_executor submit"
)
# A coroutine given to these gets a loop of its own, and to those a task of its own.
OWN_LOOP = named("run_until_complete")
# RQ's worker runs a coroutine in a loop of its own, in a process that has nothing else to do.
JOBS = re.compile(r"^rq\.(\w+\.)*(enqueue\w*|job)$")
LAUNCHING = re.compile(r"\b(asyncio|anyio|trio|uvloop)\.run\b|\brun_until_complete\(|\bRunner\(")
LAUNCHERS = (".run", "run_until_complete(", "Runner(")
# What is run by itself; and what serves an app in a loop that it starts itself.
SCRIPT = re.compile(r"^if __name__ == ", re.MULTILINE)
SERVING = re.compile(r"\b(uvicorn|hypercorn|granian|FastAPI|Starlette)\b")
# What is called as the app starts or ends, by who it is given to: `app.on_startup.append(f)`,
# `add_event_handler("shutdown", f)`, `lifespan=f`, `on_startup=[f, g]`.
REGISTERED = re.compile(
    r"""\b(?:on_startup|on_shutdown|on_cleanup|cleanup_ctx)\.append\(\s*([\w.]+)\s*\)"""
    r"""|\badd_event_handler\(\s*["'](?:startup|shutdown)["'],\s*([\w.]+)"""
    r"""|\b(?:lifespan|on_startup|on_shutdown)\s*=\s*\[?\s*([\w.]+(?:\s*,\s*[\w.]+)*)"""
)
REGISTERING = named("on_startup on_shutdown on_cleanup cleanup_ctx add_event_handler lifespan")
LOOP_MODULES = named("asyncio anyio trio uvloop")
SPAWNING = named("create_task ensure_future start_soon run_coroutine_threadsafe spawn add_task")


def launches(text: str) -> bool:
    """Whether a file starts an event loop."""
    one = any(word in text for word in LAUNCHERS)  # as not in most files
    return one and bool(LAUNCHING.search(text))


def registered(text: str) -> frozenset[str]:
    """The last names of what a file has called as the app starts or ends."""
    if not any(word in text for word in REGISTERING):  # as in most files
        return frozenset()
    given = [part for found in REGISTERED.findall(text) for part in found if part]
    return frozenset(name.strip().rpartition(".")[2] for part in given for name in part.split(","))


def path_name(node: ast.expr) -> str:
    """What a path is called, or the one that it is the parent of."""
    while isinstance(node, ast.Attribute) and node.attr == "parent":
        node = node.value
    return last_name(node)


def blocking(dotted: str, is_method: bool) -> tuple[str, Blocking] | None:
    """How to name a call of this full name, and what it does, if it blocks."""
    package, _, rest = dotted.partition(".")
    if not rest:
        package, rest = "builtins", package
    if "asyncio" in rest or ".aio" in dotted:
        return None  # `redis.asyncio`, `sqlalchemy.ext.asyncio`
    found = _method(package, rest)
    if found is not None:
        return found
    name = rest.rpartition(".")[2]
    known = CALLS.get(f"{package}.{name}")
    if known is None or (is_method and package != "os"):
        return None
    return (name if package == "builtins" else f"{package}.{rest}"), known


def _method(package: str, rest: str) -> tuple[str, Blocking] | None:
    owners, _, name = rest.rpartition(".")
    if not owners:
        return None
    class_ = _class(owners)
    key = f"{package}.{class_}"
    if package == "boto3" and class_ in {"Client", "Resource"}:
        local = name in LOCAL_TO_BOTO or name.startswith("_")
        return None if local else (f"{key}.{name}", Blocking("network"))
    known = METHODS.get(key, {}).get(name)
    return (f"{key}.{name}", known) if known else None


def _class(owners: str) -> str:
    """The class in a dotted path: the last part that begins as classes do, else the last."""
    parts = owners.split(".")
    return next((part for part in reversed(parts) if part[:1].isupper()), parts[-1])


def returned(dotted: str) -> Type | None:
    """The class of what a call gives."""
    package, _, rest = dotted.partition(".")
    owners, _, name = rest.rpartition(".")
    key = f"{package}.{_class(owners)}" if owners else ""
    if name in CHAINED.get(key, ()):
        return Type(key)
    if name in LISTING.get(key, ()):
        return Type("builtins.list", (Type(key),))
    made = RETURNS.get(f"{key}.{name}" if key else "") or RETURNS.get(f"{package}.{name}")
    return Type(made) if made else None
