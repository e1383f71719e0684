"""One user class per endpoint of app.py; name the one to run:

locust --headless -u 500 -r 50 -t 5m -f locustfile.py -H http://0.0.0.0:8000 AsyncConcurrentUser
"""

from locust import HttpUser, task


class SyncBaselineUser(HttpUser):
    @task
    def sync_baseline(self) -> None:
        self.client.get("/sync_baseline")


class AsyncIndependentUser(HttpUser):
    @task
    def async_independent(self) -> None:
        self.client.get("/async_independent")


class AsyncDependentUser(HttpUser):
    @task
    def async_dependent(self) -> None:
        self.client.get("/async_dependent")


class AsyncConcurrentUser(HttpUser):
    @task
    def async_concurrent(self) -> None:
        self.client.get("/async_concurrent")
