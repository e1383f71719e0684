"""Files that a person asked for, `--json FILE` and `--csv PREFIX`: written, but never over
something that is not asyncperf's own.
"""

import csv
import io
import json
import sys
from pathlib import Path

from asyncperf.errors import StoreError
from asyncperf.replacing import replace_file
from asyncperf.report.untrusted import clean

# A result is smaller; something larger is not read to find out what it is.
MAX_RESULT_BYTES = 256 * 2**20
# What every comparison's document has, which does not name its tool.
COMPARISON = {"schema_version", "base", "new", "only_in_base", "only_in_new"}


def stats_file(prefix: str) -> Path:
    """Where `--csv PREFIX` writes."""
    return Path(f"{prefix}_stats.csv")


def check_replaceable(file: Path, force: bool) -> None:
    """Raise `StoreError` for a file that holds something else than a result of asyncperf's,
    unless `force` says that it may go."""
    try:
        # What is no file, such as /dev/null, has nothing to lose.
        if force or not file.is_file():
            return
        size = file.stat().st_size
        if size == 0 or (size <= MAX_RESULT_BYTES and is_result(file.read_bytes())):
            return
    except OSError:
        return  # writing will say what is wrong
    raise StoreError(
        f"{str(file)!r} exists, and is no result that asyncperf wrote",
        "Name another file, or replace it with --force.",
    )


def is_result(content: bytes) -> bool:
    """Whether asyncperf wrote it: a result, a comparison or a scan as JSON, a scan as SARIF, or
    statistics as CSV."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return False
    return is_json_result(text) if text.lstrip().startswith("{") else is_csv_result(text)


def is_json_result(text: str) -> bool:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return False
    tool = document.get("tool")
    named = isinstance(tool, str) and tool.startswith("asyncperf ")
    if document.keys() >= COMPARISON or (named and "schema_version" in document):
        return True
    match document:
        case {"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "asyncperf"}}}]}:
            return True  # SARIF
    return False


def is_csv_result(text: str) -> bool:
    """Locust's own file has the same columns, but whole milliseconds in its percentiles."""
    from asyncperf.report.result_csv import COLUMNS, NOT_KNOWN  # with NumPy, so only if asked

    try:
        header, *rows = [tuple(row) for row in csv.reader(io.StringIO(text, newline=""))]
    except (ValueError, csv.Error):
        return False
    if header != COLUMNS or any(len(row) != len(COLUMNS) for row in rows):
        return False
    medians = {row[COLUMNS.index("50%")] for row in rows} - {NOT_KNOWN}
    return bool(medians) and not any(median.isdecimal() for median in medians)


def write_file(file: Path, text: str, force: bool, if_not: str = "") -> None:
    """Says on standard error that it did. Raises `StoreError` with the hint `if_not`, and for a
    file that may not be replaced."""
    check_replaceable(file, force)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        replace_file(file, text)
    except OSError as error:
        raise StoreError(f"cannot write {str(file)!r}: {error.strerror}", if_not) from None
    print(f"Wrote {clean(str(file))}", file=sys.stderr)
