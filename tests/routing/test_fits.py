"""What keeps a target from serving a call, and who may spend money."""

import pytest
from msgspec.structs import replace

from gateway.catalog.catalog import Target
from gateway.catalog.schema import Paid
from gateway.limits.shorthand import make_rule
from gateway.limits.terms import Meter
from gateway.pricing import Price
from gateway.records import Call, Secret
from gateway.routing.fits import Unfit, could_be_free, may_spend, paid_rule, unfit
from tests.providers.targets import TARGET

DEAR = Price(1, 1, 1, 1, 1)
COST = Meter.of("provider", "groq", "cost", "day", make_rule("cost", "day", 10**9))
RATE = Meter.of("provider", "groq", "requests", "day", make_rule("requests", "day", 50))
FREE_TARGET = replace(TARGET, free=True, price=None, meters=(), context=None, features=None)
PAID_TARGET = replace(FREE_TARGET, free=False, price=DEAR)
UNKNOWN = replace(PAID_TARGET, price=None)
COST_LIMITED = replace(UNKNOWN, meters=(RATE, COST))
CALL = Call(id="1", dialect="chat", model="m", body=b"{}", members={})


@pytest.mark.parametrize(
    ("rules", "strictest"),
    [
        ((), "allow"),
        (("allow", "allow"), "allow"),
        (("allow", "opt_in"), "opt_in"),
        (("opt_in", "never", "allow"), "never"),
    ],
)
def test_the_strictest_rule_about_money_wins(rules: tuple[Paid, ...], strictest: Paid) -> None:
    """Client and meta-model each may forbid what the other allows."""
    assert paid_rule(*rules) == strictest


@pytest.mark.parametrize(
    ("target", "paid", "may_pay", "cost_limited", "allowed"),
    [
        pytest.param(FREE_TARGET, "never", False, True, True, id="what is free is always allowed"),
        pytest.param(PAID_TARGET, "allow", False, True, True, id="paid, allowed"),
        pytest.param(PAID_TARGET, "opt_in", True, True, True, id="paid, opted in"),
        pytest.param(PAID_TARGET, "opt_in", False, False, False, id="paid, not opted in"),
        pytest.param(PAID_TARGET, "never", True, False, False, id="paid, never, whatever the header"),
        pytest.param(UNKNOWN, "allow", False, False, True, id="unknown, allowed"),
        pytest.param(UNKNOWN, "opt_in", True, False, True, id="unknown, opted in"),
        pytest.param(UNKNOWN, "opt_in", False, False, False, id="unknown, not opted in"),
        pytest.param(UNKNOWN, "never", True, False, False, id="unknown is not zero"),
        pytest.param(UNKNOWN, "allow", True, True, False, id="unknown cannot be counted by the client's cost limit"),
        pytest.param(COST_LIMITED, "allow", True, False, False, id="unknown cannot be counted by its own cost limit"),
        pytest.param(replace(UNKNOWN, meters=(RATE,)), "allow", False, False, True, id="unknown, another limit"),
    ],
)
def test_the_money_guard(target: Target, paid: Paid, may_pay: bool, cost_limited: bool, allowed: bool) -> None:
    """Contract, section 4: costs nothing, opt_in, and unknown prices."""
    assert may_spend(target, paid, may_pay, cost_limited=cost_limited) is allowed


SMALL = replace(FREE_TARGET, context=8192, max_output=2000)
LONG = replace(CALL, estimate=8_600, max_tokens=4000)
NEEDY = replace(CALL, needs=frozenset({"tools", "json_schema"}))


