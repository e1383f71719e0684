"""A price whose currency is a plain `def` dependency: it goes to a thread to read a dictionary.

To mend it: `async def`, for nothing in it blocks.
"""

from typing import Annotated

from fastapi import Depends, FastAPI

app = FastAPI()
SETTINGS = {"currency": "EUR", "language": "en"}


def currency() -> str:
    return SETTINGS["currency"]


@app.get("/price")
async def price(currency: Annotated[str, Depends(currency)]) -> str:
    return f"9.90 {currency}"
