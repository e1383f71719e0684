"""`asyncperf scan` as it is typed, on a small project."""

import errno
import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from asyncperf import errors
from asyncperf.scanning import root_of

from .page import INDEPENDENT

ROOT = Path(__file__).parents[2]


def test_findings_fail_unless_they_may_stand(scan):
    code, out, _ = scan()
    assert code == errors.FOUND
    assert out.startswith("! sequential-awaits  src/page.py:12  page")
    assert scan("--fail-on", "never")[0] == errors.OK


def test_the_folder_that_is_named_is_the_root_of_the_json(scan, project):
    document = json.loads(scan("src", "--json", "-")[1])
    assert document["root"] == str(project / "src")
    assert {site["file"] for site in document["sites"]} == {"page.py"}
    # People are told paths from where they stand.
    assert "src/page.py:12" in scan("src")[1]
    assert "file=src/page.py," in scan("src", "--github")[1]


@pytest.mark.parametrize("named", ["../src", "../linked"])
def test_a_folder_is_found_over_its_parent_or_a_link(scan, project, monkeypatch, named):
    (project / "linked").symlink_to(project / "src")
    (project / "here").mkdir()
    monkeypatch.chdir(project / "here")
    code, out, _ = scan(named)
    assert code == errors.FOUND
    assert out.startswith("! sequential-awaits  page.py:12  page")


def test_a_folder_without_python_is_said(scan, project):
    (project / "notes").mkdir()
    code, _, err = scan("notes")
    assert code == errors.LOAD
    assert err == "asyncperf: no Python file in notes: nothing was judged\n"


def test_a_path_that_is_not_there_is_named_as_it_was_typed(scan):
    code, _, err = scan("src/nowhere.py")
    assert code == errors.USAGE
    assert err.startswith("asyncperf: there is no 'src/nowhere.py'\n")


def test_a_path_that_may_not_be_read_is_said(scan, monkeypatch, project):
    stat = Path.stat

    def refused(path, **options):
        if path.name == "closed":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return stat(path, **options)

    monkeypatch.setattr(Path, "stat", refused)
    code, _, err = scan("src/closed")
    assert code == errors.USAGE
    assert err.startswith("asyncperf: cannot read 'src/closed': Permission denied\n")
    code, _, err = scan("src/a\0b")
    assert code == errors.USAGE
    assert err.startswith("asyncperf: cannot read 'src/a\\x00b': embedded null byte\n")


def test_a_folder_that_is_gone_is_said(scan, project, monkeypatch):
    gone = project / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert scan() == (
        errors.USAGE,
        "",
        "asyncperf: the folder that you are in is gone\n  Go to another one.\n",
    )


def test_what_is_excluded_is_not_read(scan):
    code, _, err = scan("--exclude", "page.py")
    assert code == errors.LOAD  # nothing is left
    assert err == "asyncperf: no Python file in . that --exclude leaves: nothing was judged\n"
    assert scan("--exclude", "other/*")[0] == errors.FOUND


def test_a_comment_that_ignores_nothing_is_said_of_a_file_without_findings_too(scan, project):
    (project / "src" / "quiet.py").write_text("x = 1  # asyncperf: ignore[blocking-call] because\n")
    told = "? src/quiet.py:1: ignores nothing that is found here: remove it"
    assert told in scan()[1].splitlines()
    assert told in scan()[1].splitlines()  # recalled


def test_settings_stand_in_pyproject(scan, project):
    (project / "pyproject.toml").write_text('[tool.asyncperf.scan]\nfail-on = "never"\n')
    assert scan()[0] == errors.OK
    assert scan("--fail-on", "warning")[0] == errors.FOUND
    (project / "pyproject.toml").write_text('[tool.asyncperf.scan]\nfail = "never"\n')
    code, _, err = scan()
    assert code == errors.USAGE
    assert "has no setting 'fail'" in err


def test_a_misspelt_table_is_named(scan, project):
    (project / "pyproject.toml").write_text("[tool.asyncperf.scam]\ncache = false\n")
    code, _, err = scan()
    assert code == errors.USAGE
    assert "[tool.asyncperf] has no setting 'scam'\n  Did you mean scan?" in err


def test_what_cannot_be_written_is_said_without_words_of_a_run(scan):
    code, _, err = scan("--json", "/dev/null/a.json")
    assert code == errors.USAGE
    assert err.startswith("asyncperf: cannot write '/dev/null/a.json'")
    assert "run" not in err


