"""The story of a request: which target answers, what the client is told, and what the ledger says afterwards."""

import asyncio
from typing import Any

import orjson
import pytest

from gateway.catalog.catalog import Client
from gateway.clock import FakeClock
from gateway.dialects.chat import read_call
from gateway.errors import (
    ExhaustedError,
    GatewayError,
    ModelNotAllowedError,
    NoCandidateError,
    PaidNotAllowedError,
    RequestTooLargeError,
    UnknownModelError,
    UpstreamFailedError,
    UpstreamTimeoutError,
)
from gateway.limits.shorthand import make_rule
from gateway.limits.terms import Meter
from gateway.records import Secret
from gateway.relay.attempt import Attempt, FailedError
from gateway.relay.journey import Journey
from tests.fakes import DONE, HI, ROLE, STOP, USAGE, FakeUpstream, Step, broke, chat, event, refusal, stream

from .story import CONFIG, ask, held, last, make, used

FREE_DAY = "model:free/small:requests_per_day"
BIG_TOKENS = "model:paid/big:tokens_per_minute"
BIG_COST = "model:paid/big:cost_per_day"
LIVE = stream(ROLE, HI, STOP, USAGE, DONE)


async def test_free_target_first_and_the_answer_unchanged(clock: FakeClock) -> None:
    """What costs nothing goes before the order in the file, and a whole answer's bytes are the upstream's."""
    upstream = FakeUpstream(chat())
    answer, body = await ask(make(upstream, clock))
    assert answer.headers["x-gateway-route"] == "free/small"
    assert answer.headers["x-gateway-why"] == "free/small:ok"
    assert answer.headers["x-gateway-attempts"] == "1"
    assert answer.headers["x-gateway-cost"] == "0"
    assert body == chat()[2][0]  # type: ignore[index]  # a whole answer is no exception
    assert orjson.loads(upstream.sent[0].body)["model"] == "small"
    assert upstream.sent[0].headers["authorization"] == "Bearer k1"


async def test_moves_on_at_the_limit_and_returns_the_next_day(clock: FakeClock) -> None:
    """The free target's limit sends the second request elsewhere; after midnight it is back."""
    relay = make(FakeUpstream(chat(), chat(), chat()), clock)
    served = [(await ask(relay))[0].headers["x-gateway-route"] for _ in range(2)]
    why = relay.state.recent[-1].candidates[0]
    clock.advance(31)
    served.append((await ask(relay))[0].headers["x-gateway-route"])
    assert served == ["free/small", "paid/big", "free/small"]
    assert (why.verdict, why.rule, why.used, why.amount) == ("left_out", "requests_per_day", 1, 1)


@pytest.mark.parametrize(
    ("failure", "cause"),
    [
        pytest.param(refusal(503), "503", id="server error"),
        pytest.param(refusal(429, headers={"retry-after": "20"}), "429", id="rate limited"),
        pytest.param(refusal(401), "401", id="key refused"),
        pytest.param(broke("connect", sent=False), "connect", id="no connection"),
        pytest.param((502, {"content-type": "text/html"}, [b"<html>"]), "502", id="HTML error page"),
        pytest.param((200, {}, [b"<html>"]), "html", id="HTML instead of an answer"),
        pytest.param((200, {}, [b'{"choices": [']), "not_json", id="truncated JSON"),
        pytest.param((200, {}, [b'{"choices": []}']), "empty", id="empty answer"),
    ],
)
async def test_a_failure_before_the_first_byte_is_not_seen_by_the_client(
    failure: Step, cause: str, clock: FakeClock
) -> None:
    """The next target answers, nothing is left open or held, and the failed one keeps its request."""
    upstream = FakeUpstream(failure, chat())
    relay = make(upstream, clock)
    answer, _ = await ask(relay)
    assert answer.headers["x-gateway-why"] == f"free/small:{cause};paid/big:ok"
    assert answer.headers["x-gateway-attempts"] == "2"
    assert [attempt.cause for attempt in last(relay).attempts] == [cause, "ok"]
    assert (upstream.open, held(relay), relay.state.running) == (0, 0, 0)


