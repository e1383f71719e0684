"""Exact samples folded as the native engine's ledger folds its records."""

import numpy as np

from asyncperf.load.folding import CELL_S, MOST_CELLS, Folding
from asyncperf.load.outcomes import Outcome
from asyncperf.load.record_reader import DTYPE, Records
from asyncperf.samples import Samples

# Some time on the clock of the load processes.
ORIGIN_S = 1000.0


def records_of(samples: Samples, message: int = 0) -> Records:
    """What the load processes would have written of them."""
    records = np.zeros(len(samples), DTYPE)
    records["start"] = records["intended"] = samples.start_s + ORIGIN_S
    records["end"] = samples.end_s + ORIGIN_S
    records["first"] = records["end"]
    records["received"] = samples.received_bytes
    records["status"] = samples.status
    records["outcome"] = np.where(samples.ok, int(Outcome.OK), int(Outcome.HTTP_ERROR))
    records["message"] = message
    return records


def folded(samples: Samples, most_cells: int = MOST_CELLS, cell_s: float = CELL_S) -> Samples:
    folding = Folding([0], ORIGIN_S, "start", most_cells=most_cells, cell_s=cell_s)
    folding.add(records_of(samples))
    return folding.samples(0)
