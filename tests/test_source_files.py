"""Source files of the app, as they stand on disk."""

import pytest

from asyncperf.source_files import def_line, read_source, source_lines


def test_a_file_in_the_encoding_that_it_declares(tmp_path):
    file = tmp_path / "shop.py"
    file.write_bytes("# coding: latin-1\nname = 'é'\n".encode("latin-1"))
    assert "é" in read_source(str(file))


def test_what_cannot_be_read_is_none(tmp_path):
    assert read_source(str(tmp_path / "gone.py")) is None
    (tmp_path / "bytes.py").write_bytes(b"\xff\xfe\x00")
    assert read_source(str(tmp_path / "bytes.py")) is None
    (tmp_path / "odd.py").write_bytes(b"# coding: no-such-thing\n")
    assert read_source(str(tmp_path / "odd.py")) is None


def test_lines_are_counted_as_python_does(tmp_path):
    file = tmp_path / "page.py"
    file.write_bytes(b"a = 1\r\n\x0cb = '\xc2\x85'\nc = 3")
    assert source_lines(str(file)) == ["a = 1", "\x0cb = '\x85'", "c = 3"]
    assert source_lines(str(tmp_path / "gone.py")) == []


def test_the_line_is_that_of_the_def_not_of_its_decorators(tmp_path):
    file = tmp_path / "shop.py"
    file.write_text("@a(\n    1,\n)\n@b\nasync def items():\n    pass\n")
    assert def_line(str(file), 1) == 5


@pytest.mark.parametrize("content", [b"def broken(:", b"\xff\xfe", b"\0"])
def test_the_line_of_a_file_that_does_not_parse_is_that_of_its_code(tmp_path, content):
    file = tmp_path / "shop.py"
    file.write_bytes(content)
    assert def_line(str(file), 7) == 7
    assert def_line("<string>", 7) == 7