@pytest.mark.parametrize(
    ("pieces", "cause"),
    [
        pytest.param([event(error={"message": "overloaded", "code": 503})], "503", id="error as first event"),
        pytest.param([ROLE, broke()], "reset", id="reset after the role"),
        pytest.param([ROLE, STOP, DONE], "empty", id="nothing said"),
        pytest.param([b": ping\n\n"], "empty", id="only comments"),
        pytest.param([b"<html>no</html>"], "html", id="HTML"),
    ],
)
async def test_a_stream_may_fail_over_until_its_first_content(
    pieces: list[bytes | BaseException], cause: str, clock: FakeClock
) -> None:
    """Roles and comments are held back, so the next target can still answer."""
    upstream = FakeUpstream(stream(*pieces), LIVE)
    answer, body = await ask(make(upstream, clock), stream=True)
    assert answer.headers["x-gateway-why"] == f"free/small:{cause};paid/big:ok"
    assert body == ROLE + HI + STOP + DONE


async def test_a_json_answer_to_a_stream_request_is_not_what_was_asked(clock: FakeClock) -> None:
    """A body that is not what was asked sends the request on."""
    answer, _ = await ask(make(FakeUpstream(chat(), LIVE), clock), stream=True)
    assert answer.headers["x-gateway-route"] == "paid/big"


async def test_settles_what_was_used_not_what_was_guessed(clock: FakeClock) -> None:
    """The counters end up at exactly what the provider reported, the money at its exact price."""
    relay = make(FakeUpstream(chat(prompt=10, completion=20)), clock)
    answer, _ = await ask(relay, "big")
    assert (used(relay, BIG_TOKENS), used(relay, BIG_COST)) == (30, 50_000)
    assert answer.headers["x-gateway-cost"] == "0.00005"
    assert (last(relay).cost_nanousd, held(relay)) == (50_000, 0)


async def test_without_reported_usage_the_estimate_is_charged(clock: FakeClock) -> None:
    """Input estimate and relayed text, and 5 % more; marked as an estimate."""
    step: Any = (200, {}, [b'{"choices":[{"message":{"content":"four score and seven"},"finish_reason":"stop"}]}'])
    relay = make(FakeUpstream(step), clock)
    await ask(relay, "big")
    assert last(relay).usage.estimated
    assert used(relay, BIG_TOKENS) == last(relay).usage.total > 0


async def test_client_leaving_half_way_closes_upstream_and_is_charged(clock: FakeClock) -> None:
    """No usage was seen, so what was relayed is estimated and charged; the upstream is closed."""
    upstream = FakeUpstream(stream(ROLE, HI, HI, STOP, DONE))
    relay = make(upstream, clock)
    with pytest.raises(ConnectionResetError):
        await _leave_after_one_piece(relay)
    assert (upstream.open, held(relay), relay.state.running) == (0, 0, 0)
    assert last(relay).outcome == "client_left"
    assert used(relay, BIG_TOKENS) > 0


async def _leave_after_one_piece(relay: Any) -> None:
    from gateway.dialects.chat import read_call  # noqa: PLC0415 - beside its only use

    body = orjson.dumps({"model": "big", "stream": True, "messages": [{"role": "user", "content": "hi"}]})
    async with relay.answer(read_call(body, id="gone")) as answer:
        async for _ in answer.chunks:
            raise ConnectionResetError


async def test_client_leaving_before_the_head_is_charged_the_expectation(clock: FakeClock) -> None:
    """It was sent and nothing came back: what was held stands."""
    upstream = FakeUpstream((200, {}, [asyncio.CancelledError()]))
    relay = make(upstream, clock)
    with pytest.raises(asyncio.CancelledError):
        await ask(relay, "big", max_tokens=100)
    assert last(relay).outcome == "client_left"
    assert used(relay, BIG_TOKENS) == last(relay).usage.total > 90
    assert [attempt.cause for attempt in last(relay).attempts] == ["cut_off"]


