"""The story of a request, top to bottom.

    resolve -> filter -> order -> reserve -> send -> pass on -> settle

Everything a request touches is named here; how each step works is one floor down. What opens is a context: the
winner's attempt stays open on the request's exit stack, so after the first byte there is no other target, by
construction rather than by care.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from msgspec.structs import replace

from gateway.catalog.catalog import Catalog, Client, Resolution, Target
from gateway.catalog.schema import Paid
from gateway.errors import ExhaustedError, GatewayError, ModelNotAllowedError, UnknownModelError, UpstreamTimeoutError
from gateway.limits.ledger import NOTHING, LimitReachedError, Need, Reservation
from gateway.records import Answer, Call, Settled
from gateway.routing import fits, rank
from gateway.routing.chooser import Situation
from gateway.routing.explain import said
from gateway.routing.final import final_error
from gateway.routing.outcome import Verdict
from gateway.state import State

from . import account, waiting
from .attempt import Attempt, FailedError, RestingError
from .journey import Journey
from .line import WORD_S, Lines, pause
from .sending import Upstream


class Relay:
    """Answers calls. A reload replaces the state's catalog whole; a request keeps the one it began on."""

    def __init__(
        self, state: State, upstream: Upstream, jitter: Callable[[], float], wait: waiting.Pause = pause
    ) -> None:
        self.state = state
        self._upstream = upstream
        self._jitter = jitter
        self._wait = wait
        self.lines = Lines()
        self.on_settled: list[Callable[[Settled], None]] = []
        """Called with each request that has ended, after the state has noted it."""

    @asynccontextmanager
    async def answer(self, call: Call, client: Client | None = None) -> AsyncGenerator[Answer]:
        """The answer to `call`, open while its bytes are passed on. Raises GatewayError before the first byte."""
        journey = Journey(call)
        deadline = asyncio.get_running_loop().time() + self.state.catalog.server.request_timeout
        self.state.running += 1
        try:
            async with AsyncExitStack() as stack:
                answer = await self._in_time(call, client, journey, stack, deadline)
                yield answer
        except GatewayError as error:
            journey.status, journey.outcome = error.status, error.code or error.type
            error.headers.update(journey.why(trying=0))
            raise
        except (asyncio.CancelledError, ConnectionError):
            journey.status, journey.outcome = journey.status or 499, "client_left"
            raise
        finally:
            self.state.running -= 1
            self._settle(journey)

    def _settle(self, journey: Journey) -> None:
        settled = journey.settled(self.state.clock.now())
        self.state.note(settled)
        self.lines.wake()
        for each in self.on_settled:
            each(settled)

    async def _in_time(
        self, call: Call, client: Client | None, journey: Journey, stack: AsyncExitStack, deadline: float
    ) -> Answer:
        try:
            async with asyncio.timeout_at(deadline):
                return await self._counted(call, client, journey, stack, deadline)
        except TimeoutError:
            limit_s = self.state.catalog.server.request_timeout
            raise UpstreamTimeoutError(f"No target answered within server.request_timeout, {limit_s:g} s.") from None

    async def _counted(
        self, call: Call, client: Client | None, journey: Journey, stack: AsyncExitStack, deadline: float
    ) -> Answer:
        """The client's own request is reserved once, charged if anything answers it, and runs until `stack` closes."""
        ledger, clock = self.state.ledger, self.state.clock
        resolution = self._resolve(self.state.catalog, call, client)
        seat = self._seat(call, client)
        # What was charged stays charged: this gives back the rest.
        stack.callback(lambda: ledger.settle(seat, NOTHING, clock.now()))

        async def attempt() -> Answer:
            journey.anew()
            answer = await self._first_to_answer(call, client, resolution, journey, stack, deadline)
            ledger.charge_request(seat, clock.now())
            journey.status, journey.outcome = answer.status, "ok" if answer.status < 400 else "refused"
            return answer

        if not resolution.max_wait:
            return await attempt()
        waits = waiting.in_line(
            self.lines,
            call.model,
            until=call.received.boot + resolution.max_wait,
            most=self.state.catalog.server.max_queue,
            attempt=attempt,
            clock=clock,
            pause=self._wait,
        )
        stack.push_async_callback(waits.aclose)
        return await self._waited(call, journey, waits, deadline)

    async def _waited(
        self, call: Call, journey: Journey, waits: AsyncGenerator[Answer | None], deadline: float
    ) -> Answer:
        """What came of waiting in line; a stream gets its head after a while, and hears the rest later."""
        clock = self.state.clock

        def ended(error: GatewayError) -> None:
            journey.status, journey.outcome = error.status, error.code or error.type

        while (answer := await anext(waits)) is None:
            if call.stream and clock.now().boot - call.received.boot >= WORD_S:
                headers = {"content-type": "text/event-stream"}
                return Answer(
                    status=200, headers=headers, chunks=waiting.late(waits, clock, deadline, ended), stream=True
                )
        return answer

    def _resolve(self, catalog: Catalog, call: Call, client: Client | None) -> Resolution:
        """What the names stand for. Raises UnknownModelError or ModelNotAllowedError."""
        found: list[Resolution] = []
        names = dict.fromkeys((call.model, *call.models))
        for name in names:
            if client is not None and not client.allows(name):
                if len(names) == 1:
                    raise ModelNotAllowedError(
                        f"The client {client.name!r} may not use {name[:200]!r}: its `models` do not include it.",
                        param="model",
                    )
                continue
            try:
                found.append(catalog.resolve(name))
            except UnknownModelError:
                if len(names) == 1:
                    raise
        if not found:
            raise UnknownModelError(f"None of {', '.join(map(repr, names))[:400]} is a model that can be used here.")
        if len(found) == 1:
            return found[0]
        return rank.merged(found, lambda each: self._ordered(catalog, replace(call, preferences=None), each))

    def _seat(self, call: Call, client: Client | None) -> Reservation:
        """The client's place in its own request limits. Raises ExhaustedError at once: no other target would help."""
        now = self.state.clock.now()
        try:
            return self.state.ledger.reserve(account.requests_of(client), Need(1), now)
        except LimitReachedError as error:
            longest = max(error.shortfalls, key=lambda each: each.wait_s)
            when = "allows nothing" if error.never else f"opens in {error.wait_s:.1f} s"
            raise ExhaustedError(
                f"The client {call.client!r} is at its own limit: {said(longest)}. It {when}.",
                retry_after_s=error.wait_s,
                quota=longest.meter.is_quota,
            ) from None

    async def _first_to_answer(
        self,
        call: Call,
        client: Client | None,
        resolution: Resolution,
        journey: Journey,
        stack: AsyncExitStack,
        deadline: float,
    ) -> Answer:
        """Try targets, best first. The winner stays open until `stack` closes."""
        catalog = self.state.catalog
        paid = fits.paid_rule(catalog.server.paid, resolution.paid, client.paid if client else "allow")
        targets = self._ordered(catalog, call, resolution)
        outgrown: set[int | None] = set()
        for place, target in enumerate(targets):
            now = self.state.clock.now()
            if reason := self._unfit(target, call, client, paid, outgrown):
                journey.unfit(target, reason)
                continue
            attempt = Attempt(self.state, self._upstream, self._jitter, journey, target, client, deadline)
            try:
                answer = await stack.enter_async_context(attempt.open(catalog.server, paid))
            except RestingError as error:
                journey.resting(target, error.cooldown, now)
            except LimitReachedError as error:
                journey.full(target, error)
            except FailedError as error:
                if error.verdict.larger_context:
                    outgrown.add(target.context)
            else:
                journey.not_needed(targets[place + 1 :])
                if answer.status < 400:
                    self.state.chooser.answered(resolution, call, target)
                return answer
        raise self._nobody(call, journey, targets)

    def _ordered(self, catalog: Catalog, call: Call, resolution: Resolution) -> Sequence[Target]:
        now = self.state.clock.now()
        situation = Situation(
            catalog, self.state.ledger, now, lambda target: account.need(target, call).cost_nanousd, call.stream
        )
        targets = self.state.chooser.order(resolution, call, situation)
        self.state.chooser.turned(resolution)
        return targets

    def _unfit(
        self, target: Target, call: Call, client: Client | None, paid: Paid, outgrown: set[int | None]
    ) -> fits.Unfit | None:
        limited = any(meter.unit == "cost" for meter in account.meters_of(target, client))
        if reason := fits.unfit(target, call, paid, cost_limited=limited):
            return reason
        # Another target said that the prompt is too long: one that is known to be no larger would say the same.
        known = [context for context in outgrown if context is not None]
        if known and target.context is not None and target.context <= max(known):
            return fits.Unfit("context", f"context of {target.context:,} is no larger than the one that was too small")
        return None

    def _nobody(self, call: Call, journey: Journey, targets: Sequence[Target]) -> GatewayError:
        verdicts: list[tuple[str, Verdict]] = journey.verdicts
        return final_error(
            call.model,
            limits=journey.limits,
            rests=journey.rests,
            verdicts=verdicts,
            unfits=journey.unfits,
            could_be_free=fits.could_be_free(targets),
            now=self.state.clock.now(),
        )
