"""The order of sets depends on the hash seed; what the scan says does not."""

import os
import subprocess
import sys
from pathlib import Path

# Each value may be one of several objects, of which the reason names the first.
SOURCE = """
import httpx
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
client = httpx.AsyncClient()
async def rows(s): return await s.execute(select(1))
async def add(box, key): box.append(await client.get(key))
async def f(one: AsyncSession, two: AsyncSession, three: AsyncSession, four: AsyncSession, c: int):
    any_ = one if c == 1 else two if c == 2 else three if c == 3 else four
    a = await rows(any_)
    b = await rows(any_)
    return a, b
async def g(red: list, green: list, blue: list, c: int):
    box = red if c == 1 else green if c == 2 else blue
    await add(box, 1)
    await add(box, 2)
async def h(apple: list, pear: list, plum: list, c: int):
    for key in apple if c == 1 else pear if c == 2 else plum:
        await add(apple if c == 1 else pear if c == 2 else plum, key)
"""

SCAN = """
import json
from dataclasses import asdict
from pathlib import Path
from asyncperf.scan import scan_paths
print(json.dumps(asdict(scan_paths([Path("app.py")]))))
"""


def scanned(folder: Path, seed: str) -> str:
    own = {"PYTHONHASHSEED": seed}
    ran = subprocess.run(
        [sys.executable, "-c", SCAN],
        cwd=folder,
        env=os.environ | own,
        capture_output=True,
        text=True,
        check=True,
    )
    return ran.stdout


def test_the_same_is_said_with_every_hash_seed(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(SOURCE)
    first = scanned(tmp_path, "1")
    assert first.count('"unsafe"') >= 3
    assert scanned(tmp_path, "4") == first
