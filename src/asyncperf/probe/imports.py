"""Something to do right after a module is imported, before whoever imports it goes on."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

AfterImport = Callable[[ModuleType], None]


class AfterImports(MetaPathFinder):
    """Stands before the other finders, and finds nothing by itself. A module of `hooks` is
    found as ever; its loader is made to call the hook when the module has been executed."""

    def __init__(self, hooks: Mapping[str, AfterImport]) -> None:
        self._hooks = dict(hooks)

    def install(self) -> None:
        """From now on; what has been imported before gets its hook at once."""
        sys.meta_path.insert(0, self)
        for name, hook in self._hooks.items():
            if name in sys.modules:
                hook(sys.modules[name])

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        hook = self._hooks.get(name)
        if hook is None:
            return None
        spec = find_behind(self, name, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Hooked(spec.loader, hook)
        return spec


def find_behind(
    finder: MetaPathFinder, name: str, path: Sequence[str] | None, target: ModuleType | None
) -> ModuleSpec | None:
    """What is found by the finders that stand behind this one. Nothing if somebody took it off
    the path and asks it all the same."""
    finders = sys.meta_path
    behind = finders[finders.index(finder) + 1 :] if finder in finders else []
    for other in behind:
        find_spec = getattr(other, "find_spec", None)
        spec: ModuleSpec | None = None if find_spec is None else find_spec(name, path, target)
        if spec is not None:
            return spec
    return None


class _Hooked(Loader):
    """A loader that calls a hook afterwards; everything else is the loader's own: who finds a
    module without importing it may ask for its source, or for data beside it."""

    def __init__(self, loader: Loader, hook: AfterImport) -> None:
        self._loader = loader
        self._hook = hook

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        # What looks at a module's loader later (pkgutil, inspect) is to find the real one.
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        self._hook(module)
