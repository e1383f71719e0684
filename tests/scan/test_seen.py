"""Verdicts on awaits by where they were seen: any two of a function, loops, dependencies."""

import ast
from pathlib import Path
from textwrap import dedent, indent

import pytest

from asyncperf.insight import Site
from asyncperf.scan.seen import CHANGED, OUTSIDE, Asked, judge_seen
from asyncperf.sites import Independence, Verdicts

HTTP = """
import httpx
client = httpx.AsyncClient()
async def get(path):
    return (await client.get(path)).json()
async def keys():
    for k in await get("/keys"):
        yield k
async def counted(n):
    for k in await get("/keys"):
        if not n:
            yield k
"""


def sites_in(file: Path) -> list[Site]:
    """The awaits of `items`, as the probe would have recorded them, in their order."""
    source = file.read_text()
    (function,) = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.AsyncFunctionDef) and node.name == "items"
    ]
    lines = source.split("\n")
    found = [
        Site(
            str(file),
            node.lineno,
            len(lines[node.lineno - 1].encode()[: node.col_offset].decode()) + 1,
            "items",
            " ".join((ast.get_source_segment(source, node) or "").split()),
        )
        for node in ast.walk(function)
        if isinstance(node, ast.Await)
    ]
    return sorted(found, key=lambda site: (site.line, site.column or 0))


def written(folder: Path, body: str, setup: str = HTTP) -> list[Site]:
    file = folder / "shop.py"
    file.write_text(f"{setup}\nasync def items():\n{indent(dedent(body), '    ')}\n")
    return sites_in(file)


def judged(folder: Path, sites: list[Site]) -> Verdicts:
    return judge_seen([folder], folder, Asked({sites[0].file: sites}, {}))


def said_of(verdicts: Verdicts, *sites: Site, kind: str = "pair") -> Independence | None:
    return verdicts.of(kind, *((site.file, site.line, site.column) for site in sites))  # type: ignore[arg-type]


PAIRS = {
    "nothing of the other": ("a = await get('/a')\nb = await get('/b')", "independent", "overlap"),
    "after letters of two bytes": (
        "é = 'é', await get('/a')\nü = 'ü', await get('/b')",
        "independent",
        "overlap",
    ),
    "a text over two lines": (
        "a = await get(\n    '/a'\n)\nb = await get('/b')",
        "independent",
        "overlap",
    ),
    "the result itself": ("a = await get('/a')\nb = await get(a)", "dependent", "none"),
    "one given to the other": ("b = await get(await get('/a'))", "dependent", "none"),
    "parts of one statement": (
        "return [await get('/a'), await get('/b')]",
        "independent",
        "overlap",
    ),
    "parts of a condition": (
        "if print(await get('/a'), await get('/b')):\n    return",
        "independent",
        "overlap",
    ),
    "a name that one statement binds": (
        "return [a := await get('/a'), await get(a)]",
        "dependent",
        "none",
    ),
    "one that decides": ("a = await get('/a') or await get('/b')", "dependent", "none"),
    "one or the other": ("a = await get('/a') if x else await get('/b')", None, "none"),
    "a function of its own": (
        "return [lambda: await_, await get('/a'), await get('/b')]",
        "independent",
        "overlap",
    ),
    "a block of its own": ("a = await get('/a')\nif x:\n    b = await get('/b')", None, "none"),
    "the condition of a block": ("if await get('/a'):\n    b = await get('/b')", None, "none"),
    "one block of two": (
        "if x:\n    a = await get('/a')\n    b = await get('/b')",
        "independent",
        "overlap",
    ),
    "of something unknown": ("a = await get('/a')\nb = await other(1)", "likely", "overlap"),
}


@pytest.mark.parametrize(("body", "verdict", "remedy"), PAIRS.values(), ids=PAIRS)
def test_two_awaits(tmp_path: Path, body: str, verdict: str | None, remedy: str) -> None:
    first, second = written(tmp_path, body)
    said = said_of(judged(tmp_path, [first, second]), first, second)
    assert said is not None
    assert (said.verdict, said.remedy) == (verdict, remedy), said.reason


def test_awaits_that_are_no_neighbours_are_judged_by_what_stands_between_them(
    tmp_path: Path,
) -> None:
    first, second, third, fourth = written(
        tmp_path,
        "a = await get('/a')\nb = await get(a)\nc = await get('/c')\nd = await get(b)",
    )
    verdicts = judged(tmp_path, [first, third, fourth])  # the second was too short to be seen
    apart, needs = (said_of(verdicts, first, other) for other in (third, fourth))
    assert apart is not None
    assert needs is not None
    assert (apart.verdict, needs.verdict) == ("independent", "dependent")
    assert said_of(verdicts, first, second) is None


def test_the_fact_that_decides_is_named_with_its_file(tmp_path: Path) -> None:
    first, second = written(tmp_path, "a = await get('/a')\nb = await get(a)")
    said = said_of(judged(tmp_path, [first, second]), first, second)
    reason = f"line {second.line} uses `a`, which comes from line {first.line}"
    assert said == Independence("dependent", reason, "none", second.file, second.line)


