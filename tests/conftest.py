"""What tests of several folders need."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest

from .postgres import running

# The tests start hundreds of processes, each of which would compile all that it imports: two
# thirds of its start.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Scans are kept in a folder of the tests' own, and never found from an earlier run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a PostgreSQL server; skips, and says so, where there is none."""
    with running() as address:
        yield address


@pytest.fixture
def pyproject(tmp_path: Path) -> Callable[[str], Path]:
    """A pyproject.toml with this content below [tool.asyncperf]."""

    def write(text: str) -> Path:
        file = tmp_path / "pyproject.toml"
        file.write_text(f"[tool.asyncperf]\n{text}\n")
        return file

    return write


# A busy machine makes any example slow now and then; a test that hangs has its timeout.
hypothesis.settings.register_profile("ours", deadline=None)
hypothesis.settings.load_profile("ours")