def test_files_are_written_and_no_others_replaced(scan, project):
    assert scan("--sarif", "a.sarif", "--json", "a.json")[0] == errors.FOUND
    assert scan("--sarif", "a.sarif", "--json", "a.json")[0] == errors.FOUND
    (project / "a.json").write_text("mine")
    code, _, err = scan("--json", "a.json")
    assert code == errors.USAGE
    assert "is no result" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "there is no"),
        (["--json", "-", "--github"], "only one of"),
        (["--fail-on", "error"], "--fail-on must be one of"),
        (["--types", "mypy"], "--types must be one of off, auto, ty,"),
        (["--baseline", "nowhere.json"], "cannot read the baseline"),
    ],
)
def test_what_cannot_be_done_is_refused(scan, arguments, message):
    code, _, err = scan(*arguments)
    assert code == errors.USAGE
    assert message in err


def test_nothing_of_the_project_is_run(scan, project):
    (project / "src" / "boom.py").write_text("raise SystemExit('ran')\n" + INDEPENDENT)
    (project / "conftest.py").write_text("raise SystemExit('ran')\n")
    code, out, _ = scan()
    assert code == errors.FOUND
    assert "boom.py:13" in out


def test_the_experiment_is_judged_as_its_author_meant_it():
    command = [sys.executable, "-m", "asyncperf", "scan", "app.py", "--json", "-"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == errors.FOUND
    verdicts = {
        site["function"]: (site["verdict"], site["reason"])
        for site in json.loads(done.stdout)["sites"]
        if site["kind"] == "run"
    }
    assert verdicts["async_independent"][0] == "independent"
    verdict, reason = verdicts["async_dependent"]
    assert verdict == "dependent"
    assert "first" in reason
    assert set(verdicts) == {"async_independent", "async_dependent"}


DYNAMIC = """\
from fastapi import APIRouter, FastAPI
from shop.handlers import items

print("imported")
router = APIRouter(prefix="/v1")
router.add_api_route("/items", items)
app = FastAPI()
app.include_router(router)
"""
HANDLERS = """\
import asyncio, time
from fastapi import Depends

async def first():
    await asyncio.sleep(0.1)

async def second():
    await asyncio.sleep(0.1)

async def items(a=Depends(first), b=Depends(second)):
    time.sleep(1)
"""


@pytest.fixture
def shop(project):
    folder = project / "shop"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "main.py").write_text(DYNAMIC)
    (folder / "handlers.py").write_text(HANDLERS)
    return folder


def test_the_app_itself_tells_endpoints_that_its_source_does_not(scan, shop):
    _, out, err = scan("shop")
    assert "sequential-dependencies" not in out
    assert "Reached from" not in out
    assert "imported" not in err  # nothing is, unless it is asked for
    _, out, err = scan("shop", "--app", "shop.main:app")
    assert "sequential-dependencies  shop/handlers.py:10  items" in out
    assert "Reached from `GET /v1/items`" in out
    assert "imported" in err
    assert "imported" not in out


def test_an_app_that_cannot_be_asked_is_told_as_by_run(scan, shop):
    code, _, err = scan("--app", "shop.min:app")
    assert code == errors.TARGET
    assert "there is no module 'shop.min'" in err
    assert "asyncperf run" not in err
    (shop / "broken.py").write_text("import nowhere_to_be_found\n")
    code, _, err = scan("--app", "shop.broken:app")
    assert code == errors.TARGET
    assert "ModuleNotFoundError on import" in err
    assert "install there what is missing" in err


def test_an_app_without_endpoints_in_what_is_scanned_is_refused(scan, shop):
    code, _, err = scan("src", "--app", "shop.main:app")
    assert code == errors.USAGE
    assert "none of them from files below" in err


def test_help_names_no_flag_that_undoes_what_is_not_done_unasked(scan):
    code, out, _ = scan("--help")
    assert code == errors.OK
    assert "--write-baseline" in out
    assert "--no-write-baseline" not in out
    assert "[PATH]..." in out


def test_the_pre_commit_hook_is_the_command_itself():
    """What `pre-commit try-repo` checks for real: the entry is one that the package installs."""
    hook = (ROOT / ".pre-commit-hooks.yaml").read_text()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    [entry] = [line for line in hook.splitlines() if line.startswith("  entry: ")]
    command, *arguments = entry.removeprefix("  entry: ").split()
    assert command in project["scripts"]
    assert arguments == ["scan"]
    assert "  pass_filenames: false" in hook.splitlines()


def test_the_root_of_what_is_named(tmp_path):
    for name in ("a/b/c.py", "a/d.py"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    a = tmp_path / "a"
    assert root_of([a], tmp_path) == a
    assert root_of([a / "d.py"], tmp_path) == tmp_path
    assert root_of([a / "b", a / "d.py"], tmp_path / "elsewhere") == a
