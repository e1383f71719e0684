"""An `Insight` as one file of a run folder: its tables as arrays, its words as JSON."""

import io
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from asyncperf.insight import Insight, Resource, Route, Site, Stack, WorkerInfo
from asyncperf.probe.record_format import TABLES

WORDS = "words"
NO_COLUMNS = np.dtype([("worker", "<u2")])


@dataclass(frozen=True)
class _Words:
    """All of an `Insight` but its tables."""

    workers: tuple[WorkerInfo, ...]
    routes: tuple[Route, ...]
    sites: tuple[Site, ...]
    resources: tuple[Resource, ...]
    stacks: tuple[Stack, ...]
    missing: tuple[str, ...]


_WORDS = TypeAdapter(_Words)


def insight_file(number: int) -> str:
    return f"insight-{number:03}.npz"


def pack_insight(insight: Insight) -> bytes:
    words = _Words(**{field.name: getattr(insight, field.name) for field in fields(_Words)})
    content = io.BytesIO()
    np.savez_compressed(
        content,
        allow_pickle=False,
        **{WORDS: np.frombuffer(_WORDS.dump_json(words), np.uint8)},
        **{name: getattr(insight, name) for name in TABLES},
    )
    return content.getvalue()


def read_insight_file(path: Path) -> Insight | None:
    """None if there is no such file: the load was made without a probe. Raises ValueError and
    what else reading a damaged archive raises."""
    if not path.exists():
        return None
    with path.open("rb") as file:
        arrays = np.load(file, allow_pickle=False)
        if not isinstance(arrays, np.lib.npyio.NpzFile):
            raise ValueError(f"{path.name} holds no arrays by name")
        words = _WORDS.validate_json(arrays[WORDS].tobytes())
        parts: dict[str, Any] = {
            # One that the run's version did not know yet is empty.
            name: arrays[name] if name in arrays else np.empty(0, NO_COLUMNS)
            for name in TABLES
        }
    parts |= {field.name: getattr(words, field.name) for field in fields(words)}
    return Insight(**parts)
