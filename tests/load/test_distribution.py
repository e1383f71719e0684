"""Where a distributed load's workers are, and what to type for one."""

import pytest

from asyncperf.load.distribution import Distribution, is_loopback


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1", True),
        ("127.8.0.1", True),
        ("::1", True),
        ("[::1]", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("*", False),
        ("192.168.0.10", False),
        ("load.example", False),
        ("", False),
    ],
)
def test_loopback(host, local):
    assert is_loopback(host) is local
    assert Distribution(2, local=False, host=host).on_this_machine is local
    assert Distribution(2, local=True, host=host).on_this_machine


@pytest.mark.parametrize(
    ("host", "port", "command"),
    [
        ("192.168.0.10", 5557, "asyncperf worker --master-host 192.168.0.10"),
        ("10.0.0.1", 6000, "asyncperf worker --master-host 10.0.0.1 --master-port 6000"),
        ("0.0.0.0", 5557, "asyncperf worker --master-host THIS-MACHINE"),
        ("*", 5557, "asyncperf worker --master-host THIS-MACHINE"),
    ],
)
def test_the_command_for_a_worker(host, port, command):
    assert Distribution(2, local=False, host=host, port=port).worker_command == command
