"""The console that a report is printed on."""

from rich.console import Console


class Report(Console):
    """Standard output for a report. Rich itself would end the process, with code 1, when
    the reader has gone."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError
