"""Conversations and the targets that answered them last: a provider that has read a prompt has it in its cache.

A conversation is known by who asks, the name asked, and how it begins: everything up to its first user message. Each
later request repeats that, and only the hash of it is kept.
"""

from collections import OrderedDict
from hashlib import blake2b

import msgspec
from msgspec import Raw, Struct

from gateway.records import Call

MOST = 10_000
"""Conversations remembered."""
_MOST_BYTES = 65_536
"""Of one message that are hashed, its size beside them: it may hold megabytes of images."""

_messages = msgspec.json.Decoder(list[Raw])


class _Message(Struct):
    role: str = ""
    content: Raw = Raw(b"")


_message = msgspec.json.Decoder(_Message)


def conversation(name: str, call: Call) -> bytes | None:
    """The conversation that `call` belongs to, asked under `name`; None if it has no messages to know it by."""
    digest = blake2b(digest_size=16)
    for part in (name, call.client):
        _feed(digest, part.encode())
    try:
        for raw in _messages.decode(call.members.get("messages", b"[]")):
            message = _message.decode(raw)
            _feed(digest, message.role.encode())
            _feed(digest, bytes(message.content))
            if message.role == "user":
                return digest.digest()
    except ValueError:  # a dialect whose messages are others
        pass
    return None


def _feed(digest: blake2b, part: bytes) -> None:
    # Its size first, so that no two lists of parts are one text.
    digest.update(b"%d:" % len(part))
    digest.update(part[:_MOST_BYTES])


class Conversations:
    """Which target a conversation is kept on, in RAM only. The one that was heard of last is kept longest."""

    def __init__(self, most: int = MOST) -> None:
        self._kept: OrderedDict[bytes, str] = OrderedDict()
        self._most = most

    def target(self, known_by: bytes) -> str | None:
        """The `rest_id` of the target that answered last; None for a conversation that is new."""
        return self._kept.get(known_by)

    def answered(self, known_by: bytes, rest_id: str) -> None:
        """A target answered: the next request goes there first."""
        self._kept[known_by] = rest_id
        self._kept.move_to_end(known_by)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)
