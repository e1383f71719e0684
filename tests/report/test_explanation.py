"""A page in a pipe and on a terminal."""

import io

from rich.console import Console

from asyncperf.report.explanation import render_codes, render_page

PAGE = (
    "# loop-blocked: a call waits\n\nA [bold]line[/bold], and `code`:\n\n```python\nawait x\n```\n"
)


def test_a_pipe_gets_the_markdown_as_it_is():
    file = io.StringIO()
    render_page(PAGE, Console(file=file, width=20))
    assert file.getvalue() == PAGE


def test_a_terminal_gets_it_laid_out():
    file = io.StringIO()
    render_page(PAGE, Console(file=file, width=80, force_terminal=True, no_color=True))
    text = file.getvalue()
    assert "[bold]line[/bold]" in text
    assert "```" not in text
    assert "# loop" not in text


def test_the_list_of_codes():
    file = io.StringIO()
    render_codes({"loop-blocked": "a call waits", "gc-pauses": "it stops"}, Console(file=file))
    assert file.getvalue().splitlines()[1:] == [
        "loop-blocked  a call waits",
        "gc-pauses     it stops",
    ]
