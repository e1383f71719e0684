# ruff: noqa: E501
"""What calls of libraries that the catalogue does not list are taken to do."""

import pytest

from .conftest import OnlySite

HTTP = """
import httpx
client = httpx.AsyncClient()
async def get(path): return await client.get(path)
"""
CLOUD = """
from somecloud.aio import Bucket
class Fetcher(Bucket): pass
class Refused(Exception):
    def __init__(self, why):
        super().__init__(why)
async def strict(x):
    if not x: raise Refused(x)
    return await get(x)
async def listed(x: Bucket):
    items = x.query_items(1)
    return [y async for y in items]
"""

CALLS = {
    "what the name says that it reads": ("x: Bucket", "a = await x.get_blob(1); b = await x.list_names()", "independent"),
    "what is read one by one": ("x: Bucket", "a = await listed(x); b = await listed(x)", "independent"),
    "of a class of the project that is one, too": ("x: Fetcher", "a = await x.get_blob(1); b = await x.get_blob(2)", "independent"),
    "a word that does not say what": ("x: Bucket", "a = await x.get(1); b = await x.get(2)", "likely"),
    "what is made where there is none": ("x: Bucket", "a = await x.get_or_create(1); b = await x.get_or_create(2)", "likely"),
    "what is taken away": ("x: Bucket", "a = await x.get_message(); b = await x.get_message()", "likely"),
    "what the result is dropped of": ("x: Bucket", "a = await get(1); await x.fetch_members()\n    b = 1", "unsafe"),
    "of an object of no known class": ("x", "a = await x.get_blob(1); b = await x.get_blob(2)", "independent"),
    "of what is named a session": ("session: Bucket", "a = await session.get_blob(1); b = await session.get_blob(2)", "unsafe"),
    "a base class that makes an exception": ("x", "a = await strict(1); b = await strict(2)", "independent"),
}  # fmt: skip


@pytest.mark.parametrize(("parameter", "body", "verdict"), CALLS.values(), ids=CALLS)
def test_a_method_of_a_library(
    only_site: OnlySite, parameter: str, body: str, verdict: str
) -> None:
    site = only_site(f"{HTTP}{CLOUD}\nasync def f({parameter}):\n    {body}\n    return a, b\n")
    assert site.verdict == verdict, site.reason


@pytest.mark.parametrize(
    ("made", "verdict"),
    [
        ("parse_rate(x)", "independent"),
        ("charge(x)", "likely"),
        ("Rate.model_validate(x)", "independent"),
        ("Rate.settle(x)", "likely"),
    ],
)
def test_a_plain_call_of_a_library(only_site: OnlySite, made: str, verdict: str) -> None:
    site = only_site(f"""{HTTP}
from somecloud import Rate, charge, parse_rate
async def asked(x):
    return {made}, await get(x)
async def f():
    a = await asked(1)
    b = await asked(2)
    return a, b
""")
    assert site.verdict == verdict, site.reason


def test_what_a_library_reads_may_use_the_session_of_its_object(only_site: OnlySite) -> None:
    site = only_site("""
from sqlalchemy.ext.asyncio import AsyncSession
from elsewhere import Base
class Shop(Base):
    session: AsyncSession
async def f(shop: Shop):
    a = await shop.session.scalar(1)
    b = await shop.get_other()
    return a, b
""")
    assert site.verdict == "unsafe", site.reason


@pytest.mark.parametrize(
    ("path", "verdict"),
    [("/shops/filter", "independent"), ("/shops/query", "likely"), ("/shops", "unsafe")],
)
def test_a_post_to_a_path_that_only_asks(only_site: OnlySite, path: str, verdict: str) -> None:
    site = only_site(f"""{HTTP}
async def f():
    a = await get("/a")
    b = await client.post("{path}")
    return a, b
""")
    assert site.verdict == verdict, site.reason


@pytest.mark.parametrize(
    ("path", "verdict"),
    [("/count_tokens", "likely"), ("/model-details", "likely"), ("/settle", "unsafe")],
)
def test_a_path_that_a_helper_is_given(only_site: OnlySite, path: str, verdict: str) -> None:
    site = only_site(f"""{HTTP}
async def asked(url, body): return await client.post(url, json=body)
async def f(host):
    a = await asked(host + "{path}", 1)
    b = await asked(host + "{path}", 2)
    return a, b
""")
    assert site.verdict == verdict, site.reason


def test_a_helper_that_posts_anywhere_writes(only_site: OnlySite) -> None:
    site = only_site(f"""{HTTP}
async def f(url):
    a = await client.post(url)
    b = await client.post(url)
    return a, b
""")
    assert site.verdict == "unsafe", site.reason


@pytest.mark.parametrize(
    ("asks", "verdict"),
    [
        ("openai.responses.create", "likely"),
        ("anthropic.messages.create", "likely"),
        ("openai.beta.threads.messages.create", "unsafe"),
    ],
)
def test_a_model_that_is_asked(only_site: OnlySite, asks: str, verdict: str) -> None:
    site = only_site(
        f"async def f():\n    a = await {asks}(x=1)\n    b = await {asks}(x=2)\n    return a, b\n"
    )
    assert site.verdict == verdict, site.reason


