import pytest

from gateway.catalog.catalog import Target
from gateway.pricing import FREE, Price

from .compiling import compiled, messages

ENV = {"KEY": "sk-1", "KEY_2": "sk-2"}


def _provider(entry: str, name: str = "p") -> str:
    return f"providers:\n  {name}: {{{entry}}}\n"


def _targets(entry: str, name: str = "p") -> tuple[Target, ...]:
    provider = compiled(_provider(entry, name), env=ENV).providers[name]
    return (*provider.targets, *provider.wildcard)


def _target(entry: str, name: str = "p") -> Target:
    (target,) = _targets(entry, name)
    return target


def test_a_target_is_complete() -> None:
    """Whoever tries it needs to look nowhere else."""
    target = _target(
        'api_key: "${KEY}", base_url: "https://h.example", headers: {X-A: b}, set: {a: 1}, drop: [b], rename: {c: d},'
        " include_usage: false, count_failures: true, models: {m: {upstream_model: up, price: {input: 2.5, output: 10},"
        " grade: 90, priority: 1, context: 128k, max_output: 16k, features: [tools]}}"
    )
    assert (target.id, target.key_id, target.rest_id) == ("p/m", "p", "p/m")
    assert (target.type, target.base_url, target.upstream_model) == ("openai", "https://h.example/v1", "up")
    assert (target.auth, target.secret.reveal()) == ("key", "sk-1")
    assert (dict(target.headers), dict(target.set), target.drop) == ({"X-A": "b"}, {"a": 1}, ("b",))
    assert (dict(target.rename), target.include_usage, target.count_failures) == ({"c": "d"}, False, True)
    assert target.price == Price(2_500_000_000, 2_500_000_000, 2_500_000_000, 10_000_000_000, 10_000_000_000)
    assert (target.free, target.grade, target.priority, target.idle) == (False, 90.0, 1, "")
    assert (target.context, target.max_output, target.features) == (128_000, 16_000, frozenset({"tools"}))


def test_a_monthly_fee_is_the_providers_and_no_price() -> None:
    """A subscription: nothing of it is charged to a request."""
    provider = compiled(_provider("api_key: k, free: true, monthly_fee: 20.50, models: {m: {}}")).providers["p"]
    assert (provider.monthly_fee_nanousd, provider.targets[0].price) == (20_500_000_000, None)


@pytest.mark.parametrize("fee", ["-1", "2000000000", "much"])
def test_what_is_no_fee(fee: str) -> None:
    """It is a sum of money."""
    (message,) = messages(_provider(f"api_key: k, monthly_fee: {fee}, models: {{}}"))[:1]
    assert message.startswith("2:32: monthly_fee: ")


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("set: {model: dear}", ["2:32: set cannot say which model is asked: use upstream_model"]),
        ("set: {n: 1, models: [dear]}", ["2:39: set cannot say which model is asked: use upstream_model"]),
        ("set: {Model: dear}", ["2:32: set cannot say which model is asked: use upstream_model"]),
        ("rename: {user: model}", ["2:34: rename cannot say which model is asked: use upstream_model"]),
        ("rename: {model: deployment}, drop: [models]", []),
    ],
)
def test_the_model_that_is_asked_is_the_one_that_is_priced(entry: str, expected: list[str]) -> None:
    """Otherwise a free target could be turned into one that costs."""
    text = _provider(f"api_key: k, {entry}, models: {{m: {{}}}}")
    assert (messages(text) if expected else compiled(text).warnings) == (expected or ())


def test_what_is_left_out_is_unknown() -> None:
    """Unknown is not zero, and everything fits."""
    target = _target("api_key: k, models: {m: {}}")
    assert (target.price, target.free, target.context, target.features) == (None, False, None, None)
    assert (target.upstream_model, target.base_url) == ("m", "https://api.openai.com/v1")


@pytest.mark.parametrize(
    ("name", "entry", "type_", "base_url", "pin"),
    [
        ("p", "type: openrouter", "openrouter", "https://openrouter.ai/api/v1", ""),
        ("p", "type: openrouter, pin: anthropic", "openrouter", "https://openrouter.ai/api/v1", "anthropic"),
        ("openrouter-anthropic", "active: true", "openrouter", "https://openrouter.ai/api/v1", "anthropic"),
        ("openrouter-anthropic", "pin: groq", "openrouter", "https://openrouter.ai/api/v1", "groq"),
        ("openrouter-anthropic", "pin: false", "openrouter", "https://openrouter.ai/api/v1", ""),
        ("openrouter-like", "type: openai", "openai", "https://api.openai.com/v1", ""),
        ("openrouter", "type: openai", "openai", "https://api.openai.com/v1", ""),
    ],
)
def test_openrouter(name: str, entry: str, type_: str, base_url: str, pin: str) -> None:
    """An id that begins with openrouter- is pinned to the rest of it, unless `pin` says otherwise."""
    target = _target(f"{entry}, api_key: k, models: {{m: {{}}}}", name)
    assert (target.type, target.base_url, target.pin) == (type_, base_url, pin)


