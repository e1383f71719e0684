"""A run folder gives back what was put in."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asyncperf.model import GeneratorHealth, LoadPlan, Measured, Skipped
from asyncperf.samples import Samples
from asyncperf.store import RUN_FILE, create_run_folder, load_run, samples_file

from .builders import BLOCKING, ITEMS, alone, load_of, run_of, samples
from .folded import folded
from .saved import STARTED_AT, in_a_folder_of_its_own, mishap, same, saved

here = pytest.fixture(autouse=True)(in_a_folder_of_its_own)


def full_run():
    target = replace(
        run_of().target,
        skipped=(Skipped("POST", "/items", "POST may write"),),
        env_digests={"SIZE": "4e074085"},
    )
    first = load_of(
        Measured(
            ITEMS,
            alone(0.1),
            samples(
                [0.0, 1 / 3, 2.0],
                [0.1, 0.2, 1e-9],
                ok=[True, False, True],
                cut_off_s=[3.1, 3.2],
                errors={"HTTP 500 – „größer“\n\x1b[31m": 1},
            ),
        ),
        Measured(replace(BLOCKING, handler=None), Samples.none(), Samples.none()),
        generator=GeneratorHealth(None, None),
        ramp_end_s=None,
        trouble="interrupted",
        server_gone=True,
    )
    return run_of(
        first,
        load_of(),
        load_of(repetition=2),
        target=target,
        plan=LoadPlan("locust 2.47", 7, 0.1, None, 600.0, 60.0),
        status="partial",
        warnings=("a warning",),
    )


@pytest.mark.parametrize("run", [run_of(), run_of(load_of()), full_run()])
def test_a_run_comes_back_as_it_was_saved(run):
    assert same(load_run(saved(run)), run)


def test_a_run_from_before_there_were_repetitions_is_read():
    path = saved(run_of(load_of()))
    stored = json.loads((path / RUN_FILE).read_text())
    del stored["loads"][0]["repetition"], stored["loads"][0]["server_gone"]
    del stored["target"]["env_digests"]
    (path / RUN_FILE).write_text(json.dumps(stored))
    run = load_run(path)
    assert (run.loads[0].repetition, run.target.env_digests) == (1, {})


def test_a_run_from_before_samples_were_folded_is_read():
    path = saved(full_run())
    stored = json.loads((path / RUN_FILE).read_text())
    assert stored["schema_version"] == 2
    stored["schema_version"] = 1
    for load in stored["loads"]:
        for endpoint in load["endpoints"]:
            del endpoint["precision"]
    (path / RUN_FILE).write_text(json.dumps(stored))
    assert same(load_run(path), full_run())


def folded_run():
    found = folded(samples(np.arange(0.0, 100.0, 0.001), 0.1), cell_s=0.03)
    found = replace(found, cut_off_s=np.array([99.9]), errors={"HTTP 500": 1})
    return run_of(load_of(Measured(ITEMS, alone(0.1), found)))


def test_folded_samples_come_back_bit_for_bit():
    run = folded_run()
    again = load_run(saved(run))
    assert same(again, run)
    assert again.loads[0].measured[0].samples.requests == 100_000


def test_folded_samples_without_their_precision_are_named():
    path = saved(folded_run())
    stored = json.loads((path / RUN_FILE).read_text())
    del stored["loads"][0]["endpoints"][0]["precision"]
    (path / RUN_FILE).write_text(json.dumps(stored))
    assert "nothing says how finely" in str(mishap(load_run, path))


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(0, 1e3), st.booleans()), max_size=20),
    st.dictionaries(st.text(max_size=10), st.integers(0, 2**40), max_size=3),
)
def test_any_samples_come_back(rows, errors):
    starts, latencies, ok = ([row[i] for row in rows] for i in range(3))
    errors = {text.encode(errors="replace").decode(): n for text, n in errors.items()}
    found = samples(starts, np.array(latencies), ok=np.array(ok), errors=errors)
    run = run_of(load_of(Measured(ITEMS, Samples.none(), found)))
    path = saved(run)
    try:
        assert same(load_run(path), run)
    finally:
        shutil.rmtree(path)


def test_loads_are_saved_as_they_come():
    folder = create_run_folder(Path("run"), "shop:app", STARTED_AT, force=False)
    folder.save(run_of(status="running"))
    assert len(load_run(folder.path).loads) == 0
    folder.save(run_of(load_of(), status="running"))
    first = (folder.path / samples_file(0)).stat().st_mtime_ns
    folder.save(run_of(load_of(), load_of(), status="complete"))
    assert len(load_run(folder.path).loads) == 2
    assert (folder.path / samples_file(0)).stat().st_mtime_ns == first  # not written again


@pytest.mark.parametrize(
    ("status", "read"),
    [("running", "partial"), ("partial", "partial"), ("complete", "complete")],
)
def test_a_run_that_was_killed_is_partial(status, read):
    assert load_run(saved(run_of(load_of(), status=status))).status == read


def test_scratch_is_for_the_load_generator_and_goes_away():
    folder = create_run_folder(Path("run"), "shop:app", STARTED_AT, force=False)
    (folder.scratch / "record.jsonl").touch()
    folder.discard_scratch()
    folder.discard_scratch()
    assert not folder.scratch.exists()
    assert folder.logs.is_dir()


def test_the_values_of_headers_are_not_saved(tmp_path):
    run = run_of()
    run = replace(run, plan=replace(run.plan, headers=(("Authorization", "Bearer s3cret"),)))
    folder = create_run_folder(tmp_path / "run", "app", 0.0, force=False)
    folder.save(run)
    assert "s3cret" not in (tmp_path / "run" / "run.json").read_text()
    assert [name for name, _ in load_run(tmp_path / "run").plan.headers] == ["Authorization"]
