"""What came after the answers, which nobody waits for."""

import numpy as np
import pytest

from asyncperf.analysis.answers import after_answer, answered_at, keeps_answers
from asyncperf.probe.record_format import NO_REQUEST

from ..insights import requests, uses

# A hundred requests in a row, answered after a second each.
ROWS = requests(np.arange(100.0), inside_s=1.0)
NUMBERS = np.arange(100)


def stays(after_s, request=NUMBERS):
    return uses(np.arange(100.0) + after_s, 0.0, 0.1, request=request)


def test_a_moment_is_held_against_the_answer_of_its_own_request():
    found = stays(np.where(NUMBERS % 2, 0.5, 1.5))
    assert after_answer(ROWS, found, found["got"]).tolist() == [n % 2 == 0 for n in NUMBERS]
    never = np.full(100, np.nan)
    assert after_answer(ROWS, found, never).all()


def test_of_what_has_not_ended_no_answer_is_known():
    found = stays(5.0, request=NUMBERS + 50)
    assert np.isnan(answered_at(ROWS, found)).tolist() == [n >= 50 for n in NUMBERS]
    assert not after_answer(ROWS, found, found["got"])[50:].any()
    assert np.isnan(answered_at(ROWS[:0], found)).all()


@pytest.mark.parametrize(("before", "keeps"), [(0, False), (1, False), (2, True), (100, True)])
def test_a_place_that_is_hardly_ever_got_before_an_answer_keeps_none_back(before, keeps):
    found = stays(np.where(before > NUMBERS, 0.5, 1.5))
    assert keeps_answers(ROWS, found, found["got"]) == keeps


def test_where_nothing_is_known_a_place_may_keep_answers_back():
    found = stays(1.5, request=NO_REQUEST)
    assert keeps_answers(ROWS, found, found["got"])
