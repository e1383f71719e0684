"""What Typer has no notation for."""

import pytest

from .loads import waiting


@pytest.mark.parametrize(
    ("arguments", "app", "budgets"),
    [
        (("--budget", "p95<2s", "errors<1%", "rate>3"), None, ["p95<2s", "errors<1%", "rate>3"]),
        (("shop:app", "--budget", "p95<2s", "rate>3", "-q"), "shop:app", ["p95<2s", "rate>3"]),
        (("--budget=p95<2s", "rate>3", "--budget", "errors<5"), None, 3),
        (("--budget", "p95<2s", "shop:app"), "shop:app", ["p95<2s"]),
    ],
)
def test_budgets_can_stand_in_a_row(asyncperf, outcome, arguments, app, budgets):
    asked = outcome(waiting())
    asyncperf("run", *arguments)
    [(settings, *_)] = asked
    found = [budget.text for budget in settings.budget]
    assert settings.app == app
    assert (len(found) if budgets == 3 else found) == budgets


def test_what_stands_after_two_dashes_is_a_command(asyncperf, outcome):
    asked = outcome(waiting())
    asyncperf("run", "-u", "7", "--mix", "--", "granian", "--port", "8001", "-u", "x", "--", "y")
    [(settings, *_)] = asked
    assert settings.command == ("granian", "--port", "8001", "-u", "x", "--", "y")
    assert (settings.users, settings.mix, settings.app) == (7, True, None)
