"""What the clients of models, clouds, clusters and chats do. Part of the catalogue."""

from dataclasses import replace

from asyncperf.scan.catalogue_methods import does
from asyncperf.scan.library_effects import TypeEffects
from asyncperf.scan.values import named

BOUND = named("bind bind_tools with_structured_output with_retry with_fallbacks with_config")
# A client of a model asks it, whatever its method makes of the answer.
MODEL = TypeEffects(
    "a model",
    "",
    does(
        reads="create parse generate stream count_tokens ainvoke invoke agenerate abatch batch "
        "aembed_query aembed_documents embed_query embed_documents generate_content embed_content "
        "astream apredict apredict_messages agenerate_prompt astream_events "
        "generate_content_stream generate_images compute_tokens "
        "generate_content_async count_tokens_async embed_content_async "
        "complete complete_async stream_async create_async process_async parse_async "
        "chat chat_stream embed embeddings rerank classify tokenize detokenize summarize "
        "contextualized_embed multimodal_embed "
        "acomplete achat astream_complete astream_chat astructured_predict achat_with_tools "
        "aget_text_embedding aget_query_embedding aget_text_embedding_batch "
        "acompress_documents arerank list show ps retrieve get",
        neither=f"{' '.join(sorted(BOUND))} get_num_tokens get_num_tokens_from_messages close "
        "aclose",
    ),
    makes=dict.fromkeys(BOUND, "langchain_core.BaseChatModel"),
)
OLLAMA = TypeEffects("a model", "", does(reads="chat generate embed embeddings list show ps"))
# Every method of it asks a model.
INFERENCE = replace(MODEL, does=does(neither="close"), otherwise="r")
OPENAI = TypeEffects(
    "a model",
    "",
    does(neither="close with_options copy"),
    makes=dict.fromkeys(("with_options", "copy"), "openai.AsyncOpenAI"),
)
ANTHROPIC = replace(
    OPENAI, makes=dict.fromkeys(("with_options", "copy"), "anthropic.AsyncAnthropic")
)

BOTO = TypeEffects(
    "cloud",
    "",
    does(
        reads="get_object head_object list_objects list_objects_v2 get_item batch_get_item query "
        "scan invoke_model converse",
        writes="receive_message",  # which nobody else receives for a while
        neither="get_paginator get_waiter generate_presigned_url generate_presigned_post "
        "can_paginate close exceptions meta",
    ),
    "q",
)
GOOGLE_STORAGE = TypeEffects(
    "cloud",
    "",
    does(
        reads="get_bucket list_blobs exists download_as_bytes download_as_text get_blob",
        neither="bucket blob",
    ),
    makes={"bucket": "google.Bucket", "blob": "google.Blob", "get_bucket": "google.Bucket"},
)
GCLOUD_STORAGE = TypeEffects(
    "cloud",
    "",
    does(
        reads="download download_metadata list_objects download_stream",
        writes="download_to_filename",
        neither="close",
    ),
    "q",
    makes={"get_bucket": "gcloud.Bucket", "get_blob": "gcloud.Blob"},
)
GCLOUD_BLOB = TypeEffects("cloud", "", does(reads="download blob_exists"), "q")
AZURE_STORAGE = TypeEffects(
    "cloud",
    "",
    does(
        reads="exists download_blob list_blobs list_blob_names walk_blobs find_blobs_by_tags "
        "query_blob",
        writes="stage_block commit_block_list append_block start_copy_from_url undelete_blob",
        neither="get_blob_client get_container_client from_connection_string close url blob_name",
    ),
    "q",
    makes={
        "get_blob_client": "azure.BlobClient",
        "get_container_client": "azure.ContainerClient",
        "from_connection_string": "azure.BlobServiceClient",
        "download_blob": "azure.StorageStreamDownloader",
    },
)
AZURE_DOWNLOAD = TypeEffects(
    "cloud", "stream", does(reads="readall read content_as_bytes content_as_text chunks"), "w"
)
AZURE_SEARCH = TypeEffects(
    "search index",
    "",
    does(reads="search suggest autocomplete", neither="close"),
    "q",
)
# What reads the jobs, events and logs of a cluster takes none of them away.
KUBERNETES = TypeEffects(
    "cluster",
    "",
    does(
        reads="list_namespaced_job read_namespaced_job read_namespaced_job_status "
        "list_job_for_all_namespaces list_namespaced_cron_job read_namespaced_cron_job "
        "list_namespaced_event list_event_for_all_namespaces read_namespaced_event "
        "read_namespaced_pod_log",
        writes="connect_get_namespaced_pod_exec connect_post_namespaced_pod_exec",
    ),
    "q",
)
DOCKER = TypeEffects(
    "containers",
    "",
    does(reads="list get inspect info", neither="container"),
    "q",
    makes=dict.fromkeys(("get", "container"), "aiodocker.DockerContainer"),
)
DOCKER_CONTAINER = TypeEffects("containers", "", does(reads="show stats log"), "q")
MATRIX = TypeEffects(
    "chat",
    "",
    does(
        reads="joined_members joined_rooms room_get_state room_get_state_event room_get_event "
        "room_get_event_relations room_get_threads room_get_visibility room_messages "
        "room_resolve_alias whoami download thumbnail devices discovery_info login_info "
        "get_openid_token space_get_hierarchy",
        neither="close mxc_to_http add_event_callback",
        writes="room_send room_typing room_invite room_kick room_ban room_unban room_leave "
        "room_forget room_create room_redact room_put_state room_put_alias room_read_markers "
        "room_upgrade room_knock room_update_aliases room_delete_alias join sync sync_forever "
        "login logout to_device share_group_session keys_claim keys_query keys_upload",
    ),
    "q",
)
# It asks for a token once, and keeps it.
CREDENTIAL = TypeEffects("a token", "", does(reads="get_token get_token_info", neither="close"))
DISCORD = TypeEffects("chat", "", does(reads="fetch_message history pins"), "q")
CHANNEL = TypeEffects("", "", does(neither="channel_ready close get_state wait_for_state_change"))

