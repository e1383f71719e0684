"""Python imports this at its start, because the environment put its folder on the path.

It takes itself off the path again, loads the probe, and then does what Python would have
done without it: import the `sitecustomize` of the environment, if there is one.
"""

import importlib.machinery
import importlib.util
import os
import sys

STARTUP = os.path.dirname(os.path.abspath(__file__))
PROBE = os.path.dirname(STARTUP)


def load_probe() -> None:
    spec = importlib.util.spec_from_file_location(
        "asyncperf_probe",
        os.path.join(PROBE, "__init__.py"),
        submodule_search_locations=[PROBE],
    )
    assert spec is not None
    assert spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = package
    spec.loader.exec_module(package)
    importlib.import_module("asyncperf_probe.install").install()


def load_the_other() -> None:
    """The `sitecustomize` that this one hides."""
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", sys.path)
    if spec is None or spec.loader is None:
        return
    module = importlib.util.module_from_spec(spec)
    sys.modules["sitecustomize"] = module
    spec.loader.exec_module(module)


sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or ".") != STARTUP]
try:
    load_probe()
except Exception as error:  # an app must run on as if there were no probe
    sys.stderr.write(f"asyncperf: the probe could not be loaded: {error!r}\n")
load_the_other()
