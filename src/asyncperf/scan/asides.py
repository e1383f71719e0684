"""What a call changes on the way, though it is named as one that only reads: a cache, a count of
uses, a token that is renewed. For `scan` only.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from asyncperf.scan.conflicts import Doings, written
from asyncperf.scan.values import Effect, Place

# Modes of effects that change something, by their kinds.
CHANGES = {"memory": "wauikm", "external": "wc", "own": "c"}

Spot = tuple[Place, str, int]


@dataclass(frozen=True, slots=True)
class Asides:
    """What the calls of two statements change on the way, and where both do it in one place."""

    effects: frozenset[Effect] = frozenset()
    alike: frozenset[Spot] = frozenset()

    def cover(self, a: Effect, b: Effect) -> bool:
        """Whether a change in memory is a read's own: made by the second, of what the first only
        reads, or by both in one and the same place, whoever comes first."""
        if a.mode == "r":
            return b in self.effects
        return all(_spot(e) in self.alike for e in ([a] if b.mode == "r" else [a, b]))


def changes(doings: Doings) -> Iterable[Effect]:
    done = (*doings.memory, *doings.external, *doings.own)
    return (effect for effect in done if effect.mode in CHANGES[effect.kind])


def set_aside(
    first: Doings, second: Doings, ours: frozenset[Effect], theirs: frozenset[Effect]
) -> tuple[Doings, Doings, Asides]:
    """Both without what they write on the way, which is not proved to be nothing but a read's
    own; as they are if one of them writes besides, since what is read may be just that."""
    read = _as_read(first, ours), _as_read(second, theirs)
    if not (ours or theirs) or any(map(_is_for_writing, read)):
        return first, second, Asides()
    alike = frozenset(map(_spot, ours)) & frozenset(map(_spot, theirs))
    return *read, Asides(ours | theirs, alike)


def _is_for_writing(doings: Doings) -> bool:
    return bool(written(doings, is_dropped=False)) or any(e.mode == "c" for e in doings.own)


def _as_read(doings: Doings, aside: frozenset[Effect]) -> Doings:
    found = replace(doings, effects=())
    found.external = [e._replace(mode="q") if e in aside else e for e in doings.external]
    found.own = [e._replace(mode="w") if e in aside else e for e in doings.own]
    return found


def _spot(effect: Effect) -> Spot:
    return effect.place, effect.file, effect.line
