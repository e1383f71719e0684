"""Stock figures from a dictionary, served with an access log: `python broken.py PORT`.

Half of what a request costs is the line that is written about it. To mend it: `access_log=False`
(`--no-access-log`).
"""

import sys

import uvicorn
from fastapi import FastAPI

app = FastAPI()
STOCK = {"tea": 7, "milk": 4}


@app.get("/stock")
async def stock() -> dict[str, int]:
    return STOCK


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), access_log=True)
