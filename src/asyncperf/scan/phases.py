"""When a function runs: while requests are served, only as the app starts and ends, or only in
commands and tests, where nobody else waits for the event loop.

For `scan` only.
"""

import ast
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

from asyncperf.scan.annotations import last_name
from asyncperf.scan.blocking_catalogue import JOBS
from asyncperf.scan.call_graph import AROUND, Graph
from asyncperf.scan.index import Binding, Function, Import, Module, Variable
from asyncperf.scan.project import TESTS, Project
from asyncperf.scan.syntax import names_in
from asyncperf.scan.values import named

STARTING = re.compile(
    r"lifespan|^(on_)?(startup|shutdown)(_event)?$|^(get|create|make|build|init)_app(lication)?$"
)
# A command, which has its loop to itself; and what changes a database before the app starts.
COMMAND_FILES = re.compile(r"(^|/)(_?cli|scripts|migrations|alembic|__main__)(/|\.py$)")
COMMANDS = frozenset({"command", "callback", "group"})
MAINS = frozenset({"main", "_main", "amain", "async_main", "main_async", "_amain"})
# Who makes the app makes it once, whoever asks for it.
APPS = frozenset({"FastAPI", "Starlette", "Application", "Litestar", "Quart", "Sanic"})
FLASK = frozenset({"flask.Flask", "flask.Blueprint"})
CACHES = frozenset({"cache", "lru_cache"})
# What keeps it for one object, or for a time.
KEEPING = CACHES | {"cached_property", "cached", "cachedmethod", "memoize", "ttl_cache"}
# Who begins to serve, or to listen, does before what an app's start does.
SERVING = named(
    "serve serve_forever start_polling run_polling run_until_disconnected run_app TCPSite"
)
# What libraries look up in a module by its name: a bot's extensions, functions as a service.
HOOKS = frozenset({"setup", "teardown", "handler", "app", "application"})


class Phases(NamedTuple):
    """What runs once in a process, and what never runs beside requests.

    `first` are those of `once` that others call and that then do their work the first time only.
    """

    once: frozenset[Function]
    first: frozenset[Function]
    aside: frozenset[Function]


def phases(graph: Graph, served: Collection[Function]) -> Phases:
    """Requests win: what they reach, other than through what works the first time only, is
    neither. What is not called at all is taken for called by a library, for a request; but what
    no `with` of the project enters says nothing of when it would, and in a project with endpoints
    a function that nothing names is called by nobody, and so is aside."""
    known = dict.fromkeys([*graph.tracer.traces, *graph.into])
    scripts = lone_scripts(graph.tracer.project) if served else frozenset()
    aside = {f for f in known if is_aside(f) or graph.has_own_loop(f) or f.module.file in scripts}
    aside |= {f for f in known if is_of_flask(graph.tracer.project, f)}
    aside |= {f for f in known if f.decorators and is_job(graph.tracer.project, f)}
    registered = registered_in(graph.tracer.project)
    starting = {f for f in known if is_starting(f) or f in registered or serves(graph, f)} - aside
    first = {f for f in known if is_made_once(graph, f)} - aside - set(served)
    quiet = aside | starting | first | graph.beside
    loud = {f for f in known if f not in quiet and f.name not in AROUND and graph.is_root(f)}
    if served:
        uncalled = unnamed(graph, loud | {f for f in starting if graph.is_root(f)})
        loud, aside = loud - uncalled, aside | uncalled
    helping = {f for f in aside if served and is_of_a_helper(graph, f)}
    beside = reach(graph, helping) - reach(graph, loud | starting | set(served) | aside - helping)
    spawned = {f for f, by in graph.spawned.items() if not beside.issuperset(by)}
    loud |= {f for f in spawned if not COMMAND_FILES.search(f.module.file)} - first
    loud = reach(graph, loud | set(served), but=first)
    once = reach(graph, starting | first) - loud
    return Phases(frozenset(once), frozenset(first), frozenset(reach(graph, aside) - loud - once))


def lone_scripts(project: Project) -> frozenset[str]:
    """The files that start a loop of their own when they are run, and that no other imports."""
    scripts = {module.file for module in project.modules.values() if module.is_script}
    for module in project.modules.values() if scripts else ():
        for scope in (module.names, *(function.inner for function in module.functions)):
            for bound in scope.values():
                if isinstance(bound, Import):
                    scripts -= {each.file for each in imported_by(project, module, bound)}
    return frozenset(scripts)


def imported_by(project: Project, module: Module, bound: Import) -> Iterator[Module]:
    """The files that an import may mean: the module, or what is imported from a package."""
    names = [bound.module]
    if bound.attribute is not None:
        names.append(f"{bound.module}.{bound.attribute}" if bound.module else bound.attribute)
    for name in names:
        found = project.module(name, bound.level, module)
        if isinstance(found, Module):
            yield found


