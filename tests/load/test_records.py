"""From lines that the listener writes, in whatever pieces they arrive, to a recording."""

import json
from dataclasses import replace

import pytest

from asyncperf.load.records import Ledger, RecordFile

from ..builders import PLAN

EPOCH = 1_795_000_000.0
ITEMS = ("GET", "/items")
TEN_SECONDS = replace(PLAN, users=500, spawn_rate=50.0)


def request(at, latency_s=0.1, name="/items", status=200, error=None):
    return ["r", EPOCH + at, latency_s, "GET", name, status, 34, error]


def cut_off(at, name="/items"):
    return ["c", EPOCH + at, "GET", name]


def beat(at, cpu_s, drift_s=0.001):
    return ["h", EPOCH + at, cpu_s, drift_s]


RAMP = ["ramp", EPOCH + 1.0]
RAMPED = ["ramped", EPOCH + 11.5]


def recording(*records, plan=TEN_SECONDS, **others):
    ledger = Ledger(EPOCH)
    ledger.add("one", records)
    for process, more in others.items():
        ledger.add(process, more)
    return ledger.recording(plan)


# Files


def test_whole_lines_are_read_once(tmp_path):
    path = tmp_path / "record-1.jsonl"
    path.write_text('["ramp", 1.0]\n')
    file = RecordFile(path)
    assert file.new_records() == [["ramp", 1.0]]
    assert file.new_records() == []
    with path.open("a") as end:
        end.write('["ramped", 2.0]\n["ramped", 3.0]\n')
    assert file.new_records() == [["ramped", 2.0], ["ramped", 3.0]]


def test_a_line_that_is_half_written_waits_for_its_end(tmp_path):
    """At every byte, also within a character of several."""
    records = [RAMP, request(1, error="zu groß – 大"), cut_off(2)]
    content = "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records).encode()
    path = tmp_path / "record-1.jsonl"
    path.touch()
    file = RecordFile(path)
    read = []
    for byte in content:
        with path.open("ab") as end:
            end.write(bytes([byte]))
        read += file.new_records()
    assert read == records


def test_an_empty_file_has_no_records(tmp_path):
    (tmp_path / "record-1.jsonl").touch()
    assert RecordFile(tmp_path / "record-1.jsonl").new_records() == []


@pytest.mark.parametrize("text", ["\u2028", "\u0085", "\x0b", "\x1c", "\r"])
def test_an_error_that_quotes_a_line_break_stays_one_record(tmp_path, text):
    path = tmp_path / "record-1.jsonl"
    path.write_bytes((json.dumps(request(1, error=f"a{text}b")) + "\n").encode())
    assert RecordFile(path).new_records() == [request(1, error=f"a{text}b")]


# Requests


def test_requests_before_the_ramp_are_those_of_the_single_user():
    found = recording(request(0.1), request(0.5), RAMP, request(1.2), request(1.4), request(1.6))
    assert len(found.unloaded[ITEMS]) == 2
    assert len(found.loaded[ITEMS]) == 3
    assert found.ramp_started_at == EPOCH + 1.0


def test_times_count_from_the_start_of_the_ramp():
    found = recording(request(0.5), RAMP, request(1.25), cut_off(4.0), beat(5.0, 1.0))
    assert found.loaded[ITEMS].start_s == pytest.approx([0.25])
    assert found.loaded[ITEMS].cut_off_s == pytest.approx([3.0])
    assert found.unloaded[ITEMS].start_s == pytest.approx([-0.5])
    assert found.duration_s == pytest.approx(4.0)


def test_requests_are_in_order_of_completion():
    found = recording(RAMP, request(2, 5.0), request(3, 0.5), request(1, 1.5))
    assert found.loaded[ITEMS].start_s == pytest.approx([0.0, 2.0, 1.0])
    assert found.loaded[ITEMS].latency_s == pytest.approx([1.5, 0.5, 5.0])


def test_latencies_are_not_rounded():
    (latency_s,) = recording(RAMP, request(1, 0.0012345678)).loaded[ITEMS].latency_s
    assert latency_s == 0.0012345678


def test_failures_are_counted_by_their_text():
    found = recording(
        RAMP,
        request(1),
        request(2, status=500, error="HTTP 500"),
        request(3, status=0, error="refused"),
        request(4, status=500, error="HTTP 500"),
    ).loaded[ITEMS]
    assert found.ok.tolist() == [True, False, False, False]
    assert found.status.tolist() == [200, 500, 0, 500]
    assert found.errors == {"HTTP 500": 2, "refused": 1}


def test_an_error_without_a_text_is_a_failure():
    assert recording(RAMP, request(1, error="")).loaded[ITEMS].ok.tolist() == [False]


def test_requests_in_flight_at_the_end_are_kept_in_order():
    found = recording(RAMP, request(1), cut_off(9), cut_off(8)).loaded[ITEMS]
    assert found.cut_off_s == pytest.approx([7.0, 8.0])
    assert len(found) == 1


