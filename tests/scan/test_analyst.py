"""What is remembered of functions."""

from pathlib import Path

from asyncperf.scan import load


def test_what_functions_share_is_kept_once(tmp_path: Path) -> None:
    """In a large project most effects are those of callees, said again by each caller."""
    (tmp_path / "a.py").write_text(
        "class State:\n    count: int\n"
        "STATE = State()\n"
        "def read(state: State) -> State:\n    state.count += 1\n    return state\n"
        "def first():\n    return read(STATE)\n"
        "def second():\n    return read(STATE)\n"
    )
    loaded = load([tmp_path], tmp_path)
    functions = {f.name: f for f in loaded.project.modules["a.py"].functions}
    first, second = (loaded.analyst.summary(functions[name]) for name in ("first", "second"))
    own = {id(effect) for effect in first.effects if effect.line == 5}  # `state.count += 1`
    assert own
    assert own == {id(effect) for effect in second.effects if effect.line == 5}
    assert first.returns.places
    assert first.returns is second.returns
