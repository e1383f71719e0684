"""Whether a call's arguments say that it shall not wait. For `scan` only."""

import ast

from asyncperf.scan.annotations import last_name
from asyncperf.scan.values import named

# Calls whose first argument says how long to wait, or whether to; and arguments that do.
FIRST = named("sleep get result exception join wait")
KEYWORDS = named("block blocking wait timeout")


def returns_at_once(node: ast.AST) -> bool:
    """As do `time.sleep(0)`, `queue.get(block=False)` and `os.waitpid(pid, os.WNOHANG)`."""
    if not isinstance(node, ast.Call):
        return False
    if any(last_name(argument) == "WNOHANG" for argument in node.args):
        return True
    if node.args and last_name(node.func) in FIRST and is_nothing(node.args[0]):
        return True
    return any(keyword.arg in KEYWORDS and is_nothing(keyword.value) for keyword in node.keywords)


def is_nothing(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is not None and node.value == 0
