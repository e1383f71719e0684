"""The four users, read in a process of their own: Locust patches whatever imports it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# Runs every task of every user once, against a client that only notes what is asked for.
REQUESTS = """
import json, locust, locustfile

class Client:
    def __init__(self):
        self.asked = []
    def get(self, path, **options):
        self.asked.append(["GET", path, options])

found = {}
for name, user_class in vars(locustfile).items():
    if isinstance(user_class, type) and issubclass(user_class, locust.HttpUser):
        if user_class.abstract:
            continue
        user = user_class.__new__(user_class)
        user.client = Client()
        for task in user_class.tasks:
            task(user)
        found[name] = user.client.asked
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def requests():
    done = subprocess.run(
        [sys.executable, "-c", REQUESTS], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("user", "path"),
    [
        ("SyncBaselineUser", "/sync_baseline"),
        ("AsyncIndependentUser", "/async_independent"),
        ("AsyncDependentUser", "/async_dependent"),
        ("AsyncConcurrentUser", "/async_concurrent"),
    ],
)
def test_each_user_requests_its_endpoint(requests, user, path):
    assert requests[user] == [["GET", path, {}]]


def test_there_are_no_other_users(requests):
    assert len(requests) == 4
