import pytest

from asyncperf.scan.ignores import Ignore, ignores


def read(source):
    return ignores(source.splitlines())


def test_a_comment_concerns_its_line_with_its_codes_and_reason():
    [ignore] = read("x = 1\nawait a()  # asyncperf: ignore[sequential-awaits, blocking-call] why")
    assert ignore == Ignore(2, 2, ("sequential-awaits", "blocking-call"), "why")
    assert ignore.problems(used=True) == []


def test_a_comment_on_a_line_of_its_own_concerns_the_next_line_of_code():
    [ignore] = read("# asyncperf: ignore[blocking-call] why\n\n# more\nf()\n")
    assert (ignore.line, ignore.concerns) == (1, 4)


def test_what_only_looks_like_a_comment_is_none():
    assert read('text = "# asyncperf: ignore[blocking-call]"') == []


def test_a_file_that_is_no_python_has_none():
    assert read("(  # asyncperf: ignore[blocking-call] why") == []


@pytest.mark.parametrize(
    ("comment", "problem"),
    [
        ("ignore", "names no code"),
        ("ignore[] why", "names no code"),
        ("ignore[blocking-call]", "gives no reason"),
        ("ignore[loop-blocked] why", "ignores 'loop-blocked', which is no code of the scan"),
    ],
)
def test_what_is_wrong_with_a_comment_is_said(comment, problem):
    [ignore] = read(f"f()  # asyncperf: {comment}")
    [said] = ignore.problems(used=True)
    assert said.startswith(problem)


def test_a_comment_that_ignores_nothing_is_said():
    [ignore] = read("f()  # asyncperf: ignore[blocking-call] why")
    assert ignore.problems(used=False) == ["ignores nothing that is found here: remove it"]
