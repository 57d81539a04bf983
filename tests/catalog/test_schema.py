import msgspec
import pytest

from gateway.catalog.schema import (
    ClientEntry,
    Config,
    KeyEntry,
    LeaderboardEntry,
    LimitEntry,
    MetaModelEntry,
    ModelEntry,
    PoolEntry,
    PriceEntry,
    PriceFeed,
    ProviderEntry,
    Record,
    Server,
    Snapshot,
    Weights,
)

KEYS = {
    Config: "server clients providers pools meta_models leaderboard prices",
    Server: "host port allow_anonymous admin_token environment log_level log_format timezone request_timeout"
    " connect_timeout first_byte_timeout answer_timeout idle_timeout drain_timeout max_concurrent_requests max_queue"
    " max_connections max_memory max_body max_response hosts paid snapshot record",
    Snapshot: "directory every fsync on_persist_error",
    Record: "file",
    ClientEntry: "key paid models limits",
    ProviderEntry: "preset type base_url api_key api_keys rotation auth free timezone headers set drop rename"
    " include_usage pin count_failures monthly_fee active limits models",
    KeyEntry: "key account free limits",
    ModelEntry: "upstream_model aliases price free grade priority context max_output features limits pools active",
    PriceEntry: "input output cached_input cache_write reasoning request",
    LimitEntry: "amount algorithm timezone reset burst strict on_persist_error",
    PoolEntry: "limits timezone",
    MetaModelEntry: "targets strategy free_first paid max_wait sticky weights adjustments",
    Weights: "priority leaderboard parameters context",
    LeaderboardEntry: "fetch source overrides",
    PriceFeed: "fetch source every",
}


@pytest.mark.parametrize("kind", KEYS, ids=lambda kind: kind.__name__)
def test_exactly_these_keys_exist(kind: type[msgspec.Struct]) -> None:
    """A key that is accepted does what the contract says; one whose feature is not built is unknown."""
    assert [field.name for field in msgspec.structs.fields(kind)] == KEYS[kind].split()


def test_server_defaults_are_the_contract() -> None:
    """Section 2, in seconds and bytes."""
    server = Server()
    assert (server.host, server.port, server.environment, server.log_level, server.log_format) == (
        "127.0.0.1",
        3000,
        "production",
        "info",
        "auto",
    )
    assert (server.request_timeout, server.connect_timeout, server.first_byte_timeout) == (600.0, 10.0, 60.0)
    assert (server.answer_timeout, server.idle_timeout, server.drain_timeout) == (300.0, 120.0, 30.0)
    assert (server.max_body, server.max_response, server.max_concurrent_requests) == (67_108_864, 67_108_864, 0)
    assert (server.paid, server.hosts, server.timezone, server.allow_anonymous) == ("allow", (), "UTC", False)
    assert (server.snapshot.directory, server.snapshot.every) == ("snapshots", 5.0)
    assert server.record.file is None
    assert not server.admin_token
