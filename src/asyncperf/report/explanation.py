"""A finding's page on a terminal, and the list of all of them."""

from collections.abc import Mapping

from rich.console import Console
from rich.markdown import Markdown

from asyncperf.report.layout import PROSE_WIDTH, Page, table


def render_page(text: str, console: Console) -> None:
    """Laid out on a terminal; in a pipe the Markdown as it is, for whatever reads it."""
    if not console.is_terminal:
        console.print(text, end="", markup=False, highlight=False, soft_wrap=True)
        return
    console.print(Page(Markdown(text)), width=min(console.width, PROSE_WIDTH), end="")


def render_codes(codes: Mapping[str, str], console: Console) -> None:
    rows = list(codes.items())
    console.print(Page(table("", ("code", "what it means"), rows, console.width, words=1)), end="")
