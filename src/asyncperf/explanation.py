"""The words of the explanation from inside: where a request's time goes, and what its
single user's requests foretell. Frozen; seconds throughout."""

from dataclasses import dataclass


@dataclass(frozen=True)
class AwaitPart:
    """An await of the user's code that a request itself waits at: `mean_s` per request, in
    `times` goes. What it awaits has parts of its own in it: threads, the event loop's CPU. `file`
    is its whole path, `shown` as people are told it, where that differs."""

    file: str
    line: int
    column: int | None
    function: str
    text: str | None
    mean_s: float
    times: float
    shown: str = ""


@dataclass(frozen=True)
class LoopPart:
    """What the event loop is at for `share` of the time that it works for an endpoint, by so many
    samples: a function of the user's, and its line that most of that went by at; None where it
    was for none. `inside` is the library's function that most of it went by in, after its
    package, or that alone; None where it is the function itself. `shown`: as of awaits."""

    file: str | None
    line: int | None
    function: str | None
    inside: str | None
    share: float
    samples: int
    shown: str = ""


@dataclass(frozen=True)
class Starved:
    """For which shares of the time the load generator and the event loops were ready to run and
    no CPU was free; 0 where that is not known."""

    generator: float = 0.0
    loop: float = 0.0


NOT_STARVED = Starved()


@dataclass(frozen=True)
class Breakdown:
    """Where the mean request's latency goes; the parts add up to `mean_s`.

    `loop_wait_s`: from when the load generator began it until the app was called, and from
    the end of a thread's work until the loop came back to it; None where the generator does
    not say when it began, which is then in `other_s`. `connection_wait_s`, `lock_wait_s`: for
    a connection of a pool, for a lock or a semaphore; of a wait on a thread, which is taken
    meanwhile, `pool_run_s` is what is left. `await_s`: nothing of it ran, and it waited for
    none of these. `loop_cpu_s`: its steps on the loop. `gc_s`: the collections
    that these had to make. `other_s` closes the sum: the answer's way back.

    `requests` were looked at, of `of_requests`; of several repetitions all together. `notes`
    qualify it, a sentence each. `steps`: how often it ran on the loop. `on_loop`: what the
    loops were at; empty where their threads were not looked at, or hardly.
    """

    mean_s: float
    loop_wait_s: float | None
    pool_wait_s: float
    pool_run_s: float
    connection_wait_s: float
    lock_wait_s: float
    await_s: float
    loop_cpu_s: float
    gc_s: float
    other_s: float
    requests: int
    of_requests: int
    awaits: tuple[AwaitPart, ...] = ()
    notes: tuple[str, ...] = ()
    starved: Starved = NOT_STARVED
    steps: float = 0.0
    on_loop: tuple[LoopPart, ...] = ()


@dataclass(frozen=True)
class Prediction:
    """Throughput and mean latency under the plan's load, from the single user's `requests`
    alone. `low_rps` is right if all times vary like exponential ones, `high_rps` if none
    varies. `latency_s` is None for an open load and for a part of a mix."""

    rate_rps: float
    latency_s: float | None
    low_rps: float
    high_rps: float
    requests: int
