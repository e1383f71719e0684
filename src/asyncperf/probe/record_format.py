"""What a worker records, as packed tables, and the words that both sides share.

Each process has one file a table of `FILES`, `TABLE-PID.bin`, of blocks (`block`) of records
packed little-endian without gaps, and `notes-PID.jsonl` for what comes rarely. Times are seconds of
`time.perf_counter`, one clock for all processes of a machine; a duration is of kind f4.
`TABLES` is what is made of them: the same, but for requests and spans, which are too many
for fields that are mostly 0 or that a duration says as well.
Nothing of a request's headers or body is in them.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from struct import Struct

# (field, struct code) of each table.
Fields = tuple[tuple[str, str], ...]

REQUESTS: Fields = (
    ("sent", "d"),  # when the load engine began it, NaN if that did not travel with it
    ("start", "d"),  # when the app was called
    ("answered", "d"),  # when the app had handed over the end of its answer
    ("end", "d"),  # when the app's call returned, background tasks included
    # How long after `answered` the loop's turn was over, where it sends only then (uvloop); else 0
    ("left_s", "f"),
    ("number", "I"),  # which request of this worker
    ("steps", "I"),  # how often its tasks ran on the loop
    ("loop_s", "f"),  # how long they did, collections included
    # A part of `loop_s`: after the answer, as of background tasks; 0 where that is next to nothing
    ("late_loop_s", "f"),
    ("gc_s", "f"),  # collections in those steps
    ("pool_wait_s", "f"),  # its waits for a thread; where trips overlap, one of them counts
    ("pool_run_s", "f"),  # ... the time on the thread
    ("resume_s", "f"),  # ... and from there until the task ran again
    ("conn_wait_s", "f"),  # its waits for a connection, apart from those on a thread
    ("lock_wait_s", "f"),  # ... for a lock or a semaphore
    ("thread_conn_wait_s", "f"),  # a part of `pool_run_s`: waits for a connection on a thread
    ("route", "H"),  # number of a `route` note
    ("status", "H"),  # 0 where no answer began
    ("trips", "H"),  # to the thread pool, of all its tasks
    # 0 if its awaits were not recorded, 1 if all were, and 1 more for each that was left out
    ("detail", "H"),
)
# A request in its file, without what only some requests have.
REQUESTS_FILE: Fields = (
    ("sent", "d"),
    ("start", "d"),
    ("answered_s", "f"),  # how long after `start`
    ("end_s", "f"),
    ("loop_s", "f"),
    ("number", "I"),
    ("steps", "H"),
    ("route", "H"),
    ("status", "H"),
    ("detail", "H"),
    ("waited", "B"),  # 1 if it has a record in `waits`
    ("left_s", "f"),
)
# What only some requests have, written before the request.
WAITS_FILE: Fields = (
    ("number", "I"),
    ("late_loop_s", "f"),
    ("gc_s", "f"),
    ("pool_wait_s", "f"),
    ("pool_run_s", "f"),
    ("resume_s", "f"),
    ("conn_wait_s", "f"),
    ("lock_wait_s", "f"),
    ("thread_conn_wait_s", "f"),
    ("trips", "H"),
)
# A trip to a pool of threads, of a recorded request or of a task of the app's own.
TRIPS: Fields = (
    ("asked", "d"),
    ("wait_s", "f"),  # until the function began in a thread, or the trip was given up
    ("run_s", "f"),  # until it ended or was given up, NaN if it never began
    ("resume_s", "f"),  # until who waited for it ran again
    ("request", "I"),
    ("cause", "H"),  # number of a `site` note: the function, or the line that sent a builtin
    ("kind", "H"),  # who sent it: index into `TRIP_KINDS`
    ("pool", "H"),  # number of a `resource` note
)
TRIP_KINDS = (
    "other",
    "endpoint",
    "dependency",
    "generator dependency enter",
    "generator dependency exit",
    "response validation",
    "response body",  # the next piece of a generator
    "background task",
    "run_in_threadpool",  # a call in the user's code, of this or of its like
    "FileResponse",
    "static files",
    "upload file",
    "compression",
    "exception handler",
    "WSGI app",
)
# In a request that was recorded in detail: an await of the user's code (of `async for`, each
# item; of `async with`, the entry and the exit), or FastAPI's of a dependency or endpoint; or
# a task as a whole.
SPANS: Fields = (
    ("start", "d"),
    ("end", "d"),
    ("request", "I"),
    ("task", "I"),  # which task of the request, 0 its own
    ("span", "I"),  # which span of the request, in order of their starts
    # The span around it, its own number if there is none. Around a task it is the one in
    # which the task was created. `await gather(one(), two())` evaluates its arguments first,
    # so its tasks and its own span lie side by side.
    ("parent", "I"),
    ("site", "H"),  # number of a `site` note: where the await stands, 0 for a whole task
    ("callee", "H"),  # number of a `site` note: the function awaited, 0 if it is none
    ("outcome", "H"),  # 0 returned, 1 raised, 2 cancelled
)
SPANS_FILE: Fields = (
    ("start", "d"),
    ("duration_s", "f"),
    ("request", "I"),
    ("task", "H"),
    ("span", "H"),
    ("parent", "H"),
    ("site", "H"),
    ("callee", "H"),
    ("outcome", "B"),
)
# A stay with something of limited capacity: a connection of a pool, a lock, a semaphore.
# One that lasts is recorded before it ends: of records that agree in `request`, `asked`,
# `resource` and `instance`, the last one counts.
USES: Fields = (
    ("asked", "d"),
    ("got", "d"),  # NaN if it gave up, or still waited at the end
    ("released", "d"),  # NaN if it never got it, or still held it at the end
    ("request", "I"),
    ("instance", "I"),  # which one, of all that are described by this resource
    ("resource", "H"),  # number of a `resource` note
    ("site", "H"),  # number of a `site` note: the user's line that asked, where in detail
    ("task", "H"),  # which task of the request asked, as in `spans`; `NO_TASK` if not in detail
    # 1 for a connection if who asked, or who waits for the asker, held one of the same pool
    ("nested", "H"),
    ("on_thread", "H"),  # 1 if it was asked for on a thread, which waits with it
)
NO_TASK = 0xFFFF
# AnyIO's default limiter, which FastAPI and Starlette use; its use stands in `TICKS`.
DEFAULT_POOL = "thread pool"
# The kinds of resources. `ONE_AT_A_TIME` is a session or connection, used by one call; it is
# a request's own, so nobody waits for it.
THREADS, CONNECTIONS, LOCK, SEMAPHORE, CAPACITY_LIMITER, MAX_CONCURRENCY, ONE_AT_A_TIME = (
    "threads",
    "connections",
    "lock",
    "semaphore",
    "capacity limiter",
    "max_concurrency",
    "one at a time",
)
# A garbage collection.
COLLECTIONS: Fields = (
    ("start", "d"),
    ("duration_s", "f"),  # without what it waited for a CPU
    ("in_flight", "I"),  # requests
    ("generation", "H"),
    ("on_loop", "H"),  # 1 if the thread of the event loop ran it, 0 if another did
)
# The event loop did one thing for long.
STALLS: Fields = (
    ("start", "d"),
    ("duration_s", "f"),
    ("cpu_s", "f"),  # of the loop's thread, in that time
    ("delay_s", "f"),  # ... for which it was ready to run, and no CPU was free
    ("request", "I"),  # whose step it was, `NO_REQUEST` for a callback or a task of its own
    ("stack", "H"),  # number of a `stack` note
    ("kind", "H"),
)
# Computed in Python; waited in a call; was in native code; waited for Python's lock, which
# another thread held.
CPU, BLOCKED, NATIVE, LOCKED = range(4)
# What stands for the file of a frame in a stack that Python has none for: of a callback that is no
# Python function. The name of one that cannot be asked for its own.
CALLED_BY_LOOP, UNNAMED = "<called by the event loop>", "<no Python function>"
# What the event loop's thread was at, at random moments of its CPU time.
PROFILE: Fields = (
    ("at", "d"),
    ("request", "I"),  # whose step it was, else `NO_REQUEST`
    ("stack", "H"),  # number of a `stack` note: the user's line, and what it called
)
# What a worker is like, at each tick of its timer (`ticks`), and every `RECORD_S` at least where
# requests tick.
TICKS: Fields = (
    ("at", "d"),
    ("cpu_s", "d"),  # of the event loop's thread, so far
    ("process_cpu_s", "d"),  # of all threads, so far
    ("delay_s", "d"),  # for which it was ready to run so far, and no CPU was free; NaN: unknown
    ("logged_s", "d"),  # spent on the server's access log so far, waits for a CPU apart
    ("late_s", "f"),  # how much later than asked the loop comes to its timer, if it is late
    ("in_flight", "I"),  # requests
    ("threads_busy", "H"),  # of the default thread pool, once a trip has been recorded
)

TABLES: dict[str, Fields] = {
    "requests": REQUESTS,
    "trips": TRIPS,
    "spans": SPANS,
    "uses": USES,
    "collections": COLLECTIONS,
    "stalls": STALLS,
    "profile": PROFILE,
    "ticks": TICKS,
}
FILES: dict[str, Fields] = {
    **TABLES,
    "requests": REQUESTS_FILE,
    "waits": WAITS_FILE,
    "spans": SPANS_FILE,
}
# The most that fits into a field of kind H.
MOST = 0xFFFF

RETURNED, RAISED, CANCELLED = range(3)
# The header in which a load engine says when it began a request: nanoseconds of the same
# clock. It comes last, in so many digits; the probe takes it out.
SENT_HEADER = "x-asyncperf-sent"
SENT_DIGITS = 19
# So many spans of a request are recorded: a stream without an end must not fill the memory.
MOST_SPANS = 2000
# No request: something that the app does by itself.
NO_REQUEST = 0xFFFFFFFF
# Site 0 is "no site".
NO_SITE = 0
# So many sites, routes and resources are told apart; the rest share the last number.
MOST_NUMBERED = 0xFFFF


def packing(fields: Fields) -> Struct:
    return Struct("<" + "".join(code for _, code in fields))


def file_name(table: str, pid: int) -> str:
    return f"{table}-{pid}.bin"


# Before each block of a file: its length, and 0 if it is as it was packed, else the size of the
# records that it was compressed from.
HEADER = Struct("<IB")
# Less than this comes of few requests: what it would save is not worth the CPU.
COMPRESSED_FROM = 16 * 1024
# So many records together stand in columns.
IN_COLUMNS = 1024


def block(records: bytes, size: int) -> bytes:
    """Records of `size` bytes as they stand in a file. In columns, all first bytes first, most are
    runs of one and the same; so zlib's way for runs is the fastest, and makes 0.3 to 0.5 of them.
    """
    if len(records) < COMPRESSED_FROM:
        return HEADER.pack(len(records), 0) + records
    compressing = zlib.compressobj(1, strategy=zlib.Z_RLE)
    parts = [
        compressing.compress(b"".join([together[n::size] for n in range(size)]))
        for together in _split(records, IN_COLUMNS * size)
    ]
    small = b"".join((*parts, compressing.flush()))
    return HEADER.pack(len(small), size) + small


def records_of(file: bytes) -> bytes:
    """The records of a file's blocks, as far as they were written: the last block may have been
    cut off, and then its last record, or the last of those that stand in columns together."""
    parts, at = [], 0
    while at + HEADER.size <= len(file):
        length, size = HEADER.unpack_from(file, at)
        at += HEADER.size
        part = file[at : at + length]
        at += length
        try:
            parts.append(_decompressed(part, size) if size else part)
        except zlib.error:
            break  # not what was written, and no more can be found behind it
    return b"".join(parts)


def _decompressed(part: bytes, size: int) -> bytes:
    decompressing = zlib.decompressobj()
    columns = decompressing.decompress(part)
    if not decompressing.eof:
        columns = columns[: len(columns) // (IN_COLUMNS * size) * IN_COLUMNS * size]
    return b"".join(_in_rows(each, size) for each in _split(columns, IN_COLUMNS * size))


def _in_rows(columns: bytes, size: int) -> bytearray:
    records, count = bytearray(len(columns)), len(columns) // size
    for number in range(size):
        records[number::size] = columns[number * count : (number + 1) * count]
    return records


def _split(data: bytes, length: int) -> Iterator[bytes]:
    return (data[at : at + length] for at in range(0, len(data), length))
