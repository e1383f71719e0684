"""Verdicts on awaits: what is told of them, and what stands against overlapping."""

from collections.abc import Callable

import pytest

from asyncperf.sites import Scan

from .conftest import OnlySite
from .snippets import HTTP


def test_a_run_is_as_good_as_its_worst_pair(scan_source: Callable[..., Scan]) -> None:
    """The third needs the first, though the neighbours do not need each other."""
    scan = scan_source(
        HTTP + "async def f():\n    a = await get('/a')\n    b = await get('/b')\n"
        "    c = await get(a)\n    return b, c\n"
    )
    verdicts = {(site.kind, site.line): site.verdict for site in scan.sites if site.function == "f"}
    assert [verdict for (kind, _), verdict in verdicts.items() if kind == "pair"] == [
        "independent",
        "independent",
    ]
    assert [verdict for (kind, _), verdict in verdicts.items() if kind == "run"] == ["dependent"]


def test_a_run_too_long_to_try_in_pairs_is_not_called_independent(
    scan_source: Callable[..., Scan],
) -> None:
    for count, verdict in ((20, "independent"), (300, "likely")):
        awaits = "\n    ".join("await get('/a')," for _ in range(count))
        scan = scan_source(f"{HTTP}\nasync def f():\n  return (\n    {awaits}\n  )\n")
        (run,) = [site for site in scan.sites if site.kind == "run"]
        assert (len(run.lines), run.verdict) == (count, verdict)


def test_the_experiment(scan_source: Callable[..., Scan]) -> None:
    from pathlib import Path

    source = Path(__file__).parents[2].joinpath("app.py").read_text()
    verdicts: dict[str, set[str]] = {}
    for site in scan_source(source).sites:
        verdicts.setdefault(site.function, set()).add(site.verdict)
    assert verdicts == {"async_independent": {"independent"}, "async_dependent": {"dependent"}}


def test_the_flow_of_data_is_named(only_site: OnlySite) -> None:
    site = only_site(
        HTTP + "async def f():\n    user = await get('/a')\n    b = await get(user)\n    return b\n"
    )
    assert "`user`" in site.reason


def test_an_object_that_is_refreshed_comes_from_there(only_site: OnlySite) -> None:
    site = only_site(
        HTTP + "from elsewhere import Row\nasync def f(rows, row: Row):\n"
        "    await rows.refresh(row)\n    b = await get(row.id)\n    return b\n"
    )
    assert site.reason.endswith("uses `row`, which comes from line 11"), site.reason


LOOKS = {
    "for each": "for one in x: print(one)",
    "in a comprehension": "y = [one for one in x]",
    "in": "y = 1 in x",
    "if": "if x: print(1)",
    "if not": "if not x: print(1)",
    "while": "while x: return 1",
    "how many": "y = len(x)",
}


@pytest.mark.parametrize("looks", LOOKS.values(), ids=LOOKS)
def test_looking_through_a_container_reads_it(only_site: OnlySite, looks: str) -> None:
    site = only_site(
        f"{HTTP}\nasync def fill(x): x.append(await get('/a'))\n"
        f"async def look(x):\n    {looks}\n    return await get('/b')\n"
        "async def f(x: list):\n    a = await fill(x)\n    b = await look(x)\n    return a, b\n"
    )
    assert site.reason == "the first changes `x[]`, which the second reads"


def test_changes_to_a_list_of_the_caller_keep_their_order(only_site: OnlySite) -> None:
    source = (
        HTTP + "async def f():\n    found = []\n"
        "    async def add(path):\n        found.append(await get(path))\n"
        "    await add('/a')\n    await add('/b')\n    return found\n"
    )
    assert only_site(source).verdict == "unsafe"


def test_an_exceptions_own_attributes_are_its_own(only_site: OnlySite) -> None:
    """`super().__init__` of what Python has is no unknown call."""
    site = only_site(
        HTTP + "class Missing(Exception):\n"
        "    def __init__(self, message):\n"
        "        self.message = message\n        super().__init__(message)\n"
        "async def ask(path):\n    try:\n        return await get(path)\n"
        "    except OSError as error:\n        raise Missing('x') from error\n"
        "async def f():\n    a = await ask('/a')\n    b = await ask('/b')\n    return a, b\n"
    )
    assert site.verdict == "independent", site.reason


