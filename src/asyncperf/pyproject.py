"""Our tables in pyproject.toml, as they stand there; what a setting may be its command knows."""

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from asyncperf.errors import UsageError

PYPROJECT = Path("pyproject.toml")
# The table of `asyncperf scan` within ours, and that of the app's environment.
SCAN = "scan"
ENV = "env"
TABLES = (ENV, SCAN)


def read_pyproject(file: Path = PYPROJECT) -> dict[str, Any]:
    """The [tool.asyncperf] table as it stands; empty if there is none. Raises `UsageError`."""
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read {file}: {error}", "Mend the file, then try again.") from None
    tools = content.get("tool", {})
    table = tools.get("asyncperf", {}) if isinstance(tools, dict) else tools
    if not isinstance(table, dict):
        raise UsageError(f"{ours(file)} must be a table, not {table!r}")
    return table


def ours(file: Path) -> str:
    """What messages call our table."""
    return f"{file}: [tool.asyncperf]"


def by_name(table: Mapping[str, Any], known: Iterable[str], where: str) -> dict[str, Any]:
    """The table that stands `where`, with underscores in its keys. Raises `UsageError` for one
    that is not known."""
    found = {}
    for key, value in table.items():
        name = key.replace("-", "_")
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"Did you mean {close[0]}?" if close else f"Known: {', '.join(known)}"
            raise UsageError(f"{where} has no setting {key!r}", hint)
        found[name] = value
    return found


def scan_table(file: Path = PYPROJECT) -> object:
    """The [tool.asyncperf.scan] table; empty if there is none. Of the rest only the names of
    tables are checked, as `scan` may be misspelt. Raises `UsageError`."""
    table = read_pyproject(file)
    tables = {key: value for key, value in table.items() if isinstance(value, dict)}
    by_name(tables, TABLES, ours(file))
    return table.get(SCAN, {})
