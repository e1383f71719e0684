"""A file is replaced whole, or stays as it was."""

import errno
import os
from pathlib import Path

import pytest

from asyncperf.replacing import replace_file


@pytest.fixture
def old(tmp_path):
    file = tmp_path / "result.json"
    file.write_text("old")
    return file


def failing(error):
    def replace(part, target):
        assert part.read_text() == "new"
        raise error

    return replace


def test_a_file_is_written_with_the_permissions_that_it_has(old):
    old.chmod(0o604)
    replace_file(old, "new é")
    assert old.read_text(encoding="utf-8") == "new é"
    assert old.stat().st_mode & 0o777 == 0o604
    replace_file(old.with_name("other.json"), "new")
    plain = old.with_name("plain.json")
    plain.touch()
    assert old.with_name("other.json").stat().st_mode == plain.stat().st_mode
    assert sorted(each.name for each in old.parent.iterdir()) == [
        *("other.json", "plain.json", "result.json")
    ]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(errno.ENOSPC, "full")])
def test_what_was_there_outlives_an_interrupt_and_a_full_disk(old, monkeypatch, error):
    monkeypatch.setattr(Path, "replace", failing(error))
    with pytest.raises(type(error)):
        replace_file(old, "new")
    assert [(each.name, each.read_text()) for each in old.parent.iterdir()] == [
        ("result.json", "old")
    ]


def test_what_cannot_be_replaced_is_written_where_it_is(old, monkeypatch):
    monkeypatch.setattr(Path, "replace", failing(OSError(errno.EBUSY, "mounted")))
    replace_file(old, "new")
    assert [(each.name, each.read_text()) for each in old.parent.iterdir()] == [
        ("result.json", "new")
    ]


def test_a_link_stays_one(old):
    link = old.with_name("link.json")
    link.symlink_to("result.json")
    replace_file(link, "new")
    assert link.is_symlink()
    assert old.read_text() == "new"


def test_what_is_no_file_is_written_to(tmp_path):
    replace_file(Path("/dev/null"), "new")
    assert not Path("/dev/null").is_file()
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    replace_file(pipe, "new")
    assert os.read(reader, 10) == b"new"
    os.close(reader)


def test_a_folder_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        replace_file(tmp_path / "nowhere" / "result.json", "new")
