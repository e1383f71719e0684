# ruff: noqa: E501
"""The verdict on each kind of loop, as docs/scan.md says."""

from collections.abc import Callable

import pytest

from asyncperf.sites import Scan

from .conftest import OnlySite
from .snippets import HTTP, NAPS, REFUSES, SQL

LOOPS = {
    "a pause in a helper": (NAPS, "    for x in xs: await nap()", "unsafe"),
    "a helper that takes its time": (NAPS, "    for x in xs: found.append(await slow(x))", "independent"),
    "hooks": ("", "    for x in xs:\n        try: await x(1)\n        except Exception: pass", "unsafe"),
    "functions that are asked": ("", "    for x in xs:\n        try: found.append(await x(1))\n        except Exception: pass", "likely"),
    "an unknown effect": (HTTP, "    for x in xs: await elsewhere.get(x)", "unsafe"),
    "an unknown effect, caught": (HTTP, "    for x in xs:\n        try: await elsewhere.save(x)\n        except Exception: pass", "likely"),
    "an unknown effect, caught where it happens": (HTTP, "    for x in xs:\n        if x.due:\n            try: await elsewhere.save(x)\n            except Exception: pass", "likely"),
    "an unknown effect, caught in one of two branches": (HTTP, "    for x in xs:\n        if x.due:\n            try: await elsewhere.process(x)\n            except Exception: pass\n        else: await elsewhere.process(x)", "unsafe"),
    "backwards, for an effect": (HTTP, "    for x in reversed(xs):\n        try: await x.stop()\n        except Exception: pass", "unsafe"),
    "backwards, with numbers": (HTTP, "    for i, x in enumerate(reversed(xs)):\n        try: await x.stop()\n        except Exception: pass", "unsafe"),
    "backwards, by a slice": (HTTP, "    for x in xs[::-1]:\n        try: await x.stop()\n        except Exception: pass", "unsafe"),
    "backwards, for results": (HTTP, "    for x in reversed(xs): found.append(await get(x))", "independent"),
    "asked only if all before said so": (HTTP, "    y = True\n    for x in xs: y = y and await get(x)", "dependent"),
    "asked only if one before said so": (HTTP, "    y = None\n    for x in xs: y = (await get(x)) if y is None else y", "dependent"),
    "asked only if the element says so": (HTTP, "    for x in xs: found.append(x.known or await get(x))", "independent"),
    "texts for one chat": (HTTP, "    for x in xs:\n        try: await bot.send_message(chat, x)\n        except Exception: pass", "unsafe"),
    "texts for the chat that asked": (HTTP, "    for x in xs:\n        try: await message.answer(x)\n        except Exception: pass", "unsafe"),
    "one text for each chat": (HTTP, "    for x in xs:\n        try: await bot.send_message(x.chat, 'a')\n        except Exception: pass", "likely"),
    "a text for each socket": (HTTP, "    for x in xs:\n        socket = x.socket\n        try: await socket.send('a')\n        except Exception: pass", "likely"),
    "one file, written again and again": (HTTP, "    for x in xs:\n        try: await files.save('a')\n        except Exception: pass", "unsafe"),
    "reads": (HTTP, "    for x in xs: found.append(await get(x))", "independent"),
    "a comprehension": (HTTP, "    found = [await get(x) for x in xs]", "independent"),
    "a condition that asks": (HTTP, "    found = [x for x in xs if await get(x)]", "independent"),
    "a condition that writes": (HTTP, "    found = [x for x in xs if await post(x)]", "likely"),
    "a condition that writes the same": (HTTP, "    found = [x for x in xs if await post('/')]", "unsafe"),
    "a condition with one session": (SQL, "    session = maker()\n    found = [x for x in xs if await users(session)]", "unsafe"),
    "an inner loop over what is asked": (HTTP, "    found = [y for x in xs for y in await get(x)]", "independent"),
    "an inner loop over what is written": (HTTP, "    found = [y for x in xs for y in await post(x)]", "likely"),
    "a condition on what is done, in a try": (HTTP, "    for x in xs:\n        try:\n            found.append(await get(x))\n            if len(found) > 3: await get('/')\n        except OSError: pass", "dependent"),
    "a condition on what is done, without an await": (HTTP, "    for x in xs:\n        try:\n            found.append(await get(x))\n            if len(found) > 3: y = 1\n        except OSError: pass", "independent"),
    "hooks of objects": ("", "    for x in xs:\n        hook = x.hook()\n        try: await hook.__call__(1)\n        except Exception: pass", "unsafe"),
    "hooks that a helper awaits": ("async def ready(x): return await x", "    for x in xs:\n        try: await ready(x())\n        except Exception: pass", "unsafe"),
    "what may refuse, and only reads": (HTTP + REFUSES, "    for x in xs: found.append(await shop(x))", "independent"),
    "what may refuse, and leaves traces": (HTTP + REFUSES + "kept = {}\nasync def keep(x): kept[x] = await shop(x)\n", "    for x in xs: found.append(await keep(x))", "likely"),
    "what a cast hides": ("from typing import cast\n", "    for x in xs: await cast(int, x)", "unsafe"),
    "what a cast hides, kept": ("from typing import cast\n", "    for x in xs: found.append(await cast(int, x))", "likely"),
    "tasks": ("", "    for x in xs: await x", "likely"),
    "what each iteration starts": ("", "    for x in xs:\n        y = x()\n        if y: await y", "unsafe"),
    "a caught write of what was filled with the element": (HTTP, "    for x in xs:\n        y = {}\n        y['x'] = x\n        try: await post(y)\n        except Exception: pass", "likely"),
    "folders": ("import asyncio, os\n", "    for x in xs: await asyncio.to_thread(os.makedirs, x)", "likely"),
    "one folder": ("import asyncio, os\n", "    for x in xs: await asyncio.to_thread(os.makedirs, 'a')", "unsafe"),
    "an accumulator passed on": (HTTP, "    y = 0\n    for x in xs: y = await get(y)", "dependent"),
    "a decision on what was counted": (HTTP, "    n = 0\n    for x in xs:\n        y = await get(x)\n        n += len(y)\n        few = n < 9\n        if few: await get(y)", "dependent"),
    "a decision on what was counted in this round": (HTTP, "    n = 0\n    for x in xs:\n        y = await get(x)\n        n += len(y)\n        few = len(y) < 9\n        if few: found.append(await get(y))", "independent"),
    "a number by what was found so far": (HTTP, "    for x in xs:\n        number = len(found)\n        found.append(await get(number))", "dependent"),
    "a number that is only told": (HTTP, "    for x in xs:\n        number = len(found)\n        found.append((number, await get(x)))", "independent"),
    "a name seen so far": (HTTP, "    seen = set()\n    for x in xs:\n        if x in seen: continue\n        seen.add(await get(x))", "dependent"),
    "a name seen, noted before anything waits": (HTTP, "    seen = set()\n    for x in xs:\n        if x in seen: continue\n        seen.add(x)\n        found.append(await get(x))", "independent"),
    "a name seen, noted after something waited": (HTTP, "    seen = set()\n    for x in xs:\n        if x in seen: continue\n        found.append(await get(x))\n        seen.add(x)", "dependent"),
    "a name seen, asked for by what waits": (HTTP, "    seen = set()\n    for x in xs:\n        seen.add(x)\n        found.append(await get(seen))", "dependent"),
    "what is added to a log, caught": (HTTP, "    for x in xs:\n        try: await store.save_trace(x.id)\n        except Exception: pass", "unsafe"),
    "what is added under its own name, caught": (HTTP, "    for x in xs:\n        try: await store.save_user(x.id)\n        except Exception: pass", "likely"),
    "what is logged beside": (HTTP, "    for x in xs:\n        await logger.ainfo(x)\n        found.append(await get(x))", "likely"),
    "the first match": (HTTP, "    for x in xs:\n        if await get(x): return x", "dependent"),
    "a break": (HTTP, "    for x in xs:\n        if await get(x): break", "dependent"),
    "a sum across an await": (HTTP, "    y = 0\n    for x in xs: y += await get(x)", "unsafe"),
    "writes": (HTTP, "    for x in xs: await post(x)", "unsafe"),
    "a pause": ("import asyncio\n" + HTTP, "    for x in xs:\n        await get(x)\n        await asyncio.sleep(1)", "unsafe"),
    "one session": (SQL, "    session = maker()\n    for x in xs: found.append(await users(session))", "unsafe"),
    "sessions of their own": (SQL, "    for x in xs: found.append(await own_users())", "independent"),
    "results handed out": (HTTP, "    for x in xs: yield await get(x)", "dependent"),
}  # fmt: skip


