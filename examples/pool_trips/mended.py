"""The dependency is `async def`: it runs where it is."""

from typing import Annotated

from fastapi import Depends, FastAPI

app = FastAPI()
SETTINGS = {"currency": "EUR", "language": "en"}


async def currency() -> str:
    return SETTINGS["currency"]


@app.get("/price")
async def price(currency: Annotated[str, Depends(currency)]) -> str:
    return f"9.90 {currency}"
