"""One day of a busy gateway, at 14:32:30 UTC on 20 November 2026: what the page tests and the picture show."""

from collections.abc import Mapping

from gateway.catalog.catalog import Catalog
from gateway.catalog.compile import compile_text
from gateway.clock import FakeClock
from gateway.errors import Problem
from gateway.limits.terms import Need
from gateway.records import AttemptRecord, Candidate, Settled, Usage
from gateway.state import ConfigStatus, SnapshotStatus, State

AT = 1_795_185_150.0
"""2026-11-20 14:32:30 UTC."""

YAML = """
server: {paid: allow}
providers:
  groq:
    api_key: k
    base_url: https://api.groq.com/openai/v1
    free: true
    limits: {requests_per_minute: 30}
    models:
      llama-3.3-70b-versatile:
        grade: 80
        price: {input: 0.59, output: 0.79}
        limits: {tokens_per_minute: 12k, tokens_per_day: 200k}
      llama-3.1-8b-instant: {grade: 40, limits: {requests_per_day: 14_400}}
      openai/gpt-oss-120b: {grade: 75}
      openai/gpt-oss-20b: {grade: 60}
  google:
    api_key: k
    base_url: https://generativelanguage.googleapis.com/v1beta/openai
    free: true
    timezone: America/Los_Angeles
    models:
      gemini-3.1-flash-lite:
        grade: 78
        limits: {requests_per_minute: 15, requests_per_day: 500, input_tokens_per_minute: 250k}
      gemini-2.5-flash: {grade: 88, limits: {requests_per_day: 20}}
  openrouter:
    type: openrouter
    api_key: k
    limits: {requests_per_minute: 20, requests_per_day: 50}
    models:
      deepseek/deepseek-r1:free: {grade: 84}
      openai/gpt-oss-120b:free: {grade: 74}
  mistral:
    api_key: k
    base_url: https://api.mistral.ai/v1
    free: true
    limits: {requests_per_second: 1, tokens_per_month: 1G}
    models: {mistral-small-latest: {grade: 70}, codestral-latest: {grade: 66}}
  openai:
    api_key: k
    limits: {requests_per_minute: 500, cost_per_day: 2.00}
    models: {gpt-4o-mini: {grade: 82, price: {input: 0.15, output: 0.60}}}
  cerebras:
    x-signup: https://cloud.cerebras.ai
    x-free_tier: 30 a minute, 14,400 requests and 1 M tokens a day
    api_key: ${CEREBRAS_API_KEY}
    base_url: https://api.cerebras.ai/v1
    free: true
    limits: {requests_per_minute: 30}
    models: {gpt-oss-120b: {grade: 75}, llama3.1-8b: {grade: 45}}
meta_models:
  smart:
    strategy: grade
    targets:
      - google/gemini-2.5-flash
      - openrouter/deepseek/deepseek-r1:free
      - groq/llama-3.3-70b-versatile
      - google/gemini-3.1-flash-lite
      - mistral/mistral-small-latest
      - cerebras/gpt-oss-120b
      - openai/gpt-4o-mini
  fast: {targets: [groq/llama-3.1-8b-instant, mistral/mistral-small-latest]}
  code: {targets: [mistral/codestral-latest, openai/gpt-4o-mini]}
"""

FRESH = """
providers:
  groq:
    {x-signup: "https://console.groq.com/keys", x-free_tier: "30 a minute, 14,400 a day (8b), 1,000 (70b)",
     x-note: Fastest first token. Resets 00:00 UTC., api_key: "${GROQ_API_KEY}", free: true,
     base_url: "https://api.groq.com/openai/v1", limits: {requests_per_minute: 30}, models: {llama-3.1-8b-instant: {}}}
  gemini:
    {x-signup: "https://aistudio.google.com/apikey", x-free_tier: "15 a minute, 500 a day with flash-lite",
     api_key: "${GEMINI_API_KEY}", free: true, base_url: "https://generativelanguage.googleapis.com/v1beta/openai",
     limits: {requests_per_minute: 15}, models: {gemini-2.5-flash: {}}}
  demo: {type: echo, models: {echo: {}}}
meta_models:
  base: {targets: [groq/llama-3.1-8b-instant, gemini/gemini-2.5-flash, demo/echo]}
"""