async def test_the_clients_own_mistake_goes_back_as_it_is(clock: FakeClock) -> None:
    """Another target would say the same to a 400: one attempt, and no charge."""
    upstream = FakeUpstream(refusal(400, "temperature must be a number", code="bad_thing"))
    relay = make(upstream, clock)
    answer, body = await ask(relay)
    assert (answer.status, orjson.loads(body)["error"]["code"]) == (400, "bad_thing")
    assert used(relay, FREE_DAY) == 0
    assert (len(upstream.sent), held(relay)) == (1, 0)


async def test_count_failures_keeps_the_request_of_a_refused_attempt(clock: FakeClock) -> None:
    """Where the provider counts refused calls, so do we."""
    relay = make(
        FakeUpstream(refusal(500), chat()), clock, CONFIG.replace("free: true", "free: true\n    count_failures: true")
    )
    await ask(relay)
    assert used(relay, FREE_DAY) == 1


async def test_a_prompt_too_long_goes_to_a_larger_context(clock: FakeClock) -> None:
    """The text decides before the status; nobody rests for it."""
    upstream = FakeUpstream(refusal(400, "This model's maximum context length is 8000 tokens", code="x"), chat())
    relay = make(upstream, clock)
    answer, _ = await ask(relay)
    assert answer.headers["x-gateway-route"] == "paid/big"
    assert relay.state.cooldowns.active(clock.now()) == []


async def test_who_is_no_larger_than_what_was_too_small_is_not_asked(clock: FakeClock) -> None:
    """A target with the same context would say the same."""
    text = CONFIG.replace("last: {price", "last: {context: 8000, price")
    upstream = FakeUpstream(refusal(400, "This model's maximum context length is 8000 tokens", code="x"), chat())
    relay = make(upstream, clock, text)
    answer, _ = await ask(relay, "spare/last", models=["free/small", "spare/last", "paid/big"])
    assert answer.headers["x-gateway-why"] == "spare/last:context;free/small:context;paid/big:ok"


async def test_a_long_error_is_read_from_its_beginning(clock: FakeClock) -> None:
    """However much a refusal has to say, a quarter of a MiB of it is enough."""
    upstream = FakeUpstream((503, {"content-type": "text/html"}, [b"<html>" + b"x" * 300_000, broke()]), chat())
    answer, _ = await ask(make(upstream, clock))
    assert answer.headers["x-gateway-route"] == "paid/big"


async def test_what_failed_rests_and_then_is_tried_by_one(clock: FakeClock) -> None:
    """A 429 with Retry-After keeps the target out for so long; the next one serves meanwhile."""
    relay = make(FakeUpstream(refusal(429, headers={"retry-after": "20"}), chat(), chat(), chat()), clock)
    await ask(relay)
    assert (await ask(relay))[0].headers["x-gateway-why"] == "free/small:cooldown;paid/big:ok"
    clock.advance(21)
    assert (await ask(relay))[0].headers["x-gateway-route"] == "free/small"


async def test_all_at_their_limit_names_the_first_to_open(clock: FakeClock) -> None:
    """The client is told the shortest wait: the day ends in 30 s."""
    relay = make(FakeUpstream(chat()), clock)
    await ask(relay, "small")
    with pytest.raises(ExhaustedError) as caught:
        await ask(relay, "small")
    assert caught.value.retry_after_s == pytest.approx(30)
    assert caught.value.headers["x-gateway-why"] == "free/small:limit"
    assert "free/small" in caught.value.message
    assert last(relay).status == 429


async def test_exactly_ten_of_three_hundred_pass_a_limit_of_ten(clock: FakeClock) -> None:
    """Requests that start together are held one by one: no await lies between the check and the take."""
    text = CONFIG.replace("requests_per_day: 1", "requests_per_day: 10")
    upstream = FakeUpstream(*[chat() for _ in range(10)])
    relay = make(upstream, clock, text)
    found = await asyncio.gather(*(ask(relay, "small") for _ in range(300)), return_exceptions=True)
    assert sum(isinstance(each, ExhaustedError) for each in found) == 290
    assert len(upstream.sent) == 10


