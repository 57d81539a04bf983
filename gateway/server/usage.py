"""`GET /usage/current` and `GET /usage/requests`: the numbers behind the pages."""

from collections.abc import Iterable, Iterator, Reversible
from typing import Any

import msgspec
from aiohttp import web

from gateway.catalog.catalog import Target
from gateway.clock import Moment
from gateway.errors import BadRequestError
from gateway.history import Tally
from gateway.limits import meters
from gateway.limits.meters import rfc3339
from gateway.records import Settled
from gateway.routing.cooldown import Cooldown
from gateway.state import State

from .answering import json_answer
from .bars import bars
from .keys import STATE
from .standing import Obstacles, standing
from .view import rests

_NOTHING = Tally()
_USUAL_LIMIT = 50
_MOST = 1000
"""As many as are remembered."""


async def get_current(request: web.Request) -> web.StreamResponse:
    """Every limit, cooldown, provider and model as it stands now; the numbers of the last two are today's."""
    state = request.app[STATE]
    return json_answer(current(state, state.clock.now()))


def current(state: State, now: Moment) -> dict[str, Any]:
    """What `/usage/current` answers."""
    catalog = state.catalog
    obstacles = Obstacles({bar.id: bar for bar in bars(catalog.meters, state.ledger, now)}, rests(state, now))
    outcomes = _outcomes(state.recent)
    by_provider, by_model = state.today.providers(now), state.today.models(now)
    providers, models = {}, {}
    for provider in catalog.providers.values():
        targets = (*provider.targets, *provider.wildcard)
        word = provider.idle or standing(targets, obstacles, outcomes.get(provider.id, []))
        providers[provider.id] = {
            "state": word,
            **_tally(by_provider.get(provider.id, _NOTHING)),
            "monthly_fee_usd": usd(provider.monthly_fee_nanousd),
        }
        for name, mine in _by_id(provider.targets).items():
            word = standing(mine, obstacles, outcomes.get(name, []))
            models[name] = {"state": word, **_tally(by_model.get(name, _NOTHING)), "price": _price(mine[0])}
    return {
        "at": rfc3339(now.wall),
        "limits": [meters.as_json(each) for each in meters.gauges(catalog.meters, state.ledger, now)],
        "cooldowns": [cooldown_json(each, now) for each in state.cooldowns.active(now)],
        "providers": providers,
        "models": models,
        "totals": {"today": _total(state.today.total(now)), "month": _total(state.today.month(now))},
    }


def cooldown_json(cooldown: Cooldown, now: Moment) -> dict[str, Any]:
    """One row of `cooldowns`."""
    return {
        "id": cooldown.id,
        "scope_type": cooldown.kind,
        "until": rfc3339(now.wall + cooldown.left_s(now)),
        "cause": cooldown.cause,
    }


def _by_id(targets: Iterable[Target]) -> dict[str, list[Target]]:
    """The targets of each model, one per key."""
    found: dict[str, list[Target]] = {}
    for target in targets:
        found.setdefault(target.id, []).append(target)
    return found


def _outcomes(recent: Reversible[Settled]) -> dict[str, list[bool]]:
    """By provider and by model, which of the last attempts succeeded, the newest first."""
    found: dict[str, list[bool]] = {}
    for settled in reversed(recent):
        for attempt in reversed(settled.attempts):
            for name in (attempt.target, attempt.target.partition("/")[0]):
                found.setdefault(name, []).append(attempt.cause == "ok")
    return found


def _price(target: Target) -> dict[str, Any] | None:
    """The list price in dollars per million tokens (`request`: each), and where it is from; None if it is unknown."""
    if target.price is None:
        return None
    rates = msgspec.structs.asdict(target.price)
    return {**{name: usd(nanousd) for name, nanousd in rates.items()}, "source": target.price_source}


def _tally(tally: Tally) -> dict[str, Any]:
    return {
        "requests": tally.requests,
        "attempts": tally.attempts,
        "errors": tally.errors,
        "tokens": tally.tokens,
        "cost_usd": usd(tally.cost_nanousd),
    }


def _total(tally: Tally) -> dict[str, Any]:
    """The same of all together, where errors are requests that failed, and what free answers were worth."""
    return {
        **_tally(tally),
        "input_tokens": tally.input,
        "output_tokens": tally.output,
        "cached_tokens": tally.cached,
        "free_requests": tally.free_requests,
        "list_price_avoided_usd": usd(tally.list_price_nanousd),
    }


async def get_requests(request: web.Request) -> web.StreamResponse:
    """The last requests, newest first.

    `?limit=` 50, at most 1000; `?model=` as asked for or as served; `?status=` as `429`, `4xx` or an outcome.
    """
    state, query = request.app[STATE], request.query
    wanted = matching(reversed(state.recent), model=query.get("model", ""), status=query.get("status", ""))
    limit = read_limit(query.get("limit", ""))
    return json_answer({"requests": [settled_json(each) for each, _ in zip(wanted, range(limit), strict=False)]})


def read_limit(text: str) -> int:
    """How many were asked for. Raises BadRequestError unless that is a number of at least 1."""
    if not text:
        return _USUAL_LIMIT
    if not (text.isascii() and text.isdigit() and int(text[:10]) >= 1):
        raise BadRequestError("limit must be a whole number from 1 to 1000.", param="limit")
    return min(int(text[:10]), _MOST)


def matching(recent: Iterator[Settled], *, model: str, status: str) -> Iterator[Settled]:
    """Those that asked for `model` or were served by it, and ended with `status`; an empty one takes all."""
    for each in recent:
        names = {each.asked, each.route, each.route.partition("/")[2]}
        ends = {str(each.status), f"{each.status // 100}xx", each.outcome}
        if (not model or model in names) and (not status or status.lower() in ends):
            yield each


def settled_json(settled: Settled) -> dict[str, Any]:
    """One request: what was asked, where it went and why, what it took."""
    usage = settled.usage
    return {
        "request_id": settled.id,
        "at": rfc3339(settled.at),
        "client": settled.client,
        "asked": settled.asked,
        "route": settled.route,
        "status": settled.status,
        "outcome": settled.outcome,
        "stream": settled.stream,
        "tokens": {
            "input": usage.input,
            "output": usage.output,
            "cached": usage.cached,
            "reasoning": usage.reasoning,
            "estimated": usage.estimated,
        },
        "cost_usd": usd(settled.cost_nanousd),
        "list_price_usd": usd(settled.list_price_nanousd),
        "first_token_s": settled.first_token_s,
        "duration_s": settled.duration_s,
        "overhead_s": settled.overhead_s,
        "client_retry": settled.retry,
        "attempts": [
            {
                "target": attempt.target,
                "status": attempt.status,
                "cause": attempt.cause,
                "started_at": rfc3339(attempt.started_at),
                "first_byte_s": attempt.first_byte_s,
                "duration_s": attempt.duration_s,
            }
            for attempt in settled.attempts
        ],
        "targets": [
            {
                "id": candidate.id,
                "place": candidate.place,
                "verdict": candidate.verdict,
                "rule": candidate.rule,
                "text": candidate.text,
                "used": candidate.used,
                "amount": candidate.amount,
                "opens_at": rfc3339(candidate.opens_at),
            }
            for candidate in settled.candidates
        ],
    }


def usd(nanousd: int | None) -> float | None:
    """Dollars; None stays None."""
    return None if nanousd is None else nanousd / 1e9
