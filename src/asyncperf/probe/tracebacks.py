"""The probe's own frames, which are none of the app's business."""

from __future__ import annotations

from .places import is_probes


def hide(error: BaseException) -> None:
    """Take the probe's frames off the beginning of a traceback: to be called in an `except`
    that ends in `raise`, which adds no new one."""
    trace = error.__traceback__
    while trace is not None and is_probes(trace.tb_frame.f_code.co_filename):
        trace = trace.tb_next
    error.__traceback__ = trace
