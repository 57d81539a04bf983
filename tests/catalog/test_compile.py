import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.catalog.schema import Weights
from gateway.errors import ConfigError
from gateway.records import Secret

from .compiling import compiled, messages, problems

TEN_ERRORS = """\
server:
  prot: 3000
  timezone: Europe/Berln
clients:
  aider: {key: ${AIDER_KEY:-}, paid: sometimes}
providers:
  groq:
    preset: grok
  p:
    api_key: sk-very-secret-123
    base_url: ftp://p.example
    limits: {request_per_day: 5}
    models:
      m: {price: {input: 1, output: 2}, context: 12:30:00}
      m: {}
meta_models:
  base: {targets: [p/m, p/mm]}
  none: {targets: []}
"""


def test_a_file_with_ten_errors_names_them_all_at_once() -> None:
    """In the order of the file, each with its place; none of the keys shows."""
    found = problems(TEN_ERRORS.replace("${AIDER_KEY:-}", '"k"'), presets={"groq": ""})
    assert [str(each) for each in found] == [
        "gateway.yaml:2:3: unknown key 'prot', did you mean 'port'?",
        "gateway.yaml:3:13: timezone: unknown time zone 'Europe/Berln', did you mean 'Europe/Berlin'?",
        "gateway.yaml:5:27: paid: unknown value 'sometimes': known are never, opt_in, allow",
        "gateway.yaml:8:13: unknown preset 'grok', did you mean 'groq'?",
        "gateway.yaml:11:15: base_url: must start with http:// or https:// and name a host",
        "gateway.yaml:12:14: unknown limit 'request_per_day', did you mean 'requests_per_day'?",
        "gateway.yaml:14:50: context: YAML 1.1 reads 12:30:00 as a number in base 60: write a plain number",
        "gateway.yaml:15:7: duplicate key 'm': it is already on line 14",
        "gateway.yaml:17:25: unknown model 'p/mm', did you mean 'p/m'?",
        "gateway.yaml:18:19: none needs at least one target",
    ]
    assert found[0].excerpt == "  prot: 3000\n  ^^^^"
    assert "very-secret" not in "".join(each.excerpt for each in found)


def test_an_unquoted_variable_in_braces_is_explained() -> None:
    """The one YAML error that everybody makes."""
    assert messages(TEN_ERRORS) == ['5:17: inside { } and [ ] a variable needs quotes: "${AIDER_KEY:-}"']


def test_an_empty_file_is_all_defaults() -> None:
    """It serves nothing, but it is no mistake."""
    catalog = compiled("")
    assert (catalog.providers, catalog.meters, catalog.warnings, catalog.server.port) == ({}, (), (), 3000)


def test_clients() -> None:
    """By name and by the digest of their key; their limits follow the server's zone."""
    catalog = compiled(
        'server: {timezone: Asia/Tokyo}\nclients:\n  aider: {key: "${K}", paid: never, models: ["groq/*"],'
        " limits: {requests_per_day: 2000}}\n  other: {key: k2}\n",
        env={"K": "k1"},
    )
    aider = catalog.clients["aider"]
    assert catalog.clients_by_digest[Secret("k1").digest] is aider
    assert (aider.paid, aider.models, aider.secret.matches("k1")) == ("never", ("groq/*",), True)
    assert [meter.id for meter in catalog.meters] == ["client:aider:requests_per_day"]
    assert "Asia/Tokyo" in repr(aider.meters[0].rule)


@pytest.mark.parametrize(
    ("clients", "problem"),
    [
        ("a: {key: k}\n  b: {key: k}", "3:12: b has the same key as a"),
        ('a: {key: ""}', "2:12: the key of a is empty"),
        ('a: {key: "${NOPE}"}', "2:12: key: the variable NOPE is not set: set it, or write ${NOPE:-default}"),
        ("a: {paid: never}", "2:6: key is missing"),
        ("x-a: {key: k}", "2:3: 'x-a' cannot be a name: keys that begin with x- are notes"),
    ],
)
def test_clients_refused(clients: str, problem: str) -> None:
    """A client without a key of its own could not be told from others."""
    assert messages(f"clients:\n  {clients}\n") == [problem]


