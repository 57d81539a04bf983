"""What a refusal's words say of the quota that is used up: its unit, window, scope and numbers.

Sources: recorded messages of OpenAI, Groq, Anthropic, Google, OpenRouter, Mistral, Cerebras, Cohere, Together, xAI,
GitHub Models, Cloudflare and Moonshot, from their documentation and public issue threads, up to 2026-11.
"""

import re
from collections.abc import Iterable
from typing import Literal, TypeVar

from msgspec import Struct

from gateway.limits.shorthand import Unit, window_s

Counted = Unit | Literal["unknown"]
"""What a quota counts."""
Scope = Literal["provider", "key", "model", "model_key", "unknown"]
"""What a quota is kept for."""
UNKNOWN: Literal["unknown"] = "unknown"

_T = TypeVar("_T")


class Quota(Struct, frozen=True, kw_only=True):
    """A quota as far as it is named."""

    unit: Counted = UNKNOWN
    window: str = UNKNOWN
    """As limits spell it: `minute`, `day`, `5h`."""
    scope: Scope = UNKNOWN
    limit: int | None = None
    used: int | None = None
    requested: int | None = None
    """What the refused request was counted as."""

    @property
    def is_long(self) -> bool:
        """Whether its window is a day or longer."""
        return window_s(self.window) >= 86400


_NUMBER = r"~?(\d[\d,]{0,18})"
_UNIT = r"(?:(input|prompt|output|completion)[ _-]?)?(tokens?|requests?|queries|calls)"
_WINDOW = r"(sec(?:ond)?|min(?:ute)?|hour|day|week|month)"
_PER = re.compile(rf"\b{_UNIT}(?: rate limit)?(?: per |-per-| ?/ ?){_WINDOW}\b", re.IGNORECASE)
_ON = re.compile(rf"\bon {_UNIT} per {_WINDOW}\b", re.IGNORECASE)
_SHORT = re.compile(r"\b([io]?t|r)p([smhd])\b", re.IGNORECASE)
_FREE_MODELS = re.compile(r"free-models-per-(day|min)", re.IGNORECASE)
_PER_SECONDS = re.compile(rf"rate limit of {_NUMBER} per (\d{{1,9}})s\b", re.IGNORECASE)
_ACTUAL = re.compile(rf"{_UNIT} per {_WINDOW} \(actual/limit\): {_NUMBER}/{_NUMBER}", re.IGNORECASE)
_ALONE = re.compile(rf"\bper[ -]{_WINDOW}\b|\b(hourly|daily|weekly|monthly)\b", re.IGNORECASE)
_OF = re.compile(rf"(?:limited to|limit (?:for [^.]{{0,160}}?)?(?:of|is)|max rpm:) {_NUMBER}(?![\w-])", re.IGNORECASE)
_LIMIT_USED = re.compile(
    rf"\blimit:? {_NUMBER}(?: ?/ ?\w+)?[,.]?(?: (?:used|current):? {_NUMBER}(?: ?/ ?\w+)?[,.]?)?"
    rf"(?: requested:? {_NUMBER})?",
    re.IGNORECASE,
)
_TOKENS = re.compile(
    r"\b(?:tokens?[ _](?:rate|limit|quota)|too[ _]many[ _]tokens|^tokens$)", re.IGNORECASE | re.MULTILINE
)
_REQUESTS = re.compile(
    r"\brequests?[ _](?:rate|limit|quota)|\bapi calls\b|\bgenerate_requests|^requests$", re.IGNORECASE | re.MULTILINE
)

_SCOPES: tuple[tuple[re.Pattern[str], Scope], ...] = (
    (re.compile(r"ByModel|PerModel|\bfor (?:model )?[`\w./:-]+ in organization|specific to this model"), "model_key"),
    (re.compile(r"\band model [\w./:-]+|\bmodel: [\w./:-]+|free-models-per-", re.IGNORECASE), "model_key"),
    (
        re.compile(
            r"rate-limited upstream|capacity exceeded for this model|model_capacity_exhausted|out of capacity"
            r"|\bcapacity temporarily exceeded",
            re.IGNORECASE,
        ),
        "model",
    ),
    (re.compile(r"trial key|\bneurons\b|\busage limit reached\||PerProject\b", re.IGNORECASE), "key"),
    (re.compile(r"error 1015|you are being rate limited", re.IGNORECASE), "provider"),
)
"""Who shares a quota, the first that is found. OpenRouter's free models share one over the key, which pays for others
too: the key must not rest for them."""