@pytest.mark.parametrize(
    ("entry", "auth", "idle_text"),
    [
        ("api_key: k", "key", ""),
        ('api_key: "${NOPE}"', "key", "NOPE is not set"),
        ('api_key: ""', "passthrough", ""),
        ("auth: passthrough", "passthrough", ""),
        ("auth: none", "none", ""),
        ('api_key: "${NOPE}", auth: none', "none", ""),
        ('api_key: "", auth: none', "none", ""),
        ('base_url: "http://localhost:8000"', "none", ""),
        ('base_url: "http://localhost:8000", api_key: k', "key", ""),
        ("type: echo", "none", ""),
        ("api_keys: {a: k}, auth: key", "key", ""),
        ("api_key: k, active: false", "key", "switched off"),
    ],
)
def test_auth(entry: str, auth: str, idle_text: str) -> None:
    """A key, the caller's own, or none; a key that is not set leaves the provider waiting, not broken."""
    target = _target(f"{entry}, models: {{m: {{}}}}")
    assert (target.auth, target.idle_text) == (auth, idle_text)


def test_a_pool_makes_a_target_of_each_key() -> None:
    """In written order; what each key is short of is its own affair."""
    catalog = compiled(
        _provider(
            'api_keys: {home: "${KEY}", work: {key: "${KEY_2}", limits: {requests_per_day: 9}}, late: "${NOPE}"},'
            " rotation: round_robin, limits: {requests_per_minute: 5, cost_per_day: 1},"
            " models: {m: {limits: {tokens_per_day: 7}}, idle: {active: false}}"
        ),
        env=ENV,
    )
    provider = catalog.providers["p"]
    assert provider.round_robin
    assert provider.idle == ""
    assert [(target.rest_id, target.idle, target.order) for target in provider.targets] == [
        ("p/m#home", "", 0),
        ("p/m#work", "", 1),
        ("p/m#late", "no_key", 2),
        ("p/idle#home", "off", 3),
        ("p/idle#work", "off", 4),
        ("p/idle#late", "off", 5),
    ]
    assert [meter.id for meter in provider.targets[1].meters] == [
        "provider:p#work:requests_per_minute",
        "provider:p:cost_per_day",
        "key:p#work:requests_per_day",
        "model:p/m#work:tokens_per_day",
    ]


@pytest.mark.parametrize(
    ("keys", "ids"),
    [
        ("{a: {key: k, account: firm}, b: {key: l, account: firm}}", ["provider:p:requests_per_day"] * 2),
        ("{a: k}", ["provider:p:requests_per_day"]),
        ("{a: {key: k, account: b}, b: l}", ["provider:p:requests_per_day"] * 2),
    ],
    ids=["one account", "one key", "named after another key"],
)
def test_keys_of_one_account_share_its_limits(keys: str, ids: list[str]) -> None:
    """And one account needs no name in the id."""
    targets = _targets(f"api_keys: {keys}, limits: {{requests_per_day: 5}}, models: {{m: {{}}}}")
    assert [meter.id for target in targets for meter in target.meters] == ids


def test_keys_of_a_list_keep_their_names_when_reordered() -> None:
    """They are named by a hash; an unset one by its variable."""
    one = _targets('api_keys: [k, "${NOPE}"], models: {m: {}}')
    other = _targets('api_keys: ["${NOPE}", k], models: {m: {}}')
    assert [target.key for target in one] == [target.key for target in reversed(other)]


def test_a_provider_waits_when_no_key_of_it_is_set() -> None:
    """The text names every variable that would help."""
    provider = compiled(_provider('api_keys: {a: "${A}", b: "${B}"}, models: {m: {}}')).providers["p"]
    assert (provider.idle, provider.idle_text) == ("no_key", "A and B are not set")


