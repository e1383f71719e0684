"""The users of a closed load in one process: they come, ask again and again, and leave.

Imports neither NumPy nor the rest of asyncperf but the native engine's own parts.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from time import perf_counter

from asyncperf.levels import Stage
from asyncperf.load.connection import Client
from asyncperf.load.orders import Orders
from asyncperf.load.outcomes import LAST_ANSWERED, Outcome
from asyncperf.load.schedule import thinking, turns
from asyncperf.load.wheel import Call, Wheel

# A user whose request met no answer takes a breath; 500 users would otherwise spend all
# of the CPU on knocking at a closed door.
BREATH_S = 0.1

Ended = Callable[[Client, float, Outcome], None]


def most_users(stages: Sequence[Stage]) -> int:
    return max(stage.level.users or 0 for stage in stages)


class Awaited:
    """What has yet to happen in this process before each stage's level is reached. When all
    of it has, `tell(at, stage)` is called."""

    def __init__(self, tell: Callable[[float, int], object]) -> None:
        self._tell = tell
        self._missing: Counter[int] = Counter()

    def expect(self, stage: int) -> Call:
        """One thing more. Returns what to call when it has happened."""
        self._missing[stage] += 1
        return partial(self._happened, stage)

    def _happened(self, stage: int, _: float) -> None:
        self._missing[stage] -= 1
        if self._missing[stage] == 0:
            self._tell(perf_counter(), stage)


class Crowd:
    """Users whose every turn is known beforehand, see `schedule.turns`."""

    def __init__(
        self,
        orders: Orders,
        wheel: Wheel,
        stopping: Callable[[], bool],
        rng: random.Random,
        awaited: Awaited,
    ) -> None:
        self._orders = orders
        self._wheel = wheel
        self._stopping = stopping
        self._awaited = awaited
        self._think: Callable[[], float] | None = None
        if orders.think_time_s > 0:
            self._think = thinking(orders.think_time, orders.think_time_s, rng)
        # Users who leave at the end of their request, with what to call when they have left.
        self._leaving: dict[Client, Call] = {}

    def begin(
        self, ramp_at: float, users: Iterable[int], make: Callable[[int, Ended], Client]
    ) -> list[Client]:
        """Have these users come and leave when it is their time. A user who comes again is a
        new client, on a connection of its own. Returns all that were made."""
        clients = []
        orders, at = self._orders, self._wheel.at
        ended = self._ask_again() if len(orders.stages) == 1 else self._ask_again_or_leave()
        for user in users:
            for turn in turns(orders.stages, orders.spawn_rate, user):
                client = make(user, ended)
                clients.append(client)
                at(ramp_at + turn.start_s, client.due)
                if turn.leave_s is not None and turn.left_in is not None:
                    left = self._awaited.expect(turn.left_in)
                    at(ramp_at + turn.leave_s, partial(self._leave, client, left))
        return clients

    def _ask_again(self) -> Ended:
        """What a user does when a request has ended: the next one."""
        stopping, at, think = self._stopping, self._wheel.at, self._think

        def ended(client: Client, now: float, outcome: Outcome) -> None:
            if stopping():
                return
            if outcome > LAST_ANSWERED:
                at(now + BREATH_S, client.due)
            elif think is None:
                client.begin(now, now)
            else:
                at(now + think(), client.due)

        return ended

    def _ask_again_or_leave(self) -> Ended:
        """The same where users leave: none sends another request after that."""
        stopping, at, think, leaving = self._stopping, self._wheel.at, self._think, self._leaving

        def again(client: Client, due: float) -> None:
            if client not in leaving:
                client.due(due)

        def ended(client: Client, now: float, outcome: Outcome) -> None:
            if stopping():
                return
            if client in leaving:
                self._left(client, now)
            elif outcome > LAST_ANSWERED:
                at(now + BREATH_S, partial(again, client))
            elif think is None:
                client.begin(now, now)
            else:
                at(now + think(), partial(again, client))

        return ended

    def _leave(self, client: Client, left: Call, due: float) -> None:
        """Have a user leave, at once or at the end of its request."""
        self._leaving[client] = left
        if not client.busy:
            self._left(client, due)

    def _left(self, client: Client, now: float) -> None:
        client.close()
        self._leaving[client](now)