_ID = re.compile(r"(?:Per|By)(Second|Minute|Hour|Day|Week|Month)(?![a-z])|(Daily)")
_ID_UNITS: tuple[tuple[str, Unit], ...] = (
    ("InputToken", "input_tokens"),
    ("OutputToken", "output_tokens"),
    ("Token", "tokens"),
    ("Request", "requests"),
)
_WINDOWS = {"s": "second", "m": "minute", "h": "hour", "d": "day"}
_NAMES = {
    "sec": "second",
    "second": "second",
    "min": "minute",
    "minute": "minute",
    "hour": "hour",
    "hourly": "hour",
    "day": "day",
    "daily": "day",
    "week": "week",
    "weekly": "week",
    "month": "month",
    "monthly": "month",
}
_LENGTHS = {1: "second", 60: "minute", 3600: "hour", 86400: "day", 604800: "week"}


def named(text: str) -> Quota:
    """The quota that a text names. Where it speaks of several windows and says of none that it is full: unknown."""
    unit, window = _full(text)
    limit, used, requested = _numbers(text)
    return Quota(unit=unit, window=window, scope=scope_in(text), limit=limit, used=used, requested=requested)


def named_by_id(quota_id: str, amount: int | None) -> Quota:
    """The quota behind Google's `quotaId`."""
    found = _ID.search(quota_id)
    unit = next((unit for word, unit in _ID_UNITS if word in quota_id), UNKNOWN)
    window = _NAMES[(found[1] or found[2]).lower()] if found else UNKNOWN
    return Quota(unit=unit, window=window, scope=scope_in(quota_id), limit=amount)


def scope_in(text: str) -> Scope:
    """Who shares the quota that a text names."""
    return next((scope for pattern, scope in _SCOPES if pattern.search(text)), UNKNOWN)


def _full(text: str) -> tuple[Counted, str]:
    """Unit and window of what is used up."""
    if found := _ON.search(text):
        return _unit(found[1], found[2]), _NAMES[found[3].lower()]
    if found := _FREE_MODELS.search(text):
        return "requests", _NAMES[found[1].lower()]
    if found := _PER_SECONDS.search(text):
        length_s = int(found[2])
        return "requests", _LENGTHS.get(length_s) or (f"{length_s}s" if window_s(f"{length_s}s") else UNKNOWN)
    if full := [each for each in _ACTUAL.finditer(text) if _whole(each[4]) >= _whole(each[5])]:
        return _unit(full[0][1], full[0][2]), _NAMES[full[0][3].lower()]
    pairs = [(_unit(each[1], each[2]), _NAMES[each[3].lower()]) for each in _PER.finditer(text)]
    pairs += [(_short_unit(each[1]), _WINDOWS[each[2].lower()]) for each in _SHORT.finditer(text)]
    alone = [_NAMES[(each[1] or each[2]).lower()] for each in _ALONE.finditer(text)]
    window = _only([*(window for _, window in pairs), *alone])
    if pairs:
        return _only(unit for unit, _ in pairs), window
    return "tokens" if _TOKENS.search(text) else "requests" if _REQUESTS.search(text) else UNKNOWN, window


def _only(values: Iterable[_T]) -> _T | Literal["unknown"]:
    """The value, if there is one and no other."""
    different = set(values)
    return different.pop() if len(different) == 1 else UNKNOWN


def _unit(side: str | None, noun: str) -> Unit:
    if not noun.lower().startswith("token"):
        return "requests"
    return _side(side[0].lower()) if side else "tokens"


def _short_unit(letters: str) -> Unit:
    """Of `T`, `IT`, `OT` or `R`."""
    letters = letters.lower()
    return "requests" if letters == "r" else "tokens" if letters == "t" else _side(letters[0])


def _side(letter: str) -> Unit:
    return "input_tokens" if letter in "ip" else "output_tokens"


def _numbers(text: str) -> tuple[int | None, int | None, int | None]:
    """Limit, used and requested."""
    if full := [each for each in _ACTUAL.finditer(text) if _whole(each[4]) >= _whole(each[5])]:
        return _whole(full[0][5]), _whole(full[0][4]), None
    if found := _LIMIT_USED.search(text):
        limit, used, requested = (None if each is None else _whole(each) for each in found.groups())
        return limit, used, requested
    if found := _PER_SECONDS.search(text) or _OF.search(text):
        return _whole(found[1]), None, None
    return None, None, None


def _whole(digits: str) -> int:
    return int(digits.replace(",", ""))
