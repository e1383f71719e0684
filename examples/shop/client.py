"""What the shop asks its supplier."""

import httpx

from .settings import SUPPLIER_URL

client = httpx.AsyncClient(base_url=SUPPLIER_URL, timeout=10)


async def ask(what: str, number: int) -> int:
    answer = await client.get(f"/{what}/{number}")
    answer.raise_for_status()
    value: int = answer.json()["value"]
    return value
