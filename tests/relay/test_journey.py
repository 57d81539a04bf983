"""Every answer, a refusal too, explains every candidate: with numbers, and with the moment it opens."""

import asyncio
from math import inf

import pytest
from msgspec.structs import replace

from gateway.catalog.catalog import Client
from gateway.clock import FakeClock
from gateway.errors import ExhaustedError, NoCandidateError, RequestTooLargeError, UpstreamTimeoutError
from gateway.limits.ledger import Need
from gateway.limits.shorthand import make_rule
from gateway.limits.terms import Meter
from gateway.records import AttemptRecord, Call, Candidate, Secret
from gateway.relay import Relay
from gateway.relay.journey import Journey
from gateway.routing.cooldown import Cooldown
from gateway.routing.final import final_error
from gateway.routing.outcome import Verdict
from tests.fakes import FakeUpstream, chat, refusal, waits

from .story import CONFIG, ask, last, make

LONG = [{"role": "user", "content": "word " * 12_000}]


def told(relay: Relay) -> list[tuple[str, str, str, str]]:
    """Of the last request: who, verdict, rule and text, by place."""
    found = last(relay).candidates
    assert [each.place for each in found] == list(range(1, len(found) + 1))
    return [(each.id, each.verdict, each.rule, each.text) for each in found]


def numbers(candidate: Candidate, clock: FakeClock) -> tuple[float | None, float | None, float | None]:
    """Used, amount, and seconds until it opens."""
    opens_in = None if candidate.opens_at is None else round(candidate.opens_at - clock.wall, 3)
    return candidate.used, candidate.amount, opens_in


def use(relay: Relay, meter_id: str, need: Need) -> None:
    """Count `need` on one limit."""
    meter = next(meter for meter in relay.state.catalog.meters if meter.id == meter_id)
    ledger, now = relay.state.ledger, relay.state.clock.now()
    ledger.settle(ledger.reserve([meter], need, now), need, now)


async def test_a_refusal_explains_every_candidate(clock: FakeClock) -> None:
    """One at its limit, one at another, one that said 429 just now: all with numbers, and the first to open named."""
    relay = make(FakeUpstream(refusal(429, headers={"retry-after": "50"})), clock)
    use(relay, "model:free/small:requests_per_day", Need(1))
    use(relay, "model:paid/big:tokens_per_minute", Need(1, 10_000))
    with pytest.raises(ExhaustedError) as caught:
        await ask(relay, max_tokens=500)
    small, big, spare = last(relay).candidates
    assert told(relay) == [
        ("free/small", "left_out", "requests_per_day", "1 of 1 today"),
        ("paid/big", "left_out", "tokens_per_minute", "10,000 of 10,000 tokens this minute"),
        ("spare/last", "tried", "429", "429 from upstream, retry in 50 s after 0 ms"),
    ]
    assert numbers(small, clock) == (1, 1, 30)
    assert numbers(big, clock) == (10_000, 10_000, 3.08)
    assert numbers(spare, clock) == (None, None, 50)
    assert "paid/big at 23:59:34 UTC, in 3.1 s (10,000 of 10,000 tokens this minute)" in caught.value.message
    assert caught.value.retry_after_s == pytest.approx(3.08, abs=0.005)


async def test_a_429_without_a_hint_names_how_long_the_target_rests(clock: FakeClock) -> None:
    """The back-off grows: 1 s, then 2 s."""
    relay = make(FakeUpstream(refusal(429), refusal(429)), clock)
    for wait_s in (1.0, 2.0):
        with pytest.raises(ExhaustedError) as caught:
            await ask(relay, "last")
        assert caught.value.retry_after_s == wait_s
        assert numbers(last(relay).candidates[0], clock) == (None, None, wait_s)
        clock.advance(wait_s)


async def test_what_rests_and_is_full_opens_when_both_are_over(clock: FakeClock) -> None:
    """The cooldown of 5 s ends before the day does."""
    text = CONFIG.replace("{requests_per_day: 1}", "{requests_per_day: 1, requests_per_minute: 9}")
    relay = make(FakeUpstream(refusal(429, headers={"retry-after": "5"})), clock, text)
    with pytest.raises(ExhaustedError):
        await ask(relay, "small")
    use(relay, "model:free/small:requests_per_day", Need(1))
    with pytest.raises(ExhaustedError) as caught:
        await ask(relay, "small")
    assert caught.value.retry_after_s == pytest.approx(30)
    cause = "cooling down, 429 from upstream, retry in 5 s"
    assert told(relay) == [("free/small", "left_out", "cooldown", f"{cause}; 1 of 1 today")]
    assert numbers(last(relay).candidates[0], clock) == (1, 1, 30)


