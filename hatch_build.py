"""Builds the probe's C parts (`native/`) with the project, where there is a compiler for C.

They are not needed: without them the probe does the same in Python, and costs more. So whatever
goes wrong here is said in a line, and the project is built without them.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCE = "native/module.c"
BUILT = f"src/asyncperf/probe/_native{sysconfig.get_config_var('EXT_SUFFIX')}"
FLAGS = ("-O2", "-fPIC", "-shared", "-pthread", "-DNDEBUG", "-Wall", "-Wextra")


class NativeProbe(BuildHookInterface):  # type: ignore[type-arg]
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        # One that is older than its sources would be worse than none.
        (root / BUILT).unlink(missing_ok=True)
        reason = build(root)
        if reason is not None:
            print(f"the probe's C parts are left out: {reason}", file=sys.stderr)
            return
        # Git ignores it, and so would the wheel; which is of this Python and platform alone.
        build_data["artifacts"].append(BUILT)
        build_data["pure_python"] = False
        build_data["infer_tag"] = True


def build(root: Path) -> str | None:
    """Why it could not be built, None if it was."""
    if sys.platform != "linux":
        return "they are for Linux"  # whose clock they read as Python does
    headers = sysconfig.get_path("include")
    if not Path(headers, "Python.h").exists():
        return "Python's headers are not there"
    compiler = compiler_for_c()
    made = root / f"{BUILT}.{os.getpid()}"
    command = [*compiler, *FLAGS, f"-I{headers}", str(root / SOURCE), "-o", str(made), "-lm"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            first = (done.stderr.strip().splitlines() or ["it said nothing"])[0]
            return f"{compiler[0]} failed: {first}"
        made.replace(root / BUILT)
    except OSError as error:
        return f"{compiler[0]}: {error.strerror}"
    finally:
        made.unlink(missing_ok=True)
    return None


def compiler_for_c() -> list[str]:
    """What is asked for, or what this Python was built with, if it is here: it may have been built
    elsewhere."""
    if asked := os.environ.get("CC"):
        return shlex.split(asked)
    own = shlex.split(sysconfig.get_config_var("CC") or "")
    return own if own and shutil.which(own[0]) else ["cc"]
