"""Runs inside Locust: a user that sends the given requests, again and again.

Used when no locustfile is given. FastHttpUser costs a quarter of HttpUser's CPU, which
at a thousand requests a second decides whether the figures are the app's or Locust's.
Imports nothing of asyncperf: the process is Locust's.
"""

import base64
import itertools
import json
import os
import random
from typing import Any

import gevent
from locust import FastHttpUser, events, task
from locust.env import Environment

LOAD = json.loads(os.environ["ASYNCPERF_LOAD"])
REQUESTS: list[dict[str, Any]] = LOAD["requests"]
WEIGHTS: list[float] = [request["weight"] for request in REQUESTS]
BODIES = {id(request): base64.b64decode(request["body"]) or None for request in REQUESTS}
TURNS: int = LOAD["alone_requests"]
SPAWN_RATE: float = LOAD["spawn_rate"]
# Under load a request may queue for as long as the load lasts; Locust's own limit of
# 60 s would turn a long queue into failures.
NO_TIMEOUT_S = 7 * 86400.0

# The load's processes take users in turn; this one's are numbered here.
PROCESSES: int = LOAD["workers"]
numbers = itertools.count()
# The single user works alone before the ramp, and sends each request in turn.
turns = iter([REQUESTS[turn % len(REQUESTS)] for turn in range(TURNS)] if REQUESTS else ())
# Seeded, so that the same load mixes in the same order.
rng = random.Random(0)


class EndpointUser(FastHttpUser):
    network_timeout = NO_TIMEOUT_S
    connection_timeout = NO_TIMEOUT_S

    # Certificates count here as they do everywhere else.
    insecure = False
    # Whether users that are made now are those of the ramp.
    ramping = False

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.alone = not self.ramping

    def on_start(self) -> None:
        # Locust starts a second's worth of users at once. Spread over that second, they
        # come at the rate that was asked for and not as a burst that queues.
        if self.alone:
            return
        per_dispatch = max(1, int(SPAWN_RATE))
        place = next(numbers) * PROCESSES + self.environment.runner.worker_index
        gevent.sleep((place % per_dispatch + 1) / SPAWN_RATE)

    @task
    def send(self) -> Any:
        request = next(turns, None) if self.alone else None
        if request is None:
            [request] = rng.choices(REQUESTS, WEIGHTS)
        return self.client.request(
            request["method"],
            request["target"],
            name=request["name"],
            headers=request["headers"],
            data=BODIES[id(request)],  # type: ignore[arg-type]  # bytes go out as they are
            allow_redirects=False,
        )


@events.spawning_complete.add_listener
def on_spawning_complete(**_: object) -> None:
    """Locust says so in every process when it has made the single user, and only then can
    others follow."""
    EndpointUser.ramping = True
