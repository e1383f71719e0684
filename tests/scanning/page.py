"""A project with two awaits that could run together."""

INDEPENDENT = """\
import asyncio

async def user():
    await asyncio.sleep(0.1)
    return 1

async def news():
    await asyncio.sleep(0.1)
    return 2

async def page():
    first = await user()
    second = await news()
    return first, second
"""
