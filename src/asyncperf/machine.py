"""The machine that a run happens on: what it is, and the file descriptors it allows."""

import platform
import resource
from pathlib import Path

import psutil

from asyncperf.errors import UsageError
from asyncperf.model import Machine

# Descriptors that a process needs beside one per user: listening sockets, pipes, files.
SPARE_DESCRIPTORS = 100


def this_machine() -> Machine:
    return Machine(
        system=f"{platform.system()} {platform.release()}",
        cpus=psutil.cpu_count() or 1,
        cpu_model=cpu_model(),
        memory_bytes=psutil.virtual_memory().total,
        python=python_name(),
    )


def python_name() -> str:
    return f"{platform.python_implementation()} {platform.python_version()}"


def cpu_model() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass  # not Linux
    return platform.processor() or platform.machine()


def raise_descriptor_limit(needed: int) -> None:
    """Have at least `needed` file descriptors per process; children inherit the limit.

    Raises `UsageError` when the hard limit is lower: connections would fail, and the
    figures would be those of the limit.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
    except (ValueError, OSError):
        raise UsageError(
            f"a process with {needed - SPARE_DESCRIPTORS} of the users needs {needed} file "
            f"descriptors, and this shell allows {hard}",
            f"Raise the limit (ulimit -n {needed}), or use fewer users (-u).",
        ) from None
