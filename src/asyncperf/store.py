"""A run folder and a `Run`, each from the other.

    run.json          everything but the samples; replaced as a whole, never half written
    samples-N.npz     the samples of the N-th load, as NumPy arrays
    logs/             what the server printed, a file for each load
    scratch/          what the load generator wrote; gone when the run is complete

The folder is written as the run goes on, so that whatever ends it, the loads that were
done are kept. `status` then says "running", and is read as "partial".
"""

import io
import os
import re
import shutil
import time
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter, ValidationError

from asyncperf.errors import StoreError
from asyncperf.insight_files import insight_file, pack_insight, read_insight_file
from asyncperf.levels import Held
from asyncperf.model import (
    Endpoint,
    GeneratorHealth,
    Load,
    LoadPlan,
    Machine,
    Measured,
    Run,
    RunStatus,
    Target,
)
from asyncperf.samples import Precision, Samples
from asyncperf.sites import Verdicts

# 2: samples may be folded. An older reader would take every entry for one request.
SCHEMA_VERSION = 2
HOME = Path(".asyncperf")
RUNS = HOME / "runs"
RUN_FILE = "run.json"
HIDDEN = "(not saved)"
# What reading a damaged archive raises; RuntimeError where its flags ask for a password.
NOT_SAMPLES = (OSError, ValueError, EOFError, RuntimeError, zlib.error, zipfile.BadZipFile)
ARRAYS = ("start_s", "latency_s", "status", "ok", "received_bytes", "cut_off_s")
# Stored where the engine recorded them, the last three where it folded them.
OPTIONAL_ARRAYS = ("late_s", "first_byte_s", "outcome", "weight", "least_s", "most_s")


@dataclass(frozen=True)
class _StoredEndpoint:
    endpoint: Endpoint
    unloaded_errors: Mapping[str, int]
    errors: Mapping[str, int]
    precision: Precision | None = None


@dataclass(frozen=True)
class _StoredLoad:
    name: str
    started_at: float
    duration_s: float
    ramp_end_s: float | None
    generator: GeneratorHealth
    endpoints: tuple[_StoredEndpoint, ...]
    trouble: str | None
    machine_cpu: float | None = None
    repetition: int = 1
    levels: tuple[Held, ...] = ()
    server_gone: bool = False


@dataclass(frozen=True)
class _StoredRun:
    schema_version: int
    tool: str
    started_at: float
    machine: Machine
    target: Target
    plan: LoadPlan
    loads: tuple[_StoredLoad, ...]
    status: RunStatus
    warnings: tuple[str, ...]
    verdicts: Verdicts | None = None


_STORED_RUN = TypeAdapter(_StoredRun)
_VERSION = TypeAdapter(dict[str, Any])


