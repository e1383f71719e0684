"""Blocking calls that async code leaves to others: in a thread, or where a queue is emptied."""

import pytest


@pytest.mark.parametrize(
    "body",
    [
        "await asyncio.to_thread(nap)",
        "await asyncio.to_thread(time.sleep, 1)",
        "await asyncio.to_thread(partial(nap, 1))",
        "await asyncio.to_thread(lambda: time.sleep(1))",
        "await asyncio.get_running_loop().run_in_executor(None, nap)",
        "await asyncio.get_running_loop().run_in_executor(None, partial(nap, 1))",
        "await anyio.to_thread.run_sync(nap)",
        "await run_in_threadpool(nap)",
        "ThreadPoolExecutor().submit(nap)",
        "threading.Thread(target=nap).start()",
        "await in_thread(nap)",
        "await in_context(nap)",
        "await in_lambda(nap)",
        "await in_inner(nap)",
        "await sync_to_async(nap)()",
        "await threaded_nap()",
        "await made_async_nap()",
        "tasks.add_task(nap)",
        "return nap",
        "later = lambda: time.sleep(1)",
    ],
)
def test_what_goes_to_a_thread_or_is_not_called_is_no_finding(scanned, body):
    found = scanned(
        main="""\
            import asyncio, contextvars, functools, threading, time
            import anyio
            from asgiref.sync import sync_to_async
            from concurrent.futures import ThreadPoolExecutor
            from fastapi import BackgroundTasks
            from fastapi.concurrency import run_in_threadpool
            from functools import partial

            def nap(seconds=1):
                time.sleep(seconds)

            async def in_thread(func, *args):
                return await asyncio.to_thread(func, *args)

            async def in_context(func, *args):
                call = partial(contextvars.copy_context().run, func, *args)
                return await asyncio.get_running_loop().run_in_executor(None, call)

            async def in_lambda(func, *args):
                await asyncio.get_running_loop().run_in_executor(None, lambda: func(*args))

            async def in_inner(func, *args):
                def run():
                    return func(*args)
                await asyncio.get_running_loop().run_in_executor(None, run)

            @sync_to_async
            def threaded_nap():
                time.sleep(1)

            def made_async(func):
                @functools.wraps(func)
                async def inner(*args):
                    return await asyncio.to_thread(func, *args)
                return inner

            @made_async
            def made_async_nap():
                time.sleep(1)

            async def f(tasks: BackgroundTasks):
                BODY
            """.replace("BODY", body)
    )
    assert found == ()


def test_arguments_of_a_call_in_a_thread_are_evaluated_on_the_loop(scanned):
    [call] = scanned(
        main="""\
            import asyncio, requests
            def page():
                return requests.get("http://a").text
            async def f():
                await asyncio.to_thread(print, page())
            """
    )
    assert (call.call, call.blocks) == ("requests.get", "network")


def test_what_is_put_in_a_queue_with_its_arguments_runs_elsewhere(scanned):
    source = """\
        import time
        class Store:
            def execute(self, work, *arguments):
                if self.is_alive():
                    PUT
                else:
                    work(*arguments)
        def read(key):
            time.sleep(1)
        async def f(store: Store):
            store.execute(read, 1)
        """
    assert scanned(main=source.replace("PUT", "self.queue.put_nowait((work, arguments))")) == ()
    assert len(scanned(main=source.replace("PUT", "print((work, arguments))"))) == 1


def test_a_generator_that_a_thread_takes_from_runs_there(scanned):
    source = """\
        import asyncio, time
        def rows():
            time.sleep(1)
            yield 1
        async def f():
            found = iter(rows())
            GO
        """
    assert scanned(main=source.replace("GO", "await asyncio.to_thread(next, found, None)")) == ()
    inside = "async def take(): await asyncio.to_thread(next, found)"
    assert scanned(main=source.replace("GO", inside)) == ()
    assert len(scanned(main=source.replace("GO", "next(found)"))) == 1
