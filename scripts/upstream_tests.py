"""The test suites of FastAPI and Starlette, without the probe's await hook and with it.

Fetches their source distributions, in the versions that are installed here, into a folder
that is thrown away; runs each suite twice in an environment of its own; compares the
outcomes test by test. Some of the tests fail by chance on a busy machine: those with another
outcome are run again, both ways. Exits with 1 if a test still has another outcome with the hook.
The hook is the one in C where it was built; ASYNCPERF_PROBE_NATIVE=0 takes the one in Python.
"""

import argparse
import os
import subprocess
import sys
import tarfile
import tempfile
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parent.parent
UV = Path(sys.executable).with_name("uv")


@dataclass(frozen=True)
class Suite:
    """`group` of its dependencies and `extra` of the package are what its tests need."""

    name: str
    group: str
    extra: str
    options: tuple[str, ...] = ()
    path: str = ""


SUITES = (
    Suite("starlette", "dev", "full"),
    Suite(
        "fastapi",
        "tests",
        "all",
        # Its own 20 s a test end pytest's process on a busy machine.
        options=("-p", "no:sugar", "-n", "2", "--dist", "loadgroup", "--timeout", "300"),
        path="docs_src",
    ),
)

HOOKED = (False, True)
# So often are tests run again that had different outcomes.
REPEATS = 2


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("suites", nargs="*", help="starlette, fastapi; both if none is named")
    parser.add_argument("--folder", type=Path, help="work here, and leave all of it there")
    asked = parser.parse_args()
    chosen = [suite for suite in SUITES if suite.name in (asked.suites or [s.name for s in SUITES])]
    with tempfile.TemporaryDirectory(prefix="upstream-") as made:
        folder = (asked.folder or Path(made)).resolve()
        return max(check(suite, folder / suite.name) for suite in chosen)


def check(suite: Suite, folder: Path) -> int:
    """0 if all of its tests have the same outcome with the hook as without."""
    folder.mkdir(parents=True, exist_ok=True)
    python, source = folder / "venv" / "bin" / "python", folder / "source"
    if not source.exists():
        prepare(suite, folder, python, source)
    without = outcomes(run(suite, folder, python, source, hooked=False))
    hooked = outcomes(run(suite, folder, python, source, hooked=True))
    places, spans, form = seen(folder / "seen.txt")
    different = differing(without, hooked)
    for _ in range(REPEATS):
        files = tuple(sorted({file for test in different for file in files_of(test, source)}))
        if not files:
            break
        print(f"{suite.name}: {len(different)} differ, run again", file=sys.stderr)
        again = [outcomes(run(suite, folder, python, source, hooked=h, only=files)) for h in HOOKED]
        for test in different:
            # What is in no file is a failure of pytest's own; a test has to be run to count.
            if any(test in repeated for repeated in again) or not files_of(test, source):
                without[test], hooked[test] = (repeated[test] for repeated in again)
        different = differing(without, hooked)
    totals = Counter(outcome for found in without.values() for outcome in found)
    print(
        f"{suite.name} {version(suite.name)}: {sum(totals.values())} tests"
        f" ({', '.join(f'{count} {what}' for what, count in sorted(totals.items()))})"
        f" without the hook; {len(different)} with another outcome with it;"
        f" {places:,} awaits rewritten, {spans:,} spans recorded in {form}"
    )
    for test in different:
        print(f"  {test}: {without[test] or 'not run'}, with the hook {hooked[test] or 'not run'}")
    return int(bool(different))


def prepare(suite: Suite, folder: Path, python: Path, source: Path) -> None:
    name = f"{suite.name}=={version(suite.name)}"
    print(f"{name}: fetching its source and what its tests need", file=sys.stderr)
    quietly(UV, "venv", "--quiet", "--clear", "--seed", "--python", sys.executable, folder / "venv")
    quietly(
        *(python, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", suite.name),
        *("--dest", folder, name),
    )
    [archive] = folder.glob(f"{suite.name}-*.tar.gz")
    unpacked = folder / "unpacked"
    with tarfile.open(archive) as packed:
        packed.extractall(unpacked, filter="data")
    [inner] = unpacked.iterdir()
    quietly(
        *(UV, "pip", "install", "--quiet", "--python", python),
        *("--group", f"{inner / 'pyproject.toml'}:{suite.group}", f"{inner}[{suite.extra}]"),
    )
    inner.rename(source)


def quietly(*command: str | Path) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{done.stderr}")


def run(
    suite: Suite,
    folder: Path,
    python: Path,
    source: Path,
    *,
    hooked: bool,
    only: tuple[str, ...] = ("tests",),
) -> Path:
    """The outcomes of the suite's tests, as JUnit's XML."""
    label = "hooked" if hooked else "without"
    result = folder / f"{label}.xml"
    print(f"{suite.name}: its tests, {label}", file=sys.stderr)
    # What pytest and Python cache of modules must not go from one run to the other.
    options = ["-p", "no:cacheprovider", "-q", f"--junitxml={result}", *suite.options]
    path = [str(source / suite.path)] if suite.path else []
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    if hooked:
        (folder / "seen.txt").unlink(missing_ok=True)
        options += ["-p", "upstream_plugin"]
        path += [str(ROOT / "src"), str(ROOT / "scripts")]
        env["UPSTREAM_SEEN"] = str(folder / "seen.txt")
    env["PYTHONPATH"] = os.pathsep.join(path)
    with (folder / f"{label}.txt").open("w") as log:
        command = [python, "-m", "pytest", *only, *options]
        subprocess.run(command, cwd=source, env=env, stdout=log, stderr=log, check=False)
    if not result.exists():
        sys.exit(f"{suite.name}: no result\n{(folder / f'{label}.txt').read_text()[-2000:]}")
    return result


def outcomes(result: Path) -> "Outcomes":
    """By test: passed, failed, error, skipped or xfailed; several where tests share a name."""
    found = Outcomes()
    for case in ET.parse(result).iter("testcase"):
        test = f"{case.get('classname')}::{case.get('name')}"
        found[test] = sorted([*found[test], outcome(case)])
    return found


def differing(without: "Outcomes", hooked: "Outcomes") -> list[str]:
    return sorted(test for test in without | hooked if without[test] != hooked[test])


def files_of(test: str, source: Path) -> list[str]:
    """The file of a test, by its dotted class name; none if it is a failure of pytest's own."""
    parts = test.partition("::")[0].split(".")
    paths = (Path(*parts[:end]).with_suffix(".py") for end in range(len(parts), 0, -1))
    return [str(path) for path in paths if (source / path).exists()]


class Outcomes(dict[str, list[str]]):
    def __missing__(self, test: str) -> list[str]:
        return []


def outcome(case: Iterable[ET.Element]) -> str:
    for part in case:
        if part.tag == "skipped":
            return "xfailed" if part.get("type") == "pytest.xfail" else "skipped"
        if part.tag in ("error", "failure"):
            return {"error": "error", "failure": "failed"}[part.tag]
    return "passed"


def seen(file: Path) -> tuple[int, int, str]:
    """Awaits rewritten in any one process, spans recorded in all, and by which form."""
    lines = [line.split() for line in file.read_text().splitlines()]
    if any(state != "whole" for _, _, state, _ in lines):
        sys.exit(f"the hook broke down, see the notes beside {file}")
    places = max(int(places) for places, _, _, _ in lines)
    forms = " and ".join(sorted({form for _, _, _, form in lines}))
    return places, sum(int(spans) for _, spans, _, _ in lines), forms


if __name__ == "__main__":
    sys.exit(main())
