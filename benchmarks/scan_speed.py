"""How fast the scan is: lines, seconds of one core, memory; and the standard library's own tests.

    python benchmarks/scan_speed.py PATH...          # each path in a process of its own
    python benchmarks/scan_speed.py --lines 100000 --lines 1000000
    python benchmarks/scan_speed.py --standard-library

--lines makes a tree of so many lines from copies of installed packages. Each tree is scanned in a
process of its own, and then again with what the first scan kept.
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

from asyncperf.scan import scan_paths
from asyncperf.scanning import scan_or_recall

GOAL_LINES = 40_000
GOAL = f"goal: {GOAL_LINES:,} lines in under 2 s and 400 MB"
# What --lines copies, as far as installed: about 190,000 lines, most of them of async code.
PACKAGES = (
    *("aiohttp", "anyio", "asyncpg", "fastapi", "httpcore", "httpx", "psycopg", "starlette"),
    *("uvicorn", "websockets", "sqlalchemy", "locust", "pydantic", "gunicorn", "hypothesis"),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("paths", nargs="*", type=Path)
    parser.add_argument("--lines", action="append", type=int, default=[], metavar="N")
    parser.add_argument("--standard-library", action="store_true")
    options = parser.parse_args()
    paths = list(options.paths)
    if options.standard_library:
        paths.append(Path(os.__file__).parent / "test")
    if len(paths) == 1 and not options.lines:
        return measure(paths[0])
    with tempfile.TemporaryDirectory() as folder:
        paths += (synthesize(Path(folder, f"{lines:,} lines"), lines) for lines in options.lines)
        for path in paths:
            subprocess.run([sys.executable, __file__, str(path)], check=True)
    return 0


def measure(path: Path) -> int:
    begin = time.process_time()
    scan = scan_paths([path])
    seconds = time.process_time() - begin
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    per_goal = seconds / max(scan.lines, 1) * GOAL_LINES
    print(
        f"{path.name}: {scan.files:,} files, {scan.lines:,} lines, {len(scan.sites):,} sites, "
        f"{len(scan.problems)} problems: {seconds:.2f} s of CPU, {megabytes:.0f} MB, "
        f"{per_goal:.2f} s for {GOAL_LINES:,} lines ({GOAL}); again {again(path):.2f} s"
    )
    return 0


def again(path: Path) -> float:
    """The CPU seconds of a scan that finds the first one kept."""
    with tempfile.TemporaryDirectory() as folder:
        scan_or_recall([path], path, (), (), Path(folder))
        begin = time.process_time()
        scan_or_recall([path], path, (), (), Path(folder))
        return time.process_time() - begin


def synthesize(folder: Path, lines: int) -> Path:
    """Copies of the packages, until the tree has so many lines."""
    library = Path(sysconfig.get_path("purelib"))
    packages = [library / name for name in PACKAGES if (library / name).is_dir()]
    sizes = [sum(map(count_lines, package.rglob("*.py"))) for package in packages]
    for number in range(lines):
        for package, size in zip(packages, sizes, strict=True):
            if lines <= 0:
                return folder
            to = folder / f"copy_{number:03}" / package.name
            shutil.copytree(package, to, ignore=shutil.ignore_patterns("*.so", "__pycache__"))
            lines -= size
    return folder


def count_lines(file: Path) -> int:
    return file.read_bytes().count(b"\n")


if __name__ == "__main__":
    sys.exit(main())
