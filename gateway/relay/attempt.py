"""One target's turn: reserve, send, judge, pass on, settle."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from functools import partial

from gateway.catalog.catalog import Client, Target
from gateway.catalog.schema import Paid, Server
from gateway.dialects.taps import UsageTap
from gateway.errors import UpstreamError
from gateway.limits import meters
from gateway.limits.ledger import NOTHING, LimitReachedError, Reservation, Shortfall
from gateway.records import Answer, AttemptRecord, Usage
from gateway.routing import fits
from gateway.routing.cooldown import Cooldown
from gateway.routing.outcome import Verdict, judge_failure
from gateway.state import State

from . import account, corrections, heads, passing
from .growing import Growing
from .journey import Journey
from .sending import Opened, Upstream, send


class FailedError(Exception):
    """The target did not answer. Stays inside: the relay tries the next one."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.cause)
        self.verdict = verdict


class RestingError(Exception):
    """The target is left alone for now. Stays inside."""

    def __init__(self, cooldown: Cooldown, shortfalls: Sequence[Shortfall]) -> None:
        super().__init__(cooldown.cause)
        self.cooldown = cooldown
        self.shortfalls = tuple(shortfalls)
        """Limits without room besides: it is not back before they have some."""


class Attempt:
    """A target's turn: `reserve`, then at once `open`."""

    def __init__(
        self,
        state: State,
        upstream: Upstream,
        jitter: Callable[[], float],
        journey: Journey,
        target: Target,
        client: Client | None,
        deadline: float,
    ) -> None:
        self._state = state
        self._upstream = upstream
        self._jitter = jitter
        self._journey = journey
        self._target = target
        self._call = journey.call
        self._deadline = deadline
        self._meters = account.meters_of(target, client)
        self._own_meters = client.meters if client else ()
        self._outlook = account.outlook(target, journey.call, state.learned)
        self._tap = UsageTap()
        self._began = state.clock.now()
        self._first_byte_s: float | None = None
        self._opened: Opened | None = None
        self._cause = "ok"

    @asynccontextmanager
    async def open(self, reservation: Reservation, server: Server, paid: Paid) -> AsyncGenerator[Answer]:
        """The answer, if this target has one. Whatever fails, fails before the yield. Raises FailedError."""
        try:
            async with AsyncExitStack() as stack:
                opened = self._opened = await self._judged(server, paid, stack, reservation)
                if opened.verdict.kind == "answer" or self._target.count_failures:
                    self._state.ledger.charge_request(reservation, self._state.clock.now())
                if opened.verdict.kind == "answer":
                    corrections.hear(self._state, self._target, opened.reply.headers, self._state.clock.now())
                self._state.cooldowns.succeeded(self._target)
                yield self._answer(opened, server, reservation)
        except FailedError as error:
            self._charge(reservation, error.verdict)
            raise
        except BaseException:
            if self._opened is None:
                self._cut_off(reservation)
            raise
        finally:
            if self._opened is not None:
                self._passed_on(self._opened, reservation)

    def reserve(self) -> Reservation:
        """Room first, so that two requests cannot both take the last of it: no await from here to the ledger.

        Raises RestingError or LimitReachedError.
        """
        state, now = self._state, self._began
        if cooldown := state.cooldowns.enter(self._target, now):
            raise RestingError(cooldown, state.ledger.shortfalls(self._meters, self._outlook, now))
        try:
            reservation = state.ledger.reserve(self._meters, self._outlook, now)
        except LimitReachedError:
            state.cooldowns.left(self._target)
            raise
        state.chooser.began(self._target)
        self._journey.reserved_tokens = account.reserved(self._outlook, reservation)
        return reservation

    async def _judged(self, server: Server, paid: Paid, stack: AsyncExitStack, reservation: Reservation) -> Opened:
        """The reply, if it is an answer. Raises FailedError."""
        journey = self._journey
        # Again, at the last moment before the socket: whatever was decided above, nothing is spent by surprise.
        limited = any(meter.unit == "cost" for meter in self._meters)
        if not fits.may_spend(self._target, paid, self._call.may_pay, cost_limited=limited):
            raise FailedError(Verdict(kind="next", cause="paid", text="would cost money", charge="unsent"))
        if journey.overhead_s is None:
            journey.overhead_s = self._began.boot - self._call.received.boot
        await self._state.written()
        try:
            opened = await self._send(server, stack, reservation, plain=False)
            if opened.verdict.kind == "retry_plain":
                self._tap = UsageTap()  # the other one has seen the refusal
                opened = await self._send(server, stack, reservation, plain=True)
        except UpstreamError as error:
            raise FailedError(judge_failure(error)) from None
        self._first_byte_s = opened.first_byte_s
        if opened.verdict.kind not in {"answer", "return"}:
            raise FailedError(opened.verdict)
        return opened

    async def _send(self, server: Server, stack: AsyncExitStack, reservation: Reservation, *, plain: bool) -> Opened:
        call, outlook = self._call, self._outlook
        grow = partial(self._state.ledger.grow, reservation)
        growing = Growing(self._tap, grow, outlook.past.model.pace, outlook.choices)
        with nullcontext() if call.stream else growing.unseen():
            return await send(
                self._target,
                call,
                server,
                self._upstream,
                self._state.clock,
                growing.feed,
                stack,
                plain=plain,
                max_tokens=reservation.told,
            )

    def _answer(self, opened: Opened, server: Server, reservation: Reservation) -> Answer:
        """What goes to the client; the way so far goes into its head."""
        journey, call = self._journey, self._call
        journey.chosen(self._target, opened.verdict, account.told(self._outlook, reservation))
        journey.edited = opened.edited
        streaming = call.stream and opened.verdict.kind == "answer"
        now = self._state.clock.now()
        if opened.verdict.kind == "answer":
            journey.first_token_s = now.boot - call.received.boot
        own = meters.headers((*self._meters, *self._own_meters), self._state.ledger, now)
        headers = {**heads.passed(opened.reply.headers), **own, **journey.why(trying=1)}
        if streaming:
            chunks = passing.streamed(opened, self._tap, self._deadline, server.idle_timeout, self._broke)
        else:
            self._tap.finish()
            cost = account.cost(self._target, self._spent())
            if opened.verdict.kind == "answer" and cost is not None:
                headers["x-gateway-cost"] = heads.usd(cost)
            chunks = passing.whole(opened)
        return Answer(status=opened.reply.status, headers=headers, chunks=chunks, stream=streaming)

    def _broke(self, cause: str) -> None:
        """The stream ended before it was complete; the client was told so."""
        self._cause = cause

    def _spent(self) -> Usage:
        return account.usage(self._tap, self._outlook)

    def _passed_on(self, opened: Opened, reservation: Reservation) -> None:
        """Settle an answer that was passed on, to its end or not."""
        refused = opened.verdict.kind == "return"
        usage = Usage() if refused else self._spent()
        spent = NOTHING if refused else account.spent(self._target, usage)
        self._state.ledger.settle(reservation, spent, self._state.clock.now())
        if not refused and self._cause == "ok":
            self._learn(opened, reservation)
        cause = opened.verdict.cause if refused else self._cause
        self._journey.attempts.append(self._record(opened.reply.status, cause))
        if self._cause != "ok":
            self._journey.outcome = "broken"
        self._note(usage)

    def _cut_off(self, reservation: Reservation) -> None:
        """Settle an attempt whose client left, or whose time was up, while nothing had come: what was held stands."""
        self._state.ledger.keep(reservation, self._state.clock.now())
        self._state.cooldowns.left(self._target)
        self._journey.left(self._target, self._record(None, "cut_off"))
        self._note(account.expectation(self._outlook, reservation.bound))

    def _learn(self, opened: Opened, reservation: Reservation) -> None:
        """Take in what the answer teaches, if it does."""
        duration_s = self._state.clock.now().boot - self._began.boot
        first_s = opened.content_s if self._call.stream else None
        if ended := account.ended(self._tap, self._outlook, reservation.told, first_s, duration_s):
            self._state.learned.add(self._target.id, self._call.client, ended)

    def _charge(self, reservation: Reservation, verdict: Verdict) -> None:
        """Settle an attempt that failed, by the row of the table that `verdict.charge` names."""
        state, now = self._state, self._state.clock.now()
        usage, taken = Usage(), NOTHING
        match verdict.charge:
            case "refused":
                if self._target.count_failures:
                    state.ledger.charge_request(reservation, now)
            case "silent":
                usage = account.expectation(self._outlook, reservation.bound)
                state.ledger.keep(reservation, now)
            case "answered":
                self._tap.finish()
                usage = self._tap.usage or usage
                taken = account.spent(self._target, usage)
            case _:
                pass  # it never left: nothing was taken
        state.ledger.settle(reservation, taken, now)
        shut = verdict.hint is not None and corrections.refused(state, self._target, verdict.hint, now)
        cooldown: Cooldown | None = None
        if verdict.rest and not shut:
            rest = verdict.rest
            cooldown = state.cooldowns.rest(
                rest.kind,
                self._scope(rest.kind),
                now,
                wait_s=rest.wait_s,
                certain=rest.certain,
                cause=verdict.text or verdict.cause,
                jitter=self._jitter,
                schedule=rest.schedule,
            )
        state.cooldowns.left(self._target)
        if verdict.cause == "paid":
            self._journey.unfit(self._target, fits.Unfit("paid", verdict.text))
        else:
            lacking = state.ledger.shortfalls(self._meters, self._outlook, now) if verdict.faulty == "limit" else ()
            record = self._record(verdict.status, verdict.cause)
            self._journey.tried(self._target, verdict, record, cooldown, lacking, now)
        self._note(usage)

    def _scope(self, kind: str) -> str:
        target = self._target
        return {"provider": target.provider, "key": target.key_id, "model": target.id, "model_key": target.rest_id}[
            kind
        ]

    def _note(self, usage: Usage) -> None:
        """Add what this attempt took to the request's account: a failed one may have cost something too."""
        journey, target = self._journey, self._target
        before = journey.usage
        journey.usage = Usage(
            input=before.input + usage.input,
            output=before.output + usage.output,
            cached=before.cached + usage.cached,
            cache_write=before.cache_write + usage.cache_write,
            reasoning=before.reasoning + usage.reasoning,
            estimated=before.estimated or usage.estimated,
        )
        cost, listed = account.cost(target, usage), account.list_price(target, usage)
        journey.cost_nanousd = None if cost is None or journey.cost_nanousd is None else journey.cost_nanousd + cost
        if listed is not None:
            journey.list_price_nanousd = (journey.list_price_nanousd or 0) + listed

    def _record(self, status: int | None, cause: str) -> AttemptRecord:
        now = self._state.clock.now()
        return AttemptRecord(
            target=self._target.id,
            status=status,
            cause=cause,
            started_at=self._began.wall,
            first_byte_s=self._first_byte_s,
            duration_s=now.boot - self._began.boot,
        )