SERVICES: dict[str, TypeEffects] = {
    **dict.fromkeys(
        (
            "openai.completions",
            "openai.embeddings",
            "openai.moderations",
            "openai.transcriptions",
            "openai.translations",
            "openai.speech",
            "openai.images",
            "openai.models",
            "openai.responses",
            "anthropic.messages",
            "anthropic.models",
            "groq.completions",
            "groq.embeddings",
            "groq.transcriptions",
            "groq.translations",
            "groq.models",
            "together.completions",
            "together.embeddings",
            "mistralai.chat",
            "mistralai.embeddings",
            "mistralai.ocr",
            "mistralai.models",
            "cohere.AsyncClient",
            "cohere.AsyncClientV2",
            "voyageai.AsyncClient",
            "google.models",
            "google.GenerativeModel",
            "llama_index.LLM",
            "langchain_core.BaseChatModel",
            "langchain_core.BaseLanguageModel",
            "langchain_core.Embeddings",
            "langchain_openai.ChatOpenAI",
            "langchain_openai.AzureChatOpenAI",
            "langchain_openai.OpenAIEmbeddings",
            "langchain_openai.AzureOpenAIEmbeddings",
            "langchain_anthropic.ChatAnthropic",
        ),
        MODEL,
    ),
    "ollama.AsyncClient": OLLAMA,
    "huggingface_hub.AsyncInferenceClient": INFERENCE,
    **dict.fromkeys(("openai.AsyncOpenAI", "openai.AsyncAzureOpenAI"), OPENAI),
    "anthropic.AsyncAnthropic": ANTHROPIC,
    **dict.fromkeys(("boto3.Client", "aiobotocore.AioBaseClient"), BOTO),
    **dict.fromkeys(
        ("boto3.Session", "aioboto3.Session", "aiobotocore.Session", "aiobotocore.AioSession"),
        TypeEffects(
            "",
            "",
            {},
            "-",
            makes=dict.fromkeys(("client", "create_client"), "boto3.Client")
            | {"resource": "boto3.Resource"},
        ),
    ),
    "boto3.Resource": TypeEffects("cloud", "boto3 resource", {}, "w"),
    **dict.fromkeys(("google.Client", "google.Bucket", "google.Blob"), GOOGLE_STORAGE),
    "gcloud.Storage": GCLOUD_STORAGE,
    **dict.fromkeys(("gcloud.Bucket", "gcloud.Blob"), GCLOUD_BLOB),
    **dict.fromkeys(
        ("azure.BlobServiceClient", "azure.ContainerClient", "azure.BlobClient"), AZURE_STORAGE
    ),
    "azure.StorageStreamDownloader": AZURE_DOWNLOAD,
    "azure.SearchClient": AZURE_SEARCH,
    **dict.fromkeys(
        (
            f"{package}.{name}"
            for package in ("kubernetes_asyncio", "kubernetes")
            for name in ("CoreV1Api", "BatchV1Api", "AppsV1Api", "EventsV1Api", "CustomObjectsApi")
        ),
        KUBERNETES,
    ),
    **dict.fromkeys(
        (
            f"aiodocker.{name}"
            for name in named("containers images volumes networks services tasks nodes system")
        ),
        DOCKER,
    ),
    "aiodocker.DockerContainer": DOCKER_CONTAINER,
    "nio.AsyncClient": MATRIX,
    "grpc.Channel": CHANNEL,
}
