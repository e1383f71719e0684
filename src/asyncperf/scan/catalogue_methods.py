"""What methods do that several library classes share. Part of the catalogue."""

from dataclasses import replace

from asyncperf.scan.library_effects import Does, TypeEffects
from asyncperf.scan.values import named


def does(
    reads: str = "", writes: str = "", neither: str = "", sql: str = "", **more: str
) -> dict[str, Does]:
    found: dict[str, Does] = {}
    groups: list[tuple[Does, str]] = [
        ("r", reads),
        ("w", writes),
        ("-", neither),
        ("sql", sql),
        ("http", more.get("http", "")),
        ("commit", more.get("commit", "")),
        ("q", more.get("probably", "")),
    ]
    for does, names in groups:
        found.update(dict.fromkeys(names.split(), does))
    return found


SESSION = TypeEffects(
    "database",
    "session",
    does(
        reads="get get_one scalar_one refresh stream_scalars",
        sql="execute scalar scalars stream exec exec_driver_sql",
        writes="add add_all delete merge bulk_save_objects bulk_insert_mappings run_sync",
        neither="expunge expunge_all expire expire_all get_bind in_transaction is_modified "
        "__contains__ close close_all reset aclose connection get_transaction no_autoflush info "
        "query invalidate get_nested_transaction in_nested_transaction",
        commit="commit flush rollback begin begin_nested prepare",
    ),
    makes={
        "begin": "sqlalchemy.AsyncSessionTransaction",
        "connection": "sqlalchemy.AsyncConnection",
        "query": "sqlalchemy.Query",
    },
)
# The older way to ask a session. It reads, until it is told to change what it found.
QUERY = TypeEffects(
    "database",
    "",
    does(
        reads="all first one one_or_none scalar count get exists yield_per",
        writes="delete update",
    ),
    "-",
    makes=dict.fromkeys(
        named(
            "filter filter_by join outerjoin options order_by group_by having limit offset "
            "distinct select_from where with_entities add_columns slice execution_options "
            "populate_existing enable_eagerloads with_for_update"
        ),
        "sqlalchemy.Query",
    ),
)
CONNECTION = TypeEffects(
    "database",
    "connection",
    does(
        reads="get_isolation_level",
        sql="execute scalar scalars stream exec_driver_sql stream_scalars fetch fetchval fetchrow "
        "fetchall fetchone execute_fetchall executemany cursor prepare copy_from_query",
        neither="close terminate invalidate in_transaction is_closed get_raw_connection "
        "execution_options dialect",
        commit="commit rollback begin begin_nested transaction set_isolation_level",
    ),
    makes={"cursor": "asyncpg.Cursor", "transaction": "asyncpg.Transaction"}
    | dict.fromkeys(("execute", "scalars", "stream", "fetch", "fetchrow"), "sqlalchemy.Result"),
)
# One that nobody awaits is used in one go, so that only what is written keeps an order; but not
# by two threads.
PLAIN_CONNECTION = TypeEffects(
    "database",
    "connection",
    does(
        sql="execute executemany executescript",
        neither="cursor close fetchone fetchall fetchmany row_factory description "
        "enable_load_extension load_extension create_function set_session",
        writes="commit rollback callproc",
    ),
    in_threads=True,
)
POOL = TypeEffects(
    "database",
    "",
    does(
        sql="execute executemany fetch fetchval fetchrow fetch_all fetch_one fetch_val iterate",
        neither="acquire connection release begin connect dispose getconn putconn dialect url "
        "get_size sync_engine transaction",
        writes="close",
    ),
    makes={
        "acquire": "asyncpg.Connection",
        "connection": "asyncpg.Connection",
        "connect": "asyncpg.Connection",
        "begin": "asyncpg.Connection",
    },
)
# What a factory gives may be a session or a connection, of whatever database.
MADE_SESSION = TypeEffects(
    "database",
    "session",
    {
        name: does
        for name, does in (CONNECTION.does | SESSION.does | {"run": "sql"}).items()
        if name not in {"query", "info", "reset"}  # of one of them, and of others another thing
    },
    "name",
    makes={"begin": "sqlalchemy.AsyncSessionTransaction", "cursor": "asyncpg.Cursor"},
)
# A client that takes a connection of a pool for each query.
EDGEDB = TypeEffects(
    "database",
    "",
    does(
        probably="query query_single query_required_single query_json query_single_json "
        "query_required_single_json",
        neither="transaction with_globals with_config with_retry_options with_default_module",
    ),
    makes=dict.fromkeys(
        named("with_globals with_config with_retry_options with_default_module"),
        "edgedb.AsyncIOClient",
    ),
)
# Each query takes a connection of the pool, and is asked when it is awaited, wherever it was made.
TORTOISE = TypeEffects(
    "database",
    "",
    does(
        reads="all filter exclude get get_or_none first last count exists values values_list "
        "annotate order_by limit offset prefetch_related select_related distinct only group_by "
        "latest earliest in_bulk explain using_db",
        sql="raw",
        probably="fetch_related refresh_from_db",
    ),
    makes=dict.fromkeys(
        named(
            "all filter exclude get get_or_none first annotate order_by limit offset "
            "prefetch_related select_related distinct only group_by using_db"
        ),
        "tortoise.QuerySet",
    ),
)
HTTP_CLIENT = TypeEffects(
    "http",
    "",
    does(
        reads="get head options",
        writes="post put patch delete ws_connect websocket_connect",
        http="request stream send",
        neither="build_request aclose close __aenter__ __aexit__ headers cookies",
    ),
    makes=dict.fromkeys(
        ("get", "head", "options", "post", "put", "patch", "delete", "request", "send"),
        "httpx.Response",
    )
    | {"stream": "httpx.Response", "ws_connect": "aiohttp.ClientWebSocketResponse"},
)
AIOHTTP_CLIENT = replace(
    HTTP_CLIENT,
    makes={
        name: made.replace("httpx.Response", "aiohttp.ClientResponse")
        for name, made in HTTP_CLIENT.makes.items()
    },
)
RESPONSE = TypeEffects(
    "http",
    "",
    does(
        reads="read text json aread content aiter_bytes aiter_lines iter_chunked iter_any readline"
    ),
    "-",
)
RESPONSE_BODY = replace(RESPONSE, exclusive="response body")  # read from the socket at last
SOCKET = TypeEffects(
    "socket",
    "socket",
    does(reads="recv receive receive_text receive_json receive_bytes receive_str"),
    holds=frozenset({"app", "state"}),
)
REDIS = TypeEffects(
    "redis",
    "",
    does(
        reads="get mget hget hgetall hmget hkeys hvals hlen hexists exists keys scan scan_iter ttl "
        "pttl type strlen getrange llen lrange lindex smembers sismember scard sinter sunion "
        "zrange "
        "zrangebyscore zscore zcard zcount zrank zrevrange dbsize ping info memory_usage xlen "
        "xrange "
        "xinfo_stream bitcount getbit mget pubsub_numsub time hscan sscan zscan zmscore "
        "zrangebylex "
        "srandmember hstrlen search aggregate xpending zrevrank zrevrangebyscore zrevrangebylex "
        "zlexcount zrandmember zinter zunion zdiff zintercard sdiff sintercard smismember "
        "hrandfield lpos lcs bitpos substr expiretime pexpiretime randomkey geodist geohash "
        "geopos geosearch pfcount xrevrange xread object client_list config_get pubsub_channels",
        neither="ft json ts bf pipeline pubsub lock register_script from_url aclose close "
        "get_default_node "
        "set_default_node get_node_from_key get_nodes get_primaries",
        probably="getex",  # and puts off when it is forgotten
    ),
    makes={"pipeline": "redis.Pipeline", "pubsub": "redis.PubSub", "lock": "asyncio.Lock"}
    | dict.fromkeys(("ft", "json"), "redis.Redis"),
)
# What a document's class finds; a query of many is changed by what narrows it.
BEANIE = TypeEffects(
    "database",
    "",
    does(
        reads="find find_one find_all find_many get count aggregate distinct all",
        neither="get_motor_collection get_pymongo_collection get_settings",
        probably="fetch_link fetch_all_links sync",
    ),
    makes=dict.fromkeys(named("find find_all find_many aggregate all"), "beanie.FindMany"),
)
BEANIE_QUERY = TypeEffects(
    "database",
    "query",
    does(
        reads="to_list count first_or_none exists distinct aggregate avg sum max min find "
        "find_many skip limit sort project"
    ),
    makes=dict.fromkeys(
        named("find find_many aggregate skip limit sort project"), "beanie.FindMany"
    ),
)
KEY_VALUES = TypeEffects("a cache", "", does(reads="get multi_get exists", neither="close"))
# A database's and a collection's attributes and items that are no methods are collections.
MONGO = TypeEffects(
    "database",
    "",
    does(
        reads="find_one find count_documents estimated_document_count distinct "
        "list_collection_names "
        "aggregate list_indexes index_information to_list sort limit skip find_raw_batches explain",
        writes="find_one_and_delete find_one_and_replace find_one_and_update command drop rename",
        neither="get_collection get_database start_session get_default_database with_options "
        "close batch_size hint allow_disk_use collation comment max_time_ms",
    ),
    "q",
    makes=dict.fromkeys(
        named(
            "find aggregate sort limit skip batch_size hint allow_disk_use collation comment "
            "max_time_ms find_raw_batches"
        ),
        "motor.Cursor",
    )
    | dict.fromkeys(
        ("get_collection", "get_database", "get_default_database", "with_options"),
        "motor.Collection",
    )
    | {"start_session": "motor.ClientSession"},
    parts="motor.Collection",
    others=named(
        """
        address arbiters bulk_write drop_database get_io_loop io_loop is_mongos is_primary
        list_database_names list_databases nodes options primary read_concern read_preference
        secondaries server_info topology_description watch wrap client codec_options
        write_concern create_collection cursor_command dereference drop_collection
        list_collections name validate_collection aggregate_raw_batches create_index
        create_indexes create_search_index create_search_indexes database delete_many delete_one
        drop_index drop_indexes drop_search_index full_name insert_many insert_one
        list_search_indexes replace_one update_many update_one update_search_index aconnect
        append_metadata delegate
        """
    ),
)
FILE = TypeEffects(
    "files", "file", does(reads="read readline readlines readall", neither="close seek tell")
)
ARCHIVE = TypeEffects(
    "files",
    "archive",
    does(
        reads="read open namelist infolist getinfo testzip getmember getmembers getnames "
        "extractfile",
        neither="close",
    ),
)
REQUEST = TypeEffects(
    "",
    "request body",
    does(reads="json body form stream", neither="is_disconnected url_for"),
    "-",
    holds=frozenset({"app", "state"}),
)
# Of servers whose requests read their body by methods of any name.
SERVED = replace(REQUEST, does=does(reads="json body form stream read text post get_data get_json"))
# What is done to a page and what is read of it are of one page, and in order.
PAGE = TypeEffects(
    "the page",
    "",
    does(
        reads="content title inner_text inner_html text_content all_text_contents input_value "
        "all_inner_texts get_attribute is_visible is_hidden is_enabled is_disabled is_checked "
        "is_editable query_selector query_selector_all count all bounding_box screenshot pdf",
        neither="locator get_by_role get_by_text get_by_label get_by_placeholder get_by_test_id "
        "first last nth filter frame_locator on once url",
    ),
    makes=dict.fromkeys(
        named(
            "locator get_by_role get_by_text get_by_label get_by_placeholder get_by_test_id "
            "first last nth filter query_selector query_selector_all all"
        ),
        "playwright.Locator",
    ),
)
LOCK = TypeEffects(
    "",
    "",
    does(neither="acquire release locked", writes="notify notify_all wait wait_for set clear"),
    "-",
)
QUEUE = TypeEffects(
    "queue",
    "",
    does(reads="qsize empty full", writes="put get put_nowait get_nowait join task_done"),
    quiet=frozenset({"put_nowait", "get_nowait"}),
)
EXCLUSIVE = TypeEffects("", "exit stack", {}, "w")
GRAPH_DRIVER = TypeEffects(
    "database",
    "",
    does(sql="execute_query", neither="session close verify_connectivity get_server_info"),
    makes={"session": "neo4j.AsyncSession"},
)
GRAPH_SESSION = TypeEffects(
    "database",
    "session",
    does(sql="run", reads="execute_read last_bookmarks", neither="close", commit="commit rollback"),
    makes={"begin_transaction": "neo4j.AsyncTransaction"},
)
TRANSACTION = TypeEffects("database", "transaction", does(commit="commit rollback start"), "w")
PIPELINE = TypeEffects("redis", "pipeline", {}, "w")
PATH = TypeEffects(
    "files",
    "",
    does(
        reads="exists is_file is_dir stat read_text read_bytes iterdir glob rglob",
        writes="write_text write_bytes unlink mkdir rmdir touch rename replace chmod symlink_to",
    ),
    "-",
    makes=dict.fromkeys(("joinpath", "resolve", "with_suffix", "absolute"), "pathlib.Path"),
)
SCHEME = TypeEffects("", "", {}, "-")
MEMORY = TypeEffects("", "", {}, "-")
