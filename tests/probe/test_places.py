"""Whose code it is."""

import asyncio.events
import json

import pytest
import starlette.routing

from asyncperf.probe import worker
from asyncperf.probe.places import is_probes, is_users


@pytest.mark.parametrize(
    "file",
    [
        asyncio.events.__file__,
        json.__file__,
        starlette.routing.__file__,
        worker.__file__,
        "<frozen importlib._bootstrap>",
        "<string>",
        "/usr/lib/python3/dist-packages/apt.py",
        "/srv/shop/native.so",
    ],
)
def test_what_is_not_the_users(file):
    assert not is_users(file)


def test_what_is(tmp_path):
    assert is_users(__file__)
    assert is_users(str(tmp_path / "app.py"))
    assert is_probes(worker.__file__)
    assert not is_probes(__file__)