@pytest.mark.parametrize(
    ("text", "ok"),
    [
        ("server: {host: 0.0.0.0}", False),
        ("server: {host: 0.0.0.0, allow_anonymous: true}", True),
        ("server: {host: 0.0.0.0, admin_token: t}", False),
        ("server: {host: 0.0.0.0, admin_token: t}\nclients:", False),
        ("server: {host: 0.0.0.0, admin_token: t}\nclients: {a: {key: k}}", True),
        ("server: {host: 0.0.0.0}\nclients: {a: {key: k}}", False),
        ("server: {host: localhost}", True),
        ("server: {host: '::1'}", True),
    ],
)
def test_a_wider_bind_needs_a_guard(text: str, *, ok: bool) -> None:
    """`admin_token` and `clients`, or the word that nobody is to be asked."""
    if ok:
        compiled(text)
    else:
        assert messages(text) == [
            "1:16: host 0.0.0.0 is open to others: set admin_token and clients, or allow_anonymous: true"
        ]


def test_overrides_go_over_the_file() -> None:
    """Environment and command line, by the same rules; a number of the command line is as good as its text."""
    overrides = {
        "port": (4000, "--port"),
        "allow_anonymous": ("1", "ALLOW_ANONYMOUS"),
        "log_level": ("warn", "LOG_LEVEL"),
        "admin_token": ("a$b", "ADMIN_TOKEN"),
        "request_timeout": ("1.5s", "REQUEST_TIMEOUT"),
    }
    server = compiled("server: {port: 80, host: 127.0.0.2}", overrides=overrides).server
    assert (server.port, server.host, server.allow_anonymous, server.log_level) == (4000, "127.0.0.2", True, "warning")
    assert (server.admin_token.reveal(), server.request_timeout) == ("a$b", 1.5)


def test_wrong_overrides_name_their_variable() -> None:
    """There is no line to show, and the file's own mistakes come first."""
    overrides = {"port": ("many", "PORT"), "environment": ("prod", "NODE_ENV"), "host": ("10.0.0.1", "--host")}
    assert [str(each) for each in problems("server: {prot: 1}", overrides=overrides)] == [
        "gateway.yaml:1:10: unknown key 'prot', did you mean 'port'?",
        "--host: host 10.0.0.1 is open to others: set admin_token and clients, or allow_anonymous: true",
        "NODE_ENV: unknown value 'prod', did you mean 'production'?",
        "PORT: must be a whole number",
    ]


def test_a_provider_id_has_no_slash() -> None:
    """It would be mistaken for a model."""
    assert messages("providers: {a/b: {api_key: k, models: {}}}") == [
        "1:13: provider 'a/b' must not have a slash in its name"
    ]


PROVIDERS = """\
providers:
  a: {api_key: "${KEY}", models: {m: {grade: 10}, both: {grade: 10}}}
  b: {api_key: "${KEY}", models: {both: {grade: 90}, "*": {}}}
  c: {api_key: k, active: false, models: {both: {priority: 1, free: true}}}
  e: {type: echo, models: {echo: {}}}
meta_models:
  base: {targets: TARGETS}
"""


@pytest.mark.parametrize(
    ("targets", "key", "ids"),
    [
        ("[a/m, b/both]", "k", ["a/m", "b/both"]),
        ("'a/m, b/both'", "k", ["a/m", "b/both"]),
        ("[both]", "k", ["c/both", "b/both", "a/both"]),
        ("[a/m, a/m, m]", "k", ["a/m"]),
        ("[b/other]", "k", ["b/other"]),
        ("[a/m, e/echo]", "k", ["a/m"]),
        ("[a/m, e/echo]", "", ["a/m", "e/echo"]),
        ("[c/both, e/echo]", "k", ["c/both", "e/echo"]),
        ("[e/echo]", "k", ["e/echo"]),
    ],
)
def test_targets_of_a_meta_model(targets: str, key: str, ids: list[str]) -> None:
    """As written, each once, a bare name in its own order; an echo only while nobody else could serve."""
    catalog = compiled(PROVIDERS.replace("TARGETS", targets), env={"KEY": key})
    assert [target.id for target in catalog.meta_models["base"].targets] == ids


