"""Which files a result may take the place of."""

from pathlib import Path

import pytest

from asyncperf.analysis.diagnosis import diagnose
from asyncperf.errors import StoreError
from asyncperf.exports import check_replaceable, is_result, write_file
from asyncperf.report.result_csv import COLUMNS, stats_csv
from asyncperf.report.result_json import result_json

from .builders import load_of, run_of

RESULTS = Path(__file__).parents[1] / "results"
DIAGNOSIS = diagnose(run_of(load_of()))
COMPARISON = '{"schema_version": 1, "base": 0, "new": 0, "only_in_base": [], "only_in_new": []}'
HEADER = ",".join(COLUMNS)


@pytest.mark.parametrize(
    ("text", "ours"),
    [
        (result_json(DIAGNOSIS), True),
        (stats_csv(DIAGNOSIS), True),
        (COMPARISON, True),
        ("my notes", False),
        ("{}", False),
        ("{", False),
        ("[]", False),
        ('{"tool": 3, "schema_version": 1}', False),
        ('{"tool": "asyncperf 0.1.0"}', False),
        ('{"tool": "other 1", "schema_version": 1}', False),
        ("{" * 100_000, False),
        ("a,b\n1,2\n", False),
        (HEADER, False),
        (HEADER + "\n1,2\n", False),
        ("\0", False),
    ],
)
def test_a_result_is_known_by_its_content(text: str, ours: bool) -> None:
    assert is_result(text.encode()) is ours


@pytest.mark.parametrize("file", sorted(RESULTS.glob("locust/*.csv")), ids=lambda file: file.name)
def test_locusts_own_files_are_not_ours(file: Path) -> None:
    assert not is_result(file.read_bytes())


def test_what_is_no_text_is_not_ours() -> None:
    assert not is_result(b"\xff\xfe")


def test_an_empty_file_has_nothing_to_lose(tmp_path: Path) -> None:
    file = tmp_path / "result.json"
    file.touch()
    write_file(file, "new", force=False)
    assert file.read_text() == "new"
    with pytest.raises(StoreError, match="no result that asyncperf wrote"):
        write_file(file, "newer", force=False)
    write_file(file, "newer", force=True)
    assert file.read_text() == "newer"


def test_what_is_no_file_is_left_to_the_writing(tmp_path: Path) -> None:
    check_replaceable(Path("/dev/null"), force=False)
    check_replaceable(tmp_path, force=False)
    check_replaceable(tmp_path / "nowhere" / "x", force=False)
