"""Type `openrouter`: as `openai`, with attribution headers, and the choice of the upstream behind it.

https://openrouter.ai/docs, pages routing/provider-selection and api/reference.
"""

from collections.abc import Mapping

import msgspec

from gateway.catalog.catalog import Target
from gateway.catalog.schema import Server
from gateway.dialects import chat, edits
from gateway.records import Call, UpstreamRequest

from .base import chat_edits, chat_request

_SITE = "http://localhost/llm-gateway"

ATTRIBUTION = {"http-referer": _SITE, "referer": _SITE, "x-title": "llm-gateway"}
"""OpenRouter's rankings name the application that sent a request. `headers` of the configuration go over it."""


class OpenRouter:
    """Passes the request's own `provider` block on, merged under the pin."""

    dialect = chat.DIALECT

    def request(
        self,
        target: Target,
        call: Call,
        *,
        timeouts: Server,
        drop_usage_option: bool = False,
        max_tokens: int | None = None,
    ) -> UpstreamRequest:
        """See Provider."""
        wanted = chat_edits(target, drop_usage_option=drop_usage_option, max_tokens=max_tokens)
        wanted = msgspec.structs.replace(wanted, preferences=preferences(target, call))
        return chat_request(target, call, wanted, timeouts=timeouts, headers=ATTRIBUTION)


def preferences(target: Target, call: Call) -> bytes | None:
    """The `provider` block to send: the client's as it is spelled, with the pin over it. None for neither.

    A list that names this provider of ours was about ours, and has been followed: it does not go on.
    """
    own = None
    if call.preferences is not None:
        own = bytes(call.members["provider"])
        if ours := _about_ours(target.provider, call.preferences):
            own = edits.without(own, ours)
    if not target.pin:
        return own
    pin = {"order": msgspec.json.encode([target.pin]), "allow_fallbacks": b"false"}
    return edits.put(own or b"{}", pin)


def _about_ours(provider: str, wanted: Mapping[str, object]) -> set[str]:
    """The members of the block that `routing.rank` has followed, and that OpenRouter would take for something else."""
    found = set[str]()
    for member in ("order", "only"):
        names = wanted.get(member)
        if isinstance(names, list) and provider.casefold() in {str(name).casefold() for name in names}:
            found |= {member, "allow_fallbacks"} if member == "order" else {member}
    return found