@pytest.mark.parametrize(
    ("targets", "problem"),
    [
        ("[a/mm]", "7:20: unknown model 'a/mm', did you mean 'a/m'?"),
        ("'a/m, a/mm'", "7:19: unknown model 'a/mm', did you mean 'a/m'?"),
        ("[]", "7:19: base needs at least one target"),
        ("''", "7:19: base needs at least one target"),
        ("[no]", '7:20: targets: YAML 1.1 reads no as false: write "no"'),
        ("[a/m, no, a/x]", '7:25: targets: YAML 1.1 reads no as false: write "no"'),
    ],
)
def test_targets_refused(targets: str, problem: str) -> None:
    """A dead reference is said before a request runs into it."""
    text = PROVIDERS.replace("TARGETS", targets).replace(', "*": {}', "")
    assert problem in messages(text, env={"KEY": "k"})


def test_meta_models_do_not_nest() -> None:
    """One level can be read; two can be circular."""
    text = "providers: {e: {type: echo, models: {m: {}}}}\nmeta_models: {a: {targets: [m]}, b: {targets: [a]}}"
    assert messages(text) == ["2:48: 'a' is a meta-model: they do not nest, name its targets"]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("providers: {p: {preset: nope}}\nmeta_models: {a: {targets: [p/m, bare]}}", 1),
        ("providers: {p: 5}\nmeta_models: {a: {targets: [p/m]}}", 1),
        ("providers: {p: {api_key: k, models: {m: 5}}}\nmeta_models: {a: {targets: [p/m]}}", 1),
    ],
    ids=["no preset", "no provider", "no model"],
)
def test_one_mistake_is_one_message(text: str, count: int) -> None:
    """What follows from a mistake is not told again."""
    assert len(messages(text)) == count


def test_what_an_alias_repeats_is_told_once() -> None:
    """The mistake stands in one place."""
    text = "x-base: &b {grade: 200}\nproviders: {p: {api_key: k, models: {m: *b, n: *b}}}"
    assert messages(text) == ["1:20: grade: must be at most 100"]


def test_the_default_file_works_without_a_key() -> None:
    """Only the echo can serve `base`; every preset waits for its key."""
    root = Path(__file__).parents[2] / "config"
    presets = {path.stem: path.read_text("utf-8") for path in root.glob("presets/*.yaml")}
    text = (root / "gateway.yaml").read_text("utf-8")
    bare, one = compiled(text, presets=presets), compiled(text, presets=presets, env={"MISTRAL_API_KEY": "k"})
    assert bare.warnings == ()
    assert [target.id for target in bare.meta_models["base"].targets if not target.idle] == ["demo/echo"]
    assert [target.id for target in one.meta_models["base"].targets if not target.idle] == [
        "mistral/mistral-medium-latest",
        "mistral/mistral-small-latest",
    ]
    waiting = {name for name, provider in bare.providers.items() if provider.idle == "no_key"}
    assert waiting == set(presets) - {"ollama"}
    assert {provider.id for provider in bare.providers.values() if provider.free} == waiting - {"openai"} | {"demo"}


@pytest.mark.parametrize(
    "path", sorted((Path(__file__).parents[2] / "config/presets").glob("*.yaml")), ids=lambda path: path.stem
)
def test_a_preset_says_where_it_is_from(path: Path) -> None:
    """Source, date, where to get a key and what is free; no model without a price."""
    text = f"providers: {{p: {{preset: {path.stem}}}}}"
    provider = compiled(text, presets={path.stem: path.read_text("utf-8")}).providers["p"]
    assert {"source", "checked", "signup", "key_variable", "free_tier"} <= set(provider.notes)
    assert [target.id for target in (*provider.targets, *provider.wildcard) if target.price is None] == []
    assert provider.notes["key_variable"] in provider.idle_text


