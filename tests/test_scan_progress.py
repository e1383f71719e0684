"""What is said of a scan while it lasts: seldom, on a terminal only, and nothing is left of it."""

import io
import sys

import pytest

from asyncperf import scan_progress
from asyncperf.scan import scan_paths
from asyncperf.scan_progress import EVERY_S, PATIENCE_S, Occasionally, standing, watching
from asyncperf.sites import unwatched


class Line:
    def __init__(self):
        self.texts = []

    def show(self, text):
        self.texts.append(text)


def test_it_says_what_is_done_of_how_much():
    assert standing("reading", 500, 2_000) == "━" * 5 + "╌" * 15 + "  read 500 of 2,000 files"
    assert standing("judging", 1, 1) == "━" * 20 + "  judged 1 of 1 functions"
    assert standing("blocking", 0, 0) == "looking for blocking calls"


def test_short_scans_show_nothing_and_long_ones_now_and_then():
    now_s, line, asked = [0.0], Line(), []

    def ask():
        asked.append(line)
        return line

    watch = Occasionally(ask, lambda: now_s[0])
    for number in range(100):
        now_s[0] = number * PATIENCE_S / 100
        watch("reading", number, 100)
    assert not asked
    for number in range(101):
        now_s[0] = PATIENCE_S + number * EVERY_S / 10
        watch("reading", number, 100)
    assert len(asked) == 1
    assert 9 <= len(line.texts) <= 11
    watch("judging", 0, 10)  # at once: the first one may take long
    watch("judging", 1, 10)
    assert line.texts[-1] == standing("judging", 0, 10)


def test_a_scan_tells_its_files_functions_and_what_comes_last(tmp_path):
    source = "async def f():\n    await g()\n    await g()\n"
    for name in ("a.py", "b.py"):
        (tmp_path / name).write_text(source)
    told = []
    scan_paths([tmp_path], watch=lambda *moment: told.append(moment))
    assert told == [
        *(("reading", number, 2) for number in (0, 1)),
        *(("judging", number, 2) for number in (0, 1)),
        ("blocking", 0, 0),
    ]


def test_nothing_is_said_where_nobody_looks(monkeypatch):
    with watching(quiet=False) as watch:  # standard error is no terminal here
        assert watch is unwatched
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with watching(quiet=True) as watch:
        assert watch is unwatched


class Terminal(io.StringIO):
    def isatty(self):
        return True


def interrupted():
    with watching(quiet=False) as watch:
        watch("reading", 1, 4)
        raise KeyboardInterrupt


def test_on_a_terminal_the_line_and_the_hidden_cursor_are_gone_in_the_end(monkeypatch):
    monkeypatch.setattr(scan_progress, "PATIENCE_S", 0.0)
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    text = terminal.getvalue()
    assert "read 1 of 4 files" in text
    assert text.endswith("\x1b[2K")
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")
