"""How far a run has come, on a terminal's standard error; silent anywhere else."""

from asyncperf.levels import Level
from asyncperf.live_line import LiveLine, bar
from asyncperf.load.engine import Recording
from asyncperf.report.levels import level_name
from asyncperf.report.units import TIE
from asyncperf.report.untrusted import clean
from asyncperf.trial import Watcher

# The live rate is over the last seconds: short enough to follow, long enough to read.
RATE_S = 3.0


class SilentProgress:
    """Says nothing."""

    def say(self, text: str) -> None:
        pass

    def watch(self, name: str, level: Level, place: str) -> Watcher:
        return lambda recording, expected_s: None


class LiveProgress:
    """Says it on one line that is kept up to date."""

    def __init__(self, line: LiveLine) -> None:
        self._line = line

    def say(self, text: str) -> None:
        self._line.show(text)

    def watch(self, name: str, level: Level, place: str) -> Watcher:
        head = f"[{place}] {clean(name)}"
        self.say(f"{head}  starting the server")

        def show(recording: Recording, expected_s: float | None) -> None:
            self._line.show(f"{head}  {standing(recording, expected_s, level)}")

        return show


def standing(recording: Recording, expected_s: float | None, level: Level) -> str:
    """The state of a load in a few words: phase, live rate, time left. `level` is the plan's;
    of a load in stages the present one is named."""
    if recording.waiting is not None:
        return recording.waiting
    if recording.ramp_started_at is None:
        return "one user, no load yet"
    reached_s = recording.ramp_end_s
    if recording.levels:
        level, reached_s = recording.levels[-1].level, recording.levels[-1].reached_s
    name = level_name(level).replace(TIE, " ")
    phase = name if reached_s is not None else f"ramp to {name}"
    parts = [phase, f"{live_rate_rps(recording):.1f} req/s"]
    if expected_s is not None:
        left_s = expected_s - recording.duration_s
        parts.insert(0, bar(recording.duration_s / expected_s))
        parts.append(f"about {left_s:.0f} s left" if left_s > 1 else "until it is steady")
    return "  ".join(parts)


def live_rate_rps(recording: Recording) -> float:
    """Completions per second over the last `RATE_S` seconds."""
    since = max(0.0, recording.duration_s - RATE_S)
    length_s = recording.duration_s - since
    if length_s <= 0:
        return 0.0
    loaded = recording.loaded.values()
    recent = sum(samples.count(samples.end_s >= since) for samples in loaded)
    return recent / length_s
