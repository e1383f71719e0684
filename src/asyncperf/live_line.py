"""One line on a terminal that is kept up to date, and gone in the end."""

from typing import Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

BAR_WIDTH = 20


class LiveLine:
    """It is cut where the terminal ends. What else is printed meanwhile stands above it."""

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, transient=True, auto_refresh=False)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, text: str) -> None:
        """The text as it is: no markup."""
        self._live.update(Text(text, no_wrap=True, overflow="ellipsis"), refresh=True)


def bar(share: float) -> str:
    """How much of something is done, from 0 to 1."""
    filled = round(min(1.0, share) * BAR_WIDTH)
    return "━" * filled + "╌" * (BAR_WIDTH - filled)
