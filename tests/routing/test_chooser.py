"""Which target comes first: what is measured, whose turn it is, and what a conversation or a request wishes."""

import re
from typing import Any

import orjson
import pytest
from msgspec.structs import replace

from gateway.catalog.catalog import Catalog, Resolution, Target
from gateway.catalog.compile import compile_text
from gateway.clock import FakeClock, Moment
from gateway.dialects.chat import read_call
from gateway.leaderboard import Leaderboard, Row
from gateway.limits.ledger import Ledger, Need
from gateway.records import Call
from gateway.routing import rank
from gateway.routing.chooser import Chooser, Situation
from tests.routing.test_latency import attempt, settled

CONFIG = """
providers:
  a:
    base_url: https://a.test/v1
    api_keys: {x: k1, y: k2}
    rotation: round_robin
    models:
      dear-70b: {price: {input: 5, output: 5}, limits: {requests_per_day: 10}}
  b:
    base_url: https://b.test/v1
    api_key: k3
    models:
      cheap-8b: {price: {input: 1, output: 1}, grade: 60, limits: {requests_per_day: 10}}
      unknown: {grade: 90}
  c:
    base_url: https://c.test/v1
    api_key: k4
    free: true
    models:
      free-1b: {price: {input: 9, output: 9}}
meta_models:
  base: {targets: [a/dear-70b, b/cheap-8b, b/unknown, c/free-1b], free_first: false}
  free: {targets: [a/dear-70b, b/cheap-8b, c/free-1b]}
leaderboard: {overrides: {b/unknown: 65}}
"""
CATALOG: Catalog = compile_text(CONFIG, file="gateway.yaml", lookup=lambda _: None, presets={})


def call(text: str = "hi", **members: Any) -> Call:
    return read_call(
        orjson.dumps({"model": "base", "messages": [{"role": "user", "content": text}], **members}), id="1"
    )


def strategy(name: str, meta: str = "base", **fields: Any) -> Resolution:
    return replace(CATALOG.resolve(meta), strategy=name, **fields)


class House:
    """A chooser, and all it looks at."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.ledger = Ledger()
        self.chooser = Chooser()
        self.catalog = CATALOG

    @property
    def now(self) -> Moment:
        """By the clock."""
        return self.clock.now()

    def order(self, resolution: Resolution, asked: Call | None = None, *, stream: bool = True) -> str:
        """The models in their order, with keys where there are several."""
        situation = Situation(
            self.catalog,
            self.ledger,
            self.clock.now(),
            lambda target: target.price.input if target.price else 0,
            stream,
        )
        found = self.chooser.order(resolution, asked or call(), situation)
        return " ".join(each.rest_id.partition("/")[2] for each in found if not each.idle)

    def usual(self, resolution: Resolution) -> list[str]:
        """The same as a page shows them, with those that are left out."""
        found = self.chooser.usual(resolution, CATALOG, self.ledger, self.clock.now())
        return [each.rest_id.partition("/")[2] for each in found]


@pytest.fixture
def house(clock: FakeClock) -> House:
    return House(clock)


def test_as_written_with_keys_in_turn(house: House) -> None:
    """Every attempt at a model is a turn of its keys; asking for the order is none."""
    base = strategy("order")
    assert house.order(base) == house.order(base) == "dear-70b#x dear-70b#y cheap-8b unknown free-1b"
    for key in CATALOG.exact["a/dear-70b"]:
        house.chooser.began(key)
        house.chooser.began(CATALOG.exact["b/cheap-8b"][0])
        if key.key == "x":
            assert house.order(base) == "dear-70b#y dear-70b#x cheap-8b unknown free-1b"
    assert house.order(base) == "dear-70b#x dear-70b#y cheap-8b unknown free-1b"


def test_keys_in_turn_need_their_provider(house: House) -> None:
    """After a reload it may be gone, or want its keys in order: then they stay as written."""
    house.chooser.began(CATALOG.exact["a/dear-70b"][0])
    for providers in ({}, {"a": replace(CATALOG.providers["a"], round_robin=False)}):
        found = house.chooser.usual(strategy("order"), replace(CATALOG, providers=providers), house.ledger, house.now)
        assert [each.key for each in found[:2]] == ["x", "y"]


def test_turns_of_keys_are_forgotten_when_there_are_too_many(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names that a wildcard takes come from clients, so there is no end to them. Beginning anew harms nobody."""
    monkeypatch.setattr("gateway.routing.chooser._MOST_TURNS", 1)
    key = CATALOG.exact["a/dear-70b"][0]
    house.chooser.began(key)
    house.chooser.began(replace(key, model="other"))
    assert house.order(strategy("order")).startswith("dear-70b#x")
    house.chooser.began(key)
    house.chooser.began(key)
    house.chooser.began(key)
    assert house.order(strategy("order")).startswith("dear-70b#y")


