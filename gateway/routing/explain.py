"""Why a request went where it went, in few words: for the header, the page and the log."""

from collections.abc import Sequence

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
    """`30 of 30 this minute`, `needs 10,600, 7,900 of 12,000 tokens left this minute`, `$2 of $2 today`."""
    meter = shortfall.meter
    if meter.unit == "concurrent_requests":
        return f"{shortfall.held:,} of {shortfall.amount:,} running"
    if meter.unit == "tokens_per_request":
        return f"needs {shortfall.need:,} tokens, a request may be {shortfall.amount:,}"
    when = _WINDOWS.get(meter.window, f"in {meter.window}")
    money = meter.unit == "cost"
    amount, need = (_money(n) if money else f"{n:,}" for n in (shortfall.amount, shortfall.need))
    unit = "" if meter.unit == "requests" or money else f" {meter.unit.replace('_', ' ')}"
    if shortfall.never:
        return f"needs {need}{unit}, the whole limit is {amount} per {meter.window}"
    left = shortfall.amount - shortfall.used - shortfall.held
    if left <= 0 or meter.unit == "requests":
        taken = shortfall.used + shortfall.held
        return f"{_money(taken) if money else f'{taken:,}'} of {amount}{unit} {when}"
    return f"needs {need}, {_money(left) if money else f'{left:,}'} of {amount}{unit} left {when}"


def _money(nanousd: int) -> str:
    dollars = nanousd / 1e9
    return f"${dollars:.2f}" if dollars >= 0.01 or not nanousd else f"${dollars:.2g}"


def _ascii(text: str) -> str:
    """Names come from clients where a wildcard takes them: nothing of them may end the header or the entry."""
    return "".join(char if "!" <= char <= "~" and char != ";" else "?" for char in text)
