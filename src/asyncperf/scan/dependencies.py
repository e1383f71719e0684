"""The dependencies of an endpoint, which FastAPI resolves one after another. For `scan` only."""

import ast
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations

from asyncperf.scan import conflicts
from asyncperf.scan.analyst import Analyst
from asyncperf.scan.annotations import dependency_of, last_name, meaning_of
from asyncperf.scan.catalogue_types import COLLECTING, REFUSING
from asyncperf.scan.conflicts import Doings, Finding
from asyncperf.scan.index import AnyFunction, Class, Function, Variable
from asyncperf.scan.project import External
from asyncperf.scan.values import Effect, Place, Value
from asyncperf.scan.verbs import guards
from asyncperf.scan.walk import Walk
from asyncperf.sites import Remedy, Site

ROUTES = frozenset("get post put delete patch head options trace websocket api_route route".split())  # noqa: SIM905


Resolve = Callable[[ast.expr], object]  # what a name means where it stands

THREAD = "a thread"  # what a `def` dependency waits for, whatever it does


@dataclass(frozen=True, slots=True)
class Dependency:
    """One dependency of an endpoint; `is_named` tells whether its result is used, `is_made`
    whether a call has made it where it stands, so that another like it is resolved too, and `given`
    which functions that call was given, on which it may depend. `scheme` is the class of FastAPI
    that it is, as `HTTPBearer`, if any: these look at the request and wait for nothing. One that
    is not `is_cached` (`use_cache=False`) runs again, whoever has asked for it before."""

    function: Function | None
    name: str
    file: str
    line: int
    is_named: bool
    is_made: bool = False
    given: frozenset[Function] = frozenset()
    scheme: str = ""
    is_cached: bool = True


def is_endpoint(function: Function) -> bool:
    """Whether a decorator makes it answer requests."""
    return any(
        isinstance(decorator, ast.Call)
        and isinstance(decorator.func, ast.Attribute)
        and decorator.func.attr in ROUTES
        for decorator in function.decorators
    )


def judge_dependencies(function: Function, analyst: Analyst) -> Iterator[Site]:
    """One site for an endpoint with two or more dependencies."""
    node = function.node
    if node is None:
        return
    found = list(dependencies(function, node, analyst))
    if len(found) < 2:
        return
    finding, remedy = _judge(found, analyst)
    yield Site(
        function.module.file,
        node.lineno,
        node.col_offset,
        tuple(dependency.line for dependency in found),
        function.qualname,
        "dependencies",
        finding.verdict,
        finding.reason,
        remedy,
        finding.file,
        finding.line,
    )


def dependencies(function: Function, node: AnyFunction, analyst: Analyst) -> Iterator[Dependency]:
    """In the order in which FastAPI resolves them: those of the decorator first."""
    walk, file = analyst.walker(function), function.module.file
    for decorator in function.decorators:
        for keyword in decorator.keywords if isinstance(decorator, ast.Call) else ():
            if keyword.arg == "dependencies" and isinstance(keyword.value, ast.List):
                for element in keyword.value.elts:
                    call = dependency_of(element, None)
                    if call is not None:
                        yield _dependency(
                            call, None, walk.resolve, analyst, file, element.lineno, False
                        )
    for argument, default in with_defaults(node):
        call, annotation, resolve = depends_on(argument, default, walk)
        if call is not None:
            yield _dependency(call, annotation, resolve, analyst, file, argument.lineno, True)


def _dependency(
    call: ast.Call,
    annotation: ast.expr | None,
    resolve: Resolve,
    analyst: Analyst,
    file: str,
    line: int,
    is_named: bool,
) -> Dependency:
    return Dependency(
        _target(call, annotation, resolve, analyst),
        _name(call, annotation),
        file,
        line,
        is_named,
        _is_made(call),
        _given(call, resolve),
        _scheme(call, annotation, resolve, analyst),
        _is_cached(call),
    )


def _is_cached(call: ast.Call) -> bool:
    return not any(
        keyword.arg == "use_cache"
        and isinstance(keyword.value, ast.Constant)
        and keyword.value.value is False
        for keyword in call.keywords
    )


def _is_made(call: ast.Call) -> bool:
    return bool(call.args) and isinstance(call.args[0], ast.Call)


def _given(call: ast.Call, resolve: Resolve) -> frozenset[Function]:
    """The functions among the arguments of a call that makes a dependency."""
    maker = call.args[0] if call.args else None
    if not isinstance(maker, ast.Call):
        return frozenset()
    given = [*maker.args, *(keyword.value for keyword in maker.keywords)]
    found = (resolve(each) for each in given if isinstance(each, ast.Name | ast.Attribute))
    return frozenset(each for each in found if isinstance(each, Function))


