"""The parts of a syntax tree."""

import ast
import sys
from pathlib import Path

import pytest

from asyncperf.scan.syntax import children

NO_PARTS = ast.expr_context | ast.boolop | ast.operator | ast.unaryop | ast.cmpop | ast.type_ignore
# All of the grammar, as the standard library tests it.
GRAMMAR = ("test_grammar", "test_patma", "test_fstring", "test_type_params", "test_unpack_ex")


@pytest.mark.parametrize("name", GRAMMAR)
def test_the_parts_are_those_that_ast_gives(name):
    file = Path(ast.__file__).parent / "test" / f"{name}.py"
    if not file.exists():
        pytest.skip(f"{name} is not among the tests of Python {sys.version_info[0:2]}")
    for node in ast.walk(ast.parse(file.read_text())):
        parts = [part for part in ast.iter_child_nodes(node) if not isinstance(part, NO_PARTS)]
        assert children(node) == parts
