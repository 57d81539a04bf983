"""The days that the pages are shown on: busy, calm, and the first one."""

import random

from msgspec.structs import replace

from gateway.catalog.differences import Differences
from gateway.clock import FakeClock
from gateway.records import Usage
from gateway.state import State

from .sample import AT, BUSY, CALM, FRESH, PROBLEM, YAML, chosen, left_out, remember, settled, state_of, tried

LLAMA = "groq/llama-3.3-70b-versatile"
LITE = "google/gemini-3.1-flash-lite"


def busy(*, refused: bool = True) -> State:
    """A bad day: refused configuration, one provider near its limit, one cooling down, one without a key."""
    state = state_of(YAML, BUSY, problems=(PROBLEM,) if refused else ())
    half_an_hour(state, ["groq"] * 8 + ["google", "mistral", "openai", "openrouter"])
    cool_down(state, "openrouter", 42, "429 from upstream, Retry-After 60")
    small = "mistral/mistral-small-latest"
    remember(
        state,
        *[
            settled(
                "smart",
                (
                    left_out(LLAMA, "30 of 30 this minute"),
                    left_out(LITE, "15 of 15 this minute"),
                    chosen(small, "free, ready"),
                ),
                Usage(2220, 310),
                0.402,
                ago_s=38,
                client="open-webui",
            ),
            settled(
                "gpt-4.1-mini", (), Usage(), None, ago_s=32, client="scripts", status=404, outcome="model_not_found"
            ),
            settled(
                "smart",
                (
                    tried("openrouter/deepseek/deepseek-r1:free", "429 after 84 ms"),
                    tried(LLAMA, "503 after 140 ms"),
                    chosen(LITE, "free, 3rd try"),
                ),
                Usage(604, 88, estimated=True),
                0.611,
                ago_s=18,
                client="llm",
            ),
            settled(
                "code",
                (
                    left_out(LLAMA, "needs 10.6 k, 7.9 k left this minute"),
                    left_out("openrouter/deepseek/deepseek-r1:free", "cooling down", "cooldown"),
                    chosen("openai/gpt-4o-mini", "paid, in budget"),
                ),
                Usage(9811, 702),
                0.455,
                ago_s=4,
                client="aider",
                cost_nanousd=1_893_000,
            ),
            settled(
                "smart",
                (
                    left_out("google/gemini-2.5-flash", "20 of 20 today"),
                    left_out("openrouter/deepseek/deepseek-r1:free", "cooling down", "cooldown"),
                    chosen(LLAMA, "free, grade 80"),
                ),
                Usage(1902, 244),
                0.198,
                ago_s=2,
            ),
        ],
    )
    state.running = 1
    return state


def calm() -> State:
    """All is well."""
    state = state_of(YAML, CALM)
    half_an_hour(state, ["groq"] * 5 + ["google", "mistral", "openrouter"])
    return state


def empty() -> State:
    """Keys are there, but nothing was asked yet."""
    return state_of(YAML)


def first() -> State:
    """No key yet."""
    return state_of(FRESH)


def reloaded() -> State:
    """A minute ago the configuration was saved."""
    state = empty()
    lines = ("groq tokens_per_day 100k -> 200k, 63,120 used kept", f"model google/{'very-' * 20}long added")
    state.config = replace(state.config, changed_at=AT - 60, differences=Differences(lines=lines, more=2))
    return state


def cool_down(state: State, provider: str, seconds: float, cause: str) -> None:
    """A whole provider rests."""
    now = FakeClock(AT, state.clock.now().boot).now()
    state.cooldowns.rest(
        "provider", provider, now, wait_s=seconds, certain=True, cause=cause, jitter=lambda: 1.0, schedule="backoff"
    )


def half_an_hour(state: State, providers: list[str]) -> None:
    """Three hundred requests before the ones above, the same on every run."""
    chance = random.Random(7)  # noqa: S311 - sample data
    targets = {provider: state.catalog.providers[provider].targets[0].id for provider in set(providers)}
    for i in range(300, 0, -1):
        target = targets[chance.choice(providers)]
        paid = target.startswith("openai/")
        one = settled(
            "fast",
            (chosen(target, "paid, in budget" if paid else "first choice, free"),),
            Usage(chance.randint(200, 2000), chance.randint(20, 400)),
            0.2 + chance.random() ** 4,
            ago_s=40 + i * 5.5,
            client="continue",
            cost_nanousd=chance.randint(10_000_000, 22_000_000) if paid else 0,
        )
        remember(state, one)
