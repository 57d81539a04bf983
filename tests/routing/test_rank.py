"""The order of the targets: strategies, keys in turn, several names, the request's own wishes."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.catalog.catalog import Resolution, Target
from gateway.pricing import NANO, Price
from gateway.routing.rank import kept_on, left_out, merged, order, preferred
from tests.providers.targets import TARGET


def target(name: str, **other: Any) -> Target:
    """A target from `provider/model#key`."""
    provider, _, rest = name.partition("/")
    model, _, key = rest.partition("#")
    values = {"price": None, "free": False, "grade": 0.0, "priority": 0, "order": 0, "pin": "", **other}
    return replace(TARGET, provider=provider, model=model, key=key, **values)


def resolution(*targets: Target, **other: Any) -> Resolution:
    values = {"name": "n", "kind": "meta", "strategy": "order", "free_first": False, "paid": "allow", **other}
    return Resolution(targets=targets, **values)


def ids(targets: list[Target] | tuple[Target, ...]) -> list[str]:
    return [each.rest_id for each in targets]


MIXED = (
    target("a/m", grade=5, priority=2, order=3),
    target("b/m", grade=9, priority=9, order=2, free=True),
    target("c/m", grade=9, priority=1, order=1),
    target("d/m", grade=1, priority=9, order=0, free=True),
    target("e/m", grade=9, priority=9, order=4, free=True),
)


@pytest.mark.parametrize(
    ("strategy", "free_first", "expected"),
    [
        ("order", False, "abcde"),
        ("order", True, "bdeac"),
        ("grade", False, "cbead"),
        ("grade", True, "bedca"),
        ("bare", True, "bedca"),
        ("bare", False, "bedca"),
    ],
)
def test_strategies(strategy: str, free_first: bool, expected: str) -> None:
    """Free first goes before any strategy and keeps its order; ties fall to priority, then to the file."""
    found = order(resolution(*MIXED, strategy=strategy, free_first=free_first))
    assert "".join(each.provider for each in found) == expected


@pytest.mark.parametrize(("free_first", "expected"), [(False, "edcba"), (True, "edbca")])
def test_strategies_that_measure(free_first: bool, expected: str) -> None:
    """They sort by a number of each target, least first."""
    found = order(resolution(*MIXED, strategy="cheapest", free_first=free_first), lambda target: -ord(target.provider))
    assert "".join(each.provider for each in found) == expected


def test_ties_go_by_grade_then_priority_then_as_written() -> None:
    """Whatever is measured, the same number is no difference."""
    found = order(resolution(*MIXED, strategy="fastest"))
    assert "".join(each.provider for each in found) == "cbead"


MODELS = (target("a/m#x"), target("a/m#y"), target("b/m", free=True), target("c/m"), target("d/m", free=True))


@pytest.mark.parametrize(
    ("free_first", "turn", "expected"),
    [
        (False, 0, "a/m#x a/m#y b/m c/m d/m"),
        (False, 1, "b/m c/m d/m a/m#x a/m#y"),
        (False, 7, "d/m a/m#x a/m#y b/m c/m"),
        (True, 0, "b/m d/m a/m#x a/m#y c/m"),
        (True, 1, "d/m b/m c/m a/m#x a/m#y"),
        (True, 2, "b/m d/m a/m#x a/m#y c/m"),
    ],
)
def test_models_take_turns(free_first: bool, turn: int, expected: str) -> None:
    """With their keys side by side; those that cost nothing among themselves, and before the others."""
    found = order(resolution(*MODELS, strategy="round_robin", free_first=free_first), turn=turn)
    assert " ".join(ids(found)) == expected


STRATEGIES = ("order", "grade", "cheapest", "score", "fastest", "headroom", "round_robin", "bare")


@given(
    strategy=st.sampled_from(STRATEGIES),
    kinds=st.lists(st.tuples(st.booleans(), st.integers(0, 2), st.integers(0, 2)), max_size=8),
    measured=st.integers(0, 5),
    key_turn=st.integers(0, 9),
    turn=st.integers(0, 9),
)
def test_free_first_goes_before_any_strategy(
    strategy: str, kinds: list[tuple[bool, int, int]], measured: int, key_turn: int, turn: int
) -> None:
    """Nobody is lost or comes twice, and what costs nothing is in front: in the order that it has among itself."""
    targets = [
        target(f"p{n % 3}/m{n // 2}#{n}", free=free, grade=grade, priority=priority, order=n)
        for n, (free, grade, priority) in enumerate(kinds)
    ]

    def ordered(*some: Target, free_first: bool) -> list[Target]:
        wanted = resolution(*some, strategy=strategy, free_first=free_first)
        return order(wanted, lambda each: (each.order * 7 + measured) % 5, turn=turn, key_turn=lambda _: key_turn)

    found = ordered(*targets, free_first=True)
    free = [each for each in targets if each.free]
    assert sorted(ids(found)) == sorted(ids(targets))
    assert found[: len(free)] == ordered(*free, free_first=False)


def test_turns_of_one_name_are_no_turns_of_another_strategy() -> None:
    """`turn` says something under `round_robin` only."""
    assert ids(order(resolution(*MODELS), turn=1)) == ids(MODELS)


def test_turns_of_nothing() -> None:
    """A name whose targets are all gone."""
    assert order(resolution(strategy="round_robin"), turn=3, key_turn=lambda _: 1) == []


@pytest.mark.parametrize(
    ("rest_id", "free_first", "expected"),
    [
        ("c/m", False, "c/m a/m#x a/m#y b/m d/m"),
        ("a/m#y", False, "a/m#y a/m#x b/m c/m d/m"),
        ("c/m", True, "b/m d/m c/m a/m#x a/m#y"),
        ("d/m", True, "d/m b/m a/m#x a/m#y c/m"),
        ("gone/m", False, "a/m#x a/m#y b/m c/m d/m"),
    ],
)
def test_a_conversation_is_kept_on_its_target(rest_id: str, free_first: bool, expected: str) -> None:
    """But a warm cache does not go before what costs nothing."""
    ranked = order(resolution(*MODELS, free_first=free_first))
    assert " ".join(ids(kept_on(ranked, rest_id, free_first=free_first))) == expected


def test_what_is_left_out_says_why() -> None:
    """Unless it could not be tried anyway."""
    assert left_out(target("a/m"), "score", "too low").idle_text == "too low"
    off = target("a/m", idle="off", idle_text="switched off")
    assert left_out(off, "score", "too low") is off


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        ([target("a/m", priority=2, grade=9), target("b/m", priority=1)], ["b/m", "a/m"]),
        ([target("a/m", grade=1), target("b/m", grade=2)], ["b/m", "a/m"]),
        ([target("a/m", order=2), target("b/m", order=1)], ["b/m", "a/m"]),
    ],
    ids=["low priority first", "then high grade", "then place in the file"],
)
def test_a_bare_name(targets: list[Target], expected: list[str]) -> None:
    """Among those that cost the same: priority, grade, file order."""
    assert ids(order(resolution(*targets, strategy="bare"))) == expected


KEYS = (target("a/m#x"), target("a/m#y"), target("a/m#z"), target("a/n#x"), target("a/n#y"), target("b/m#x"))
BEFORE = ["a/m#x", "a/m#y", "a/m#z", "a/n#x", "a/n#y", "b/m#x"]


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
        ({}, BEFORE),
        ({"a/m": 1, "a/n": 1, "b/m": 1}, ["a/m#y", "a/m#z", "a/m#x", "a/n#y", "a/n#x", "b/m#x"]),
        ({"a/m": 2}, ["a/m#z", "a/m#x", "a/m#y", "a/n#x", "a/n#y", "b/m#x"]),
        ({"a/m": 3, "a/n": 5}, ["a/m#x", "a/m#y", "a/m#z", "a/n#y", "a/n#x", "b/m#x"]),
    ],
)
def test_keys_take_turns(turns: dict[str, int], expected: list[str]) -> None:
    """The keys of a model stay together, begun at the one whose turn it is."""
    assert ids(order(resolution(*KEYS), key_turn=lambda key: turns.get(key.id, 0))) == expected


def test_a_free_key_stays_in_front_when_keys_take_turns() -> None:
    """Free first goes before any strategy."""
    keys = resolution(target("a/m#x"), target("a/m#y", free=True), free_first=True)
    assert ids(order(keys, key_turn=lambda _: 1)) == ["a/m#y", "a/m#x"]


def test_a_list_of_names_is_one_list_of_targets() -> None:
    """Each name keeps its own order, a target is tried once, and the strictest rule about money holds for all."""
    first = resolution(target("a/m"), target("b/m", free=True), kind="bare", strategy="bare", free_first=True)
    second = resolution(target("c/m"), target("a/m"), target("a/m#y"), paid="opt_in")
    found = merged([first, second])
    assert ids(found.targets) == ["b/m", "a/m", "c/m", "a/m#y"]
    assert (found.kind, found.strategy, found.free_first, found.paid) == ("bare", "listed", False, "opt_in")
    assert order(found, turn=1, key_turn=lambda _: 1) == list(found.targets)
    assert ids(merged([first, second], lambda each: each.targets[::-1]).targets) == ["b/m", "a/m", "a/m#y", "c/m"]


def test_what_one_name_leaves_out_another_may_bring() -> None:
    """At its place in the order of that name; what both leave out is there once."""
    out = [left_out(target(name), "score", "too low") for name in ("a/m", "b/m")]
    first, second = resolution(out[0], target("c/m"), out[1]), resolution(target("d/m"), target("a/m"), out[1])
    found = merged([first, second])
    assert [(each.id, each.idle) for each in found.targets] == [
        ("c/m", ""),
        ("b/m", "score"),
        ("d/m", ""),
        ("a/m", ""),
    ]
    assert merged([second, first]).targets == (target("d/m"), target("a/m"), out[1], target("c/m"))


CHEAP = Price(NANO, 0, 0, 2 * NANO, 0, NANO // 10)
OURS = [
    target("groq/m", price=CHEAP),
    target("or/m", pin="anthropic"),
    target("gemini/m", free=True, price=Price(9 * NANO, 0, 0, 9 * NANO, 0)),
]


@pytest.mark.parametrize(
    ("preferences", "expected"),
    [
        pytest.param({}, "groq or gemini", id="nothing wished"),
        pytest.param({"order": ["gemini"]}, "gemini groq or", id="named first"),
        pytest.param({"order": ["gemini", "groq"]}, "gemini groq or", id="in the order named"),
        pytest.param({"order": ["deepinfra", "or", "gemini"]}, "or gemini groq", id="nobody answers to a name"),
        pytest.param({"order": ["Anthropic"]}, "or groq gemini", id="the pinned upstream is a name"),
        pytest.param({"order": ["gemini"], "allow_fallbacks": False}, "gemini", id="no fallback"),
        pytest.param({"order": ["gemini"], "allow_fallbacks": True}, "gemini groq or", id="fallbacks"),
        pytest.param({"allow_fallbacks": False}, "groq or gemini", id="no fallback to nothing named"),
        pytest.param({"order": ["x"], "allow_fallbacks": False}, "", id="no fallback from nobody"),
        pytest.param({"only": ["gemini", "groq"]}, "groq gemini", id="only"),
        pytest.param({"only": ["GROQ"]}, "groq", id="in other letters"),
        pytest.param({"only": ["deepinfra"]}, "", id="only nobody"),
        pytest.param({"only": []}, "groq or gemini", id="only, of an empty list"),
        pytest.param({"ignore": ["groq", "x"]}, "or gemini", id="ignore"),
        pytest.param({"only": ["groq"], "ignore": ["groq"]}, "", id="nothing left"),
        pytest.param({"max_price": {"prompt": 1, "completion": "2"}}, "groq gemini", id="just within"),
        pytest.param({"max_price": {"prompt": 0.99}}, "gemini", id="input too dear"),
        pytest.param({"max_price": {"completion": 1.5}}, "gemini", id="output too dear"),
        pytest.param({"max_price": {"request": 0.09}}, "gemini", id="request too dear"),
        pytest.param({"max_price": {"request": 0.1}}, "groq gemini", id="request within"),
        pytest.param({"max_price": {"image": 0}}, "groq or gemini", id="a price that is not ours"),
    ],
)
def test_the_requests_own_wishes(preferences: dict[str, object], expected: str) -> None:
    """OpenRouter's `provider` block, for our providers."""
    found = preferred(OURS, preferences)
    assert [each.provider for each in found if not each.idle] == expected.split()
    assert len(found) == len(OURS)


