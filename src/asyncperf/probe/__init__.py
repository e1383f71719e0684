"""What runs inside the app's own workers.

Python's start-up finds `startup/sitecustomize.py` by the environment that the server was
started with, and so does every worker, however it is spawned. That loads this package as
`asyncperf_probe`, under whatever Python the app has: it imports the standard library alone,
and nothing of the rest of asyncperf, which may not be installed there.

A fault of the probe must never be one of the app: it is written down (`notes`), and the app
runs on as if the probe were not there.
"""
