"""What every JSON document of ours keeps to."""

import math
from typing import Any

Json = dict[str, Any]


def finite(value: float | None) -> float | None:
    """The figure, None where it is not known: JSON has no NaN and no infinity."""
    return None if value is None or not math.isfinite(value) else float(value)
