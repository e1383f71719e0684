"""`python -m asyncperf` is the command `asyncperf`."""

from asyncperf.cli import main

main()
