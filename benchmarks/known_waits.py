"""A server that waits a while and says for how long it really did, in its answer's length.

    python known_waits.py PORT WAIT_S [STALL_AFTER STALL_S]

The body has one byte for every 10 microseconds between the request's arrival and the
answer, as this process saw them. After STALL_AFTER requests it stops for STALL_S, once.
"""

import asyncio
import itertools
import sys
import time
from time import perf_counter

import uvloop

RESOLUTION_S = 1e-5
port, wait_s = int(sys.argv[1]), float(sys.argv[2])
stall_after, stall_s = (int(sys.argv[3]), float(sys.argv[4])) if len(sys.argv) > 3 else (-1, 0.0)
numbers = itertools.count(1)


class Waiting(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        began = perf_counter()
        if next(numbers) == stall_after:
            time.sleep(stall_s)
        asyncio.get_running_loop().call_later(wait_s, self.answer, began)

    def answer(self, began: float) -> None:
        body = b"x" * round((perf_counter() - began) / RESOLUTION_S)
        if not self.transport.is_closing():
            head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
            self.transport.write(head + body)  # type: ignore[attr-defined]


async def serve() -> None:
    # While it stalls, an open load knocks with a new connection for each request.
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Waiting, "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


uvloop.run(serve())
