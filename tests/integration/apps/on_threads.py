"""An endpoint that computes on a thread of the pool, with a dependency that needs none."""

from typing import Annotated

from fastapi import Depends, FastAPI

app = FastAPI()


def limit() -> int:
    return 100_000


@app.get("/sums")
def sums(limit: Annotated[int, Depends(limit)]) -> int:
    """Some milliseconds of CPU, for which Python's lock is never given away but in turns."""
    return sum(i * i for i in range(limit)) % 7
