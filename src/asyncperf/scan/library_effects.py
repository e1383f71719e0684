"""The words in which the catalogue says what library calls do. For `scan` only."""

from dataclasses import dataclass, field
from typing import Literal

# r reads, w writes, q probably reads (of what is not listed: does what its name says, in doubt
# that), - neither; "sql": the first argument says, as a statement;
# "http": the first argument says, as a method; i makes what is missing;
# "name": as of a method of no known class, its name says.
Does = Literal["r", "w", "q", "i", "-", "sql", "http", "commit", "name"]


# Objects of these kinds are handed around under several names; two that cannot be told apart
# are taken for one.
DATABASE_KINDS = frozenset({"session", "connection", "transaction"})


@dataclass(frozen=True, slots=True)
class TypeEffects:
    """What the methods of one library class do.

    `exclusive` names an object that serves one caller at a time, `in_threads` only to threads,
    as nobody awaits it; `world` what it reaches (database, http...). `makes` says which methods
    return or enter an object of which class, `quiet` which never suspend although they are
    awaited. `holds` names attributes in which the app keeps objects of its own. Any attribute or
    item that is none of its methods, which `others` names so far as nothing else does, is a
    `parts`.
    """

    world: str = ""
    exclusive: str = ""
    does: dict[str, Does] = field(default_factory=dict)
    otherwise: Does = "w"
    makes: dict[str, str] = field(default_factory=dict)
    quiet: frozenset[str] = frozenset()
    holds: frozenset[str] = frozenset()
    in_threads: bool = False
    parts: str = ""
    others: frozenset[str] = frozenset()

    def is_part(self, name: str) -> bool:
        """Whether an attribute of this name stands for something that the object holds."""
        methods = (self.does, self.makes, self.others)
        is_public = not name.startswith("_")
        return bool(self.parts) and is_public and not any(name in known for known in methods)


@dataclass(frozen=True, slots=True)
class CallEffects:
    """What one library function does; `returns` is the class of its result."""

    world: str = ""
    does: Does = "-"
    returns: str = ""
    special: str = ""  # sleep, thread, gather, partial, same: understood by `calls`
