"""A server's worker processes, as the probe in them makes itself known."""

import time
from pathlib import Path

import psutil

from asyncperf.probe.notes import notes_in, read_notes

# A parent looks after its workers every half second (uvicorn) or second (gunicorn): so long
# after the last one has gone it has begun to start another, or never will.
RESTART_S = 2.0
# One that was begun may take so long to import the app.
START_S = 60.0
# What a process notes that serves the app.
SERVES = frozenset({"worker", "lifespan"})


class Workers:
    """Those whose notes stand in a folder; `parent` is a process that all descend from."""

    def __init__(self, notes: Path, parent: int) -> None:
        self._notes = notes
        self._parent = parent
        self._known: set[int] = set()
        self._alive_at = time.time()

    def known(self) -> frozenset[int]:
        """All that there were so far. Each one's notes are read until they tell."""
        for file in self._notes.glob("notes-*.jsonl"):
            pid = int(file.stem.rpartition("-")[2])
            if pid not in self._known and any(each["note"] in SERVES for each in notes_in(file)):
                self._known.add(pid)
        return frozenset(self._known)

    def died(self) -> int:
        """How many are gone in the middle of their lifespan."""
        notes = list(read_notes(self._notes))
        began = {found["pid"] for found in notes if found["note"] == "lifespan"}
        closed = {found["pid"] for found in notes if found["note"] == "closed"}
        return sum(not is_running(pid) for pid in began - closed)

    def replaced(self, at_once: int | None) -> int:
        """How many took the place of another: more than there are at once, if that is known."""
        known = self.known()
        gone = [pid for pid in known if not is_running(pid)]
        return min(len(gone), len(known) - (at_once or len(known)))

    def ended(self) -> int:
        """How many there were, once all are gone and none is started in their place; 0 before,
        and where none is known."""
        if not self.all_gone():
            self._alive_at = time.time()
            return 0
        gone_s = time.time() - self._alive_at
        if gone_s < RESTART_S or (gone_s < START_S and self._starts_another()):
            return 0
        return len(self._known)

    def all_gone(self) -> bool:
        known = self.known()
        return bool(known) and not any(map(is_running, known))

    def _starts_another(self) -> bool:
        """Whether a process is younger than the last look at a worker that lived."""
        try:
            others = psutil.Process(self._parent).children(recursive=True)
            return any(other.create_time() > self._alive_at - 1.0 for other in others)
        except psutil.NoSuchProcess:
            return False


def is_running(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
