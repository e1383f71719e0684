"""What names promise."""

import pytest

from asyncperf.scan import verbs


@pytest.mark.parametrize(
    ("dotted", "expected"),
    [
        ("Bucket.get_blob", True),
        ("Bucket.aget_blob", True),
        ("Queue.get_message", False),  # it may be taken away
        ("Tasks.get_task_by_id", False),
        ("Tasks.get_task_status", True),
        ("Tasks.list_tenants_with_tasks", True),
        ("Tasks.get_next_name", False),
        ("Keys.get_and_set", False),
        ("Keys.get_dispatch_hash", True),
        ("Model.embed_text", True),
        ("Model.get_response", False),  # it is asked for one
        ("Model.get", False),
        ("Session.get_user", False),
    ],
)
def test_what_only_reads(dotted: str, expected: bool) -> None:
    assert verbs.fetches(dotted) is expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("fetch_rows", True),
        ("aencode", True),
        ("_rerank_texts", True),
        ("create_user", False),
        ("get_or_create", False),
        ("load_and_store", False),
    ],
)
def test_what_asks(name: str, expected: bool) -> None:
    assert verbs.asks(name) is expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [("save_trace", True), ("add_event", True), ("event", False), ("update_event", False)],
)
def test_what_adds_to_a_log(name: str, expected: bool) -> None:
    assert verbs.logs(name) is expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("from_texts", True),
        ("afrom_documents", True),
        ("from_texts_return_keys", True),
        ("from_text", False),
    ],
)
def test_what_makes_a_store_of_texts_writes(name: str, expected: bool) -> None:
    assert verbs.writes(name) is expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("extract_text", True),
        ("convert", True),
        ("to_table", True),
        ("get_lock_update", False),
        ("get_next", False),
        ("make", False),
        ("push_text", False),
    ],
)
def test_what_a_plain_method_only_answers(name: str, expected: bool) -> None:
    assert verbs.answers(name) is expected


@pytest.mark.parametrize(
    ("spelled", "expected"),
    [
        ("hook", True),
        ("self.before_hook", True),
        ("middleware.post", True),
        ("handler", True),
        ("self.handlers_count", False),
        ("handle_error", False),
    ],
)
def test_what_names_a_hook(spelled: str, expected: bool) -> None:
    assert verbs.names_a_hook(spelled) is expected


@pytest.mark.parametrize(
    ("spelled", "expected"),
    [("tool.ainvoke", True), ("self.my_tool.run", True), ("chain.ainvoke", False)],
)
def test_what_uses_a_tool(spelled: str, expected: bool) -> None:
    assert verbs.uses_a_tool(spelled) is expected
    assert verbs.writes("call_tool")
    assert not verbs.writes("list_tool_names")


def test_what_prepares_and_what_makes_what_is_missing() -> None:
    assert verbs.prepares("sign_in")
    assert verbs.prepares("initialize")
    assert not verbs.prepares("insert")
    assert verbs.makes_missing("create_table_if_not_exists")
    assert not verbs.makes_missing("create_table")
