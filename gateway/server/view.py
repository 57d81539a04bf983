"""The status page as values: everything it says, before it is HTML. Made of the state and a moment, nothing else."""

from collections.abc import Iterator, Mapping
from typing import Literal

from msgspec import Struct

from gateway import __version__
from gateway.catalog.catalog import Catalog, Provider, Target
from gateway.clock import Moment
from gateway.history import Tally
from gateway.limits.meters import rfc3339
from gateway.records import AttemptRecord, Settled
from gateway.state import State

from . import format as words
from .banner import Banner, Changed, Warn, banner, changed, warn
from .bars import Bar, bars, lasts
from .cards import Card, Told, card
from .chart import MINUTES, chart, speed
from .feed import Row, row
from .ladder import Ladder, ladder
from .loads import load_text, shortage
from .standing import Obstacles, Rest, Standing
from .tiles import Tile, tiles

ROWS = 8
_NOTHING = Tally()


class Ask(Struct, frozen=True, kw_only=True):
    """What the address says: which name's ladder, whether all limits, whether to stand still."""

    next: str = ""
    all_limits: bool = False
    paused: bool = False


class Status(Struct, frozen=True, kw_only=True):
    """The page. `at` is RFC 3339; whatever is a text is as it stands on the page."""

    at: str
    time: str
    version: str
    kind: Literal["status", "first_run"]
    base_url: str
    uptime: str
    paused: bool
    all_limits: bool
    config: str
    loaded: str
    changed: Changed | None
    snapshot: str
    load: str
    shortage: str
    """Why clients are turned away now; empty if they are not."""
    banner: Banner | None
    warn: Warn | None
    calm: str
    """`5 providers take traffic, ...`; empty unless all is well."""
    answers_as: str
    """First run: the name that the built-in echo answers to."""
    waiting: int
    """Providers without their key."""
    first_variable: str
    """The variable of the first free one among them."""
    has_clients: bool
    env_file: str
    """Empty if there is none yet."""
    tiles: tuple[Tile, ...]
    summary: str
    cards: tuple[Card, ...]
    running: int
    last_minute: int
    rows: tuple[Row, ...]
    ladder: Ladder | None


def status(state: State, now: Moment, ask: Ask, base_url: str) -> Status:
    """Everything the page says at `now`."""
    catalog, zone = state.catalog, state.catalog.server.timezone
    found = bars(catalog.meters, state.ledger, now)
    obstacles = Obstacles({bar.id: bar for bar in found}, rests(state, now))
    cards = tuple(_cards(state, now, obstacles, all_limits=ask.all_limits))
    loaded = words.clock(state.config.loaded_at, zone)
    refused = banner(state.config.path, state.config.problems, loaded)
    near = warn(found)
    short = shortage(state)
    last_minute = sum(now.wall - each.at <= 60 for each in state.recent)
    return Status(
        at=rfc3339(now.wall) or "",
        time=words.clock(now.wall, zone),
        version=__version__,
        kind="first_run" if _only_echo_answers(catalog) else "status",
        base_url=base_url,
        uptime=words.span(now.boot - state.started.boot),
        paused=ask.paused,
        all_limits=ask.all_limits,
        config=state.config.path,
        loaded=loaded,
        snapshot=snapshot_text(state, now),
        load=load_text(state),
        shortage=short,
        changed=changed(state.config.changed_at, state.config.differences, zone, now.wall),
        banner=refused,
        warn=near,
        calm="" if refused or near or short else _calm(state, cards, found, now),
        answers_as=_echo_name(catalog),
        waiting=sum(each.standing == "no_key" for each in cards),
        first_variable=next((name for each in cards if each.price == "free" for name in each.key.variables), ""),
        has_clients=bool(catalog.clients),
        env_file=state.config.env_file,
        tiles=tiles(state.today.total(now), _budgets(catalog, found), speed(state.recent), last_minute),
        summary=_summary(cards),
        cards=cards,
        running=state.running,
        last_minute=last_minute,
        rows=tuple(row(each, zone) for each, _ in zip(reversed(state.recent), range(ROWS), strict=False)),
        ladder=_ladder(state, now, obstacles, ask.next),
    )


def rests(state: State, now: Moment) -> dict[str, Rest]:
    """By `rest_id`, what keeps each target."""
    found = {}
    for provider in state.catalog.providers.values():
        for target in _targets(provider):
            if cooldown := state.cooldowns.blocking(target, now):
                found[target.rest_id] = Rest(
                    kind=cooldown.kind, id=cooldown.id, left_s=cooldown.left_s(now), cause=cooldown.cause
                )
    return found


def _targets(provider: Provider) -> tuple[Target, ...]:
    return (*provider.targets, *provider.wildcard)