def depends_on(
    argument: ast.arg, default: ast.expr | None, walk: Walk
) -> tuple[ast.Call | None, ast.expr | None, Resolve]:
    """What a parameter depends on, its annotation, and what their names mean; they may stand in
    another module: `CurrentUser = Annotated[User, Depends(...)]`."""
    annotation = argument.annotation
    meant = walk.resolve(annotation) if isinstance(annotation, ast.Name | ast.Attribute) else None
    call = dependency_of(default, annotation)
    if call is None and isinstance(meant, Variable):
        alias = meaning_of(meant)
        return dependency_of(None, alias), alias, partial(walk.resolve, home=meant.home)
    return call, annotation, walk.resolve


def with_defaults(node: AnyFunction) -> Iterator[tuple[ast.arg, ast.expr | None]]:
    arguments = node.args
    plain = [*arguments.posonlyargs, *arguments.args]
    missing: list[ast.expr | None] = [None] * (len(plain) - len(arguments.defaults))
    yield from zip(plain, missing + list(arguments.defaults), strict=True)
    yield from zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)


def _asked_by(call: ast.Call, annotation: ast.expr | None) -> ast.expr | None:
    """What stands in `Depends(...)`; `Depends()` stands for the annotation."""
    if call.args:
        return call.args[0]
    match annotation:
        case ast.Subscript(slice=ast.Tuple(elts=[first, *_])):
            return first if last_name(annotation.value) == "Annotated" else annotation
    return annotation


def _target(
    call: ast.Call | None,
    annotation: ast.expr | None,
    resolve: Resolve,
    analyst: Analyst,
) -> Function | None:
    if call is None:
        return None
    wanted = _asked_by(call, annotation)
    is_object = isinstance(wanted, ast.Call)  # `Depends(Authenticated())`
    if isinstance(wanted, ast.Call):
        wanted = wanted.func
    if not isinstance(wanted, ast.Name | ast.Attribute):
        return None
    found = resolve(wanted)
    if found is None and isinstance(wanted, ast.Attribute):  # `Depends(auth.current_user)`
        return _method_of(resolve(wanted.value), wanted.attr, analyst)
    if isinstance(found, Class):
        method = "__call__" if is_object else "__init__"
        return next(iter(analyst.declarations.methods(found, method)), None)
    if isinstance(found, Variable):  # `current_user = require_role("user")`
        return _called(_held(found, analyst), analyst)
    if not isinstance(found, Function):
        return None
    # `Depends(require_role("admin"))` asks for what the call returns.
    return _called(analyst.summary(found).returns, analyst) if is_object else found


def _held(variable: Variable, analyst: Analyst) -> Value:
    """What a variable of a module holds."""
    names = variable.home.names.items()
    own = next((name for name, bound in names if bound is variable), "")
    return analyst.variable(variable.home, own)


def _method_of(found: object, name: str, analyst: Analyst) -> Function | None:
    if not isinstance(found, Variable):
        return None
    for type_ in _held(found, analyst).types:
        if isinstance(type_.of, Class):
            return next(iter(analyst.declarations.methods(type_.of, name)), None)
    return None


def _scheme(call: ast.Call, annotation: ast.expr | None, resolve: Resolve, analyst: Analyst) -> str:
    """The class of FastAPI's that a dependency is, or is an object of."""
    asked = _asked_by(call, annotation)
    if isinstance(asked, ast.Call):
        asked = asked.func
    found = resolve(asked) if isinstance(asked, ast.Name | ast.Attribute) else None
    classes = [str(found)] if isinstance(found, External) else []
    if isinstance(found, Variable):
        classes = [str(type_.of) for type_ in _held(found, analyst).types]
    for dotted in classes:
        last = dotted.rpartition(".")[2]
        if dotted.startswith("fastapi.") and last in REFUSING | COLLECTING:
            return last
    return ""


def _called(made: Value, analyst: Analyst) -> Function | None:
    """What calling this object runs."""
    for callee in made.callees:
        if isinstance(callee.target, Function):
            return callee.target
    for type_ in made.types:
        if isinstance(type_.of, Class):
            return next(iter(analyst.declarations.methods(type_.of, "__call__")), None)
    return None


def _judge(found: list[Dependency], analyst: Analyst) -> tuple[Finding, Remedy]:
    pairs = [judge_pair(a, b, analyst) for a, b in combinations(found, 2)]
    finding = min(pairs, key=lambda finding: conflicts.GRAVITY[finding.verdict])
    if finding.verdict in {"dependent", "unsafe"}:
        return finding, "none"
    if sum(_waits(_doings(each, analyst)) for each in found) < 2:
        reason = f"{finding.reason}; fewer than two of them wait for anything"
        return replace(finding, reason=reason), "none"
    return finding, "overlap"


def _waits(done: Doings) -> bool:
    """Whether it may take longer than its turn in the thread pool."""
    return bool(done.external or done.own or done.locks or done.sleeps or done.unknown) or any(
        effect.kind == "suspend" and effect.what != THREAD for effect in done.effects
    )


