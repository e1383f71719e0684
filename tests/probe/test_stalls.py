"""What kept the loop, from looks at its thread."""

import pytest

from asyncperf.probe import stalls
from asyncperf.probe.record_format import BLOCKED, CALLED_BY_LOOP, CPU, LOCKED, NATIVE
from asyncperf.probe.stalls import (
    STALL_S,
    between_steps,
    callbacks,
    is_stall,
    is_unseen,
    outside,
    stall_of,
)
from asyncperf.probe.turns import Turn
from asyncperf.probe.watchdog import Look
from asyncperf.probe.without_frames import Builtin


def code(file, name="work"):
    return compile(f"def {name}(): pass", file, "exec").co_consts[0]


SERVER = (code("/venv/lib/python3.11/site-packages/uvicorn/server.py", "serve"), 3, 0)
CALLBACKS = ("one", "two")


@pytest.fixture(autouse=True)
def users(monkeypatch):
    monkeypatch.setattr(stalls, "is_users", lambda file: file.startswith("/home"))


def look(at, *frames, late_s=0.0, callback="one", instruction=0, turn=None, outermost=SERVER):
    stack = (outermost, *((code(file), line, instruction) for file, line in frames))
    return Look(at, late_s, CALLBACKS[CALLBACKS.index(callback)], stack, turn)


APP, LIBRARY = "/home/shop.py", "/venv/lib/python3.11/site-packages/requests/api.py"


@pytest.mark.parametrize(
    ("cpu_s", "looks", "kind"),
    [
        (0.001, [look(0.03, (APP, 5)), look(0.06, (APP, 5))], BLOCKED),
        (0.095, [look(0.03, (APP, 5)), look(0.06, (APP, 5), instruction=8)], CPU),
        (0.095, [look(0.03, (APP, 5)), look(0.06, (APP, 5))], NATIVE),
        (0.095, [look(0.099, (APP, 5), late_s=0.09)], NATIVE),  # it had the lock to itself
        (0.095, [], CPU),
    ],
)
def test_what_it_was(cpu_s, looks, kind):
    assert stall_of(looks, 0.0, 0.1, cpu_s, 0.0).kind == kind


@pytest.mark.parametrize(
    ("helpers_cpu_s", "kind"), [(0.02, BLOCKED), (0.03, NATIVE), (0.3, NATIVE)]
)
def test_a_call_whose_own_threads_compute_does_not_wait(helpers_cpu_s, kind):
    assert stall_of([look(0.05, (APP, 5))], 0.0, 0.1, 0.001, 0.0, helpers_cpu_s).kind == kind


@pytest.mark.parametrize(
    ("late_s", "others_cpu_s", "kind"),
    [
        (0.06, 0.09, LOCKED),
        (0.04, 0.09, BLOCKED),  # a thread that computes in Python gives the lock away in between
        (0.06, 0.01, BLOCKED),  # nobody has it: a busy machine keeps who looks waiting
    ],
)
def test_a_loop_that_waits_for_pythons_lock_is_not_blocked_by_its_line(late_s, others_cpu_s, kind):
    looks = [look(0.09, (APP, 5), late_s=late_s)]
    stall = stall_of(looks, 0.0, 0.1, 0.001, 0.0, 0.0, others_cpu_s)
    assert stall.kind == kind


@pytest.mark.parametrize(
    ("functions", "kind"),
    [
        (("start", "wait", "wait"), LOCKED),
        (("wait", "wait"), BLOCKED),  # for something else
        (("start", "wait", "wait", "acquire"), BLOCKED),
    ],
)
def test_a_loop_that_waits_for_a_new_thread_waits_for_pythons_lock(functions, kind):
    """AnyIO starts its threads from the loop, where 40 others may want the lock as well."""
    threading = "/usr/lib/python3.11/threading.py"
    stack = (SERVER, *((code(threading, name), 9, 0) for name in functions))
    seen = Look(0.05, 0.0, CALLBACKS[0], stack, None)
    assert stall_of([seen], 0.0, 0.1, 0.001, 0.0).kind == kind


