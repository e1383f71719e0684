"""The whole project's index: which file an import means, which definition a dotted name.

For `scan` only.
"""

import ast
import re
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from posixpath import dirname, join
from types import MappingProxyType

from asyncperf.scan.index import Binding, Class, Function, Import, Module

# An installed package wins over a file of the same name that lies beside the importing one.
INSTALLED = sys.stdlib_module_names | {
    "aiofiles",
    "aiohttp",
    "aioboto3",
    "aiobotocore",
    "aiokafka",
    "aiosqlite",
    "anyio",
    "asyncpg",
    "beanie",
    "boto3",
    "botocore",
    "celery",
    "databases",
    "fastapi",
    "httpx",
    "jwt",
    "motor",
    "numpy",
    "openai",
    "pandas",
    "prometheus_client",
    "psycopg",
    "psycopg2",
    "pydantic",
    "pymongo",
    "redis",
    "requests",
    "sqlalchemy",
    "sqlmodel",
    "starlette",
    "tortoise",
    "websockets",
}

# Files that only tests come to.
TESTS = re.compile(
    r"(^|/)(([^/]*_)?tests?/|test_[^/]*/|testing/|test_[^/]*\.py$|conftest\.py$|[^/]*_test\.py$)"
)

MAX_HOPS = 12  # of re-exports; a longer chain is a cycle


class External(str):
    """The dotted name of something outside the project."""

    __slots__ = ()


Entity = Function | Class | Module | External
Found = Binding | Module | External