def test_a_request_that_only_ever_hung_is_kept():
    found = recording(RAMP, cut_off(9)).loaded[ITEMS]
    assert (len(found), len(found.cut_off_s)) == (0, 1)


def test_the_single_users_own_cut_off_is_not_the_loads():
    found = recording(cut_off(0.5), RAMP, request(1))
    assert len(found.loaded[ITEMS].cut_off_s) == 0
    assert len(found.unloaded[ITEMS].cut_off_s) == 1


def test_endpoints_are_told_apart_by_method_and_name():
    posted = ["r", EPOCH + 2, 0.1, "POST", "/items", 201, 34, None]
    found = recording(RAMP, request(1), request(1, name="/other"), posted)
    assert list(found.loaded) == [ITEMS, ("GET", "/other"), ("POST", "/items")]


def test_several_processes_add_up():
    found = recording(RAMP, request(2), cut_off(5), two=[RAMP, request(1.5), cut_off(4)])
    assert found.loaded[ITEMS].start_s == pytest.approx([0.5, 1.0])
    assert found.loaded[ITEMS].cut_off_s == pytest.approx([3.0, 4.0])


# Phases


def test_nothing_yet():
    found = recording()
    assert (found.unloaded, found.loaded) == ({}, {})
    assert found.ramp_started_at is None
    assert found.ramp_end_s is None
    assert found.duration_s == 0
    assert found.generator.cpu is None


@pytest.mark.parametrize(
    ("ramped_at", "ramp_end_s"),
    [
        (None, None),
        (11.5, 10.5),
        # Locust has dispatched the last second's users, who spread over that second.
        (10.1, 10.0),
    ],
)
def test_the_ramp_ends_when_the_last_user_has_started(ramped_at, ramp_end_s):
    ramped = [["ramped", EPOCH + ramped_at]] if ramped_at else []
    found = recording(RAMP, *ramped, request(20))
    assert found.ramp_end_s == (ramp_end_s and pytest.approx(ramp_end_s))


def test_the_load_lasts_as_long_as_anything_was_heard_of_it():
    assert recording(RAMP, request(2, 7.0)).duration_s == pytest.approx(8.0)
    assert recording(RAMP, request(2), beat(30.0, 1)).duration_s == pytest.approx(29.0)


def test_the_older_news_of_another_process_do_not_shorten_the_load():
    """Files are read one after another, so the last record read is not the latest."""
    found = recording(RAMP, request(2, 7.0), beat(9.5, 1.0), two=[beat(3.0, 1.0)])
    assert found.duration_s == pytest.approx(8.5)


def test_a_recording_is_not_changed_by_what_comes_after():
    ledger = Ledger(EPOCH)
    ledger.add("one", [RAMP, request(2)])
    before = ledger.recording(TEN_SECONDS)
    ledger.add("one", [request(3)])
    assert len(before.loaded[ITEMS]) == 1
    assert len(ledger.recording(TEN_SECONDS).loaded[ITEMS]) == 2


# Health


def test_health_is_that_after_the_ramp():
    """Opening 500 connections is work of another kind."""
    found = recording(
        *(RAMP, beat(2, 5.0, 0.9), RAMPED),
        *(beat(12, 10.0), beat(13, 10.2, 0.05), beat(14, 10.4), beat(16, 10.8)),
    )
    assert found.generator.cpu == pytest.approx(0.2)
    assert found.generator.max_drift_s == 0.05
    assert found.generator.processes == 1


def test_health_of_several_processes_adds_up():
    found = recording(
        *(RAMP, RAMPED, beat(12, 1.0), beat(14, 2.0)),
        two=[RAMP, beat(12, 1.0), beat(14, 2.5, 0.7)],
        three=[RAMP, beat(12, 1.0)],
    )
    assert found.generator.cpu == pytest.approx(0.5 + 0.75)
    assert found.generator.max_drift_s == 0.7
    assert found.generator.processes == 2


@pytest.mark.parametrize("beats", [(), (beat(12, 1.0),)])
def test_health_is_not_known_from_fewer_than_two_beats(beats):
    found = recording(RAMP, RAMPED, *beats)
    assert found.generator.cpu is None
    assert found.generator.max_drift_s is None


def test_beats_of_the_single_user_do_not_count():
    assert recording(beat(0.1, 1.0), beat(0.6, 1.4)).generator.cpu is None


def test_stopping_the_users_is_no_part_of_the_load():
    ended = ["end", EPOCH + 14]
    found = recording(
        *(RAMP, RAMPED, beat(12, 1.0), beat(13, 1.5), ended, beat(15, 9.0, 0.4)),
    )
    assert found.generator.cpu == pytest.approx(0.5)
    assert found.generator.max_drift_s == 0.001


# Workers of a distributed load


NAMED = {name: ["worker", f"{name} (process 7)"] for name in ("east", "west")}
BEGUN = ["begun", EPOCH]


