"""The way of one request through its targets: what was left out, tried and chosen, and why. It ends as a Settled."""

from collections.abc import Sequence
from math import inf
from typing import Literal

from msgspec.structs import replace

from gateway.catalog.catalog import Target
from gateway.clock import Moment
from gateway.errors import GatewayError
from gateway.limits.ledger import LimitReachedError, Shortfall
from gateway.records import AttemptRecord, Call, Candidate, Settled, Usage
from gateway.routing.cooldown import PROBING, Cooldown
from gateway.routing.explain import guessed, numbers, said, why_header
from gateway.routing.final import Full, Opening, Resting, final_error, first_opening, when
from gateway.routing.fits import Unfit, could_be_free
from gateway.routing.outcome import Verdict

Word = Literal["chosen", "tried", "left_out", "not_needed"]

IDLE = frozenset({"no_key", "off", "score", "provider"})
"""Rules that keep out what nobody wants or can have: they are in the story, but not in the short header."""

LIMITED = ("429", "413")
"""How the causes of cooldowns begin that an upstream's limit brought about; some say 413 for tokens per minute."""


class Journey:
    """Written as the request goes along, read when it ends."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.candidates: list[Candidate] = []
        self.attempts: list[AttemptRecord] = []
        self.unfits: list[tuple[str, str, str]] = []
        self.rests: list[Resting] = []
        self.limits: list[Full] = []
        self.verdicts: list[tuple[str, Verdict]] = []
        self.route = ""
        self.status = 0
        self.outcome = ""
        self.usage = Usage()
        self.cost_nanousd: int | None = 0
        self.list_price_nanousd: int | None = None
        self.edited: tuple[str, ...] = ()
        self.reserved_tokens: int | None = None
        self.first_token_s: float | None = None
        self.overhead_s: float | None = None
        self.turn: int | None = None
        """The turn that it took: one, however often it goes through the targets."""
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

    def resting(self, target: Target, cooldown: Cooldown, now: Moment, shortfalls: Sequence[Shortfall] = ()) -> None:
        """It is left alone for now. Limits without room besides may keep it longer, or for ever."""
        full = LimitReachedError(shortfalls) if shortfalls else None
        if full and full.never:
            self.full(target, full, now)
            return
        rest = _rest(target, cooldown.until, cooldown.cause, full, now)
        self.rests.append(rest)
        known = _numbers(full.longest) if full else {}
        text = f"cooling down, {rest.cause}"
        self._candidate(target, "left_out", "cooldown", text, **known, opens_at=_wall(rest.until, now))
        self._entries.append((target.id, "cooldown"))

    def full(self, target: Target, error: LimitReachedError, now: Moment) -> None:
        """A limit has no room."""
        self.limits.append(Full(who=target.id, error=error, at=now.boot))
        self._lacking(target, error.longest)
        self._entries.append((target.id, "limit"))

    def refused(self, targets: Sequence[Target], error: LimitReachedError) -> None:
        """The client is at its own limit: none of them would help."""
        for target in targets:
            self._lacking(target, error.longest)
        self._entries.append(("client", error.longest.meter.name))

    def tried(
        self,
        target: Target,
        verdict: Verdict,
        record: AttemptRecord,
        cooldown: Cooldown | None,
        shortfalls: Sequence[Shortfall],
        now: Moment,
    ) -> None:
        """It did not answer. If that was for a limit, it is back when its rest is over and its limits have room."""
        self.attempts.append(record)
        self.verdicts.append((target.id, verdict))
        said_so = verdict.text or verdict.cause
        text = f"{said_so} after {round(record.duration_s * 1000)} ms"
        until = cooldown.until if cooldown else None
        full = LimitReachedError(shortfalls) if shortfalls else None
        if verdict.faulty == "limit":
            rest = _rest(target, until or now.boot, said_so, full, now)
            until = rest.until
            if full and not cooldown:
                self.limits.append(Full(who=target.id, error=full, at=now.boot))
            else:
                self.rests.append(rest)
        known: dict[str, float] = {}
        if full:
            text, known = f"{text}; {said(full.longest)}", _numbers(full.longest)
        opens_at = None if until is None else _wall(until, now)
        self._candidate(target, "tried", verdict.cause, text, **known, opens_at=opens_at)
        self._entries.append((target.id, verdict.cause))

    def chosen(self, target: Target, verdict: Verdict, told: str = "") -> None:
        """It answers. Its attempt is recorded when it ends. `told` is what a limit made of the request."""
        self.route = target.id
        price = "free" if target.free else "paid, as allowed"
        text = price if verdict.kind == "answer" else f"{verdict.text}: the client's to mend"
        self._candidate(target, "chosen", verdict.cause, f"{text}; {told}" if told else text)
        self._entries.append((target.id, verdict.cause))

    def not_needed(self, targets: Sequence[Target]) -> None:
        """They would have been next, if they could serve at all."""
        self._after(targets, "not_needed", "not needed")

    def not_reached(self, targets: Sequence[Target]) -> None:
        """They would have been next, had the request not ended before."""
        self._after(targets, "not_reached", "the request ended before its turn")

    def fits(self, target: Target, rule: str, text: str, **numbers: float | None) -> None:
        """It could answer now: the first such is the one that would."""
        self._candidate(target, "not_needed" if self.route else "chosen", rule, text, **numbers)
        self.route = self.route or target.id

    def in_line(self, target: Target, text: str) -> None:
        """It could answer now, but the request is not let to it: others come first."""
        self._candidate(target, "left_out", "line", text)
        self._entries.append((target.id, "line"))

    def behind(self, ahead: int) -> None:
        """The one that could answer now is to answer those first who wait already."""
        place, chosen = next((at, each) for at, each in enumerate(self.candidates) if each.verdict == "chosen")
        self.candidates[place] = replace(chosen, text=f"{chosen.text}; would stand in line behind {ahead}")

    def waits(self, opening: Opening, ahead: int, now: Moment) -> int:
        """It would wait in line until a target has room, and go there: its index among the candidates."""
        line = f"in line behind {ahead}, at least" if ahead else "in line"
        at = now.wall + opening.wait_s
        mine = [index for index, each in enumerate(self.candidates) if each.id == opening.who and each.opens_at]
        index = min(mine, key=lambda index: abs((self.candidates[index].opens_at or 0.0) - at))
        old = self.candidates[index]
        text = f"{old.text}; would wait {line} until it opens {when(opening, now)}"
        self.candidates[index] = replace(old, verdict="chosen", text=text)
        self.route = opening.who
        return index

    def opening(self, now: Moment) -> Opening | None:
        """The target that has room first, of those that a limit keeps out; None if there is none of them."""
        return first_opening(self.limits, self.rests, now)

    def refusal(self, targets: Sequence[Target], now: Moment) -> GatewayError:
        """What the client is told if none of its targets answered."""
        return final_error(
            self.call.model,
            limits=self.limits,
            rests=self.rests,
            verdicts=self.verdicts,
            unfits=self.unfits,
            could_be_free=could_be_free(targets),
            now=now,
        )

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
            edited=self.edited,
            estimated_tokens=call.estimate,
            reserved_tokens=self.reserved_tokens,
            max_tokens=call.max_tokens,
            needs=call.needs,
            may_pay=call.may_pay,
        )

    def _after(self, targets: Sequence[Target], rule: str, text: str) -> None:
        for target in targets:
            if target.idle:
                self._candidate(target, "left_out", target.idle, target.idle_text)
            else:
                self._candidate(target, "not_needed", rule, text)

    def _lacking(self, target: Target, lack: Shortfall) -> None:
        self._candidate(target, "left_out", lack.meter.name, said(lack), **_numbers(lack), opens_at=lack.opens_at)

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


def _numbers(lack: Shortfall) -> dict[str, float]:
    return numbers(lack.meter.unit, lack.used, lack.amount)


def _rest(target: Target, until: float, cause: str, full: LimitReachedError | None, now: Moment) -> Resting:
    """A rest until boot time `until`, or until the limits without room have some."""
    if full:
        until = max(until, now.boot + full.wait_s)
    return Resting(
        who=target.id,
        until=until,
        cause=f"{cause}; {said(full.longest)}" if full else cause,
        limited=cause.startswith(LIMITED),
        guessed=cause.endswith(PROBING) or (full is not None and guessed(full.longest)),
    )


def _wall(until: float, now: Moment) -> float | None:
    """A moment of boot time in Unix seconds; None for never."""
    return now.wall + until - now.boot if until < inf else None
