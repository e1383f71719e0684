"""What a worker may say, and what nobody gets written down by saying it."""

import pytest

from asyncperf.load.worker_messages import MOST_RECORDS, read_batch, worker_name

AT = 1_795_000_000.0
REQUEST = ["r", AT, 0.1, "GET", "/items", 200, 34, None]
FAILURE = ["r", AT, 0.1, "GET", "/items", 0, 0, "refused"]
CUT_OFF = ["c", AT, "GET", "/items"]
BEAT = ["h", AT, 1.5, 0.001]
PING = ["p", AT, AT, AT]


def batch(*records, **changes):
    return {"number": 3, "records": list(records), "last": False} | changes


def test_a_batch_is_read():
    found = read_batch(batch(REQUEST, FAILURE, CUT_OFF, BEAT, PING, last=True))
    assert found.records == (REQUEST, FAILURE, CUT_OFF, BEAT, PING)
    assert (found.number, found.last, found.refused) == (3, True, 0)


@pytest.mark.parametrize(
    "record",
    [
        # What only the master may say.
        *(["ramp", AT], ["ramped", AT], ["end", AT], ["lost", 5], ["worker", "x"], ["begun", AT]),
        # Not of the shape.
        *([], None, "r", 7, {"r": 1}, [["r"]], [None, AT], REQUEST[:-1], [*REQUEST, 1]),
        ["r", "now", 0.1, "GET", "/items", 200, 34, None],
        ["r", AT, -0.1, "GET", "/items", 200, 34, None],
        ["r", AT, float("nan"), "GET", "/items", 200, 34, None],
        ["r", float("inf"), 0.1, "GET", "/items", 200, 34, None],
        ["r", AT, 0.1, b"GET", "/items", 200, 34, None],
        ["r", AT, 0.1, "GET", ["/items"], 200, 34, None],
        ["r", AT, 0.1, "GET", "/items", 200.5, 34, None],
        ["r", AT, 0.1, "GET", "/items", 2**70, 34, None],
        ["r", AT, 0.1, "GET", "/items", 200, -1, None],
        ["r", AT, 0.1, "GET", "/items", 200, 34, 7],
        ["r", AT, 0.1, "GET", "x" * 10_000, 200, 34, None],
        ["c", AT, "GET"],
        ["h", AT, 1.0, float("nan")],
        ["p", AT, None, AT],
    ],
)
def test_a_record_that_is_none_is_refused_and_the_others_stay(record):
    found = read_batch(batch(REQUEST, record, BEAT))
    assert found.records == (REQUEST, BEAT)
    assert found.refused == 1


@pytest.mark.parametrize(
    "data",
    [
        *(None, 7, "batch", [], {}, {"records": []}),
        *(batch(number=-1), batch(number="0"), batch(number=True), batch(records=None)),
        batch(*[BEAT] * (MOST_RECORDS + 1)),
    ],
)
def test_what_is_no_batch_holds_nothing(data):
    assert read_batch(data) is None


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ({"host": "load-1.lan", "pid": 77}, "load-1.lan (process 77)"),
        ({"host": "\x1b[2J\n../../etc", "pid": 77}, "2J....etc (process 77)"),
        ({"host": "x" * 1000, "pid": "77"}, "x" * 64),
        ({"host": "", "pid": 1}, "unnamed (process 1)"),
        ({}, "unnamed"),
        (None, "unnamed"),
        (["host"], "unnamed"),
    ],
)
def test_a_worker_is_named_in_characters_that_nothing_takes_amiss(data, name):
    assert worker_name(data) == name
