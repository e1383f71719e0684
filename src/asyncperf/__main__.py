"""The command `asyncperf`, and `python -m asyncperf`."""

import os
import signal
from types import FrameType

INTERRUPTED = 130
# As in `interrupts`, which cannot be imported before they are heeded.
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
STANDARD_ERROR = 2


def leave(number: int, frame: FrameType | None) -> None:
    """End at once: who has something to save or to undo heeds the signals itself."""
    try:
        os.write(STANDARD_ERROR, b"asyncperf: interrupted\n")
    finally:
        os._exit(INTERRUPTED)


def main() -> None:
    """Import and run the command.

    Not by a KeyboardInterrupt: half of the time until the work begins is spent in imports, and
    in the middle of one it could be swallowed, or become another error, in whichever library
    it meets.
    """
    for number in SIGNALS:
        # What is ignored, as `nohup` has it, stays so.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, leave)
    from asyncperf.cli import main as command

    command()


if __name__ == "__main__":
    main()
