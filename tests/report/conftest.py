"""Golden files: `ASYNCPERF_UPDATE_GOLDEN=1 pytest tests/report` writes them anew."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture
def matches_golden() -> Callable[[str, str], None]:
    """Compare text with the golden file of that name, or update it."""

    def compare(text: str, name: str) -> None:
        path = GOLDEN / name
        if os.environ.get("ASYNCPERF_UPDATE_GOLDEN"):
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="")
        expected = path.read_bytes().decode() if path.exists() else "(no golden file)"
        assert text == expected, f"{path} differs; ASYNCPERF_UPDATE_GOLDEN=1 accepts the change"

    return compare
