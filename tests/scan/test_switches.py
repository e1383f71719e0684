"""Blocking calls behind tests: of parameters, of classes, of the system."""

import pytest


def test_what_only_windows_comes_to_is_no_finding(scanned):
    found = scanned(
        main="""\
            import sys, time
            def nap():
                time.sleep(1)
            async def f():
                if sys.platform == "win32":
                    nap()
                    time.sleep(1)
                else:
                    time.sleep(2)
                if sys.platform != "win32":
                    return
                time.sleep(3)
            """
    )
    assert [call.line for call in found] == [9]


NARROWED = """\
    import time
    class Store:
        pass
    class Slow(Store):
        def save(self):
            time.sleep(1)
    class Quick(Store):
        def save(self):
            return 1
    async def f(store: Slow | Quick, base: Store, more):
        BODY
"""


@pytest.mark.parametrize(
    ("body", "certain"),
    [
        ("store.save()", [False]),
        ("if isinstance(store, Slow): store.save()", [True]),
        ("if isinstance(store, Quick): store.save()", []),
        ("if isinstance(store, (Quick, int)): store.save()", []),
        ("if isinstance(store, Quick): pass\n        else: store.save()", [True]),
        ("if isinstance(store, Slow): return\n        store.save()", []),
        ("if not isinstance(store, Quick): raise ValueError\n        store.save()", []),
        ("assert isinstance(store, Quick)\n        store.save()", []),
        ("more and isinstance(store, Quick) and store.save()", []),
        ("return store.save() if isinstance(store, Quick) else None", []),
        ("if isinstance(base, Slow): base.save()", [True]),
        ("if isinstance(more, Slow): more.save()", [True]),
        (
            "if isinstance(store, Quick):\n            store = Slow()\n            store.save()",
            [False],
        ),
        ("if isinstance(store, Quick): pass\n        store.save()", [False]),
    ],
)
def test_an_isinstance_tells_which_of_the_declared_classes_it_is(scanned, body, certain):
    assert [call.certain for call in scanned(main=NARROWED.replace("BODY", body))] == certain


SWITCHED = """\
    import time
    def rest(long=False, *, thorough=True):
        if long:
            time.sleep(1)
        if not thorough:
            time.sleep(2)
        else:
            time.sleep(3)
        if long and time.sleep(4):
            pass
        return thorough or time.sleep(5)
    async def f(given, more):
        BODY
"""


@pytest.mark.parametrize(
    ("call", "lines"),
    [
        ("rest()", [8]),
        ("rest(long=True)", [4, 8, 9]),
        ("rest(long=False, thorough=False)", [6, 11]),
        ("rest(long=given, thorough=given)", [4, 6, 8, 9, 11]),
        ("rest(given)", [4, 8, 9]),
        ("rest(**more)", [4, 6, 8, 9, 11]),
        ("rest()\n        rest(long=True, thorough=False)", [4, 6, 8, 9, 11]),
    ],
)
def test_what_the_caller_switches_off_is_no_finding(scanned, call, lines):
    assert [each.line for each in scanned(main=SWITCHED.replace("BODY", call))] == lines


@pytest.mark.parametrize(
    ("call", "is_told"),
    [
        ("read(text=given)", False),
        ("read(path=None)", False),
        ("read(path=given)", True),
        ("read(path='a')", True),
        ("read(given, given)", True),
    ],
)
def test_what_the_caller_does_not_give_is_none(scanned, call, is_told):
    source = """\
        import time
        def read(text=None, path=None):
            if text:
                return text
            elif path is not None:
                time.sleep(1)
        async def f(given):
            CALL
        """
    assert len(scanned(main=source.replace("CALL", call))) == is_told


TOLD = """\
    import time
    def is_address(host): ...
    def is_name(host): ...
    def resolve(timeout, host):
        if is_address(host):
            return host
        time.sleep(timeout)
    async def f(host, other):
        BODY
"""


