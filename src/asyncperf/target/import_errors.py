"""What to type after an app could not be imported, where its packages may be in another environment
than ours, or there of another version.

Belongs to `inspect_app`, and runs in the app's own process.
"""

import os
import sys
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from types import ModuleType

# What people call the environment that lies beside an app.
ENVIRONMENTS = (".venv", "venv", "env")
# Raised by pydantic for what only an older version allows.
PYDANTICS = "pydantic.errors"


def import_hint(error: Exception, app: str | None, folder: Path, env: Mapping[str, str]) -> str:
    """`app` is what the user named, `folder` where they are; "" where nothing speaks for another
    environment."""
    own = f"asyncperf run -- {_python(folder, env)} -m uvicorn {_served(app)} --port 8001"
    if isinstance(error, ModuleNotFoundError):
        return (
            f"asyncperf runs in {sys.prefix}: install what is missing there, or serve the app with "
            f"its own Python: {own}"
        )
    package = unlike(error)
    if package is None:
        return ""
    return (
        f"asyncperf runs in {sys.prefix}, with {package} {metadata.version(package)}, which lacks "
        f"what the app asks of it. An app for another version is served with its own Python: {own}"
    )


def unlike(error: BaseException) -> str | None:
    """The installed distribution that is not as the importing code expects it."""
    module: str | None = None
    if type(error).__module__ == PYDANTICS:
        module = PYDANTICS
    elif isinstance(error, ImportError):
        module = error.name
    elif isinstance(error, AttributeError) and isinstance(error.obj, ModuleType):
        module = error.obj.__name__
    if module is None:
        return None
    found = metadata.packages_distributions().get(module.partition(".")[0])
    return found[0] if found else None


def _python(folder: Path, env: Mapping[str, str]) -> str:
    """The Python of an environment beside the app, or of the active one, if it is not ours."""
    beside = [folder / name for name in ENVIRONMENTS]
    active = [Path(env["VIRTUAL_ENV"])] if env.get("VIRTUAL_ENV") else []
    for place in [*beside, *active]:
        python = place / "bin" / "python"
        if python.exists() and place.resolve() != Path(sys.prefix).resolve():
            return os.path.relpath(python, folder) if place in beside else str(python)
    return "PYTHON"


def _served(app: str | None) -> str:
    """The app as a server is told it, as far as what the user named says so."""
    module, _, name = (app or "").partition(":")
    module = module.removesuffix(".py")
    return f"{module or 'MODULE'}:{name or 'APP'}" if "/" not in module else "MODULE:APP"
