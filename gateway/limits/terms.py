"""The words of the ledger: what a limit is attached to, what an attempt needs, and what it lacks."""

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from .rules import Rule
from .shorthand import UNITS, Unit, key_of, window_s

ScopeType = Literal["provider", "key", "model", "pool", "client"]


class Meter(Struct, frozen=True, gc=False):
    """A limit where it applies: a rule and the id its count is kept under."""

    id: str
    scope: str
    scope_type: ScopeType
    unit: Unit
    window: str
    """Empty for a limit without one."""
    rule: Rule
    strict: bool | None = None
    """As it is written; None where it is not."""
    on_persist_error: Literal["warn", "deny"] | None = None
    """The same."""

    @classmethod
    def of(
        cls,
        scope_type: ScopeType,
        scope: str,
        unit: Unit,
        window: str,
        rule: Rule,
        strict: bool | None = None,
        on_persist_error: Literal["warn", "deny"] | None = None,
    ) -> "Meter":
        """The meter, with the id that scope, unit and window make."""
        id_ = f"{scope_type}:{scope}:{key_of(unit, window)}"
        return cls(id_, scope, scope_type, unit, window, rule, strict, on_persist_error)

    @property
    def is_strict(self) -> bool:
        """Whether bounds are held instead of forecasts. Money is strict unless it is written otherwise."""
        return self.unit == "cost" if self.strict is None else self.strict

    @property
    def denies(self) -> bool | None:
        """Whether nobody passes while nothing can be written down; None where that is for the server to say."""
        said = self.on_persist_error or ("deny" if self.unit == "cost" else None)
        return None if said is None else said == "deny"

    @property
    def name(self) -> str:
        """What the YAML calls the limit: `requests_per_minute`."""
        return key_of(self.unit, self.window)

    @property
    def is_quota(self) -> bool:
        """Whether it is money or lasts a day or longer, which callers are told apart from a rate."""
        return self.unit == "cost" or window_s(self.window) >= 86400


class Need(Struct, frozen=True):
    """What one attempt takes: as it was in the end, or sure beforehand."""

    requests: int = 1
    input: int = 0
    output: int = 0
    cost_nanousd: int = 0
    input_cost_nanousd: int = 0
    """The part of `cost_nanousd` that is for the input: known before the answer. Only looked at when reserving."""
    asked: int = 0
    """Output tokens that the caller asks for: what makes a request too large for `tokens_per_request`, where it is
    more than `output`. Never held, so that large round numbers cost nobody anything."""

    def of(self, unit: Unit) -> int:
        """The amount in the unit of one limit."""
        return self.amounts()[UNITS.index(unit)]

    def amounts(self) -> tuple[int, int, int, int, int, int, int]:
        """The amount in each unit, in the order of UNITS."""
        return (
            self.requests,
            self.input + self.output,
            self.input,
            self.output,
            self.cost_nanousd,
            self.requests,
            self.input + max(self.output, self.asked),
        )

    def least(self) -> tuple[int, int, int, int, int, int, int]:
        """The part of `amounts` that is certain whatever the answer's length."""
        return (
            self.requests,
            self.input,
            self.input,
            0,
            self.input_cost_nanousd,
            self.requests,
            self.input + max(self.output, self.asked),
        )

    def hold(self, unit: int) -> tuple[int, float, float]:
        """What a forecast says of a unit, by its place in UNITS: mean, variance, doubt. Here it is sure."""
        return self.amounts()[unit], 0.0, 0.0

    def most(self, unit: int) -> int:
        """The bound of it in a unit."""
        return self.amounts()[unit]

    def certain(self, unit: int) -> int:
        """`least` in a unit."""
        return self.least()[unit]


NOTHING = Need(0)
"""What an attempt that never left is settled with."""


class Shortfall(Struct, frozen=True, kw_only=True):
    """A limit without room for an attempt."""

    meter: Meter
    used: int
    """Rounded up."""
    held: int
    """By requests in flight, their margin included."""
    need: int
    """What it would hold, with what it adds to the margin."""
    amount: int
    """The capacity: a bucket's burst."""
    opens_at: float | None
    """Unix time at which it would fit; None: never."""
    wait_s: float
    """Seconds until then; inf: never."""
    never: bool
    """Its input alone is over the whole amount."""
    by_holds: bool
    """Only requests in flight are in the way, so the time is an estimate."""
    closed: str = ""
    """Why nothing can be written down, where the limit lets nobody pass meanwhile; the time is an estimate then."""

    @property
    def text(self) -> str:
        """`30 of 30 requests per minute used, 2 held`, `4 of 4 concurrent requests held`, for people."""
        if self.closed:
            return f"closed, since nothing can be written down ({self.closed})"
        if self.meter.unit == "concurrent_requests":
            return f"{self.held} of {self.amount} concurrent requests held"
        if self.meter.unit == "tokens_per_request":
            return f"{self.need} of {self.amount} tokens per request needed"
        money = self.meter.unit == "cost"
        used, held, need, amount = (
            f"${n / 1e9:.4f}" if money else f"{n}" for n in (self.used, self.held, self.need, self.amount)
        )
        unit = "" if money else self.meter.unit.replace("_", " ") + " "
        holding = f", {held} held" if self.held else ""
        needing = f", {need} needed" if self.need > 1 else ""
        return f"{used} of {amount} {unit}per {self.meter.window} used{holding}{needing}"


class LimitReachedError(Exception):
    """No room: `shortfalls` names every limit in the way. Stays inside: the relay tries the next target."""

    def __init__(self, shortfalls: Sequence[Shortfall]) -> None:
        self.shortfalls = shortfalls

    def __str__(self) -> str:
        return "; ".join(f"{each.meter.scope}: {each.text}" for each in self.shortfalls)

    @property
    def longest(self) -> Shortfall:
        """The limit that opens last."""
        return max(self.shortfalls, key=lambda each: each.wait_s)

    @property
    def wait_s(self) -> float:
        """Seconds until all of them have room; inf: never."""
        return self.longest.wait_s

    @property
    def never(self) -> bool:
        """Whether it is larger than the whole amount of one of them."""
        return any(each.never for each in self.shortfalls)
