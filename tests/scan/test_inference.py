"""What a type checker says is taken as an annotation would be, or not at all."""

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from asyncperf.scan import load, room_to_work, scan_paths
from asyncperf.scan.checkers import CHECKERS, environment, find
from asyncperf.scan.defined_names import module_name
from asyncperf.scan.inference import ANSWER_S, DEADLINE_S, Inference
from asyncperf.scan.judge import judge
from asyncperf.scan.language_server import Location, ServerFailed
from asyncperf.sites import Inferred, Scan

APP = """\
import asyncio

class Shop:
    async def first(self):
        await asyncio.sleep(1)

class Branch(Shop):
    async def second(self):
        await asyncio.sleep(1)

    async def third(self, first): await first()

class Till:
    pass

SHOPS = {"a": Shop()}

async def f(key):
    a = await SHOPS[key].first()
    shop = SHOPS[key]
    b = await shop.second()
    return a, b
"""


class Told:
    """A server that answers by what the name at the place is; each answer is places in the app
    by the text that begins there, or in a library's file."""

    def __init__(self, folder: Path, clock=None, **answers: Sequence[str | Location]) -> None:
        self.folder, self.answers, self.clock = folder, answers, clock
        self.asked: list[str] = []
        self.until: list[float] = []

    def initialize(self, until: float) -> None:
        self.until.append(until)

    def locate(self, what, path, text, line, column, until):
        rest = text.split("\n")[line - 1].encode()[column:].decode()
        name = next(n for n in ("first", "second", "shop", "SHOPS") if rest.startswith(n))
        self.asked.append(f"{what} {name}")
        self.until.append(until)
        if self.clock is not None:
            self.clock.now += self.clock.takes
        answer = self.answers.get(f"{what}_{name}", ())
        if isinstance(answer, ServerFailed):
            raise answer
        return [self.place(text, each) if isinstance(each, str) else each for each in answer]

    def place(self, text: str, begins: str) -> Location:
        before = text[: text.index(begins)]
        line = before.count("\n") + 1
        return Location(str(self.folder / "app.py"), line, len(before.rpartition("\n")[2]))


class Clock:
    now = 0.0

    def __init__(self, takes: float) -> None:
        self.takes = takes

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def verdict_with(tmp_path):
    """The verdict on the pair of `f`, where a server answers so; and what came of asking."""
    (tmp_path / "app.py").write_text(APP)

    def verdict(clock=None, **answers):
        server = Told(tmp_path, clock, **answers)
        with room_to_work():
            loaded = load([tmp_path], tmp_path)
            options = {} if clock is None else {"clock": clock}
            asked = Inference(server, loaded.project, tmp_path, **options)
            loaded.analyst.inference = asked
            (function,) = loaded.awaiting
            walk = loaded.analyst.walker(function)
            node = function.node
            walk.function_body(function, node)
            (site,) = judge(function, node, walk)
        return site.verdict, asked.answer("told"), server

    return verdict


TILL, BRANCH = "Till:", "Branch("
FIRST, SECOND = "first(self):", "second(self):"


def test_nothing_said_leaves_all_as_it_was(verdict_with):
    verdict, inferred, _ = verdict_with()
    assert verdict == "likely"
    assert inferred == Inferred("told", asked=2, answered=0)


def test_a_method_is_known_by_its_name_or_by_the_class_of_its_object(verdict_with):
    verdict, inferred, server = verdict_with(definition_first=[FIRST], typeDefinition_shop=[BRANCH])
    assert verdict == "independent"
    assert inferred == Inferred("told", asked=2, answered=2)
    assert server.asked == ["definition first", "typeDefinition shop"]


@pytest.mark.parametrize(
    "said",
    [
        {"definition_second": [SECOND]},
        {"typeDefinition_shop": [BRANCH, Location("/x/stdlib/types.pyi", 1, 6)]},
    ],
    ids=["by name", "or None"],
)
def test_what_says_enough_is_taken(verdict_with, monkeypatch, said):
    monkeypatch.setattr(
        "asyncperf.scan.defined_names._named", lambda path: {(1, 6): ("", "NoneType")}
    )
    assert verdict_with(definition_first=[FIRST], **said)[0] == "independent"


