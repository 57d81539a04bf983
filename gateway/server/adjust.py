"""What is set by hand: `POST /usage/adjust` for what a limit has used, `POST /usage/cooldowns/reset` for a refusal."""

import difflib
import logging
from collections.abc import Sequence
from typing import Any

import msgspec
from aiohttp import web

from gateway.catalog.catalog import Catalog
from gateway.errors import BadRequestError, NotFoundError
from gateway.limits import meters
from gateway.limits.shorthand import ALONE
from gateway.limits.terms import Meter

from .answering import json_answer
from .bodies import read_body
from .keys import RELAY, STATE
from .usage import cooldown_json

log = logging.getLogger(__name__)

_MOST_BYTES = 16 * 1024
_MOST_TIMES = 1000
"""More than so often the whole amount is a slip of the finger, and a bucket would take days to forgive it."""
_NANO = 1_000_000_000
_ALL = "*"


async def post_adjust(request: web.Request) -> web.StreamResponse:
    """Set what a limit has used: "I used 40 today already". Answers its row of `/usage/current` as it is now.

    `{"scope", "unit", "window", "used"}`, spelled as there, money in USD; where limits of two kinds of scope have one
    name, `scope_type` says which is meant. What the provider reported of it counts no more. Raises BadRequestError, or
    NotFoundError with the closest names.
    """
    fields = await _read(request, '{"scope": "groq", "unit": "requests", "window": "day", "used": 40}')
    state = request.app[STATE]
    meter = _find(state.catalog, fields)
    used = _used(fields.get("used"), meter)
    now = state.clock.now()
    before = meters.gauge(meter, state.ledger, now)
    state.ledger.adjust(meter, used, now)
    after = meters.gauge(meter, state.ledger, now)
    request.app[RELAY].lines.wake()
    log.info("set by hand: %s used %d, was %d", meter.id, after.used, before.used)
    return json_answer(meters.as_json(after))


async def post_reset(request: web.Request) -> web.StreamResponse:
    """End a cooldown, and open the limits that a provider's refusal shut: `{"id"}`, or `"*"` for all of them.

    The id is that of a cooldown, or the scope of a limit, as `/usage/current` lists them, of whatever kind.
    Answers `{"reset": [...], "lifted": [...]}`, the cooldowns that ended and the limits as they are now. Raises
    NotFoundError if there is none of this id.
    """
    fields = await _read(request, '{"id": "groq/llama-3.3-70b-versatile"}')
    id_ = _text(fields, "id")
    state = request.app[STATE]
    now = state.clock.now()
    active = state.cooldowns.active(now)
    shut = [meter for meter in state.catalog.meters if (told := state.ledger.reported(meter, now)) and told.shut]
    ended = [each for each in active if id_ in {each.id, _ALL}]
    lifted = [meter for meter in shut if id_ in {meter.scope, _ALL}]
    if not ended and not lifted and id_ != _ALL:
        known = [*(each.id for each in active), *(meter.scope for meter in shut)]
        raise NotFoundError(
            f"No cooldown, and no limit that was shut, has the id {id_[:200]!r}.{_closest(id_, known)} "
            "GET /usage/current lists them.",
            param="id",
        )
    for each in ended:
        state.cooldowns.reset(each.kind, each.id)
        log.info("cooldown ended by hand: %s %s", each.kind, each.id)
    for meter in lifted:
        state.ledger.lift(meter, now)
        log.info("limit opened by hand: %s", meter.id)
    request.app[RELAY].lines.wake()
    rows = [meters.as_json(each) for each in meters.gauges(lifted, state.ledger, now)]
    return json_answer({"reset": [cooldown_json(each, now) for each in ended], "lifted": rows})


async def _read(request: web.Request, example: str) -> dict[str, Any]:
    body = await read_body(request, _MOST_BYTES)
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequestError(f"Send {example}.") from error


def _text(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value:
        raise BadRequestError(f"`{name}` has to be a text, spelled as in GET /usage/current.", param=name)
    return value


def _find(catalog: Catalog, fields: dict[str, Any]) -> Meter:
    """The limit that is meant. Raises BadRequestError where two could be, NotFoundError where none is."""
    scope, unit = _text(fields, "scope"), _text(fields, "unit")
    if unit in ALONE:
        raise BadRequestError(
            f"Nothing of {unit} is ever used up: it says how much may run at once, or how large one request may be. "
            "Change its amount in the configuration.",
            param="unit",
        )
    window = _text(fields, "window")
    kind = _text(fields, "scope_type") if "scope_type" in fields else ""
    here = [each for each in catalog.meters if each.scope == scope and kind in {"", each.scope_type}]
    if not here:
        what = f"{kind} {scope[:200]!r}".lstrip()
        raise NotFoundError(
            f"No limit applies to {what}.{_closest(scope, [each.scope for each in catalog.meters])} "
            "GET /usage/current lists them.",
            param="scope",
        )
    found = [each for each in here if (each.unit, each.window) == (unit, window)]
    if not found:
        names = ", ".join(dict.fromkeys(each.name for each in here))
        wrong = "window" if any(each.unit == unit for each in here) else "unit"
        raise NotFoundError(f"{scope} has no limit {unit[:50]}_per_{window[:50]}. It has: {names}.", param=wrong)
    if len(found) > 1:
        kinds = " or ".join(each.scope_type for each in found)
        raise BadRequestError(f"{scope} has that limit more than once: add `scope_type`, {kinds}.", param="scope_type")
    return found[0]


def _used(value: Any, meter: Meter) -> int:
    """What is used in the ledger's units. Raises BadRequestError unless it is a sensible amount of the limit."""
    money = meter.unit == "cost"
    if isinstance(value, bool) or not isinstance(value, int | float) or (not money and value != int(value)):
        raise BadRequestError(f"`used` has to be a {'number of USD' if money else 'whole number'}.", param="used")
    if value < 0:
        raise BadRequestError("`used` cannot be negative.", param="used")
    scale = _NANO if money else 1
    if value * scale > meter.rule.capacity * _MOST_TIMES:
        raise BadRequestError(f"`used` is more than {_MOST_TIMES:,} times the whole limit.", param="used")
    return round(value * scale)


def _closest(name: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, dict.fromkeys(known), n=3, cutoff=0.5)
    return f" Closest: {', '.join(close)}." if close else ""