@pytest.mark.parametrize(
    ("script", "error", "text"),
    [
        pytest.param([refusal(503)] * 3, UpstreamFailedError, "", id="all failed"),
        pytest.param([broke("timeout_idle")] * 3, UpstreamTimeoutError, "", id="all too slow"),
        pytest.param([refusal(401)] * 3, NoCandidateError, "", id="only bad keys"),
        pytest.param(
            [refusal(429)] * 3, ExhaustedError, "in 1.0 s (cooling down, 429 from upstream)", id="all say 429"
        ),
    ],
)
async def test_when_nobody_answered(script: list[Step], error: type[GatewayError], text: str, clock: FakeClock) -> None:
    """The final status says what a client can do about it."""
    relay = make(FakeUpstream(*script), clock)
    with pytest.raises(error) as caught:
        await ask(relay)
    assert text in caught.value.message
    assert caught.value.headers["x-gateway-attempts"] == "3"
    assert held(relay) == 0


async def test_larger_than_the_whole_limit_everywhere(clock: FakeClock) -> None:
    """Waiting would not help."""
    with pytest.raises(RequestTooLargeError):
        await ask(make(FakeUpstream(), clock), "big", x="y", messages=[{"role": "user", "content": "word " * 40_000}])


async def test_unknown_model(clock: FakeClock) -> None:
    """A name nobody configured is a 404, not a 429, and is remembered."""
    relay = make(FakeUpstream(), clock)
    with pytest.raises(UnknownModelError, match="Closest: base"):
        await ask(relay, "bose")
    assert (last(relay).status, last(relay).asked) == (404, "bose")


async def test_what_is_switched_off_is_in_the_story_but_not_in_the_header(clock: FakeClock) -> None:
    """It says nothing about this request."""
    relay = make(FakeUpstream(chat()), clock, CONFIG.replace("small: {", "small: {active: false, "))
    answer, _ = await ask(relay)
    assert answer.headers["x-gateway-why"] == "paid/big:ok"
    assert [(each.id, each.rule) for each in last(relay).candidates[:1]] == [("free/small", "off")]


async def test_money_is_guarded_again_at_the_last_moment(clock: FakeClock) -> None:
    """Whatever was decided before: an attempt that would cost money sends no byte, and takes nothing."""
    upstream = FakeUpstream(chat())
    relay = make(upstream, clock)
    catalog = relay.state.catalog
    call = read_call(
        b'{"model": "paid/big", "messages": [{"role": "user", "content": "hi"}]}', id="r", received=clock.now()
    )
    journey = Journey(call)
    target = catalog.resolve("paid/big").targets[0]
    attempt = Attempt(relay.state, upstream, lambda: 1.0, journey, target, None, 0.0)
    with pytest.raises(FailedError):
        await anext(attempt.open(attempt.reserve(), catalog.server, "never").gen)
    assert (upstream.sent, held(relay), used(relay, BIG_TOKENS)) == ([], 0, 0)
    assert [rule for _, rule, _ in journey.unfits] == ["paid"]


@pytest.mark.parametrize(
    ("paid", "may_pay", "route"),
    [
        pytest.param("never", True, "", id="never: the header changes nothing"),
        pytest.param("opt_in", False, "", id="opt_in without the header"),
        pytest.param("opt_in", True, "paid/big", id="opt_in with the header"),
        pytest.param("allow", False, "paid/big", id="allow"),
    ],
)
async def test_money_is_spent_as_told(paid: str, may_pay: bool, route: str, clock: FakeClock) -> None:
    """No byte goes to a target that may not be paid."""
    upstream = FakeUpstream(chat())
    relay = make(upstream, clock, CONFIG + f"server: {{paid: {paid}}}\n")
    if route:
        assert (await ask(relay, "big", may_pay=may_pay))[0].headers["x-gateway-route"] == route
    else:
        with pytest.raises(PaidNotAllowedError):
            await ask(relay, "big", may_pay=may_pay)
        assert upstream.sent == []


