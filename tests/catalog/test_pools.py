"""Pools: one allowance for models of any providers."""

import pytest

from .compiling import compiled, messages

SHARED = """\
providers:
  a:
    api_keys: {home: k1, work: k2}
    limits: {requests_per_minute: 10}
    models:
      one: {pools: [free, all, free], limits: {requests_per_day: 5}}
      two: {}
  b: {api_key: k3, models: {"*": {pools: [free]}}}
pools:
  free: {limits: {requests_per_day: 50, concurrent_requests: 2, cost_per_day: 1}, timezone: Asia/Tokyo}
  all: {limits: {requests_per_day: {amount: 90, timezone: UTC, reset: "10:30"}}}
  unused: {}
"""


def test_all_targets_of_a_pool_share_its_meters() -> None:
    """Of any provider, on any key or account; after the provider's and the model's own, and each once."""
    catalog = compiled(SHARED)
    ids = {target.rest_id: [meter.id for meter in target.meters] for target in catalog.providers["a"].targets}
    shared = ["pool:free:requests_per_day", "pool:free:concurrent_requests", "pool:free:cost_per_day"]
    for account in ("home", "work"):
        assert ids[f"a/one#{account}"] == [
            f"provider:a#{account}:requests_per_minute",
            f"model:a/one#{account}:requests_per_day",
            *shared,
            "pool:all:requests_per_day",
        ]
        assert ids[f"a/two#{account}"] == [f"provider:a#{account}:requests_per_minute"]
    (wild,) = catalog.resolve("b/any-name").targets
    assert [meter.id for meter in wild.meters] == shared
    assert wild.meters[0] is catalog.exact["a/one"][0].meters[2]
    assert [meter.id for meter in catalog.meters if meter.scope_type == "pool"] == [
        *shared,
        "pool:all:requests_per_day",
    ]


def test_calendar_limits_of_a_pool_are_in_its_zone() -> None:
    """Whatever the zone of the providers is."""
    rules = {meter.id: meter.rule for meter in compiled(SHARED).meters}
    assert rules["pool:free:requests_per_day"].timezone == "Asia/Tokyo"  # type: ignore[union-attr]  # a calendar
    assert rules["pool:all:requests_per_day"].reset == "10:30"  # type: ignore[union-attr]  # a calendar


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param(
            SHARED.replace("[free, all, free]", "[free, al, fre]"),
            ["6:27: unknown pool 'al', did you mean 'all'?", "6:31: unknown pool 'fre', did you mean 'free'?"],
            id="dangling names",
        ),
        pytest.param(
            SHARED.replace("all: {limits", "all: {limit"),
            ["11:9: unknown key 'limit', did you mean 'limits'?"],
            id="a wrong key",
        ),
        pytest.param(
            SHARED.replace("unused: {}", "unused: 5"),
            ["12:11: unused: must be a map, with keys such as limits, timezone"],
            id="no map",
        ),
        pytest.param(
            SHARED.replace('all: {limits: {requests_per_day: {amount: 90, timezone: UTC, reset: "10:30"}}}', "all: 5"),
            ["11:8: all: must be a map, with keys such as limits, timezone"],
            id="no map, and named: one mistake",
        ),
        pytest.param(
            SHARED.replace("requests_per_day: 50", "requests_per_day: {amount: 50, reset: mon}"),
            ['10:19: the reset of a day is a time, "10:30"; mon 00:00 is not'],
            id="a limit that cannot be",
        ),
        pytest.param(
            SHARED.replace("unused: {}", "x-unused: {}"),
            ["12:3: 'x-unused' cannot be a name: keys that begin with x- are notes"],
            id="a note is no name",
        ),
        pytest.param(
            "pools: []\nproviders: {b: {api_key: k, models: {m: {pools: [free]}}}}",
            ["1:8: pools: must be a map: {name: value}", "2:50: unknown pool 'free'"],
            id="no map of pools",
        ),
        pytest.param(
            SHARED.replace("[free, all, free]", "[1, al, free]"),
            ["6:20: unknown pool 'al', did you mean 'all'?", '6:21: pools: 1 without quotes is a number: write "1"'],
            id="a name that cannot be read, and a dangling one",
        ),
    ],
)
def test_what_is_wrong_with_pools(text: str, found: list[str]) -> None:
    """All at once, each at its place."""
    assert messages(text) == found