@pytest.mark.parametrize(("setup", "body", "verdict"), LOOPS.values(), ids=LOOPS)
def test_a_loop(scan_source: Callable[..., Scan], setup: str, body: str, verdict: str) -> None:
    scan = scan_source(f"{setup}\nasync def f(xs):\n    found = []\n{body}\n    return found\n")
    (site,) = [site for site in scan.sites if site.function == "f" and site.kind == "loop"]
    assert site.verdict == verdict, site.reason


SESSION = """
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
class Product: ...
class Sale: ...
"""
# The body of a loop over `xs`, its verdict and its remedy.
ON_ONE_SESSION = {
    "reads": ("found.append(await session.get(Product, x))", "unsafe", "batch"),
    "writes": ("session.add(Sale(x)); await session.flush()", "unsafe", "batch"),
    "reads what was written": (
        "session.add(Sale(x)); await session.flush(); await session.get(Sale, x)",
        "unsafe",
        "none",
    ),
    "stops early": (
        "if await session.get(Product, x) is None: break",
        "dependent",
        "batch",
    ),
    "a sum": ("found += await session.scalar(select(Product, x))", "unsafe", "batch"),
    "what the last round found": (
        "found = await session.get(Product, found)",
        "dependent",
        "none",
    ),
    "what the last round found, until nothing is": (
        "found = await session.get(Product, found)\n        if not found: break",
        "dependent",
        "none",
    ),
    "another session each time": (
        "session = await again(session); await session.get(Product, x)",
        "dependent",
        "none",
    ),
}


