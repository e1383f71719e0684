from pathlib import Path

import pytest

from asyncperf.errors import UsageError
from asyncperf.scan_settings import ScanSettings, scan_settings


def test_flags_win_over_the_file():
    table = {"paths": "src", "exclude": ["migrations/*"], "fail-on": "never", "baseline": "b.json"}
    assert scan_settings({"types": "ty"}, {"types": "off"}) == ScanSettings(types="off")
    settings = scan_settings(table, {"fail_on": "info", "paths": ["app", "lib"]})
    assert settings == ScanSettings(("app", "lib"), ("migrations/*",), Path("b.json"), "info")
    assert scan_settings({}, {}) == ScanSettings()


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ([], "must be a table"),
        ({"path": "src"}, "has no setting 'path'"),
        ({"paths": 3}, "must be a text or a list of texts, not 3"),
        ({"paths": []}, r"must name files or folders, not \[\]"),
        ({"exclude": ["a", 3]}, "must be a text or a list of texts"),
        ({"fail_on": "error"}, "must be one of warning, info, never, not 'error'"),
        ({"baseline": ""}, "must be a text"),
        ({"cache": "no"}, "must be true or false, not 'no'"),
    ],
)
def test_what_cannot_be_meant_is_refused(table, message):
    with pytest.raises(UsageError, match=message):
        scan_settings(table, {})


def test_a_flag_is_named_as_it_was_typed():
    with pytest.raises(UsageError, match="--fail-on must be one of"):
        scan_settings({}, {"fail_on": "always"})
    with pytest.raises(UsageError, match="PATH must name files or folders"):
        scan_settings({}, {"paths": [""]})  # an empty variable of a script is not all of it
