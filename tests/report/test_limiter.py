"""A limiter in words."""

from dataclasses import replace

import pytest

from asyncperf.report.limiter import name_of
from asyncperf.report.verdict import sentence
from asyncperf.results import Limiter

from .builder import experiment


@pytest.mark.parametrize(
    ("answered_rps", "sent_rps", "text"),
    [
        (53.0, 53.0, "the arrival rate of 50 req/s: 53.00 sent, 100.0 % of them answered"),
        (53.2, 53.0, "the arrival rate of 50 req/s: 53.00 sent, 100.0 % of them answered"),
        (48.0, 50.0, "the arrival rate of 50 req/s: 50.00 sent, 96.0 % of them answered"),
        (48.0, None, "the arrival rate of 50 req/s"),
        (48.0, 0.0, "the arrival rate of 50 req/s"),
    ],
)
def test_never_more_is_answered_than_was_sent(answered_rps, sent_rps, text):
    rate = Limiter("rate", 50.0, 1.0, utilization=answered_rps / 50.0, sent_rps=sent_rps)
    assert name_of(rate).replace("\u00a0", " ") == text


def test_the_machines_cpus_are_those_that_others_leave():
    machine = Limiter("machine_cpu", 1.93, 0.041, utilization=0.98, each=(0.98, 0.98))
    text = "the machine's CPUs, 41.00 ms a request: 98 % of 1.9 that others leave"
    assert name_of(machine).replace("\u00a0", " ") == text


def test_before_anything_was_measured_only_what_was_asked_is_said():
    assert name_of(Limiter("rate", 2.5, 1.0)) == "the arrival rate of 2.5 req/s"


def said_of(limiter, note):
    shown = experiment()
    told = replace(shown.endpoints[0], limiter=limiter, limiter_note=note)
    return sentence(told, shown).replace("\u00a0", " ")


def test_what_requests_wait_for_is_told_by_its_note_which_has_the_figures():
    note = "what shop.py:45 (await get(URL)) awaits takes 110 ms, where all of ..."
    assert said_of(Limiter("awaited", 9.2, 0.11), note) == note


def test_users_that_were_answered_otherwise_than_a_single_one_have_a_note():
    note = "a request takes 120 ms on average, where a single user's took 80 ms ..."
    assert said_of(Limiter("users", 10, 0.12), note) == f"the 10 users themselves; {note}"
