"""Next for NAME."""

from decimal import Decimal

from gateway.catalog.catalog import Target
from gateway.limits.ledger import Ledger, Need
from gateway.pricing import price_from_usd
from gateway.server.bars import bar
from gateway.server.ladder import Ladder, Rung, ladder
from gateway.server.standing import Obstacles, Rest

from .house import target
from .test_bars import NOW, meter
from .test_standing import DAY, FREE, MONEY, NO_KEY, OFF, PAID, obstacles

PRICED = target(
    model="priced", free=False, price=price_from_usd(input=Decimal(1), output=Decimal(1)), grade=82.0, meters=(MONEY,)
)


def rungs(*ordered: Target, found: Obstacles | None = None, paid: tuple[str, ...] = ("allow",)) -> Ladder:
    return ladder("smart", ["smart", "fast"], ordered, found or obstacles(), paid=paid)


def test_first_without_an_obstacle_is_next() -> None:
    """What is passed says why, what comes after is ready, and paying comes last."""
    second = target(model="second", grade=70.0)
    found = rungs(NO_KEY, FREE, second, PRICED)
    assert (found.name, found.names, found.ready) == ("smart", ("smart", "fast"), "3 of 4 ready")
    assert found.rungs == (
        Rung(place=1, name="groq/llama", tag="no key", tone="", text="skipped: GROQ_API_KEY is not set", kind="passed"),
        Rung(
            place=2,
            name="groq/llama",
            tag="next",
            tone="ok",
            text="grade 0 · free · 100 of 100 left today",
            kind="next",
        ),
        Rung(place=3, name="groq/second", tag="ready", tone="", text="grade 70 · free", kind="ready"),
        Rung(
            place=4,
            name="groq/priced",
            tag="last",
            tone="",
            text="grade 82 · paid · $1.00 of $1.00 left today",
            kind="ready",
        ),
    )


def test_used_up_says_how_much_and_when_it_is_back() -> None:
    """Of the limit that is full."""
    [rung] = rungs(FREE, found=obstacles({DAY: 100})).rungs
    assert (rung.tag, rung.tone, rung.kind) == ("used up", "bad", "passed")
    assert rung.text == "grade 0 · 100 of 100 today, back 00:00 UTC, in 9 h 28 m"


def test_spent_budget_is_told_in_money() -> None:
    """And keeps only what costs something."""
    spent = obstacles({MONEY: 1_000_000_000})
    assert rungs(FREE, found=spent).rungs[0].tag == "next"
    assert rungs(PRICED, found=spent).rungs[0].text.startswith("grade 82 · $1.00 of $1.00 today")


def test_cooldown_is_a_countdown_with_its_cause() -> None:
    """Amber, and how long."""
    rest = Rest(kind="model", id="groq/llama", left_s=41.5, cause="429 from upstream")
    found = Obstacles(obstacles().bars, {"groq/llama": rest})
    [rung] = rungs(FREE, found=found).rungs
    assert (rung.tag, rung.tone, rung.text) == ("0:42", "warn", "grade 0 · cooling down: 429 from upstream")


def test_money_that_may_not_be_spent_is_an_obstacle() -> None:
    """never: not at all; opt_in: only when a request asks for it; an unknown price: not under a cost limit."""
    assert rungs(PRICED, paid=("allow", "never")).rungs[0].text == "costs money, and paid is never"
    assert rungs(PRICED, paid=("opt_in", "allow")).rungs[0].tag == "on request"
    assert rungs(PAID).rungs[0].text == "its price is not known, and there is a cost limit"
    assert rungs(OFF).rungs[0].tag == "off"


def test_keys_are_named() -> None:
    """Two keys are two rungs."""
    found = rungs(target(key="home"), target(key="work"))
    assert [rung.name for rung in found.rungs] == ["groq/llama #home", "groq/llama #work"]


def test_what_may_run_at_once_is_left_now() -> None:
    """The most of one request is no room."""
    limit, largest, ledger = meter("concurrent_requests", 4), meter("tokens_per_request", 8000), Ledger()
    ledger.reserve([limit], Need(), NOW)
    found = Obstacles({each.id: bar(each, ledger, NOW) for each in (limit, largest)}, {})
    assert [
        (rung.kind, rung.text)
        for meters in ((largest, limit), (largest,))
        for rung in rungs(target(meters=meters), found=found).rungs
    ] == [("next", "grade 0 · free · 3 of 4 concurrent requests left now"), ("next", "grade 0 · free")]


def test_a_target_whose_room_is_held_is_busy_and_not_next() -> None:
    """A request would go past it now, though it is not used up: it is over when an answer ends."""
    limit, ledger = meter("concurrent_requests", 4), Ledger()
    for _ in range(4):
        ledger.reserve([limit], Need(), NOW)
    found = Obstacles({limit.id: bar(limit, ledger, NOW)}, {})
    first, second = rungs(target(meters=(limit,)), target(key="work"), found=found).rungs
    assert (first.kind, first.tag, first.tone) == ("passed", "busy", "warn")
    assert first.text == "grade 0 · concurrent: what was left is held by running requests"
    assert second.kind == "next"


def test_tokens_that_are_left_are_called_tokens() -> None:
    """A bare number means requests."""
    tokens = meter("tokens_per_15m", 200_000)
    found = Obstacles({tokens.id: bar(tokens, Ledger(), NOW)}, {})
    [rung] = rungs(target(meters=(tokens,)), found=found).rungs
    assert rung.text == "grade 0 · free · 200,000 of 200 k tokens left in 15m"
