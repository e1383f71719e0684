"""The command line's words before Typer reads them: what it has no notation for."""

from collections.abc import Sequence
from typing import Any

from typer.core import TyperCommand

from asyncperf.errors import UsageError


class WithBudgets(TyperCommand):
    """Takes several budgets after one `--budget`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, each_budget(args))


class WithCommand(WithBudgets):
    """Leaves what stands after `--` to the context's `obj`: a server's command line."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if "--" in args:
            at = args.index("--")
            ctx.obj = tuple(args[at + 1 :])
            if not ctx.obj:
                raise UsageError("no command after --", "asyncperf run -- uvicorn shop:app ...")
            args = args[:at]
        return super().parse_args(ctx, args)


def each_budget(arguments: Sequence[str]) -> list[str]:
    """The arguments with a `--budget` before each of the budgets that stand in a row."""
    found: list[str] = []
    in_row = False
    for i, argument in enumerate(arguments):
        value = i > 0 and arguments[i - 1] == "--budget"
        # Neither an app nor a URL nor a run's name has such a sign.
        another = in_row and not argument.startswith("-") and bool({"<", ">"} & set(argument))
        if another:
            found.append("--budget")
        found.append(argument)
        in_row = value or another or argument.startswith("--budget=")
    return found