BUSY: Mapping[str, Need] = {
    "provider:groq:requests_per_minute": Need(22),
    "model:groq/llama-3.3-70b-versatile:tokens_per_minute": Need(0, 4100),
    "model:groq/llama-3.3-70b-versatile:tokens_per_day": Need(0, 142_380),
    "model:groq/llama-3.1-8b-instant:requests_per_day": Need(334),
    "model:google/gemini-3.1-flash-lite:requests_per_minute": Need(3),
    "model:google/gemini-3.1-flash-lite:requests_per_day": Need(471),
    "model:google/gemini-3.1-flash-lite:input_tokens_per_minute": Need(0, 38_000),
    "model:google/gemini-2.5-flash:requests_per_day": Need(20),
    "provider:openrouter:requests_per_minute": Need(1),
    "provider:openrouter:requests_per_day": Need(41),
    "provider:mistral:tokens_per_month": Need(0, 4_030_112),
    "provider:openai:requests_per_minute": Need(2),
    "provider:openai:cost_per_day": Need(0, cost_nanousd=370_000_000),
}
"""Meter id -> what was used of it."""

CALM: Mapping[str, Need] = {
    "model:groq/llama-3.3-70b-versatile:tokens_per_day": Need(0, 66_410),
    "model:google/gemini-2.5-flash:requests_per_day": Need(13),
    "provider:openrouter:requests_per_day": Need(11),
    "provider:openai:cost_per_day": Need(0, cost_nanousd=80_000_000),
}

PROBLEM = Problem(
    file="config/gateway.yaml",
    line=31,
    column=7,
    message="unknown key 'requests_per_min', did you mean 'requests_per_minute'?",
    excerpt="      requests_per_min: 30\n      ^^^^^^^^^^^^^^^^",
)


def compiled(text: str) -> Catalog:
    """The catalog of a text, with no variable set."""
    return compile_text(text, file="config/gateway.yaml", lookup=lambda _: None, presets={})


def state_of(text: str, used: Mapping[str, Need] | None = None, *, problems: tuple[Problem, ...] = ()) -> State:
    """A gateway that has run for three days on this YAML, has used so much, and remembers no request."""
    clock = FakeClock(AT)
    config = ConfigStatus(
        path="config/gateway.yaml", env_file="", loaded_at=AT - 1819, hash="abc", problems=problems, sources={}
    )
    clock.advance(-273_700)
    state = State(catalog=compiled(text), clock=clock, config=config)
    clock.advance(273_700)
    state.snapshot = SnapshotStatus(at=AT - 4, error="")
    now = clock.now()
    meters = {meter.id: meter for meter in state.catalog.meters}
    for id_, spent in (used or {}).items():
        state.ledger.settle(state.ledger.reserve([meters[id_]], Need(0), now), spent, now)
    return state


def remember(state: State, *requests: Settled) -> None:
    """They ended, the oldest first."""
    for each in requests:
        state.note(each)


def left_out(id_: str, text: str, rule: str = "requests_per_day") -> Candidate:
    """A target that was passed over."""
    return Candidate(id=id_, place=0, verdict="left_out", rule=rule, text=text)


def tried(id_: str, text: str) -> Candidate:
    """A target that failed."""
    return Candidate(id=id_, place=1, verdict="tried", rule="5xx", text=text)


def chosen(id_: str, text: str) -> Candidate:
    """The target that answered."""
    return Candidate(id=id_, place=2, verdict="chosen", rule="ok", text=text)


def settled(
    asked: str,
    candidates: tuple[Candidate, ...],
    usage: Usage,
    first_token_s: float | None,
    *,
    ago_s: float = 0.0,
    client: str = "",
    cost_nanousd: int | None = 0,
    status: int = 200,
    outcome: str = "ok",
) -> Settled:
    """One request that ended `ago_s` before 14:32:30."""
    attempts = tuple(
        AttemptRecord(
            target=each.id,
            status=200 if each.verdict == "chosen" else 503,
            cause="ok" if each.verdict == "chosen" else "503",
            started_at=AT - ago_s - 1,
            first_byte_s=0.1,
            duration_s=0.5,
        )
        for each in candidates
        if each.verdict in {"chosen", "tried"}
    )
    route = next((each.id for each in candidates if each.verdict == "chosen"), "")
    return Settled(
        id=f"req-{ago_s:.0f}",
        at=AT - ago_s,
        client=client,
        asked=asked,
        route=route,
        provider=route.partition("/")[0],
        status=status,
        outcome=outcome,
        stream=True,
        usage=usage,
        cost_nanousd=cost_nanousd,
        list_price_nanousd=430_000,
        attempts=attempts,
        candidates=candidates,
        first_token_s=first_token_s,
        duration_s=(first_token_s or 0.0) + usage.output / 300,
        overhead_s=0.0006,
    )
