"""Findings that were there before are not told; new ones are."""

from collections import Counter

import pytest

from asyncperf import baseline
from asyncperf.errors import StoreError, UsageError
from asyncperf.scan.findings import findings

from .scanned import NAP, PAIR, lines_of, scan_of


@pytest.fixture
def found():
    return findings(scan_of(PAIR, blocking=(NAP,)), lines_of)[0]


def test_what_a_baseline_was_written_with_is_not_told_again(found, tmp_path):
    file = tmp_path / "baseline.json"
    baseline.write(file, found[:1], force=False)
    told, stale = baseline.apply(found, baseline.read(file))
    assert [each.suppressed is None for each in told] == [False, True]
    assert told[0].suppressed.kind == "baseline"
    assert stale == 0
    # Written again with what it suppresses itself, it says the same.
    assert baseline.text(told[:1]) == file.read_text()


def test_one_more_of_a_kind_is_new_and_one_less_is_counted(found):
    twice = (found[0], found[0])
    told, stale = baseline.apply(twice, Counter([found[0].fingerprint]))
    assert [each.suppressed is None for each in told] == [False, True]
    told, stale = baseline.apply((), Counter([found[0].fingerprint]))
    assert (told, stale) == ((), 1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot read the baseline"),
        ("{", "is no JSON"),
        ("[]", "is no baseline"),
        ('{"asyncperf_baseline": 99, "findings": []}', "is no baseline of this version"),
        ('{"asyncperf_baseline": 1, "findings": [3]}', "is damaged"),
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
    file.write_text("mine")
    with pytest.raises(StoreError, match="is no baseline"):
        baseline.write(file, found, force=False)
    assert file.read_text() == "mine"
    baseline.write(file, found, force=True)
    baseline.write(file, found, force=False)
