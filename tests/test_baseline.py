"""Findings that were there before are not told; new ones are."""

from dataclasses import replace

import pytest

from asyncperf import baseline
from asyncperf.errors import StoreError, UsageError
from asyncperf.scan.findings import findings

from .scanned import NAP, PAIR, lines_of, scan_of


@pytest.fixture
def found():
    return findings(scan_of(PAIR, blocking=(NAP,)), lines_of)[0]


def known_of(*findings, file=None):
    known = baseline.entries(findings, lambda name: file or name)
    return tuple(known)


def everywhere(entry):
    return True


def test_what_a_baseline_was_written_with_is_not_told_again(found, tmp_path):
    file = tmp_path / "baseline.json"
    known = known_of(found[0])
    baseline.write(file, known)
    assert baseline.read(file) == known
    told, stale = baseline.apply(found, known, everywhere)
    assert [each.suppressed is None for each in told] == [False, True]
    assert told[0].suppressed.kind == "baseline"
    assert stale == 0
    # Written again with what it suppresses itself, it says the same.
    assert known_of(told[0]) == known


def test_one_more_of_a_kind_is_new_and_one_less_is_counted(found):
    twice = (found[0], found[0])
    told, stale = baseline.apply(twice, known_of(found[0]), everywhere)
    assert [each.suppressed is None for each in told] == [False, True]
    told, stale = baseline.apply((), known_of(found[0]), everywhere)
    assert (told, stale) == ((), 1)


def test_what_was_not_looked_at_is_not_gone(found):
    here = known_of(found[0])
    there = known_of(found[0], file="other/place.py")
    # The fingerprints are the same: code that has moved is known still.
    for known, gone in ((there, 0), (here, 1), (here + there, 1)):
        told, stale = baseline.apply((), known, lambda entry: entry.file != "other/place.py")
        assert (told, stale) == ((), gone)
    told, stale = baseline.apply(found[:1], there, lambda entry: False)
    assert told[0].suppressed.kind == "baseline"
    assert stale == 0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot read the baseline"),
        ("{", "is no JSON"),
        ("[]", "is no baseline"),
        ('{"asyncperf_baseline": 99, "findings": []}', "is no baseline of this version"),
        ('{"asyncperf_baseline": 1, "findings": [3]}', "is damaged"),
        ('{"asyncperf_baseline": 1, "findings": [{"fingerprint": "a"}]}', "is damaged"),
    ],
)
def test_a_file_that_is_no_baseline_is_refused(tmp_path, content, message):
    file = tmp_path / "baseline.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(UsageError, match=message):
        baseline.read(file)


def test_another_file_is_not_replaced(found, tmp_path):
    file = tmp_path / "notes.json"
    assert baseline.replaced(file, force=False) == ()
    file.write_text("mine")
    with pytest.raises(StoreError, match="is no baseline"):
        baseline.replaced(file, force=False)
    assert baseline.replaced(file, force=True) == ()
    known = known_of(found[0], replace(found[1], suppressed=None))
    baseline.write(file, known)
    assert set(baseline.replaced(file, force=False)) == set(known)
