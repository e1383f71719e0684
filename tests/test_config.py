"""Which source wins, what each setting accepts, and what is said of the rest."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncperf.combinations import LOCUST_ONLY
from asyncperf.config import compare_settings, master_address
from asyncperf.errors import UsageError
from asyncperf.settings import SETTINGS

from .loaded import loaded, refusal

# Sources


def test_defaults_are_those_of_the_experiment():
    settings = loaded()
    assert (settings.users, settings.spawn_rate, settings.workers) == (500, 50.0, 2)
    assert settings.app is None
    assert settings.run_time_s is None
    assert settings.port is None
    assert settings.fail_on == "never"


@pytest.mark.parametrize(
    ("in_file", "in_environment", "as_flag", "users"),
    [
        (None, None, None, 500),
        ("10", None, None, 10),
        (None, "20", None, 20),
        (None, None, "30", 30),
        ("10", "20", None, 20),
        ("10", None, "30", 30),
        (None, "20", "30", 30),
        ("10", "20", "30", 30),
        ("10", "", None, 10),  # an empty variable says nothing
    ],
)
def test_flags_win_over_environment_over_pyproject(
    pyproject, in_file, in_environment, as_flag, users
):
    settings = loaded(
        {"users": as_flag} if as_flag else {},
        environment={} if in_environment is None else {"ASYNCPERF_USERS": in_environment},
        pyproject=pyproject(f"users = {in_file}" if in_file else ""),
    )
    assert settings.users == users


def test_settings_can_come_from_every_source(pyproject):
    texts = {
        "app": "shop:app",
        "users": "7",
        "spawn_rate": "2.5",
        "run_time": "90s",
        "max_time": "2m",
        "timeout": "500ms",
        "workers": "3",
        "port": "8001",
        "include": "/items*",
        "exclude": "/items/secret",
        "engine": "native",
        "load_processes": "2",
        "think_time": "exponential:2s",
        "find_limit": "no",
        "keepalive": "no",
        "header": "X-Key: secret",
        "connect_timeout": "3s",
        "response_timeout": "9s",
        "ca_file": "ca.pem",
        "openapi": "/api/openapi.json",
        "endpoint": "GET /items/1",
        "requests": "requests.toml",
        "allow_writes": "true",
        "allow_remote": "false",
        "mix": "yes",
        "gc": "tuned",
        "probe": "no",
        "fail_on": "error",
        "repeat": "3",
        "budget": "p95<500ms",
    }
    own = {"locustfile", "user_class", "rate", "arrivals", "stages", *LOCUST_ONLY}
    assert SETTINGS.keys() - texts.keys() == own
    file = pyproject("\n".join(f'{name} = "{value}"' for name, value in texts.items()))
    environment = {f"ASYNCPERF_{name.upper()}": value for name, value in texts.items()}
    from_flags = loaded(texts)
    assert loaded(pyproject=file) == from_flags
    of_processes = {"env": environment, "load_env": environment}
    assert vars(loaded(environment=environment)) == vars(from_flags) | of_processes
    assert from_flags.users == 7
    assert from_flags.spawn_rate == 2.5
    assert (from_flags.run_time_s, from_flags.max_time_s, from_flags.timeout_s) == (90, 120, 0.5)
    assert from_flags.include == ("/items*",)
    assert from_flags.repeat == 3
    assert [budget.text for budget in from_flags.budget] == ["p95<500ms"]


def test_a_distributed_load_can_come_from_every_source(pyproject):
    texts = {
        "engine": "locust",
        "expect_workers": "3",
        "expect_workers_max_wait": "2m",
        "master_bind_host": "192.168.0.10",
        "master_bind_port": "6000",
    }
    file = pyproject("\n".join(f'{name} = "{value}"' for name, value in texts.items()))
    environment = {f"ASYNCPERF_{name.upper()}": value for name, value in texts.items()}
    from_flags = loaded(texts)
    assert loaded(pyproject=file) == from_flags
    of_processes = {"env": environment, "load_env": environment}
    assert vars(loaded(environment=environment)) == vars(from_flags) | of_processes
    assert (from_flags.expect_workers, from_flags.processes) == (3, None)
    assert from_flags.expect_workers_max_wait_s == 120
    assert (from_flags.master_bind_host, from_flags.master_bind_port) == ("192.168.0.10", 6000)


@pytest.mark.parametrize(
    ("host", "port", "address"),
    [("10.0.0.1", None, ("10.0.0.1", 5557)), ("load-1.lan", "6000", ("load-1.lan", 6000))],
)
def test_the_master_of_a_worker(host, port, address):
    assert master_address(host, port) == address


@pytest.mark.parametrize(
    ("host", "port", "message"),
    [
        ("", None, "--master-host must be an address or a name such as 192.168.0.10, not ''"),
        ("a;b", None, "--master-host must be"),
        ("10.0.0.1", "0", "--master-port must be a whole number from 1 to 65,535, not '0'"),
    ],
)
def test_a_master_that_cannot_be(host, port, message):
    with pytest.raises(UsageError) as caught:
        master_address(host, port)
    assert str(caught.value).startswith(message)


def test_budgets_in_pyproject_are_a_list(pyproject):
    file = pyproject('budget = ["p95<500ms", "GET /items: rate>200"]')
    assert [budget.metric for budget in loaded(pyproject=file).budget] == ["p95", "rate"]
    assert [b.metric for b in loaded({"budget": ["errors<1%"]}, pyproject=file).budget] == [
        "errors"
    ]


def test_a_budget_is_refused_where_it_stands_with_what_is_accepted(pyproject):
    file = pyproject('budget = ["p95<500ms", "p95<500"]')
    assert str(refusal(pyproject=file)) == (
        "[tool.asyncperf] budget: the budget 'p95<500' needs a time with its unit "
        "(us, ms, s, m), not '500'"
    )
    assert str(refusal({"budget": ["fast"]})).startswith("--budget: cannot read the budget 'fast'")
    assert str(refusal(environment={"ASYNCPERF_BUDGET": "x<1"})).startswith(
        "ASYNCPERF_BUDGET: the budget 'x<1' is on 'x'"
    )


def test_names_that_were_set_for_the_app_are_known_apart(pyproject):
    file = pyproject('env = {SIZE = 3, MODE = "fast"}')
    settings = loaded(pyproject=file, environment={"HOME": "/root"}, set_env=("SIZE=4",))
    assert set(settings.env_names) == {"SIZE", "MODE"}
    assert settings.env["SIZE"] == "4"


def test_what_is_set_for_the_app_is_not_set_for_its_load(pyproject):
    file = pyproject('env = {MODE = "fast"}')
    settings = loaded(pyproject=file, environment={"HOME": "/root"}, set_env=("PYTHONPATH=x",))
    assert settings.load_env == {"HOME": "/root"}


@pytest.mark.parametrize(
    ("text", "share"), [("3%", 0.03), ("0.5 %", 0.005), ("12%", 0.12), ("0%", 0.0)]
)
def test_the_smallest_change_is_a_percentage(text, share):
    assert compare_settings(text, None).at_least == pytest.approx(share)


@pytest.mark.parametrize("text", ["3", "0.03", "-3%", "100%", "x%", "", "٣%"])
def test_a_change_without_its_sign_is_refused(text):
    with pytest.raises(UsageError, match="--at-least must be a percentage below 100"):
        compare_settings(text, None)


def test_comparing_has_levels_of_its_own():
    assert compare_settings(None, None).fail_on == "never"
    assert compare_settings(None, "cannot-tell").fail_on == "cannot-tell"
    with pytest.raises(UsageError, match="--fail-on must be one of worse, cannot-tell, never"):
        compare_settings(None, "error")


def test_keys_in_pyproject_take_hyphens_and_toml_types(pyproject):
    file = pyproject('spawn-rate = 25\nrun-time = 30\ninclude = ["/a", "/b"]\nport = 8001')
    settings = loaded(pyproject=file)
    assert (settings.spawn_rate, settings.run_time_s, settings.port) == (25.0, 30.0, 8001)
    assert settings.include == ("/a", "/b")


@pytest.mark.parametrize("text", ["", "[project]\nname = 'shop'", "[tool.other]\nusers = 3"])
def test_pyproject_without_our_table_says_nothing(tmp_path, text):
    file = tmp_path / "pyproject.toml"
    file.write_text(text)
    assert loaded(pyproject=file) == loaded()


# Bad values

WHOLE_NUMBERS = ["0", "-1", "1.5", "nan", "inf", "1e3", "many", "", " 5", "1_000", "9" * 30]
NUMBERS = ["0", "-1", "-0.0", "nan", "inf", "-inf", "1e300", "fast", ""]
TIMES = ["0", "-5s", "nan", "inf", "0s", "8d", "1.5.2s", "5 minutes", "m", "", "169h", "9e9"]


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name in ("users", "workers", "port") for value in WHOLE_NUMBERS]
    + [("spawn_rate", value) for value in NUMBERS]
    + [(name, value) for name in ("run_time", "max_time", "timeout") for value in TIMES]
    + [("users", "1000001"), ("workers", "1025"), ("port", "65536"), ("spawn_rate", "1000001")]
    + [("fail_on", "sometimes"), ("fail_on", ""), ("app", "")],
)
def test_a_bad_flag_is_refused_with_its_name_and_value(name, value):
    error = refusal({name: value})
    where = "APP" if name == "app" else "--" + name.replace("_", "-")
    assert str(error).startswith(f"{where} must be ")
    assert str(error).endswith(f"not {value!r}")
    assert error.exit_code == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("users = 0", "[tool.asyncperf] users must be a whole number from 1 to 1,000,000, not 0"),
        ("users = true", "not True"),
        ("users = 1.0", "not 1.0"),
        ("users = [1]", "not [1]"),
        ("spawn-rate = true", "[tool.asyncperf] spawn_rate must be a number above 0"),
        ("spawn-rate = nan", "not nan"),
        ("spawn-rate = inf", "not inf"),
        ("spawn-rate = {}", "not {}"),
        ("run-time = true", "must be a time such as 90, 90s, 5m or 1h30m, not True"),
        ("run-time = -1", "not -1"),
        ("run-time = nan", "not nan"),
        ("run-time = 1979-05-27", "not datetime.date(1979, 5, 27)"),
        ("include = 3", "must be a text or a list of texts, not 3"),
        ("include = [1]", "not [1]"),
        ("app = 3", "must be a text, not 3"),
        ("app = []", "must be a text, not []"),
        ("locustfile = true", "not True"),
        ("locustfile = []", "not []"),
        ("fail-on = true", "must be one of error, warning, never, not True"),
    ],
)
def test_a_bad_value_in_pyproject_is_refused(pyproject, text, message):
    error = refusal(pyproject=pyproject(text))
    assert message in str(error)
    assert "[tool.asyncperf]" in str(error)


def test_a_bad_variable_is_refused_by_its_name():
    error = refusal(environment={"ASYNCPERF_SPAWN_RATE": "fast"})
    assert str(error).startswith("ASYNCPERF_SPAWN_RATE must be a number above 0")
    assert str(error).endswith("not 'fast'")


def test_a_bad_value_is_refused_even_where_another_source_would_win(pyproject):
    assert "users" in str(refusal({"users": "5"}, pyproject=pyproject("users = 0")))


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("usrs = 5", "Did you mean users?"),
        ("spawn-rat = 5", "Did you mean spawn_rate?"),
        ("colour = 5", "Known: app, users,"),
    ],
)
def test_an_unknown_key_is_refused_with_a_suggestion(pyproject, text, hint):
    error = refusal(pyproject=pyproject(text))
    assert repr(text.split(" = ")[0]) in str(error)
    assert hint in error.hint


@pytest.mark.parametrize(
    "content",
    [b"users = ", b"[tool.asyncperf\n", b"\xff\xfe", b"a = 1\na = 2"],
    ids=["no value", "no bracket", "no text", "twice"],
)
def test_a_broken_pyproject_is_named(tmp_path, content):
    file = tmp_path / "pyproject.toml"
    file.write_bytes(content)
    error = refusal(pyproject=file)
    assert f"cannot read {file}" in str(error)
    assert error.hint


def test_a_pyproject_that_is_a_folder_is_named(tmp_path):
    assert f"cannot read {tmp_path}" in str(refusal(pyproject=tmp_path))


@pytest.mark.parametrize("text", ["tool = 3", "[tool]\nasyncperf = 3", "tool = []"])
def test_a_table_that_is_none_is_refused(tmp_path, text):
    file = tmp_path / "pyproject.toml"
    file.write_text(text)
    assert str(file) in str(refusal(pyproject=file))


@given(st.sampled_from(sorted(SETTINGS)), st.text(max_size=20) | st.floats() | st.integers())
def test_any_value_is_taken_or_refused(name, value):
    with contextlib.suppress(UsageError):
        loaded({name: value})


# What the app runs with


@pytest.mark.parametrize(
    ("set_env", "value"),
    [
        ((), "from environment"),
        (("SHOP=flag",), "flag"),
        (("SHOP=",), ""),
        (("SHOP=a=b",), "a=b"),
        (("SHOP=first", "SHOP=second"), "second"),
    ],
)
def test_env_flags_win_over_the_environment(set_env, value):
    settings = loaded(environment={"SHOP": "from environment"}, set_env=set_env)
    assert settings.env["SHOP"] == value


def test_env_of_pyproject_gives_way_to_the_environment(pyproject):
    file = pyproject('env = { SHOP = "file", SECONDS = 0.5, COUNT = 3 }')
    settings = loaded(pyproject=file, environment={"SHOP": "environment"})
    assert settings.env == {"SHOP": "environment", "SECONDS": "0.5", "COUNT": "3"}


@pytest.mark.parametrize("pair", ["SHOP", "=value", "", "="])
def test_a_bad_env_flag_is_refused(pair):
    error = refusal(set_env=(pair,))
    assert str(error) == f"--env must be NAME=VALUE, not {pair!r}"


@pytest.mark.parametrize("table", ["[1]", '"SHOP=1"', "{ SHOP = true }", "{ SHOP = [] }", "3"])
def test_a_bad_env_table_is_refused(pyproject, table):
    assert "[tool.asyncperf.env] must map names" in str(
        refusal(pyproject=pyproject(f"env = {table}"))
    )