def unnamed(graph: Graph, functions: Collection[Function]) -> set[Function]:
    """Those at the top of a module, undecorated, that nothing in the project is seen to name: no
    code but their own, no import that is for use, no text."""
    project = graph.tracer.project
    alone = {
        f
        for f in functions
        if f.owner is None and f.outer is None and not f.decorators and f not in graph.handed
    }
    alone = {f for f in alone if f.name not in HOOKS and not is_pointed_at(project, f)}
    used = imported_for_use(project, {f.name for f in alone})
    alone = {f for f in alone if f.name not in used}
    at_home = {module: named_by(module) for module in {f.module for f in alone}}
    return {
        f
        for f in alone
        if f.name not in f.module.mentions and at_home[f.module].get(f.name, set()) <= {f}
    }


def is_pointed_at(project: Project, function: Function) -> bool:
    """Whether a text names it, or something of the name of its module is asked for it, which may
    be that module where an import could not be followed."""
    folder, _, file = function.module.file.rpartition("/")
    stem = folder.rpartition("/")[2] if function.module.is_package else file.removesuffix(".py")
    return not project.pointed_at.isdisjoint({function.name, f"{stem}.{function.name}"})


def imported_for_use(project: Project, names: Collection[str]) -> set[str]:
    """Those of these names that are imported, other than by tests or to be passed on, as a package
    inside another one does; what the outermost package passes on may be meant for anyone."""
    found: set[str] = set()
    modules = [m for m in project.modules.values() if not TESTS.search(m.file)]
    for module in modules if names else ():
        found |= {m for f in module.functions for _, m in imports_of(f.inner) if m in names}
        passed = [(name, meant) for name, meant in imports_of(module.names) if meant in names]
        named = module.mentions | named_by(module).keys() if passed else set()
        is_for_all = project.is_outermost(module)
        found |= {m for name, m in passed if is_for_all or name != m or name in named}
    return found


def imports_of(scope: Mapping[str, Binding]) -> Iterator[tuple[str, str]]:
    """The names that a scope imports from modules, each with its own name there."""
    for name, bound in scope.items():
        if isinstance(bound, Import) and bound.attribute is not None:
            yield name, bound.attribute


def named_by(module: Module) -> dict[str, set[Function]]:
    """Each name that stands in a file's functions, and those at its top in which it does."""
    found: defaultdict[str, set[Function]] = defaultdict(set)
    for function in module.functions:
        if function.outer is None:
            for name in names_in(function.node):
                found[name].add(function)
    return found


def is_aside(function: Function) -> bool:
    if TESTS.search(function.module.file) or COMMAND_FILES.search(function.module.file):
        return True
    if function.name in MAINS and function.owner is None:
        return True
    return any(last_name(decorator) in COMMANDS for decorator in function.decorators)


def is_of_a_helper(graph: Graph, function: Function) -> bool:
    """Whether it has a loop of its own that no program's main function starts: that one's tasks
    would be the program."""
    return graph.has_own_loop(function) and not any(
        map(is_aside, (function, *graph.launched[function]))
    )


def is_of_flask(project: Project, function: Function) -> bool:
    """Whether Flask calls it, which gives each request of an async view a loop of its own."""
    for decorator in function.decorators:
        if isinstance(decorator, ast.Call) and isinstance(decorator.func, ast.Attribute):
            app = project.expression(decorator.func.value, function.module)
            made = app.values[-1] if isinstance(app, Variable) and app.values else None
            if isinstance(made, ast.Call) and isinstance(app, Variable):
                return str(project.expression(made.func, app.home)) in FLASK
    return False


def is_job(project: Project, function: Function) -> bool:
    """Whether a worker runs it that has nothing else to do."""
    meant = (d.func if isinstance(d, ast.Call) else d for d in function.decorators)
    return any(JOBS.search(str(project.expression(each, function.module))) for each in meant)


def is_starting(function: Function) -> bool:
    if STARTING.search(function.name):
        return True
    names = [last_name(decorator) for decorator in function.decorators]
    return any(name == "on_event" or STARTING.search(name) for name in names)


def serves(graph: Graph, function: Function) -> bool:
    """Whether a coroutine waits for a library to serve, or listen, until it is told to stop."""
    trace = graph.trace(function)
    return function.is_async and not (
        SERVING.isdisjoint(trace.named) and SERVING.isdisjoint(trace.makes)
    )


def registered_in(project: Project) -> set[Function]:
    """What is given to who calls it as the app starts or ends: functions of the same file, also
    methods, and imported ones."""
    found: set[Function] = set()
    for module in project.modules.values():
        if module.registered:
            meant = [project.name(module, name) for name in module.registered]
            found |= {each for each in meant if isinstance(each, Function)}
            found |= {f for f in module.functions if f.name in module.registered}
    return found


def is_made_once(graph: Graph, function: Function) -> bool:
    trace = graph.trace(function)
    if trace.is_bare and has_cache(function):
        return True
    return trace.keeps_result or trace.works_once or not APPS.isdisjoint(trace.makes)


def has_cache(function: Function, caches: Collection[str] = CACHES) -> bool:
    return any(last_name(each) in caches for each in function.decorators)


def reach(
    graph: Graph, begins: Iterable[Function], but: Collection[Function] = ()
) -> set[Function]:
    """`begins` and all that they call, however deep, other than through `but`."""
    found = set(begins)
    waiting = list(found)
    while waiting:
        for callee in graph.callees(waiting.pop()):
            if callee not in found and callee not in but:
                found.add(callee)
                waiting.append(callee)
    return found
