"""What one fallback past an exhausted candidate costs a decision (goal: under 5 us), beside a plain one."""

import statistics
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from msgspec.structs import replace  # noqa: E402 - the path comes first

from gateway.catalog.catalog import Resolution, Target  # noqa: E402 - the path comes first
from gateway.catalog.compile import compile_text  # noqa: E402 - as above
from gateway.clock import FakeClock  # noqa: E402 - as above
from gateway.dialects.chat import read_call  # noqa: E402 - as above
from gateway.limits.ledger import NOTHING, LimitReachedError, Need  # noqa: E402 - as above
from gateway.records import Call  # noqa: E402 - as above
from gateway.relay import account  # noqa: E402 - as above
from gateway.routing import fits  # noqa: E402 - as above
from gateway.routing.chooser import Situation  # noqa: E402 - as above
from gateway.state import ConfigStatus, State  # noqa: E402 - as above

ROUNDS, TURNS = 15, 4000
STRATEGIES = ("order", "grade", "cheapest", "score", "fastest", "headroom", "round_robin")

_MODEL = (
    "m: {price: {input: 1, output: 2}, limits: {requests_per_day: 50, tokens_per_day: 1M, requests_per_minute: 30}}"
)
CONFIG = f"""
providers:
  full: {{base_url: "https://full.test/v1", api_key: k, models: {{{_MODEL}}}}}
  open: {{base_url: "https://open.test/v1", api_key: k, models: {{{_MODEL.replace("50", "1G").replace("30", "1G")}}}}}
meta_models:
  plain: {{targets: [open/m]}}
  fallback: {{targets: [full/m, open/m]}}
"""
CALL = b'{"model": "base", "messages": [{"role": "user", "content": "Why is the sky blue?"}]}'


class House:
    """A gateway's state in which `full` has no room."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        catalog = compile_text(CONFIG, file="bench", lookup=lambda _: None, presets={})
        self.state = State(catalog, self.clock, ConfigStatus(path="bench", env_file="", loaded_at=0.0, hash=""))
        self.call: Call = read_call(CALL, id="bench")
        now = self.clock.now()
        for _ in range(50):
            meters = catalog.exact["full/m"][0].meters[:1]
            self.state.ledger.settle(self.state.ledger.reserve(meters, Need(1), now), Need(1), now)

    def decide(self, resolution: Resolution) -> str:
        """Order, fit, reserve, as the relay does; what was taken is given back."""
        state, call, now = self.state, self.call, self.clock.now()
        catalog = state.catalog

        def cost(target: Target) -> int:
            return account.outlook(target, call, state.learned).at().hold(account.COST)[0]

        situation = Situation(catalog, state.ledger, now, cost)
        targets = state.chooser.order(resolution, call, situation)
        state.chooser.turned(resolution)
        for target in targets:
            if fits.unfit(target, call, "allow") or state.cooldowns.enter(target, now):
                continue
            try:
                reservation = state.ledger.reserve(
                    account.meters_of(target, None), account.outlook(target, call, state.learned), now
                )
            except LimitReachedError:
                continue
            state.ledger.settle(reservation, NOTHING, now)
            return target.id
        return ""

    def one_us(self, resolution: Resolution) -> float:
        """Microseconds of one decision: the median of the rounds."""
        rounds = []
        for _ in range(ROUNDS):
            began = time.perf_counter()
            for _ in range(TURNS):
                self.decide(resolution)
            rounds.append((time.perf_counter() - began) / TURNS * 1e6)
        return statistics.median(rounds)


def main() -> None:
    """Print the decision, the decision with a fallback, and the difference."""
    house = House()
    plain, fallback = (house.state.catalog.resolve(name) for name in ("plain", "fallback"))
    if (house.decide(plain), house.decide(fallback)) != ("open/m", "open/m"):
        raise SystemExit("The candidates do not stand as they should.")
    print("strategy      plain us   past one exhausted us   the fallback us   ratio")
    for strategy in STRATEGIES:
        one = house.one_us(replace(plain, strategy=strategy))
        two = house.one_us(replace(fallback, strategy=strategy))
        print(f"{strategy:12} {one:9.2f} {two:23.2f} {two - one:17.2f} {two / one:7.2f}")


if __name__ == "__main__":
    main()