LOOPS = {
    "an ordered append": ("x = []\nfor k in K:\n    x.append(await get(k))", "independent"),
    "a comprehension": ("x = [await get(k) for k in K]", "independent"),
    "a `while`": ("a = 1\nwhile a:\n    a = await get(a)", "dependent"),
    "what one round leaves": ("a = 1\nfor k in K:\n    a = await get(a)", "dependent"),
    "an early end": ("for k in K:\n    if await get(k):\n        break", "dependent"),
    "an `async for` over what is not known": ("async for k in K:\n    await get(k)", None),
    "an `async for`": ("async for k in keys():\n    await get(k)", "likely"),
    "an asynchronous comprehension": ("x = [await get(k) async for k in keys()]", "likely"),
    "an early end of an `async for`": (
        "async for k in keys():\n    if await get(k):\n        break",
        "dependent",
    ),
    "what the next element needs": (
        "n = []\nasync for k in counted(n):\n    n.append(await get(k))",
        "unsafe",
    ),
}


@pytest.mark.parametrize(("body", "verdict"), LOOPS.values(), ids=LOOPS)
def test_a_loop(tmp_path: Path, body: str, verdict: str | None) -> None:
    (site,) = written(tmp_path, f"{body}\nreturn await_()")
    said = said_of(judged(tmp_path, [site]), site, kind="loop")
    assert said is not None
    assert said.verdict == verdict, said.reason
    assert (said.remedy == "none") is (verdict in {"dependent", "unsafe"})


def test_reads_over_one_session_in_a_loop_are_better_one_query(tmp_path: Path) -> None:
    setup = "from sqlalchemy.ext.asyncio import AsyncSession\n"
    body = "x = []\nfor k in K:\n    x.append(await session.get(Product, k))\nreturn x"
    (tmp_path / "shop.py").write_text(
        f"{setup}async def items(session: AsyncSession):\n{indent(body, '    ')}\n"
    )
    (site,) = sites_in(tmp_path / "shop.py")
    said = said_of(judged(tmp_path, [site]), site, kind="loop")
    assert said is not None
    assert (said.verdict, said.remedy) == ("unsafe", "batch")


def test_a_source_that_has_changed_is_not_judged(tmp_path: Path) -> None:
    sites = written(tmp_path, "a = await get('/a')\nb = await get('/b')")
    written(tmp_path, "\na = await get('/a')\nb = await get('/b')")
    verdicts = judged(tmp_path, sites)
    assert verdicts.found == ()
    assert verdicts.unread == {sites[0].file: CHANGED}


def test_long_texts_are_recorded_cut(tmp_path: Path) -> None:
    first, second = written(tmp_path, "a = await get('/a')\nb = await get('/b')")
    cut = Site(first.file, first.line, first.column, "items", "await get('…")
    assert said_of(judged(tmp_path, [cut, second]), first, second) is not None


def test_what_is_not_there_outside_or_unreadable_is_said(tmp_path: Path) -> None:
    root, broken = tmp_path / "app", tmp_path / "app" / "broken.py"
    root.mkdir()
    sites = written(root, "a = await get('/a')\nb = await get('/b')")
    broken.write_text("def f(:\n")
    outside = Site(str(tmp_path / "lib.py"), 1, 1, "f", "await g()")
    gone = Site(str(root / "gone.py"), 1, 1, "f", "await g()")
    bad = Site(str(broken), 1, 1, "f", "await g()")
    every = {site.file: [site] for site in (outside, gone, bad)} | {sites[0].file: sites}
    verdicts = judge_seen([root], root, Asked(every, {}))
    assert len(verdicts.found) == 1
    assert verdicts.unread[outside.file] == verdicts.unread[gone.file] == OUTSIDE
    assert "syntax error" in verdicts.unread[bad.file]


SHOP = """
from fastapi import Depends, FastAPI
app = FastAPI()
async def user():
    return await get("/me")
async def flags():
    return await get("/flags")
@cached
async def rights(found=Depends(user)):
    return await get(found)
@app.get("/")
async def page(user=Depends(user), flags=Depends(flags), rights=Depends(rights)): ...
"""


def test_what_ran_by_the_name_of_a_link_is_judged(tmp_path: Path) -> None:
    written(tmp_path, "a = await get('/a')\nb = await get('/b')")
    link = tmp_path / "linked.py"
    link.symlink_to("shop.py")
    first, second = sites_in(link)
    found = said_of(judged(tmp_path, [first, second]), first, second)
    assert found is not None
    assert found.verdict == "independent"


def test_dependencies(tmp_path: Path) -> None:
    file = tmp_path / "shop.py"
    file.write_text(HTTP + SHOP)
    lines = file.read_text().splitlines()
    begins = {"user": "async def user", "flags": "async def flags", "rights": "@cached"}

    def begin(name: str) -> Site:
        (line,) = [n for n, text in enumerate(lines, 1) if text.startswith(begins[name])]
        return Site(str(file), line, None, name, None)

    sites = {name: begin(name) for name in begins}
    verdicts = judge_seen([tmp_path], tmp_path, Asked({}, {str(file): list(sites.values())}))

    def said(*names: str) -> Independence:
        found = said_of(verdicts, *(sites[name] for name in names), kind="dependencies")
        assert found is not None
        return found

    assert said("user", "flags").verdict == said("flags", "user").verdict == "independent"
    assert (said("user", "rights").verdict, said("user", "rights").remedy) == ("dependent", "none")
    assert said("user", "rights").reason == "`rights` needs `user`"
    assert said("flags", "flags").reason.startswith("no dependency needs another one")
