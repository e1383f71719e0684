"""The service behind the examples' shops: a process of its own that answers after a while.

`GET /stock/40` answers after 40 ms, whoever else asks meanwhile. It ends with the app.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from subprocess import PIPE

BODY = b'{"amount": 42}\n'
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"


@asynccontextmanager
async def running() -> AsyncIterator[str]:
    """The service's address, while it runs."""
    # Isolated (-I), for it is not what is looked at.
    command = (sys.executable, "-I", __file__)
    process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    port = int(await process.stdout.readline())
    yield f"http://127.0.0.1:{port}"
    process.stdin.close()
    await process.wait()


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            await asyncio.sleep(int(head.split()[1].rpartition(b"/")[2]) / 1000)
            writer.write(ANSWER % (len(BODY), BODY))
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def serve() -> None:
    server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=1000)
    print(server.sockets[0].getsockname()[1], flush=True)
    # The app holds the other end: when it is gone, however it ended, so are we.
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(serve())
