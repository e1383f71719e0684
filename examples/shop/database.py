"""The tables, what stands in them at first, and a session for each request."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends
from sqlalchemy import ForeignKey, text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from .passwords import hashed
from .settings import DATABASE_URL, POOL_SIZE

engine = create_async_engine(
    DATABASE_URL.replace("postgresql://", "postgresql+asyncpg://"),
    pool_size=POOL_SIZE,
    max_overflow=0,
)
sessions = async_sessionmaker(engine, expire_on_commit=False)

# Any number will do; whoever starts first makes the tables, and the other workers wait.
SETTING_UP = 20_261_122
PASSWORD = "correct horse"


class Base(DeclarativeBase):
    pass


class Product(Base):
    __tablename__ = "products"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    cents: Mapped[int]


class Customer(Base):
    __tablename__ = "customers"
    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(unique=True)
    password: Mapped[str]


class Order(Base):
    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), index=True)


class Line(Base):
    __tablename__ = "lines"
    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), index=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id"))
    quantity: Mapped[int]


# 200 products; 100 customers with 30 orders each, of 6 lines each.
SEED = (
    "INSERT INTO products SELECT n, 'product ' || n, 100 + 7 * n FROM generate_series(1, 200) n",
    "INSERT INTO customers SELECT n, 'customer' || n || '@example.com', :password "
    "FROM generate_series(1, 100) n",
    "INSERT INTO orders SELECT n, 1 + n % 100 FROM generate_series(1, 3000) n",
    "INSERT INTO lines SELECT n, 1 + n % 3000, 1 + (n + n / 3000) % 200, 1 + n % 3 "
    "FROM generate_series(1, 18000) n",
)


async def set_up() -> None:
    """Make the tables and fill them, unless that was done before."""
    async with engine.begin() as connection:
        await connection.execute(text(f"SELECT pg_advisory_xact_lock({SETTING_UP})"))
        await connection.run_sync(Base.metadata.create_all)
        if await connection.scalar(text("SELECT count(*) FROM products")):
            return
        for statement in SEED:
            values = {"password": hashed(PASSWORD)} if ":password" in statement else {}
            await connection.execute(text(statement), values)


async def open_session() -> AsyncIterator[AsyncSession]:
    async with sessions() as session:
        yield session


Session = Annotated[AsyncSession, Depends(open_session)]
