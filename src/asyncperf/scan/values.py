"""What the analysis knows of a value, and of what code does: places, types, effects.

A place says which object: a root (a parameter, a module variable, an object made in the function)
and the attributes that lead on from it. For `scan` only.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from asyncperf.scan.index import Class, Function

# ("param", "self", ".client"), ("global", "app/db.py:engine"), ("new", "12:4"), ("free", ...),
# ("call", "get_state"), ("item", "12"): an element of what a loop runs over.
Place = tuple[str, ...]

UNKNOWN = "?"  # begins the target of a callee of which only the last name is known

MAX_PATH = 5  # attributes beyond the root; a deeper object is taken for the one above it
MAX_ALTERNATIVES = 6  # places or types of one value

PRIVATE_ROOTS = frozenset({"new", "item"})  # unseen outside the function that made them


class Type(NamedTuple):
    """A class of the project, or the dotted name of another, with its type arguments."""

    of: Class | str
    args: tuple["Type", ...] = ()


# Given to a type, says that its methods are asked for by `super()`.
SUPER = Type("builtins.super")


class Told(NamedTuple):
    """What a test said of an object: that it is one of these classes, or none; or that it has, or
    lacks, an `attribute`."""

    types: tuple[Type, ...]
    holds: bool
    attribute: str = ""


class Callee(NamedTuple):
    """Something that a value may call: `target` is a project definition or a dotted name."""

    target: Function | Class | str
    receiver: "Value | None" = None
    given: tuple["Value", ...] = ()


# Never changed once made; that it could be makes a scan a twentieth faster than `frozen=True`.
@dataclass(slots=True, unsafe_hash=True)
class Value:
    """What may stand behind an expression; all empty where nothing is known."""

    places: frozenset[Place] = frozenset()
    types: tuple[Type, ...] = ()
    callees: tuple[Callee, ...] = ()
    text: str | None = None
    yields: "Value | None" = None
    elements: "tuple[Value, ...] | None" = None  # of a tuple that is written out
    either: "tuple[Value, ...]" = ()  # the alternatives, where places and types belong together


NOTHING = Value()


class Arguments(NamedTuple):
    positional: tuple[Value, ...]
    keywords: dict[str, Value]
    is_open: bool  # with *args or **kwargs, so that any parameter may be filled

    def all(self) -> tuple[Value, ...]:
        return (*self.positional, *self.keywords.values())

    def get(self, position: int, *names: str) -> Value:
        for name in names:
            if name in self.keywords:
                return self.keywords[name]
        return self.positional[position] if position < len(self.positional) else NOTHING


EffectKind = Literal[
    "memory", "own", "external", "lock", "sleep", "context", "raise", "unknown", "suspend", "call"
]


# Stands for all attributes of an object, at any depth.
WHOLE = ".*"
# What an update does that only counts: `self.number += 1`.
COUNTED = "counted"
# Mode of an unknown call of which only this is doubtful: that each call gets its own session.
GIVES_OWN = "own"
# Begins what a write assigns, where that is an argument of the function.
ARGUMENT = "=argument "


class Effect(NamedTuple):
    """One thing that code does, and where.

    `mode` by kind. memory: r, w (rebinds; `what` begins with `=` where the value is known), i
    (rebinds once), a (ordered append), k (keyed store), m (one that fills a cache), u (update from
    its old value; `what` is `COUNTED` where it only counts). own, an
    object that serves one caller at a time: r, w, c (commits), o (it may hold one), s (in one go,
    which only another thread can come into). external: r, w, q (probably reads), i (makes what is
    missing), ? (decided by the text at `place`). sleep: d (directly in this function, in no loop),
    p (so in the function that was called, which also reaches the world). raise: how many calls
    down, 0 to 9. unknown: await, call, `GIVES_OWN`. call: await, call, enter (in a `with`).
    """

    kind: EffectKind
    place: Place
    mode: str
    what: str
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Summary:
    """What calling one function does, in terms of its parameters."""

    effects: tuple[Effect, ...] = ()
    returns: Value = NOTHING
    yields: Value | None = None
    stores: tuple[tuple[Place, Value], ...] = ()  # what it leaves in attributes of parameters
    holds: tuple[tuple[Place, Value], ...] = ()  # what attributes of the object it returns hold


def named(text: str) -> frozenset[str]:
    """The words of a text, as a set of names."""
    return frozenset(text.split())


def join(values: Iterable[Value]) -> Value:
    """Any one of several values."""
    kept = [value for value in values if value is not NOTHING]
    if len(kept) > 1:  # most are alone, and a value takes long to hash
        kept = list(dict.fromkeys(kept))
    if len(kept) < 2:
        return kept[0] if kept else NOTHING
    places = frozenset().union(*(value.places for value in kept))
    yields = [value.yields for value in kept if value.yields is not None]
    either = tuple(dict.fromkeys(part for value in kept for part in value.either or (value,)))
    return Value(
        places if len(places) <= MAX_ALTERNATIVES else frozenset(sorted(places)[:MAX_ALTERNATIVES]),
        tuple(dict.fromkeys(type_ for value in kept for type_ in value.types))[:MAX_ALTERNATIVES],
        tuple(dict.fromkeys(callee for value in kept for callee in value.callees))[
            :MAX_ALTERNATIVES
        ],
        next((value.text for value in kept if value.text is not None), None),
        join(yields) if yields else None,
        either=either if len(either) <= MAX_ALTERNATIVES else (),
    )


def ordered(places: Collection[Place]) -> Collection[Place]:
    """In an order that is the same in every run, unlike that of a set of texts."""
    return sorted(places) if len(places) > 1 else places


def step(value: Value, name: str) -> frozenset[Place]:
    """The places one attribute or `[]` further on."""
    return frozenset(extend(place, (name,)) for place in value.places)


def extend(place: Place, rest: tuple[str, ...]) -> Place:
    if rest == ("[]",) and place[-1] == "[]":
        return place
    return (place + rest)[: MAX_PATH + 2]


def at(value: Value, places: Iterable[Place]) -> Value:
    return replace(value, places=frozenset(places))


def bare(value: Value) -> Value:
    """A value without what hangs on it, so that values do not nest without end."""
    plain = tuple(
        callee for callee in value.callees if callee.receiver is None and not callee.given
    )
    return Value(value.places, value.types, plain, value.text)


def is_private(place: Place) -> bool:
    return place[0] in PRIVATE_ROOTS


def same_value(value: Value) -> str:
    """What identifies the value assigned, where it is a text or the caller's argument."""
    if value.text is not None:
        return f"={value.text}"
    place = next(iter(value.places), ())
    is_argument = len(value.places) == 1 and len(place) == 2 and place[0] == "param"
    return ARGUMENT + place[1] if is_argument else ""


def is_unknown(callee: Callee) -> bool:
    return isinstance(callee.target, str) and callee.target.startswith(UNKNOWN)


# What has no name that a reader could look for.
LOCAL = "a local object"


def one_at_a_time(own: Effect) -> str:
    """What a session or connection is, by its name if it has one."""
    name = spelled(own.place)
    named = "" if name == LOCAL else f" `{name}`,"
    return f"one {own.what},{named} which serves one caller at a time"


def spelled(place: Place) -> str:
    """A place as a reader would write it."""
    if not place:
        return ""
    root = place[1].rpartition(":")[2] if place[0] == "global" else place[1]
    if place[0] == "call":
        root += "()"
    if place[0] in {"new", "item"}:
        root = place[2] if len(place) > 2 and place[2][0] not in ".[" else LOCAL
    if place[0] == "free":
        root = place[2] if len(place) > 2 else root
    rest = place[3:] if place[0] in {"free", "new"} else place[2:]
    return root + "".join(part if part[0] in ".[" else "." + part for part in rest)