@pytest.mark.parametrize(
    ("entry", "model", "free"),
    [
        ("api_key: k", "{}", False),
        ("api_key: k, free: true", "{price: {input: 1, output: 1}}", True),
        ("api_key: k, free: true", "{free: false}", False),
        ("api_key: k", "{free: true}", True),
        ("api_keys: {a: {key: k, free: true}}", "{}", True),
        ("api_keys: {a: {key: k, free: false}}, free: true", "{}", False),
        ("api_key: k", "{price: free}", True),
        ("api_key: k", "{price: {input: 0, output: 0}}", True),
        ("api_key: k", "{price: {input: 0, output: 0, request: 0.01}}", False),
        ('auth: none, base_url: "http://127.0.0.1:1"', "{}", True),
        ('auth: none, base_url: "http://127.0.0.1:1"', "{free: false}", False),
        ('auth: none, base_url: "http://10.0.0.1:1"', "{}", False),
        ('api_key: k, base_url: "http://127.0.0.1:1"', "{}", False),
        ("type: echo", "{}", True),
    ],
)
def test_what_costs_nothing(entry: str, model: str, *, free: bool) -> None:
    """Said so (model over key over provider), a known price of zero, or no key on this machine."""
    assert _target(f"{entry}, models: {{m: {model}}}").free is free


def test_free_slugs_of_openrouter_price_at_zero() -> None:
    """Whatever is known about them; and a price beside one is a mistake."""
    assert _target('type: openrouter, api_key: k, models: {"x:free": {}}').price == FREE
    assert _target('type: openrouter, api_key: k, models: {m: {upstream_model: "x:free", price: free}}').price == FREE
    text = _provider(
        'type: openrouter, api_key: k, models: {"x:free": {price: {input: 1, output: 1}, limits: {cost_per_day: 5}}}'
    )
    assert messages(text) == ["2:64: x:free ends with :free, so it cannot have a price"]


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("models: {}", '2:6: p needs a key: api_key: "${P_API_KEY}", or auth: none'),
        ("auth: key, models: {}", '2:6: p needs a key: api_key: "${P_API_KEY}", or auth: none'),
        ("api_key: [k], models: {}", "2:16: api_key: must be a single value, not a list or map"),
        ('api_key: "", auth: key, models: {}', "2:16: an empty api_key is no key: use auth: passthrough or auth: none"),
        ('api_keys: {a: ""}, models: {}', "2:21: an empty key is no key"),
        (
            "api_key: k, api_keys: {a: l}, models: {}",
            "2:29: api_key and api_keys exclude each other: put every key into api_keys",
        ),
        ("api_keys: {a: {key: k, account: a b}}, models: {}", "2:39: 'a b' cannot be a name of an account"),
        ("type: echo, api_key: k, models: {}", "2:28: type: echo answers by itself and takes no api_key"),
        ("api_key: k, pin: x, models: {}", "2:24: pin belongs to type: openrouter"),
        ('api_key: k, headers: {"X A": b}, models: {}', "2:36: 'X A' is no header name"),
        (
            'api_key: k, headers: {X-A: "b\\nc"}, models: {}',
            "2:34: the value of X-A must be plain ASCII on one line",
        ),
        ("api_key: k, models: {m: {aliases: [n]}, n: {}}", "2:41: alias 'n' is already a model of p"),
        ("api_key: k, models: {m: {aliases: [n n]}}", "2:41: 'n n' cannot be a name"),
        ('api_key: k, models: {"*": {aliases: [n]}}', '2:43: "*" takes no aliases'),
    ],
)
def test_what_is_refused(entry: str, problem: str) -> None:
    """At the value that is wrong, with what to do instead."""
    assert messages(_provider(entry)) == [problem]


@pytest.mark.parametrize(
    ("entry", "warnings"),
    [
        ("api_key: k", ['2:6: p serves nothing: name its models, or write models: {"*": {}} for all']),
        (
            "api_key: k, free: true, models: {m: {}}",
            ["2:6: p is free, but has no limits: what is used up will only show as 429"],
        ),
        ("api_key: k, free: true, limits: {requests_per_day: 1}, models: {m: {}}", []),
        ('base_url: "http://localhost:1", models: {m: {}}', []),
    ],
)
def test_what_is_only_warned_of(entry: str, warnings: list[str]) -> None:
    """The file works, but probably not as meant."""
    found = compiled(_provider(entry)).warnings
    assert [f"{each.line}:{each.column}: {each.message}" for each in found] == warnings
    assert all(each.warning for each in found)
