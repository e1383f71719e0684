"""The probe's C parts are built where they can be, and where not, the project is without them."""

import importlib.util
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture
def hook():
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def project(tmp_path):
    """A copy of what is built."""
    shutil.copytree(ROOT / "native", tmp_path / "native")
    (tmp_path / "src/asyncperf/probe").mkdir(parents=True)
    return tmp_path


def build(hook, project):
    """What the hook tells hatchling of the wheel."""
    told = {"artifacts": [], "pure_python": True, "infer_tag": False}
    hook.NativeProbe(str(project), {}, None, None, str(project), "wheel").initialize("", told)
    return told


def test_a_wheel_with_them_is_of_this_platform(hook, project, capsys):
    told = build(hook, project)
    if "are left out" in capsys.readouterr().err:
        pytest.skip("they cannot be built here")
    assert (project / hook.BUILT).exists()
    assert told == {"artifacts": [hook.BUILT], "pure_python": False, "infer_tag": True}


@pytest.mark.parametrize("compiler", ["false", "no-such-compiler --fast"])
def test_without_a_compiler_that_works_it_is_all_python(
    hook, project, capsys, monkeypatch, compiler
):
    monkeypatch.setenv("CC", compiler)
    (project / hook.BUILT).write_text("of older sources")
    assert build(hook, project) == {"artifacts": [], "pure_python": True, "infer_tag": False}
    assert capsys.readouterr().err.startswith("the probe's C parts are left out: ")
    assert list((project / "src/asyncperf/probe").iterdir()) == []