@pytest.mark.parametrize(
    ("client", "asks", "verdict"),
    [
        ("openai.AsyncOpenAI", "x.chat.completions.create(1)", "independent"),
        ("openai.AsyncOpenAI", "x.embeddings.create(1)", "independent"),
        ("openai.AsyncOpenAI", "x.beta.threads.messages.create(1)", "unsafe"),
        ("langchain_openai.ChatOpenAI", "x.bind_tools([]).ainvoke(1)", "independent"),
        ("qdrant_client.AsyncQdrantClient", "x.query_points(1)", "independent"),
        ("qdrant_client.AsyncQdrantClient", "x.upsert(1)", "unsafe"),
        (
            "weaviate.WeaviateAsyncClient",
            "x.collections.get('a').query.near_text(1)",
            "independent",
        ),
        ("weaviate.WeaviateAsyncClient", "x.collections.get('a').data.insert(1)", "unsafe"),
        ("elasticsearch.AsyncElasticsearch", "x.search()", "independent"),
        ("elasticsearch.AsyncElasticsearch", "x.index()", "unsafe"),
        ("redis.asyncio.Redis", "x.zrevrank('a', 1)", "independent"),
        ("redis.asyncio.Sentinel", "x.master_for('a').get('b')", "independent"),
        ("redis.asyncio.Sentinel", "x.master_for('a').set('b', 1)", "unsafe"),
        ("aiobotocore.client.AioBaseClient", "x.get_object()", "independent"),
        ("aiobotocore.client.AioBaseClient", "x.upload_part()", "unsafe"),
        ("aiobotocore.client.AioBaseClient", "x.detect_faces()", "independent"),
        ("aiobotocore.client.AioBaseClient", "x.get_or_make(1)", "likely"),
    ],
)
def test_a_client_of_the_catalogue(
    only_site: OnlySite, client: str, asks: str, verdict: str
) -> None:
    package = client.rpartition(".")[0]
    site = only_site(
        f"import {package}\nasync def f(x: {client}):\n"
        f"    a = await {asks}\n    b = await {asks}\n    return a, b\n"
    )
    assert site.verdict == verdict, site.reason


@pytest.mark.parametrize(
    ("name", "url", "verdict"),
    [
        ("embed", "self.url", "likely"),
        ("_get_scores", "self.url", "likely"),
        ("settle", "self.url", "unsafe"),
        ("fetch_rows", "'/v1/rows'", "likely"),
        ("fetch_rows", "'/v1/delete'", "unsafe"),
        ("fetch_rows", "'/'", "unsafe"),
        ("settle", "f'{self.url}/v1/embeddings'", "independent"),
        ("settle", "f'{self.url}/v1/rows'", "unsafe"),
    ],
)
def test_a_post_is_what_its_path_and_its_function_are_named(
    only_site: OnlySite, name: str, url: str, verdict: str
) -> None:
    site = only_site(f"""{HTTP}
class Model:
    async def {name}(self, texts):
        return await client.post({url}, json=texts)
async def f(model: Model):
    a = await model.{name}(1)
    b = await model.{name}(2)
    return a, b
""")
    assert site.verdict == verdict, site.reason


@pytest.mark.parametrize(
    ("made", "verdict"),
    [
        ("Index.extract_text", "independent"),
        ("Index.from_url", "likely"),
        ("Index.from_texts", "unsafe"),
    ],
)
def test_what_a_library_does_in_a_thread(only_site: OnlySite, made: str, verdict: str) -> None:
    site = only_site(f"""
import asyncio
from somecloud import Index
async def f(xs):
    return [await asyncio.to_thread({made}, x) for x in xs]
""")
    assert site.verdict == verdict, site.reason


def test_a_function_that_runs_on_a_connection_gets_that_one(only_site: OnlySite) -> None:
    site = only_site("""
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy import select
engine = create_async_engine("sqlite+aiosqlite://")
def rows(conn): return conn.execute(select(1))
async def listed():
    async with engine.connect() as conn:
        return await conn.run_sync(rows)
async def f():
    a = await listed()
    b = await listed()
    return a, b
""")
    assert site.verdict in {"independent", "likely"}, site.reason


def test_one_connection_that_two_functions_run_on(only_site: OnlySite) -> None:
    site = only_site("""
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy import select
engine = create_async_engine("sqlite+aiosqlite://")
def rows(conn): return conn.execute(select(1))
async def f():
    async with engine.connect() as conn:
        a = await conn.run_sync(rows)
        b = await conn.run_sync(rows)
        return a, b
""")
    assert site.verdict == "unsafe", site.reason


def test_a_folder_looked_through_one_by_one(only_site: OnlySite) -> None:
    site = only_site("""
from anyio import Path
async def names(x): return [each.name async for each in Path(x).iterdir()]
async def f():
    a = await names(1)
    b = await names(2)
    return a, b
""")
    assert site.verdict == "independent", site.reason


