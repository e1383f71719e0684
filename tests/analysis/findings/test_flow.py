"""Which awaits the source parts: a table of small functions."""

import ast
import textwrap

import pytest

from asyncperf.analysis.findings import flow
from asyncperf.insight import Site


def sites_in(source):
    """The awaits of a source, as the probe would have recorded them."""
    code = flow.Code(source)
    nodes = sorted(code._awaits.items())
    return code, [
        Site("shop.py", line, column, "items", ast.get_source_segment(source, node))
        for (line, column), node in nodes
    ]


def order(body):
    source = "async def items():\n" + textwrap.indent(textwrap.dedent(body), "    ")
    code, sites = sites_in(source)
    return flow.order(code, sites)


TOGETHER = {
    "nothing of the other": "a = await one()\nb = await two()",
    "other things in between": "a = await one()\nx = 3\nb = await two(x)",
    "one statement": "return [await one(), await two()]",
    "what went before both": "x = first()\na = await one(x)\nb = await two(x)",
    "a name given anew": "a = await one()\na = 3\nb = await two(a)",
    "parts of one tuple": "a, b = await one(), await two()",
    "an `if` that leaves nothing": "a = await one()\nif x:\n    y = 3\nb = await two()",
    "a `finally` only": "try:\n    a = await one()\n    b = await two()\nfinally:\n    close()",
    "a client that serves many": "a = await client.get(1)\nb = await client.get(2)",
    "an exit of another function": ("a = await one()\ndef inner():\n    return 1\nb = await two()"),
}
APART = {
    "the result itself": ("a = await one()\nb = await two(a)", flow.TAKES),
    "an f-string": ("a = await one()\nb = await two(f'{a} > b')", flow.TAKES),
    "an attribute": ("a = await one()\nb = await two(a.key)", flow.TAKES),
    "a subscript": ("a = await one()\nb = await two(a['key'])", flow.TAKES),
    "by way of another name": ("a = await one()\nk = a.key\nb = await two(k)", flow.TAKES),
    "by way of two": ("a = await one()\nk = a.key\nm = [k]\nb = await two(m)", flow.TAKES),
    "one of several": ("a, c = await one()\nb = await two(c)", flow.TAKES),
    "put into a list": ("a = await one()\nx.append(a)\nb = await two(x)", flow.TAKES),
    "handed to a call": ("a = await one()\nfill(x, a)\nb = await two(x)", flow.TAKES),
    "kept in an object": ("self.a = await one()\nb = await self.two()", flow.TAKES),
    "kept in a dict": ("x['a'] = await one()\nb = await two(x)", flow.TAKES),
    "appended at once": ("x.append(await one())\ny = await two(x)", flow.TAKES),
    "assigned under a condition": (
        "a = await one()\nif a:\n    k = 1\nelse:\n    k = 2\nb = await two(k)",
        flow.TAKES,
    ),
    "a walrus": ("print(a := await one())\nb = await two(a)", flow.TAKES),
    "added to": ("a = 1\na += await one()\nb = await two(a)", flow.TAKES),
    "one inside the other": ("b = await two(await one())", flow.TAKES),
    "an early return": ("a = await one()\nif not a:\n    return\nb = await two()", flow.LEAVES),
    "an error raised": ("a = await one()\nif x:\n    raise E\nb = await two()", flow.LEAVES),
    "an assertion": ("a = await one()\nassert a\nb = await two()", flow.LEAVES),
    "the condition of a branch": ("if await one():\n    b = await two()", flow.BRANCH),
    "a branch of its own": ("a = await one()\nif x:\n    b = await two()", flow.BRANCH),
    "a `try` of its own": (
        "try:\n    a = await one()\nexcept E:\n    a = 1\nb = await two()",
        flow.BRANCH,
    ),
    "an error that is handled": (
        "try:\n    a = await one()\n    b = await two()\nexcept E:\n    pass",
        flow.HANDLED,
    ),
    "a short circuit": ("a = await one() or await two()", flow.CONDITION),
    "an access check": ("await check(user)\nb = await two()", flow.EFFECT),
    "something written": ("a = await one()\nawait save(x)", flow.EFFECT),
    "one session": (
        "a = await session.get(1)\nb = await session.get(2)",
        flow.SHARED.format("`session`"),
    ),
    "one connection, handed on": (
        "a = await one(self.conn)\nb = await two(self.conn)",
        flow.SHARED.format("`self.conn`"),
    ),
    "a session of some name": (
        "a = await one(db_session)\nb = await two(db_session)",
        flow.SHARED.format("`db_session`"),
    ),
}


@pytest.mark.parametrize("body", TOGETHER.values(), ids=TOGETHER)
def test_together(body):
    assert order(body) == flow.Order(((0, 1),), ())


@pytest.mark.parametrize(("body", "why"), APART.values(), ids=APART)
def test_apart(body, why):
    found = order(body)
    assert [len(group) for group in found.groups] == [1, 1]
    assert [parting.why for parting in found.partings] == [why]


def test_a_group_ends_where_one_takes_what_any_of_it_gave():
    found = order("a = await one()\nb = await two()\nc = await three(a)\nd = await four()")
    assert found.groups == ((0, 1), (2, 3))


def test_the_experiment():
    from pathlib import Path

    code, sites = sites_in((Path(__file__).parents[3] / "app.py").read_text())
    independent = [s for s in sites if s.text.startswith("await slow_async_task")][:3]
    dependent = [s for s in sites if s.text.startswith("await slow_async_task")][3:]
    assert flow.order(code, independent).groups == ((0, 1, 2),)
    found = flow.order(code, dependent)
    assert [parting.why for parting in found.partings] == [flow.TAKES, flow.TAKES]


def test_a_source_that_has_changed_is_not_judged():
    code, (site,) = sites_in("async def items():\n    a = await one()\n")
    assert code.find(site) is not None
    for changed in (
        Site(site.file, site.line + 1, site.column, site.function, site.text),
        Site(site.file, site.line, site.column, site.function, "await other()"),
        Site(site.file, site.line, site.column, site.function, None),
    ):
        assert code.find(changed) is None
        assert flow.order(code, [site, changed]) is None
    assert flow.parse("not python(") is None
    assert flow.parse(None) is None


def test_long_texts_are_recorded_cut():
    code, (site,) = sites_in("async def items():\n    a = await one(1, 2, 3)\n")
    cut = Site(site.file, site.line, site.column, site.function, "await one(1,…")
    assert code.find(cut) is not None


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("for k in ks:\n    x.append(await one(k))", None),
        ("for k in ks:\n    a = await one(k)\n    x[k] = a", None),
        ("total = 0\nfor k in ks:\n    total += await one(k)", None),
        ("x = [await one(k) for k in ks]", None),
        ("while a:\n    a = await one(a)", flow.ONE_BY_ONE),
        ("for k in ks:\n    a = await one(k, a)", flow.ONE_BY_ONE),
        ("for k in ks:\n    b = await one(a)\n    a = b.next", flow.ONE_BY_ONE),
        ("for k in ks:\n    if await one(k):\n        break", flow.STOPS),
        ("for k in ks:\n    a = await one(k)\n    if a:\n        return a", flow.STOPS),
        (
            "for k in ks:\n    a = await db.get(k)",
            "all rounds use `db`, which runs one thing at a time",
        ),
        (
            "x = [await session.get(k) for k in ks]",
            "all rounds use `session`, which runs one thing at a time",
        ),
    ],
)
def test_rounds_of_a_loop(body, why):
    source = "async def items():\n" + textwrap.indent(body, "    ")
    code, (site,) = sites_in(source)
    assert flow.looped(code, site) == why
