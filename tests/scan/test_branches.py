"""Which lines only run if a test comes out true, or false; and only on Windows or macOS."""

import ast
from textwrap import dedent

import pytest

from asyncperf.scan.branches import branches, conditions, for_desktops


def of(source):
    [node] = ast.parse(dedent(source)).body
    return branches(node)


def test_lines_under_a_test_beside_it_and_after_one_that_leaves():
    found = of(
        """\
        def f(a, b):
            if a:
                one()
            else:
                two()
            while b:
                three()
            for each in a:
                if each:
                    continue
                four()
            five()
        """
    )
    assert [(b.first, b.last, ast.unparse(b.test), b.outcome) for b in found] == [
        (3, 3, "a", True),
        (5, 5, "a", False),
        (7, 7, "b", True),
        (8, 12, "b", False),
        (10, 10, "each", True),
        (11, 11, "each", False),
    ]


def test_a_loop_that_breaks_says_nothing_of_what_follows():
    found = of("def f(a):\n    while a:\n        break\n    one()\n")
    assert [(branch.first, branch.outcome) for branch in found] == [(3, True)]


@pytest.mark.parametrize(
    ("test", "outcome", "expected"),
    [
        ("a", True, [("a", True)]),
        ("not a", True, [("a", False)]),
        ("a and not b", True, [("a", True), ("b", False)]),
        ("a and b", False, [("a and b", False)]),
        ("a or b", False, [("a", False), ("b", False)]),
        ("not (a or b)", True, [("a", False), ("b", False)]),
    ],
)
def test_what_must_hold_for_a_test_to_come_out_so(test, outcome, expected):
    node = ast.parse(test, mode="eval").body
    assert [(ast.unparse(part), holds) for part, holds in conditions(node, outcome)] == expected


@pytest.mark.parametrize(
    ("test", "lines"),
    [
        ("sys.platform == 'win32'", [3]),
        ("'win32' != sys.platform", []),
        ("sys.platform != 'win32'", [5]),
        ("sys.platform in ('win32', 'cygwin')", [3]),
        ("sys.platform.startswith('win')", [3]),
        ("not sys.platform.startswith('win')", [5]),
        ("os.name == 'nt'", [3]),
        ("platform.system() == 'Windows'", [3]),
        ("platform.system().lower() == 'windows' and a", [3]),
        ("IS_WINDOWS", [3]),
        ("is_windows()", [3]),
        ("windows", []),
        ("current_os == 'Windows'", [3]),
        ("self.platform_name == 'win32'", [3]),
        ("a == 'Windows'", []),
        ("sys.platform == 'darwin'", [3]),
        ("sys.platform in ('darwin', 'linux')", [5]),
        ("sys.platform != 'linux'", [3]),
        ("sys.platform not in ('linux', 'darwin')", [3]),
        ("not sys.platform.startswith('linux')", [3]),
        ("os.name != 'posix'", [3]),
        ("platform != 'linux'", []),
        ("IS_MACOS", [3]),
        ("'darwin' in platform.system().lower()", [3]),
        ("'linux' not in sys.platform", [3]),
        ("'linux' in sys.platform", [5]),
        ("'darwin' in names", []),
        ("macos", []),
        ("sys.platform == 'linux'", [5]),
        ("a or os.name == 'nt'", []),
    ],
)
def test_lines_for_desktops(test, lines):
    found = of(f"def f(a):\n    if {test}:\n        one()\n    else:\n        two()\n")
    assert [each.first for each in for_desktops(found)] == lines
