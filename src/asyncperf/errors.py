"""One base error: what happened, what to type next, and the exit code it means."""

from typing import ClassVar

OK = 0
FOUND = 1
USAGE = 2
TARGET = 3
LOAD = 4
INTERRUPTED = 130


class AsyncperfError(Exception):
    """A failure that a user can mend. `hint` is the next step, in a sentence."""

    exit_code: ClassVar[int] = USAGE

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class UsageError(AsyncperfError):
    """A flag, a setting or a file that cannot be used as given."""


class StoreError(AsyncperfError):
    """A run folder that cannot be written or read."""


class TargetError(AsyncperfError):
    """The app could not be found, imported, started, or it died."""

    exit_code = TARGET


class LoadError(AsyncperfError):
    """The load generator failed, or recorded too little to judge."""

    exit_code = LOAD


class Interrupted(AsyncperfError):
    """Ctrl-C or a request to terminate; what was recorded has been kept."""

    exit_code = INTERRUPTED
