"""Where a run's result goes: the files that were named, and standard output."""

from pathlib import Path

from asyncperf.exports import check_replaceable, stats_file, write_file
from asyncperf.report.console import Report
from asyncperf.report.result_csv import stats_csv
from asyncperf.report.result_json import result_json
from asyncperf.report.terminal import render
from asyncperf.results import Diagnosis
from asyncperf.standard_output import on_standard_output

SAVED_ALREADY = "The run itself is saved: asyncperf report"


def check_files(json_file: str | None, csv_prefix: str | None, force: bool) -> None:
    """What may not be written is said before anything is measured."""
    if json_file not in (None, "-"):
        check_replaceable(Path(json_file), force)
    if csv_prefix is not None:
        check_replaceable(stats_file(csv_prefix), force)


def show(
    diagnosis: Diagnosis,
    json_file: str | None,
    csv_prefix: str | None,
    force: bool,
    quiet: bool,
) -> None:
    """Files first, then the report on standard output, unless the JSON goes there."""
    if json_file not in (None, "-"):
        write_file(Path(json_file), result_json(diagnosis), force, SAVED_ALREADY)
    if csv_prefix is not None:
        write_file(stats_file(csv_prefix), stats_csv(diagnosis), force, SAVED_ALREADY)
    if json_file == "-":
        on_standard_output(lambda: print(result_json(diagnosis), end=""), SAVED_ALREADY)
    elif not quiet:
        on_standard_output(lambda: render(diagnosis, Report()), SAVED_ALREADY)
