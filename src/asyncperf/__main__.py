"""The command `asyncperf`, and `python -m asyncperf`."""

import sys

INTERRUPTED = 130


def main() -> None:
    """Import and run the command; the import alone takes long enough to be interrupted."""
    try:
        from asyncperf.cli import main as command

        command()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
