"""What stands against running two pieces of code together, by their effects alone.

The rules are those of docs/scan.md, in its order. For `scan` only.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from asyncperf.scan.library_effects import DATABASE_KINDS
from asyncperf.scan.library_texts import settled
from asyncperf.scan.values import (
    COUNTED,
    GIVES_OWN,
    Effect,
    Place,
    is_private,
    one_at_a_time,
    spelled,
)
from asyncperf.scan.wholes import through_the_whole
from asyncperf.sites import SiteVerdict

UNKNOWN_OBJECT = "object"  # its method was called, and is not known
OUTPUT = "output"  # what is printed, beside what else a call is for
ANYWHERE = "whatever "  # the world of a call of which nothing is known

# Of several findings the gravest speaks for all.
GRAVITY: dict[SiteVerdict, int] = {"unsafe": 0, "dependent": 1, "likely": 2, "independent": 3}

GUARD_EXCEPTIONS = (
    "http",
    "notfound",
    "not_found",
    "permission",
    "forbidden",
    "unauthor",
    "denied",
    "auth",
    "invalid",
    "validation",
    "exists",
    "clienterror",
    "badrequest",
    "access",
    "missing",
)


# One changes what is kept under a key, the other reads it.
KEYED_READS = frozenset({"kr", "rk", "ur", "ru", "mr", "rm"})
# Both change what is kept under keys.
STORED = frozenset(a + b for a in "kum" for b in "kum")
# Both ask a cache, and fill it where nothing is found.
CACHED = frozenset({"mm", "mr", "rm", "mi", "im"})
# A program raises these at its own mistakes, not to refuse what it was asked for.
MISTAKES = frozenset({"TypeError", "AttributeError", "NameError", "AssertionError"})


@dataclass(frozen=True, slots=True)
class Finding:
    """A fact that decides, or (`verdict` likely) one that leaves a proof open."""

    verdict: SiteVerdict
    reason: str
    file: str | None = None
    line: int | None = None


@dataclass(slots=True)
class Doings:
    """What one statement, or one iteration, does, sorted."""

    effects: Sequence[Effect]
    own: list[Effect] = field(default_factory=list)
    memory: list[Effect] = field(default_factory=list)
    external: list[Effect] = field(default_factory=list)
    locks: list[Effect] = field(default_factory=list)
    contexts: list[Effect] = field(default_factory=list)
    raises: list[Effect] = field(default_factory=list)
    unknown: list[Effect] = field(default_factory=list)
    sleeps: list[Effect] = field(default_factory=list)
    suspends: bool = False

    def __post_init__(self) -> None:
        seen: set[tuple[object, ...]] = set()
        for effect in self.effects:
            if effect.kind == "suspend":
                self.suspends = True
                continue
            key = effect[:4]
            if key in seen:
                continue
            seen.add(key)
            if effect.kind == "own":
                if effect.mode != "s":
                    self.own.append(effect)
            elif effect.kind == "memory":
                self.memory.append(effect)
            elif effect.kind == "external":
                self.external.append(settled(effect) if effect.mode == "?" else effect)
            elif effect.kind == "lock":
                self.locks.append(effect)
            elif effect.kind == "context":
                self.contexts.append(effect)
            elif effect.kind == "raise":
                self.raises.append(effect)
            elif effect.kind == "sleep":
                self.sleeps.append(effect)
            else:
                self.unknown.append(effect)
                # What was handed in to be awaited may wait.
                self.suspends |= effect.kind == "call" and effect.mode == "await"

    @property
    def only_pauses(self) -> bool:
        """Whether it sleeps, and nothing else is known that it could be awaited for."""
        beyond = self.external or self.unknown or self.own or self.locks or self.contexts
        return bool(self.sleeps) and not beyond

    @property
    def may_fail(self) -> bool:
        """Whether it reaches beyond memory and locks, or raises by itself."""
        beyond = self.external or self.unknown or self.raises or self.own
        return bool(beyond) or (self.suspends and not self.locks)


def decided(verdict: SiteVerdict, reason: str, effect: Effect) -> Finding:
    return Finding(verdict, reason, effect.file, effect.line)


def shared_object(first: Doings, second: Doings) -> Finding | None:
    """An object that serves one caller at a time, used by both."""
    for a in first.own:
        for b in second.own:
            if _reaches(a, b) or _reaches(b, a):
                session = b if _reaches(a, b) else a
                return decided("unsafe", f"both may use {one_at_a_time(session)}", session)
            if a.what != UNKNOWN_OBJECT and a.place == b.place and b.what != UNKNOWN_OBJECT:
                return decided("unsafe", f"both use {one_at_a_time(a)}", b)
    for a in first.own:
        for b in second.own:
            if (
                a.what in DATABASE_KINDS
                and b.what in DATABASE_KINDS
                and _may_be_one(a.place, b.place)
            ):
                return decided(
                    "unsafe",
                    f"both use a {b.what}, `{spelled(a.place)}` and `{spelled(b.place)}`, which "
                    "may be one",
                    b,
                )
    return None


def _reaches(one: Effect, other: Effect) -> bool:
    """Whether the unknown method of one object may use the session that hangs on it."""
    return (
        one.what == UNKNOWN_OBJECT
        and other.what in DATABASE_KINDS
        and other.place[: len(one.place)] == one.place
    )


def _may_be_one(one: Place, other: Place) -> bool:
    """What is made on the way is its own; what an object made on the way holds may be any."""
    return not (_is_made(one) or _is_made(other))


def _is_made(place: Place) -> bool:
    return place[0] == "new" and not any(part[0] in ".[" for part in place[2:])


def written_back(first: Doings, second: Doings) -> Finding | None:
    """What the first assigns to an object that the second's session may write."""
    commit = next((e for e in second.own if e.mode == "c" and e.what == "session"), None)
    if commit is None:
        return None
    for effect in first.memory:
        if effect.mode == "w" and len(effect.place) > 2:
            reason = f"the second commits what the first assigns to `{spelled(effect.place)}`"
            return decided("dependent", reason, commit)
    return None


