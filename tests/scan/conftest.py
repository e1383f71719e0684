"""Source snippets as projects of their own, scanned."""

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from asyncperf.scan import scan_paths
from asyncperf.sites import Scan, Site

ScanSource = Callable[..., Scan]


@pytest.fixture
def scan_source(tmp_path: Path) -> ScanSource:
    """Scans `app.py` with the given source, and other files by name."""

    def scan(source: str, **others: str) -> Scan:
        for name, text in {"app": source, **others}.items():
            path = tmp_path / (name.replace("__", "/") + ".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(dedent(text))
        return scan_paths([tmp_path])

    return scan


@pytest.fixture
def only_site(scan_source: ScanSource) -> Callable[..., Site]:
    """The one site of the function `f` in a snippet."""

    def scan(source: str, **others: str) -> Site:
        sites = [site for site in scan_source(source, **others).sites if site.function == "f"]
        assert len(sites) == 1, sites
        return sites[0]

    return scan
