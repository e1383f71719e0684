"""An app with requests of every kind; a POST without its body's price is refused."""

import asyncio
import time

from fastapi import FastAPI
from pydantic import BaseModel, Field

app = FastAPI()


class Item(BaseModel):
    name: str = Field(examples=["cup"])
    price: float = Field(ge=1)


@app.get("/fine")
async def fine() -> dict[str, str]:
    await asyncio.sleep(0.05)
    return {}


@app.get("/blocking")
def blocking() -> dict[str, str]:
    time.sleep(0.2)
    return {}


@app.get("/items/{item_id}")
async def item(item_id: int) -> dict[str, int]:
    await asyncio.sleep(0.05)
    return {"id": item_id}


@app.post("/items", status_code=201)
async def create(item: Item) -> Item:
    await asyncio.sleep(0.05)
    return item
