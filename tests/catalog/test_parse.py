from decimal import Decimal
from typing import Any

import pytest
from msgspec import Struct

from gateway.catalog.locate import read
from gateway.catalog.parse import MISSING, field_reader, reader, struct
from gateway.catalog.schema import (
    ClientEntry,
    Credential,
    KeyEntry,
    LeaderboardEntry,
    LimitEntry,
    MetaModelEntry,
    ModelEntry,
    PriceEntry,
    ProviderEntry,
    Server,
)
from gateway.catalog.walk import Walk
from gateway.records import Secret

_DID_YOU_MEAN = "1:10: unknown limit 'concurrent_request', did you mean 'concurrent_requests'?"
_A_RESET = '1:20: reset: must be a time "10:30", a weekday "mon 09:00", or a day of the month 15 or "15 09:00"'
ENV = {"KEY": "sk-secret-1", "PORT": "80", "YES": "yes", "LEVEL": "nonsense", "NON_ASCII": "kéy"}


def _read(kind: type[Struct], text: str) -> tuple[Any, list[str]]:
    walk = Walk(ENV.get)
    result = struct(walk, read(text, "f").root, kind)
    return result, [f"{each.line}:{each.column}: {each.message}" for each in walk.problems]


def _good(kind: type[Struct], text: str) -> Any:
    result, problems = _read(kind, text)
    assert problems == []
    return result


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Server, "port: 80", 80),
        (Server, "port: '80'", 80),
        (Server, "port: ${PORT}", 80),
        (Server, "port: ${NOPE:-81}", 81),
        (Server, "port:", 3000),
        (Server, "port: ${NOPE:-}", 3000),
        (Server, "allow_anonymous: ${YES}", True),
        (Server, "log_level: warn", "warning"),
        (Server, "admin_token: ${KEY}", Secret("sk-secret-1")),
        (Server, "admin_token: ${NOPE:-}", Secret()),
        (Server, "drain_timeout: 0", 0.0),
        (Server, "max_body: 1KiB", 1024),
        (Server, "hosts: [GATEWAY.lan]", ("gateway.lan",)),
        (Server, "hosts: []", ()),
        (ModelEntry, "grade: 90", 90.0),
        (ModelEntry, "context: 128k", 128_000),
        (ModelEntry, "features: [tools, vision]", ("tools", "vision")),
        (ModelEntry, "upstream_model: '3.10'", "3.10"),
        (ModelEntry, "price: free", PriceEntry(input=Decimal(0), output=Decimal(0))),
        (ModelEntry, "price: {input: 0.1, output: 2}", PriceEntry(input=Decimal("0.1"), output=Decimal(2))),
        (ModelEntry, "price: ${NOPE:-}", None),
        (ModelEntry, "limits: {requests_per_15m: 5}", {("requests", "15m"): LimitEntry(amount=5)}),
        (ModelEntry, "limits: {cost_per_day: 2.5}", {("cost", "day"): LimitEntry(amount=2_500_000_000)}),
        (ModelEntry, "limits: {requests_per_day:}", {}),
        (ModelEntry, "limits: {}", {}),
        (ModelEntry, "limits: {concurrent_requests: 4}", {("concurrent_requests", ""): LimitEntry(amount=4)}),
        (ModelEntry, "limits: {tokens_per_request: 8k}", {("tokens_per_request", ""): LimitEntry(amount=8000)}),
        (ModelEntry, "pools: [a, b]", ("a", "b")),
        (LimitEntry, "reset: '7:30'\namount: 1", "07:30"),
        (LimitEntry, 'reset: "mon 09:00"\namount: 1', "mon 09:00"),
        (LimitEntry, "reset: mon\namount: 1", "mon 00:00"),
        (LimitEntry, "reset: 15\namount: 1", "15 00:00"),
        (LimitEntry, "reset:\namount: 1", None),
        (
            ModelEntry,
            "limits: {tokens_per_minute: {amount: 1k, algorithm: bucket, burst: 2k, timezone: UTC, x-why: test}}",
            {("tokens", "minute"): LimitEntry(amount=1000, algorithm="bucket", burst=2000, timezone="UTC")},
        ),
        (ProviderEntry, "api_key: ${KEY}", Credential(secret=Secret("sk-secret-1"))),
        (ProviderEntry, "api_key: ${NOPE}", Credential(missing="NOPE", raw="${NOPE}")),
        (ProviderEntry, "api_key: ${NOPE:-}", Credential(missing="NOPE", raw="${NOPE:-}")),
        (ProviderEntry, 'api_key: ""', Credential()),
        (ProviderEntry, "api_keys: {a: k}", {"a": KeyEntry(key=Credential(secret=Secret("k")))}),
        (
            ProviderEntry,
            "api_keys: {a: {key: k, account: firm, free: true}}",
            {"a": KeyEntry(key=Credential(secret=Secret("k")), account="firm", free=True)},
        ),
        (ProviderEntry, "api_keys: [k]", {"8254c329": KeyEntry(key=Credential(secret=Secret("k")))}),
        (ProviderEntry, "pin: false", ""),
        (ProviderEntry, "pin: deepinfra/turbo", "deepinfra/turbo"),
        (ProviderEntry, "base_url: https://h.example", "https://h.example/v1"),
        (ProviderEntry, "headers: {X-A: b, X-B:}", {"X-A": "b"}),
        (
            ProviderEntry,
            "set: {a: [1, x, {b: null, c: true}], d: '1', e: 0.5}",
            {"a": [1, "x", {"b": None, "c": True}], "d": "1", "e": 0.5},
        ),
        (MetaModelEntry, "targets: [a/b, c]", ("a/b", "c")),
        (MetaModelEntry, "targets: a/b, c,", ("a/b", "c")),
    ],
)
def test_value(kind: type[Struct], text: str, value: object) -> None:
    """Each spelling of the contract, variables included."""
    assert getattr(_good(kind, text), text.partition(":")[0]) == value