def ping(ahead_s, round_trip_s=0.002):
    sent = EPOCH + ahead_s
    return ["p", sent, EPOCH + round_trip_s / 2, sent + round_trip_s]


def lost(users):
    return ["lost", users]


def test_no_load_yet_while_workers_have_still_to_come():
    """Nor has any time passed in which the single user could have been answered."""
    ledger = Ledger(EPOCH)
    ledger.add("master", [["waiting", 1, 2]])
    ledger.add("east", [NAMED["east"], beat(30, 1.0)])
    assert ledger.waiting == (1, 2)
    assert ledger.recording(TEN_SECONDS).duration_s == 0
    ledger.add("master", [["begun", EPOCH + 31]])
    assert ledger.waiting is None
    assert ledger.recording(TEN_SECONDS).duration_s == 31


def test_each_worker_says_itself_when_its_ramp_began():
    """The files are read one after another: one worker's load, then another's single user."""
    found = recording(
        *(BEGUN, RAMP),
        east=[NAMED["east"], RAMP, request(2), request(3)],
        west=[NAMED["west"], request(0.1), request(0.5), RAMP, request(2.5)],
    )
    assert len(found.unloaded[ITEMS]) == 2
    assert len(found.loaded[ITEMS]) == 3


def test_times_of_other_clocks_are_corrected_and_latencies_are_not():
    found = recording(
        *(BEGUN, RAMP, RAMPED),
        east=[ping(3600), RAMP, request(3605, 0.25), cut_off(3608), beat(3612, 1), beat(3613, 2)],
        west=[ping(-50), RAMP, request(-44.5, 0.25), cut_off(-41)],
    )
    assert found.loaded[ITEMS].start_s == pytest.approx([4.0, 4.5])
    assert found.loaded[ITEMS].latency_s.tolist() == [0.25, 0.25]
    assert found.loaded[ITEMS].cut_off_s == pytest.approx([7.0, 8.0])
    assert found.duration_s == pytest.approx(12.0)
    assert found.generator.cpu == pytest.approx(1.0)


@pytest.mark.parametrize(("round_trip_s", "said"), [(0.002, False), (0.050, True)])
def test_a_clock_that_is_not_well_known_is_said(round_trip_s, said):
    found = recording(BEGUN, RAMP, east=[ping(9.0, round_trip_s), RAMP, request(10)])
    assert any("±25 ms" in text for text in found.warnings) is said


def test_the_masters_own_lateness_delays_no_request():
    found = recording(
        *(BEGUN, RAMP, RAMPED, beat(12, 1.0, 0.9), beat(14, 2.0, 0.9)),
        east=[RAMP, beat(12, 1.0), beat(14, 2.0, 0.002)],
    )
    assert found.generator.cpu == pytest.approx(1.0)
    assert found.generator.max_drift_s == 0.002
    assert found.generator.cpu_each == pytest.approx((0.5, 0.5))


def test_a_lost_worker_ends_the_load_and_what_it_sent_is_kept():
    found = recording(
        *(BEGUN, RAMP, RAMPED),
        east=[NAMED["east"], RAMP, request(12), request(13, 0.5), lost(250)],
        west=[NAMED["west"], RAMP, request(12), request(13), request(17)],
    )
    assert found.trouble == (
        "the load worker east (process 7) was lost 12.5 s into the load, with 250 of 500 users; "
        "the load was ended, what it had sent is kept"
    )
    assert found.warnings == (
        "the load worker east (process 7) was lost 12.5 s into the load, with 250 of 500 users",
    )
    assert found.duration_s == pytest.approx(12.5)
    assert len(found.loaded[ITEMS]) == 5
    assert found.generator.users_lost == 250


def test_a_worker_lost_before_it_had_users_takes_nothing_with_it():
    """Locust gives the users of the ramp to the others."""
    found = recording(
        BEGUN, east=[NAMED["east"], beat(0.5, 1.0), lost(0)], west=[NAMED["west"], request(0.2)]
    )
    assert found.trouble is None
    assert found.warnings == (
        "the load worker east (process 7) was lost before the load began, with 0 of 1 users",
    )
    assert found.generator.users_lost == 0


def test_the_single_users_worker_ends_the_load():
    found = recording(BEGUN, east=[NAMED["east"], request(0.2), lost(1)])
    assert "lost before the load began, with 1 of 1 users" in found.trouble


def test_samples_that_did_not_arrive_are_said():
    found = recording(BEGUN, RAMP, east=[NAMED["east"], RAMP, request(2), ["gap", 2]])
    assert found.trouble == "samples of the load worker east (process 7) were lost on their way"


def test_records_that_made_no_sense_are_counted():
    found = recording(BEGUN, RAMP, east=[NAMED["east"], RAMP, ["refused", 2], ["refused", 1]])
    assert found.warnings == (
        "3 records of the load worker east (process 7) made no sense and were dropped",
    )
