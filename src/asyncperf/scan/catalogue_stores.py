"""What clients of search indexes, vector stores and document stores do. Part of the catalogue."""

from dataclasses import replace

from asyncperf.scan.catalogue_methods import MONGO, TORTOISE, does
from asyncperf.scan.library_effects import TypeEffects
from asyncperf.scan.values import named

# `indices`, `cat`, `cluster` and the like are objects of their own: `es.indices.exists(...)`.
ELASTIC = TypeEffects(
    "search index",
    "",
    does(
        reads="search get mget msearch count exists exists_source get_source info ping field_caps "
        "get_mapping get_settings get_alias exists_alias stats exists_template "
        "exists_index_template explain termvectors mtermvectors search_shards msearch_template "
        "search_template knn_search rank_eval terms_enum analyze validate_query",
        writes="index reindex rollover shrink split clone forcemerge",
        neither="close options",
    ),
    "q",
    makes={"options": "elasticsearch.AsyncElasticsearch"},
)
# Of an index's server: what is asked of it is in the name, or shown as a table.
ELASTIC_SERVER = TypeEffects(
    "search index",
    "",
    does(reads="health state stats info usage pending_tasks hot_threads"),
    "q",
)
VECTORS = TypeEffects(
    "vector store",
    "",
    does(
        reads="search search_batch query_points query_batch_points query_points_groups scroll "
        "retrieve count get_collection get_collections collection_exists recommend discover facet "
        "get_aliases info search_groups recommend_batch recommend_groups discover_batch "
        "search_matrix_pairs search_matrix_offsets",
        neither="close",
    ),
    "q",
)
READ_ONLY = TypeEffects("vector store", "", {}, "r")
MILVUS = TypeEffects(
    "vector store",
    "",
    does(reads="search query get hybrid_search has_collection has_partition", neither="close"),
    "q",
)
CHROMA = TypeEffects(
    "vector store",
    "",
    does(reads="heartbeat", neither="get_collection") | {"get_or_create_collection": "i"},
    "q",
    makes=dict.fromkeys(
        ("get_collection", "get_or_create_collection", "create_collection"),
        "chromadb.AsyncCollection",
    ),
)
CHROMA_COLLECTION = TypeEffects("vector store", "", does(reads="get query count peek search"), "q")
PINECONE = TypeEffects(
    "vector store",
    "",
    does(reads="has_index", neither="close IndexAsyncio AsyncIndex Index index"),
    "q",
    makes=dict.fromkeys(named("IndexAsyncio AsyncIndex Index index"), "pinecone.IndexAsyncio"),
)
PINECONE_INDEX = TypeEffects(
    "vector store",
    "",
    does(reads="query fetch list list_paginated query_namespaces search"),
    "q",
)
# LangChain's stores of texts; what is added to them is written.
TEXTS = TypeEffects(
    "vector store",
    "",
    does(
        reads="asimilarity_search asimilarity_search_with_score asimilarity_search_by_vector "
        "asimilarity_search_with_relevance_scores amax_marginal_relevance_search asearch "
        "amax_marginal_relevance_search_by_vector",
        neither="as_retriever",
    ),
    "q",
    makes={"as_retriever": "langchain_core.BaseRetriever"},
)
RETRIEVER = TypeEffects(
    "vector store",
    "",
    does(
        reads="ainvoke invoke abatch batch aretrieve retrieve",
        neither="with_config with_retry",
    ),
    "q",
    makes=dict.fromkeys(("with_config", "with_retry"), "langchain_core.BaseRetriever"),
)
ODMANTIC = TypeEffects(
    "database", "", does(reads="find find_one count", neither="get_collection"), "q"
)
# `db.user.find_many()`: each model of the schema is an attribute of the client.
PRISMA = TypeEffects(
    "database",
    "",
    does(
        sql="query_raw query_first execute_raw",
        neither="connect disconnect is_connected tx batch_",
    ),
    makes={"tx": "prisma.Transaction"},
    parts="prisma.Actions",
)
PRISMA_ACTIONS = TypeEffects(
    "database",
    "",
    does(
        reads="find_unique find_unique_or_raise find_first find_first_or_raise find_many count "
        "group_by",
        sql="query_raw query_first",
    ),
)
# Tables that are asked by what is put together from them; nothing is asked before it is awaited.
PICCOLO = replace(
    TORTOISE,
    does=does(
        reads="select objects count exists where order_by limit offset output first get prefetch "
        "group_by distinct",
        sql="raw",
    ),
    makes=dict.fromkeys(
        named("select objects where order_by limit offset output first get prefetch distinct"),
        "piccolo.Query",
    ),
)
SURREAL = TypeEffects(
    "database",
    "",
    does(reads="select info version", sql="query query_raw", neither="close connect use"),
)
KEYS = TypeEffects("key-value store", "", does(reads="get keys"), "q")
# What a workflow's steps keep for each other.
WORKFLOW_STATE = TypeEffects(
    "the workflow's state", "", does(reads="get get_state", writes="set clear")
)
FIRESTORE = TypeEffects(
    "database",
    "",
    does(
        reads="get stream collections count sum avg",
        neither="collection document collection_group where order_by limit limit_to_last offset "
        "select start_at start_after end_at end_before close",
    ),
    "q",
    makes=dict.fromkeys(("collection", "collection_group"), "google.AsyncCollectionReference")
    | {"document": "google.AsyncDocumentReference"}
    | dict.fromkeys(
        named(
            "where order_by limit limit_to_last offset select start_at start_after end_at "
            "end_before count sum avg"
        ),
        "google.AsyncQuery",
    ),
)

