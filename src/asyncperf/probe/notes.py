"""What a process has to tell: JSON objects, one a line, in a file of its own."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def note(folder: str, what: str, **values: Any) -> None:
    """Append a note; a disk that is full must not stop the app."""
    line = json.dumps({"note": what, "pid": os.getpid(), **values}) + "\n"
    try:
        with (Path(folder) / f"notes-{os.getpid()}.jsonl").open("a", encoding="utf-8") as file:
            file.write(line)
    except OSError:
        pass


def read_notes(folder: Path) -> Iterator[dict[str, Any]]:
    """Every note of every process."""
    for file in sorted(folder.glob("notes-*.jsonl")):
        yield from notes_in(file)


def notes_in(file: Path) -> Iterator[dict[str, Any]]:
    """A process's notes. A line that was cut off is left out, with what was appended to it once
    the disk had room again."""
    for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            yield json.loads(line)
        except json.JSONDecodeError:
            continue
