"""What a call makes for whoever enters it: a session or connection of that call's own.

A name is all that is known of most such factories, so that nothing is proved by them but what a
pool lends. For `scan` only.
"""

import ast
import re

from asyncperf.scan.handing_over import HandingOver
from asyncperf.scan.values import GIVES_OWN, NOTHING, Arguments, Type, Value, named
from asyncperf.scan.verbs import TRANSACTION_WORDS, words

# Methods that give a pool's connection to whoever enters what they give, and names of such pools.
LENDING = named("acquire connection get_connection getconn checkout lease")
GIVING_BACK = named("release putconn")
POOL = re.compile(r"(^|_)pool$", re.IGNORECASE)
LENT = Type("pool.Connection")

# A factory's name has one of these words, as `session_factory`, `get_db`, `SessionLocal`, ...
MADE = named(
    """
    session sessionmaker sessionlocal sessions db database conn connection acquire getconn checkout
    lease uow factory maker
    """
)
# ... and none that tells of an object that others have as well, or of something else.
OTHERS = TRANSACTION_WORDS | named(
    """
    current shared scoped same existing default global singleton cached or nested cursor begin
    http aiohttp client web websocket lock close
    """
)
# What these call hangs on them, whatever it is called: a cursor, a nested transaction.
HOLDERS = TRANSACTION_WORDS | named("session sess conn connection cursor cur")
# What these begin has a connection of its own: `engine.begin()`, `session_maker.begin()`.
BEGINNING = named("engine sessionmaker maker factory")
MADE_SESSION = Type("factory.Session")


def lent(
    walk: HandingOver,
    spelled: str,
    receiver: Value,
    arguments: Arguments,
    node: ast.AST,
    awaited: bool,
) -> Value | None:
    """What a call that nobody knows gives of its own to the `with` that enters it, or to whoever
    takes it of a pool; None where that is not what it is."""
    owner, _, name = spelled.rpartition(".")
    owner = owner.rpartition(".")[2].removesuffix("()")
    is_pools = name in LENDING and bool(POOL.search(owner))
    if is_pools and awaited and (is_entered(walk, node) or gives_back(walk)):
        walk.hand_over(arguments, node)
        walk.emit("suspend", (), "", spelled, node)
        return walk.made(node, (LENT,))
    if name in GIVING_BACK and POOL.search(owner) and any(map(walk.is_session, arguments.all())):
        if awaited:
            walk.emit("suspend", (), "", spelled, node)
        return NOTHING
    if not is_entered(walk, node) or not makes(owner, name):
        return None
    if walk.exclusive_name(receiver) or any(map(walk.is_session, arguments.all())):
        return None
    walk.hand_over(arguments, node)
    if receiver.types:  # one of the project's may hold a session, and give that
        walk.used_elsewhere(receiver, node)
    if awaited:
        walk.emit("suspend", (), "", spelled, node)
    walk.emit("unknown", (), GIVES_OWN, spelled, node)
    made = walk.made(node, (MADE_SESSION,))
    walk.exclusive.update(dict.fromkeys(made.places, "session"))
    return made


def is_entered(walk: HandingOver, node: ast.AST) -> bool:
    """Whether a `with` enters what a call gives, or what awaiting that gives."""
    entering = walk.entering
    return entering is node or (isinstance(entering, ast.Await) and entering.value is node)


def gives_back(walk: HandingOver) -> bool:
    """Whether the function gives a pool something back, with which it would else run dry."""
    inside = ast.walk(walk.around) if walk.around is not None else ()
    return any(isinstance(each, ast.Attribute) and each.attr in GIVING_BACK for each in inside)


def makes(owner: str, name: str) -> bool:
    """Whether a callee is named so that it makes a session or connection anew."""
    by, made = words(owner), set(words(name))
    if by and by[-1] in HOLDERS:
        return False
    if by and by[-1] in BEGINNING and name in {"begin", "connect"}:
        return True
    return bool(made & MADE) and not made & OTHERS
