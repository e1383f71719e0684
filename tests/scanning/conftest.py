"""`asyncperf scan` as it is typed, in this process, on a small project."""

import sys

import pytest

from asyncperf import cli

from .page import INDEPENDENT


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "src" / "page.py"
    file.parent.mkdir()
    file.write_text(INDEPENDENT)
    return tmp_path


@pytest.fixture
def scan(project, monkeypatch, capsys):
    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["asyncperf", "scan", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        captured = capsys.readouterr()
        return ended.value.code, captured.out, captured.err

    return run