def changed_memory(
    first: Doings, second: Doings, in_passing: Callable[[Effect, Effect], bool] | None = None
) -> tuple[Finding | None, list[Finding]]:
    """An object in memory that one changes and the other reads or changes; and open questions,
    such as what is `in_passing`."""
    open_: list[Finding] = []
    for a, b in through_the_whole(first.memory, second.memory):
        name = spelled(a.place)
        if a.mode == "r":
            reason = f"the second changes `{name}`, which the first reads with all of its object"
            return decided("unsafe", reason, b), []
        reason = f"the first changes `{name}`, which the second reads with all of its object"
        return decided("dependent", reason, a), []
    by_place: dict[Place, list[Effect]] = {}
    for effect in second.memory:
        by_place.setdefault(effect.place, []).append(effect)
    once = {e.place for e in first.memory if e.mode == "i"}
    once &= {e.place for e in second.memory if e.mode == "i"}
    assigned = {(e.place, e.what) for e in first.memory if e.mode == "w" and e.what[:1] == "="}
    alike = {e.place for e in second.memory if (e.place, e.what) in assigned}
    stored = {
        e.place
        for e in first.memory
        if e.mode in "km" or (e.mode == "u" and (e.place[-1] == "[]" or e.what == COUNTED))
    }
    caches = {e.place for e in first.memory if e.mode == "m"}
    caches &= {e.place for e in second.memory if e.mode == "m"}
    for a in first.memory:
        others = by_place.get(a.place)
        if not others:
            continue
        both_store = a.place in stored and any(b.mode in "kmu" for b in others)
        for b in others:
            pair = a.mode + b.mode
            name = spelled(a.place)
            if pair == "ww" and a.what == b.what and a.what[:1] == "=":
                continue  # both assign the same
            if pair in {"wr", "rw"} and a.place in alike:
                continue
            if pair == "rr" or (pair in {"ii", "ir", "ri"} and a.place in once):
                continue
            if a.place in caches and pair in CACHED:
                continue  # whoever comes first fills it, with the same
            if pair in STORED or (both_store and pair in KEYED_READS):
                reason = f"both store under `{name}`, as a cache or a count of uses does"
                open_.append(decided("likely", reason, a))
            elif in_passing and in_passing(a, b):
                reason = f"calls that are named as reads change `{name}`"
                open_.append(decided("likely", reason, a if b.mode == "r" else b))
            elif a.mode == "r":
                return decided(
                    "unsafe", f"the second changes `{name}`, which the first reads", b
                ), []
            elif b.mode == "r":
                return decided(
                    "dependent", f"the first changes `{name}`, which the second reads", a
                ), []
            elif pair == "aa":
                return decided(
                    "unsafe", f"both append to `{name}`, whose order would change", a
                ), []
            else:
                return decided("unsafe", f"both change `{name}`", a), []
    return None, open_[:1]


