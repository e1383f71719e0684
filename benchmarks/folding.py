"""Memory, disk and CPU of a load's ledger, while the requests grow.

    python benchmarks/folding.py [MILLIONS ...]

Two load processes' records are made up, 20,000 requests a second with latencies that spread as
those of a busy app do, and read as `asyncperf run` reads them: two looks a second of the load's
own time, further apart where looking has become dearer. The greatest memory of this process
must not grow with the number of requests once they are folded, and neither must the folder.
"""

import json
import resource
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
import psutil

from asyncperf.analysis.measurement import view_of
from asyncperf.analysis.sufficiency import view_is_enough
from asyncperf.load.native_ledger import NativeLedger
from asyncperf.load.orders import Files
from asyncperf.load.outcomes import Outcome
from asyncperf.load.record_format import LOADED, SEGMENT
from asyncperf.load.record_reader import DTYPE, Records
from asyncperf.model import Endpoint, LoadPlan, Measured
from asyncperf.trial import LOOKING_SHARE, POLL_S

KEY = ("GET", "/ok")
RATE_RPS, PROCESSES = 20_000.0, 2
PLAN = LoadPlan("native", 200, 100.0, None, 1e9, 60.0, processes=PROCESSES)
MILLIONS = (1, 2, 5, 10, 20)
# How much more memory twenty million requests may take than two.
MAY_GROW = 1.2


class Process:
    """Writes made-up records, segment after segment, as a load process does."""

    def __init__(self, files: Files, number: int) -> None:
        self._path = partial(files.records, number)
        self._events = files.events(number)
        self._random = np.random.default_rng(number)
        self._segment = self._written = 0
        self._path(0).touch()
        self.event("begun", 0.0)
        if number == 0:
            self.event("ramp", 1.0, 1_795_000_000.0)
        self.event("ramped", 3.0)

    def event(self, *event: object) -> None:
        with self._events.open("a") as file:
            file.write(json.dumps(event) + "\n")

    def write(self, from_s: float, until_s: float) -> None:
        records = self._records(from_s, until_s)
        while len(records):
            part = records[: SEGMENT - self._written]
            with self._path(self._segment).open("ab") as file:
                file.write(part.tobytes())
            self._written += len(part)
            records = records[len(part) :]
            if self._written == SEGMENT:
                self._segment, self._written = self._segment + 1, 0
                self._path(self._segment).touch()
        self.event("h", until_s, until_s / 2, 0.001)

    def _records(self, from_s: float, until_s: float) -> Records:
        n = round((until_s - from_s) * RATE_RPS / PROCESSES)
        records = np.zeros(n, DTYPE)
        end = np.sort(self._random.uniform(from_s, until_s, n))
        latency = self._random.lognormal(np.log(0.008), 0.4, n)
        records["end"], records["start"] = end, end - latency
        records["intended"], records["first"] = end - latency, end - latency / 10
        records["received"], records["status"] = 34, 200
        failed = self._random.random(n) < 0.01
        records["outcome"] = np.where(failed, int(Outcome.HTTP_ERROR), int(Outcome.OK))
        records["status"][failed] = 503
        records["phase"] = LOADED
        return records


def main(millions: list[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        files = Files(Path(folder))
        processes = [Process(files, number) for number in range(PROCESSES)]
        ledger = NativeLedger(files, PROCESSES, [KEY])
        process = psutil.Process()
        now_s, cpu_s, looked_s, disk, peaks = 1.0, 0.0, 0.0, 0, []
        print("requests   entries  times to  greatest memory  greatest folder  CPU looking")
        for goal in millions:
            while now_s < 1.0 + goal * 1e6 / RATE_RPS:
                until_s = now_s + max(POLL_S, looked_s / LOOKING_SHARE)
                for writer in processes:
                    writer.write(now_s, until_s)
                now_s = until_s
                disk = max(disk, sum(file.stat().st_size for file in Path(folder).iterdir()))
                looking = time.thread_time()
                ledger.update()
                recording = ledger.recording(PLAN)
                samples = recording.loaded[KEY]
                measured = (Measured(Endpoint(*KEY), recording.unloaded[KEY], samples),)
                view_is_enough(view_of(measured, recording.ramp_end_s, recording.duration_s))
                looked_s = time.thread_time() - looking
                cpu_s += looked_s
            peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
            print(
                f"{samples.requests:>9,}  {len(samples):>7,}  "
                f"{1000 * samples.precision.time_s if samples.precision else 0:>5.0f} ms  "
                f"{peaks[-1] / 1e6:>8.0f} MB now {process.memory_info().rss / 1e6:.0f}  "
                f"{disk / 1e6:>12.0f} MB  {cpu_s / (now_s - 1.0):>10.1%}",
                flush=True,
            )
            disk = 0
        verdict = "ok" if peaks[-1] <= MAY_GROW * peaks[1] else "MISSED"
        print(f"memory grew by {peaks[-1] / peaks[1] - 1:.0%} from {millions[1]} million {verdict}")


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or list(MILLIONS))
