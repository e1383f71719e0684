"""Source that several tests put before theirs: HTTP clients, sessions, and what uses them."""

SQL = """
from sqlalchemy import select, insert
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
maker = async_sessionmaker(create_async_engine("postgresql+asyncpg://"))
async def users(session: AsyncSession):
    return await session.execute(select(1))
async def own_users():
    async with maker() as session:
        return await session.execute(select(1))
async def own_insert():
    async with maker() as session:
        await session.execute(insert("t"))
"""
HTTP = """
import httpx
client = httpx.AsyncClient()
async def get(path):
    response = await client.get(path)
    return response.json()
async def post(path):
    return await client.post(path)
"""

NAPS = (
    HTTP
    + """
import asyncio
async def nap(): await asyncio.sleep(1)
async def slow(x=1):
    await asyncio.sleep(1)
    return x
"""
)

REFUSES = """
class NotFound(Exception): pass
async def shop(x):
    found = await get(x)
    if not found: raise NotFound(x)
    return found
"""
