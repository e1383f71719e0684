"""Files as people are told them: from the directory that the app was found from."""

from collections.abc import Iterable
from pathlib import PurePath

from asyncperf.insight import Insight
from asyncperf.model import Endpoint


def shown(file: str, insight: Insight, endpoints: Iterable[Endpoint]) -> str:
    """A file of the probe's as the report's other paths are, as far as a handler's path tells
    which directory that is."""
    handlers = {e.handler.file for e in endpoints if e.handler is not None}
    relative = [handler for handler in handlers if not PurePath(handler).is_absolute()]
    for route in insight.routes:
        for handler in relative:
            root = (route.file or "").removesuffix(handler)
            if root != route.file and root.endswith("/") and file.startswith(root):
                return file.removeprefix(root)
    return file
