"""What is recorded of requests: one entry each, in NumPy arrays.

Part of the domain's words (`model`); every module may import it, it imports none. Times are
seconds; a time inside a load counts from the moment its ramp began.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Samples:
    """Every request of one endpoint in one load, in order of completion.

    Arrays of length n: `start_s`, `latency_s` (unrounded), `status` (0 where no answer
    came), `ok`, `received_bytes`. `cut_off_s` (length m) holds the starts of the requests
    that were in flight when the load ended. `errors` counts failures by their text.

    In an open load `start_s` is when a request was meant to start, and latency counts from
    then. Length n as well, or None where the engine cannot tell: `late_s`, how long after
    it was meant to start it did; `first_byte_s`, when its answer began (NaN where none
    came); `outcome`, how it ended (see `load.outcomes`).
    """

    start_s: Floats
    latency_s: Floats
    status: NDArray[np.int32]
    ok: NDArray[np.bool_]
    received_bytes: NDArray[np.int64]
    cut_off_s: Floats
    errors: Mapping[str, int]
    late_s: Floats | None = None
    first_byte_s: Floats | None = None
    outcome: NDArray[np.uint8] | None = None

    @property
    def end_s(self) -> Floats:
        return self.start_s + self.latency_s

    def where(self, chosen: NDArray[np.bool_]) -> "Samples":
        """The requests at which `chosen` is true; the rest stays as it is."""
        columns = {
            column.name: value[chosen]
            for column in fields(self)
            if column.name not in ("cut_off_s", "errors")
            for value in [getattr(self, column.name)]
            if value is not None
        }
        return replace(self, **columns)

    def __len__(self) -> int:
        return len(self.start_s)

    @classmethod
    def none(cls) -> "Samples":
        empty = np.empty(0)
        return cls(
            start_s=empty,
            latency_s=empty,
            status=empty.astype(np.int32),
            ok=empty.astype(np.bool_),
            received_bytes=empty.astype(np.int64),
            cut_off_s=empty,
            errors={},
        )