@pytest.mark.parametrize(
    ("body", "is_told"),
    [
        ("resolve(1, host)", True),
        ("if is_address(host): resolve(1, host)", False),
        ("if is_address(host): resolve(1, host=host)", False),
        ("if not is_address(host): return\n        resolve(1, host)", False),
        ("if not is_address(host): resolve(1, host)", True),
        ("if is_name(host): resolve(1, host)", True),
        ("if is_address(other): resolve(1, host)", True),
        ("if is_address(host):\n            host = other\n            resolve(1, host)", True),
    ],
)
def test_what_the_caller_has_asked_of_an_argument_is_not_asked_again(scanned, body, is_told):
    assert len(scanned(main=TOLD.replace("BODY", body))) == is_told


GIVEN_ON = """\
    import time
    def rest(long=False):
        if long:
            nap()
    def nap():
        time.sleep(1)
    async def never():
        rest(long=False)
    async def f():
        rest()
    BODY
"""


def test_a_chain_does_not_go_through_a_call_that_is_switched_off(scanned):
    assert scanned(main=GIVEN_ON.replace("BODY", "")) == ()
    [call] = scanned(main=GIVEN_ON.replace("BODY", "async def g():\n        rest(long=True)"))
    assert [step.function for step in call.chain] == ["g", "rest", "nap"]
    assert call.callers == 1


@pytest.mark.parametrize(
    ("test", "is_found"),
    [
        ("isinstance(it.files, Files)", True),
        ("it and isinstance(it.files, Files)", True),
        ("it or isinstance(it.files, Files)", False),
        ("not isinstance(it.files, Files)", False),
        ("isinstance(it, Files)", False),
    ],
)
def test_an_isinstance_around_tells_the_class(scanned, test, is_found):
    source = """\
        import time
        class Files:
            def version(self):
                time.sleep(1)
        async def f(it):
            if TEST:
                it.files.version()
        """
    assert bool(scanned(main=source.replace("TEST", test))) == is_found


@pytest.mark.parametrize(
    ("call", "is_told"),
    [
        ("if where != 'local': find(where)", False),
        ("if where == 'local': find(where)", True),
        ("find(where)", True),
        ("find(where='far')", False),
        ("find(where='local')", True),
        ("find()", False),
    ],
)
def test_what_a_parameter_is_equal_to(scanned, call, is_told):
    source = f"""\
        import time
        def find(where="near"):
            if where == "local":
                time.sleep(1)
        async def f(where):
            {call}
        """
    assert len(scanned(main=source)) == is_told


PASSED = """\
    import time
    def rest(long=False):
        if long:
            time.sleep(1)
    def idle(long=False, times=1):
        rest(long)
    def doze(long=False):
        idle(times=2, long=long)
    def nap(long=False):
        long = bool(long)
        rest(long)
    async def f(given):
        CALL
"""


@pytest.mark.parametrize(
    ("call", "is_told"),
    [
        ("idle()", False),
        ("idle(False)", False),
        ("idle(True)", True),
        ("idle(long=given)", True),
        ("doze()", False),
        ("doze(long=True)", True),
        ("doze(given)", True),
        ("nap()", True),
        ("rest(False, *given)", True),
    ],
)
def test_a_switch_that_a_caller_hands_on(scanned, call, is_told):
    assert len(scanned(main=PASSED.replace("CALL", call))) == is_told


DEFAULT = """\
    import time
    class Shop: ...
    def make():
        time.sleep(1)
    def sell(shop=None, goods=None):
        BODY
    class Seller:
        def __init__(self, shop):
            self.shop = Shop()
            self.given = shop
        async def f(self, given):
            sell(SHOP)
"""


@pytest.mark.parametrize(
    ("body", "given", "is_told"),
    [
        ("shop = shop or make()", "Shop()", False),
        ("shop = shop or make()", "self.shop", False),
        ("shop = shop or make()", "self.given", True),
        ("shop = shop or make()", "given", True),
        ("shop = shop or make()", "", True),
        ("if shop is None: shop = make()", "shop=Shop()", False),
        ("if shop == 'far': shop = make()", "Shop()", True),
        ("shop = goods\n        if shop is None: make()", "Shop()", True),
        (
            "for each in goods:\n            if shop is None: make()\n            shop = each",
            "Shop()",
            True,
        ),
    ],
)
def test_what_is_made_for_those_who_give_nothing(scanned, body, given, is_told):
    assert len(scanned(main=DEFAULT.replace("BODY", body).replace("SHOP", given))) == is_told