def test_a_function_that_was_handed_in_may_wait_and_write(only_site: OnlySite) -> None:
    site = only_site("async def f(send):\n    await send(1)\n    await send(2)\n")
    assert site.reason == "`send` is awaited for its effect, which `send` hides"


def test_a_model_is_only_asked(only_site: OnlySite) -> None:
    site = only_site(
        "from openai import AsyncOpenAI\n"
        "async def f(client: AsyncOpenAI):\n"
        "    a = await client.embeddings.create(input='a')\n"
        "    b = await client.embeddings.create(input='b')\n    return a, b\n"
    )
    assert site.verdict == "independent", site.reason


THREADS = {"in a thread": "independent", "here": "unsafe"}


@pytest.mark.parametrize(("where", "verdict"), THREADS.items())
def test_a_thread_has_a_context_of_its_own(only_site: OnlySite, where: str, verdict: str) -> None:
    call = "await asyncio.to_thread(work)" if where == "in a thread" else "work()"
    site = only_site(
        f"""
        import asyncio
        import httpx
        client = httpx.AsyncClient()
        def work():
            asyncio.set_event_loop(asyncio.new_event_loop())
            return 1
        async def get(path):
            {call}
            return await client.get(path)
        async def f():
            a = await get("/a")
            b = await get("/b")
            return a, b
        """
    )
    assert site.verdict == verdict, site.reason


def test_a_context_variable_that_is_set_stays_in_its_task(only_site: OnlySite) -> None:
    source = (
        HTTP + "from contextvars import ContextVar\nuser = ContextVar('user')\n"
        "async def login():\n    user.set(await get('/me'))\n"
        "async def f():\n    await login()\n    a = await get('/a')\n    return a\n"
    )
    assert only_site(source).verdict == "unsafe"


def test_one_lock_makes_them_take_turns(only_site: OnlySite) -> None:
    source = (
        HTTP + "import asyncio\nlock = asyncio.Lock()\n"
        "async def turn(path):\n    async with lock:\n        return await get(path)\n"
        "async def f():\n    a = await turn('/a')\n    b = await turn('/b')\n    return a, b\n"
    )
    site = only_site(source)
    assert (site.verdict, site.remedy) == ("independent", "none")


def test_what_never_waits_has_nothing_to_gain(only_site: OnlySite) -> None:
    site = only_site(
        "seen = {}\nasync def known(): return seen.get(1)\n"
        "async def f():\n    a = await known()\n    b = await known()\n    return a, b\n"
    )
    assert (site.verdict, site.remedy) == ("independent", "none")


@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        ("self.seen.append(1)", "await web.post('/b')", "unsafe"),
        ("self.token = None", "self.token = await web.get('/b')", "unsafe"),
        ("return self.seen[0]", "await web.get('/b')", "likely"),
        ("pass", "await web.get('/b')", "likely"),
    ],
    ids=["then tells others", "sets anew", "is asked for nothing", "an empty hook"],
)
def test_what_never_waits_is_judged_by_what_it_does(
    only_site: OnlySite, first: str, second: str, verdict: str
) -> None:
    site = only_site(f"""
        import httpx

        web = httpx.AsyncClient()

        class Shop:
            def __init__(self):
                self.seen, self.token = [1], None

            async def one(self):
                {first}

            async def two(self):
                {second}
                return 1

        async def f(shop: Shop):
            await shop.one()
            return await shop.two()
    """)
    assert site.verdict == verdict, site.reason


def test_what_tasks_do_is_waited_for_before_the_second(only_site: OnlySite) -> None:
    site = only_site(
        "import asyncio\nasync def known(): return await web.get('/a')\n"
        "async def f(tasks: dict):\n    done, _ = await asyncio.wait(tasks.keys())\n"
        "    a = await known()\n    return done, a\n"
    )
    assert site.verdict == "dependent", site.reason


def test_a_connection_is_accepted_before_it_is_served(only_site: OnlySite) -> None:
    site = only_site(
        "import httpx\nweb = httpx.AsyncClient()\nasync def f(websocket):\n"
        "    await websocket.accept()\n    return await web.get('/a')\n"
    )
    assert site.verdict == "unsafe", site.reason
