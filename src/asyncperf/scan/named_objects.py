"""Which library's an object is of which no class is known, as far as names say that: its own, or
that of a method which no other library of the catalogue has.

For `scan` only.
"""

import re

from asyncperf.scan.catalogue_types import TYPES
from asyncperf.scan.library_effects import TypeEffects
from asyncperf.scan.verbs import words, writes

OBJECTS = {
    re.compile(r"(^|[._])(redis|valkey)(_async)?(_?(client|pool))?$", re.IGNORECASE): TYPES[
        "redis.Redis"
    ],
    re.compile(r"(^|[._])(httpx?|aiohttp)_?(client|session)$", re.IGNORECASE): TYPES[
        "httpx.AsyncClient"
    ],
}
# Those of a project's own models are told by the model's class, and one that is another's front by
# its own.
MODELS = (
    "tortoise.Model",
    "beanie.Document",
    "beanie.FindMany",
    "piccolo.Table",
    "odmantic.AIOEngine",
)
CLASSES = list(
    {
        id(effects.does): effects
        for effects in TYPES.values()
        if all(effects is not TYPES[model] for model in MODELS)
    }.values()
)
# `find_one`, `hgetall`: only a document database's, only a key-value store's.
METHODS = {
    name: effects
    for effects in (TYPES["motor.Collection"], TYPES["redis.Redis"])
    for name, does in effects.does.items()
    if does == "r"
    and (len(words(name)) > 1 or name[0] in "hz")
    and sum(name in other.does for other in CLASSES) == 1
}
# A project's methods of these names may be a library's as well.
LISTED = frozenset(name for effects in CLASSES for name in (*effects.does, *effects.makes))


def effects_of(spelled: str, method: str) -> TypeEffects | None:
    """What the methods do of an object that is spelled so, if `method` is one of them."""
    for pattern, effects in OBJECTS.items():
        if (method in effects.does or writes(method)) and pattern.search(spelled):
            return effects
    return METHODS.get(method)


def is_telling(method: str) -> bool:
    """Whether a method's name has more than one word, and no library's known object has it."""
    return len(words(method)) > 1 and method not in LISTED
