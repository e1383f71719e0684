"""`def` endpoints that share a pool of two connections: one takes one, one takes two."""

import os
import time

import sqlalchemy
from fastapi import FastAPI

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


@app.get("/two")
def two() -> None:
    with engine.connect():
        time.sleep(HOLD_S)
        with engine.connect():
            pass
