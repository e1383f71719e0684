"""What was bought."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from .client import ask
from .database import Line, Order, Product, Session

router = APIRouter(prefix="/orders")
Number = Annotated[int, Path(examples=[7])]
# The program that draws invoices runs once at a time.
drawing = asyncio.Lock()
DRAWING_S = 0.04


class Sales:
    """Figures of all orders, over one session."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def lines(self) -> int:
        query = select(func.count()).select_from(Line).join(Product)
        return await self._session.scalar(query) or 0

    async def cents(self) -> int:
        query = select(func.sum(Line.quantity * Product.cents)).select_from(Line).join(Product)
        return await self._session.scalar(query) or 0


async def lines_of(session: AsyncSession, number: int) -> list[Line]:
    found = list(await session.scalars(select(Line).where(Line.order_id == number)))
    if not found:
        raise HTTPException(404)
    return found


@router.get("/statistics")
async def statistics(session: Session) -> dict[str, int]:
    """Healthy: two queries that need nothing of each other, but share a session."""
    sales = Sales(session)
    lines = await sales.lines()
    cents = await sales.cents()
    return {"lines": lines, "cents": cents}


@router.get("/{number}/items")
async def items(number: Number, session: Session) -> list[dict[str, Any]]:
    """Fault: a query for each line."""
    found = []
    for line in await lines_of(session, number):
        product = await session.get(Product, line.product_id)
        found.append({"name": product.name if product else "", "quantity": line.quantity})
    return found


@router.get("/{number}/freight")
async def freight(number: Number, session: Session) -> int:
    """Fault: the supplier is asked for each line, one after another."""
    lines = await lines_of(session, number)
    await session.close()
    cents = []
    for line in lines:
        cents.append(await ask("freight", line.product_id))
    return sum(cents)


@router.get("/{number}/payment")
async def payment(number: Number, session: Session) -> int:
    """Fault: the connection is held while the supplier is waited for."""
    order = await session.get(Order, number)
    if order is None:
        raise HTTPException(404)
    return await ask("payment", order.id)


@router.get("/{number}/invoice")
async def invoice(number: Number) -> dict[str, int]:
    """Fault: one at a time."""
    async with drawing:
        await asyncio.sleep(DRAWING_S)
    return {"order": number}
