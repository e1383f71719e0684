"""The pages that say what a finding means: one for each code.

They stand in `docs/findings`; a wheel holds them beside this module.
"""

from __future__ import annotations

import difflib
from pathlib import Path

from asyncperf.errors import UsageError

IN_WHEEL = Path(__file__).with_name("pages")
IN_CHECKOUT = Path(__file__).parents[2] / "docs" / "findings"
# The directory's own page lists the others.
INDEX = "README"


def folder() -> Path:
    return IN_WHEEL if IN_WHEEL.is_dir() else IN_CHECKOUT


def codes() -> dict[str, str]:
    """Each code with what it means in a line: its page's title."""
    pages = sorted(folder().glob("*.md"))
    return {page.stem: summary(page) for page in pages if page.stem != INDEX}


def summary(page: Path) -> str:
    """Of `# code: what it means`, the latter."""
    title = page.read_text(encoding="utf-8").partition("\n")[0]
    return title.partition(":")[2].strip()


def page(code: str) -> str:
    """The page's Markdown. Raises `UsageError` for a code that there is not."""
    known = codes()
    if code not in known:
        near = difflib.get_close_matches(code, known, n=1)
        hint = f"Did you mean {near[0]}? " if near else ""
        raise UsageError(f"there is no finding {code!r}", f"{hint}All codes: asyncperf explain")
    return (folder() / f"{code}.md").read_text(encoding="utf-8")