@pytest.mark.parametrize(
    ("target", "call", "paid", "found"),
    [
        pytest.param(FREE_TARGET, CALL, "never", None, id="nothing is asked"),
        pytest.param(
            replace(FREE_TARGET, idle="no_key", idle_text="GROQ_API_KEY is not set"),
            CALL,
            "allow",
            Unfit("no_key", "GROQ_API_KEY is not set"),
            id="no key",
        ),
        pytest.param(
            replace(FREE_TARGET, auth="passthrough"),
            CALL,
            "allow",
            Unfit("no_key", "the caller sent no Authorization to pass on"),
            id="nothing to pass on",
        ),
        pytest.param(
            replace(FREE_TARGET, auth="passthrough"),
            replace(CALL, authorization=Secret("Bearer x")),
            "allow",
            None,
            id="something to pass on",
        ),
        pytest.param(FREE_TARGET, NEEDY, "allow", None, id="features are not stated"),
        pytest.param(
            replace(FREE_TARGET, features=frozenset({"tools", "json_schema", "vision"})),
            NEEDY,
            "allow",
            None,
            id="has the features",
        ),
        pytest.param(
            replace(FREE_TARGET, features=frozenset({"tools"})),
            NEEDY,
            "allow",
            Unfit("json_schema", "does not do json schema"),
            id="lacks one feature",
        ),
        pytest.param(
            replace(FREE_TARGET, features=frozenset()),
            NEEDY,
            "allow",
            Unfit("json_schema", "does not do json schema, tools"),
            id="lacks two features",
        ),
        pytest.param(
            SMALL, LONG, "allow", Unfit("context", "needs 10,600 tokens, context is 8,192"), id="answer cut by model"
        ),
        pytest.param(
            replace(SMALL, max_output=None),
            LONG,
            "allow",
            Unfit("context", "needs 12,600 tokens, context is 8,192"),
            id="answer as long as asked",
        ),
        pytest.param(SMALL, replace(LONG, estimate=6_192), "allow", None, id="just fits"),
        pytest.param(SMALL, replace(CALL, estimate=8_192), "allow", None, id="no answer length asked"),
        pytest.param(
            PAID_TARGET,
            CALL,
            "never",
            Unfit("paid", "costs money, and only free models are allowed"),
            id="never pays",
        ),
        pytest.param(
            PAID_TARGET,
            CALL,
            "opt_in",
            Unfit("paid", "costs money, which needs the header x-gateway-paid: yes"),
            id="has not opted in",
        ),
        pytest.param(PAID_TARGET, replace(CALL, may_pay=True), "opt_in", None, id="has opted in"),
        pytest.param(
            UNKNOWN,
            CALL,
            "never",
            Unfit("price_unknown", "its price is unknown, and only free models are allowed"),
            id="unknown under never",
        ),
        pytest.param(
            COST_LIMITED,
            CALL,
            "allow",
            Unfit("price_unknown", "its price is unknown, and a cost limit applies"),
            id="unknown under a cost limit",
        ),
    ],
)
def test_what_keeps_a_target_from_serving(target: Target, call: Call, paid: Paid, found: Unfit | None) -> None:
    """Each reason has a word for machines and a sentence with the numbers."""
    assert unfit(target, call, paid) == found


def test_a_callers_cost_limit_keeps_out_unknown_prices() -> None:
    """The limit could not count what it does not know."""
    found = unfit(UNKNOWN, CALL, "allow", cost_limited=True)
    assert found == Unfit("price_unknown", "its price is unknown, and a cost limit applies")


@pytest.mark.parametrize(
    ("targets", "could"),
    [
        pytest.param([], False, id="none"),
        pytest.param([PAID_TARGET, UNKNOWN], False, id="all cost"),
        pytest.param([PAID_TARGET, FREE_TARGET], True, id="one is free"),
        pytest.param([replace(FREE_TARGET, idle="no_key")], True, id="a key can be set"),
        pytest.param([replace(FREE_TARGET, idle="off")], False, id="off is off"),
        pytest.param([replace(FREE_TARGET, idle="score")], False, id="left out by its score"),
        pytest.param([replace(FREE_TARGET, idle="provider")], True, id="left out by the request"),
    ],
)
def test_whether_a_name_could_ever_serve_for_nothing(targets: list[Target], could: bool) -> None:
    """It tells 403 from 429."""
    assert could_be_free(targets) is could
