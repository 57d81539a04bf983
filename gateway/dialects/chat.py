"""OpenAI's chat completions, as clients write them: a body becomes a `Call`."""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Raw
from msgspec.json import Decoder

from gateway.clock import Moment
from gateway.errors import BadRequestError
from gateway.records import Call, Secret

from . import splice, tokens

DIALECT = "chat"

_NEVER = Moment(0.0, 0.0)
_NO_KEY = Secret()

_FIELDS: dict[str, tuple[Decoder[Any], str]] = {
    "model": (Decoder(str), "a string"),
    "messages": (Decoder(list[dict[str, Raw]]), "a list of objects"),
    "stream": (Decoder(bool), "true or false"),
    "stream_options": (Decoder(dict[str, Any]), "an object"),
    "max_tokens": (Decoder(int), "a whole number"),
    "max_completion_tokens": (Decoder(int), "a whole number"),
    "n": (Decoder(int), "a whole number"),
    "models": (Decoder(list[str]), "a list of model names"),
    "provider": (Decoder(dict[str, Any]), "an object"),
    "tools": (Decoder(list[Raw]), "a list"),
    "functions": (Decoder(list[Raw]), "a list"),
    "response_format": (Decoder(dict[str, Any]), "an object"),
    "reasoning_effort": (Decoder(Any), "anything"),
    "reasoning": (Decoder(Any), "anything"),
}
"""What the gateway itself reads. Everything else goes up unread."""

_IN_THE_PROMPT = ("tools", "functions", "response_format")
"""Members beside the messages that models get to read."""

_prompt: Decoder[str | list[str]] = Decoder(str | list[str])


def read_call(
    body: bytes,
    *,
    id: str,  # noqa: A002 - its name in the record
    client: str = "",
    authorization: Secret = _NO_KEY,
    may_pay: bool = False,
    retry: int = 0,
    received: Moment = _NEVER,
) -> Call:
    """The call that a body makes. `prompt` without `messages` has become one user message in it.

    Raises BadRequestError for what is not JSON, has no model or no messages, or a field of the wrong type; `param`
    names the field. Optional fields may be null.
    """
    sent = body
    body, members = _with_messages(body, splice.read_members(body))
    _check_spelling(members)
    fields = {name: _read(name, members[name]) for name in splice.present(members, _FIELDS)}
    if not fields.get("model"):
        raise BadRequestError("`model` is missing. GET /v1/models lists the names.", param="model")
    if not fields.get("messages"):
        raise BadRequestError("`messages` needs at least one message.", param="messages")
    prompt = tokens.read_messages(fields["messages"])
    beside = sum(tokens.json_twelfths(members[name]) for name in _IN_THE_PROMPT if name in fields)
    stream = fields.get("stream", False)
    return Call(
        id=id,
        dialect=DIALECT,
        model=fields["model"],
        body=body,
        members=members,
        edited=() if body is sent else ("prompt",),
        stream=stream,
        wants_usage=stream and fields.get("stream_options", {}).get("include_usage") is True,
        max_tokens=_bound(fields),
        choices=max(1, fields.get("n", 1)),
        thinking=_thinking(fields.get("reasoning")),
        estimate=tokens.tokens(prompt.twelfths + beside),
        needs=prompt.needs | _needs(fields),
        models=tuple(fields.get("models", ())),
        preferences=fields.get("provider"),
        client=client,
        authorization=authorization,
        may_pay=may_pay,
        retry=retry,
        received=received,
    )


def _check_spelling(members: Mapping[str, Raw]) -> None:
    """Raises BadRequestError for a `Model`: some readers take it for `model`, and would ask for another than we did."""
    for name in members:
        if len(name) == len("model") and name != "model" and name.lower() == "model":
            raise BadRequestError(f"`{name}` has to be spelled `model`.", param=name)


def _read(name: str, raw: Raw) -> Any:
    decoder, wanted = _FIELDS[name]
    try:
        return decoder.decode(raw)
    except (ValueError, RecursionError):
        raise BadRequestError(f"`{name}` has to be {wanted}.", param=name) from None


def _with_messages(body: bytes, members: Mapping[str, Raw]) -> tuple[bytes, Mapping[str, Raw]]:
    """Body and members in which a lone `prompt` is one user message. Several strings are its lines."""
    if splice.present(members, ["messages"]) or not splice.present(members, ["prompt"]):
        return body, members
    try:
        prompt = _prompt.decode(members["prompt"])
    except ValueError:
        raise BadRequestError("`prompt` has to be a string or a list of strings.", param="prompt") from None
    content = prompt if isinstance(prompt, str) else "\n".join(prompt)
    message = msgspec.json.encode([{"role": "user", "content": content}])
    body = splice.edit(body, members, replace={"prompt": message}, rename={"prompt": "messages"}, remove={"messages"})
    return body, splice.read_members(body)


def _bound(fields: Mapping[str, Any]) -> int | None:
    """The most tokens the client wants back. Local servers take -1 for no bound."""
    bound: int = fields.get("max_completion_tokens", fields.get("max_tokens", 0))
    return bound if bound > 0 else None


def _needs(fields: Mapping[str, Any]) -> set[str]:
    """Features that the members beside the messages ask for."""
    found = set[str]()
    if fields.get("tools") or fields.get("functions"):
        found.add("tools")
    if fields.get("response_format", {}).get("type") == "json_schema":
        found.add("json_schema")
    if fields.get("reasoning_effort", "none") != "none" or _reasons(fields.get("reasoning")):
        found.add("reasoning")
    return found


def _reasons(reasoning: Any) -> bool:
    """Whether OpenRouter's `reasoning` asks for some, rather than for none."""
    if not isinstance(reasoning, dict):
        return bool(reasoning)
    return reasoning.get("effort") != "none" and reasoning.get("enabled") is not False


def _thinking(reasoning: Any) -> int:
    """What OpenRouter's `reasoning` sets aside for thoughts."""
    budget = reasoning.get("max_tokens") if isinstance(reasoning, dict) else None
    return budget if type(budget) is int and budget > 0 else 0