@pytest.mark.parametrize(
    ("kind", "text", "problem"),
    [
        (Server, "prot: 1", "1:1: unknown key 'prot', did you mean 'port'?"),
        (Server, "port: ${NOPE}", "1:7: port: the variable NOPE is not set: set it, or write ${NOPE:-default}"),
        (Server, "port: 70000", "1:7: port: must be at most 65535"),
        (Server, "port: -1", "1:7: port: must be at least 0"),
        (Server, "port: [1]", "1:7: port: must be a single value, not a list or map"),
        (Server, "port: 012", "1:7: port: YAML 1.1 reads 012 as a number in another base: write 12"),
        (Server, "connect_timeout: 0", "1:18: connect_timeout: must be more than 0"),
        (Server, "allow_anonymous: no", "1:18: allow_anonymous: YAML 1.1 reads no as false: write false"),
        (Server, "log_level: inof", "1:12: log_level: unknown value 'inof', did you mean 'info'?"),
        (Server, "log_level: ${LEVEL}", "1:12: log_level: must be one of debug, info, warning, error"),
        (
            Server,
            "log_format: off",
            "1:13: log_format: YAML 1.1 reads off as false: use one of auto, text, json, logfmt",
        ),
        (Server, "timezone: ${LEVEL}", "1:11: timezone: the value of the variable does not fit here"),
        (Server, "admin_token: 1234", "1:14: admin_token: a key that looks like a number or truth value needs quotes"),
        (Server, "snapshot: 5s", "1:11: snapshot: must be a map, with keys such as directory, every, fsync"),
        (Server, "hosts: a, b", "1:8: hosts: must be a list: [one, two]"),
        (Server, "hosts: [null]", "1:9: hosts: an item of the list is empty"),
        (ModelEntry, "upstream_model: 3.10", '1:17: upstream_model: 3.10 without quotes is a number: write "3.10"'),
        (ModelEntry, "features: [tool]", "1:12: features: unknown value 'tool', did you mean 'tools'?"),
        (ModelEntry, "grade: 101", "1:8: grade: must be at most 100"),
        (ModelEntry, "context: 0", "1:10: context: must be at least 1"),
        (
            ModelEntry,
            "price: gratis",
            "1:8: price: must be a map such as {input: 2.50, output: 10.00}, or the word free",
        ),
        (ModelEntry, "price: {input: 1}", "1:8: output is missing"),
        (ModelEntry, "price: {input: -1, output: 1}", "1:16: input: must be at least 0"),
        (ModelEntry, "limits: 5", "1:9: limits: must be a map such as {requests_per_minute: 30}"),
        (
            ModelEntry,
            "limits: {request_per_day: 5}",
            "1:10: unknown limit 'request_per_day', did you mean 'requests_per_day'?",
        ),
        (
            ModelEntry,
            "limits: {requests_per_day: many}",
            "1:28: requests_per_day: must be a whole number, such as 500, 14_400, 250k, 1M or 2G",
        ),
        (ModelEntry, "limits: {concurrent_request: 5}", _DID_YOU_MEAN),
        (ModelEntry, "pools: a", "1:8: pools: must be a list: [one, two]"),
        (LimitEntry, "{amount: 1, reset: 10:30}", '1:20: reset: a time is written in quotes: "10:30"'),
        (LimitEntry, "{amount: 1, reset: mon 09:00}", '1:20: reset: a time is written in quotes: "mon 09:00"'),
        (LimitEntry, "{amount: 1, reset: 010}", '1:20: reset: a time is written in quotes: "010"'),
        (LimitEntry, "{amount: 1, reset: '25:00'}", _A_RESET),
        (LimitEntry, "{amount: 1, reset: 32}", _A_RESET),
        (ModelEntry, "limits: {cost_per_day: {amount: -1}}", "1:33: amount: must be at least 0"),
        (ModelEntry, "limits: {cost_per_day: {algorithm: rolling}}", "1:24: amount is missing"),
        (ProviderEntry, "api_key: 1234", "1:10: api_key: a key that looks like a number or truth value needs quotes"),
        (
            ProviderEntry,
            "api_key: ${NON_ASCII}",
            "1:10: api_key: a key is plain ASCII: this one was mangled on its way here",
        ),
        (
            ProviderEntry,
            "api_key: ${",
            "1:10: api_key: ${ begins a variable: write ${NAME} or ${NAME:-default}, and $$ for a dollar sign",
        ),
        (ProviderEntry, "api_keys: k", "1:11: api_keys: must be a map of names to keys, or a list of keys"),
        (ProviderEntry, "api_keys: [k, {key: k}]", "1:15: this key is in api_keys twice"),
        (ProviderEntry, "api_keys: [[k]]", "1:12: api_keys: must be a single value, not a list or map"),
        (ProviderEntry, "api_keys: {a: {}}", "1:15: key is missing"),
        (ProviderEntry, "headers: [a]", "1:10: headers: must be a map: {name: value}"),
        (ProviderEntry, "set: {a: no}", '1:10: a: YAML 1.1 reads no as false: write "no" if it is a text'),
        (ProviderEntry, "models: {m:}", "1:10: 'm' is empty: write {} if nothing is to be said"),
        (ProviderEntry, "models: {x-m: {}}", "1:10: 'x-m' cannot be a name: keys that begin with x- are notes"),
        (
            ProviderEntry,
            "models: {m m: {}}",
            "1:10: 'm m' cannot be a name: use up to 200 of A-Z a-z 0-9 . _ : / @ + -",
        ),
        (ProviderEntry, "base_url: ${LEVEL}", "1:11: base_url: must start with http:// or https:// and name a host"),
        (ClientEntry, "paid: never", "1:1: key is missing"),
        (ClientEntry, "key: ${NOPE:-}", "1:1: key is empty"),
        (ClientEntry, "key:", "1:1: key is empty"),
        (ClientEntry, "key: ${NOPE}", "1:6: key: the variable NOPE is not set: set it, or write ${NOPE:-default}"),
        (
            MetaModelEntry,
            "{targets: [a], strategy: cheap}",
            "1:26: strategy: unknown value 'cheap', did you mean 'cheapest'?",
        ),
        (MetaModelEntry, "targets: ${NOPE:-}", "1:1: targets is empty"),
        (
            MetaModelEntry,
            "{targets: [a], weights: {size: 1}}",
            "1:26: unknown key 'size': known are priority, leaderboard, parameters, context",
        ),
        (MetaModelEntry, "{targets: [a], weights: {context: -1}}", "1:35: context: must be at least 0"),
        (MetaModelEntry, "{targets: [a], adjustments: 5}", "1:29: adjustments: must be a map: {name: value}"),
        (MetaModelEntry, "{targets: [a], adjustments: {mini: much}}", "1:36: mini: must be a number"),
        (
            MetaModelEntry,
            'targets: [a]\nadjustments: {mini: 1, "(mini": -1}',
            "2:24: '(mini' is no regular expression: missing ), unterminated subpattern at character 1",
        ),
        (LeaderboardEntry, "overrides: {gpt-4o: 101}", "1:21: gpt-4o: must be at most 100"),
    ],
)
def test_what_is_refused(kind: type[Struct], text: str, problem: str) -> None:
    """One mistake, one message, at its place."""
    assert _read(kind, text)[1] == [problem]


