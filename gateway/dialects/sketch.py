"""A chat request that will not be sent: it may leave its messages out and say how long they would be."""

from collections.abc import Mapping

from msgspec import Raw
from msgspec.json import Decoder
from msgspec.structs import replace

from gateway.clock import Moment
from gateway.errors import BadRequestError
from gateway.records import Call, Secret

from . import splice
from .chat import read_call

MOST_TOKENS = 1_000_000_000

_EMPTY = b'[{"role":"user","content":""}]'
_count = Decoder(int)


def read_sketch(
    body: bytes,
    *,
    id: str,  # noqa: A002 - its name in the record
    client: str,
    authorization: Secret,
    may_pay: bool,
    received: Moment,
) -> Call:
    """The call that a body makes; without messages its estimate is `tokens`, or that of an empty message.

    Raises BadRequestError as `read_call` does, and for `tokens` that are no count, or stand beside messages.
    """
    members = splice.read_members(body)
    tokens = _tokens(members)
    if not splice.present(members, ["messages", "prompt"]):
        gone = {"messages", "prompt", "tokens"}
        body = splice.edit(body, members, remove=gone, append={"messages": _EMPTY})
    elif tokens is not None:
        raise BadRequestError("`tokens` stands for messages that are left out. Send one of them.", param="tokens")
    call = read_call(body, id=id, client=client, authorization=authorization, may_pay=may_pay, received=received)
    return call if tokens is None else replace(call, estimate=tokens)


def _tokens(members: Mapping[str, Raw]) -> int | None:
    if not splice.present(members, ["tokens"]):
        return None
    try:
        tokens = _count.decode(members["tokens"])
    except ValueError:
        tokens = -1
    if not 0 <= tokens <= MOST_TOKENS:
        raise BadRequestError(f"`tokens` has to be a whole number from 0 to {MOST_TOKENS:,}.", param="tokens")
    return tokens