@pytest.mark.parametrize(
    "said",
    [
        {"definition_second": ["first): await"]},  # a parameter, on the line of a method
        {"definition_second": [SECOND, "SHOPS ="]},  # a method, or who knows what
        {"definition_second": [Location("/gone.py", 1, 4)]},
        {"typeDefinition_shop": [TILL]},  # whose class has no such method
        {"typeDefinition_shop": [BRANCH, "SHOPS ="]},
        {"typeDefinition_shop": [SECOND]},  # no class
    ],
)
def test_what_says_too_little_is_not_taken(verdict_with, said):
    verdict, inferred, _ = verdict_with(definition_first=[FIRST], **said)
    assert verdict == "likely"
    assert inferred == Inferred("told", asked=2, answered=1)


def test_a_server_that_fails_is_asked_no_more(verdict_with):
    verdict, inferred, server = verdict_with(definition_first=ServerFailed("ended"))
    assert verdict == "likely"
    assert inferred == Inferred("told", asked=2, answered=0, trouble="ended")
    assert server.asked == ["definition first"]


def test_each_answer_is_waited_for_so_long_and_all_of_them_so_long(verdict_with):
    clock = Clock(takes=ANSWER_S)
    _, _, server = verdict_with(clock)
    begins = [ANSWER_S * number for number in range(len(server.until) - 1)]
    waits = [until - begin for until, begin in zip(server.until[1:], begins, strict=True)]
    assert waits == [ANSWER_S, ANSWER_S, DEADLINE_S - 2 * ANSWER_S][: len(waits)]
    assert len(waits) == 3


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/env/lib/python3.12/site-packages/httpx/_client.py", "httpx._client"),
        ("/env/lib/python3.12/site-packages/anyio/abc/__init__.py", "anyio.abc"),
        ("/env/lib/python3.12/site-packages/grpc-stubs/aio.pyi", "grpc.aio"),
        ("/usr/lib/python3/dist-packages/yaml/__init__.py", "yaml"),
        ("/usr/lib/python3.12/asyncio/tasks.py", "asyncio.tasks"),
        ("/cache/ty/vendored/typeshed/1a/stdlib/_csv.pyi", "csv"),
        ("/x/typeshed-fallback/stubs/requests/requests/api.pyi", "requests.api"),
        ("/tmp/pyrefly_bundled_typeshed_5a/asyncio/__init__.pyi", "asyncio"),
        ("/env/lib/python3.12/site-packages/__init__.py", None),
        ("/srv/other/project/main.py", None),
    ],
)
def test_a_library_is_named_by_its_path(path, name):
    assert module_name(path) == name


def test_checkers_are_found_beside_this_python_and_on_the_path(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", str(tmp_path / "beside" / "python"))
    for folder, program in [("beside", "pyrefly"), ("path", "pyright-langserver"), ("path", "ty")]:
        file = tmp_path / folder / program
        file.parent.mkdir(exist_ok=True)
        file.write_text("#!/bin/sh\n")
        file.chmod(0o755)
    env = {"PATH": str(tmp_path / "path")}
    found = {name: find(name, env) for name in ("auto", *(each.name for each in CHECKERS))}
    assert {name: each and Path(each.program).parent.name for name, each in found.items()} == {
        "auto": "path",
        "ty": "path",
        "pyrefly": "beside",
        "basedpyright": None,
        "pyright": "path",
    }
    assert found["auto"] == found["ty"]


def test_packages_are_those_of_the_active_environment_else_of_this_python():
    assert environment({"VIRTUAL_ENV": "/env", "PATH": "/bin"}) == {
        "VIRTUAL_ENV": "/env",
        "PATH": "/bin",
    }
    own = environment({"PATH": "/bin"})
    assert own["VIRTUAL_ENV"] == sys.prefix
    assert own["PATH"].endswith("/bin")


def test_a_real_checker_explains_what_annotations_do_not(tmp_path):
    (tmp_path / "app.py").write_text(APP.replace("shop.second", "shop.first"))

    def pair(scan: Scan) -> str:
        (site,) = (each for each in scan.sites if each.function == "f")
        return site.verdict

    assert pair(scan_paths([tmp_path])) == "likely"
    checked = scan_paths([tmp_path], checker=find("ty"))
    assert checked.inferred == Inferred("ty", asked=2, answered=2)
    assert pair(checked) == "independent"
