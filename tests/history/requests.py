"""Requests that have ended, as many as one likes."""

from gateway.records import AttemptRecord, Settled, Usage

NOON = 1_795_176_000.0
"""2026-11-20 12:00 UTC."""


def ended(
    *causes: str, at: float = NOON, route: str = "groq/llama", cost: int | None = 0, status: int = 200, client: str = ""
) -> Settled:
    """A request whose attempts ended so, the last one by answering if its cause is `ok`."""
    return Settled(
        id="r",
        at=at,
        client=client,
        asked="base",
        route=route if status < 400 else "",
        provider=route.partition("/")[0],
        status=status,
        outcome="ok",
        stream=False,
        usage=Usage(10, 5),
        cost_nanousd=cost,
        list_price_nanousd=700,
        attempts=tuple(
            AttemptRecord(
                target=route if cause == "ok" else "mistral/small",
                status=200,
                cause=cause,
                started_at=at,
                first_byte_s=None,
                duration_s=1.0,
            )
            for cause in causes
        ),
        candidates=(),
        first_token_s=0.1,
        duration_s=1.0,
        overhead_s=0.001,
    )
