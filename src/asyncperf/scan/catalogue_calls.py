"""What library functions do. Part of the catalogue."""

from asyncperf.scan.library_effects import CallEffects


def _call(names: str, **effects: str) -> dict[str, CallEffects]:
    return dict.fromkeys(names.split(), CallEffects(**effects))  # type: ignore[arg-type]


CALLS: dict[str, CallEffects] = {
    **_call("asyncio.sleep anyio.sleep trio.sleep anyio.sleep_until", special="sleep"),
    **_call("time.sleep", special="blocking"),
    **_call(
        "asyncio.to_thread anyio.run_sync starlette.run_in_threadpool fastapi.run_in_threadpool",
        special="thread",
    ),
    **_call("asgiref.sync_to_async asyncer.asyncify", special="threaded"),
    **_call(
        "asyncio.gather asyncio.wait asyncio.wait_for asyncio.shield asyncio.as_completed "
        "asyncio.timeout asyncio.timeout_at anyio.fail_after anyio.move_on_after "
        "async_timeout.timeout",
        special="gather",
    ),
    **_call(
        "asyncio.create_task asyncio.ensure_future asyncio.run_coroutine_threadsafe",
        special="start",
    ),
    **_call("functools.partial functools.partialmethod", special="partial"),
    **_call("typing.cast typing_extensions.cast", special="cast"),
    **_call(
        "contextlib.asynccontextmanager contextlib.contextmanager functools.wraps "
        "functools.lru_cache functools.cache contextlib.aclosing contextlib.closing "
        "builtins.aiter builtins.iter builtins.reversed builtins.enumerate fastapi.Depends "
        "fastapi.Security",
        special="same",
    ),
    **_call("builtins.sorted builtins.list builtins.tuple builtins.set", special="copied"),
    **_call("copy.copy", special="copy"),
    **_call("typing.NewType typing_extensions.NewType", special="newtype"),
    **_call("typing.__supertype__", special="same"),
    **_call("builtins.anext builtins.next", special="next"),
    **_call(
        "sqlalchemy.select sqlmodel.select sqlalchemy.exists sqlalchemy.union_all",
        returns="sqlalchemy.Select",
    ),
    **_call(
        "sqlalchemy.insert sqlalchemy.update sqlalchemy.delete sqlmodel.delete sqlmodel.update",
        returns="sqlalchemy.Write",
    ),
    **_call("sqlalchemy.text sqlmodel.text", special="text"),
    **_call(
        "sqlalchemy.create_async_engine sqlalchemy.create_engine sqlmodel.create_engine",
        returns="sqlalchemy.AsyncEngine",
    ),
    **_call(
        "sqlalchemy.async_sessionmaker sqlalchemy.sessionmaker",
        returns="sqlalchemy.async_sessionmaker",
    ),
    **_call(
        "sqlalchemy.async_scoped_session sqlalchemy.scoped_session",
        returns="sqlalchemy.shared_sessionmaker",
    ),
    **_call(
        "sqlalchemy.async_object_session sqlalchemy.object_session sqlalchemy.async_session "
        "sqlmodel.object_session",
        special="session",
    ),
    **_call("asyncpg.connect psycopg.connect aiosqlite.connect", returns="asyncpg.Connection"),
    **_call("asyncpg.create_pool", returns="asyncpg.Pool"),
    **_call("edgedb.create_async_client gel.create_async_client", returns="edgedb.AsyncIOClient"),
    **_call("neo4j.driver", returns="neo4j.AsyncDriver"),
    **_call("chromadb.AsyncHttpClient", returns="chromadb.AsyncClientAPI"),
    **_call(
        "grpc.insecure_channel grpc.secure_channel",
        returns="grpc.Channel",
    ),
    **_call(
        "litellm.acompletion litellm.aembedding litellm.arerank litellm.atranscription "
        "litellm.amoderation litellm.aspeech litellm.aimage_generation litellm.atext_completion",
        world="a model",
        does="r",
    ),
    **_call("redis.from_url aioredis.from_url", returns="redis.Redis"),
    **_call("aiofiles.open anyio.open_file", world="files", does="q", returns="aiofiles.File"),
    **_call("builtins.open io.open os.fdopen", world="files", does="q", returns="io.File"),
    **_call(
        "httpx.get httpx.head requests.get requests.head urllib.urlopen",
        world="http",
        does="r",
        returns="httpx.Response",
    ),
    **_call(
        "httpx.post httpx.put httpx.patch httpx.delete requests.post requests.put requests.patch "
        "requests.delete",
        world="http",
        does="w",
        returns="httpx.Response",
    ),
    **_call("httpx.request requests.request", world="http", does="http", returns="httpx.Response"),
    **_call("aiohttp.request", world="http", does="http", returns="aiohttp.ClientResponse"),
    **_call(
        "websockets.connect websockets.serve",
        world="socket",
        does="w",
        returns="websockets.ClientConnection",
    ),
    **_call(
        "subprocess.run subprocess.Popen subprocess.call subprocess.check_call "
        "subprocess.check_output "
        "asyncio.create_subprocess_exec asyncio.create_subprocess_shell anyio.run_process "
        "anyio.open_process os.system",
        world="process",
        does="w",
    ),
    **_call(
        "os.remove os.unlink os.mkdir os.makedirs os.rename os.replace os.rmdir os.chmod "
        "os.symlink os.close os.write os.truncate os.ftruncate "
        "shutil.rmtree shutil.copy shutil.copyfile shutil.copytree shutil.move shutil.copyfileobj "
        "aiofiles.remove aiofiles.mkdir aiofiles.makedirs aiofiles.rename aiofiles.rmtree",
        world="files",
        does="w",
    ),
    **_call(
        "os.listdir os.stat os.walk os.scandir glob.glob aiofiles.listdir aiofiles.stat "
        "aiofiles.exists aiofiles.scandir aiofiles.isfile aiofiles.isdir aiofiles.islink "
        "aiofiles.getsize aiofiles.getmtime aiofiles.readlink",
        world="files",
        does="r",
    ),
    **_call("boto3.client", returns="boto3.Client"),
    **_call("boto3.resource", returns="boto3.Resource"),
    **_call("builtins.print", world="output", does="w"),
    **_call("builtins.input", world="the terminal", does="w"),
    **_call("smtplib.SMTP smtplib.SMTP_SSL aiosmtplib.send", world="mail", does="w"),
    **_call("structlog.bind_contextvars", special="context"),
}