@pytest.mark.parametrize(("body", "verdict", "remedy"), ON_ONE_SESSION.values(), ids=ON_ONE_SESSION)
def test_a_loop_on_one_session_is_better_one_query_unless_a_round_needs_another(
    scan_source: Callable[..., Scan], body: str, verdict: str, remedy: str
) -> None:
    scan = scan_source(
        f"{SESSION}\nasync def f(session: AsyncSession, xs):\n"
        f"    found = []\n    for x in xs:\n        {body}\n    return found\n"
    )
    (site,) = [site for site in scan.sites if site.kind == "loop"]
    assert (site.verdict, site.remedy) == (verdict, remedy), site.reason


@pytest.mark.parametrize(
    ("around", "session"),
    [
        ("async with maker() as db:", "one session, which serves one caller at a time"),
        ("if db := session:", "one session, `session`, which serves one caller at a time"),
    ],
)
def test_a_session_is_named_where_it_has_a_name(
    scan_source: Callable[..., Scan], around: str, session: str
) -> None:
    scan = scan_source(
        f"{SESSION}\nfrom sqlalchemy.ext.asyncio import async_sessionmaker\n"
        f"maker = async_sessionmaker()\nasync def f(session: AsyncSession, xs):\n"
        f"    {around}\n        for x in xs: await db.get(Product, x)\n"
    )
    (site,) = [site for site in scan.sites if site.kind == "loop"]
    assert site.reason == f"all iterations use {session}"


@pytest.mark.parametrize(
    ("body", "verdict"),
    [
        ("ORDER.append(shop)", "unsafe"),
        ("COUNTS[shop] += 1", "independent"),
        ("self.queue.put_nowait(shop)", "independent"),
        ("pass", "likely"),
    ],
    ids=["in order", "counts under keys", "an element's own queue", "an empty hook"],
)
def test_a_loop_that_never_waits_is_judged_by_what_it_does(
    only_site: OnlySite, body: str, verdict: str
) -> None:
    site = only_site(f"""
        import asyncio
        from collections import defaultdict

        ORDER, COUNTS = [], defaultdict(int)

        class Shop:
            def __init__(self):
                self.queue = asyncio.Queue()

            async def tell(self, shop: str):
                {body}

        async def f(shops: list[Shop]):
            for shop in shops:
                await shop.tell(shop.name)
    """)
    assert site.verdict == verdict, site.reason


def test_an_empty_method_that_an_heir_overrides_is_a_hook(only_site: OnlySite) -> None:
    site = only_site("""
        class Shop:
            async def start(self):
                pass

        class Bakery(Shop):
            async def start(self):
                self.ready = True

        async def f(shops: list[Shop]):
            for shop in shops:
                await shop.start()
    """)
    assert (site.verdict, "a hook" in site.reason) == ("unsafe", True), site.reason


def test_contexts_are_entered_in_order(only_site: OnlySite) -> None:
    site = only_site(
        "async def f(stack, contexts):\n    found = []\n    for context in contexts:\n"
        "        found.append(await stack.enter_async_context(context))\n    return found\n"
    )
    assert site.verdict == "unsafe", site.reason


