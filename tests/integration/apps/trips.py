"""A `def` endpoint, a `def` dependency and a generator dependency, with and without a
response model."""

from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, FastAPI
from fastapi.responses import JSONResponse
from pydantic import BaseModel

app = FastAPI()


class Answer(BaseModel):
    value: int


def dependency() -> int:
    return 1


def generator() -> Iterator[int]:
    yield 1


One = Annotated[int, Depends(dependency)]
Other = Annotated[int, Depends(generator)]


@app.get("/four")
def four(one: One, other: Other) -> JSONResponse:
    return JSONResponse({"value": one + other})


@app.get("/five")
def five(one: One, other: Other) -> Answer:
    return Answer(value=one + other)