def test_all_mistakes_at_once_and_the_rest_is_read() -> None:
    """A wrong field keeps its default, so that what depends on it can still be checked."""
    server, problems = _read(Server, "port: x\nhost: h\nlog_level: [a]\nsnapshot: {every: 0, directory: d}\n")
    assert problems == [
        "1:7: port: must be a whole number",
        "3:12: log_level: must be a single value, not a list or map",
        "4:19: every: must be more than 0",
    ]
    assert (server.port, server.host, server.snapshot.directory, server.snapshot.every) == (3000, "h", "d", 5.0)


def test_a_value_out_of_a_variable_is_never_quoted() -> None:
    """It may be a key that went to the wrong field."""
    _, problems = _read(Server, "environment: ${KEY}\ntimezone: ${KEY}\nhost: ${KEY}\nport: ${KEY}\n")
    assert len(problems) == 3
    assert "sk-secret" not in "".join(problems)


def test_star_is_a_name_of_models_only() -> None:
    """`"*"` passes any model through; nothing else is called so."""
    assert list(_good(ProviderEntry, 'models: {"*": {}}').models) == ["*"]
    assert _read(ProviderEntry, 'api_keys: {"*": k}')[1] == [
        "1:12: '*' cannot be a name: use up to 200 of A-Z a-z 0-9 . _ : / @ + -"
    ]


def test_notes_are_free() -> None:
    """Keys that begin with x- say anything, inside every entry."""
    assert _good(Server, "x-note: {a: [no, 012]}\nsnapshot: {x-b: 1}\nport: 5").port == 5


def test_an_entry_without_what_it_needs_is_missing() -> None:
    """There is no half of a client."""
    assert _read(ClientEntry, "paid: never")[0] is MISSING


def test_readers_are_made_once() -> None:
    """A file of 10,000 models asks for the same readers again and again."""
    assert field_reader(Server, "port") is field_reader(Server, "port")
    assert reader(int) is reader(int)