def test_a_thousand_models_do_not_keep_a_reload_waiting() -> None:
    """150 kB take about 0.3 s and ten times as much 4 s; the bound is loose, for slow machines."""
    models = "".join(
        f"      m{n}:\n        price: {{input: 1.0, output: 2.0}}\n        limits: {{requests_per_minute: 30}}\n"
        f"        context: 128000\n        features: [tools, vision]\n"
        for n in range(1000)
    )
    began = time.perf_counter()
    catalog = compiled(f"providers:\n  p:\n    api_key: k\n    models:\n{models}")
    assert time.perf_counter() - began < 5
    assert len(catalog.exact) == 1000


WORDS = st.sampled_from(
    [
        *("server", "clients", "providers", "meta_models", "key", "limits", "models", "targets", "price", "api_keys"),
        *("preset", "requests_per_day", "free", "auth", "type", "echo", "port", "host", "a", "b", "a/b", "*", "null"),
        *("no", "1", "-1", "010", "0.5", "${A}", "${", "{}", "[]", "''", "x-y", "<<"),
    ]
)
TREES = st.recursive(
    WORDS, lambda each: st.dictionaries(WORDS, each, max_size=4) | st.lists(each, max_size=3), max_leaves=20
)


def _yaml(tree: object) -> str:
    if isinstance(tree, dict):
        return "{" + ", ".join(f"{_quoted(key)}: {_yaml(value)}" for key, value in tree.items()) + "}"
    if isinstance(tree, list):
        return "[" + ", ".join(map(_yaml, tree)) + "]"
    return _quoted(str(tree))


def _quoted(text: str) -> str:
    return f'"{text}"' if set(text) & set("{}[]*$'") else text


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(["server", "clients", "providers", "pools", "meta_models"]), TREES, max_size=4))
def test_anything_is_a_catalog_or_a_config_error(tree: dict[str, object]) -> None:
    """No other exception, whatever stands where."""
    try:
        result: object = compiled(_yaml(tree), env={"A": "1"})
    except ConfigError as error:
        result = [problem for problem in error.problems if not problem.warning]
    assert result


SCORED = """\
providers:
  p: {base_url: "https://p.test/v1", api_key: k, models: {m: {}, n: {upstream_model: nn, aliases: [other]}}}
meta_models:
  base: {targets: [p/m], STRATEGYweights: {context: 2}, adjustments: {mini: -1, "(?:GPT|o)-": 0.5}, sticky: true}
leaderboard:
  overrides: {p/m: 50, other: 40, nn: 30, OVERRIDE}
"""


def test_what_a_score_is_made_of() -> None:
    """Weights, expressions that are ready to be searched, and percents by name."""
    catalog = compiled(SCORED.replace("STRATEGY", "strategy: score, ").replace(", OVERRIDE", ""))
    base = catalog.resolve("base")
    assert (base.strategy, base.sticky, base.weights) == ("score", True, Weights(context=2))
    assert [(each.pattern, bool(each.search("GPT-MINI")), n) for each, n in base.adjustments] == [
        ("mini", True, -1),
        ("(?:GPT|o)-", True, 0.5),
    ]
    assert catalog.percents == {"p/m": 50, "other": 40, "nn": 30}
    assert catalog.warnings == ()


@pytest.mark.parametrize(
    ("strategy", "override", "expected"),
    [
        pytest.param(
            "",
            "",
            [
                "4:26: weights says something under strategy: score only",
                "4:49: adjustments says something under strategy: score only",
            ],
            id="another strategy",
        ),
        pytest.param(
            "strategy: score, ",
            ", p/mm: 1",
            ["6:43: unknown model 'p/mm', did you mean 'p/m'?"],
            id="a name that no model has",
        ),
    ],
)
def test_what_a_score_would_not_look_at_is_warned_of(strategy: str, override: str, expected: list[str]) -> None:
    """Nothing is broken by it, but somebody wanted something."""
    catalog = compiled(SCORED.replace("STRATEGY", strategy).replace(", OVERRIDE", override))
    assert [f"{each.line}:{each.column}: {each.message}" for each in catalog.warnings] == expected


def test_a_wildcard_may_take_any_name() -> None:
    """So none is a slip."""
    text = (
        SCORED.replace("STRATEGY", "strategy: score, ")
        .replace("OVERRIDE", "p/mm: 1")
        .replace("m: {}", '"*": {}, m: {}')
    )
    assert compiled(text).warnings == ()
