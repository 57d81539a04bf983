"""The story of a request, top to bottom.

    resolve -> filter -> order -> reserve -> send -> pass on -> settle

Everything a request touches is named here; how each step works is one floor down. What opens is a context: the
winner's attempt stays open on the request's exit stack, so after the first byte there is no other target, by
construction rather than by care.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from gateway.catalog.catalog import Client, Resolution, Target
from gateway.errors import GatewayError, UpstreamTimeoutError
from gateway.limits.ledger import NOTHING, LimitReachedError, Need, Reservation
from gateway.records import Answer, Call, Settled
from gateway.routing.final import own_limit_error
from gateway.state import State

from . import account, candidates, waiting
from .attempt import Attempt, FailedError, RestingError
from .journey import Journey
from .line import WORD_S, Lines, pause
from .plan import look
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
        resolution = candidates.resolve(self.state, call, client)
        seat = self._seat(call, client, resolution, journey)
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

        def refused() -> None:
            if not journey.candidates:  # those before it were in the way of its first look
                look(self.state, journey, resolution, client, clock.now(), "others are before it in line")

        stack.callback(refused)
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

    def _seat(self, call: Call, client: Client | None, resolution: Resolution, journey: Journey) -> Reservation:
        """The client's place in its own request limits. Raises ExhaustedError at once: no other target would help."""
        now = self.state.clock.now()
        try:
            return self.state.ledger.reserve(account.requests_of(client), Need(1), now)
        except LimitReachedError as error:
            journey.refused(candidates.ordered(self.state, call, resolution), error)
            raise own_limit_error(call.client, error, now) from None

    def _in_turn(self, call: Call, resolution: Resolution, journey: Journey) -> Sequence[Target]:
        """The targets in their order. The request takes one turn, however often it looks."""
        targets = candidates.ordered(self.state, call, resolution, journey.turn)
        if journey.turn is None:
            journey.turn = self.state.chooser.turned(resolution)
        return targets

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
        paid = candidates.paid_rule(catalog, resolution, client)
        targets = self._in_turn(call, resolution, journey)
        outgrown: set[int | None] = set()
        for place, target in enumerate(targets):
            now = self.state.clock.now()
            if reason := candidates.unfit(target, call, client, paid, outgrown):
                journey.unfit(target, reason)
                continue
            attempt = Attempt(self.state, self._upstream, self._jitter, journey, target, client, deadline)
            try:
                reservation = attempt.reserve()
                answer = await stack.enter_async_context(attempt.open(reservation, catalog.server, paid))
            except RestingError as error:
                journey.resting(target, error.cooldown, now, error.shortfalls)
            except LimitReachedError as error:
                journey.full(target, error, now)
            except FailedError as error:
                if error.verdict.larger_context:
                    outgrown.add(target.context)
            except BaseException:  # the client left, or `request_timeout` is over
                journey.not_reached(targets[place + 1 :])
                raise
            else:
                journey.not_needed(targets[place + 1 :])
                if answer.status < 400:
                    self.state.chooser.answered(resolution, call, target)
                return answer
        raise journey.refusal(targets, self.state.clock.now())
