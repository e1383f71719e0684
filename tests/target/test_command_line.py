"""What a server's command line tells, and what it leaves unknown."""

import pytest

from asyncperf.target.command_line import CommandLine, read_command


@pytest.mark.parametrize(
    ("command", "server", "host", "port", "workers"),
    [
        ("uvicorn shop:app --port 9000 --workers 4", "uvicorn", None, 9000, 4),
        ("uvicorn shop:app --host=0.0.0.0 --port=9000", "uvicorn", "0.0.0.0", 9000, None),
        ("/venv/bin/python -m uvicorn a:b --port 9000", "uvicorn", None, 9000, None),
        ("fastapi run --workers 2 app.py --port 9000", "fastapi", None, 9000, 2),
        ("granian --interface asgi a:b -p 9000", "granian", None, 9000, None),
        ("hypercorn a:b --bind 127.0.0.1:9000 -w 3", "hypercorn", "127.0.0.1", 9000, 3),
        ("hypercorn a:b -p /run/pid -b [::1]:9000", "hypercorn", "::1", 9000, None),
        ("gunicorn a:b -w4 -k uvicorn.Worker -b :9000", "gunicorn", None, 9000, 4),
        ("gunicorn a:b -b unix:/run/a.sock --bind=h:9000", "gunicorn", "h", 9000, None),
        ("uv run uvicorn a:b --port 9000", "uvicorn", None, 9000, None),
        ("python serve.py --port 9000", None, None, 9000, None),
        ("./serve.sh", None, None, None, None),
        ("uvicorn a:b --uds /run/a.sock", "uvicorn", None, None, None),
        ("uvicorn a:b --port", "uvicorn", None, None, None),
        ("uvicorn a:b --port 0", "uvicorn", None, None, None),
        ("uvicorn a:b --port 99999", "uvicorn", None, None, None),
        ("gunicorn a:b -b 127.0.0.1", "gunicorn", None, None, None),
        ("gunicorn a:b -w many -b :9000", "gunicorn", None, 9000, None),
    ],
)
def test_command(
    command: str, server: str | None, host: str | None, port: int | None, workers: int | None
) -> None:
    assert read_command(command.split()) == CommandLine(server, host, port, workers, None, False)


def test_the_access_log_is_off_where_the_command_says_so() -> None:
    assert read_command(["uvicorn", "a:b", "--no-access-log"]).access_log is False


@pytest.mark.parametrize("option", ["--ssl-certfile", "--certfile", "--ssl-certificate"])
def test_a_certificate_means_https(option: str) -> None:
    assert read_command(["serve", option, "cert.pem"]).tls
