"""What a name promises where nothing better is known. Names mislead, so no proof rests on them.

For `scan` only.
"""

import re
from functools import lru_cache

from asyncperf.scan.values import named

READING = named(
    """
    get read list fetch find count search query select load lookup exists has is scan
    describe download head peek retrieve resolve compute calculate collect first one all
    scalar scalars fetchone fetchall fetchval fetchrow paginate aggregate distinct hget
    hgetall mget keys smembers zrange lrange iter estimate parse format render to as build
    convert decode encode generate
    """
)

WRITING = named(
    """
    create add insert update upsert save set put post patch delete remove drop send emit
    publish notify commit flush rollback push pop write store persist register unregister
    apply start stop close open cancel kill terminate run execute process handle submit
    dispatch enqueue schedule mark increment decrement bulk move copy rename upload migrate
    sync reset clear invalidate evict refresh expire touch assign attach detach activate
    deactivate enable disable grant revoke connect disconnect join leave subscribe
    unsubscribe broadcast log record track init initialize setup shutdown cleanup ack nack
    acquire release lock unlock trigger execute_many executemany provision deploy install
    uninstall restart reload import export archive restore merge replace accept reject
    approve deny pay charge refund transfer complete finish fail begin
    declare bind unbind purge ingest spawn launch replay abort
    """
)

# What a library's method that is named so gives, where the name also says what of: `get_blob`.
FETCHING = named(
    """
    get list fetch read find count search query describe head lookup retrieve
    scan inspect detect classify estimate compute calculate embed predict translate parse
    """
)
# ... but not what it takes away, hands out in turn or makes, as far as the name says what that is:
# `get_message`, `get_task_by_id`, but `get_task_status` gives a status.
TAKING = named("or and next nowait wait")
TAKEN = named(
    """
    update updates message messages event events task job tasks jobs chunk chunks line lines
    frame packet token one all many row rows val
    """
)
# What is got by these names is made by asking for it, whatever it takes.
ASKED_FOR = named("response responses reply answer completion generation output")
# What follows these says which, not what.
WHICH = named("by with for of from in at on to without any")
# What a function of the project that is named so is there for.
INQUIRING = (FETCHING | named("has is exists select")) - {"translate", "parse"}
# What a library's plain call that is named so does, is told by what it gives.
COMPUTING = named(
    """
    parse format render to from build convert decode encode compute calculate is has as make
    normalize normalise escape unescape quote unquote get split strip extract detect guess
    tokenize hash estimate loads dumps resolve filter sort match diff compare truncate
    """
)
# Of these, what may take long without waiting for anybody.
CRUNCHING = named(
    """
    parse format render convert decode encode compute calculate normalize normalise strip
    extract detect guess tokenize hash loads dumps truncate split sort match diff compare
    """
)
# What a function does that asks a model.
MODEL_USES = named(
    """
    embed vectorize vectorise rerank translate transcribe summarize summarise classify predict
    infer complete ask chat
    """
)
# Objects of which even reading takes turns, or takes something away.
STREAMING = re.compile(
    r"(session|connection|cursor|transaction|stream|reader|writer|socket|(^|[._])channel|consumer|"
    r"subscriber|subscription|receiver|queue|page|frame|element|locator|browser|request|response|"
    r"body|file|pipe|pipeline|transport|protocol|iterator|generator|tokenizer)$",
    re.IGNORECASE,
)

# Of these every use takes its turn.
TURNS = re.compile(r"(stream|reader|writer|socket|page|tab|response|body)$", re.IGNORECASE)

# Of these, the content is what they are given last, or alone: it does not say where it goes.
SENDING = named(
    """
    send answer reply write put emit publish say print push lpush rpush xadd echo respond
    notify broadcast
    """
)

# What these write is told by what they are given: any order leaves the same.
KEYED = named(
    """
    delete remove drop unlink rmtree rmdir clear discard purge evict invalidate expire touch set
    put update upsert save store persist write upload download replace patch rename move copy
    mkdir makedirs mark enable disable activate deactivate revoke cancel archive restore refresh
    reset close disconnect terminate kill abort destroy erase detach unregister release withdraw
    """
)
# What these do comes after what they did before.
ADDING = named("add append push insert extend enqueue register subscribe join")
# What is run or made ready may be anything, and rely on what was before it.
RUNNING = named(
    """
    run start stop execute invoke call launch open connect acquire enter init initialize
    initialise setup begin sign
    """
)
MAKING = named("create make insert")

