"""Whether anyone still answered when a load ended."""

from dataclasses import replace

import numpy as np
import pytest

from asyncperf.load.outcomes import Outcome
from asyncperf.load.silence import silence_of

from ..builders import samples


def ended(*, answered_s, then_s, outcome=Outcome.REFUSED):
    """Answers at these times, and then requests that ended so."""
    at = [*answered_s, *then_s]
    is_answered = np.arange(len(at)) < len(answered_s)
    return replace(
        samples(at, [0.0] * len(at)),
        ok=is_answered,
        status=np.where(is_answered, 200, 0).astype(np.int32),
        outcome=np.where(is_answered, Outcome.OK, outcome).astype(np.uint8),
    )


@pytest.mark.parametrize(
    ("then_s", "outcome", "found"),
    [
        ([2.0, 2.5, 3.5], Outcome.REFUSED, True),
        ([2.0, 3.5], Outcome.REFUSED, False),
        ([2.0, 2.1, 2.2], Outcome.REFUSED, False),  # it may be about to start again
        ([2.0, 2.5, 3.5], Outcome.RESPONSE_TIMEOUT, False),  # it is there, and slow
        ([], Outcome.REFUSED, False),
    ],
)
def test_a_load_that_ends_in_refusals(then_s, outcome, found):
    silence = silence_of([ended(answered_s=[1.0, 1.5], then_s=then_s, outcome=outcome)])
    assert (silence is not None) is found
    if silence is not None:
        assert str(silence) == (
            "nobody answered any more from 1.5 s on: the server refused 3 connections"
        )
        assert not silence.is_for_good


def test_one_endpoint_that_is_answered_is_enough():
    gone = ended(answered_s=[1.0], then_s=[2.0, 3.0, 4.0])
    assert silence_of([gone, ended(answered_s=[4.1], then_s=[])]) is None


def test_an_error_is_an_answer():
    late = ended(answered_s=[1.0, 9.0], then_s=[2.0, 3.0, 4.0])
    assert silence_of([replace(late, ok=np.zeros(5, bool))]) is None


def test_after_a_while_it_is_for_good():
    silence = silence_of([ended(answered_s=[1.0], then_s=[2.0, 3.0, 11.0])])
    assert silence.is_for_good


def test_how_a_request_failed_is_not_always_known():
    known = ended(answered_s=[1.0], then_s=[2.0, 3.0, 4.0])
    assert silence_of([replace(known, outcome=None)]) is None
