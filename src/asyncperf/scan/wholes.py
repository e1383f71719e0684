"""Objects of which one of two awaits goes through all that they hold. For `scan` only."""

from collections.abc import Iterator, Sequence

from asyncperf.scan.values import WHOLE, Effect

CHANGES = frozenset("wauk")  # modes after which an object holds something else


def through_the_whole(
    first: Sequence[Effect], second: Sequence[Effect]
) -> Iterator[tuple[Effect, Effect]]:
    """What one changes of an object that the other goes through, as `order.model_dump()` does:
    the first's effect and the second's, the read at the place of the change."""
    for read, change in _met(first, second):
        yield read, change
    for read, change in _met(second, first):
        yield change, read


def _met(reading: Sequence[Effect], changing: Sequence[Effect]) -> Iterator[tuple[Effect, Effect]]:
    for read in reading:
        if read.place[-1] == WHOLE:
            held = read.place[:-1]
            for change in changing:
                if change.mode in CHANGES and change.place[: len(held)] == held != change.place:
                    yield read._replace(place=change.place), change