PREPARING = named(
    """
    connect signin login authenticate use open close aclose initialize initialise disconnect quit
    logout waitclosed selectdb
    """
)

# What others have registered to be called, in turn.
HOOKS = named("hook handler callback cb listener observer middleware subscriber interceptor")

# LangChain's way to name what makes a store of texts and puts them into it.
MAKES_A_STORE = re.compile(r"a?from_(texts|documents|embeddings)(_|$)")

# What keeps the order in which things happened.
LOGS = named("log logs trace traces event events history audit journal")

# What is done with a tool that a model chose.
TOOL_USES = named("call invoke ainvoke run arun execute use")

# What a database is asked by.
STATEMENTS = named("query queries sql statement statements select cypher")

GUARDING = named(
    """
    authorize authorise authenticate verify validate check ensure require assert guard
    permit confirm enforce must deny forbid raise wait
    """
)

UNIT = ("unit", "of", "work")
TRANSACTION_WORDS = named("tx txn trx transaction")
# Names of objects that serve one caller at a time in most projects.
REPOSITORY_WORDS = named("repo repository dao uow")
SESSION_WORDS = (
    REPOSITORY_WORDS
    | TRANSACTION_WORDS
    | named(
        """
    session sess db database conn connection cursor cur repositories repos daos crud
    """
    )
)


@lru_cache(maxsize=20_000)  # a project's names come again and again
def words(name: str) -> tuple[str, ...]:
    """`_getUserOr404` → get, user, or404."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return tuple(word for word in spaced.lower().split("_") if word)


def reads(name: str) -> bool:
    first = next(iter(words(name)), "")
    return first in READING and not guards(name)


def asks(name: str) -> bool:
    """Whether a function is named so that it reads, or asks a model: `aencode`, `embed_texts`."""
    found = words(name)
    first = {found[0], found[0].removeprefix("a")} if found else set()
    return bool(first & (READING | MODEL_USES) - {"resolve"}) and not (TAKING | WRITING) & set(
        found[1:]
    )


def fetches(dotted: str) -> bool:
    """Whether a library's method, given with its class, is named so that it can only read."""
    owner, _, name = dotted.rpartition(".")
    found = words(name)
    return (
        len(found) > 1
        and (found[0] in FETCHING or found[0].removeprefix("a") in FETCHING)
        and not TAKING & set(found)
        and _head(found) not in TAKEN | WRITING | ASKED_FOR
        and not STREAMING.search(owner)
    )


def only_asks(name: str) -> bool:
    """Whether a function of the project is named so that nothing but what it gives is asked of
    it: `get_rates`, `count`; not `get_or_create`, `get_next`, `get_response` or `get_job`."""
    found = words(name)
    return (
        bool(found)
        and bool({found[0], found[0].removeprefix("a")} & INQUIRING)
        and not TAKING & set(found)
        and _head(found) not in TAKEN | ASKED_FOR
    )


def _head(found: tuple[str, ...]) -> str:
    """The word of a name that says what is meant: `status` of `get_task_status_by_id`."""
    ends = [number for number, word in enumerate(found) if number and word in WHICH]
    return found[min(ends) - 1] if ends else found[-1]


def computes(name: str) -> bool:
    """Whether a library's plain call is named so that it only computes."""
    found = words(name)
    return bool(found) and found[0] in COMPUTING and not WRITING & set(found[1:])


def answers(name: str) -> bool:
    """Whether a library's plain method is named so that it only gives what it makes of its
    object."""
    found = words(name)
    return (
        computes(name)
        and not TAKING & set(found)
        and found[-1] not in TAKEN | WRITING
        and (len(found) > 1 or found[0] not in {"make", "build", "get", "from"})
    )


def writes(name: str) -> bool:
    found = words(name)
    if "tool" in found and TOOL_USES & set(found):
        return True
    if MAKES_A_STORE.match(name):
        return True
    # `adelete` is Django's and LangChain's way to name what is awaited.
    begin = [*found[:2], *(w[1:] for w in found[:2] if w[0] == "a" and w != "async")]
    return any(word in WRITING for word in begin)


def takes_a_statement(name: str) -> bool:
    """Whether what it is given says what it does: `execute_query`, `run_sql`."""
    found = words(name)
    return found[:1] in {("execute",), ("run",)} and bool(STATEMENTS & set(found[1:]))


def uses_a_tool(spelled: str) -> bool:
    """Whether a tool is used, which may do anything: `tool.ainvoke(...)`."""
    owner, _, name = spelled.rpartition(".")
    return "tool" in words(owner.rpartition(".")[2]) and bool(TOOL_USES & set(words(name)))


