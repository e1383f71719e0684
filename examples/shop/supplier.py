"""The supplier's service: another company's, and slow. `uvicorn shop.supplier:app --port 9000`."""

import asyncio
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

# Seconds that an answer takes.
TAKES_S = {"price": 0.06, "stock": 0.05, "rating": 0.04, "freight": 0.03, "payment": 0.08}


def answering(what: str) -> Route:
    async def answer(request: Request) -> JSONResponse:
        await asyncio.sleep(TAKES_S[what])
        found: dict[str, Any] = {"id": request.path_params["number"], "value": len(what)}
        return JSONResponse(found)

    return Route(f"/{what}/{{number:int}}", answer)


app = Starlette(routes=[answering(what) for what in TAKES_S])