class Project:
    """Looks names up across files."""

    def __init__(
        self,
        modules: Iterable[Module],
        above: tuple[str, ...] = (),
        links: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """`above` names the folders that lead to the root: a package's own name may be one.
        `links` name for a file that is a link the one which was read in its place."""
        self._above = above
        self.modules = {module.file: module for module in modules}
        linked = {link: self.modules[file] for link, file in links.items() if file in self.modules}
        self._files = {**self.modules, **linked}
        self._packages = {dirname(file) for file in self._files if file.endswith("__init__.py")}
        folders = {dirname(file) for file in self._files}
        self._folders = folders | {parent for folder in folders for parent in _parents(folder)}
        self._roots = sorted(
            {dirname(folder) for folder in self._packages if dirname(folder) not in self._packages}
            | {""}
        )
        # Names that stand after a dot without being called there, or in quotes; and those that are
        # called there, with the name before the dot.
        self.pointed_at: set[str] = set()
        self._found: dict[tuple[str, str], Module | External | None] = {}
        self._subclasses: dict[Class, list[Class]] | None = None
        self._bases: dict[Class, list[Class | External]] = {}
        self._ancestry: dict[Class, list[Class | External]] = {}

    def module(self, dotted: str, level: int, importer: Module) -> Module | External | None:
        """What `import dotted` means in `importer`; None for a folder without files of its own."""
        folder = _folder(importer.file)
        if level:
            for _ in range(level - 1):
                folder = dirname(folder)
            return self._file(join(folder, *dotted.split(".")) if dotted else folder)
        key = (dotted, folder)
        if key not in self._found:
            self._found[key] = self._search(dotted, folder)
        return self._found[key]

    def _search(self, dotted: str, folder: str) -> Module | External | None:
        first = dotted.split(".", maxsplit=1)[0]
        path = dotted.replace(".", "/")
        places = [f for f in (folder, *_parents(folder)) if f not in self._packages]
        if first in INSTALLED:
            return External(dotted)
        for place in dict.fromkeys([*places, *self._roots]):
            if self._is_there(join(place, first)):
                found = self._file(join(place, path))
                if found is not None or join(place, path) in self._folders:
                    return found
        return self._from_above(dotted) or External(dotted)

    def _from_above(self, dotted: str) -> Module | None:
        """`app.models` where the folder that is scanned is `app` itself."""
        parts = dotted.split(".")
        for count in range(1, len(parts) + 1):
            if self._above[-count:] == tuple(parts[:count]):
                found = self._file("/".join(parts[count:]) if parts[count:] else "")
                if found is not None:
                    return found
        return None

    def is_outermost(self, module: Module) -> bool:
        """Whether it is the `__init__.py` of a package inside no other."""
        return module.is_package and dirname(dirname(module.file)) not in self._packages

    def _is_there(self, path: str) -> bool:
        return path in self._folders or path + ".py" in self._files

    def _file(self, path: str) -> Module | None:
        inside = f"{path}/__init__.py" if path else "__init__.py"
        return self.at(inside) or self.at(path + ".py")

    def at(self, file: str) -> Module | None:
        """The module of a file, also by the name of a link to it."""
        return self._files.get(file)

    def name(self, module: Module, name: str, hops: int = 0) -> Found | None:
        """What `name` at the top of `module` is bound to, through imports and re-exports."""
        bound = module.names.get(name)
        if bound is not None:
            return self.follow(bound, module, hops)
        for star in module.stars:
            origin = self.module(star.module, star.level, module)
            if isinstance(origin, Module) and hops < MAX_HOPS:
                found = self.name(origin, name, hops + 1)
                if found is not None:
                    return found
        return self._submodule(module, name)

    def follow(self, bound: Binding, module: Module, hops: int = 0) -> Found | None:
        """The definition behind a binding in `module`; a variable stands for itself."""
        if not isinstance(bound, Import):
            return bound
        if hops > MAX_HOPS:
            return None
        origin = self.module(bound.module, bound.level, module)
        if bound.attribute is None:
            return origin
        if isinstance(origin, Module):
            own = self._submodule(origin, bound.attribute) if origin is module else None
            found = own or self.name(origin, bound.attribute, hops + 1)
            if found is not None:
                return found
            return External(f"{origin.file}.{bound.attribute}")
        if isinstance(origin, External):
            return External(f"{origin}.{bound.attribute}")
        dotted = f"{bound.module}.{bound.attribute}" if bound.module else bound.attribute
        return self.module(dotted, bound.level, module)

    def _submodule(self, module: Module, name: str) -> Module | None:
        return self._file(join(dirname(module.file), name)) if module.is_package else None

    def attribute(self, owner: Module | External, name: str) -> Found | None:
        """`owner.name` for a module inside or outside the project."""
        if isinstance(owner, Module):
            return self.name(owner, name)
        return External(f"{owner}.{name}")

    def owner_of(self, found: Found, module: Module, name: str) -> tuple[Module, str]:
        """Where a module variable reached as `name` in `module` is defined."""
        for _ in range(MAX_HOPS):
            bound = module.names.get(name)
            if not isinstance(bound, Import) or bound.attribute is None:
                break
            origin = self.module(bound.module, bound.level, module)
            if not isinstance(origin, Module):
                break
            module, name = origin, bound.attribute
        return module, name

    def subclasses(self, of: Class) -> list[Class]:
        """Direct and indirect subclasses inside the project."""
        if self._subclasses is None:
            self._subclasses = {}
            for module in self.modules.values():
                for class_ in module.classes:
                    for base in self.bases(class_):
                        if isinstance(base, Class):
                            self._subclasses.setdefault(base, []).append(class_)
        found: dict[Class, None] = {}
        waiting = list(self._subclasses.get(of, ()))
        while waiting:
            class_ = waiting.pop()
            if class_ not in found:
                found[class_] = None
                waiting.extend(self._subclasses.get(class_, ()))
        return list(found)

    def bases(self, class_: Class) -> list[Class | External]:
        """Base classes, those outside the project by name."""
        if class_ not in self._bases:
            self._bases[class_] = []  # until known: a class cannot be its own base
            self._bases[class_] = [
                found
                for base in class_.bases
                if isinstance(found := self.expression(base, class_.module), Class | External)
            ]
        return self._bases[class_]

    def ancestry(self, class_: Class) -> list[Class | External]:
        """The class and its bases in the order in which Python looks attributes up: all of a
        base's own bases before the next base, but none before a class that inherits from it."""
        known = self._ancestry.get(class_)
        if known is not None:
            return known
        self._ancestry[class_] = [class_]  # until known: a class is not its own ancestor
        above: list[Class | External] = []
        for base in self.bases(class_):
            above += self.ancestry(base) if isinstance(base, Class) else [base]
        found = [class_, *reversed(dict.fromkeys(reversed(above)))]
        self._ancestry[class_] = found
        return found

    def expression(self, node: object, module: Module) -> Found | None:
        """What a dotted name, subscripted or not, means at the top of `module`."""
        if isinstance(node, ast.Name):
            return self.name(module, node.id)
        if isinstance(node, ast.Subscript):
            return self.expression(node.value, module)
        if isinstance(node, ast.Attribute):
            owner = self.expression(node.value, module)
            if isinstance(owner, Module | External):
                return self.attribute(owner, node.attr)
            if isinstance(owner, Class):
                return owner.nested.get(node.attr)
        return None

    def untie(self) -> None:
        """Ends its use: definitions and their modules no more refer to each other in circles,
        through which the collector would have to walk."""
        for module in self.modules.values():
            for function in module.functions:
                function.inner.clear()
            for class_ in module.classes:
                class_.methods.clear()
                class_.nested.clear()
            module.names.clear()
            module.functions.clear()
            module.classes.clear()


_folder = cache(dirname)  # asked for with each name that is looked up


def _parents(folder: str) -> list[str]:
    found = []
    while folder.strip("/"):  # that of a file outside of the root is absolute
        folder = dirname(folder)
        found.append(folder)
    return found
