"""What the probe is told, in an environment variable, and where it writes what it saw."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

VARIABLE = "ASYNCPERF_PROBE_ORDERS"
STARTUP = Path(__file__).with_name("startup")


@dataclass(frozen=True)
class ProbeOrders:
    """`folder` takes a file of notes from each process; `tune_gc` has each worker's garbage
    collector frozen once it has started; `record` has its requests recorded, as many
    as cost little, or with `everything` each of them in full detail."""

    folder: str
    tune_gc: bool = False
    record: bool = False
    everything: bool = False

    def environment(self, env: Mapping[str, str]) -> dict[str, str]:
        """`env` with the orders, and with our start-up before what it has on its path."""
        path = os.pathsep.join(filter(None, (str(STARTUP), env.get("PYTHONPATH"))))
        return {**env, "PYTHONPATH": path, VARIABLE: json.dumps(asdict(self))}

    @classmethod
    def read(cls, env: Mapping[str, str]) -> ProbeOrders | None:
        text = env.get(VARIABLE)
        return cls(**json.loads(text)) if text else None
