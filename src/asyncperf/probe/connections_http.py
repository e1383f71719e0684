"""Pools of connections of HTTP clients: httpx (its httpcore), aiohttp."""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any

from .connections import arriving, pool_of, watch_giving, watch_taking
from .imports import AfterImport
from .request import Request
from .threads import Trip
from .uses import Place, Use, ask, asker, asking_line, calling, mark_as_coroutine_function

# By the identity of httpcore's request: who asked for a connection for it.
ASKED: dict[int, Use] = {}


def hooks() -> dict[str, AfterImport]:
    return {
        "httpcore._async.connection_pool": _httpcore_async,
        "httpcore._sync.connection_pool": _httpcore_sync,
        # The successor, under the same names.
        "httpcore2._async.connection_pool": _httpcore_async,
        "httpcore2._sync.connection_pool": _httpcore_sync,
        "aiohttp.connector": _aiohttp,
    }


def _httpx_pool(pool: Any) -> tuple[str, float | None]:
    return "httpx client", pool._max_connections


def _httpcore_async(module: ModuleType) -> None:
    """A request has its connection when one is assigned to it, and has it until its answer is
    closed; making a connection comes in between."""
    cls, stream = module.AsyncConnectionPool, module.PoolByteStream
    handle, close = cls.handle_async_request, stream.aclose

    @functools.wraps(handle)
    def handled(self: Any, request: Any) -> Any:
        by = asker()
        if by is None:
            return handle(self, request)
        return _handled(handle, self, request, by, asking_line(by, calling()))

    @functools.wraps(close)
    async def closed(self: Any) -> None:
        use = _given_back(self)
        try:
            await close(self)
        finally:
            if use is not None:
                use.end()

    mark_as_coroutine_function(handled)
    cls.handle_async_request, stream.aclose = handled, closed
    _watch_assignment(module.AsyncPoolRequest)


async def _handled(
    handle: Any, pool: Any, request: Any, by: Request | Trip, place: Place | None
) -> Any:
    use = ASKED[id(request)] = ask(by, pool_of(pool, _httpx_pool), place)
    try:
        return await handle(pool, request)
    except BaseException:
        ASKED.pop(id(request), None)
        use.end()
        raise


def _httpcore_sync(module: ModuleType) -> None:
    cls, stream = module.ConnectionPool, module.PoolByteStream
    handle, close = cls.handle_request, stream.close

    @functools.wraps(handle)
    def handled(self: Any, request: Any) -> Any:
        by = asker()
        if by is None:
            return handle(self, request)
        place = asking_line(by, calling())
        use = ASKED[id(request)] = ask(by, pool_of(self, _httpx_pool), place)
        try:
            return handle(self, request)
        except BaseException:
            ASKED.pop(id(request), None)
            use.end()
            raise

    @functools.wraps(close)
    def closed(self: Any) -> None:
        use = _given_back(self)
        try:
            close(self)
        finally:
            if use is not None:
                use.end()

    cls.handle_request, stream.close = handled, closed
    _watch_assignment(module.PoolRequest)


def _given_back(stream: Any) -> Use | None:
    request = getattr(getattr(stream, "_pool_request", None), "request", None)
    return ASKED.pop(id(request), None)


def _watch_assignment(cls: Any) -> None:
    """A connection that becomes idle is assigned to all who wait for one; whoever comes to it
    too late is put back into the queue."""
    assign, clear = cls.assign_to_connection, cls.clear_connection

    @functools.wraps(assign)
    def assigned(self: Any, *args: Any, **options: Any) -> None:
        assign(self, *args, **options)
        use = ASKED.get(id(getattr(self, "request", None)))
        if use is not None and use.waits:
            use.take()

    @functools.wraps(clear)
    def cleared(self: Any) -> None:
        clear(self)
        use = ASKED.get(id(getattr(self, "request", None)))
        if use is not None:
            use.lose()

    cls.assign_to_connection, cls.clear_connection = assigned, cleared


def _aiohttp(module: ModuleType) -> None:
    def describe(pool: Any) -> tuple[str, float | None]:
        return f"aiohttp {type(pool).__name__}", pool.limit

    watch_taking(module.BaseConnector, "connect", describe, lambda taken: taken._protocol)
    watch_giving(module.BaseConnector, "_release", which=1)
    for cls in (module.BaseConnector, module.TCPConnector, module.UnixConnector):
        cls._create_connection = arriving(cls._create_connection)
