"""Who buys."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, HTTPException, Query, Request
from pydantic import BaseModel, Field
from sqlalchemy import select

from .database import PASSWORD, Customer, Order, Session
from .passwords import matches

router = APIRouter()
EMAIL = "customer7@example.com"
Email = Annotated[str, Query(examples=[EMAIL])]


class Credentials(BaseModel):
    email: str = Field(examples=[EMAIL])
    password: str = Field(examples=[PASSWORD])


def locale(accept_language: Annotated[str, Header()] = "en") -> str:
    return accept_language.partition(",")[0]


def customer_number(request: Request) -> int:
    return int(request.headers.get("x-customer", 7))


async def customer_of(session: Session, email: str) -> Customer:
    found = await session.scalar(select(Customer).where(Customer.email == email))
    if found is None:
        raise HTTPException(404)
    return found


@router.post("/login")
async def login(credentials: Credentials, session: Session) -> dict[str, int]:
    """Fault: hashing stops the event loop."""
    customer = await customer_of(session, credentials.email)
    if not matches(credentials.password, customer.password):
        raise HTTPException(401)
    return {"id": customer.id}


@router.get("/me")
async def me(
    language: Annotated[str, Depends(locale)], number: Annotated[int, Depends(customer_number)]
) -> dict[str, Any]:
    """Fault: two trips to the thread pool, to read two headers."""
    return {"id": number, "language": language}


@router.get("/customers/orders")
async def customer_orders(email: Email, session: Session) -> list[int]:
    """Healthy: the second query takes what the first one gave."""
    customer = await customer_of(session, email)
    found = await session.scalars(select(Order.id).where(Order.customer_id == customer.id))
    return list(found)
