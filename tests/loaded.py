"""Settings as they come from flags and other sources, and what is refused."""

from pathlib import Path

import pytest

from asyncperf.config import load_settings
from asyncperf.errors import UsageError


def loaded(flags=None, *, environment=None, pyproject=Path("nowhere.toml"), set_env=()):
    return load_settings(flags or {}, set_env, environment or {}, pyproject)


def refusal(flags=None, **sources):
    with pytest.raises(UsageError) as caught:
        loaded(flags, **sources)
    return caught.value
