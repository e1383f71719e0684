"""What library calls do: read, write, wait, block others; reviewed against their documentation.

A name is looked up by its top package and its last part, since libraries re-export:
`sqlalchemy.ext.asyncio.session.AsyncSession` and `sqlalchemy.ext.asyncio.AsyncSession` are both
`sqlalchemy.AsyncSession`. For `scan` only.
"""

from functools import lru_cache

from asyncperf.scan.catalogue_calls import CALLS
from asyncperf.scan.catalogue_families import FAMILIES
from asyncperf.scan.catalogue_names import BENIGN_PACKAGES, STANDARD
from asyncperf.scan.catalogue_types import TYPES
from asyncperf.scan.library_effects import CallEffects, TypeEffects


def key(dotted: str) -> str:
    """The catalogue's key for a dotted name."""
    first, _, rest = dotted.partition(".")
    return f"{first}.{rest.rpartition('.')[2]}" if rest else f"builtins.{first}"


@lru_cache(maxsize=20_000)  # the same few come again and again
def type_effects(dotted: str) -> TypeEffects | None:
    listed = key(dotted)
    found = TYPES.get(listed)
    if found is None:
        found = next((effects for each, effects in FAMILIES if each.search(listed)), None)
    return found


def call_effects(dotted: str) -> CallEffects | None:
    return CALLS.get(key(dotted))


def is_standard(dotted: str) -> bool:
    """Whether it belongs to the standard library or what only describes data, not to a service."""
    return dotted.partition(".")[0] in STANDARD


def is_benign(dotted: str) -> bool:
    """Whether a plain call of this name only computes."""
    return dotted.partition(".")[0] in BENIGN_PACKAGES
