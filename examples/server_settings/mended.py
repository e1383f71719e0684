"""The same without an access log: `python mended.py PORT`."""

import sys

import uvicorn
from fastapi import FastAPI

app = FastAPI()
STOCK = {"tea": 7, "milk": 4}


@app.get("/stock")
async def stock() -> dict[str, int]:
    return STOCK


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), access_log=False)
