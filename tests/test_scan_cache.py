"""A scan that is kept comes back the same; whatever else lies there is no scan."""

import json
import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from asyncperf import scan_cache
from asyncperf.scan_cache import MAX_KEPT, cache_folder, digest, keep_scan, key_of, load_scan
from asyncperf.sites import Problem

from .scanned import GUARDED, NAP, RUN, scan_of

SCAN = replace(
    scan_of(RUN, GUARDED, blocking=(NAP,)), problems=(Problem("a.py", None, "odd: \udcff"),)
)


def test_a_scan_comes_back_as_it_was_kept(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "cache"
    keep_scan(folder, "key", SCAN)
    assert load_scan(folder, "key") == SCAN
    assert load_scan(folder, "other") is None
    assert [file.name for file in folder.iterdir()] == ["key.json"]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def _document(**changes: object) -> str:
    keep = {"key": "key", "scan": {**json.loads(_text)["scan"], **changes}}
    return json.dumps(keep)


_text = json.dumps({"key": "key", "scan": scan_cache.asdict(SCAN)})
_site = json.loads(_text)["scan"]["sites"][0]


@pytest.mark.parametrize(
    "text",
    [
        "",
        _text[:-10],
        "[]",
        "null",
        "{}",
        '{"key": "key"}',
        _text.replace('"key": "key"', '"key": "another"'),
        "[" * 100_000,
        _document(files="1"),
        _document(files=True),
        _document(lines=1.5),
        _document(sites={}),
        _document(sites=[[]]),
        _document(more=1),
        _document(sites=[{**_site, "verdict": "fine"}]),
        _document(sites=[{**_site, "verdict": ["independent"]}]),
        _document(sites=[{**_site, "lines": ["4"]}]),
        _document(sites=[{**_site, "fact_line": "4"}]),
        _document(sites=[{k: v for k, v in _site.items() if k != "line"}]),
    ],
)
def test_what_is_no_scan_is_as_good_as_none_and_written_again(tmp_path: Path, text: str) -> None:
    file = tmp_path / "key.json"
    file.write_text(text)
    assert load_scan(tmp_path, "key") is None
    keep_scan(tmp_path, "key", SCAN)
    assert load_scan(tmp_path, "key") == SCAN


def test_bytes_that_are_no_text_are_no_scan(tmp_path: Path) -> None:
    (tmp_path / "key.json").write_bytes(b"\x80\x04\x95")
    assert load_scan(tmp_path, "key") is None


def test_a_folder_that_cannot_be_written_keeps_nothing(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    keep_scan(file, "key", SCAN)
    keep_scan(file / "below", "key", SCAN)
    assert file.read_text() == "mine"
    assert load_scan(file, "key") is None


def test_the_scans_used_last_are_kept(tmp_path: Path) -> None:
    for number in range(MAX_KEPT):
        keep_scan(tmp_path, f"{number}", SCAN)
        os.utime(tmp_path / f"{number}.json", (number, number))
    assert load_scan(tmp_path, "0") == SCAN  # used again
    keep_scan(tmp_path, "one more", SCAN)
    left = {file.stem for file in tmp_path.iterdir()}
    assert left == {f"{number}" for number in range(MAX_KEPT) if number != 1} | {"one more"}


def test_texts_do_not_run_into_each_other() -> None:
    assert digest("ab", "c") != digest("a", "bc") != digest("a", "b", "c")


def test_a_key_is_of_the_version_and_of_the_judging_code(monkeypatch: pytest.MonkeyPatch) -> None:
    first = key_of("a")
    assert first == key_of("a") != key_of("b")
    with monkeypatch.context() as patch:
        patch.setattr(scan_cache, "__version__", "99")
        assert key_of("a") != first
    with monkeypatch.context() as patch:
        patch.setattr(scan_cache.sys, "version", "99")
        assert key_of("a") != first
    with monkeypatch.context() as patch:
        patch.setattr(scan_cache, "_judges", lambda: "changed")
        assert key_of("a") != first


def test_the_folder_is_the_users_own_and_never_relative(tmp_path: Path) -> None:
    assert cache_folder({"XDG_CACHE_HOME": str(tmp_path)}) == tmp_path / "asyncperf" / "scan"
    assert cache_folder({"XDG_CACHE_HOME": "here"}) is None
    home = cache_folder({})
    assert home is None or home.parts[-3:] == (".cache", "asyncperf", "scan")
