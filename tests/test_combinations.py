"""Settings that go together, those that do not, and what follows from them."""

from pathlib import Path

import pytest

from asyncperf.errors import UsageError

from .loaded import loaded, refusal


def test_a_master_listens_on_loopback_unless_told_otherwise():
    settings = loaded({"engine": "locust", "expect_workers": "2"})
    assert (settings.master_bind_host, settings.master_bind_port) == ("127.0.0.1", 5557)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"processes": "2"}, "--processes is for the Locust engine"),
        ({"expect_workers": "2"}, "--expect-workers is for the Locust engine"),
        ({"processes": "2", "engine": "native"}, "--processes is for the Locust engine"),
        (
            {"processes": "2", "expect_workers": "2", "engine": "locust"},
            "--processes starts workers here, and --expect-workers waits for others",
        ),
        (
            {"master_bind_host": "10.0.0.1", "engine": "locust"},
            "--master-bind-host needs workers that connect",
        ),
        (
            {"master_bind_port": "6000", "processes": "2", "engine": "locust"},
            "--master-bind-port needs workers that connect",
        ),
        ({"processes": "0", "engine": "locust"}, "--processes must be a whole number from 1"),
        ({"processes": "-1", "engine": "locust"}, "--processes must be a whole number from 1"),
        ({"expect_workers": "0", "engine": "locust"}, "--expect-workers must be a whole number"),
        (
            {"expect_workers": "1", "master_bind_host": "a b", "engine": "locust"},
            "--master-bind-host must be an address or a name",
        ),
    ],
)
def test_what_a_distributed_load_cannot_be(flags, message):
    with pytest.raises(UsageError) as caught:
        loaded(flags)
    assert str(caught.value).startswith(message)


def test_a_user_class_needs_its_locustfile():
    error = refusal({"user_class": ("ShopUser",)})
    assert "ShopUser" in str(error)
    assert "-f" in error.hint
    settings = loaded({"user_class": ("ShopUser",), "locustfile": "shop.py"})
    assert (settings.user_class, settings.locustfile) == (("ShopUser",), Path("shop.py"))


@pytest.mark.parametrize("name", ["include", "exclude"])
def test_a_locustfile_leaves_no_choice_of_endpoints(name):
    error = refusal({"locustfile": "shop.py", name: ("/items",)})
    assert f"--{name}" in str(error)
    assert "--user-class" in error.hint


def test_a_servers_collector_is_tuned_only_by_whoever_starts_it():
    assert loaded({"gc": "tuned"}).gc == "tuned"
    with pytest.raises(UsageError, match="--gc tuned is for a server that asyncperf starts"):
        loaded({"gc": "tuned", "app": "http://localhost:8001"})


# Stages


@pytest.mark.parametrize(
    ("text", "users", "rate", "run_time_s"),
    [
        ("100:10s,500:30s", 500, None, 2 + 10 + 8 + 30),
        ("500:30s, 100:1m", 500, None, 10 + 30 + 8 + 60),
        ("50/s:10s,200/s:30s", 500, 200.0, 40),
        ("0.5/s:10", 500, 0.5, 10),
    ],
)
def test_stages_say_how_much_load_there_is_and_for_how_long(text, users, rate, run_time_s):
    settings = loaded({"stages": text})
    assert (settings.users, settings.rate, settings.run_time_s) == (users, rate, run_time_s)


@pytest.mark.parametrize(
    "text", ["", "100", "100:", ":10s", "0:10s", "1.5:10s", "100/m:10s", "100:10s,", "-1/s:10s"]
)
def test_stages_that_cannot_be_read_are_refused_with_an_example(text):
    assert "100:10s,500:30s" in str(refusal({"stages": text}))


def test_users_and_rates_do_not_mix_in_stages():
    assert "all of users (100:10s) or all of rates (50/s:10s)" in str(
        refusal({"stages": "100:10s,50/s:10s"})
    )


@pytest.mark.parametrize("name", ["users", "rate", "run_time"])
def test_what_stages_say_is_not_said_twice(name, pyproject):
    value = {"users": "7", "rate": "7", "run_time": "70s"}[name]
    both = {"stages": "100:10s", name: value}
    assert f"--{name.replace('_', '-')} does not go with --stages" in str(refusal(both))
    # From two sources the stronger one wins.
    file = pyproject(f'{name} = "{value}"')
    assert loaded({"stages": "100:10s"}, pyproject=file).users == 100
    file = pyproject('stages = "100:10s"')
    assert loaded({name: value}, pyproject=file).stages == ()


def test_stages_are_for_the_native_engine():
    assert "--stages is for the native engine" in str(
        refusal({"stages": "100:10s", "engine": "locust"})
    )


def test_users_or_a_rate_say_how_much_load_there_is(pyproject):
    both = {"users": "7", "rate": "70"}
    assert "--users is for a closed load, and --rate makes it open" in str(refusal(both))
    assert "Leave out one" in refusal(both | {"find_limit": True}).hint
    # From two sources the stronger one wins.
    assert loaded({"users": "7"}, pyproject=pyproject("rate = 70")).rate is None
    assert loaded({"rate": "70"}, pyproject=pyproject("users = 7")).rate == 70


def test_how_requests_arrive_is_for_an_open_load(pyproject):
    assert "--arrivals is for an open load" in str(refusal({"arrivals": "poisson"}))
    assert loaded({"arrivals": "poisson", "rate": "70"}).arrivals == "poisson"
    assert loaded({"arrivals": "poisson", "stages": "50/s:10s"}).arrivals == "poisson"
    # A project can say it for those of its runs that have a rate.
    assert loaded({}, pyproject=pyproject('arrivals = "poisson"')).rate is None


def test_an_open_load_has_no_ramp_that_could_be_too_long():
    assert loaded({"rate": "100", "run_time": "5s"}).run_time_s == 5


# The search for the limit


def test_a_search_goes_up_to_so_many_users_unless_someone_says():
    assert loaded({"find_limit": True}).users == 5000
    assert loaded({"find_limit": True, "users": "80"}).users == 80
    assert loaded({"find_limit": True, "rate": "200"}).rate == 200
    assert loaded({"find_limit": True}, environment={"ASYNCPERF_USERS": "70"}).users == 70


def test_the_users_of_a_search_never_take_too_long_to_start():
    assert loaded({"find_limit": True, "users": "100000"}).users == 100_000
    for name in ("run_time", "max_time"):
        short = {"find_limit": True, name: "5s"}
        says = f"each level takes up to 10 s to start its users, and ends after 5 s (--{name[:3]}"
        assert says in str(refusal(short))
        assert loaded(short | {"users": "100"})  # who start within 2 s
        assert loaded(short | {"rate": "100"})  # nobody has to start


@pytest.mark.parametrize(
    ("flags", "says", "hint"),
    [
        ({"stages": "100:10s"}, "--find-limit chooses its levels itself", "Leave out"),
        ({"repeat": "2"}, "--repeat does not apply", "-t loads each level for longer"),
        ({"budget": ["rate>5"]}, "cannot go by the budget 'rate>5'", "'p95<500ms'"),
        ({"engine": "locust"}, "--find-limit is for the native engine", "native"),
        ({"locustfile": "shop.py"}, "--find-limit is for the native engine", "native"),
    ],
)
def test_what_a_search_does_not_go_with_is_refused(flags, says, hint):
    found = refusal({"find_limit": True} | flags)
    assert says in str(found)
    assert hint in found.hint
