"""A scan in each of its forms."""

import io
import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from rich.cells import cell_len
from rich.console import Console

from asyncperf import baseline
from asyncperf.report.github import github_annotations
from asyncperf.report.sarif import sarif
from asyncperf.report.scan_json import scan_json
from asyncperf.report.scan_terminal import render_scan
from asyncperf.scan.findings import findings
from asyncperf.sites import Inferred, Problem, ScanResult

from ..scanned import FILE, GUARDED, NAP, RUN, lines_of, result_of, scan_of

DOCS = Path(__file__).parents[2] / "docs"
# That of OASIS, as SchemaStore publishes it under Apache-2.0.
SARIF = json.loads(Path(__file__).with_name("sarif-2.1.0.schema.json").read_text())
SCHEMA = json.loads((DOCS / "scan.schema.json").read_text())
HOSTILE = "\x1b[31mshop\n::error::%0A,:.py"


@pytest.fixture
def result():
    scan = scan_of(RUN, GUARDED, blocking=(NAP,))
    found, _ = findings(scan, lines_of)
    gone = replace(found[1], fingerprint="gone")
    entries = baseline.entries((found[1], gone), lambda file: file)
    known, stale = baseline.apply(found, entries, lambda entry: True)
    return result_of(scan, known, Problem("old.py", 3, "is no Python: bad"), stale=stale)


@pytest.fixture
def hostile():
    scan = scan_of(replace(RUN, file=HOSTILE, function=HOSTILE, reason=HOSTILE))
    found, _ = findings(scan, lines_of)
    return result_of(scan, found, Problem(HOSTILE, None, HOSTILE))


def printed(result, every_site=False, width=80):
    file = io.StringIO()
    render_scan(result, lines_of, every_site, Console(file=file, width=width))
    return file.getvalue()


def test_the_terminal_shows_each_finding_with_its_code(result):
    assert (
        printed(result)
        == """\
! sequential-awaits  shop/main.py:4  load
    > 4 │     user = await fetch_user(key)
    > 5 │     orders = await fetch_orders(key)
    > 6 │     news = await fetch_news()
    3 awaits, one after another: independent. None uses what another gives.
    Let them run together: `asyncio.gather`, or a task for each. When one fails,
    the others have begun all the same.

? old.py:3: is no Python: bad

1 finding in 1 file, 13 lines
2 places with awaits in a row: 1 independent, 0 likely, 1 dependent and 0 unsafe
1 finding known to the baseline
1 finding of the baseline found no more: asyncperf scan --write-baseline
"""
    )


def test_a_loop_is_shown_with_its_first_line():
    loop = replace(RUN, kind="loop", line=3, lines=(6,), remedy="bounded-overlap")
    scan = scan_of(loop)
    text = printed(result_of(scan, findings(scan, lines_of)[0]))
    assert "\n      3 │ async def load(key):\n      " in text
    assert "\n    > 6 │     news = await fetch_news()\n" in text


def test_what_was_refused_is_shown_when_asked_for(result):
    told = "dependent  shop/main.py:5, 6  load: `orders` is a guard (shop/main.py:5)."
    assert told not in printed(result)
    assert told in printed(result, every_site=True)


def test_a_reason_is_a_sentence():
    scan = scan_of(replace(GUARDED, reason="both write"))
    told = "dependent  shop/main.py:5, 6  load: Both write (shop/main.py:5)."
    assert told in printed(result_of(scan, ()), every_site=True)


@pytest.mark.parametrize("minor", [{"brief": True}, {"certain": False}])
def test_minor_blocking_calls_are_counted_and_shown_when_asked_for(minor):
    scan = scan_of(blocking=(NAP, replace(NAP, line=12, **minor)))
    found, _ = findings(scan, lines_of)
    result = result_of(scan, found)
    short = printed(result)
    assert "shop/main.py:13" in short
    assert "shop/main.py:12" not in short
    assert "2 findings in" in short
    assert "not shown: 1 blocking call that" in short
    whole = printed(result, every_site=True)
    assert "shop/main.py:12" in whole
    assert "not shown" not in whole


def test_warnings_come_first_and_what_is_alike_together():
    """Two that say the same, one that says something else; and last, by line, a warning."""
    unproved = [replace(RUN, line=at, lines=(at, at + 1), verdict="likely") for at in (1, 4, 6)]
    unproved[1] = replace(unproved[1], reason="something else")
    scan = scan_of(*unproved, blocking=(NAP,))
    found, _ = findings(scan, lines_of)
    short = printed(result_of(scan, found))
    marked = [line for line in short.splitlines() if line.startswith(("! ", "i "))]
    assert [line.split()[2] for line in marked] == [f"{FILE}:{at}" for at in (13, 1, 4)]
    assert f"    The same at {FILE}:6.\n" in short
    assert "4 findings in 1 file, 13 lines; 1 warning among them\n" in short
    assert "The same at" not in printed(result_of(scan, found), every_site=True)


def test_of_many_for_information_the_rest_is_counted():
    sites = [replace(RUN, line=at, verdict="likely", reason=f"fact {at}") for at in range(1, 14)]
    scan = scan_of(*sites)
    found, _ = findings(scan, lines_of)
    short = printed(result_of(scan, found))
    assert "Fact 10." in short
    assert "Fact 11." not in short
    assert "not shown: 3 findings for information (--all shows them)\n" in short
    assert "Fact 13." in printed(result_of(scan, found), every_site=True)


