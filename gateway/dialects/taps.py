"""Seeing an answer go by. A tap reads what is passed on and changes nothing of it."""

import re
from math import ceil
from typing import Any

from gateway.records import Usage

from . import openings, sse, tokens
from .usage import Reported

_TEXT = re.compile(
    rb'"(?:content|reasoning|reasoning_content|refusal|arguments|text|thinking)"\s*+:\s*+'
    rb'"([^"\\]*+(?:\\.[^"\\]*+)*+)"'
)
_FINISH = re.compile(rb'"finish_reason"\s*+:\s*+"')
_CUT = re.compile(rb'"finish_reason"\s*+:\s*+"(?:length|max_tokens|MAX_TOKENS)"')
# `"usage": null` stands in every chunk of a stream that will tell its usage: only the object is worth decoding.
_TELLING = re.compile(rb'"usage"\s*+:\s*+\{|"error"\s*+:\s*+["{]|"(?:object|type)"\s*+:\s*+"error"')


class UsageTap:
    """Fed with the bytes of one answer, streamed or whole, cut anywhere."""

    def __init__(self) -> None:
        self.finished = False
        """A finish reason or `[DONE]` was seen: a stream that ends now is complete."""
        self.cut = False
        """It ended because it was as long as it was allowed to be."""
        self.failed = False
        """An error came in the middle of it."""
        self._reported = Reported()
        self._twelfths = 0
        self._cutter = sse.Cutter()
        self._whole: list[bytes] | None = None
        self._started = False

    def feed(self, piece: bytes) -> None:
        """Look at the next bytes."""
        if not self._started:
            start = sse.lstrip(piece)[:1]
            if not start:
                return
            self._started = True
            self._whole = [] if start in b"{[" else None
        if self._whole is None:
            self._read(self._cutter.feed(piece))
        else:
            self._whole.append(piece)

    def finish(self) -> None:
        """Look at what is left, now that the upstream has ended. A body that is not streamed is read here."""
        if self._whole is None:
            self._read(self._cutter.finish())
            return
        body, self._whole = b"".join(self._whole), []
        self._scan(body)
        self._note(sse.decode(body))

    @property
    def relayed(self) -> int:
        """Tokens of text, reasoning and tool calls seen so far, estimated."""
        return tokens.tokens(self._twelfths)

    @property
    def usage(self) -> Usage | None:
        """What the upstream reported so far; None if it has not said how long its answer is."""
        return self._reported.usage

    def estimate(self, input_tokens: float, per_relayed: float = 1.0) -> Usage:
        """What it comes to where nothing was reported: the expected input and what was relayed, and 5 % more.

        `per_relayed` is what a token that was relayed comes to, as far as that was learned.
        """
        return Usage(
            input=ceil(round(input_tokens * 1.05, 6)),
            output=ceil(round(self.relayed * per_relayed * 1.05, 6)),
            estimated=True,
            cost_nanousd=self._reported.cost_nanousd,
        )

    def _read(self, block: bytes) -> None:
        if not block:
            return
        self._scan(block)
        if _TELLING.search(block):
            for event in sse.split(block):
                if _TELLING.search(event):
                    self._note(sse.decode(sse.data_of(event)))

    def _scan(self, block: bytes) -> None:
        """What can be seen without decoding."""
        for text in _TEXT.findall(block):
            self._twelfths += tokens.spelled_twelfths(text)
        self.finished = self.finished or _FINISH.search(block) is not None or _is_done(block)
        self.cut = self.cut or _CUT.search(block) is not None

    def _note(self, chunk: Any) -> None:
        if isinstance(chunk, dict):
            self.failed = self.failed or openings.is_error(chunk)
            self._reported.note(chunk)


def _is_done(block: bytes) -> bool:
    return sse.DONE in block and any(sse.data_of(event) == sse.DONE for event in sse.split(block))
