"""What an upstream says of its limits, put into the ledger."""

from collections.abc import Iterable, Mapping

from gateway.catalog.catalog import Target
from gateway.clock import Moment
from gateway.limits.meters import gauge
from gateway.routing.learned import Correction, Standing, from_refusal, from_reports
from gateway.routing.quota_hints import Hint
from gateway.routing.rate_headers import reports
from gateway.state import State


def hear(state: State, target: Target, headers: Mapping[str, str], now: Moment) -> None:
    """Take an answer's word for what is left, where that is less than we think. Header names are lower-case."""
    if found := reports(headers, now):
        _correct(state, from_reports(found, _standings(state, target, now), now, by=target.provider), now)


def refused(state: State, target: Target, hint: Hint, now: Moment) -> bool:
    """Take a refusal's word; whether it filled up a limit of ours, so that nobody has to rest for it."""
    corrections = from_refusal(hint, _standings(state, target, now), now, by=target.provider)
    _correct(state, corrections, now)
    return any(told is not None and told.shut for _, told in corrections)


def _standings(state: State, target: Target, now: Moment) -> list[Standing]:
    return [(meter, gauge(meter, state.ledger, now)) for meter in target.meters]


def _correct(state: State, corrections: Iterable[Correction], now: Moment) -> None:
    for meter, told in corrections:
        state.ledger.report(meter, told, now)
