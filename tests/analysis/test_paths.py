"""Files as people are told them."""

from dataclasses import replace

import pytest

from asyncperf.analysis.paths import shown
from asyncperf.insight import Route
from asyncperf.model import Handler

from ..builders import ITEMS
from .findings.seen import insight_of

ROUTE = Route("GET", "/items", "/home/me/shop/items/routes.py", 11, "items")


@pytest.mark.parametrize(
    ("handler", "file", "told"),
    [
        ("items/routes.py", "/home/me/shop/items/routes.py", "items/routes.py"),
        ("items/routes.py", "/home/me/shop/orders/routes.py", "orders/routes.py"),
        ("items/routes.py", "/home/me/shopping/routes.py", "/home/me/shopping/routes.py"),
        ("/home/me/shop/items/routes.py", "/home/me/shop/a.py", "/home/me/shop/a.py"),
        ("outes.py", "/home/me/shop/items/a.py", "/home/me/shop/items/a.py"),  # another file
    ],
)
def test_from_where_the_app_was_found(handler, file, told):
    endpoint = replace(ITEMS, handler=Handler(handler, 12, "items", True))
    assert shown(file, insight_of(routes=[ROUTE]), [endpoint]) == told


def test_without_a_handler_nothing_is_known():
    endpoint = replace(ITEMS, handler=None)
    assert shown("/home/me/a.py", insight_of(routes=[ROUTE]), [endpoint]) == "/home/me/a.py"
