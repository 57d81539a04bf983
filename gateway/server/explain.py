"""`GET /explain/{request_id}`, why a request went where it went, and `POST /v1/route`, where one would go now."""

from typing import Any

from aiohttp import web

from gateway.dialects.sketch import read_sketch
from gateway.errors import NotFoundError
from gateway.records import Settled
from gateway.relay.plan import plan

from .admin import check_admin
from .answering import json_answer
from .bodies import read_body
from .keys import ADMIN, CALLER, RELAY, REQUEST_ID, STATE
from .openai import read_may_pay
from .usage import settled_json

_SAME = ("request_id", "asked", "client", "targets", "attempts")
"""What `/usage/requests` says too, under the same names."""


async def get_explain(request: web.Request) -> web.StreamResponse:
    """The story of one of the last requests: for an admin any, for a client its own.

    Clients may choose their ids: of several requests with one, the newest is told. Raises NotFoundError for an id that
    is not there, or is another client's: whether it exists is nobody else's business.
    """
    client = request[CALLER].client
    if client is None and not request[ADMIN]:
        check_admin(request)  # raises: without a key of its own, nobody can show that a request was theirs
    wanted = request.match_info["request_id"]
    for settled in reversed(request.app[STATE].recent):
        if settled.id == wanted and (request[ADMIN] or (client and client.name == settled.client)):
            return json_answer(explained(settled))
    kept = request.app[STATE].recent.maxlen or 0
    raise NotFoundError(f"No request {wanted[:200]!r} here. The last {kept:,} since the start are kept.")


async def post_route(request: web.Request) -> web.StreamResponse:
    """The same for a chat request that is not sent: `messages` may be left out, and `tokens` say how long they are.

    Under the caller's own rules; an admin without a client's key is under none.
    """
    state, caller = request.app[STATE], request[CALLER]
    now = state.clock.now()
    call = read_sketch(
        await read_body(request, state.catalog.server.max_body),
        id=request[REQUEST_ID],
        client=caller.name,
        authorization=caller.authorization,
        may_pay=read_may_pay(request),
        received=now,
    )
    return json_answer(explained(plan(state, request.app[RELAY].lines, call, caller.client, now)))


def explained(settled: Settled) -> dict[str, Any]:
    """`{"request_id", "asked", "client", "targets", "attempts", "tokens", "cost_usd"}`.

    The text of the chosen target names the members of the body in which it got another one than the client sent.
    Of the tokens, `estimated` are those of the prompt, `reserved` what was held for prompt and answer, `reported`
    what the upstream said it used; null where nothing was held or said.
    """
    told = settled_json(settled)
    usage = settled.usage
    for target in told["targets"] if settled.edited else ():
        if target["verdict"] == "chosen":
            target["text"] += f"; changed in its body: {', '.join(settled.edited)}"
    return {
        **{name: told[name] for name in _SAME},
        "tokens": {
            "estimated": settled.estimated_tokens,
            "reserved": settled.reserved_tokens,
            "reported": usage.total if usage.total and not usage.estimated else None,
        },
        "cost_usd": told["cost_usd"],
    }
