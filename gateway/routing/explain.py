"""Why a request went where it went, in few words: for the header, the page and the log."""

from collections.abc import Sequence

from gateway.limits.meters import Gauge
from gateway.limits.terms import Shortfall

MOST_BYTES = 200
"""What `x-gateway-why` may hold (contract, section 3)."""

_WINDOWS = {
    "second": "this second",
    "minute": "this minute",
    "hour": "this hour",
    "day": "today",
    "week": "this week",
    "month": "this month",
}
_A_TARGETS_OWN = frozenset({"provider", "key", "model"})
_OPEN_AT_ONCE = frozenset({"calendar", "first_use"})
"""Algorithms whose next window has room whatever becomes of requests in flight."""


def why_header(entries: Sequence[tuple[str, str]]) -> str:
    """`openrouter/x:429;groq/y:ok`: who, and what came of it. Cut at a whole entry, with `;+3` for the rest.

    The last entry, which tells who answered, is kept if any is.
    """
    texts = [_ascii(f"{who}:{what}" if what else who) for who, what in entries]
    for kept in range(len(texts), 0, -1):
        left = len(texts) - kept
        text = ";".join([*texts[: kept - 1], texts[-1]]) if left else ";".join(texts)
        if left:
            text = f"{text};+{left}"
        if len(text) <= MOST_BYTES:
            return text
    return f"+{len(texts)}"


def said(shortfall: Shortfall) -> str:
    """`30 of 30 this minute`, `needs 10,600, 7,900 of 12,000 tokens left this minute`, `$2 of $2 today`.

    With whose limit it is where that is not the target's own, and marked where its time of opening is an estimate.
    """
    meter = shortfall.meter
    if shortfall.closed:
        return f"{shortfall.text}, opening estimated"
    whose = "" if meter.scope_type in _A_TARGETS_OWN else f" ({meter.scope_type} {meter.scope})"
    guess = ""
    if guessed(shortfall):
        held = f", {_number(meter.unit, shortfall.held)} held by running requests"
        guess = f"{'' if meter.unit == 'concurrent_requests' else held}, opening estimated"
    return f"{_lack(shortfall)}{whose}{guess}"


def guessed(shortfall: Shortfall) -> bool:
    """Whether the named time is an estimate: it hangs on what becomes of requests in flight."""
    return shortfall.by_holds or (shortfall.held > 0 and shortfall.meter.rule.algorithm not in _OPEN_AT_ONCE)


def room(gauge: Gauge) -> str:
    """`8 of 30 left this minute`, `7,900 of 12,000 tokens left this minute`, `$1.63 of $2.00 left today`."""
    left, amount = (_number(gauge.unit, n) for n in (gauge.remaining, gauge.amount))
    return f"{left} of {amount}{_noun(gauge.unit)} left {_when(gauge.window)}".rstrip()


def numbers(unit: str, used: int, amount: int) -> dict[str, float]:
    """`used` and `amount` of a limit, money in USD."""
    return {"used": used / 1e9, "amount": amount / 1e9} if unit == "cost" else {"used": used, "amount": amount}


def _lack(shortfall: Shortfall) -> str:
    unit, window = shortfall.meter.unit, shortfall.meter.window
    if unit == "concurrent_requests":
        return f"{shortfall.held:,} of {shortfall.amount:,} running"
    if unit == "tokens_per_request":
        return f"needs {shortfall.need:,} tokens, a request may be {shortfall.amount:,}"
    amount, need = _number(unit, shortfall.amount), _number(unit, shortfall.need)
    if shortfall.never:
        return f"needs {need}{_noun(unit)}, the whole limit is {amount} per {window}"
    taken = shortfall.used + shortfall.held
    left = shortfall.amount - taken
    if left <= 0 or unit == "requests":
        return f"{_number(unit, taken)} of {amount}{_noun(unit)} {_when(window)}"
    return f"needs {need}, {_number(unit, left)} of {amount}{_noun(unit)} left {_when(window)}"


def _when(window: str) -> str:
    return _WINDOWS.get(window, f"in {window}" if window else "")


def _noun(unit: str) -> str:
    return "" if unit in {"requests", "cost"} else f" {unit.replace('_', ' ')}"


def _number(unit: str, n: int) -> str:
    return _money(n) if unit == "cost" else f"{n:,}"


def _money(nanousd: int) -> str:
    dollars = nanousd / 1e9
    return f"${dollars:.2f}" if dollars >= 0.01 or not nanousd else f"${dollars:.2g}"


def _ascii(text: str) -> str:
    """Names come from clients where a wildcard takes them: nothing of them may end the header or the entry."""
    if text.isascii() and text.isprintable() and " " not in text and ";" not in text:
        return text  # nearly always
    return "".join(char if "!" <= char <= "~" and char != ";" else "?" for char in text)
