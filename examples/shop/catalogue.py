"""What is for sale."""

import asyncio
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException
from fastapi import Path as InPath

from .client import ask
from .database import Product, Session

router = APIRouter(prefix="/products")
Number = Annotated[int, InPath(examples=[7])]
TERMS = Path(__file__).with_name("README.md")


@router.get("/terms")
def terms() -> dict[str, str]:
    """Healthy: reading a file blocks, so it is for a thread."""
    return {"terms": TERMS.read_text()}


@router.get("/{number}")
async def product(number: Number, session: Session) -> dict[str, Any]:
    """Healthy: one row by its primary key."""
    found = await session.get(Product, number)
    if found is None:
        raise HTTPException(404)
    return {"id": found.id, "name": found.name, "cents": found.cents}


@router.get("/{number}/offer")
async def offer(number: Number) -> dict[str, int]:
    """Fault: none of the three needs another's answer."""
    price = await ask("price", number)
    stock = await ask("stock", number)
    rating = await ask("rating", number)
    return {"price": price, "stock": stock, "rating": rating}


@router.get("/{number}/page")
async def page(number: Number) -> dict[str, int]:
    """Healthy: the same three at once."""
    price, stock, rating = await asyncio.gather(
        ask("price", number), ask("stock", number), ask("rating", number)
    )
    return {"price": price, "stock": stock, "rating": rating}