def changed_world(
    first: Doings, second: Doings, is_dropped: bool = False, drops: bool = False
) -> tuple[Finding | None, list[Finding]]:
    """Writes to a database, an API, files...: their order, and what they do after a failure.
    Making what is missing is one where nothing else is asked for, as the results are dropped."""
    open_: list[Finding] = []
    writes = written(first, is_dropped) + _commits(first)
    later = written(second, drops) + _commits(second)
    for a in writes:
        for b in later:
            return decided(
                "unsafe", f"both write, to {a.what} and to {b.what}; their order would be lost", b
            ), []
        for b in second.external:
            if a.what == b.what or ANYWHERE in a.what[:10] or ANYWHERE in b.what[:10]:
                return decided(
                    "dependent", f"the second may read what the first writes to {a.what}", a
                ), []
        if second.external:
            open_.append(decided("likely", f"the first writes to {a.what}", a))
    for b in later:
        if first.may_fail:
            return decided(
                "unsafe",
                f"the second writes to {b.what}, which must not happen if the first fails",
                b,
            ), []
    open_ += [unproved(e) for e in (*first.external, *second.external) if is_open(e)]
    return None, open_[:1]


def is_open(effect: Effect) -> bool:
    """Whether it may have to happen in order. What is made where it is missing is part of a read,
    and the same whoever makes it; but not what is printed."""
    return effect.mode in {"q", "?"} or (effect.mode == "i" and effect.what == OUTPUT)


def unproved(effect: Effect) -> Finding:
    """What may have to happen in order."""
    if effect.what == OUTPUT:
        return decided("likely", "what they print may come in another order", effect)
    return decided("likely", f"that {effect.what} is only read is not proved", effect)


def written(doings: Doings, is_dropped: bool) -> list[Effect]:
    modes = {"w", "c", "i"} if is_dropped else {"w", "c"}
    return [effect for effect in doings.external if effect.mode in modes]


def may_refuse(raised: Effect, second: Doings) -> bool:
    """Whether what follows must not happen if this is raised: a read in vain does no harm."""
    return bool(written(second, True) or _commits(second)) or raised.what not in MISTAKES


def in_its_way(write: Effect, second: Doings) -> bool:
    """Whether what comes after a write may write too, or read what it writes."""
    return bool(second.unknown or _commits(second)) or any(
        e.mode in {"w", "c"}
        or e.what == write.what
        or ANYWHERE in write.what[:10]
        or ANYWHERE in e.what[:10]
        for e in second.external
    )


def _commits(doings: Doings) -> list[Effect]:
    return [e._replace(what="database") for e in doings.own if e.mode == "c"]


