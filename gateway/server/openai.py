"""`POST /v1/chat/completions`: read a call, relay it, write the answer."""

from aiohttp import web

from gateway.dialects.chat import read_call
from gateway.errors import DrainingError, OverloadedError
from gateway.state import State

from .answering import write_answer
from .bodies import read_body
from .keys import CALLER, HANDED_OVER, RELAY, REQUEST_ID, STATE


async def post_chat(request: web.Request) -> web.StreamResponse:
    """A chat completion, whole or as a stream of server-sent events."""
    state, caller = request.app[STATE], request[CALLER]
    received = state.clock.now()
    check_open(state)
    body = await read_body(request, state.catalog.server.max_body)
    call = read_call(
        body,
        id=request[REQUEST_ID],
        client=caller.name,
        authorization=caller.authorization,
        may_pay=read_may_pay(request),
        received=received,
        retry=read_retry(request.headers.get("x-stainless-retry-count", "")),
    )
    check_room(state)  # again: a slow body may have outlasted the room there was
    request[HANDED_OVER] = True
    async with request.app[RELAY].answer(call, caller.client) as answer:
        return await write_answer(request, answer)


def check_open(state: State) -> None:
    """Raise DrainingError or OverloadedError if nothing new may start."""
    if state.draining:
        raise DrainingError("The gateway is about to stop. Try again in a moment.")
    check_room(state)


def check_room(state: State) -> None:
    """Raise OverloadedError, and count it, if another request would be more than the process may bear."""
    server = state.catalog.server
    cap = server.max_concurrent_requests
    if cap and state.running >= cap:
        why = f"{cap} requests are running, the most that server.max_concurrent_requests allows."
    elif state.load.shedding(server.max_memory):
        why = "The gateway is short of memory (server.max_memory). Try again in a moment."
    else:
        return
    state.load.refused_requests += 1
    raise OverloadedError(why)


def read_may_pay(request: web.Request) -> bool:
    """Whether the caller agrees to pay for this request, where it is asked to (`paid: opt_in`)."""
    return request.headers.get("x-gateway-paid", "").strip().lower() == "yes"


def read_retry(count: str) -> int:
    """How often OpenAI's package has tried before; 0 for whoever does not say."""
    return int(count) if count.isascii() and count.isdigit() and len(count) < 4 else 0
