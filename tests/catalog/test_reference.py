from pathlib import Path

import msgspec
import orjson
import pytest

from gateway.catalog import schema
from gateway.catalog.reference import json_schema, key_reference

from .test_schema import KEYS

SCHEMA = orjson.loads(json_schema())
ROOT = Path(__file__).parents[2]


def test_the_schema_beside_the_yaml_is_fresh() -> None:
    """`llm-gateway schema > config/gateway.schema.json` after a change of `gateway/catalog/schema.py`."""
    assert (ROOT / "config/gateway.schema.json").read_bytes() == json_schema()


def test_every_key_is_described() -> None:
    """From the docstrings, so nothing is said twice."""
    objects = {"Config": SCHEMA, **SCHEMA["$defs"]}
    described = {
        f"{name}.{key}": bool(each["description"])
        for name in objects
        for key, each in objects[name]["properties"].items()
    }
    assert [key for key, said in described.items() if not said] == []
    assert {key for key in described if not key.startswith("CostLimit")} == {
        f"{kind.__name__}.{key}" for kind, keys in KEYS.items() for key in keys.split()
    }


def test_unknown_keys_are_marked_but_notes_are_not() -> None:
    """`additionalProperties: false`, and x- as it likes."""
    for each in (SCHEMA, *SCHEMA["$defs"].values()):
        assert each["additionalProperties"] is False
        assert each["patternProperties"] == {"^x-": {}}


@pytest.mark.parametrize(
    ("entry", "key", "expected"),
    [
        ("Server", "port", {"type": "integer", "minimum": 0, "maximum": 65535}),
        ("Server", "connect_timeout", {"type": "number", "exclusiveMinimum": 0}),
        ("ModelEntry", "grade", {"type": "number", "minimum": 0, "maximum": 100}),
        ("ModelEntry", "priority", {"type": "integer"}),
        ("Server", "paid", {"enum": ["never", "opt_in", "allow"]}),
        ("Server", "log_level", {"enum": ["debug", "info", "warning", "error", "warn"]}),
        ("Server", "allow_anonymous", {"type": "boolean"}),
    ],
)
def test_a_variable_is_welcome_wherever_a_value_is(entry: str, key: str, expected: object) -> None:
    """`${PORT}` is no mistake, and neither is null, which removes."""
    choices = SCHEMA["$defs"][entry]["properties"][key]["anyOf"]
    assert expected in choices
    assert {"type": "string", "pattern": r"\$\{"} in choices
    assert {"type": "null"} in choices


def test_null_removes_a_model_of_a_preset() -> None:
    """So an editor must not mark it."""
    models = SCHEMA["$defs"]["ProviderEntry"]["properties"]["models"]
    assert models["additionalProperties"] == {"anyOf": [{"$ref": "#/$defs/ModelEntry"}, {"type": "null"}]}


def test_limits_are_known_by_pattern() -> None:
    """Counts and money apart, named windows and numbered ones."""
    limits = SCHEMA["$defs"]["ModelEntry"]["properties"]["limits"]
    window = "(?:second|minute|hour|day|week|month|[1-9][0-9]{0,5}[smhd])"
    assert limits["additionalProperties"] is False
    assert list(limits["patternProperties"]) == [
        f"^(?:(?:requests|tokens|input_tokens|output_tokens)_per_{window}|concurrent_requests|tokens_per_request)$",
        f"^cost_per_{window}$",
    ]


@pytest.mark.parametrize(
    "row",
    [
        "| `idle_timeout` | duration | `120s` | Silence inside a stream after which it is given up. |",
        "| `paid` | `never` \\| `opt_in` \\| `allow` | `allow` | May its requests cost money? |",
        "| `request_timeout` | duration | `600s` | The whole answer, over all attempts. |",
        "| `key` | text | required | What the caller sends as its API key. |",
        "| `hosts` | list of text | `[]` | Names this server answers to, beside localhost and its addresses. |",
        "| `headers` | map | `{}` | Extra request headers. |",
        "| `input` | US dollars | required | Tokens sent. |",
        "| `request` | US dollars | `0` | US dollars for each request, whatever its size. |",
        "| `grade` | number | `50` | How good you find it, 0 to 100. |",
        "| `active` | `true` \\| `false` | `true` | `false` switches it off. |",
    ],
)
def test_a_row_of_the_reference(row: str) -> None:
    """Key, type, default, meaning."""
    assert row in key_reference().splitlines()


def test_the_reference_has_every_entry_but_the_root() -> None:
    """A section each, in the order in which one meets them."""
    kinds = [kind for kind in vars(schema).values() if isinstance(kind, type) and issubclass(kind, msgspec.Struct)]
    entries = {kind for kind in kinds if kind.__struct_config__.forbid_unknown_fields}
    assert key_reference().count("### ") == len(entries - {schema.Config})