async def test_a_clients_own_limit_is_429_at_once(clock: FakeClock) -> None:
    """Its requests are counted once, whatever the attempts; its tokens with each attempt."""
    rule = make_rule("requests", "day", 1, timezone="UTC")
    tokens = make_rule("tokens", "day", 10_000, timezone="UTC")
    meters = (
        Meter.of("client", "aider", "requests", "day", rule),
        Meter.of("client", "aider", "tokens", "day", tokens),
    )
    client = Client(name="aider", secret=Secret("k"), meters=meters)
    relay = make(FakeUpstream(refusal(503), chat()), clock)
    answer, _ = await ask(relay, client=client)
    assert answer.headers["x-ratelimit-limit-requests"] == "1"
    assert relay.state.ledger.used(meters[1], clock.now()) == 12
    with pytest.raises(ExhaustedError, match="aider"):
        await ask(relay, client=client)


async def test_a_client_may_only_ask_for_its_models(clock: FakeClock) -> None:
    """Matched against the name asked: a meta-model that is allowed allows its targets."""
    client = Client(name="aider", secret=Secret("k"), models=("ba*",))
    relay = make(FakeUpstream(chat()), clock)
    with pytest.raises(ModelNotAllowedError):
        await ask(relay, "free/small", client=client)
    assert (await ask(relay, client=client))[0].headers["x-gateway-route"] == "free/small"


async def test_a_requests_own_list_and_preferences(clock: FakeClock) -> None:
    """`models` in its order, less what is unknown or not allowed; `provider` chooses. Neither goes up."""
    upstream = FakeUpstream(chat(), chat())
    relay = make(upstream, clock)
    client = Client(name="c", secret=Secret("k"), models=("paid/*", "nope", "spare/*"))
    answer, _ = await ask(relay, "nope", models=["free/small", "spare/last", "paid/big"], client=client)
    assert answer.headers["x-gateway-route"] == "spare/last"
    answer, _ = await ask(relay, provider={"order": ["paid"], "allow_fallbacks": False})
    assert answer.headers["x-gateway-route"] == "paid/big"
    assert all(b'"models"' not in request.body and b'"provider"' not in request.body for request in upstream.sent)
    with pytest.raises(UnknownModelError, match="None of"):
        await ask(relay, "nope", models=["free/small"], client=client)


async def test_a_request_that_takes_too_long_is_given_up(clock: FakeClock) -> None:
    """`request_timeout` is the whole answer, over all attempts."""
    relay = make(FakeUpstream(), clock, CONFIG + "server: {request_timeout: 20ms}\n")
    relay._upstream = _Hanging()
    with pytest.raises(UpstreamTimeoutError, match="request_timeout"):
        await ask(relay)
    assert held(relay) == 0


async def test_a_target_that_is_too_slow_gives_way(clock: FakeClock) -> None:
    """`answer_timeout` is an attempt's own: the next one gets its turn, and the last failure is a timeout."""
    relay = make(FakeUpstream(), clock, CONFIG + "server: {answer_timeout: 10ms}\n")
    relay._upstream = _Hanging()
    with pytest.raises(UpstreamTimeoutError):
        await ask(relay)
    assert [attempt.cause for attempt in last(relay).attempts] == ["timeout"] * 3
    assert used(relay, BIG_TOKENS) > 0


class _Hanging(FakeUpstream):
    """Never answers."""

    def send(self, request: Any, tap: Any = None) -> Any:
        return self

    async def __aenter__(self) -> None:
        await asyncio.Event().wait()

    async def __aexit__(self, *_: object) -> None:
        return None


async def test_settled_requests_are_told_to_who_listens(clock: FakeClock) -> None:
    """Log and page get the whole story once it has ended."""
    relay = make(FakeUpstream(chat()), clock)
    heard: list[str] = []
    relay.on_settled.append(lambda settled: heard.append(settled.route))
    await ask(relay)
    assert heard == ["free/small"]
    assert [each.verdict for each in last(relay).candidates] == ["chosen", "not_needed", "not_needed"]
