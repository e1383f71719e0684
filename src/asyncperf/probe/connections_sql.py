"""Pools of connections to databases: SQLAlchemy, asyncpg, psycopg, redis."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from .connections import arriving, watch_giving, watch_taking
from .imports import AfterImport


def hooks() -> dict[str, AfterImport]:
    return {
        "sqlalchemy.pool.base": _sqlalchemy,
        "asyncpg.pool": _asyncpg,
        "psycopg_pool.pool": _psycopg,
        "psycopg_pool.pool_async": _psycopg_async,
        "redis.connection": _redis,
        "redis.asyncio.connection": _redis,
    }


def _sqlalchemy(module: ModuleType) -> None:
    """All of its pools; an asynchronous engine's are the same, in a greenlet."""

    def describe(pool: Any) -> tuple[str, float | None]:
        name = f"SQLAlchemy {type(pool).__name__}"
        overflow = getattr(pool, "_max_overflow", None)
        if overflow is None or overflow < 0:
            return name, None
        return name, pool.size() + overflow

    watch_taking(module.Pool, "connect", describe, lambda taken: taken._connection_record)
    watch_giving(module.Pool, "_return_conn")
    module.Pool._create_connection = arriving(module.Pool._create_connection)


def _asyncpg(module: ModuleType) -> None:
    def describe(pool: Any) -> tuple[str, float | None]:
        return "asyncpg Pool", pool._maxsize

    watch_taking(module.Pool, "_acquire", describe)
    watch_giving(module.Pool, "release")
    holder = module.PoolConnectionHolder
    holder.acquire = arriving(holder.acquire)


def _psycopg(module: ModuleType) -> None:
    watch_taking(module.ConnectionPool, "getconn", _psycopg_pool)
    watch_giving(module.ConnectionPool, "putconn")


def _psycopg_async(module: ModuleType) -> None:
    watch_taking(module.AsyncConnectionPool, "getconn", _psycopg_pool)
    watch_giving(module.AsyncConnectionPool, "putconn")


def _psycopg_pool(pool: Any) -> tuple[str, float | None]:
    return f"psycopg {type(pool).__name__}", pool.max_size or None


def _redis(module: ModuleType) -> None:
    def describe(pool: Any) -> tuple[str, float | None]:
        return f"redis {type(pool).__name__}", pool.max_connections

    for cls in (module.ConnectionPool, module.BlockingConnectionPool):
        watch_taking(cls, "get_connection", describe)
        watch_giving(cls, "release")
