"""The definitions of one file: functions, classes, imports and module variables, in one walk.

Syntax trees are large, so a module keeps none: what it needs of a function's body is parsed again
when the trees kept (see `Trees`) do not hold it any more. For `scan` only.
"""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from asyncperf.scan.last_used import LastUsed
from asyncperf.scan.syntax import children

AnyFunction = ast.FunctionDef | ast.AsyncFunctionDef
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
ALIAS: Any = getattr(ast, "TypeAlias", ())  # `type Name = ...`, which Python 3.11 does not know

# Statements without others inside them, as most are.
PLAIN = frozenset(
    {ast.Expr, ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Return, ast.Raise, ast.Pass}
    | {ast.Import, ast.ImportFrom, ast.Assert, ast.Delete, ast.Break, ast.Continue}
)
# Syntax trees take about 1.5 kB a line: a hundred thousand lines are 150 MB.
MAX_LINES_OF_TREES = 100_000
# The rest of what is known of a line takes 0.2 kB by the end: in a project of a million lines as
# much as all trees, of which half have to make room then.
LINES_FOR_A_LINE_OF_TREES = 20


# A whole file, or one of its functions with all inside it, by the function's ordinal.
Part = tuple[str, int | None]


class Trees:
    """The definitions of the files used last, and of functions of others. What was given up is
    parsed again: by `parse` a whole file, by `excerpt` some lines of it, from the first to the
    last; None where those cannot be parsed by themselves."""

    def __init__(
        self,
        parse: Callable[[str], ast.Module | None],
        excerpt: Callable[[str, int, int], ast.Module | None],
    ) -> None:
        self._parse = parse
        self._excerpt = excerpt
        self._kept: LastUsed[Part, list[Definition]] = LastUsed(MAX_LINES_OF_TREES)

    def keep(self, file: str, tree: ast.Module, lines: int) -> list[Definition]:
        return self._keep((file, None), tree, lines)

    def make_room(self, lines: int) -> None:
        """For the call graph of a project of so many lines, for which few trees are looked at."""
        self._kept.make_room(max(0, MAX_LINES_OF_TREES - lines // LINES_FOR_A_LINE_OF_TREES))

    def definitions(self, file: str, lines: int) -> list[Definition]:
        """All of a file."""
        kept = self._kept.get((file, None))
        if kept is not None:
            return kept
        tree = self._parse(file)
        return self.keep(file, tree, lines) if tree else []

    def definition(self, function: "Function") -> Definition | None:
        """That of one function: to parse it costs what is in it, not what is around it."""
        module, number = function.module, function.ordinal
        found = self._kept.get((module.file, None))
        if found is None:
            outermost = function
            while outermost.outer is not None:  # so that all that it holds is one tree
                outermost = outermost.outer
            found, number = self._alone(outermost), number - outermost.ordinal
        if found is None:
            found, number = self.definitions(module.file, module.lines), function.ordinal
        return found[number] if number < len(found) else None

    def _alone(self, function: "Function") -> list[Definition] | None:
        """A function and all that it holds; None where it cannot be parsed by itself."""
        part = (function.module.file, function.ordinal)
        kept = self._kept.get(part)
        if kept is not None:
            return kept
        first, last = function.lines
        tree = self._excerpt(function.module.file, first, last)
        return self._keep(part, tree, last - first + 1) if tree else None

    def _keep(self, part: Part, tree: ast.Module, lines: int) -> list[Definition]:
        found = list(definitions(tree.body))
        self._kept.keep(part, found, lines)
        return found


@dataclass(slots=True, eq=False)
class Import:
    """A name bound by an import: a module, or `attribute` of one."""

    module: str
    level: int = 0
    attribute: str | None = None


@dataclass(slots=True, eq=False)
class Variable:
    """A name bound by assignments at module or class level, which mean what they do there."""

    home: "Module"
    values: list[ast.expr] = field(default_factory=list)
    annotation: ast.expr | None = None


@dataclass(slots=True, eq=False)
class Module:
    file: str
    lines: int
    trees: Trees
    is_package: bool
    names: dict[str, "Binding"] = field(default_factory=dict)
    stars: list[Import] = field(default_factory=list)
    functions: list["Function"] = field(default_factory=list)
    classes: list["Class"] = field(default_factory=list)
    is_script: bool = False  # it starts an event loop when it is run
    asks_for_loop: bool = False  # whether one runs
    registered: frozenset[str] = frozenset()  # what it has called as the app starts or ends
    mentions: set[str] = field(default_factory=set)  # names in it outside of functions


@dataclass(slots=True, eq=False)
class Class:
    module: Module
    name: str
    qualname: str
    ordinal: int
    outer: "Function | None"
    bases: list[ast.expr] = field(default_factory=list)
    methods: dict[str, list["Function"]] = field(default_factory=dict)
    attributes: dict[str, Variable] = field(default_factory=dict)
    nested: dict[str, "Class"] = field(default_factory=dict)

    def __repr__(self) -> str:
        return self.name


@dataclass(slots=True, eq=False)
class Function:
    module: Module
    name: str
    qualname: str
    ordinal: int
    line: int
    is_async: bool
    owner: Class | None
    outer: "Function | None"
    decorators: list[ast.expr]
    lines: tuple[int, int]  # from its first decorator to its end
    inner: dict[str, "Binding"] = field(default_factory=dict)

    @property
    def node(self) -> AnyFunction | None:
        """Its syntax; None where the file has changed or gone since."""
        node = self.module.trees.definition(self)
        return node if isinstance(node, AnyFunction) and node.name == self.name else None

    def __repr__(self) -> str:
        return self.qualname


Binding = Function | Class | Import | Variable


def definitions(body: list[ast.stmt]) -> Iterator[Definition]:
    """Every function and class at any depth, outer before inner, in source order."""
    for statement in body:
        kind = type(statement)
        if kind in PLAIN:
            continue
        if isinstance(statement, Definition):
            yield statement
            yield from definitions(statement.body)
        else:
            for block in blocks(statement):
                yield from definitions(block)


def blocks(statement: ast.stmt) -> Iterator[list[ast.stmt]]:
    """The statement lists inside one statement."""
    if type(statement) in PLAIN:
        return
    for name in ("body", "orelse", "finalbody"):
        block = getattr(statement, name, None)
        if block:
            yield block
    for handler in getattr(statement, "handlers", ()):
        yield handler.body
    for case in getattr(statement, "cases", ()):
        yield case.body


def index_module(
    file: str, tree: ast.Module, lines: int, trees: Trees
) -> tuple[Module, list[tuple[Function, AnyFunction]]]:
    """The module's definitions, and its functions each with its syntax."""
    module = Module(file, lines, trees, file.endswith("__init__.py"))
    ordinals = {id(node): number for number, node in enumerate(trees.keep(file, tree, lines))}
    bodies: list[tuple[Function, AnyFunction]] = []
    _Indexer(module, ordinals, bodies).block(tree.body, module.names, "", None, None)
    return module, bodies


class _Indexer:
    def __init__(
        self,
        module: Module,
        ordinals: dict[int, int],
        bodies: list[tuple[Function, AnyFunction]],
    ) -> None:
        self.module, self.ordinals, self.bodies = module, ordinals, bodies

    def block(
        self,
        body: list[ast.stmt],
        names: dict[str, Binding],
        prefix: str,
        owner: Class | None,
        outer: Function | None,
    ) -> None:
        for statement in body:
            if outer is None:
                self.mention(statement)
            if isinstance(statement, AnyFunction):
                self.function(statement, names, prefix, owner, outer)
            elif isinstance(statement, ast.ClassDef):
                self.class_(statement, names, prefix, owner, outer)
            elif isinstance(statement, ast.Import | ast.ImportFrom):
                self.imports(statement, names)
            elif isinstance(statement, ALIAS) and outer is None:
                alias = Variable(self.module, [statement.value])
                (names if owner is None else owner.attributes)[statement.name.id] = alias
            elif isinstance(statement, ast.Assign | ast.AnnAssign) and outer is None:
                self.variable(statement, names if owner is None else owner.attributes)
            else:
                for inner in blocks(statement):
                    self.block(inner, names, prefix, owner, outer)

    def mention(self, statement: ast.stmt) -> None:
        """Remembers what a statement outside of functions names, but for what it defines."""
        if isinstance(statement, AnyFunction | ast.Import | ast.ImportFrom):
            return
        for part in children(statement):
            if isinstance(part, ast.expr | ast.keyword | ast.withitem) and not is_bound(part):
                self.module.mentions |= spelled_in(part)

    def function(
        self,
        node: AnyFunction,
        names: dict[str, Binding],
        prefix: str,
        owner: Class | None,
        outer: Function | None,
    ) -> None:
        made = Function(
            self.module,
            node.name,
            prefix + node.name,
            self.ordinals[id(node)],
            node.lineno,
            isinstance(node, ast.AsyncFunctionDef),
            owner,
            outer,
            node.decorator_list,
            (
                min(part.lineno for part in (node, *node.decorator_list)),
                node.end_lineno or node.lineno,
            ),
        )
        self.module.functions.append(made)
        self.bodies.append((made, node))
        if owner is not None:
            owner.methods.setdefault(node.name, []).append(made)
        else:
            names[node.name] = made
        self.block(node.body, made.inner, made.qualname + ".", None, made)

    def class_(
        self,
        node: ast.ClassDef,
        names: dict[str, Binding],
        prefix: str,
        owner: Class | None,
        outer: Function | None,
    ) -> None:
        made = Class(
            self.module, node.name, prefix + node.name, self.ordinals[id(node)], outer, node.bases
        )
        self.module.classes.append(made)
        if owner is not None:
            owner.nested[node.name] = made
        else:
            names[node.name] = made
        self.block(node.body, {}, made.qualname + ".", made, outer)

    def imports(self, node: ast.Import | ast.ImportFrom, names: dict[str, Binding]) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.asname:
                    names[alias.asname] = Import(alias.name)
                else:
                    first = alias.name.split(".")[0]
                    names[first] = Import(first)
            return
        for alias in node.names:
            found = Import(node.module or "", node.level, alias.name)
            if alias.name == "*":
                self.module.stars.append(found)
            else:
                names[alias.asname or alias.name] = found

    def variable(
        self, node: ast.Assign | ast.AnnAssign, names: dict[str, Binding] | dict[str, Variable]
    ) -> None:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        pairs = [(target, node.value) for target in targets]
        for target, value in pairs:
            if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
                pairs += zip(target.elts, value.elts, strict=False)
            if not isinstance(target, ast.Name):
                continue
            bound = names.get(target.id)
            if not isinstance(bound, Variable):
                bound = Variable(self.module)
                if isinstance(names.get(target.id), Function | Class | Import):
                    continue  # `f = decorate(f)` leaves the definition the better answer
                names[target.id] = bound
            if value is not None:
                bound.values.append(_small(value))
            if isinstance(node, ast.AnnAssign):
                bound.annotation = node.annotation


def is_bound(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)


def spelled_in(node: ast.AST) -> set[str]:
    """The names and the attributes that stand in it."""
    found: set[str] = set()
    waiting = [node]
    while waiting:
        each = waiting.pop()
        if isinstance(each, ast.Name):
            found.add(each.id)
        elif not isinstance(each, ast.Constant):
            if isinstance(each, ast.Attribute):
                found.add(each.attr)
            waiting += children(each)
    return found


def _small(value: ast.expr) -> ast.expr:
    """A large literal says no more than an empty one of its kind."""
    if isinstance(value, ast.Dict):
        return ast.copy_location(ast.Dict(keys=[], values=[]), value)
    if isinstance(value, ast.List | ast.Set | ast.Tuple) and len(value.elts) > 8:
        return ast.copy_location(ast.List(elts=[], ctx=ast.Load()), value)
    return value
