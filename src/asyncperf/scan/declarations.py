"""What definitions say without being walked: parameters, decorators, bases and overrides.

Each answer is computed when first asked for. For `scan` only.
"""

import ast
from typing import NamedTuple

from asyncperf.scan.annotations import last_name
from asyncperf.scan.index import Class, Function
from asyncperf.scan.project import TESTS, Project
from asyncperf.scan.syntax import statements

# What a plain function may say that it gives, for its caller to await.
AWAITABLE = frozenset({"Awaitable", "Coroutine", "Future", "Task"})
PROPERTIES = frozenset({"property", "cached_property", "hybrid_property", "computed_field"})


# How the names of classes begin that only tests make objects of.
STAND_INS = ("Mock", "Fake", "Stub", "Dummy")


class Signature(NamedTuple):
    positional: tuple[str, ...]
    names: frozenset[str]
    rest: str | None
    keywords: str | None


# Where a method assigns an attribute of `self`: the annotation and the value.
Stored = tuple[Function, ast.expr | None, ast.expr | None]


class Declarations:
    def __init__(self, project: Project) -> None:
        self.project = project
        self._signatures: dict[Function, Signature] = {}
        self._methods: dict[tuple[Class, str], list[Function]] = {}
        self._mixed_with: dict[Class, list[Class]] = {}
        self._stored: dict[Class, dict[str, list[Stored]]] = {}
        self._by_name: dict[str, list[Function]] | None = None

    def signature(self, function: Function) -> Signature:
        found = self._signatures.get(function)
        if found is None:
            node = function.node
            if node is None:
                found = Signature((), frozenset(), None, None)
            else:
                arguments = node.args
                positional = tuple(a.arg for a in (*arguments.posonlyargs, *arguments.args))
                found = Signature(
                    positional,
                    frozenset((*positional, *(a.arg for a in arguments.kwonlyargs))),
                    arguments.vararg.arg if arguments.vararg else None,
                    arguments.kwarg.arg if arguments.kwarg else None,
                )
            self._signatures[function] = found
        return found

    def methods(self, of: Class, name: str) -> list[Function]:
        """What `object.name` may call, for an object declared as `of`: subclasses may override."""
        key = (of, name)
        found = self._methods.get(key)
        if found is None:
            found = []
            for base in self.project.ancestry(of):
                if isinstance(base, Class) and name in base.methods:
                    found.append(_getter(base.methods[name]))
                    if not self.is_abstract(found[-1]):
                        break
            if name not in {"__init__", "__new__"}:
                is_test = is_of_tests(of)
                for class_ in self.project.subclasses(of):
                    if name in class_.methods and (is_test or not is_of_tests(class_)):
                        found.append(_getter(class_.methods[name]))
                if not found:
                    found = self.beside(of, name)
            concrete = [method for method in found if not self.is_abstract(method)]
            if found and not concrete and self.is_protocol(of):
                concrete = self.promised(of, name)
            found = self._methods[key] = list(dict.fromkeys(concrete or found))
        return found

    def named(self, name: str) -> list[Function]:
        """The methods of this name that any class of the project has, tests aside."""
        if self._by_name is None:
            self._by_name = {}
            for module in self.project.modules.values():
                if not TESTS.search(module.file):
                    for class_ in module.classes:
                        for method, defined in class_.methods.items():
                            self._by_name.setdefault(method, []).append(_getter(defined))
        return self._by_name.get(name, [])

    def above(self, of: Class, name: str) -> list[Function]:
        """What `super().name` may call, where `of` comes next: an abstract method's body too."""
        own = [
            _getter(base.methods[name])
            for base in self.project.ancestry(of)
            if isinstance(base, Class) and name in base.methods
        ]
        return list(dict.fromkeys([*own[:1], *self.methods(of, name)]))

    def beside(self, mixin: Class, name: str) -> list[Function]:
        """What a mixin calls and does not have comes from the classes it is mixed into."""
        return [
            _getter(base.methods[name]) for base in self.mixed_with(mixin) if name in base.methods
        ]

    def is_protocol(self, of: Class) -> bool:
        """Whether any class may be one that never says so."""
        bases = self.project.bases(of)
        return any(isinstance(b, str) and b.rpartition(".")[2] == "Protocol" for b in bases)

    def promised(self, protocol: Class, name: str) -> list[Function]:
        """One method of the classes that have all methods of a protocol."""
        return [
            method
            for method in self.named(name)
            if method.owner is not None
            and method.owner is not protocol
            and not self.is_abstract(method)
            and protocol.methods.keys() <= self._all_methods(method.owner)
        ]

    def _all_methods(self, of: Class) -> set[str]:
        bases = [base for base in self.project.ancestry(of) if isinstance(base, Class)]
        return {name for base in bases for name in base.methods}

    def mixed_with(self, mixin: Class) -> list[Class]:
        """The other bases of the classes that inherit from a mixin."""
        if mixin not in self._mixed_with:
            below = self.project.subclasses(mixin)
            own = {*self.project.ancestry(mixin), *below}
            self._mixed_with[mixin] = list(
                dict.fromkeys(
                    base
                    for class_ in below
                    for base in self.project.ancestry(class_)
                    if isinstance(base, Class) and base not in own
                )
            )
        return self._mixed_with[mixin]

    def is_abstract(self, method: Function) -> bool:
        """Whether it only promises: `...`, or `NotImplementedError`, or so decorated."""
        if method.owner is None or method.name == "__init__":
            return False
        if any(last_name(decorator) == "abstractmethod" for decorator in method.decorators):
            return True
        node = method.node
        if node is None:
            return False
        body = [
            s
            for s in node.body
            if not (
                isinstance(s, ast.Expr)
                and isinstance(s.value, ast.Constant)
                and isinstance(s.value.value, str)
            )
        ]
        if not body:
            return any(last_name(base) == "Protocol" for base in method.owner.bases)
        first = body[0]
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
            return first.value.value is Ellipsis
        if isinstance(first, ast.Raise) and first.exc is not None:
            raised = first.exc.func if isinstance(first.exc, ast.Call) else first.exc
            return last_name(raised) == "NotImplementedError"
        return False

    def is_plain(self, target: object) -> bool:
        """Whether it is a `def` that gives nothing to await: neither decorated nor annotated so."""
        if not isinstance(target, Function) or target.is_async or target.decorators:
            return False
        node = target.node
        return node is not None and _outermost(node.returns) not in AWAITABLE

    def is_property(self, method: Function) -> bool:
        return any(last_name(decorator) in PROPERTIES for decorator in method.decorators)

    def is_static(self, method: Function) -> bool:
        return any(last_name(decorator) == "staticmethod" for decorator in method.decorators)

    def is_class_method(self, method: Function) -> bool:
        return method.name == "__new__" or any(
            last_name(decorator) in {"classmethod", "validator", "root_validator"}
            for decorator in method.decorators
        )

    def fields(self, of: Class) -> list[str]:
        """Annotated class attributes in order, those of bases first."""
        found: list[str] = []
        for base in reversed(self.project.ancestry(of)):
            if isinstance(base, Class):
                found += [n for n, v in base.attributes.items() if v.annotation is not None]
        return list(dict.fromkeys(found))

    def stored(self, of: Class) -> dict[str, list[Stored]]:
        """Assignments to attributes of `self` in the class's methods."""
        found = self._stored.get(of)
        if found is None:
            found = self._stored[of] = {}
            for methods in of.methods.values():
                for method in methods:
                    node = method.node
                    first = node.args.args[0].arg if node is not None and node.args.args else None
                    for inner in statements(node) if node is not None and first else ():
                        if isinstance(inner, ast.Assign):
                            pairs = [(target, None, inner.value) for target in inner.targets]
                        elif isinstance(inner, ast.AnnAssign):
                            pairs = [(inner.target, inner.annotation, inner.value)]  # type: ignore[list-item]
                        else:
                            continue
                        for target, annotation, value in pairs:
                            if (
                                isinstance(target, ast.Attribute)
                                and last_name(target.value) == first
                            ):
                                found.setdefault(target.attr, []).append(
                                    (method, annotation, value)
                                )
        return found

    def kept(self, owner: Class | None, attribute: str) -> list[Stored]:
        """What is assigned to one attribute of `self`."""
        return self.stored(owner).get(attribute, []) if owner is not None else []

    def makers(self, owner: Class | None, attribute: str) -> set[str]:
        """The methods that make what an attribute holds, other than a constant."""
        made = self.kept(owner, attribute)
        return {f.name for f, _, value in made if not isinstance(value, ast.Constant)}


def is_of_tests(class_: Class) -> bool:
    """Whether only tests make objects of a class, so that other code never meets them."""
    return class_.name.startswith(STAND_INS) or TESTS.search(class_.module.file) is not None


def _outermost(annotation: ast.expr | None) -> str:
    of = annotation.value if isinstance(annotation, ast.Subscript) else annotation
    return last_name(of) if of is not None else ""


def _getter(methods: list[Function]) -> Function:
    """The last definition that is not the setter or deleter of a property."""
    for method in reversed(methods):
        if not any(last_name(d) in {"setter", "deleter"} for d in method.decorators):
            return method
    return methods[-1]
