"""Standard output, whose reader may leave early and whose disk may be full."""

import os
import sys
from collections.abc import Callable

from asyncperf.errors import StoreError


def on_standard_output(show_it: Callable[[], None], if_not: str = "") -> None:
    """Raises `StoreError`, with the hint `if_not`."""
    try:
        show_it()
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has seen enough, as in `asyncperf report | head`. The rest goes
        # nowhere, and the exit code stays that of the run.
        discard_standard_output()
    except OSError as error:
        discard_standard_output()
        raise StoreError(f"cannot write to standard output: {error.strerror}", if_not) from None


def discard_standard_output() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
