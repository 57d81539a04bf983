"""A request that waits for room: how it stands in line, and what a stream hears meanwhile."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

from gateway.clock import Clock
from gateway.dialects import error_bodies
from gateway.errors import ExhaustedError, GatewayError, UpstreamTimeoutError
from gateway.records import Answer

from .line import WORD_S, Lines, Place

Pause = Callable[[asyncio.Event, float], Awaitable[None]]
"""Waits until the event, at most so many seconds, and clears it."""


async def in_line(
    lines: Lines,
    name: str,
    *,
    until: float,
    most: int,
    attempt: Callable[[], Awaitable[Answer]],
    clock: Clock,
    pause: Pause,
) -> AsyncGenerator[Answer | None]:
    """The answer, as the last thing; before it None, each time a waiting client may hear something.

    `until` is boot time. Whoever finds others waiting stands behind them. Raises ExhaustedError as soon as it is known
    that room will not open in time, OverloadedError where the lines are full.
    """
    answer: Answer | None = None
    if not lines.busy(name):
        answer = await _try(lines, name, until, attempt, clock)
    elif lines.opens(name) > until:
        raise _too_late(name, lines.opens(name) - clock.now().boot)
    if answer is None:
        with lines.join(name, most) as place:
            while answer is None:
                seconds = _look_at(lines, name, place, until) - clock.now().boot
                await pause(place.woken, min(WORD_S, max(0.0, seconds)))
                if place.first:
                    answer = await _try(lines, name, until, attempt, clock)
                elif clock.now().boot >= until:
                    raise _too_late(name, lines.opens(name) - clock.now().boot, place.ahead)
                if answer is None:
                    yield None
    yield answer


async def _try(
    lines: Lines, name: str, until: float, attempt: Callable[[], Awaitable[Answer]], clock: Clock
) -> Answer | None:
    """The answer; None if there is no room yet. Raises ExhaustedError if there will be none before `until`."""
    try:
        return await attempt()
    except ExhaustedError as error:
        opens = clock.now().boot + error.retry_after_s
        if opens > until:
            raise
        lines.expect(name, opens)
        return None


def _look_at(lines: Lines, name: str, place: Place, until: float) -> float:
    """Boot time at which it is worth looking again."""
    return min(until, lines.opens(name)) if place.first else until


def _too_late(name: str, wait_s: float, ahead: int | None = None) -> ExhaustedError:
    wait_s = max(1.0, wait_s)
    if ahead:
        return ExhaustedError(
            f"max_wait is over, and {ahead} are still before you in line for {name!r}.", retry_after_s=wait_s
        )
    return ExhaustedError(
        f"The line for {name!r} does not move for {wait_s:.1f} s, longer than max_wait.", retry_after_s=wait_s
    )


async def late(
    waits: AsyncGenerator[Answer | None],
    clock: Clock,
    deadline: float,
    ended: Callable[[GatewayError], None],
) -> AsyncIterator[bytes]:
    """The stream of a request that still waits: comments, then what would have been its headers, then the answer.

    Its head has gone out, so an error is an event. `deadline` is on the loop's clock; `ended` is told the error.
    """
    said = clock.now().boot
    yield b": waiting for room\n\n"
    try:
        while True:
            async with asyncio.timeout_at(deadline):
                answer = await anext(waits)
            if answer is not None:
                break
            if clock.now().boot - said >= WORD_S:
                said = clock.now().boot
                yield b": waiting for room\n\n"
    except (GatewayError, TimeoutError) as failure:
        error = failure if isinstance(failure, GatewayError) else UpstreamTimeoutError("request_timeout is over.")
        ended(error)
        yield error_bodies.event(error)
        return
    values = [f"{name}: {value}" for name, value in answer.headers.items() if name.startswith("x-gateway-")]
    yield f": {', '.join(values)}\n\n".encode()
    async for chunk in answer.chunks:
        yield chunk
