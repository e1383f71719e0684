"""Child processes that never outlive us: the server under test, the load generator, a type
checker, and whatever imports the user's code."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

GUARD = Path(__file__).with_name("guard.py")
# The guard needs a moment beyond the grace period to kill the group and reap it.
GUARD_MARGIN_S = 5.0


def last_lines(output: str, count: int) -> str:
    """The end of what a process printed, to show below an error message."""
    lines = output.splitlines()[-count:]
    return "Its last lines:\n" + "\n".join(f"  {line}" for line in lines)


class ChildProcess:
    """A command under a guard (see `guard.py`), its output in a log file.

    The whole tree is stopped by `stop`, by leaving the `with` block, and by the death of
    this process, however it dies: `stop_signal` first, SIGKILL to all of it `grace_s` later.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        log: Path,
        env: Mapping[str, str],
        cwd: Path | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        grace_s: float = 2.0,
    ) -> None:
        self.command = tuple(command)
        self.log = log
        self._grace_s = grace_s
        guard = [sys.executable, "-I", "-S", str(GUARD), str(int(stop_signal)), str(grace_s)]
        with log.open("ab") as output:
            self._guard = subprocess.Popen(
                [*guard, *command],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                env=dict(env),
                cwd=cwd,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """A process from which the command descends, and all that it starts."""
        return self._guard.pid

    @property
    def exit_code(self) -> int | None:
        """The command's exit code (128 + n for signal n), None while it runs."""
        return self._guard.poll()

    def wait(self, timeout_s: float) -> int | None:
        """The exit code, or None if the command still runs after so long."""
        try:
            return self._guard.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None

    def stop(self) -> int:
        """Stop the whole tree and return the command's exit code. Safe to call again."""
        assert self._guard.stdin is not None
        self._guard.stdin.close()
        try:
            return self._guard.wait(self._grace_s + GUARD_MARGIN_S)
        except subprocess.TimeoutExpired:  # pragma: no cover - a guard that is itself stuck
            self._guard.kill()
            return self._guard.wait()

    def output(self) -> str:
        """What the process has printed so far, both streams together."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class PipedProcess:
    """A command under a guard (see `guard.py`) that one talks to: `write` is what it reads, and
    what it prints comes out of `output`. Its errors are nobody's.

    It is killed by `stop`, and by the death of this process, however it dies.
    """

    def __init__(self, command: Sequence[str], env: Mapping[str, str], cwd: Path) -> None:
        its_input, self._input = os.pipe()
        guard = [sys.executable, "-I", "-S", str(GUARD), str(int(signal.SIGKILL)), "0"]
        try:
            self._guard = subprocess.Popen(
                [*guard, f"--input={its_input}", *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=dict(env),
                cwd=cwd,
                pass_fds=(its_input,),
                start_new_session=True,
            )
        except BaseException:
            os.close(self._input)
            raise
        finally:
            os.close(its_input)
        assert self._guard.stdout is not None
        self.output = self._guard.stdout

    def write(self, data: bytes) -> None:
        """All of it, however long that takes. Raises `OSError` once the command is gone."""
        while data:
            data = data[os.write(self._input, data) :]

    def stop(self) -> None:
        """Kill the whole tree; who writes or reads at that moment sees the end."""
        assert self._guard.stdin is not None
        self._guard.stdin.close()
        try:
            self._guard.wait(GUARD_MARGIN_S)
        except subprocess.TimeoutExpired:  # pragma: no cover - a guard that is itself stuck
            self._guard.kill()
            self._guard.wait()

    def close(self) -> None:
        """Give the pipes back, once stopped and when nobody writes or reads any more. Safe to
        call again."""
        if not self.output.closed:
            os.close(self._input)
            self.output.close()
