"""Counts of requests and attempts, and whose they are. Numbers of requests and of attempts are never mixed."""

from collections.abc import Callable, Iterable
from typing import Literal

from msgspec import Struct

from gateway.records import Settled

By = Literal["provider", "model", "client"]
"""What numbers are told apart by."""

OTHER = "other"
"""The name under which everything is counted for which there is no room of its own."""


class Tally(Struct, omit_defaults=True, gc=False):
    """Counts of one stretch of time. Money is in nano-dollars."""

    requests: int = 0
    """Requests answered by it; of a client and in the total, all that were asked."""
    attempts: int = 0
    errors: int = 0
    """Attempts that failed; in the total and for clients, requests that did."""
    free_requests: int = 0
    first_tokens: int = 0
    """Answers whose first token was seen."""
    input: int = 0
    output: int = 0
    cached: int = 0
    cost_nanousd: int = 0
    list_price_nanousd: int = 0
    """What the answers that cost nothing would have cost at list price."""
    first_token_us: int = 0
    """Microseconds to the first token, of all those answers together."""

    @property
    def tokens(self) -> int:
        """Input and output together."""
        return self.input + self.output

    @property
    def first_token_s(self) -> float | None:
        """Seconds to the first token, the mean; None if none was seen."""
        return self.first_token_us / self.first_tokens / 1e6 if self.first_tokens else None

    def answered(self, settled: Settled) -> None:
        """Add the request that was answered, or charged, here: with its tokens and its money."""
        usage, cost = settled.usage, settled.cost_nanousd
        self.requests += 1
        self.input += usage.input
        self.output += usage.output
        self.cached += usage.cached
        self.cost_nanousd += cost or 0
        if not settled.route or settled.status >= 400:
            return
        if cost == 0:
            self.free_requests += 1
            self.list_price_nanousd += settled.list_price_nanousd or 0
        if settled.first_token_s is not None:
            self.first_tokens += 1
            self.first_token_us += round(settled.first_token_s * 1e6)

    def add(self, other: "Tally") -> None:
        """Add another stretch of time."""
        self.requests += other.requests
        self.attempts += other.attempts
        self.errors += other.errors
        self.free_requests += other.free_requests
        self.first_tokens += other.first_tokens
        self.input += other.input
        self.output += other.output
        self.cached += other.cached
        self.cost_nanousd += other.cost_nanousd
        self.list_price_nanousd += other.list_price_nanousd
        self.first_token_us += other.first_token_us


def added(tallies: Iterable[Tally]) -> Tally:
    """All of them together."""
    found = Tally()
    for tally in tallies:
        found.add(tally)
    return found


def count(settled: Settled, tally_of: Callable[[By, str], Tally]) -> None:
    """Count a request that has ended wherever it belongs.

    The request is its client's, and that target's which answered; each attempt is its target's.
    """
    client = tally_of("client", settled.client)
    client.attempts += len(settled.attempts)
    client.errors += settled.status >= 400
    client.answered(settled)
    for attempt in settled.attempts:
        failed = attempt.cause != "ok"
        provider, model = tally_of("provider", attempt.target.partition("/")[0]), tally_of("model", attempt.target)
        provider.attempts += 1
        provider.errors += failed
        model.attempts += 1
        model.errors += failed
    if settled.route:
        tally_of("provider", settled.provider).answered(settled)
        tally_of("model", settled.route).answered(settled)