@pytest.mark.parametrize(
    ("steps", "left"),
    [
        ([], (1.0, 2.0)),
        ([(0.5, 1.6)], (1.6, 2.0)),  # a guess at its beginning reached into a step
        ([(1.9, 2.0)], (1.0, 1.9)),
        ([(1.1, 1.2), (1.5, 1.6)], (1.6, 2.0)),
        ([(1.5, 1.6), (1.1, 1.2)], (1.6, 2.0)),
        ([(0.0, 3.0)], (3.0, 2.0)),
        ([(3.0, 4.0)], (1.0, 2.0)),
    ],
)
def test_a_callback_is_none_of_a_step(steps, left):
    began, ended = outside(1.0, 2.0, steps)
    assert (began, ended) == left or (ended <= began and left[1] <= left[0])


def test_waiting_for_a_cpu_is_not_blocking():
    assert stall_of([], 0.0, 0.1, 0.04, 0.06).kind == CPU


def test_the_users_innermost_line_is_to_blame():
    stall = stall_of([look(0.05, (APP, 5), (APP, 9), (LIBRARY, 70))], 0.0, 0.1, 0.0, 0.0)
    file, line, function = stall.stack[stall.blame]
    assert (file, line, function) == (APP, 9, "work")
    assert stall.stack[-1][0] == LIBRARY


def test_what_was_seen_most_often_counts():
    looks = [look(0.02, (APP, 5)), look(0.04, (APP, 6)), look(0.06, (APP, 6))]
    stall = stall_of(looks, 0.0, 0.1, 0.0, 0.0)
    assert stall.stack[stall.blame][1] == 6


@pytest.mark.parametrize("looks", [[], [look(0.05)], [look(0.5, (APP, 5))]])
def test_without_a_look_at_a_line_of_the_users_nobody_is_blamed(looks):
    assert stall_of(looks, 0.0, 0.1, 0.0, 0.0).blame == -1


def test_looks_into_steps_are_told_apart():
    within, beyond = look(0.05, (APP, 5)), look(0.2, (APP, 5))
    assert between_steps([within, beyond], [(0.0, 0.1)]) == [beyond]


@pytest.mark.parametrize(
    ("duration_s", "delay_s", "found"),
    [
        (STALL_S, 0.0, True),
        (STALL_S - 0.001, 0.0, False),
        (STALL_S + 0.0001, 0.0005, True),  # who sleeps wakes a little late
        (0.03, 0.005, True),
        (0.03, 0.015, False),  # the machine was too busy
    ],
)
def test_what_is_a_stall(duration_s, delay_s, found):
    assert is_stall(duration_s, delay_s) == found


@pytest.mark.parametrize(
    ("looks", "cpu_s", "others_cpu_s", "unseen"),
    [
        ([], 0.001, 0.001, True),
        ([look(0.05, (APP, 5))], 0.001, 0.001, False),
        ([look(0.09, (LIBRARY, 5), late_s=0.06)], 0.001, 0.001, True),  # seen when it was over
        ([look(0.09, (LIBRARY, 5), late_s=0.04)], 0.001, 0.001, False),
        ([look(0.09, (APP, 5), late_s=0.06)], 0.001, 0.001, False),  # a call that kept the lock
        ([], 0.09, 0.001, False),  # it computed
        ([], 0.001, 0.09, False),  # another thread did, and had Python's lock
    ],
)
def test_what_nobody_could_look_at_though_nobody_computed(looks, cpu_s, others_cpu_s, unseen):
    stall = stall_of(looks, 0.0, 0.1, cpu_s, 0.0, 0.0, others_cpu_s)
    assert is_unseen(stall, others_cpu_s) == unseen


def test_a_look_stands_for_the_time_since_it_was_due():
    """The lock was not to be had before; a moment later the loop had gone on."""
    looks = [look(0.09, (APP, 5), late_s=0.08), *(look(at, (APP, 6)) for at in (0.095, 0.1))]
    stall = stall_of(looks, 0.0, 0.1, 0.0, 0.0)
    assert stall.stack[stall.blame][1] == 5


