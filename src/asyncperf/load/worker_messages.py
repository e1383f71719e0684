"""What the master and its workers say to each other, beside Locust's own messages.

    asyncperf-ping   worker  {sent}                      by the worker's clock
    asyncperf-pong   master  {sent, answered}            by the master's
    asyncperf-ready  worker  {host, pid}                 it has imported all, and can begin
    asyncperf-alone  worker  {failed}                    its single user is done, and waits
    asyncperf-ramp   master                              the ramp begins
    asyncperf-batch  worker  {number, records, last}     what it has recorded since
    asyncperf-stop   master                              end the users, send the last batch
    asyncperf-over   master                              no more loads follow: end

Locust packs messages with msgpack, and anyone who reaches the master's port can send
one, so what a worker says is checked here before a line of it is written down.
Standard library only: it is imported inside Locust, on every machine.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PING = "asyncperf-ping"
PONG = "asyncperf-pong"
READY = "asyncperf-ready"
ALONE = "asyncperf-alone"
RAMP = "asyncperf-ramp"
BATCH = "asyncperf-batch"
STOP = "asyncperf-stop"
OVER = "asyncperf-over"

# With this code a worker's process says that the master has told it `OVER`.
OVER_CODE = 86

# A batch is sent every quarter of a second, in messages of at most so many records.
MOST_RECORDS = 2000
LONGEST_TEXT = 4000
LONGEST_NAME = 64
GREATEST = 1e12


@dataclass(frozen=True)
class Batch:
    """Records of a worker, checked; `number` counts its batches from 0, `refused` the
    records that were none."""

    number: int
    records: tuple[list[Any], ...]
    last: bool
    refused: int


def is_time(value: object) -> bool:
    """A finite number of seconds; an epoch in the far future is none."""
    return isinstance(value, int | float) and math.isfinite(value) and 0 <= value < GREATEST


def is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < GREATEST


def is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= LONGEST_TEXT


def is_text_or_none(value: object) -> bool:
    return value is None or is_text(value)


# The kinds of records that a worker may send, and what each holds: see `locust_listener`.
FIELDS = {
    "r": (is_time, is_time, is_text, is_text, is_count, is_count, is_text_or_none),
    "c": (is_time, is_text, is_text),
    "h": (is_time, is_time, is_time),
    "p": (is_time, is_time, is_time),
}


def is_record(value: object) -> bool:
    if not isinstance(value, list) or not value or not isinstance(value[0], str):
        return False
    fields = FIELDS.get(value[0])
    if fields is None or len(value) != 1 + len(fields):
        return False
    return all(check(field) for check, field in zip(fields, value[1:], strict=True))


def read_batch(data: object) -> Batch | None:
    """The batch that a message holds, None if it holds none."""
    if not isinstance(data, Mapping) or not is_count(data.get("number")):
        return None
    records = data.get("records")
    if not isinstance(records, list) or len(records) > MOST_RECORDS:
        return None
    good = tuple(record for record in records if is_record(record))
    return Batch(data["number"], good, data.get("last") is True, len(records) - len(good))


def worker_name(data: object) -> str:
    """A worker by its machine and process, in characters that nothing takes amiss."""
    said = data if isinstance(data, Mapping) else {}
    host = re.sub(r"[^A-Za-z0-9._-]", "", str(said.get("host", ""))[:LONGEST_NAME]) or "unnamed"
    pid = said.get("pid")
    return f"{host} (process {pid})" if is_count(pid) else host
