"""The exit code that a result gives: pure decisions, which the command line acts on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncperf import errors

if TYPE_CHECKING:  # a scan has no use for NumPy, which a run's results hold
    from asyncperf.judgement import Comparison, Knee
    from asyncperf.results import Diagnosis
    from asyncperf.sites import ScanResult

SEVERITIES_AT = {"error": ("error",), "warning": ("error", "warning"), "never": ()}
SCAN_SEVERITIES_AT = {"warning": ("warning",), "info": ("warning", "info"), "never": ()}


def of_run(diagnosis: Diagnosis, fail_on: str) -> int:
    """3 where the server was gone; 1 for a missed budget; 4 when something could not be judged; 1
    for a finding at the asked level; else 0."""
    if any(load.server_gone for load in diagnosis.run.loads):
        return errors.TARGET
    # A budget is only called missed on figures that can be trusted, whatever is wrong elsewhere.
    budgets = {budget.status for budget in diagnosis.budgets}
    if "missed" in budgets:
        return errors.FOUND
    if "cannot_tell" in budgets:
        return errors.LOAD
    if not diagnosis.valid or not diagnosis.endpoints:
        return errors.LOAD
    if any(is_untold(knee) for knee in diagnosis.knees):
        return errors.LOAD
    # An open load that was too much never became steady, and is an answer of a search.
    unsteady = any(
        result.steady is None or result.steady.latency is None for result in diagnosis.endpoints
    )
    if (unsteady and not diagnosis.knees) or any(r.trouble for r in diagnosis.endpoints):
        return errors.LOAD
    severities = SEVERITIES_AT[fail_on]
    if any(finding.severity in severities for finding in diagnosis.findings):
        return errors.FOUND
    return errors.OK


def is_untold(knee: Knee) -> bool:
    """Whether a search did not come to its end: a knee beyond the most that was to be tried,
    or below a single user, is an answer."""
    return knee.status == "cannot_tell" or (knee.status == "at_least" and knee.why is not None)


def of_comparison(comparison: Comparison, fail_on: str) -> int:
    """4 where nothing could be compared, or at `cannot-tell` something; 1 where an endpoint
    is worse and that was asked for; else 0."""
    changes = [change for endpoint in comparison.endpoints for change in endpoint.changes]
    if all(change.low is None for change in changes):
        return errors.LOAD
    verdicts = {endpoint.verdict for endpoint in comparison.endpoints}
    if fail_on != "never" and "worse" in verdicts:
        return errors.FOUND
    if fail_on == "cannot-tell" and "cannot_tell" in verdicts:
        return errors.LOAD
    return errors.OK


def of_scan(result: ScanResult, fail_on: str) -> int:
    """1 for a finding at the asked level that is not suppressed; 4 where nothing was read; else
    0."""
    if result.scan.files == 0:
        return errors.LOAD
    severities = SCAN_SEVERITIES_AT[fail_on]
    told = (finding for finding in result.findings if finding.suppressed is None)
    return errors.FOUND if any(each.severity in severities for each in told) else errors.OK
