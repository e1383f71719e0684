"""The first Ctrl-C counts, once, and only where it does no harm."""

import signal
import subprocess
import sys

import pytest

from asyncperf.interrupts import SIGNALS, Interrupts


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_signal_interrupts_where_that_is_allowed(number):
    with Interrupts() as interrupts:
        with pytest.raises(KeyboardInterrupt), interrupts.allowed():
            signal.raise_signal(number)
        assert interrupts.pending


@pytest.mark.parametrize("number", SIGNALS)
def test_those_after_it_are_ignored(number):
    with Interrupts() as interrupts:
        with pytest.raises(KeyboardInterrupt), interrupts.allowed():
            signal.raise_signal(signal.SIGINT)
        signal.raise_signal(number)
        with interrupts.allowed():
            signal.raise_signal(number)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_waits_everywhere_else(number):
    done = []
    with Interrupts() as interrupts:
        assert not interrupts.pending
        signal.raise_signal(number)
        signal.raise_signal(number)
        done.append("saved")
        assert interrupts.pending
        with pytest.raises(KeyboardInterrupt), interrupts.allowed():
            done.append("never")
    assert done == ["saved"]


def test_it_waits_again_after_the_block():
    with Interrupts() as interrupts:
        with interrupts.allowed():
            pass
        signal.raise_signal(signal.SIGINT)
        assert interrupts.pending


def test_it_waits_again_after_an_error_in_the_block():
    with Interrupts() as interrupts:
        with pytest.raises(ValueError, match="x"), interrupts.allowed():
            raise ValueError("x")
        signal.raise_signal(signal.SIGINT)


def test_what_was_ignored_before_is_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Interrupts() as interrupts, interrupts.allowed():
            signal.raise_signal(signal.SIGHUP)
            assert not interrupts.pending
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_without_a_signal_nothing_happens():
    with Interrupts() as interrupts:
        with interrupts.allowed():
            pass
        assert not interrupts.pending


def test_previous_handlers_come_back():
    before = [signal.getsignal(number) for number in SIGNALS]
    with Interrupts():
        assert [signal.getsignal(number) for number in SIGNALS] != before
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_previous_handlers_come_back_after_an_error():
    before = [signal.getsignal(number) for number in SIGNALS]
    with pytest.raises(ValueError, match="x"), Interrupts():
        raise ValueError("x")
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_a_signal_waits_for_the_end_of_a_block_that_stays_whole():
    done = []

    def work(interrupts):
        with interrupts.allowed():
            with interrupts.held():
                signal.raise_signal(signal.SIGINT)
                done.append("whole")
            done.append("never")

    with Interrupts() as interrupts, pytest.raises(KeyboardInterrupt):
        work(interrupts)
    assert done == ["whole"]


def test_an_error_in_such_a_block_comes_first():
    def work(interrupts):
        with interrupts.allowed(), interrupts.held():
            signal.raise_signal(signal.SIGINT)
            raise ValueError("x")

    with Interrupts() as interrupts:
        with pytest.raises(ValueError, match="x"):
            work(interrupts)
        assert interrupts.pending


def test_where_nothing_may_be_interrupted_such_a_block_changes_nothing():
    with Interrupts() as interrupts:
        with interrupts.held():
            signal.raise_signal(signal.SIGINT)
        assert interrupts.pending


def test_the_exit_code_stays_ours_when_it_came_while_a_string_was_executed():
    """CPython would end by SIGINT after a KeyboardInterrupt itself."""
    program = """
import signal
from asyncperf.interrupts import Interrupts
with Interrupts() as interrupts:
    try:
        with interrupts.allowed():
            exec("signal.raise_signal(signal.SIGINT)")
    except KeyboardInterrupt:
        pass
"""
    done = subprocess.run([sys.executable, "-c", program], check=False)
    assert done.returncode == 0
