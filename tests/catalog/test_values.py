import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from gateway.catalog import values


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (values.amount, "500", 500),
        (values.amount, "14_400", 14400),
        (values.amount, "12k", 12_000),
        (values.amount, "1.5M", 1_500_000),
        (values.amount, "2 G", 2_000_000_000),
        (values.size, "65536", 65536),
        (values.size, "64MiB", 67_108_864),
        (values.size, "0.5KiB", 512),
        (values.size, "1GiB", 1_073_741_824),
        (values.duration, "30", 30.0),
        (values.duration, "500ms", 0.5),
        (values.duration, "2.5s", 2.5),
        (values.duration, "15m", 900.0),
        (values.duration, "24h", 86_400.0),
        (values.duration, "7d", 604_800.0),
        (values.fsync, "500ms", 0.5),
        (values.fsync, "tick", "tick"),
        (values.fsync, "never", "never"),
        (values.integer, "-3", -3),
        (values.integer, "1_000", 1000),
        (values.number, ".5", 0.5),
        (values.number, "90", 90.0),
        (values.usd, "2.50", Decimal("2.5")),
        (values.usd, "1.5k", Decimal(1500)),
        (values.usd, "0.000000001", Decimal("0.000000001")),
        (values.boolean, "true", True),
        (values.boolean, "False", False),
        (values.json_value, "true", True),
        (values.json_value, "12", 12),
        (values.json_value, "1.5e3", 1500.0),
        (values.json_value, "low", "low"),
    ],
)
def test_value(parse: Callable[[str], Any], text: str, value: object) -> None:
    """Amounts, sizes, durations, money: exact, in the units that section 2 of the contract names."""
    assert parse(text) == value


@pytest.mark.parametrize(
    ("parse", "text", "message"),
    [
        (values.amount, "many", "must be a whole number, such as 500, 14_400, 250k, 1M or 2G"),
        (values.amount, "0.5", "must be a whole number, such as 500, 14_400, 250k, 1M or 2G"),
        (values.amount, "5x", "must be a whole number, such as 500, 14_400, 250k, 1M or 2G"),
        (values.amount, "k", "must be a whole number, such as 500, 14_400, 250k, 1M or 2G"),
        (values.amount, "9999999G", "must be a whole number, such as 500, 14_400, 250k, 1M or 2G"),
        (values.amount, "1" * 41, "must be a whole number, such as 500, 14_400, 250k, 1M or 2G"),
        (values.amount, "010", "YAML 1.1 reads 010 as a number in another base: write 10"),
        (values.amount, "0x1F", "YAML 1.1 reads 0x1F as a number in another base: write a plain number"),
        (values.integer, "3.5", "must be a whole number"),
        (values.integer, "12:30", "YAML 1.1 reads 12:30 as a number in base 60: write a plain number"),
        (values.number, "nan", "must be a number"),
        (values.size, "64MB", "must be a size in bytes, such as 65536, 512KiB, 64MiB or 1GiB"),
        (values.size, "1.0001KiB", "must be a size in bytes, such as 65536, 512KiB, 64MiB or 1GiB"),
        (values.fsync, "0", "must be tick, never, or a duration, such as 1s"),
        (values.fsync, "often", "must be tick, never, or a duration, such as 1s"),
        (values.duration, "1w", "must be a duration, such as 500ms, 30s, 15m, 24h or 7d (bare: seconds)"),
        (values.usd, "$5", "must be an amount of US dollars, such as 2.50"),
        (values.usd, "0.0000000001", "must not have more than 9 decimal places"),
        (values.usd, "1000000001", "must be an amount of US dollars, such as 2.50"),
        (values.boolean, "yes", "YAML 1.1 reads yes as true: write true"),
        (values.boolean, "OFF", "YAML 1.1 reads OFF as false: write false"),
        (values.boolean, "maybe", "must be true or false"),
        (values.json_value, "no", 'YAML 1.1 reads no as false: write "no" if it is a text'),
        (values.json_value, ".inf", "no JSON number says this"),
        (values.json_value, "1e999", "no JSON number says this"),
        (values.as_text, "on", 'YAML 1.1 reads on as true: write "on"'),
        (values.as_text, "3.10", '3.10 without quotes is a number: write "3.10"'),
        (values.as_text, "true", 'true without quotes is a truth value: write "true"'),
        (values.as_text, "12:30:00", 'YAML 1.1 reads 12:30:00 as a number in base 60: write "12:30:00"'),
    ],
)
def test_what_is_refused(parse: Callable[[str], Any], text: str, message: str) -> None:
    """The message shows what would be right; what YAML 1.1 misreads is named as such."""
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        parse(text)


@pytest.mark.parametrize(("text", "value"), [("1", True), ("Yes", True), ("on", True), ("0", False), ("off", False)])
def test_variables_may_spell_truth_as_usual(text: str, value: object) -> None:
    """`ALLOW_ANONYMOUS=1` is what people write in an environment."""
    assert values.boolean(text, lenient=True) is value


def test_a_null_where_a_name_is_due() -> None:
    """`~: {}` is a key that nobody meant."""
    with pytest.raises(ValueError, match="a name is due here"):
        values.as_text("~", is_null=True)