def makes_missing(name: str) -> bool:
    """Whether it makes what is not there yet: `create_table_if_not_exists`."""
    return name.endswith(("_if_not_exists", "_if_missing", "_if_needed"))


def ends(spelled: str) -> bool:
    """Whether it names what closes or stops its object, and nothing else: `response.aclose`."""
    return spelled.rpartition(".")[2] in {"close", "aclose", "stop", "disconnect", "shutdown"}


def prepares(name: str) -> bool:
    """Whether it makes an object ready, or does away with it, and nothing else."""
    return name.replace("_", "") in PREPARING


def connects(name: str) -> bool:
    """Whether it names what gives a connection, which changes nothing that others see."""
    return next(iter(words(name)), "") == "connect"


def logs(name: str) -> bool:
    """Whether it adds to what tells in which order things happened: `save_trace`."""
    found = words(name)
    return bool(LOGS & set(found[1:])) and found[0] in WRITING - {"update", "delete", "process"}


def computes_long(name: str) -> bool:
    """Whether it can need a thread and yet only compute, as `from_url` and `get_rows` can not."""
    return computes(name) and words(name)[0] in CRUNCHING


def sends(name: str) -> bool:
    return next(iter(words(name)), "") in SENDING


def gives(spelled: str) -> bool:
    """Whether a call is named after what it gives: `get_page`, `response.json`."""
    name = spelled.rpartition(".")[2]
    return reads(name) or name in {"json", "text", "body", "form"}


def makes_a_store(spelled: str) -> bool:
    """Whether a call makes a store of texts and puts them into it: `from_texts`."""
    return bool(MAKES_A_STORE.match(spelled.rpartition(".")[2]))


def keyed(spelled: str) -> bool:
    """Whether a call is named so that what it is given says what it writes, and where: `delete`,
    `_upload_file`."""
    return bool(KEYED & set(_begin(spelled)))


def adds(spelled: str) -> bool:
    """Whether a call is named so that what it writes comes after what was there: `add_cookies`."""
    return bool(ADDING & set(_begin(spelled)))


def makes(spelled: str) -> bool:
    """Whether a call is named so that it makes something, and is no class's way to make one."""
    owner = spelled.rpartition(".")[0].rpartition(".")[2]
    return bool(MAKING & set(_begin(spelled))) and not owner[:1].isupper()


def takes_turns(spelled: str) -> bool:
    """Whether a call is named so that one comes after the other: what is sent, run or started."""
    begin = _begin(spelled)
    sent = SENDING - KEYED
    return bool((sent | RUNNING | ADDING) & set(begin[:1]))


def _begin(spelled: str) -> tuple[str, ...]:
    """The first words of a call's name, without the `a` of `adelete`."""
    found = words(spelled.rpartition(".")[2].removesuffix("()"))[:2]
    return tuple(w[1:] if w[1:] in KEYED | ADDING | RUNNING | SENDING else w for w in found)


def names_a_hook(spelled: str) -> bool:
    """Whether what is called, or the object that it is called on, is named as what others have
    registered: `hook(request)`, `listener.told(event)`."""
    return any(HOOKS & set(words(part)[-1:]) for part in spelled.split(".")[-2:])


def guards(name: str) -> bool:
    found = words(name)
    return bool(found) and (
        found[0] in GUARDING
        or found[-1] in {"or404", "404", "required"}
        or found[-2:] in (("or", "404"), ("or", "raise"), ("or", "error"), ("or", "fail"))
    )


def secures(name: str) -> bool:
    """Whether it names what makes sure that something is there, and may give it."""
    return next(iter(words(name)), "") in {"ensure", "wait"}


def is_repository(name: str) -> bool:
    """Whether it names what asks a database through a session of somebody else's."""
    return bool(set(words(name)) & (REPOSITORY_WORDS | {"crud", "repositories", "repos", "daos"}))


def is_transaction(part: str) -> bool:
    """Whether a part of a place names a transaction, a unit of work, or what begins one: `tx`,
    `db.tx`, `.uow`."""
    found = words(part.rpartition(".")[2])
    return bool((TRANSACTION_WORDS | {"uow"}).intersection(found[-1:])) or found[-3:] == UNIT


def is_session_like(name: str) -> bool:
    found = words(name)
    return bool(found) and (found[-1] in SESSION_WORDS or found[0] in REPOSITORY_WORDS)
