"""The way of one request through its targets: what was left out, tried and chosen, and why. It ends as a Settled."""

from collections.abc import Sequence
from typing import Literal

from gateway.catalog.catalog import Target
from gateway.clock import Moment
from gateway.limits.ledger import LimitReachedError
from gateway.records import AttemptRecord, Call, Candidate, Settled, Usage
from gateway.routing.cooldown import Cooldown
from gateway.routing.explain import said, why_header
from gateway.routing.fits import Unfit
from gateway.routing.outcome import Verdict

Word = Literal["chosen", "tried", "left_out", "not_needed"]

IDLE = frozenset({"no_key", "off", "score", "provider"})
"""Rules that keep out what nobody wants or can have: they are in the story, but not in the short header."""


class Journey:
    """Written as the request goes along, read when it ends."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.candidates: list[Candidate] = []
        self.attempts: list[AttemptRecord] = []
        self.unfits: list[tuple[str, str, str]] = []
        self.rests: list[tuple[str, float, str, bool]] = []
        self.limits: list[tuple[str, LimitReachedError]] = []
        self.verdicts: list[tuple[str, Verdict]] = []
        self.route = ""
        self.status = 0
        self.outcome = ""
        self.usage = Usage()
        self.cost_nanousd: int | None = 0
        self.list_price_nanousd: int | None = None
        self.first_token_s: float | None = None
        self.overhead_s: float | None = None
        self._entries: list[tuple[str, str]] = []

    def anew(self) -> None:
        """The targets are gone through again, after waiting: what they said before is no longer so. Attempts stay."""
        for each in (self.candidates, self.unfits, self.rests, self.limits, self.verdicts, self._entries):
            each.clear()

    def unfit(self, target: Target, reason: Unfit) -> None:
        """It could not serve this request."""
        self.unfits.append((target.id, reason.rule, reason.text))
        self._candidate(target, "left_out", reason.rule, reason.text)
        if reason.rule not in IDLE:
            self._entries.append((target.id, reason.rule))

    def resting(self, target: Target, cooldown: Cooldown, now: Moment) -> None:
        """It is left alone for now."""
        left_s = cooldown.left_s(now)
        self.rests.append((target.id, left_s, cooldown.cause, cooldown.cause.startswith("429")))
        text = f"cooling down, {cooldown.cause}"
        self._candidate(target, "left_out", "cooldown", text, opens_at=now.wall + left_s)
        self._entries.append((target.id, "cooldown"))

    def full(self, target: Target, error: LimitReachedError) -> None:
        """A limit has no room."""
        self.limits.append((target.id, error))
        tightest = max(error.shortfalls, key=lambda each: each.wait_s)
        scale = 1e9 if tightest.meter.unit == "cost" else 1
        self._candidate(
            target,
            "left_out",
            tightest.meter.name,
            said(tightest),
            used=tightest.used / scale,
            amount=tightest.amount / scale,
            opens_at=tightest.opens_at,
        )
        self._entries.append((target.id, "limit"))

    def tried(self, target: Target, verdict: Verdict, record: AttemptRecord) -> None:
        """It did not answer."""
        self.attempts.append(record)
        self.verdicts.append((target.id, verdict))
        took = f"after {round(record.duration_s * 1000)} ms"
        self._candidate(target, "tried", verdict.cause, f"{verdict.text or verdict.cause} {took}")
        self._entries.append((target.id, verdict.cause))

    def chosen(self, target: Target, verdict: Verdict) -> None:
        """It answers. Its attempt is recorded when it ends."""
        self.route = target.id
        price = "free" if target.free else "paid, as allowed"
        text = price if verdict.kind == "answer" else f"{verdict.text}: the client's to mend"
        self._candidate(target, "chosen", verdict.cause, text)
        self._entries.append((target.id, verdict.cause))

    def not_needed(self, targets: Sequence[Target]) -> None:
        """They would have been next, if they could serve at all."""
        for target in targets:
            if target.idle:
                self._candidate(target, "left_out", target.idle, target.idle_text)
            else:
                self._candidate(target, "not_needed", "not_needed", "not needed")

    def left(self, target: Target, record: AttemptRecord) -> None:
        """The client left before it was clear whether it answers."""
        self.attempts.append(record)
        self._candidate(target, "tried", record.cause, record.cause.replace("_", " "))

    def why(self, trying: int) -> dict[str, str]:
        """The `x-gateway-*` headers so far; `trying` attempts are not on record yet."""
        found = {"x-gateway-attempts": str(len(self.attempts) + trying)}
        if self.route:
            found["x-gateway-route"] = why_header([(self.route, "")])
        if self._entries:
            found["x-gateway-why"] = why_header(self._entries)
        return found

    def settled(self, now: Moment) -> Settled:
        """The whole story."""
        call = self.call
        duration_s = now.boot - call.received.boot
        return Settled(
            id=call.id,
            at=now.wall,
            client=call.client,
            asked=call.model,
            route=self.route,
            provider=self.route.partition("/")[0],
            status=self.status,
            outcome=self.outcome,
            stream=call.stream,
            usage=self.usage,
            cost_nanousd=self.cost_nanousd,
            list_price_nanousd=self.list_price_nanousd,
            attempts=tuple(self.attempts),
            candidates=tuple(self.candidates),
            first_token_s=self.first_token_s,
            duration_s=duration_s,
            overhead_s=duration_s if self.overhead_s is None else self.overhead_s,
            retry=call.retry,
        )

    def _candidate(self, target: Target, verdict: Word, rule: str, text: str, **numbers: float | None) -> None:
        self.candidates.append(
            Candidate(
                id=target.id,
                place=len(self.candidates) + 1,
                verdict=verdict,
                rule=rule,
                text=text,
                **numbers,
            )
        )
