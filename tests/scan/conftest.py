"""Source snippets as projects of their own, scanned."""

from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import dedent

import pytest

from asyncperf.scan import scan_paths
from asyncperf.sites import BlockingCall, Scan, Site

ScanSource = Callable[..., Scan]
OnlySite = Callable[..., Site]


@pytest.fixture
def scan_source(tmp_path: Path) -> ScanSource:
    """Scans `app.py` with the given source, and other files by name."""

    def scan(source: str, **others: str) -> Scan:
        files = {"app": source, **others}
        write(tmp_path, {name.replace("__", "/"): text for name, text in files.items()})
        return scan_paths([tmp_path])

    return scan


def write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        file = folder / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(text))


@pytest.fixture
def only_site(scan_source: ScanSource) -> OnlySite:
    """The one site of the function `f` in a snippet."""

    def scan(source: str, **others: str) -> Site:
        sites = [site for site in scan_source(source, **others).sites if site.function == "f"]
        assert len(sites) == 1, sites
        return sites[0]

    return scan


@pytest.fixture
def scanned(tmp_path: Path) -> Callable[..., tuple[BlockingCall, ...]]:
    """The blocking calls of files given by name."""

    def scan(**files: str) -> tuple[BlockingCall, ...]:
        write(tmp_path, files)
        found = scan_paths([tmp_path])
        assert not found.problems
        return found.blocking

    return scan
