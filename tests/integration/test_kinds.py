"""Answers of every kind, in one mix: what each of them waits for."""

import json
from collections.abc import Callable
from pathlib import Path

import httpx
import jsonschema
import pytest

from .conftest import APPS, ROOT, Finished, measures

Asyncperf = Callable[..., Finished]
SCHEMA = json.loads((ROOT / "docs" / "result.schema.json").read_text())
STEP_S = 0.004
# uvloop's timers count whole milliseconds, from when its loop last woke: a step may be shorter.
ALMOST = 0.75
UPLOAD = httpx.Request(
    "POST", "http://127.0.0.1", files={"file": b"x" * 10_000}, data={"title": "five!"}
)
# The largest part of each, and how long it is at least; each has two that load it.
LARGEST = {
    "/upload": ("await", STEP_S),
    "/stream": ("await", 4 * STEP_S),
    "/stream-sync": ("pool_run", 4 * STEP_S),
    "/background": ("await", STEP_S),  # not what goes on after the answer
    "/resources": ("await", 2 * STEP_S),
    "/threaded": ("pool_run", STEP_S),
    "/excused": ("pool_run", STEP_S),  # in its handler
    "/inner/deep": ("await", STEP_S),
}
# An await of each, in whatever task the middleware has put it, and how long it is at least.
AWAITS = {
    "/upload": ("await asyncio.sleep(STEP_S)", STEP_S),
    "/background": ("await asyncio.sleep(STEP_S)", STEP_S),
    "/inner/deep": ("await asyncio.sleep(STEP_S)", STEP_S),
}


def requests_file(folder: Path) -> Path:
    (folder / "upload.bin").write_bytes(UPLOAD.read())
    kind = UPLOAD.headers["content-type"]
    tables = [
        'method = "POST"\npath = "/upload"\nbody_file = "upload.bin"\n'
        f'headers = {{ Content-Type = "{kind}" }}',
        *(f'path = "{path}"' for path in [*LARGEST][1:]),
        'path = "/file"',
        'path = "/static/kinds.py"',
        'path = "/checked?number=3"',
    ]
    file = folder / "requests.toml"
    file.write_text("\n".join(f"[[request]]\n{table}\n" for table in tables))
    return file


@measures
@pytest.mark.timeout(300)
def test_the_parts_of_each_kind_are_what_it_does(asyncperf: Asyncperf, tmp_path: Path) -> None:
    load = ("--mix", "-u", 4, "-r", 40, "-t", "6s", "-w", 1, "--json", "-", "--fail-on", "never")
    done = asyncperf("run", APPS / "kinds.py", "--requests", requests_file(tmp_path), *load)
    jsonschema.validate(done.document, SCHEMA)
    found = {endpoint["path"]: endpoint for endpoint in done.document["endpoints"]}
    for path, (largest, least_s) in LARGEST.items():
        parts, mean_s = found[path]["breakdown_s"], found[path]["latency_s"]["mean"]
        assert sum(parts.values()) == pytest.approx(mean_s, rel=1e-9), path
        assert max(parts, key=lambda name: parts[name]) == largest, (path, parts)
        assert parts[largest] >= ALMOST * least_s, (path, parts)
        # The answer's way back: a client that waits for a CPU, as well.
        assert abs(parts["other"]) < 0.25 * mean_s, (path, parts)
    for path, (text, least_s) in AWAITS.items():
        awaits = {each["text"]: each["mean_s"] for each in found[path]["awaits"]}
        assert awaits[text] >= ALMOST * least_s
        # They are of fewer requests than the mean is; with all that comes after it would be more.
        assert sum(awaits.values()) < 2 * found[path]["latency_s"]["mean"]
    for path in ("/file", "/static/kinds.py", "/checked"):
        parts = found[path]["breakdown_s"]
        # Files are read on threads; what FastAPI checks by itself is done on the loop.
        assert (parts["pool_run"] > 0) is (path != "/checked")
        assert sum(parts.values()) == pytest.approx(found[path]["latency_s"]["mean"], rel=1e-9)
