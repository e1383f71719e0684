"""A ledger without a worker around it, and what was written in it."""

import asyncio
import gc
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from asyncperf.probe.ledger import OPEN, Ledger
from asyncperf.probe.notes import read_notes
from asyncperf.probe.numbering import Sites
from asyncperf.probe.record_format import TABLES, TRIP_KINDS, packing, records_of
from asyncperf.probe.request import STEPPING, Request, Stepping, timed
from asyncperf.probe.tables import Tables
from asyncperf.probe.tasks import watch_tasks
from asyncperf.probe.timeline import Track

from .detail import installed

hooked = pytest.fixture(name="hooked")(installed)


@dataclass
class Recorded:
    """What hooks recorded, sites and resources by name."""

    folder: Path
    ledger: Ledger
    tables: Tables

    def request(self, number: int = 7, detail: int = 1) -> Request:
        return Request(number, 0.0, 0.0, detail)

    def run(
        self,
        coroutine: Any,
        request: Request | None = None,
        loop: Any = None,
        track: Track | None = None,
    ) -> Any:
        """Run a coroutine as a request's own task, or as that of a request which is not
        recorded."""

        async def main() -> Any:
            watch_tasks(asyncio.get_running_loop())
            return await (coroutine if request is None else timed(coroutine, request, track))

        with asyncio.Runner(loop_factory=loop) as runner:
            return runner.run(main())

    def trips(self) -> list[dict[str, Any]]:
        rows = self._rows("trips")
        for row in rows:
            row["cause"] = self._named("site", row["cause"], "function")
            row["pool"] = self._named("resource", row["pool"], "name")
            row["kind"] = TRIP_KINDS[row["kind"]]
        return rows

    def uses(self) -> list[dict[str, Any]]:
        rows = self._rows("uses")
        for row in rows:
            row["line"] = self._named("site", row["site"], "line")
            row["site"] = self._named("site", row["site"], "function")
            row["resource"] = self._named("resource", row["resource"], "name")
        return rows

    def all_resources(self) -> list[dict[str, Any]]:
        return [note for note in read_notes(self.folder) if note["note"] == "resource"]

    def resources(self) -> dict[str, dict[str, Any]]:
        return {note["name"]: note for note in self.all_resources()}

    def forget(self) -> None:
        """What was written so far."""
        self.uses()
        for file in self.folder.glob("*.bin"):
            file.write_bytes(b"")

    def line_of(self, site: int) -> dict[str, Any]:
        """The note of that site."""
        [found] = [
            note
            for note in read_notes(self.folder)
            if (note["note"], note.get("number")) == ("site", site)
        ]
        return found

    def _rows(self, table: str) -> list[dict[str, Any]]:
        self.tables.cut()
        self.tables.write()
        names = [name for name, _ in TABLES[table]]
        data = b"".join(
            records_of(file.read_bytes()) for file in self.folder.glob(f"{table}-*.bin")
        )
        found = packing(TABLES[table]).iter_unpack(data)
        return [dict(zip(names, values, strict=True)) for values in found]

    def _named(self, what: str, number: int, key: str) -> Any:
        for note in read_notes(self.folder):
            if (note["note"], note.get("number")) == (what, number):
                return note[key]
        return None


@pytest.fixture
def recorded(tmp_path, monkeypatch):
    folder = tmp_path / "probe"
    folder.mkdir()
    tables = Tables(folder)
    ledger = Ledger(str(folder), tables, Sites(str(folder)))
    monkeypatch.setattr(OPEN, "ledger", ledger)
    for name in ("attributes", "follows"):
        monkeypatch.setattr(STEPPING, name, getattr(STEPPING, name))
    return Recorded(folder, ledger, tables)


@pytest.fixture
def clean():
    """What a worker leaves in its process: none of it is for the next test."""
    callbacks = list(gc.callbacks)
    yield
    gc.callbacks[:] = callbacks
    fresh = Stepping()
    for name in (name for name in dir(fresh) if not name.startswith("_")):
        setattr(STEPPING, name, getattr(fresh, name))
