"""`def` endpoints that share a pool of two connections: one takes one, one takes two, and one
gets its connection from a dependency, so holds it on its way to a thread."""

import os
import time
from collections.abc import Iterator

import sqlalchemy
from fastapi import Depends, FastAPI

app = FastAPI()
HOLD_S = 0.02
engine = sqlalchemy.create_engine(
    f"sqlite:///{os.environ['DATABASE']}",
    pool_size=2,
    max_overflow=0,
    poolclass=sqlalchemy.QueuePool,
)


@app.get("/one")
def one() -> None:
    with engine.connect():
        time.sleep(HOLD_S)


def connection() -> Iterator[sqlalchemy.Connection]:
    with engine.connect() as taken:
        yield taken


@app.get("/handed", dependencies=[Depends(connection)])
def handed() -> None:
    time.sleep(HOLD_S)


@app.get("/two")
def two() -> None:
    with engine.connect():
        time.sleep(HOLD_S)
        with engine.connect():
            pass
