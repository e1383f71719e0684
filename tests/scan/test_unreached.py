"""What only runs where no event loop does is no blocking call of async code."""

import pytest

SOURCE = """\
    import asyncio, time
    from somewhere import in_async_context
    def work(busy):
        BODY
    async def f(busy):
        work(busy)
"""


@pytest.mark.parametrize(
    ("body", "is_told"),
    [
        ("if asyncio.get_running_loop() is None: time.sleep(1)", False),
        ("if asyncio.get_running_loop() is not None: time.sleep(1)", True),
        ("if not in_async_context(): time.sleep(1)", False),
        ("if in_async_context(): time.sleep(1)", True),
        ("if not busy.in_async_context: time.sleep(1)", True),
        ("loop = asyncio.get_event_loop()\n        if not loop.is_running(): time.sleep(1)", False),
        ("loop = asyncio.new_event_loop()\n        if not loop.is_running(): time.sleep(1)", True),
        ("loop = asyncio.get_event_loop()\n        if loop is None: time.sleep(1)", True),
        ("if (loop := asyncio.get_running_loop()) is None: time.sleep(1)", False),
        ("if not busy.is_running(): time.sleep(1)", True),
    ],
)
def test_under_a_question_whether_a_loop_runs(scanned, body, is_told):
    assert len(scanned(main=SOURCE.replace("BODY", body))) == is_told


TRIED = """\
    import asyncio, time
    def work(load):
        try:
            loop = asyncio.get_running_loop()
            MORE
        except ERROR:
            loop = None
            time.sleep(1)
        if loop is None:
            time.sleep(2)
        time.sleep(3)
    async def f(load):
        work(load)
"""


@pytest.mark.parametrize(
    ("more", "error", "lines"),
    [
        ("", "RuntimeError", [11]),
        ("", "Exception", [11]),
        ("load()", "RuntimeError", [11]),
        ("load()", "Exception", [8, 11]),
        ("return loop.create_task(load())", "RuntimeError", []),
    ],
)
def test_after_asking_for_the_loop_has_failed(scanned, more, error, lines):
    source = TRIED.replace("MORE", more).replace("ERROR", error)
    assert [call.line for call in scanned(main=source)] == lines


def test_a_thread_has_no_loop(scanned):
    found = scanned(
        main="""\
            import asyncio, time
            def rest():
                time.sleep(1)
            def work():
                if asyncio.get_running_loop() is None:
                    rest()
            async def f():
                work()
            async def g():
                rest()
            """
    )
    assert [[step.line for step in call.chain] for call in found] == [[10, 3]]
    assert [call.callers for call in found] == [1]
