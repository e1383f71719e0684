"""A minder between asyncperf and a process tree that must not outlive it.

Run as a script, with the standard library only, so that it starts in a few
milliseconds whatever is installed:

    python -I -S guard.py STOP_SIGNAL GRACE_SECONDS [--input=FD] COMMAND ...

It starts the command in a process group of its own and waits. The command reads nothing, or
what comes through the descriptor FD. When its standard
input reaches the end (because asyncperf closed the pipe, crashed, or was killed:
the kernel closes it either way) it sends the stop signal to the command, and after
the grace period kills the group. Nothing here depends on asyncperf being alive.
"""

import os
import signal
import subprocess
import sys
import threading


def signal_group(group: int, number: int) -> None:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        # No one is left. macOS answers EPERM for a group that holds only zombies.
        pass


def main(
    stop_signal: int, grace_s: float, command: list[str], its_input: int = subprocess.DEVNULL
) -> int:
    # The terminal's Ctrl-C goes to asyncperf, which decides; a minder that died of it
    # could not stop anything any more.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    try:
        child = subprocess.Popen(
            command,
            stdin=its_input,
            process_group=0,
            preexec_fn=restore_signals,  # noqa: PLW1509 - no thread has been started yet
        )
    except OSError as error:
        print(f"cannot start {command[0]}: {error.strerror}", file=sys.stderr)
        return 127
    if its_input != subprocess.DEVNULL:
        os.close(its_input)  # else whoever writes to it never learns that the command is gone

    def stop_at_end_of_input() -> None:
        while os.read(0, 4096):
            pass
        try:
            child.send_signal(stop_signal)
            child.wait(grace_s)
        except subprocess.TimeoutExpired:
            signal_group(child.pid, signal.SIGKILL)

    threading.Thread(target=stop_at_end_of_input, daemon=True).start()
    returncode = child.wait()
    # Workers that outlived their parent are stopped with it.
    signal_group(child.pid, signal.SIGKILL)
    return returncode if returncode >= 0 else 128 - returncode


def restore_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


if __name__ == "__main__":
    number, grace, *rest = sys.argv[1:]
    given = int(rest.pop(0).partition("=")[2]) if rest[0].startswith("--input=") else None
    sys.exit(main(int(number), float(grace), rest, subprocess.DEVNULL if given is None else given))