def test_cheapest(house: House) -> None:
    """By what the request is expected to cost; free is nothing whatever its price, unknown is last."""
    assert house.order(strategy("cheapest")) == "free-1b cheap-8b dear-70b#x dear-70b#y unknown"
    assert house.usual(strategy("cheapest")) == ["free-1b", "cheap-8b", "dear-70b#x", "dear-70b#y", "unknown"]


def test_headroom(house: House) -> None:
    """Most room first; without limits there is all of it, and ties go by grade."""
    now = house.clock.now()
    for name, n in (("b/cheap-8b", 1), ("a/dear-70b", 5)):
        for target in CATALOG.exact[name]:
            for _ in range(n):
                house.ledger.reserve(target.meters, Need(1), now)
    assert house.order(strategy("headroom")) == "unknown free-1b cheap-8b dear-70b#x dear-70b#y"


def test_the_key_with_more_room_goes_first(house: House) -> None:
    """Turns are for keys that are alike."""
    for key in CATALOG.exact["a/dear-70b"]:
        house.chooser.began(key)
    house.ledger.reserve(CATALOG.exact["a/dear-70b"][0].meters, Need(1), house.now)
    for _ in range(2):
        assert house.order(strategy("headroom")) == "unknown cheap-8b dear-70b#y free-1b dear-70b#x"
        house.chooser.began(CATALOG.exact["a/dear-70b"][0])


def test_fastest(house: House) -> None:
    """What was not measured goes first, each kind of answer for itself."""
    for name, seconds in (("b/cheap-8b", 2.0), ("a/dear-70b", 1.0), ("b/unknown", 3.0)):
        began = house.clock.wall
        house.chooser.latencies.note(settled(seconds, attempt(name, began=began), route=name, at=began + 4))
    assert house.order(strategy("fastest")) == "free-1b dear-70b#x dear-70b#y cheap-8b unknown"
    assert house.order(strategy("fastest"), stream=False) == "unknown cheap-8b dear-70b#x dear-70b#y free-1b"
    house.clock.advance(3700)
    assert house.order(strategy("fastest")).startswith("unknown cheap-8b")


def test_turns_are_counted_for_each_name(house: House) -> None:
    """Requests for another name do not take them."""
    base, other = strategy("round_robin"), strategy("round_robin", "free", free_first=False)
    firsts = []
    for each in (base, other, base, base, other, base, base):
        firsts.append(house.order(each).split()[0])
        house.chooser.turned(each)
    assert [first.partition("#")[0] for first in firsts] == [
        "dear-70b",
        "dear-70b",
        "cheap-8b",
        "unknown",
        "cheap-8b",
        "free-1b",
        "dear-70b",
    ]


def test_a_page_takes_no_turn(house: House) -> None:
    """It shows whose turn it is."""
    house.chooser.turned(strategy("round_robin"))
    house.chooser.turned(strategy("order"))
    assert [house.usual(strategy("round_robin"))[0] for _ in range(2)] == ["cheap-8b", "cheap-8b"]


def test_score(house: House) -> None:
    """Size, leaderboard and its overrides."""
    assert house.order(strategy("score")) == "unknown dear-70b#x dear-70b#y cheap-8b free-1b"
    board = Leaderboard({"cheap-8b": Row(instruct=65.0), "dear-70b": Row(instruct=20.0)})
    house.catalog = replace(CATALOG, leaderboard=board)
    reloaded = strategy("score", targets=(*CATALOG.resolve("base").targets,))
    assert house.order(reloaded) == "unknown cheap-8b dear-70b#x dear-70b#y free-1b"