def _cards(state: State, now: Moment, obstacles: Obstacles, *, all_limits: bool) -> Iterator[Card]:
    attempts: dict[str, list[AttemptRecord]] = {}
    answered: dict[str, list[Settled]] = {}
    for settled in state.recent:
        answered.setdefault(settled.provider, []).append(settled)
        for attempt in settled.attempts:
            attempts.setdefault(attempt.target.partition("/")[0], []).append(attempt)
    today = state.today.providers(now)
    remembered_s = _remembered_s(state, now)
    for provider in state.catalog.providers.values():
        mine = attempts.get(provider.id, [])
        told = Told(
            chart=chart(mine, now.wall, remembered_s),
            speed=speed(answered.get(provider.id, [])),
            outcomes=[each.cause == "ok" for each in reversed(mine[-3:])],
            today=today.get(provider.id, _NOTHING),
        )
        yield card(provider, obstacles, told, all_limits=all_limits)


def _remembered_s(state: State, now: Moment) -> float:
    """How far back every request is remembered."""
    full = state.recent.maxlen is not None and len(state.recent) == state.recent.maxlen
    return now.wall - state.recent[0].at if full else MINUTES * 60


def _budgets(catalog: Catalog, found: tuple[Bar, ...]) -> list[Bar]:
    """The limits on a provider's cost per day."""
    wanted = {f"provider:{name}:cost_per_day" for name in catalog.providers}
    return [bar for bar in found if bar.id in wanted]


_GROUPS: Mapping[Standing, str] = {
    "ready": "taking traffic",
    "near_limit": "taking traffic",
    "failing": "failing",
    "cooling": "cooling down",
    "used_up": "used up",
    "no_key": "without a key",
    "off": "switched off",
}


def _summary(cards: tuple[Card, ...]) -> str:
    """`4 taking traffic · 1 cooling down · 1 without a key`."""
    counts = dict.fromkeys(_GROUPS.values(), 0)
    for each in cards:
        counts[_GROUPS[each.standing]] += 1
    return " · ".join(f"{n} {what}" for what, n in counts.items() if n)


def _calm(state: State, cards: tuple[Card, ...], found: tuple[Bar, ...], now: Moment) -> str:
    """One sentence, if nobody has to look: everything with a key is ready, and nothing failed for an hour."""
    ready = sum(each.standing == "ready" for each in cards)
    quiet = all(each.standing in {"ready", "no_key", "off"} and not each.rests for each in cards)
    roomy = all(bar.level == "ok" for bar in found if lasts(bar))
    hour = [each for each in state.recent if now.wall - each.at <= 3600]
    failed = any(each.status >= 400 or any(attempt.cause != "ok" for attempt in each.attempts) for each in hour)
    if not (ready and quiet and roomy) or failed or state.snapshot.error:
        return ""
    takes = "takes" if ready == 1 else "take"
    return f"{words.plural(ready, 'provider')} {takes} traffic, no limit above 70 %, no failure in the last hour."


def snapshot_text(state: State, now: Moment) -> str:
    """How old the newest snapshot is, or why there is none."""
    if state.snapshot.error:
        return f"snapshot failed: {state.snapshot.error}"
    return (
        "no snapshot yet" if state.snapshot.at is None else f"snapshot {words.span(now.wall - state.snapshot.at)} ago"
    )


def _only_echo_answers(catalog: Catalog) -> bool:
    """A fresh gateway: the built-in echo is all that can answer, because the others lack their keys."""
    able = [provider for provider in catalog.providers.values() if not provider.idle and _targets(provider)]
    waiting = any(provider.idle == "no_key" for provider in catalog.providers.values())
    return waiting and len(able) == 1 and able[0].type == "echo"


def _echo_name(catalog: Catalog) -> str:
    """What to ask for so that the echo answers: a meta-model that holds it, else itself."""
    for meta in catalog.meta_models.values():
        if any(target.type == "echo" for target in meta.targets):
            return meta.id
    return next((target.id for targets in catalog.exact.values() for target in targets if target.type == "echo"), "")


def _ladder(state: State, now: Moment, obstacles: Obstacles, wanted: str) -> Ladder | None:
    """Of the name in the address, else of the first meta-model; None where there is none."""
    catalog = state.catalog
    names = tuple(catalog.meta_models)
    name = wanted if wanted in catalog.meta_models else next(iter(names), "")
    if not name:
        return None
    meta = catalog.meta_models[name]
    ordered = state.chooser.usual(catalog.resolve(name), catalog, state.ledger, now)
    return ladder(name, names, ordered, obstacles, paid=(catalog.server.paid, meta.paid))