@pytest.mark.parametrize("width", [50, 80])
def test_a_frame_keeps_spaces_and_fits_wide_characters_and_long_lines(result, width):
    source = ["", "", "", '\tx  =  await f("' + "漢字" * 40 + '")\x1b[31m', "", "", "", ""]
    file = io.StringIO()
    console = Console(file=file, width=width)
    render_scan(result, lambda _: source, every_site=False, console=console)
    [frame] = [line for line in file.getvalue().splitlines() if "│" in line and "await" in line]
    assert frame.startswith('    > 4 │     x  =  await f("漢')
    assert frame.endswith("…")
    assert width - 1 <= cell_len(frame) <= width


def test_what_does_not_fit_beside_a_place_stands_below_it():
    scan = scan_of(replace(RUN, function="a_function_of_some_length"))
    found, _ = findings(scan, lines_of)
    lines = printed(result_of(scan, found), width=40).splitlines()
    assert lines[:2] == ["! sequential-awaits  shop/main.py:4", "    a_function_of_some_length"]


def test_distant_lines_leave_out_what_is_between(result):
    far = replace(RUN, lines=(4, 13))
    found, _ = findings(scan_of(far), lines_of)
    frame = printed(result_of(scan_of(far), found)).splitlines()[1:4]
    assert frame == [
        "    >  4 │     user = await fetch_user(key)",
        "       …",
        "    > 13 │     time.sleep(1)",
    ]


def test_json_has_every_site_and_keeps_to_its_schema(result):
    document = json.loads(scan_json(result))
    jsonschema.validate(document, SCHEMA)
    assert [site["verdict"] for site in document["sites"]] == ["independent", "dependent"]
    assert document["sites"][0]["lines"] == [4, 5, 6]
    assert [each["suppressed"] is None for each in document["findings"]] == [True, False]
    assert document["inferred"] is None
    assert document["blocking"][0]["chain"][0] == {"file": FILE, "line": 10, "function": "wait"}


def test_what_a_type_checker_said_is_counted(result):
    inferred = Inferred("ty", asked=3, answered=2, trouble="did not answer in time")
    told = replace(result, scan=replace(result.scan, inferred=inferred))
    document = json.loads(scan_json(told))
    jsonschema.validate(document, SCHEMA)
    assert document["inferred"]["answered"] == 2
    assert "ty explained 2 of 3 calls that annotations do not\n" in printed(told)


def test_sarif_keeps_to_its_schema(result, hostile):
    for each in (result, hostile):
        document = json.loads(sarif(each))
        jsonschema.Draft4Validator(SARIF).validate(document)
    [run] = json.loads(sarif(result))["runs"]
    awaits, blocking = run["results"]
    assert (awaits["ruleId"], awaits["level"]) == ("sequential-awaits", "warning")
    assert "suppressions" not in awaits
    assert blocking["suppressions"][0]["kind"] == "external"
    place = awaits["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": FILE, "uriBaseId": "BASE"}
    assert place["region"] == {"startLine": 4, "startColumn": 5}
    assert run["originalUriBaseIds"] == {"BASE": {"uri": "file:///srv/shop/"}}


def test_github_is_told_what_is_new(result):
    [line] = github_annotations(result).splitlines()
    assert line.startswith(
        "::warning file=shop/main.py,line=4,endLine=6,title=asyncperf%3A sequential-awaits::"
        "3 awaits"
    )


def test_github_reads_the_path_that_is_meant(result):
    odd = replace(result.findings[0], file="a dir/50%, odd.py", message="100 % of\nit")
    [line] = github_annotations(replace(result, findings=(odd,))).splitlines()
    assert line.startswith("::warning file=a dir/50%25%2C odd.py,line=4,")
    assert "::100 %25 of it " in line


def test_github_is_told_the_column_of_a_single_line(result):
    """It refuses one of several."""
    told = replace(result.findings[1], suppressed=None)
    [line] = github_annotations(replace(result, findings=(told,))).splitlines()
    assert "line=13,endLine=13,col=5," in line


def test_the_spaces_of_a_path_are_kept(result):
    odd = replace(result.findings[0], file="a  dir/my  page.py")
    result = replace(result, findings=(odd,))
    assert "file=a  dir/my  page.py," in github_annotations(result)
    assert "sequential-awaits  a  dir/my  page.py:4  load" in printed(result)
    assert '"uri": "a%20%20dir/my%20%20page.py"' in sarif(result)


def test_paths_are_told_from_where_the_user_stands(result):
    scan = replace(result.scan, root="/srv/shop/src")
    moved = ScanResult(scan, "/srv/shop", result.findings, result.problems)
    assert "src/shop/main.py:4" in printed(moved)
    assert "file=src/shop/main.py," in github_annotations(moved)
    assert '"uri": "src/shop/main.py"' in sarif(moved)
    assert json.loads(scan_json(moved))["sites"][0]["file"] == FILE


def test_names_of_the_project_command_no_terminal_and_no_workflow(hostile):
    assert "\x1b" not in printed(hostile, every_site=True)
    [line] = github_annotations(hostile).splitlines()
    assert line.startswith("::warning file=shop %3A%3Aerror%3A%3A%250A%2C%3A.py,line=4,")
    assert "%0A" not in line
    assert "\x1b" not in sarif(hostile)
