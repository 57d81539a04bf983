"""What is held before an answer, and charged after it."""

import msgspec
import pytest

from gateway.catalog.catalog import Client, Target
from gateway.clock import FakeClock
from gateway.dialects.chat import read_call
from gateway.dialects.taps import UsageTap
from gateway.limits.forecast import NO_MONEY, Outlook, Rates
from gateway.limits.learned import Ended, Learned
from gateway.limits.shorthand import UNITS, make_rule
from gateway.limits.terms import Meter
from gateway.records import Secret, Usage
from gateway.relay import account
from tests.fakes import DONE, HI, STOP, USAGE, FakeUpstream, event

from .story import CONFIG, make

BODY = b'{"model": "m", "messages": [{"role": "user", "content": "hi"}], "max_tokens": %d}'


def target_of(clock: FakeClock, **members: str) -> Target:
    """`paid/big`, with these members in its provider's or its own entry."""
    text = CONFIG
    for name, value in members.items():
        old = "grade: 90" if name == "max_output" else "api_key: k2"
        text = text.replace(old, f"{old}\n{'        ' if name == 'max_output' else '    '}{name}: {value}")
    return make(FakeUpstream(), clock, text).state.catalog.exact["paid/big"][0]


@pytest.mark.parametrize(
    ("members", "asked", "bound", "may_bound"),
    [
        pytest.param({}, 100, 100, True, id="the client's"),
        pytest.param({}, 0, None, True, id="none is known"),
        pytest.param({"max_output": "4000"}, 32_000, 4000, True, id="the model's is lower"),
        pytest.param({"max_output": "4000"}, 0, 4000, True, id="only the model's"),
        pytest.param({"set": "{max_tokens: 700}"}, 32_000, 700, False, id="the provider's entry sets it"),
        pytest.param({"set": "{max_tokens: 700}", "max_output": "500"}, 100, 500, False, id="beyond what it can"),
        pytest.param({"set": "{max_tokens: x}"}, 100, 100, False, id="it sets what is no number"),
        pytest.param({"drop": "[max_tokens]"}, 100, None, False, id="it is taken out of the body"),
    ],
)
def test_what_bounds_an_answer(
    clock: FakeClock, members: dict[str, str], asked: int, bound: int | None, may_bound: bool
) -> None:
    """The least of what the provider will be told and what the model can."""
    call = read_call(BODY % asked, id="r") if asked else read_call(BODY.replace(b'"max_tokens"', b'"x"') % 1, id="r")
    outlook = account.outlook(target_of(clock, **members), call, Learned())
    assert (outlook.bound, outlook.may_bound, outlook.estimate) == (bound, may_bound, call.estimate)


def test_a_call_says_how_many_answers_and_thoughts_it_wants(clock: FakeClock) -> None:
    """Both weigh in what is held."""
    body = BODY.replace(b'"max_tokens"', b'"n": 3, "reasoning": {"max_tokens": 500}, "max_tokens"') % 9
    outlook = account.outlook(target_of(clock), read_call(body, id="r"), Learned())
    assert (outlook.choices, outlook.thinking) == (3, 500)


def test_money_is_expected_at_the_dearest_rate(clock: FakeClock) -> None:
    """Nano-dollars for each token; what costs nothing holds none, and passes a spent budget."""
    call = read_call(BODY % 10, id="r")
    catalog = make(FakeUpstream(), clock).state.catalog
    paid, free, unpriced = (catalog.exact[name][0] for name in ("paid/big", "free/small", "spare/last"))
    unpriced = msgspec.structs.replace(unpriced, price=None)
    rates = [account.outlook(target, call, Learned()).rates for target in (paid, free, unpriced)]
    assert rates == [Rates(0, 1000, 2000), NO_MONEY, NO_MONEY]


def test_what_costs_nothing_is_charged_nothing(clock: FakeClock) -> None:
    """Unless the upstream says that it did."""
    free = make(FakeUpstream(), clock).state.catalog.exact["free/small"][0]
    assert (account.cost(free, Usage(10, 10)), account.list_price(free, Usage(10, 10))) == (0, None)
    assert account.cost(free, Usage(10, 10, cost_nanousd=7)) == 7


@pytest.mark.parametrize(
    ("members", "strict", "unbounded"),
    [
        ({"drop": "[max_tokens]"}, True, True),
        ({}, True, False),
        ({"drop": "[max_tokens]", "max_output": "9"}, True, False),
        ({"drop": "[max_tokens]"}, None, False),
    ],
)
def test_strict_in_so_many_words_needs_some_bound(
    clock: FakeClock, members: dict[str, str], strict: bool | None, unbounded: bool
) -> None:
    """Money, strict by default, makes do with 4,096 tokens."""
    meter = Meter.of("provider", "p", "cost", "day", make_rule("cost", "day", 5), strict)
    call = read_call(BODY % 9, id="r")
    assert account.unbounded(target_of(clock, **members), call, [meter]) is unbounded