def judge_pair(a: Dependency, b: Dependency, analyst: Analyst) -> Finding:
    """Two dependencies, in the order in which FastAPI resolves them."""
    once = b.is_cached and not (a.is_made or b.is_made)
    if a.function is b.function and a.function is not None and once:
        return Finding("independent", "one dependency, which is resolved once")
    below = [list(asked_for(each, analyst)) for each in (a, b)]
    needs = [{each.function for each in asked} for asked in below]
    anew = [{each.function for each in asked if not each.is_cached} for asked in below]
    for one, other, asked in ((b, a, needs[1] - anew[1]), (a, b, needs[0] - anew[0])):
        if other.function is not None and other.function in asked:
            return Finding("dependent", f"`{one.name}` needs `{other.name}`", one.file, one.line)
    for one, other, asked in ((b, a, needs[1]), (a, b, needs[0])):
        unknown = (one.function is None and not one.scheme) or None in asked
        if unknown and _gives_session(other, analyst):
            reason = f"`{one.name}` is not known to its bottom, and may need `{other.name}`"
            return Finding("dependent", reason, one.file, one.line)
    both = (needs[0] & needs[1]) - {None} - anew[1]  # resolved once, before either
    first = _doings(a, analyst, needs[0] - both)
    second = _doings(b, analyst, needs[1] - both)
    decided = (
        conflicts.shared_object(first, second)
        or conflicts.context(first)
        or conflicts.context(second)
    )
    if decided:
        return decided
    decided, open_ = conflicts.guard(first, second, not a.is_named, a.name, guards(a.name))
    if decided:
        return decided
    for check in (conflicts.changed_memory, conflicts.changed_world):
        decided, more = check(first, second)
        if decided:
            return decided
        open_ += more
    open_ += conflicts.unresolved(first, second)
    reason = "no dependency needs another one or changes what it reads"
    if open_:
        return Finding("likely", f"{reason}, but {open_[0].reason}", open_[0].file, open_[0].line)
    return Finding("independent", reason)


def _gives_session(dependency: Dependency, analyst: Analyst) -> bool:
    """Whether what it gives serves one caller at a time."""
    function = dependency.function
    if function is None:
        return False
    summary = analyst.summary(function)
    given = summary.returns if summary.yields is None else summary.yields
    return analyst.walker(function).exclusive_name(given) is not None


def asked_for(dependency: Dependency, analyst: Analyst) -> Iterator[Dependency]:
    """All that it depends on itself, however deep; without a function what is not known."""
    for given in dependency.given:
        yield Dependency(given, given.name, given.module.file, given.line, is_named=True)
    seen: set[Function | None] = {dependency.function, *dependency.given}
    waiting = [*seen]
    while waiting:
        function = waiting.pop()
        node = None if function is None else function.node
        if function is None or node is None:
            continue
        for each in dependencies(function, node, analyst):
            if each.scheme:
                continue
            yield each
            if each.function not in seen:
                seen.add(each.function)
                waiting.append(each.function)


def _name(call: ast.Call, annotation: ast.expr | None) -> str:
    wanted = _asked_by(call, annotation)
    return last_name(wanted) if wanted is not None else "a dependency"


def _doings(
    dependency: Dependency, analyst: Analyst, below: Collection[Function | None] = ()
) -> Doings:
    """What resolving a dependency does, and what it depends on itself, unless that is left out."""
    name, function = dependency.name, dependency.function
    if dependency.scheme:
        refusal = Effect("raise", (), "0", "HTTPException", dependency.file, dependency.line)
        return Doings([refusal] if dependency.scheme in REFUSING else [])
    if function is None:
        return Doings([Effect("unknown", (), "call", name, dependency.file, dependency.line)])
    effects = _effects(function, analyst)
    for asked in sorted(below, key=_place):
        if asked is None:
            what = f"what `{name}` depends on"
            unknown = Effect("unknown", (), "call", what, dependency.file, dependency.line)
            effects.append(unknown)
        else:
            effects += _effects(asked, analyst)
    return Doings(effects)


def _place(function: Function | None) -> tuple[str, int]:
    return (function.module.file, function.line) if function is not None else ("", 0)


def _effects(function: Function, analyst: Analyst) -> list[Effect]:
    """What a dependency does itself; what it is given is made once a request."""
    node = function.node
    shared: dict[str, Place] = {}
    if node is not None:
        walk = analyst.walker(function)
        for argument, default in with_defaults(node):
            target = _target(*depends_on(argument, default, walk), analyst)
            name = target.qualname if target is not None else last_name_of(argument)
            shared[argument.arg] = ("call", name)
    effects: list[Effect] = []
    for effect in analyst.summary(function).effects:
        if effect.place[:1] == ("param",):
            root = shared.get(effect.place[1])
            if root is None:
                continue
            effect = effect._replace(place=root + effect.place[2:])
        effects.append(effect)
    if not function.is_async:  # it takes its turn in the thread pool
        waits = Effect("suspend", (), "", THREAD, function.module.file, function.line)
        effects.append(waits)
    return effects


def last_name_of(argument: ast.arg) -> str:
    """The class of a plain parameter, such as the request, or its name."""
    return (last_name(argument.annotation) if argument.annotation else "") or argument.arg
