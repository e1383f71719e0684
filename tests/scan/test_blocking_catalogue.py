"""Which library calls block, of what is known and of what only its name tells."""

import pytest


@pytest.mark.parametrize(
    (
        "source",
        "name",
        "blocks",
    ),
    [
        (
            "import requests\nasync def f():\n    requests.Session().get('a')",
            "requests.Session.get",
            "network",
        ),
        (
            "import httpx\nasync def f():\n    with httpx.Client() as c:\n        c.post('a')",
            "httpx.Client.post",
            "network",
        ),
        (
            "from urllib.request import urlopen\nasync def f():\n    urlopen('a')",
            "urllib.request.urlopen",
            "network",
        ),
        (
            "import boto3\nasync def f():\n    boto3.client('s3').get_object()",
            "boto3.Client.get_object",
            "network",
        ),
        (
            "import subprocess\nasync def f():\n    subprocess.run(['a'])",
            "subprocess.run",
            "process",
        ),
        (
            "import subprocess\nasync def f(p: subprocess.Popen):\n    p.wait()",
            "subprocess.Popen.wait",
            "process",
        ),
        (
            "import bcrypt\nasync def f(p):\n    bcrypt.hashpw(p, b'')",
            "bcrypt.hashpw",
            "cpu",
        ),
        (
            "from passlib.context import CryptContext\nc = CryptContext()\n"
            "async def f(p):\n    c.verify(p, p)",
            "passlib.CryptContext.verify",
            "cpu",
        ),
        (
            "from pwdlib import PasswordHash\nc = PasswordHash.recommended()\n"
            "async def f(p):\n    c.hash(p)",
            "pwdlib.PasswordHash.hash",
            "cpu",
        ),
        (
            "import sqlite3\nasync def f():\n    sqlite3.connect('a')",
            "sqlite3.connect",
            "database",
        ),
        (
            "from sqlalchemy.orm import Session\n"
            "async def f(s: Session):\n    s.query(1).filter(2).all()",
            "sqlalchemy.Query.all",
            "database",
        ),
        (
            "from sqlmodel import Session\nasync def f(s: Session):\n    s.exec(1)",
            "sqlmodel.Session.exec",
            "database",
        ),
        (
            "from redis import Redis\nasync def f(r: Redis):\n    r.get('a')",
            "redis.Redis.get",
            "database",
        ),
        (
            "import shutil\nasync def f():\n    shutil.rmtree('a')",
            "shutil.rmtree",
            "file",
        ),
        (
            "import queue\nasync def f(q: queue.Queue):\n    q.get()",
            "queue.Queue.get",
            "wait",
        ),
        (
            "from concurrent.futures import Future\nasync def f(x: Future):\n    x.result()",
            "concurrent.Future.result",
            "wait",
        ),
        (
            "async def f():\n    input()",
            "input",
            "wait",
        ),
    ],
)
def test_what_blocks(scanned, source, name, blocks):
    [call] = scanned(main=source)
    assert (call.call, call.blocks, call.brief) == (name, blocks, False)
    assert call.certain


@pytest.mark.parametrize(
    "source",
    [
        "from redis.asyncio import Redis\n"
        "async def f(r: Redis):\n    await r.get('a')\n    r.get('b')",
        "from sqlalchemy.ext.asyncio import AsyncSession\n"
        "async def f(s: AsyncSession):\n    await s.commit()",
        "import anyio\nasync def f(p: anyio.Path):\n    await p.read_text()",
        "import httpx\nasync def f(c: httpx.AsyncClient):\n    await c.get('a')",
        "import asyncio\n"
        "async def f(t: asyncio.Task, q: asyncio.Queue):\n    t.result()\n    await q.get()",
        "async def f(d: dict):\n    d.get('a')\n    d.update(b=1)",
        "import boto3\nasync def f():\n    boto3.client('s3').generate_presigned_url('a')",
    ],
)
def test_async_namesakes_do_not_block(scanned, source):
    assert scanned(main=source) == ()


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ("with Session() as db:\n        db.execute(1)", "sqlalchemy.Session.execute"),
        ("db = Session()\n    db.query(1).filter(2).first()", "sqlalchemy.Query.first"),
        ("async with Session() as db:\n        await db.execute(1)", None),
    ],
)
def test_a_sessionmakers_session_is_sync_where_only_a_sync_one_can_be(scanned, body, name):
    found = scanned(
        main="from sqlalchemy.orm import sessionmaker\nSession = sessionmaker()\n"
        f"async def f():\n    {body}\n"
    )
    assert [call.call for call in found] == ([name] if name else [])


def test_an_heir_of_a_blocking_class_blocks(scanned):
    [call] = scanned(
        main="""\
            import httpx
            class Shop(httpx.Client):
                def page(self):
                    return self.get("/")
            async def f(shop: Shop):
                return shop.page()
            """
    )
    assert (call.call, call.certain) == ("httpx.Client.get", True)


def test_one_system_call_is_brief(scanned):
    found = scanned(
        main="""\
            from pathlib import Path
            HERE = Path(__file__).parent
            async def f(name):
                with open(name) as file:
                    file.read()
                (HERE / name).read_text()
                for path in HERE.glob("*"):
                    path.unlink()
            """
    )
    names = [call.call.rpartition(".")[2] for call in found]
    assert names == ["open", "read_text", "glob", "unlink"]
    assert all(call.brief and call.certain for call in found)


def test_what_is_given_a_stream_in_memory_opens_no_file(scanned):
    source = """\
        import io, tarfile, zipfile
        async def f(content, path):
            held = io.BytesIO(content)
            with zipfile.ZipFile(held) as archive:
                archive.namelist()
            tarfile.open(fileobj=io.BytesIO(content))
            zipfile.ZipFile(path)
        """
    assert [call.line for call in scanned(main=source)] == [7]


def test_a_session_of_unknown_class_that_nobody_awaits_is_not_certain(scanned):
    [call] = scanned(main="async def f(request):\n    request.state.db.commit()\n")
    assert (call.call, call.certain) == ("sqlalchemy.Session.commit", False)


def test_a_telling_name_of_an_unknown_object_is_not_certain(scanned):
    [call] = scanned(main="async def f(path):\n    return path.read_text()\n")
    assert (call.call, call.certain) == ("pathlib.Path.read_text", False)


def test_a_method_of_what_is_named_as_a_path_is_not_certain(scanned):
    [call] = scanned(
        main="async def f(user, sock_path):\n    user.exists()\n    sock_path.exists()\n"
    )
    assert (call.line, call.call, call.certain) == (3, "pathlib.Path.exists", False)


def test_the_parent_of_what_is_named_as_a_path_is_one(scanned):
    [call] = scanned(main="async def f(zip_path, it):\n    zip_path.parent.exists()\n")
    assert (call.call, call.certain) == ("pathlib.Path.exists", False)
    assert scanned(main="async def f(zip_path, it):\n    it.parent.exists()\n") == ()
