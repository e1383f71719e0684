"""What came before a request's answer and what after it: nobody waits for a background task, for
a dependency that is left, or for a task that goes on by itself."""

import numpy as np
from numpy.typing import NDArray

from asyncperf.insight import Records
from asyncperf.samples import Floats

# A place that was taken before the answer in fewer of the stays than this keeps no answer back.
BEFORE_MATTERS = 0.02


def keys_of(records: Records, column: str) -> NDArray[np.int64]:
    """Requests are numbered by their workers."""
    return records["worker"].astype(np.int64) << 32 | records[column].astype(np.int64)


def places_of(rows: Records, of_requests: Records) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The place in `rows` of each record's request, and whether it is there at all."""
    keys, wanted = keys_of(rows, "number"), keys_of(of_requests, "request")
    order = np.argsort(keys)
    at = order[np.searchsorted(keys, wanted, sorter=order).clip(0, max(0, len(keys) - 1))]
    return at, keys[at] == wanted


def after_answer(rows: Records, of_requests: Records, moments: Floats) -> NDArray[np.bool_]:
    """Which of these moments came after the answer of the record's request; NaN is never. Where
    the request has not ended, or was not recorded, it is not known to have been answered."""
    answered = answered_at(rows, of_requests)
    return np.asarray(np.where(np.isnan(moments), np.inf, moments) >= answered, np.bool_)


def answered_at(rows: Records, of_requests: Records) -> Floats:
    """When each record's request was answered, NaN where that is not known."""
    if not len(rows):
        return np.full(len(of_requests), np.nan)
    at, ours = places_of(rows, of_requests)
    return np.where(ours, rows["answered"][at], np.nan)


def keeps_answers(rows: Records, stays: Records, got: Floats) -> bool:
    """Whether a place is taken before answers as well, as far as that is known of its stays;
    `got` is when each got its place, NaN: not yet."""
    known = ~np.isnan(answered_at(rows, stays))
    if not known.any():
        return True
    return float(after_answer(rows, stays, got)[known].mean()) <= 1 - BEFORE_MATTERS
