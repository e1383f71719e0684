"""Where a run's result goes: the files that were named, and standard output."""

import sys
from pathlib import Path

from asyncperf.exports import check_replaceable, stats_file, write_file
from asyncperf.report.result_csv import stats_csv
from asyncperf.report.result_json import result_json
from asyncperf.report.terminal import render
from asyncperf.report.untrusted import clean
from asyncperf.results import Diagnosis
from asyncperf.standard_output import Report, on_standard_output


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
        write(Path(json_file), result_json(diagnosis), force)
    if csv_prefix is not None:
        write(stats_file(csv_prefix), stats_csv(diagnosis), force)
    if json_file == "-":
        on_standard_output(lambda: print(result_json(diagnosis), end=""))
    elif not quiet:
        on_standard_output(lambda: render(diagnosis, Report()))


def write(file: Path, text: str, force: bool) -> None:
    write_file(file, text, force)
    print(f"Wrote {clean(str(file))}", file=sys.stderr)
