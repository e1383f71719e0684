"""What a run asks of the machine."""

import resource

import pytest

from asyncperf.errors import UsageError
from asyncperf.machine import SPARE_DESCRIPTORS, raise_descriptor_limit


@pytest.fixture
def limits(monkeypatch):
    """Pretend that these are the limits, and note what is asked for."""
    asked = []

    def limits(soft, hard, refuse=False):
        def setrlimit(kind, values):
            asked.append(values)
            if refuse:
                raise ValueError("not allowed to raise maximum limit")

        monkeypatch.setattr(resource, "getrlimit", lambda kind: (soft, hard))
        monkeypatch.setattr(resource, "setrlimit", setrlimit)
        return asked

    return limits


@pytest.mark.parametrize(
    ("soft", "needed", "asked"),
    [
        (1024, 600, []),
        (600, 600, []),
        (599, 600, [(600, 4096)]),
        (resource.RLIM_INFINITY, 10**6, []),
    ],
)
def test_the_limit_of_descriptors_is_raised_where_it_is_too_low(limits, soft, needed, asked):
    found = limits(soft, 4096)
    raise_descriptor_limit(needed)
    assert found == asked


def test_users_that_do_not_fit_are_named_with_what_to_type(limits):
    limits(1024, 4096, refuse=True)
    with pytest.raises(UsageError) as caught:
        raise_descriptor_limit(5000 + SPARE_DESCRIPTORS)
    assert str(caught.value) == (
        "a process with 5000 of the users needs 5100 file descriptors, and this shell allows 4096"
    )
    assert "ulimit -n 5100" in caught.value.hint
    assert "-u" in caught.value.hint
