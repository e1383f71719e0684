"""What tests of several folders need."""

from collections.abc import Iterator

import pytest

from .postgres import running


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a PostgreSQL server; skips, and says so, where there is none."""
    with running() as address:
        yield address
