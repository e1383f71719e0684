"""Runs inside Locust: a user that requests one endpoint, again and again.

Used when no locustfile is given. FastHttpUser costs a quarter of HttpUser's CPU, which
at a thousand requests a second decides whether the figures are the app's or Locust's.
Imports nothing of asyncperf: the process is Locust's.
"""

import itertools
import json
import os
from typing import Any

import gevent
from locust import FastHttpUser, task

LOAD = json.loads(os.environ["ASYNCPERF_LOAD"])
METHOD: str = LOAD["method"]
PATH: str = LOAD["path"]
SPAWN_RATE: float = LOAD["spawn_rate"]
# Under load a request may queue for as long as the load lasts; Locust's own limit of
# 60 s would turn a long queue into failures.
NO_TIMEOUT_S = 7 * 86400.0

# The first user, number 0, works alone before the ramp.
numbers = itertools.count()


class EndpointUser(FastHttpUser):
    network_timeout = NO_TIMEOUT_S
    connection_timeout = NO_TIMEOUT_S

    def on_start(self) -> None:
        # Locust starts a second's worth of users at once. Spread over that second, they
        # come at the rate that was asked for and not as a burst that queues.
        per_dispatch = max(1, int(SPAWN_RATE))
        number = next(numbers)
        if number:
            gevent.sleep(((number - 1) % per_dispatch + 1) / SPAWN_RATE)

    @task
    def request_endpoint(self) -> Any:
        return self.client.request(METHOD, PATH, name=PATH, allow_redirects=False)