async def test_a_refusal_that_counts_opens_when_its_limit_does(clock: FakeClock) -> None:
    """The rest of 5 s ends before the day does, and the day's only request is gone."""
    text = CONFIG.replace("free: true", "free: true\n    count_failures: true")
    relay = make(FakeUpstream(refusal(429, headers={"retry-after": "5"})), clock, text)
    with pytest.raises(ExhaustedError, match=r"in 30\.0 s \(cooling down, 429 from .* 5 s; 1 of 1 today\)") as caught:
        await ask(relay, "small")
    assert caught.value.retry_after_s == pytest.approx(30)
    cause = "429 from upstream, retry in 5 s after 0 ms; 1 of 1 today"
    assert told(relay) == [("free/small", "tried", "429", cause)]
    assert numbers(last(relay).candidates[0], clock) == (1, 1, 30)


CALL = Call(id="r", dialect="chat", model="small", body=b"", members={})


def nobody(journey: Journey, clock: FakeClock) -> ExhaustedError:
    """What the client is told."""
    error = final_error(
        "small",
        limits=journey.limits,
        rests=journey.rests,
        verdicts=journey.verdicts,
        unfits=[],
        could_be_free=True,
        now=clock.now(),
    )
    assert isinstance(error, ExhaustedError)
    return error


def refused(relay: Relay, clock: FakeClock) -> Journey:
    """The way of a request whose only target said 429 and was not laid to rest."""
    now = clock.now()
    (target,) = relay.state.catalog.exact["free/small"]
    verdict = Verdict(kind="next", cause="429", text="429 from upstream", faulty="limit")
    record = AttemptRecord(
        target=target.id, status=429, cause="429", started_at=now.wall, first_byte_s=None, duration_s=0
    )
    journey = Journey(CALL)
    journey.tried(target, verdict, record, None, relay.state.ledger.shortfalls(target.meters, Need(1), now), now)
    return journey


def test_a_429_that_shut_a_limit_names_that_limit(clock: FakeClock) -> None:
    """Nothing rests then, and the limit tells the moment."""
    relay = make(FakeUpstream(), clock)
    use(relay, "model:free/small:requests_per_day", Need(1))
    journey = refused(relay, clock)
    assert numbers(journey.candidates[0], clock) == (1, 1, 30)
    assert "free/small at 00:00:00 UTC, in 30.0 s (1 of 1 today)" in nobody(journey, clock).message


def test_a_429_that_left_nothing_behind_is_a_429(clock: FakeClock) -> None:
    """It may be tried again at once."""
    journey = refused(make(FakeUpstream(), clock), clock)
    assert numbers(journey.candidates[0], clock) == (None, None, 0)
    assert nobody(journey, clock).retry_after_s == 0


async def test_what_rests_and_can_never_fit_is_too_small(clock: FakeClock) -> None:
    """Waiting for the cooldown would not help."""
    relay = make(FakeUpstream(refusal(429, headers={"retry-after": "5"})), clock)
    with pytest.raises(ExhaustedError):
        await ask(relay, "big")
    with pytest.raises(RequestTooLargeError):
        await ask(relay, "big", messages=LONG)


def test_what_rests_and_never_refills_names_no_moment(clock: FakeClock) -> None:
    """Nobody knows one."""
    relay = make(FakeUpstream(), clock)
    use(relay, "model:free/small:requests_per_day", Need(1))
    (target,) = relay.state.catalog.exact["free/small"]
    (full,) = relay.state.ledger.shortfalls(target.meters, Need(1), clock.now())
    journey = Journey(CALL)
    rest = Cooldown("model", target.id, clock.now().boot + 5, "429 from upstream")
    journey.resting(target, rest, clock.now(), [replace(full, wait_s=inf)])
    assert numbers(journey.candidates[0], clock) == (1, 1, None)
    assert "at no time that is known" in nobody(journey, clock).message


async def test_while_one_request_probes_others_are_told_a_guess(clock: FakeClock) -> None:
    """After a 429 that is still a 429, not a 503."""
    upstream = FakeUpstream(refusal(429, headers={"retry-after": "5"}), (200, {}, [waits()]))
    relay = make(upstream, clock)
    with pytest.raises(ExhaustedError):
        await ask(relay, "last")
    clock.advance(5)
    probe = asyncio.ensure_future(ask(relay, "last"))
    await asyncio.sleep(0)
    with pytest.raises(ExhaustedError, match=r"in about 1.0 s \(cooling down, 429 .*; one request tries it now\)"):
        await ask(relay, "last")
    probe.cancel()
    await asyncio.wait([probe])


