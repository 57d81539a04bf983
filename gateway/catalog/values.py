"""One text to one value, exactly: amounts, sizes, durations, money, and what YAML 1.1 would have made of it.

Every function raises ValueError with a message that shows what is accepted.
"""

import re
from decimal import Decimal
from fractions import Fraction
from math import isfinite

from gateway.pricing import NANO

_DECIMAL = re.compile(r"[-+]?(?:[0-9][0-9_]*(?:\.[0-9]*)?|\.[0-9]+)")
_INTEGER = re.compile(r"[-+]?[0-9_]+")
_SUFFIXED = re.compile(r"([-+0-9._]*) ?([A-Za-z]*)")

_BASE_60 = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?")
_OTHER_BASE = re.compile(r"[-+]?0(?:[0-9_]+|o[0-7_]+|x[0-9a-fA-F_]+|b[01_]+)")
_NUMBER = re.compile(
    r"[-+]?(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9_]+)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)
_BOOLEAN = re.compile(r"true|True|TRUE|false|False|FALSE")
_OLD_BOOLEAN = re.compile(r"yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF")
_OLD_TRUE = frozenset(["yes", "on"])

_AMOUNTS = {"": Fraction(1), "k": Fraction(10**3), "M": Fraction(10**6), "G": Fraction(10**9)}
_SIZES = {"": Fraction(1), "KiB": Fraction(2**10), "MiB": Fraction(2**20), "GiB": Fraction(2**30)}
_DURATIONS = {
    "": Fraction(1),
    "ms": Fraction(1, 1000),
    "s": Fraction(1),
    "m": Fraction(60),
    "h": Fraction(3600),
    "d": Fraction(86400),
}
MOST = 10**15
"""Largest number: beyond 2**53 a JSON number is no longer exact."""
MOST_NANOUSD = 10**18
"""A billion dollars."""


def surprise(text: str) -> str | None:
    """What YAML 1.1 reads in an unquoted text that looks like something else; None if nothing."""
    if _OLD_BOOLEAN.fullmatch(text):
        return f"YAML 1.1 reads {text} as {'true' if text.lower() in _OLD_TRUE else 'false'}"
    if _BASE_60.fullmatch(text):
        return f"YAML 1.1 reads {text} as a number in base 60"
    if _OTHER_BASE.fullmatch(text):
        return f"YAML 1.1 reads {text} as a number in another base"
    return None


def as_text(text: str, *, is_null: bool = False) -> str:
    """An unquoted text where a text is due. Refuses what a YAML reader would take for something else."""
    if is_null:
        raise ValueError('a name is due here: write "null" in quotes if it is meant')
    if found := surprise(text):
        raise ValueError(f'{found}: write "{text}"')
    if _BOOLEAN.fullmatch(text):
        raise ValueError(f'{text} without quotes is a truth value: write "{text}"')
    if _NUMBER.fullmatch(text):
        raise ValueError(f'{text} without quotes is a number: write "{text}"')
    return text


def boolean(text: str, *, lenient: bool = False) -> bool:
    """`true` or `false`. `lenient`, for environment variables: `1`, `yes`, `on` and their opposites too."""
    word = text.strip().lower()
    if word == "true" or (lenient and word in ("1", "yes", "on")):
        return True
    if word == "false" or (lenient and word in ("0", "no", "off")):
        return False
    if found := surprise(text):
        raise ValueError(f"{found}: write {'true' if word in _OLD_TRUE else 'false'}")
    raise ValueError("must be true or false")


def integer(text: str) -> int:
    """`3000`, `1_000`."""
    wanted = "must be a whole number"
    _refuse_surprise(text)
    return _whole(_exact(text, wanted), wanted)


def number(text: str) -> float:
    """`90`, `0.5`."""
    _refuse_surprise(text)
    return float(_exact(text, "must be a number"))


def amount(text: str) -> int:
    """`500`, `14_400`, `1M`, `1.5k`: k, M and G are thousands, millions, billions."""
    wanted = "must be a whole number, such as 500, 14_400, 250k, 1M or 2G"
    return _whole(_suffixed(text, _AMOUNTS, wanted), wanted)


def size(text: str) -> int:
    """Bytes: `65536`, `64MiB`."""
    wanted = "must be a size in bytes, such as 65536, 512KiB, 64MiB or 1GiB"
    return _whole(_suffixed(text, _SIZES, wanted), wanted)


def duration(text: str) -> float:
    """Seconds: `30`, `500ms`, `2.5s`, `15m`, `24h`, `7d`."""
    return float(_suffixed(text, _DURATIONS, "must be a duration, such as 500ms, 30s, 15m, 24h or 7d (bare: seconds)"))


def fsync(text: str) -> float | str:
    """`tick`, `never`, or seconds as a duration."""
    if text in {"tick", "never"}:
        return text
    try:
        seconds = duration(text)
    except ValueError:
        seconds = 0.0
    if seconds <= 0:
        raise ValueError("must be tick, never, or a duration, such as 1s")
    return seconds


def usd(text: str) -> Decimal:
    """US dollars, at most a billion, exact to the nano-dollar: `2.50`, `1k`."""
    wanted = "must be an amount of US dollars, such as 2.50"
    value = _suffixed(text, _AMOUNTS, wanted) * NANO
    if value.denominator != 1:
        raise ValueError("must not have more than 9 decimal places")
    if abs(value) > MOST_NANOUSD:
        raise ValueError(wanted)
    return Decimal(value.numerator).scaleb(-9)


def json_value(text: str) -> bool | int | float | str:
    """An unquoted text where any JSON value is due."""
    if found := surprise(text):
        raise ValueError(f'{found}: write "{text}" if it is a text')
    if _BOOLEAN.fullmatch(text):
        return text.lower() == "true"
    if not _NUMBER.fullmatch(text):
        return text
    if _INTEGER.fullmatch(text):
        return integer(text)
    if "n" in text.lower() or not isfinite(value := float(text.replace("_", ""))):
        raise ValueError("no JSON number says this")
    return value


def _refuse_surprise(text: str) -> None:
    if found := surprise(text):
        plain = text.lstrip("0_") if text.replace("_", "").isdigit() else ""
        raise ValueError(f"{found}: write {plain or 'a plain number'}")


def _suffixed(text: str, units: dict[str, Fraction], wanted: str) -> Fraction:
    _refuse_surprise(text)
    match = _SUFFIXED.fullmatch(text)
    if not match or match[2] not in units:
        raise ValueError(wanted)
    value = _exact(match[1], wanted) * units[match[2]]
    if abs(value) > MOST:
        raise ValueError(wanted)
    return value


def _exact(text: str, wanted: str) -> Fraction:
    if not _DECIMAL.fullmatch(text) or len(text) > 40:
        raise ValueError(wanted)
    return Fraction(text.replace("_", ""))


def _whole(value: Fraction, wanted: str) -> int:
    if value.denominator != 1:
        raise ValueError(wanted)
    return value.numerator