def test_what_was_held_is_the_usage_of_an_answer_that_never_came() -> None:
    """Input and output add up to the tokens that were held."""
    outlook = Outlook(past=Learned().past("m", "c"), estimate=7, bound=100)
    usage = account.expectation(outlook, None)
    assert usage.total == outlook.at().hold(UNITS.index("tokens"))[0]
    assert (usage.input, usage.estimated) == (8, True)
    assert account.expectation(outlook, 20).output <= 20


def tap_of(*pieces: bytes) -> UsageTap:
    tap = UsageTap()
    for piece in pieces:
        tap.feed(piece)
    tap.finish()
    return tap


def learned_of(*, output: int, seen: int, times: int = 300) -> Learned:
    """A model that reports `output` tokens where `seen` were estimated."""
    learned = Learned()
    for _ in range(times):
        learned.add("m", "c", Ended(estimate=10, input=10, output=output, cut=False, seen=seen))
    return learned


def test_without_a_report_what_was_seen_is_charged_as_it_usually_comes_out() -> None:
    """The expected input and twice the text, of a model that reports twice of what is seen; and 5 % more."""
    outlook = Outlook(past=learned_of(output=200, seen=100).past("m", "c"), estimate=100)
    words = event(choices=[{"index": 0, "delta": {"content": "1234" * 100}}])
    assert account.usage(tap_of(words), outlook) == Usage(input=106, output=210, estimated=True)
    assert account.usage(tap_of(words, USAGE, DONE), outlook) == Usage(7, 5)


CUT = event(choices=[{"index": 0, "delta": {}, "finish_reason": "length"}])


@pytest.mark.parametrize(
    ("pieces", "told", "taught"),
    [
        pytest.param([HI, STOP, USAGE, DONE], None, (5, False), id="ended by itself"),
        pytest.param([HI, CUT, USAGE, DONE], None, (5, True), id="as long as it was allowed to be"),
        pytest.param([HI, STOP, USAGE, DONE], 5, (5, True), id="the upstream does not say that we cut it"),
        pytest.param([HI, STOP, USAGE, DONE], 6, (5, False), id="shorter than we allowed"),
        pytest.param([HI, STOP, DONE], None, None, id="without usage"),
        pytest.param([HI, USAGE], None, None, id="broken off"),
        pytest.param([HI, STOP, USAGE, event(error={"message": "x"}), DONE], None, None, id="failed on its way"),
    ],
)
def test_what_an_answer_teaches(pieces: list[bytes], told: int | None, taught: tuple[int, bool] | None) -> None:
    """Only those that ended by themselves and said what they took."""
    outlook = Outlook(past=Learned().past("m", "c"), estimate=9)
    ended = account.ended(tap_of(*pieces), outlook, told, 0.5, 2.0)
    assert (ended and (ended.output, ended.cut)) == taught
    if ended:
        assert (ended.estimate, ended.input, ended.seen, ended.first_s, ended.duration_s) == (9, 7, 1, 0.5, 2.0)


def test_of_several_choices_one_is_learned() -> None:
    """Lengths are of one answer, so that another `n` tomorrow is foretold right."""
    outlook = Outlook(past=Learned().past("m", "c"), estimate=9, choices=2)
    words = event(choices=[{"index": i, "delta": {"content": "12345678"}} for i in (0, 1)])
    ended = account.ended(tap_of(words, STOP, USAGE, DONE), outlook, None, None, 2.0)
    assert ended is not None
    assert (ended.output, ended.seen) == (3, 2)


def test_a_clients_requests_are_not_counted_per_attempt(clock: FakeClock) -> None:
    """Its tokens are."""
    target = make(FakeUpstream(), clock).state.catalog.exact["free/small"][0]
    requests, tokens = (
        Meter.of("client", "c", unit, "day", make_rule(unit, "day", 5, timezone="UTC"))
        for unit in ("requests", "tokens")
    )
    client = Client(name="c", secret=Secret("k"), meters=(requests, tokens))
    assert account.meters_of(target, client) == (*target.meters, tokens)
    assert list(account.requests_of(client)) == [requests]
    assert (account.meters_of(target, None), account.requests_of(None)) == (target.meters, ())