THEIRS = [target("groq/m"), target("openrouter/m", type="openrouter"), target("pin/m", type="openrouter", pin="azure")]


@pytest.mark.parametrize(
    ("preferences", "expected"),
    [
        pytest.param({"only": ["deepinfra"]}, "openrouter", id="only one of its own"),
        pytest.param({"only": ["deepinfra", "groq"]}, "groq openrouter", id="or ours"),
        pytest.param({"only": ["azure"]}, "pin", id="a pin goes before"),
        pytest.param({"only": ["openrouter"]}, "openrouter", id="by our name for it"),
        pytest.param({"order": ["deepinfra"]}, "openrouter groq pin", id="named first"),
        pytest.param({"order": ["groq", "deepinfra"], "allow_fallbacks": False}, "groq openrouter", id="no fallback"),
        pytest.param({"ignore": ["deepinfra"]}, "groq openrouter pin", id="ignored there"),
        pytest.param({"ignore": ["openrouter"]}, "groq pin", id="ignored here"),
    ],
)
def test_names_that_are_nobodys_are_upstreams_of_openrouter(preferences: dict[str, object], expected: str) -> None:
    """The block goes on to it, so it can do what was wished; nobody else can."""
    found = preferred(THEIRS, preferences)
    assert [each.provider for each in found if not each.idle] == expected.split()


