"""Which lines only run until what they make is kept."""

import ast
from textwrap import dedent

import pytest

from asyncperf.scan.keeping import first_time


def lines_of(body):
    [node] = ast.parse(f"def f(self, key):\n{body}").body
    return [(each.first, each.last) for each in first_time(node)]


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        (" if self.it is None:\n  self.it = make()\n return self.it\n", [(3, 3)]),
        (" if not self.it:\n  self.fill()\n return self.it\n", [(3, 3)]),
        (" if self.it:\n  return\n self.it = make()\n", [(4, 4)]),
        (" if not self.it:\n  self.fill()\n", []),
        (" if not self.on:\n  self.on = True\n", []),
        (" if not self.rest:\n  self.rest = read()\n self.rest = self.rest[1:]\n", []),
        (" while not self.it:\n  self.it = make()\n", []),
        (" if it is None:\n  it = make()\n return it\n", []),
        (" if key in MADE:\n  return MADE[key]\n MADE[key] = make()\n", [(4, 4)]),
        (" if key not in self.made:\n  self.made[key] = make()\n", [(3, 3)]),
        (" if key in MADE:\n  return MADE[key]\n MADE[other] = make()\n", []),
        (" made = {}\n if key not in made:\n  made[key] = make()\n", []),
        (" if key in MADE and fresh():\n  return MADE[key]\n MADE[key] = make()\n", []),
    ],
)
def test_lines_that_only_run_the_first_time(body, lines):
    assert lines_of(body) == lines


def test_what_another_method_makes(scanned):
    source = """\
        import time
        class Shop:
            def find(self):
                VALUE
                time.sleep(1)
            def count(self):
                if self.goods is None:
                    self.find()
                return len(self.goods)
        async def f(shop: Shop):
            shop.count()
        """
    for value, is_cached in (("self.goods = []", True), ("self.goods = 5", False)):
        [call] = scanned(main=source.replace("VALUE", value))
        assert call.cached is is_cached


def test_what_is_kept_in_an_object_says_so(scanned):
    source = dedent(
        """\
        import time
        class Shop:
            def __init__(self):
                self.goods = None
            def load(self):
                if self.goods is None:
                    time.sleep(1)
                    self.goods = [1]
                time.sleep(2)
        async def f(shop: Shop):
            shop.load()
        """
    )
    assert {call.line: call.cached for call in scanned(main=source)} == {7: True, 9: False}