@pytest.mark.parametrize(
    ("body", "verdict"),
    [
        ("a = await told(1); b = await told(2); return a, b", "likely"),
        ("await told(1); await told(2)", "unsafe"),
    ],
)
def test_printing_on_the_way(only_site: OnlySite, body: str, verdict: str) -> None:
    site = only_site(f"""{HTTP}
async def told(x):
    print(x)
    return await get(x)
async def f():
    {body}
""")
    assert site.verdict == verdict, site.reason


def test_the_body_of_an_abstract_method_is_called_by_super(only_site: OnlySite) -> None:
    site = only_site(f"""{HTTP}
from abc import ABC, abstractmethod
class Store(ABC):
    @abstractmethod
    async def begin(self):
        self.client = await get("/")
class Own(Store):
    async def begin(self):
        await super().begin()
    async def ask(self):
        return await self.client.get("/a")
async def f(own: Own):
    await own.begin()
    a = await own.ask()
    return a
""")
    assert site.verdict in {"dependent", "unsafe"}, site.reason


@pytest.mark.parametrize(
    ("grant", "verdict"),
    [("client_credentials", "independent"), ("refresh_token", "unsafe")],
)
def test_a_post_for_a_token(only_site: OnlySite, grant: str, verdict: str) -> None:
    site = only_site(f"""{HTTP}
async def asked(path):
    token = await client.post("/oauth/token", json={{"grant_type": "{grant}"}})
    return await client.get(path, headers={{"Authorization": token.text}})
async def f():
    a = await asked("/a")
    b = await asked("/b")
    return a, b
""")
    assert site.verdict == verdict, site.reason


@pytest.mark.parametrize(("does", "verdict"), [("listdir", "independent"), ("mkdir", "unsafe")])
@pytest.mark.parametrize("call", ["shown('/')", "sync_to_async(lambda: names('/'))()"])
def test_what_is_made_async_does_in_a_thread_what_it_is_made_of(
    only_site: OnlySite, call: str, does: str, verdict: str
) -> None:
    site = only_site(f"""
import os
from asgiref.sync import sync_to_async
def names(path): return os.{does}(path)
shown = sync_to_async(names)
async def f():
    a = await {call}
    b = await {call}
    return a, b
""")
    assert site.verdict == verdict, site.reason
    assert site.remedy == ("overlap" if verdict == "independent" else "none")


def test_calling_a_new_type_gives_what_it_is_given(only_site: OnlySite) -> None:
    site = only_site(f"""from typing import NewType
Path = NewType("Path", str)
{HTTP}
async def f(x):
    a = await get(Path(x))
    b = await get(Path("/b"))
    return a, b
""")
    assert site.verdict == "independent", site.reason


@pytest.mark.parametrize(
    ("body", "verdict"),
    [
        ("a = await Order.filter(id=1).count(); b = await Order.get_or_none(id=1)", "independent"),
        ("q = Order.all(); a = await q.count(); b = await q.offset(1).limit(2)", "independent"),
        ("a = await Order.all().first(); b = await Order.get_or_create(id=1)", "unsafe"),
        ("a = await Order.filter(id=1).update(id=2); b = await Order.all().first()", "dependent"),
        ("a = await Order.all().first(); b = await order.save()", "unsafe"),
    ],
)
def test_tortoises_models(only_site: OnlySite, body: str, verdict: str) -> None:
    site = only_site(f"""
from tortoise import fields
from tortoise.models import Model
class Kept(Model):
    id = fields.IntField()
class Order(Kept):
    name = fields.TextField()
async def f(order: Order):
    {body}
    return a, b
""")
    assert site.verdict == verdict, site.reason


@pytest.mark.parametrize(
    ("second", "verdict"), [("kept.get(b'b')", "independent"), ("kept.set(b'b', b'c')", "unsafe")]
)
def test_a_cache_of_bytes(only_site: OnlySite, second: str, verdict: str) -> None:
    site = only_site(f"""
import aiomcache
kept = aiomcache.Client("host", 11211)
async def f():
    a = await kept.get(b"a")
    b = await {second}
    return a, b
""")
    assert site.verdict == verdict, site.reason


@pytest.mark.parametrize(
    ("body", "verdict"),
    [
        ("a = await Order.find_one(1); b = await Order.find(2).sort('id').to_list()", "independent"),
        ("q = Order.find(1); a = await q.count(); b = await q.skip(1).to_list()", "unsafe"),
        ("a = await Order.get(1); b = await Order.find(2).delete()", "unsafe"),
        ("a = await Order.get(1); b = await order.insert()", "unsafe"),
    ],
)  # fmt: skip
def test_beanies_documents(only_site: OnlySite, body: str, verdict: str) -> None:
    site = only_site(f"""
import beanie
class Order(beanie.Document):
    name: str
async def f(order: Order):
    {body}
    return a, b
""")
    assert site.verdict == verdict, site.reason
