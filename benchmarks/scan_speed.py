"""How fast the scan is: lines, seconds of one core, memory; and the standard library's own tests.

python benchmarks/scan_speed.py PATH...          # each path in a process of its own
python benchmarks/scan_speed.py --standard-library
"""

import argparse
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

from asyncperf.scan import scan_paths

GOAL = "goal: 40,000 lines in under 2 s and 400 MB"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("paths", nargs="*", type=Path)
    parser.add_argument("--standard-library", action="store_true")
    options = parser.parse_args()
    paths = options.paths or []
    if options.standard_library:
        paths = [Path(os.__file__).parent / "test"]
    if len(paths) > 1:
        for path in paths:
            subprocess.run([sys.executable, __file__, str(path)], check=True)
        return 0
    begin = time.process_time()
    scan = scan_paths(paths)
    seconds = time.process_time() - begin
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{paths[0].name}: {scan.files:,} files, {scan.lines:,} lines, {len(scan.sites):,} sites, "
        f"{len(scan.problems)} problems: {seconds:.2f} s of CPU, {megabytes:.0f} MB, "
        f"{seconds / scan.lines * 40_000:.2f} s for 40,000 lines ({GOAL})"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