async def test_too_many_tokens_per_minute_is_a_limit_under_413_too(clock: FakeClock) -> None:
    """While it rests, the answer is 429: waiting helps."""
    relay = make(FakeUpstream(refusal(413, "too large for tokens per minute (TPM)")), clock)
    for _ in range(2):
        with pytest.raises(ExhaustedError):
            await ask(relay, "last")


async def test_what_failed_rests_without_a_429(clock: FakeClock) -> None:
    """A server error is no limit."""
    relay = make(FakeUpstream(refusal(401)), clock)
    for _ in range(2):
        with pytest.raises(NoCandidateError):
            await ask(relay, "last")
    assert told(relay) == [("spare/last", "left_out", "cooldown", "cooling down, key refused")]
    assert numbers(last(relay).candidates[0], clock) == (None, None, 600)


async def test_a_client_at_its_own_limit_is_told_so_for_every_target(clock: FakeClock) -> None:
    """None was asked, and none would help."""
    meter = Meter.of("client", "aider", "requests", "day", make_rule("requests", "day", 1))
    client = Client(name="aider", secret=Secret("k"), meters=(meter,))
    relay = make(FakeUpstream(chat()), clock)
    await ask(relay, client=client)
    with pytest.raises(ExhaustedError) as caught:
        await ask(relay, client=client)
    text = "1 of 1 today (client aider)"
    assert told(relay) == [
        (id_, "left_out", "requests_per_day", text) for id_ in ("free/small", "paid/big", "spare/last")
    ]
    assert {numbers(each, clock) for each in last(relay).candidates} == {(1, 1, 30)}
    assert caught.value.headers["x-gateway-why"] == "client:requests_per_day"
    assert caught.value.message.endswith("It opens at 00:00:00 UTC, in 30.0 s.")


async def test_money_is_told_in_dollars(clock: FakeClock) -> None:
    """Nano-dollars stay inside."""
    relay = make(FakeUpstream(), clock)
    use(relay, "model:paid/big:cost_per_day", Need(0, cost_nanousd=5_000_000_000))
    with pytest.raises(ExhaustedError):
        await ask(relay, "big")
    assert told(relay) == [("paid/big", "left_out", "cost_per_day", "$5.00 of $5.00 today")]
    assert numbers(last(relay).candidates[0], clock) == (5, 5, 30)


async def test_a_request_that_ends_before_its_time_names_those_whose_turn_did_not_come(clock: FakeClock) -> None:
    """`request_timeout` is over while the first one is silent."""
    relay = make(FakeUpstream((200, {}, [waits()])), clock, CONFIG + "server: {request_timeout: 20ms}\n")
    with pytest.raises(UpstreamTimeoutError):
        await ask(relay)
    assert told(relay) == [
        ("free/small", "tried", "cut_off", "cut off"),
        ("paid/big", "not_needed", "not_reached", "the request ended before its turn"),
        ("spare/last", "not_needed", "not_reached", "the request ended before its turn"),
    ]


async def test_tokens_are_told_as_estimated_and_as_held(clock: FakeClock) -> None:
    """Of the prompt, and what prompt and answer usually take; nothing was held where nothing was tried."""
    relay = make(FakeUpstream(chat()), clock)
    await ask(relay, "last", max_tokens=100)
    assert (last(relay).estimated_tokens, last(relay).reserved_tokens) == (5, 99)
    use(relay, "model:free/small:requests_per_day", Need(1))
    with pytest.raises(ExhaustedError):
        await ask(relay, "small")
    assert (last(relay).estimated_tokens, last(relay).reserved_tokens) == (5, None)


async def test_what_was_changed_in_the_body_is_kept(clock: FakeClock) -> None:
    """Of the body that was answered; where none was, there is nothing to tell."""
    relay = make(FakeUpstream(refusal(503), chat(), refusal(401)), clock)
    await ask(relay, models=["base"])
    assert (last(relay).route, last(relay).edited) == ("paid/big", ("model", "models"))
    with pytest.raises(NoCandidateError):
        await ask(relay, "last")
    assert last(relay).edited == ()


async def test_what_has_no_key_is_told_though_its_turn_never_came(clock: FakeClock) -> None:
    """It would not have been next."""
    text = CONFIG.replace("api_key: k2", 'api_key: "${NOT_SET:-}"')
    assert text != CONFIG
    relay = make(FakeUpstream(chat()), clock, text)
    await ask(relay)
    assert told(relay)[1] == ("paid/big", "left_out", "no_key", "NOT_SET is not set")
