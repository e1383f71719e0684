"""Clients of models, clouds, clusters and chats: reads of which two may overlap, and writes that
may not."""

import pytest

from .conftest import OnlySite

READS = [
    ("openai.AsyncOpenAI", "x.with_options(timeout=1).chat.completions.create(1)"),
    ("openai.AsyncOpenAI", "x.audio.speech.create(1)"),
    ("google.genai.Client", "x.aio.models.generate_content(1)"),
    ("cohere.AsyncClientV2", "x.rerank(1)"),
    ("ollama.AsyncClient", "x.chat(1)"),
    ("langchain_mistralai.ChatMistralAI", "x.ainvoke(1)"),
    ("langchain_cohere.CohereEmbeddings", "x.aembed_query(1)"),
    ("langchain_community.retrievers.WikipediaRetriever", "x.ainvoke(1)"),
    ("llama_index.embeddings.openai.OpenAIEmbedding", "x.aget_text_embedding(1)"),
    ("aiobotocore.client.AioBaseClient", "x.generate_presigned_url(1)"),
    ("types_aiobotocore_s3.S3Client", "x.get_object()"),
    ("types_aiobotocore_sqs.SQSClient", "x.get_queue_url()"),
    ("azure.storage.blob.aio.BlobServiceClient", "x.get_blob_client('a').exists()"),
    (
        "azure.storage.blob.aio.BlobClient",
        "(await x.download_blob()).readall()",
    ),
    ("azure.search.documents.aio.SearchClient", "x.search('a')"),
    ("azure.identity.aio.DefaultAzureCredential", "x.get_token('a')"),
    ("gcloud.aio.storage.Storage", "x.download('a')"),
    ("kubernetes_asyncio.client.BatchV1Api", "x.list_namespaced_job('a')"),
    ("aiodocker.Docker", "x.containers.list()"),
    ("nio.AsyncClient", "x.joined_members('a')"),
    ("nio.AsyncClient", "x.get_displayname('a')"),
    ("discord.TextChannel", "x.fetch_message(1)"),
    ("telegram.Bot", "x.get_chat(1)"),
    ("hishel.AsyncCacheClient", "x.get('/')"),
]

WRITES = [
    ("openai.AsyncOpenAI", "x.files.create(1)"),
    ("ollama.AsyncClient", "x.pull('a')"),
    ("types_aiobotocore_s3.S3Client", "x.put_object()"),
    ("types_aiobotocore_sqs.SQSClient", "x.receive_message()"),
    ("azure.storage.blob.aio.BlobServiceClient", "x.get_blob_client('a').upload_blob(1)"),
    ("azure.search.documents.aio.SearchClient", "x.upload_documents(1)"),
    ("gcloud.aio.storage.Storage", "x.upload('a')"),
    ("kubernetes_asyncio.client.BatchV1Api", "x.create_namespaced_job('a')"),
    ("aiodocker.Docker", "x.containers.create(1)"),
    ("nio.AsyncClient", "x.room_send('a')"),
    ("discord.TextChannel", "x.send('a')"),
    ("telegram.Bot", "x.send_message(1)"),
    ("hishel.AsyncCacheClient", "x.put('/')"),
]


@pytest.mark.parametrize(("client", "asks"), READS)
def test_two_reads_may_overlap(only_site: OnlySite, client: str, asks: str) -> None:
    site = only_site(_pair(client, asks))
    assert site.verdict == "independent", site.reason


@pytest.mark.parametrize(("client", "asks"), WRITES)
def test_two_writes_may_not(only_site: OnlySite, client: str, asks: str) -> None:
    site = only_site(_pair(client, asks))
    assert site.verdict in {"unsafe", "dependent"}, site.reason


def test_a_template_of_langchains_is_no_model(only_site: OnlySite) -> None:
    site = only_site(_pair("langchain_core.prompts.ChatPromptTemplate", "x.ainvoke(1)"))
    assert site.verdict == "likely", site.reason


def test_a_model_that_a_function_asks(only_site: OnlySite) -> None:
    site = only_site("""
import litellm
async def f():
    a = await litellm.acompletion(1)
    b = await litellm.aembedding(2)
    return a, b
""")
    assert site.verdict == "independent", site.reason


def _pair(client: str, asks: str) -> str:
    return (
        f"import {client.rpartition('.')[0]}\nasync def f(x: {client}):\n"
        f"    a = await {asks}\n    b = await {asks}\n    return a, b\n"
    )
