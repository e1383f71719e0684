"""Classes that come in families, one for each service behind them, told by how they are named.

Part of the catalogue: looked through, in this order, for what `catalogue_types` does not list.
"""

import re

from asyncperf.scan import catalogue_services as services
from asyncperf.scan import catalogue_stores as stores
from asyncperf.scan.library_effects import TypeEffects

FAMILIES: tuple[tuple[re.Pattern[str], TypeEffects], ...] = tuple(
    (re.compile(rf"^{pattern}$"), effects)
    for pattern, effects in (
        # LangChain's integrations: `langchain_mistralai.ChatMistralAI`, but no `ChatPromptTemplate`
        (
            r"langchain(?!_core)\w*\.(Azure)?Chat(?!\w*(Prompt|Message|Generation|Result|Agent))\w+",
            services.MODEL,
        ),
        (r"langchain\w*\.\w*Embeddings", services.MODEL),
        (r"langchain\w*\.\w*Retriever", stores.RETRIEVER),
        (
            r"langchain\w*\.(\w*VectorStore|Chroma|FAISS|PGVector|Qdrant|Milvus|Weaviate|"
            r"ElasticsearchStore|AzureSearch|OpenSearchVectorSearch|MongoDBAtlasVectorSearch)",
            stores.TEXTS,
        ),
        (r"llama_index\.\w*Embedding", services.MODEL),
        (r"llama_index\.\w*Retriever", stores.RETRIEVER),
        (r"azure\.\w+Credential", services.CREDENTIAL),
        (r"discord\.(\w+Channel|Thread)", services.DISCORD),
        # The stubs of boto: `types_aiobotocore_s3.S3Client`
        (r"(types_aiobotocore|types_boto3|mypy_boto3)\w*\.\w+Client", services.BOTO),
    )
)
