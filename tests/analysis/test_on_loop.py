"""What the loop is at for a request: shares of samples, by function and by package."""

import numpy as np
import pytest

from asyncperf.analysis.on_loop import LEAST_SAMPLES, most_called, on_loop, package_of
from asyncperf.analysis.seen import Seen
from asyncperf.insight import Frame, Stack
from asyncperf.probe.record_format import NO_REQUEST

from ..insights import insight, records, requests

SITE = "/venv/lib/python3.12/site-packages/"
LINE, NEXT = (Frame("/home/me/shop.py", line, "items") for line in (12, 13))
CLIENT = Frame(f"{SITE}httpx/_client.py", 20, "AsyncClient.send")
POOL = Frame(f"{SITE}httpcore/_async/pool.py", 30, "Pool.handle")
CLOSED = Frame(f"{SITE}httpcore/_async/pool.py", 60, "Pool.close")
SERVER = Frame(f"{SITE}uvicorn/http.py", 40, "Cycle.send")
STACKS = (
    Stack((LINE, CLIENT, POOL), 0),
    Stack((LINE, CLIENT, CLOSED), 0),
    Stack((NEXT,), 0),
    Stack((SERVER,), None),
    Stack((), None),
)


def sampled(counts, request=0, rows=None, **changes):
    """So many samples of each stack, a hundredth of a second apart, in the first request."""
    stacks = np.repeat(np.arange(len(counts)), counts)
    rows = requests([0.0], inside_s=100.0) if rows is None else rows
    at = 0.01 * np.arange(len(stacks))
    profile = records("profile", len(stacks), at=at, stack=stacks, request=request)
    return insight(stacks=STACKS, requests=rows, profile=profile, **changes)


def seen(rows, weight=None):
    ones = np.ones(len(rows))
    return Seen(rows, rows["answered"], ones if weight is None else weight, len(rows), True)


def parts(found):
    return on_loop(found, seen(found.requests))


def test_a_function_of_the_users_has_what_libraries_do_for_it():
    first, second, third = parts(sampled([50, 10, 20, 15, 5]))
    assert (first.file, first.line, first.function) == ("/home/me/shop.py", 12, "items")
    assert first.share == pytest.approx(0.8)
    assert (first.samples, first.inside) == (80, "httpcore Pool.handle")
    assert (second.file, second.line, second.inside) == (None, None, "uvicorn Cycle.send")
    assert second.share == pytest.approx(0.15)
    assert (third.inside, third.samples) == ("unknown", 5)


def test_too_few_samples_say_nothing():
    assert parts(sampled([LEAST_SAMPLES - 1])) == ()
    assert len(parts(sampled([LEAST_SAMPLES]))) == 1
    assert parts(sampled([])) == ()


def test_an_endpoint_that_has_the_load_to_itself_has_all_samples_of_that_time():
    """Most requests of many are not recorded, and what the server does is done for them."""
    [part] = parts(sampled([200], request=NO_REQUEST))
    assert (part.share, part.samples) == (1.0, 200)
    early = requests([0.0], inside_s=1.2)
    [part] = parts(sampled([200], request=7, rows=early))
    assert part.samples == 121


def test_one_that_shares_the_load_has_those_of_its_recorded_requests():
    rows = requests([0.0, 0.0], inside_s=50.0, route=[0, 1])
    assert on_loop(sampled([200], request=7, rows=rows), seen(rows[:1])) == ()
    [part] = on_loop(sampled([200], request=0, rows=rows), seen(rows[:1]))
    assert part.samples == 200


def test_each_request_weighs_as_much_as_it_stands_for():
    rows = requests([0.0, 0.0, 0.0], inside_s=50.0, route=[0, 0, 1])
    profile = records(
        "profile", 200, stack=np.repeat([2, 3], 100), request=np.repeat([0, 1], 100), at=1.0
    )
    found = insight(stacks=STACKS, requests=rows, profile=profile)
    first, second = on_loop(found, seen(rows[:2], np.array([1.0, 3.0])))
    assert (first.inside, first.share) == ("uvicorn Cycle.send", 0.75)
    assert (second.line, second.inside) == (13, None)


@pytest.mark.parametrize(
    ("called", "function"),
    [
        ([(("a", "b"), 3.0), (("a", "c"), 2.0)], "b"),
        ([(("a", "b"), 2.0), (("a", "c"), 2.0)], "a"),
        ([(("a",), 2.0), (("b",), 2.0)], None),
        ([((), 3.0), (("a",), 2.0)], None),
        ([(("a", "a"), 3.0)], "a"),
    ],
)
def test_the_innermost_function_that_most_goes_by_in(called, function):
    assert most_called(called) == function


@pytest.mark.parametrize(
    ("file", "package"),
    [
        (f"{SITE}httpcore/_async/http11.py", "httpcore"),
        (f"{SITE}six.py", "six"),
        ("/usr/lib/python3.11/json/decoder.py", "json"),
        ("/usr/lib/python3/dist-packages/yaml/reader.py", "yaml"),
        ("<frozen importlib._bootstrap>", "importlib"),
        ("<string>", "<string>"),
        ("/opt/lib/odd.py", "odd"),
    ],
)
def test_packages(file, package):
    assert package_of(file) == package
