"""Loads that a typed command may be given as the outcome of its run."""

from dataclasses import replace
from functools import cache

from asyncperf.model import GeneratorHealth, Measured

from ..analysis.closed_load import ClosedLoad, fixed, simulate
from ..builders import BLOCKING, ITEMS, alone, load_of


@cache
def waiting():
    """Limited by its users: no finding."""
    loaded = simulate(ClosedLoad(500, 50, fixed(1.5)), 60)
    return load_of(Measured(ITEMS, alone(1.5), loaded))


@cache
def blocking():
    """Limited by its threads: an error."""
    loaded = simulate(ClosedLoad(500, 50, fixed(1.5), places=80), 60)
    return load_of(Measured(BLOCKING, alone(1.5), loaded))


def too_short():
    """Too little data: a warning."""
    return replace(waiting(), ramp_end_s=None)


def busy_generator():
    return replace(waiting(), generator=GeneratorHealth(cpu=1.0, max_drift_s=1.0))