@pytest.mark.parametrize(
    ("preferences", "why"),
    [
        (
            {"order": ["gemini"], "allow_fallbacks": False},
            "is not in the request's provider.order, which allows no fallbacks",
        ),
        ({"only": ["gemini"]}, "is not in the request's provider.only"),
        ({"ignore": ["groq", "or"]}, "is in the request's provider.ignore"),
        ({"max_price": {"prompt": 0}}, "is over the request's provider.max_price for a prompt"),
        ({"max_price": {"prompt": 1, "completion": 0}}, "is over the request's provider.max_price for a completion"),
        ({"max_price": {"request": 0}}, "is over the request's provider.max_price for a request"),
    ],
)
def test_what_is_not_wanted_says_why(preferences: dict[str, object], why: str) -> None:
    """It is last, and idle for this request."""
    found = preferred([OURS[0], OURS[2]], preferences)
    assert [(each.provider, each.idle, each.idle_text) for each in found] == [
        ("gemini", "", ""),
        ("groq", "provider", why),
    ]


def test_an_unknown_price_is_over_any_ceiling() -> None:
    """Unknown is never zero."""
    found = preferred(OURS[1:], {"max_price": {"prompt": 100}})
    assert found[-1].idle_text == "has no known price, and the request sets a provider.max_price"


def test_thinking_is_paid_like_the_rest_of_a_completion() -> None:
    """A ceiling over answers holds for both."""
    thinker = target("a/m", price=Price(NANO, 0, 0, 2 * NANO, 9 * NANO))
    assert [each.idle for each in preferred([thinker], {"max_price": {"completion": 8}})] == ["provider"]
    assert [each.idle for each in preferred([thinker], {"max_price": {"completion": 9}})] == [""]


@pytest.mark.parametrize(
    "preferences",
    [
        {"order": "gemini", "only": {"gemini": 1}, "ignore": None},
        {"only": [1, None, ["groq"]]},
        {"order": ["gr"], "allow_fallbacks": "no"},
        {"max_price": 0},
        {"max_price": {"prompt": True, "completion": None, "request": []}},
        {"max_price": {"prompt": "cheap", "completion": "nan", "request": -1}},
        {"max_price": {"prompt": "1e999", "completion": 10**400}},
    ],
)
def test_malformed_wishes_are_passed_over(preferences: dict[str, object]) -> None:
    """OpenRouter itself says what is wrong with them."""
    assert preferred(OURS, preferences) == OURS
