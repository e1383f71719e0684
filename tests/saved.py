"""Runs saved in a folder, what is refused of them, and when two are the same."""

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from asyncperf.errors import StoreError
from asyncperf.store import create_run_folder

STARTED_AT = 1_795_000_000.0


def in_a_folder_of_its_own(tmp_path, monkeypatch):
    """Runs go below the working directory."""
    monkeypatch.chdir(tmp_path)


def saved(run, path="run"):
    folder = create_run_folder(Path(path), "shop:app", STARTED_AT, force=False)
    folder.save(run)
    return folder.path


def mishap(call, *args, **kwargs):
    with pytest.raises(StoreError) as caught:
        call(*args, **kwargs)
    assert caught.value.hint
    return caught.value


def same(a, b):
    """Equality through all fields, arrays by value, dtype and length."""
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b)
    if hasattr(a, "__dataclass_fields__"):
        return type(a) is type(b) and all(
            same(getattr(a, f.name), getattr(b, f.name)) for f in fields(a)
        )
    if isinstance(a, tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and a == b
