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


STARTED = """\
    import time
    KNOWN = {}
    def fill():
        global KNOWN
        KNOWN.update(one=1)
    def pause():
        global COUNT
        COUNT = 5
    class Shop:
        def __init__(self):
            BODY
    async def f():
        Shop()
"""


@pytest.mark.parametrize(
    ("body", "is_cached"),
    [
        ("if self.loop is None: self.start(); time.sleep(1)", True),
        ("if not self.thread: self.thread.start(); time.sleep(1)", True),
        ("if not self.work: self.restart(); time.sleep(1)", False),
        ("if not self.running: self.running = True; time.sleep(1)", True),
        ("if not self.running: self.running = True; time.sleep(1); self.running = False", False),
        ("if not self.busy: self.busy = True; time.sleep(1)", False),
        ("if hasattr(self, 'made'): return\n            self.made = True; time.sleep(1)", True),
        ("if hasattr(self, 'made'): return\n            time.sleep(1)", False),
        ("if not KNOWN: fill(); time.sleep(1)", True),
        ("if not KNOWN: print(); time.sleep(1)", False),
        ("if not COUNT: pause(); time.sleep(1)", False),
        ("global KNOWN\n            if KNOWN is None: KNOWN = Shop(); time.sleep(1)", True),
    ],
)
def test_what_is_started_or_filled_the_first_time(scanned, body, is_cached):
    [call] = scanned(main=STARTED.replace("BODY", body))
    assert call.cached is is_cached


def test_a_start_that_failed_may_be_tried_again(scanned):
    [call] = scanned(
        main="""\
            import time
            class Shop:
                def start(self):
                    if not self.running:
                        try:
                            self.running = True
                            time.sleep(1)
                        except OSError:
                            self.running = False
            async def f(shop: Shop):
                shop.start()
            """
    )
    assert call.cached


@pytest.mark.parametrize(
    ("decorator", "is_cached"),
    [("cached_property", True), ("cached(TTLCache(1, 60))", True), ("property", False)],
)
def test_what_a_decorator_keeps_for_one_object(scanned, decorator, is_cached):
    source = """\
        import time
        from functools import cached_property
        from cachetools import TTLCache, cached
        class Shop:
            @DECORATOR
            def goods(self):
                time.sleep(1)
        async def f(shop: Shop):
            shop.GOODS
        """
    used = "goods()" if "(" in decorator else "goods"
    [call] = scanned(main=source.replace("DECORATOR", decorator).replace("GOODS", used))
    assert (call.cached, call.once) == (is_cached, False)
