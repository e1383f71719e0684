"""The exit codes are a contract with scripts and CI."""

import pytest

from asyncperf.errors import (
    AsyncperfError,
    Interrupted,
    LoadError,
    StoreError,
    TargetError,
    UsageError,
)


@pytest.mark.parametrize(
    ("kind", "exit_code"),
    [(UsageError, 2), (StoreError, 2), (TargetError, 3), (LoadError, 4), (Interrupted, 130)],
)
def test_exit_code(kind, exit_code):
    error = kind("what happened", "what to type next")
    assert isinstance(error, AsyncperfError)
    assert error.exit_code == exit_code
    assert (str(error), error.hint) == ("what happened", "what to type next")


def test_hint_may_be_left_out():
    assert UsageError("what happened").hint == ""
