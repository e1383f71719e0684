"""Which class an object is of, and which function is taken, by what stands around."""

import pytest

SOURCE = """\
    import time
    class Base:
        async def __aenter__(self): ...
        async def __aexit__(self, *error): ...
        async def aread(self): ...
        def read(self):
            time.sleep(1)
    class Plain:
        def __enter__(self): ...
        def __exit__(self, *error): ...
        def read(self):
            time.sleep(2)
    def pause():
        time.sleep(3)
    async def pause_async(): ...
    async def f(base: Base, plain: Plain, either: Base | Plain, is_quick):
        BODY
"""


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        ("base.read()", [7]),
        ("if hasattr(base, 'aread'): await base.aread()\n        else: base.read()", []),
        ("if hasattr(plain, 'aread'): await plain.aread()\n        else: plain.read()", [12]),
        ("if hasattr(either, 'aread'): pass\n        else: either.read()", [12]),
        ("if hasattr(base, 'other'): pass\n        else: base.read()", [7]),
        ("async with either: either.read()", [7]),
        ("with either: either.read()", [12]),
        ("async with either: pass\n        either.read()", [7, 12]),
        ("rest = pause_async if is_quick else pause\n        await rest()", []),
        ("rest = pause if is_quick else plain.read\n        rest()", [12, 14]),
    ],
)
def test_what_async_code_comes_to(scanned, body, lines):
    assert [call.line for call in scanned(main=SOURCE.replace("BODY", body))] == lines


def test_plain_code_may_take_either(scanned):
    source = SOURCE.replace("BODY", "choose(is_quick)") + (
        "    def choose(is_quick):\n"
        "        rest = pause_async if is_quick else pause\n"
        "        return rest()\n"
    )
    assert [call.line for call in scanned(main=source)] == [14]
