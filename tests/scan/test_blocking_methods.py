"""Blocking calls behind methods: which class's a call may mean."""

import pytest


def test_a_call_that_may_mean_several_methods_is_not_certain(scanned):
    [call] = scanned(
        main="""\
            import time
            class Store:
                def save(self): ...
            class Slow(Store):
                def save(self):
                    time.sleep(1)
            class Quick(Store):
                def save(self):
                    return 1
            async def f(store: Store):
                store.save()
            """
    )
    assert not call.certain


AWAITED = """\
    import time
    from typing import Awaitable
    class Store:
        async def save(self):
            return 1
    class Slow(Store):
        def save(self)RETURNS:
            time.sleep(1)
    async def f(store: Store):
        BODY
"""


@pytest.mark.parametrize(
    ("body", "returns", "is_told"),
    [
        ("await store.save()", "", False),
        ("await store.save()", " -> None", False),
        ("await store.save()", " -> Awaitable[int]", True),
        ("return store.save()", "", True),
    ],
)
def test_an_awaited_call_means_no_plain_method_where_an_async_one_is_there(
    scanned, body, returns, is_told
):
    found = scanned(main=AWAITED.replace("BODY", body).replace("RETURNS", returns))
    assert len(found) == is_told


def test_what_only_some_heirs_do_is_not_said_of_a_class_that_does_it_itself(scanned):
    found = scanned(
        main="""\
            import time
            class Store:
                def save(self):
                    return 1
                def load(self):
                    print(self)
            class Slow(Store):
                def save(self):
                    time.sleep(1)
                def load(self):
                    time.sleep(1)
            async def f(store: Store):
                store.save()
                store.load()
            """
    )
    assert [(call.line, call.certain) for call in found] == [(9, False)]


def test_entering_what_only_some_heirs_enter_slowly_is_not_said_of_a_class_that_does_it(scanned):
    found = scanned(
        main="""\
            import time
            class Held:
                def __enter__(self):
                    print(self)
                def __exit__(self, *e):
                    print(self)
            class Slow(Held):
                def __enter__(self):
                    time.sleep(1)
                def __exit__(self, *e):
                    time.sleep(1)
            async def f(held: Held):
                with held:
                    pass
            """
    )
    assert found == ()


HEIRS = """\
    import asyncio, time
    class Store:
        def add(self): raise NotImplementedError
        async def aadd(self):
            self.add()
    class Files(Store):
        def add(self):
            time.sleep(1)
        async def aadd(self):
            BODY
    async def f(store: Store):
        await store.aadd()
"""


def test_an_heir_with_a_method_of_its_own_does_not_come_there_from_the_one_it_replaces(scanned):
    assert scanned(main=HEIRS.replace("BODY", "await asyncio.to_thread(self.add)")) == ()
    assert len(scanned(main=HEIRS.replace("BODY", "await super().aadd()"))) == 1
    assert len(scanned(main=HEIRS.replace("async def aadd(self):\n            BODY", ""))) == 1


PROTOCOLS = """\
    import time, typer
    from typing import Protocol
    app = typer.Typer()
    class Work(Protocol):
        async def work(self): ...
        async def rest(self): ...
    class Job:
        async def work(self):
            time.sleep(1)
        async def REST(self): ...
    @app.command()
    async def f(job: Work):
        await job.work()
    async def other(queue):
        await queue.work()
"""


def test_a_class_with_all_methods_of_a_protocol_is_called_through_it(scanned):
    assert scanned(main=PROTOCOLS.replace("REST", "rest")) == ()
    [call] = scanned(main=PROTOCOLS.replace("REST", "pause"))
    assert call.line == 9
