"""Which modules have their awaits rewritten as they are imported: the user's own.

That is source code which was neither installed nor comes with Python, wherever it lies: an
app may consist of several folders. And, of FastAPI, what awaits dependencies and endpoints.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import decode_source
from types import CodeType, ModuleType

from .imports import find_behind
from .notes import note
from .places import is_users
from .rewrite import rewrite
from .timeline import PLACES

# Their classes have methods that only pass a request on; what stands outside of those awaits
# the parts of a request: its body, dependencies and endpoint. With each, the calls that pass it
# on there as well: they would be most of the spans of a small request.
FRAMEWORK = {
    "fastapi.dependencies.utils": (),
    "fastapi.routing": (
        "AsyncExitStack",
        "f",  # what an endpoint is wrapped in
        "func",
        "response",
        "run_endpoint_function",
        "serialize_response",
        "solve_dependencies",
        "wrap_app_handling_exceptions",
    ),
}


class UserSources(MetaPathFinder):
    """Stands before the other finders, and finds nothing by itself. What one of them finds
    that is a plain source file of the user's gets a loader that rewrites it."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def install(self) -> None:
        sys.meta_path.insert(0, self)

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = find_behind(self, name, path, target)
        loader = None if spec is None else spec.loader
        # A loader of another kind has other things to do with the source.
        if type(loader) is SourceFileLoader and self._wants(name, loader.path):
            assert spec is not None
            spec.loader = Rewriting(name, loader.path, self._folder)
        return spec

    def _wants(self, name: str, path: str) -> bool:
        return name in FRAMEWORK or is_users(path)


class Rewriting(SourceFileLoader):
    """Compiles a module from its source, with its awaits rewritten. What has none, or cannot
    be rewritten, is loaded as ever; a cached bytecode file is neither read nor written for
    the others, so that none has a trace of the probe."""

    def __init__(self, name: str, path: str, folder: str) -> None:
        super().__init__(name, path)
        self._folder = folder

    def get_code(self, fullname: str) -> CodeType | None:
        try:
            code = self._rewritten(fullname)
        except (SyntaxError, OSError):
            code = None  # Python will say it better
        except Exception as error:
            note(self._folder, "not-rewritten", module=fullname, error=repr(error))
            code = None
        return super().get_code(fullname) if code is None else code

    def _rewritten(self, fullname: str) -> CodeType | None:
        data = self.get_data(self.path)
        if b"await" not in data and b"async" not in data:
            return None
        tree: ast.Module = ast.parse(data, self.path)
        places = len(PLACES.all)
        rewrite(
            tree,
            decode_source(data),
            self.path,
            PLACES.number,
            classes=fullname not in FRAMEWORK,
            but=FRAMEWORK.get(fullname, ()),
        )
        if len(PLACES.all) == places:
            return None
        code: CodeType = compile(tree, self.path, "exec", dont_inherit=True, optimize=-1)
        return code