def entered(*doings: Doings) -> Finding | None:
    """A context entered for what follows: locks, connections and their closing go by order."""
    for done in doings:
        for effect in done.own:
            if effect.what == "exit stack" and not is_private(effect.place):
                reason = (
                    f"enters a context on `{spelled(effect.place)}`, which what follows relies on"
                )
                return decided("unsafe", reason, effect)
    return None


def unseen(doings: Doings, is_dropped: bool, name: str) -> list[Finding]:
    """A result that is dropped, and no effect seen that the call could be there for."""
    if not is_dropped or doings.external or doings.own:
        return []
    if any(effect.mode != "r" for effect in doings.memory):
        return []
    return [Finding("likely", f"what `{name}` is awaited for is not seen")]


def context(doings: Doings) -> Finding | None:
    reset = {effect.place for effect in doings.contexts if effect.mode == "reset"}
    for effect in doings.contexts:
        if effect.place in reset:
            continue
        return decided(
            "unsafe",
            f"sets {spelled(effect.place) or effect.what}, a context variable that a task of its "
            "own would keep to itself",
            effect,
        )
    return None


def hook(name: str, effect: Effect) -> Finding:
    """What others may have registered to be called."""
    reason = f"`{name}` may be anything, and hooks are called in turn"
    return decided("unsafe", reason, effect)


def guard(
    first: Doings, second: Doings, is_dropped: bool, name: str, names_a_guard: bool
) -> tuple[Finding | None, list[Finding]]:
    """Whether the first is there to refuse."""
    if names_a_guard and (first.raises or first.unknown or is_dropped):
        effect = first.raises[0] if first.raises else None
        reason = f"`{name}` guards what follows"
        if effect is not None:
            return decided("dependent", f"{reason}: it raises {effect.what}", effect), []
        return Finding("dependent", reason), []
    both = {(e.what, e.file, e.line) for e in second.raises}
    for effect in first.raises:
        if not is_dropped and (effect.what, effect.file, effect.line) in both:
            continue  # the second asks that by itself
        depth = int(effect.mode)
        is_guard = any(part in effect.what.lower() for part in GUARD_EXCEPTIONS)
        if (is_dropped and depth <= 2) or (is_guard and depth <= 2):
            return decided(
                "dependent", f"`{name}` guards what follows: it raises {effect.what}", effect
            ), []
    return None, []


def unresolved(*doings: Doings) -> list[Finding]:
    for done in doings:
        for effect in done.unknown:
            reason = f"what `{effect.what}` does is not known"
            if effect.mode == GIVES_OWN:
                reason = f"that `{effect.what}()` gives each call one of its own is not proved"
            return [decided("likely", reason, effect)]
    return []


def in_vain(
    first: Doings, second: Doings, is_dropped: bool
) -> tuple[Finding | None, list[Finding]]:
    """What the second changes in memory, though the first has failed."""
    if not first.may_fail:
        return None, []
    modes = {"w", "a", "u", "k"} if is_dropped else {"w", "a", "u"}
    for effect in second.memory:
        if effect.mode in modes and not is_private(effect.place):
            reason = f"the second changes `{spelled(effect.place)}`, even if the first fails"
            if is_dropped:
                return decided("unsafe", reason, effect), []
            return None, [decided("likely", reason, effect)]
    return None, []


def shown_before(first: Doings, second: Doings, is_dropped: bool) -> Finding | None:
    """What is changed in memory, and for nothing else, before others are told or asked."""
    if not is_dropped or not (written(second, True) or _commits(second)):
        return None
    for effect in first.memory:
        if effect.mode in "wauk" and not is_private(effect.place):
            reason = f"the first changes `{spelled(effect.place)}` before the second writes"
            return decided("unsafe", reason, effect)
    return None


def under_one_lock(first: Doings, second: Doings) -> Effect | None:
    """A lock that both take: they take turns, so nothing is gained."""
    held = {effect.place for effect in first.locks if effect.what != "semaphore"}
    return next((effect for effect in second.locks if effect.place in held), None)