STORES: dict[str, TypeEffects] = {
    **dict.fromkeys(
        (
            f"{package}.{name}"
            for package in ("elasticsearch", "opensearchpy")
            for name in ("AsyncElasticsearch", "AsyncOpenSearch", "indices")
        ),
        ELASTIC,
    ),
    **dict.fromkeys(
        (
            f"{package}.{name}"
            for package in ("elasticsearch", "opensearchpy")
            for name in ("cluster", "nodes", "tasks", "ingest", "snapshot")
        ),
        ELASTIC_SERVER,
    ),
    **dict.fromkeys(
        ("elasticsearch.cat", "opensearchpy.cat"), replace(READ_ONLY, world="search index")
    ),
    **dict.fromkeys(("qdrant_client.AsyncQdrantClient", "qdrant_client.QdrantClient"), VECTORS),
    "pymilvus.AsyncMilvusClient": MILVUS,
    **dict.fromkeys(("chromadb.AsyncClientAPI", "chromadb.AsyncClient"), CHROMA),
    "chromadb.AsyncCollection": CHROMA_COLLECTION,
    **dict.fromkeys(("pinecone.PineconeAsyncio", "pinecone.AsyncPinecone"), PINECONE),
    **dict.fromkeys(("pinecone.IndexAsyncio", "pinecone.AsyncIndex"), PINECONE_INDEX),
    **dict.fromkeys(("weaviate.query", "weaviate.aggregate", "weaviate.generate"), READ_ONLY),
    "weaviate.data": replace(VECTORS, does=does(reads="exists"), otherwise="w"),
    "weaviate.collections": TypeEffects(
        "vector store",
        "",
        does(reads="exists list_all export_config", neither="get use"),
        makes=dict.fromkeys(("get", "use"), "weaviate.CollectionAsync"),
    ),
    "weaviate.CollectionAsync": TypeEffects(
        "vector store",
        "",
        does(reads="length exists iterator", neither="with_tenant with_consistency_level"),
        makes=dict.fromkeys(("with_tenant", "with_consistency_level"), "weaviate.CollectionAsync"),
    ),
    **dict.fromkeys(
        (
            "motor.AsyncIOMotorClient",
            "motor.AsyncIOMotorDatabase",
            "motor.AsyncIOMotorCollection",
            "motor.Collection",
            "pymongo.AsyncMongoClient",
            "pymongo.AsyncCollection",
            "pymongo.AsyncDatabase",
        ),
        MONGO,
    ),
    **dict.fromkeys(
        (
            "motor.Cursor",
            "motor.AsyncIOMotorCursor",
            "motor.AsyncIOMotorCommandCursor",
            "pymongo.AsyncCursor",
            "pymongo.AsyncCommandCursor",
        ),
        replace(MONGO, parts=""),
    ),
    "odmantic.AIOEngine": ODMANTIC,
    "prisma.Prisma": PRISMA,
    "prisma.Actions": PRISMA_ACTIONS,
    **dict.fromkeys(("piccolo.Table", "piccolo.Query"), PICCOLO),
    **dict.fromkeys(
        ("surrealdb.AsyncSurreal", "surrealdb.AsyncWsSurrealConnection"),
        SURREAL,
    ),
    **dict.fromkeys(("consul.kv", "aetcd.Client", "etcd3.Client"), KEYS),
    **dict.fromkeys(
        (
            "workflows.Context",
            "workflows.store",
            "workflows.InMemoryStateStore",
            "llama_index.Context",
            "llama_index.store",
        ),
        WORKFLOW_STATE,
    ),
    **dict.fromkeys(
        (
            "google.AsyncClient",
            "google.AsyncCollectionReference",
            "google.AsyncDocumentReference",
            "google.AsyncQuery",
        ),
        FIRESTORE,
    ),
    "langchain_core.VectorStore": TEXTS,
    "langchain_core.BaseRetriever": RETRIEVER,
}
