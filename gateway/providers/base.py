"""What a provider type has to say, and what is true of all that speak OpenAI's chat."""

from collections.abc import Mapping
from typing import Protocol

from gateway import __version__
from gateway.catalog.catalog import Target
from gateway.catalog.schema import Server
from gateway.dialects.edits import Edits, edited_body
from gateway.records import Call, UpstreamRequest

_DEFAULTS = {
    "content-type": "application/json",
    "accept-encoding": "identity",  # the body is passed on and read on the way
    "user-agent": f"llm-gateway/{__version__}",
}


class Provider(Protocol):
    """One type of provider."""

    @property
    def dialect(self) -> str:
        """The wire format it speaks: a call in the same one goes up as it is."""
        ...

    def request(
        self,
        target: Target,
        call: Call,
        *,
        timeouts: Server,
        drop_usage_option: bool = False,
        max_tokens: int | None = None,
    ) -> UpstreamRequest:
        """The request that puts `call` to `target`.

        `drop_usage_option` leaves `stream_options` out, for a second try. `max_tokens` is a bound on the answer that
        the limits demand.
        """
        ...


def chat_edits(target: Target, *, drop_usage_option: bool, max_tokens: int | None) -> Edits:
    """What the configuration wants changed in a chat request to `target`."""
    return Edits(
        model=target.upstream_model,
        include_usage=target.include_usage,
        without_usage_option=drop_usage_option,
        set=target.set,
        drop=target.drop,
        rename=target.rename,
        max_tokens=max_tokens,
    )


def chat_request(
    target: Target, call: Call, edits: Edits, *, timeouts: Server, headers: Mapping[str, str] | None = None
) -> UpstreamRequest:
    """`POST {base_url}/chat/completions`. None of the client's own headers goes up.

    The target's headers go over `headers`, these over the type's own. Names are lower-case.
    """
    named = {name.lower(): value for name, value in target.headers.items()}
    edited = edited_body(call, edits)
    return UpstreamRequest(
        url=f"{target.base_url}/chat/completions",
        headers={**_DEFAULTS, **authorization(target, call), **(headers or {}), **named},
        body=edited.body,
        edited=edited.names,
        connect_timeout_s=timeouts.connect_timeout,
        # Silence inside a stream is a fault; a whole answer may well come after its head and a long pause.
        idle_timeout_s=timeouts.idle_timeout if call.stream else timeouts.answer_timeout,
        max_response=None if call.stream else timeouts.max_response,
    )


def authorization(target: Target, call: Call) -> dict[str, str]:
    """The Authorization header: the key, the caller's own, or none."""
    match target.auth:
        case "key":
            return {"authorization": f"Bearer {target.secret.reveal()}"}
        case "passthrough" if call.authorization:
            return {"authorization": call.authorization.reveal()}
    return {}
