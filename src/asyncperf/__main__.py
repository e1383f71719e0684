"""The command `asyncperf`, and `python -m asyncperf`."""

import os
import signal
import sys
from types import FrameType

INTERRUPTED = 130
# As in `interrupts`, which cannot be imported before they are heeded.
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
STANDARD_ERROR = 2


def leave(number: int, frame: FrameType | None) -> None:
    """End at once: nothing has begun yet that would have to be undone."""
    try:
        os.write(STANDARD_ERROR, b"asyncperf: interrupted\n")
    finally:
        os._exit(INTERRUPTED)


def main() -> None:
    """Import and run the command.

    The import alone takes long enough to be interrupted, and a KeyboardInterrupt in the middle
    of it could be swallowed, or become another error, in whichever library it meets.
    """
    # What is ignored, as `nohup` has it, stays so.
    heeded = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    for number in heeded:
        signal.signal(number, leave)
    from asyncperf.cli import main as command

    try:
        for number in heeded:
            signal.signal(number, signal.default_int_handler)
        command()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
