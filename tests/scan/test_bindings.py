"""What assignments change that others see, and what they only bind anew."""

import pytest

from .conftest import OnlySite
from .snippets import HTTP

FLAGS = """
import orjson
ALLOWED = {1}
EXTRA = {2}
def sorted_(x):
    option = orjson.OPT_UTC_Z
    option |= orjson.OPT_SORT_KEYS
    return orjson.dumps(x, option=option)
def widened(x):
    allowed = ALLOWED
    allowed |= EXTRA
    return x in allowed
def joined(x):
    entries = orjson.ENTRIES
    entries += x
    return entries
"""

DESCRIBED = """
def described(function):
    async def wrapper(x): return await function(x)
    wrapper.__doc__ = f"{function.__doc__} {described.__doc__}"
    return wrapper
def counted(function):
    function.calls = function.calls + 1
    return function
async def answer(x):
    @described
    async def ask(y): return await get(y)
    return await ask(x)
async def count(x): return await counted(get)(x)
"""

TRACED = """
async def traced(tracer, x):
    with tracer.start_as_current_span("a"): return await get(x)
async def measured(meter, x):
    with meter.begin("a"): return await get(x)
"""


@pytest.mark.parametrize(
    ("setup", "asked", "verdict"),
    [
        (FLAGS, "get(sorted_(x))", "independent"),
        (FLAGS, "get(widened(x))", "unsafe"),
        (FLAGS, "get(joined(x))", "unsafe"),
        (DESCRIBED, "answer(x)", "independent"),
        (DESCRIBED, "count(x)", "likely"),
        (TRACED, "traced(tracer, x)", "independent"),
        (TRACED, "measured(meter, x)", "likely"),
    ],
)
def test_what_is_changed_for_others(
    only_site: OnlySite, setup: str, asked: str, verdict: str
) -> None:
    site = only_site(
        f"{HTTP}{setup}\nasync def f(xs, tracer, meter):\n    return [await {asked} for x in xs]\n"
    )
    assert site.verdict == verdict, site.reason