def test_the_line_that_was_seen_most_often_counts_wherever_in_it():
    looks = [look(0.02, (APP, 5)), *(look(0.04, (APP, 6), instruction=n) for n in (0, 2))]
    stall = stall_of(looks, 0.0, 0.1, 0.0, 0.0)
    assert stall.stack[stall.blame][1] == 6


def test_a_callback_began_between_two_looks():
    looks = [look(0.02, callback="two"), look(0.04), look(0.05), look(0.06)]
    assert list(callbacks(looks, 0.0, 0.08)) == [(0.01, 0.04), (0.03, 0.08)]
    assert list(callbacks([], 0.0, 0.08)) == []


PLAIN = (code(APP, "work"), 1, 0)
STEP = (compile("async def work(): pass", APP, "exec").co_consts[0], 1, 0)


@pytest.mark.parametrize(
    ("outermost", "before", "times", "began"),
    [
        (PLAIN, None, [0.013], 0.005),
        (PLAIN, 3, [0.013], 0.005),
        (PLAIN, 300, [0.013], 0.009),  # many small ones before it
        (SERVER, 0, [0.013], 0.005),  # the first of its turn
        (STEP, 0, [0.013], 0.005),
        (SERVER, 3, [0.013], 0.009),  # a small one may have been seen by chance
        (STEP, None, [0.013], 0.009),
        (STEP, None, [0.013, 0.018], 0.005),  # but not twice
        (SERVER, 300, [0.013, 0.018], 0.009),
    ],
)
def test_a_callback_that_took_its_turn_began_with_it(outermost, before, times, began):
    turn = Turn(0.005, before)
    looks = [look(at, turn=turn, outermost=outermost) for at in times]
    assert list(callbacks(looks, 0.0, 0.03)) == [(pytest.approx(began), 0.03)]


def test_a_turn_that_began_before_the_last_tick_does_not_make_a_callback_older():
    assert list(callbacks([look(0.013, turn=Turn(0.001, 0))], 0.002, 0.03)) == [(0.002, 0.03)]


def test_a_turn_of_another_clock_says_nothing():
    assert list(callbacks([look(0.02, turn=Turn(9.0, 0))], 0.0, 0.03)) == [(0.01, 0.03)]


def test_many_small_callbacks_are_no_long_one():
    looks = [look(0.02), look(0.04, callback="two")]
    assert all(ended - began < 0.04 for began, ended in callbacks(looks, 0.0, 0.06))


def at_builtin(at, call="one", *, place=None, turn=None, late_s=0.0):
    return Look(at, late_s, "caller", (), turn, Builtin("time.sleep", call, place))


def test_a_builtin_that_the_loop_calls_is_named_without_a_frame():
    stall = stall_of([at_builtin(0.03), at_builtin(0.06)], 0.0, 0.1, 0.001, 0.0)
    assert (stall.kind, stall.blame) == (BLOCKED, -1)
    assert stall.stack == ((CALLED_BY_LOOP, 0, "time.sleep"),)
    assert not is_unseen(stall, 0.001)
    assert stall_of([at_builtin(0.03)], 0.0, 0.1, 0.09, 0.0).kind == NATIVE


def test_who_had_the_loop_call_it_is_to_blame():
    stall = stall_of([at_builtin(0.03, place=(APP, 5, "soon"))], 0.0, 0.1, 0.001, 0.0)
    assert stall.stack[stall.blame] == (APP, 5, "soon")


def test_each_call_of_a_builtin_is_one_of_its_own():
    looks = [at_builtin(0.02), at_builtin(0.025), at_builtin(0.045, "two")]
    assert list(callbacks(looks, 0.0, 0.06)) == [(0.01, 0.045), (0.035, 0.06)]


@pytest.mark.parametrize(
    ("before", "times", "began"),
    [(None, [0.013, 0.018], 0.005), (0, [0.013], 0.005), (None, [0.013], 0.009)],
)
def test_a_builtin_that_took_its_turn_began_with_it(before, times, began):
    looks = [at_builtin(at, turn=Turn(0.005, before)) for at in times]
    assert list(callbacks(looks, 0.0, 0.03)) == [(pytest.approx(began), 0.03)]
