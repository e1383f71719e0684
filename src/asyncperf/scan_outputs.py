"""Where a scan's result goes: the files that were named, and standard output."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from asyncperf.errors import UsageError
from asyncperf.exports import check_replaceable, write_file
from asyncperf.report.github import github_annotations
from asyncperf.report.sarif import sarif
from asyncperf.report.scan_json import scan_json
from asyncperf.report.units import TIE, count, plural
from asyncperf.report.untrusted import clean_path
from asyncperf.scan_settings import BASELINE
from asyncperf.scanning import lines_below
from asyncperf.sites import ScanResult
from asyncperf.standard_output import on_standard_output

Form = Callable[[ScanResult], str]


@dataclass(frozen=True)
class ScanOutputs:
    """What was asked for: files, or "-" for standard output, which has room for one."""

    json_file: str | None
    sarif_file: str | None
    github: bool
    force: bool

    def check(self) -> None:
        """Before anything is read. Raises `UsageError`, and `StoreError` for a file that may
        not be replaced."""
        if len(self._printed()) > 1:
            raise UsageError(
                "only one of --json -, --sarif - and --github can be printed", "Name files."
            )
        for file, _ in self._files():
            check_replaceable(file, self.force)

    def show(self, result: ScanResult, every_site: bool, quiet: bool) -> None:
        """Files first, then one form on standard output, by default the report."""
        for file, form in self._files():
            write_file(file, form(result), self.force)
        if printed := self._printed():
            text = printed[0](result)
            on_standard_output(lambda: print(text, end=""))
        elif not quiet:
            on_standard_output(lambda: report(result, every_site))

    def _named(self) -> list[tuple[str, Form]]:
        both = ((self.json_file, scan_json), (self.sarif_file, sarif))
        return [(name, form) for name, form in both if name is not None]

    def _files(self) -> list[tuple[Path, Form]]:
        return [(Path(name), form) for name, form in self._named() if name != "-"]

    def _printed(self) -> list[Form]:
        return [form for name, form in self._named() if name == "-"] + [
            github_annotations for _ in range(self.github)
        ]


def baseline_note(result: ScanResult, named: Path | None) -> str:
    """What is said of a baseline that was written, and what to do next; `named` is the file of
    `--baseline`, or of pyproject."""
    known = plural(result.known, "finding").replace(TIE, " ")
    if result.elsewhere:
        known += f", {count(result.elsewhere)} of them in files that this scan did not read"
    next_ = "Commit it: from now on a scan tells new findings only."
    if named is not None:
        next_ += " If pyproject.toml does not name it, every scan needs --baseline."
    return f"Wrote {clean_path(str(named or BASELINE))}, which knows {known}\n  {next_}"


def report(result: ScanResult, every_site: bool) -> None:
    """The only form that needs Rich, whose import takes as long as the scan of a small file."""
    from asyncperf.report.console import Report
    from asyncperf.report.scan_terminal import render_scan

    render_scan(result, lines_below(Path(result.scan.root)), every_site, Report())
