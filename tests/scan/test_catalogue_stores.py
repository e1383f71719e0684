"""Clients of search indexes, vector stores and document stores: reads of which two may overlap, and
writes that may not."""

import pytest

from .conftest import OnlySite

MOTOR = "motor.motor_asyncio.AsyncIOMotorDatabase"

READS = [
    ("elasticsearch.AsyncElasticsearch", "x.options(request_timeout=1).search(1)"),
    ("elasticsearch.AsyncElasticsearch", "x.indices.exists(1)"),
    ("elasticsearch.AsyncElasticsearch", "x.cat.indices()"),
    ("opensearchpy.AsyncOpenSearch", "x.cluster.health()"),
    ("qdrant_client.AsyncQdrantClient", "x.collection_exists(1)"),
    ("pymilvus.AsyncMilvusClient", "x.hybrid_search(1)"),
    ("chromadb.AsyncCollection", "x.peek()"),
    ("chromadb.AsyncClientAPI", "(await x.get_collection('a')).query(1)"),
    ("pinecone.PineconeAsyncio", "x.IndexAsyncio('a').query(1)"),
    ("langchain_qdrant.QdrantVectorStore", "x.asimilarity_search(1)"),
    ("langchain_qdrant.QdrantVectorStore", "x.as_retriever().ainvoke(1)"),
    (MOTOR, "x.goods.find_one(1)"),
    (MOTOR, "x['goods'].find(1).sort('a').to_list(1)"),
    (MOTOR, "x.fs.files.count_documents(1)"),
    (MOTOR, "x.list_collections()"),
    ("pymongo.AsyncMongoClient", "x.shop['goods'].distinct('a')"),
    ("odmantic.AIOEngine", "x.find_one(1)"),
    ("prisma.Prisma", "x.goods.find_many()"),
    ("google.cloud.firestore.AsyncClient", "x.collection('a').document('b').get()"),
    ("surrealdb.AsyncSurreal", "x.select('goods')"),
    ("workflows.Context", "x.store.get('a')"),
    ("consul.aio.Consul", "x.kv.get('a')"),
]

WRITES = [
    ("elasticsearch.AsyncElasticsearch", "x.bulk(1)"),
    ("elasticsearch.AsyncElasticsearch", "x.options(request_timeout=1).index(1)"),
    ("opensearchpy.AsyncOpenSearch", "x.indices.create(1)"),
    ("qdrant_client.AsyncQdrantClient", "x.create_collection(1)"),
    ("pymilvus.AsyncMilvusClient", "x.upsert(1)"),
    ("chromadb.AsyncCollection", "x.upsert(1)"),
    ("pinecone.PineconeAsyncio", "x.IndexAsyncio('a').upsert(1)"),
    ("langchain_qdrant.QdrantVectorStore", "x.aadd_documents(1)"),
    (MOTOR, "x.goods.insert_one(1)"),
    (MOTOR, "x['goods'].find_one_and_update(1)"),
    (MOTOR, "x.command('shutdown')"),
    ("pymongo.AsyncMongoClient", "x.shop.goods.delete_many(1)"),
    ("odmantic.AIOEngine", "x.save(1)"),
    ("prisma.Prisma", "x.goods.create(1)"),
    ("google.cloud.firestore.AsyncClient", "x.collection('a').document('b').set(1)"),
    ("surrealdb.AsyncSurreal", "x.create('goods')"),
    ("workflows.Context", "x.store.set('a', 1)"),
    ("consul.aio.Consul", "x.kv.put('a', 1)"),
]


@pytest.mark.parametrize(("client", "asks"), READS)
def test_two_reads_may_overlap(only_site: OnlySite, client: str, asks: str) -> None:
    site = only_site(_pair(client, asks))
    assert site.verdict == "independent", site.reason


@pytest.mark.parametrize(("client", "asks"), WRITES)
def test_two_writes_may_not(only_site: OnlySite, client: str, asks: str) -> None:
    site = only_site(_pair(client, asks))
    assert site.verdict in {"unsafe", "dependent"}, site.reason


def _pair(client: str, asks: str) -> str:
    return (
        f"import {client.rpartition('.')[0]}\nasync def f(x: {client}):\n"
        f"    a = await {asks}\n    b = await {asks}\n    return a, b\n"
    )


@pytest.mark.parametrize(
    ("second", "verdict"),
    [
        ("x.goods.count_documents({})", "dependent"),
        ("x.prices.insert_one(1)", "unsafe"),
    ],
)
def test_what_is_written_to_one_collection_and_done_to_another(
    only_site: OnlySite, second: str, verdict: str
) -> None:
    site = only_site(f"""
import motor.motor_asyncio
async def f(x: {MOTOR}):
    a = await x.goods.insert_one(1)
    b = await {second}
    return a, b
""")
    assert site.verdict == verdict, site.reason


def test_a_collection_is_made_where_there_is_none(only_site: OnlySite) -> None:
    site = only_site(_pair("chromadb.AsyncClientAPI", "x.get_or_create_collection('a')"))
    assert site.verdict in {"independent", "likely"}, site.reason


@pytest.mark.parametrize(
    ("asks", "verdict"), [("search", "independent"), ("index", "unsafe"), ("told", "likely")]
)
def test_a_method_called_on_the_class(only_site: OnlySite, asks: str, verdict: str) -> None:
    site = only_site(f"""
from elasticsearch import AsyncElasticsearch
class Shop:
    index = AsyncElasticsearch
async def f(x: Shop):
    a = await x.index.{asks}(1)
    b = await x.index.{asks}(2)
    return a, b
""")
    assert site.verdict == verdict, site.reason
