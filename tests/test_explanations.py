"""The pages: one for each code, and found wherever the package is installed."""

import re
from pathlib import Path
from typing import get_args

import pytest

from asyncperf import explanations
from asyncperf.errors import UsageError
from asyncperf.results import FindingCode

# As the design names them.
CODES = {
    *("loop-blocked", "loop-busy", "pool-saturated", "pool-trips", "connections-saturated"),
    *("connection-deadlock", "lock-saturated", "sequential-awaits", "sequential-loop"),
    *("sequential-dependencies", "server-settings", "gc-pauses", "blocking-call"),
    *("generator-saturated", "too-little-data"),
}
PAGES = Path(__file__).parents[1] / "docs" / "findings"


def test_each_code_has_a_page_and_each_page_a_code():
    assert set(explanations.codes()) == set(get_args(FindingCode)) == CODES


def test_a_rule_yields_no_other_code():
    rules = Path(explanations.__file__).parent / "analysis" / "findings"
    named = {
        code
        for file in rules.glob("*.py")
        for code in re.findall(r'code="([a-z-]+)"', file.read_text())
    }
    assert named | {"connections-saturated", "lock-saturated", "blocking-call"} == CODES


@pytest.mark.parametrize("code", sorted(CODES))
def test_a_page_says_what_it_gains_and_how_to_verify(code):
    text = explanations.page(code)
    assert text.startswith(f"# {code}: ")
    assert "\n## What it gains, and what not\n" in text
    assert "\n## To verify\n" in text


def test_the_index_links_to_each_page():
    links = re.findall(r"\[`([a-z-]+)`\]\(([a-z-]+)\.md\)", (PAGES / "README.md").read_text())
    assert {code for code, page in links if code == page} == CODES


def test_a_code_that_there_is_not():
    with pytest.raises(UsageError, match="no finding 'loop-bloked'") as error:
        explanations.page("loop-bloked")
    assert "loop-blocked" in error.value.hint
    with pytest.raises(UsageError) as error:
        explanations.page("../../etc/passwd")
    assert error.value.hint == "All codes: asyncperf explain"


def test_an_installed_package_has_them_beside_it(monkeypatch, tmp_path):
    (tmp_path / "loop-blocked.md").write_text("# loop-blocked: installed\n")
    monkeypatch.setattr(explanations, "IN_WHEEL", tmp_path)
    assert explanations.codes() == {"loop-blocked": "installed"}