class RunFolder:
    """A run folder that is being written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.logs = path / "logs"
        self.scratch = path / "scratch"
        self._saved_loads = 0

    def save(self, run: Run) -> None:
        """Write what is new since the last call. Raises `StoreError`."""
        try:
            for number, load in enumerate(run.loads):
                if number >= self._saved_loads:
                    _save_samples(self.path / samples_file(number), load)
                    if load.insight is not None:
                        _replace(self.path / insight_file(number), pack_insight(load.insight))
            _replace(self.path / RUN_FILE, _STORED_RUN.dump_json(_stored(run), indent=2))
        except OSError as error:
            raise _cannot_write(self.path, error) from None
        self._saved_loads = len(run.loads)

    def discard_scratch(self) -> None:
        """Remove what the load generator left; its samples have been saved."""
        shutil.rmtree(self.scratch, ignore_errors=True)


def create_run_folder(path: Path | None, name: str, started_at: float, force: bool) -> RunFolder:
    """Make an empty folder for a run: `path`, or a new one below `.asyncperf/runs`.

    Raises `StoreError` if it cannot be made or written, or exists and holds something;
    with `force` a folder that holds a run is emptied first, and only such a folder.
    """
    try:
        if path is None:
            path = _new_default_path(name, started_at)
        elif path.exists():
            _make_empty(path, force)
        folder = RunFolder(path)
        folder.logs.mkdir(parents=True, exist_ok=True)
        folder.scratch.mkdir()
    except OSError as error:
        raise _cannot_write(path or RUNS, error) from None
    return folder


def _new_default_path(name: str, started_at: float) -> Path:
    RUNS.mkdir(parents=True, exist_ok=True)
    # Runs are large and personal; as other tools do, keep them out of version control.
    (HOME / ".gitignore").write_text("*\n")
    stamp = time.strftime("%Y-%m-%dT%H-%M", time.localtime(started_at))
    base = f"{stamp}-{re.sub(r'[^A-Za-z0-9_.]+', '-', name)}"
    for number in range(1, 1000):
        path = RUNS / (base if number == 1 else f"{base}-{number}")
        try:
            path.mkdir()
        except FileExistsError:
            continue
        return path
    raise StoreError(f"{RUNS} holds a thousand runs of this minute", "Remove some of them.")


def _make_empty(path: Path, force: bool) -> None:
    if not path.is_dir():
        raise StoreError(f"{str(path)!r} is a file", "Name a folder with --output.")
    if not any(path.iterdir()):
        return
    if not _holds_a_run(path):
        raise StoreError(
            f"{str(path)!r} is not empty and holds no run", "Name another folder with --output."
        )
    if not force:
        raise StoreError(
            f"{str(path)!r} already holds a run",
            "Name another folder with --output, or replace it with --force.",
        )
    # Only what a run consists of: whatever else lies there is someone's.
    for file in (path / RUN_FILE, *path.glob("samples-*.npz"), *path.glob("insight-*.npz")):
        file.unlink()
    for folder in ("logs", "scratch"):
        shutil.rmtree(path / folder, ignore_errors=True)


def _holds_a_run(path: Path) -> bool:
    try:
        content = _VERSION.validate_json((path / RUN_FILE).read_bytes())
    except (OSError, ValidationError):
        return False
    return "schema_version" in content and str(content.get("tool", "")).startswith("asyncperf")


def _cannot_write(path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"cannot write to {str(path)!r}: {error.strerror or error}",
        "Free or name a writable place with --output DIR.",
    )


def samples_file(number: int) -> str:
    return f"samples-{number:03}.npz"


def _save_samples(path: Path, load: Load) -> None:
    arrays = {
        f"{number}.{phase}.{name}": getattr(samples, name)
        for number, measured in enumerate(load.measured)
        for phase, samples in (("unloaded", measured.unloaded), ("loaded", measured.samples))
        for name in (*ARRAYS, *OPTIONAL_ARRAYS)
        if getattr(samples, name) is not None
    }
    content = io.BytesIO()
    np.savez_compressed(content, allow_pickle=False, **arrays)
    _replace(path, content.getvalue())


def _replace(path: Path, content: bytes) -> None:
    new = path.with_suffix(".new")
    new.write_bytes(content)
    os.replace(new, path)


def _stored(run: Run) -> _StoredRun:
    return _StoredRun(
        schema_version=SCHEMA_VERSION,
        tool=run.tool,
        started_at=run.started_at,
        machine=run.machine,
        target=run.target,
        # A header's value may be a secret, and runs travel.
        plan=replace(run.plan, headers=tuple((name, HIDDEN) for name, _ in run.plan.headers)),
        loads=tuple(
            _StoredLoad(
                name=load.name,
                started_at=load.started_at,
                duration_s=load.duration_s,
                ramp_end_s=load.ramp_end_s,
                generator=load.generator,
                endpoints=tuple(
                    _StoredEndpoint(
                        m.endpoint, m.unloaded.errors, m.samples.errors, m.samples.precision
                    )
                    for m in load.measured
                ),
                trouble=load.trouble,
                machine_cpu=load.machine_cpu,
                repetition=load.repetition,
                levels=load.levels,
                server_gone=load.server_gone,
            )
            for load in run.loads
        ),
        status=run.status,
        warnings=run.warnings,
        verdicts=run.verdicts,
    )


def find_run(name: str | None) -> Path:
    """The run folder that a name means: a path, a name below `.asyncperf/runs`, or the
    newest one there if no name is given. Raises `StoreError`."""
    if name is None:
        runs = sorted(RUNS.glob(f"*/{RUN_FILE}"), key=lambda file: file.stat().st_mtime)
        if not runs:
            raise StoreError(f"no run in {str(RUNS)!r}", "Make one: asyncperf run")
        return runs[-1].parent
    for path in (Path(name), RUNS / name):
        # os.path: a name that no file can have is no run, and no error either.
        if os.path.exists(path / RUN_FILE):
            return path
        if path.name == RUN_FILE and os.path.exists(path):
            return path.parent
    raise StoreError(f"no run at {name!r}", f"Give a run folder; the default place is {RUNS}")


def load_run(path: Path) -> Run:
    """Read a run folder. Raises `StoreError` when it is corrupt or of a newer schema."""
    try:
        content = (path / RUN_FILE).read_bytes()
        version = _VERSION.validate_json(content).get("schema_version")
        if isinstance(version, int) and version > SCHEMA_VERSION:
            raise StoreError(
                f"{str(path)!r} was written by a newer asyncperf (schema {version}, "
                f"this one reads up to {SCHEMA_VERSION})",
                "Update asyncperf to read it.",
            )
        stored = _STORED_RUN.validate_json(content)
        loads = tuple(
            replace(
                _load(path / samples_file(number), load),
                insight=read_insight_file(path / insight_file(number)),
            )
            for number, load in enumerate(stored.loads)
        )
    except ValidationError as error:
        raise _corrupt(path, str(error).splitlines()[0]) from None
    except (*NOT_SAMPLES, KeyError) as error:
        raise _corrupt(path, str(error)) from None
    return Run(
        tool=stored.tool,
        started_at=stored.started_at,
        machine=stored.machine,
        target=stored.target,
        plan=stored.plan,
        loads=loads,
        # A run that still says so was killed before it could say anything else.
        status="partial" if stored.status == "running" else stored.status,
        warnings=stored.warnings,
        verdicts=stored.verdicts,
    )


def _corrupt(path: Path, why: str) -> StoreError:
    return StoreError(f"the run in {str(path)!r} is corrupt: {why}", "Measure again.")


def _load(path: Path, stored: _StoredLoad) -> Load:
    # Opened here: NumPy leaves a file open that turns out to be no archive.
    with path.open("rb") as file:
        arrays = np.load(file, allow_pickle=False)
        if not isinstance(arrays, np.lib.npyio.NpzFile):
            raise ValueError(f"{path.name} holds no arrays by name")
        measured = tuple(
            Measured(
                endpoint=entry.endpoint,
                unloaded=_samples(arrays, f"{number}.unloaded", entry.unloaded_errors),
                samples=_samples(arrays, f"{number}.loaded", entry.errors, entry.precision),
            )
            for number, entry in enumerate(stored.endpoints)
        )
    return Load(
        name=stored.name,
        started_at=stored.started_at,
        duration_s=stored.duration_s,
        ramp_end_s=stored.ramp_end_s,
        generator=stored.generator,
        measured=measured,
        trouble=stored.trouble,
        machine_cpu=stored.machine_cpu,
        repetition=stored.repetition,
        levels=stored.levels,
        server_gone=stored.server_gone,
    )


def _samples(
    arrays: Mapping[str, Any],
    prefix: str,
    errors: Mapping[str, int],
    precision: Precision | None = None,
) -> Samples:
    names = (*ARRAYS, *(name for name in OPTIONAL_ARRAYS if f"{prefix}.{name}" in arrays))
    columns = {name: arrays[f"{prefix}.{name}"] for name in names}
    shapes = {column.shape for name, column in columns.items() if name != "cut_off_s"}
    if len(shapes) != 1 or any(len(shape) != 1 for shape in (*shapes, columns["cut_off_s"].shape)):
        raise ValueError("its sample arrays differ in length")
    if {"weight", "least_s", "most_s"} & columns.keys() and precision is None:
        raise ValueError("its samples are folded, and nothing says how finely")
    return Samples(**columns, errors=errors, precision=precision)
