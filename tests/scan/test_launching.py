"""Coroutines with an event loop of their own, or with none, wait for nobody else."""

import pytest

SOURCE = """\
    import asyncio, time
    from threading import Thread
    from rq import Queue
    jobs = Queue()
    async def work():
        time.sleep(1)
    BODY
"""


@pytest.mark.parametrize(
    ("body", "is_told"),
    [
        ("def run(): return Thread(target=asyncio.run, args=(work(),))", False),
        ("def run(): return Thread(target=print, args=(work(),))", True),
        ("async def run(): jobs.enqueue(work)", False),
        ("async def run(stack): stack.enqueue(work)", True),
    ],
)
def test_what_is_given_a_loop(scanned, body, is_told):
    assert len(scanned(main=SOURCE.replace("BODY", body))) == is_told


def test_a_job_of_rq_has_its_worker_to_itself(scanned):
    source = """\
        import time
        from DECORATORS import job
        @job("low")
        async def work():
            time.sleep(1)
        """
    assert scanned(main=source.replace("DECORATORS", "rq.decorators")) == ()
    assert len(scanned(main=source.replace("DECORATORS", "other.decorators"))) == 1


@pytest.mark.parametrize(
    ("body", "is_told"),
    [
        ("async def rest(): await coroutine\n        asyncio.run(rest())", False),
        ("async def rest(): await coroutine\n        return rest", True),
        ("try: coroutine.send(None)\n        except StopIteration: pass", False),
        ("coroutine.send(1)", True),
    ],
)
def test_a_helper_gives_a_loop_or_none_to_what_it_is_given(scanned, body, is_told):
    source = """\
        import asyncio, time
        async def work():
            time.sleep(1)
        def run(coroutine):
            BODY
        def begin():
            run(work())
            asyncio.run(None)
        """
    assert len(scanned(main=source.replace("BODY", body.replace("\n", "\n    ")))) == is_told


MADE = """\
    import time
    class Engine:
        def call(self):
            async def inner():
                time.sleep(1)
            return inner()
    def run(engine: Engine):
        CALL
    async def f(engine: Engine):
        run(engine)
"""


@pytest.mark.parametrize(
    ("call", "is_told"),
    [("engine.call()", False), ("return engine.call()", True), ("print(engine.call())", True)],
)
def test_a_coroutine_that_everybody_drops_never_runs(scanned, call, is_told):
    assert len(scanned(main=MADE.replace("CALL", call))) == is_told