def test_chunks_of_a_gather_bound_how_many_run(only_site: OnlySite) -> None:
    site = only_site(
        "import asyncio\nasync def f(chunks):\n    found = []\n    for chunk in chunks:\n"
        "        found += [await asyncio.gather(*chunk)]\n    return found\n"
    )
    assert site.verdict == "unsafe", site.reason


def test_a_property_of_a_subclass_may_give_what_waits(only_site: OnlySite) -> None:
    site = only_site("""
class Silent:
    async def emit(self, event): pass
class Speaking(Silent):
    @property
    def emit(self): return self.socket.emit
async def f(emitter: Silent, names):
    for name in names:
        await emitter.emit(name)
""")
    assert site.verdict == "unsafe", site.reason


@pytest.mark.parametrize(
    ("copied", "verdict"),
    [
        ("list(KEPT)", "independent"),
        ("sorted(KEPT)", "independent"),
        ("KEPT.copy()", "independent"),
        ("KEPT", "unsafe"),
    ],
)
def test_a_copy_is_a_container_of_its_own(only_site: OnlySite, copied: str, verdict: str) -> None:
    site = only_site(f"""{HTTP}
KEPT = []
async def sum_up(x):
    found = {copied}
    found.append(await get(x))
    return found
async def f(xs):
    return [await sum_up(x) for x in xs]
""")
    assert site.verdict == verdict, site.reason


@pytest.mark.parametrize(
    ("does", "verdict"),
    [("SESSION.get(int, x)", "independent"), ("SESSION.add(x)", "unsafe")],
)
def test_a_plain_session_is_read_in_one_go(only_site: OnlySite, does: str, verdict: str) -> None:
    site = only_site(f"""
from sqlalchemy.orm import Session
SESSION: Session = Session()
async def users(x):
    return {does}
async def f(xs):
    return [await users(x) for x in xs]
""")
    assert site.verdict == verdict, site.reason


@pytest.mark.parametrize(
    ("around", "verdict"),
    [("shop.session", "unsafe"), ("x.session", "independent")],
    ids=["of the element around", "of its own element"],
)
def test_the_session_of_an_element(only_site: OnlySite, around: str, verdict: str) -> None:
    site = only_site(f"""
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
class Shop:
    session: AsyncSession
async def f(shops: list[Shop], xs: list[Shop]):
    found = []
    for shop in shops:
        for x in xs: found.append(await {around}.execute(select(1)))
    return found
""")
    assert site.verdict == verdict, site.reason


def test_a_name_that_an_earlier_loop_has_bound(scan_source: Callable[..., Scan]) -> None:
    """It is another object in each iteration, whatever it was before."""
    scan = scan_source(f"""{HTTP}
async def f(xs, ys):
    found = []
    for x in xs:
        parts = x.parts
        parts.append(1)
    for y in ys:
        parts = y.parts
        parts.append(await get(y))
        found.append(parts)
    return found
""")
    (site,) = scan.sites
    assert site.verdict == "independent", site.reason


def test_what_is_put_into_given_options_is_not_seen_outside(only_site: OnlySite) -> None:
    site = only_site(f"""{HTTP}
def made(**options):
    options.setdefault("proxy", 1)
    return options
class Shop:
    async def ask(self, x):
        return made(proxy=self.proxy), await get(x)
async def f(shop: Shop, xs):
    return [await shop.ask(x) for x in xs]
""")
    assert site.verdict == "independent", site.reason


PAUSES = {
    "after what is asked": ("found = await get(x)\n    await asyncio.sleep(1)", "unsafe"),
    "for nothing else": ("found = 1\n    await asyncio.sleep(1)", "independent"),
    "until it is there": (
        "while not (found := await get(x)): await asyncio.sleep(1)",
        "independent",
    ),
    "before it is tried again": (
        "try: found = await get(x)\n    except OSError:\n        await asyncio.sleep(1)\n"
        "        found = await get(x)",
        "independent",
    ),
    "two calls down": ("found = await paced(x)", "independent"),
}


@pytest.mark.parametrize(("body", "verdict"), PAUSES.values(), ids=PAUSES)
def test_a_pause_in_what_an_iteration_calls(only_site: OnlySite, body: str, verdict: str) -> None:
    site = only_site(f"""{HTTP}
import asyncio
async def paced(x):
    await asyncio.sleep(1)
    return await get(x)
async def ask(x):
    {body}
    return found
async def f(xs):
    return [await ask(x) for x in xs]
""")
    assert site.verdict == verdict, site.reason