class Counting(Leaderboard):
    """How often a leaderboard was asked."""

    asked = 0

    def percent(self, *names: str) -> float | None:
        """As any other."""
        self.asked += 1
        return super().percent(*names)


def test_scores_are_made_once_for_each_configuration(house: House) -> None:
    """Their regular expressions cost more than the whole choice. A reload brings other targets."""
    board = Counting({})
    house.catalog = replace(CATALOG, leaderboard=board)
    base = strategy("score")
    asked = []
    for resolution in (base, base, replace(base, targets=(*base.targets,))):
        house.order(resolution)
        asked.append(board.asked)
    assert asked == [4, 4, 8]


def test_an_order_that_stands_is_sorted_once_for_each_configuration(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asks may change the list that it gets. A reload brings other targets; of a wildcard nothing is kept."""
    sorted_anew: list[str] = []
    order = rank.order

    def noted(resolution: Resolution, *args: Any, **more: Any) -> list[Target]:
        sorted_anew.append(resolution.strategy)
        return order(resolution, *args, **more)

    monkeypatch.setattr(rank, "order", noted)
    best, cheap = strategy("grade"), strategy("grade", free_first=True)
    house.chooser.usual(best, CATALOG, house.ledger, house.now).clear()
    for resolution, first in (
        (best, "unknown"),
        (best, "unknown"),
        (cheap, "free-1b"),
        (strategy("order"), "dear-70b#x"),
    ):
        assert house.order(resolution).split()[0] == first
    assert sorted_anew == ["grade", "grade", "order"]
    house.order(strategy("order", targets=(*CATALOG.resolve("base").targets,)))
    assert len(sorted_anew) == 4
    for _ in range(2):
        house.order(strategy("bare", kind="wildcard"))
    assert len(sorted_anew) == 6


def test_adjustments_leave_out(house: House) -> None:
    """What they push to 0 is not tried, and says so."""
    lowered = strategy("score", adjustments=((re.compile("8b"), -9.0), (re.compile("70b"), -0.25)))
    assert house.order(lowered) == "unknown dear-70b#x dear-70b#y free-1b"
    found = house.chooser.usual(lowered, CATALOG, house.ledger, house.clock.now())
    out = next(each for each in found if each.model == "cheap-8b")
    assert (out.idle, out.idle_text) == ("score", "adjustments of -9 push its score to -6.69897")


def test_a_conversation_stays_where_it_was_answered(house: House) -> None:
    """Others do not; and a request without a beginning cannot."""
    sticky = strategy("order", sticky=True)
    spare = CATALOG.exact["b/unknown"][0]
    house.chooser.answered(sticky, call("mine"), spare)
    assert house.order(sticky, call("mine")).startswith("unknown dear-70b")
    assert house.order(sticky, call("yours")).startswith("dear-70b")
    nobody = replace(call("mine"), members={})
    house.chooser.answered(sticky, nobody, spare)
    assert house.order(sticky, nobody).startswith("dear-70b")


def test_a_name_that_is_not_sticky_keeps_nothing(house: House) -> None:
    """Even of conversations that were kept before a reload."""
    house.chooser.answered(strategy("order", sticky=True), call(), CATALOG.exact["b/unknown"][0])
    house.chooser.answered(strategy("order"), call("other"), CATALOG.exact["b/unknown"][0])
    assert house.order(strategy("order")).startswith("dear-70b")
    assert house.order(strategy("order", sticky=True), call("other")).startswith("dear-70b")


def test_what_costs_nothing_goes_before_a_warm_cache(house: House) -> None:
    """Under `free_first`: in front of those that cost money only."""
    sticky = strategy("order", "free", sticky=True)
    house.chooser.answered(sticky, call(), CATALOG.exact["b/cheap-8b"][0])
    assert house.order(sticky) == "free-1b cheap-8b dear-70b#x dear-70b#y"


def test_a_requests_own_wishes_go_over_all_of_it(house: House) -> None:
    """They are OpenRouter's `provider` block."""
    sticky = strategy("order", sticky=True)
    house.chooser.answered(sticky, call(), CATALOG.exact["b/unknown"][0])
    wish = call(provider={"order": ["c"], "ignore": ["a"]})
    assert house.order(sticky, wish) == "free-1b unknown cheap-8b"
