"""The first steps of the story: what the names stand for, in which order, who cannot serve. Nothing is taken here."""

from collections.abc import Collection, Sequence

from msgspec.structs import replace

from gateway.catalog.catalog import Catalog, Client, Resolution, Target
from gateway.catalog.schema import Paid
from gateway.errors import ModelNotAllowedError, UnknownModelError
from gateway.records import Call
from gateway.routing import fits, rank
from gateway.routing.chooser import Situation
from gateway.state import State

from . import account


def resolve(state: State, call: Call, client: Client | None) -> Resolution:
    """What the names stand for. Raises UnknownModelError or ModelNotAllowedError."""
    found: list[Resolution] = []
    names = dict.fromkeys((call.model, *call.models))
    for name in names:
        if client is not None and not client.allows(name):
            if len(names) == 1:
                raise ModelNotAllowedError(
                    f"The client {client.name!r} may not use {name[:200]!r}: its `models` do not include it.",
                    param="model",
                )
            continue
        try:
            found.append(state.catalog.resolve(name))
        except UnknownModelError:
            if len(names) == 1:
                raise
    if not found:
        raise UnknownModelError(f"None of {', '.join(map(repr, names))[:400]} is a model that can be used here.")
    if len(found) == 1:
        return found[0]
    return rank.merged(found, lambda each: ordered(state, replace(call, preferences=None), each))


def ordered(state: State, call: Call, resolution: Resolution, turn: int | None = None) -> Sequence[Target]:
    """The targets, first choice first. Whose turn it is, is read and not moved on: that is for who sends.

    `turn` is the one that the request took before, if it did.
    """

    def cost(target: Target) -> int:
        return account.outlook(target, call, state.learned).at().hold(account.COST)[0]

    situation = Situation(state.catalog, state.ledger, state.clock.now(), cost, call.stream, turn)
    return state.chooser.order(resolution, call, situation)


def paid_rule(catalog: Catalog, resolution: Resolution, client: Client | None) -> Paid:
    """The strictest word on money of server, meta-model and client."""
    return fits.paid_rule(catalog.server.paid, resolution.paid, client.paid if client else "allow")


def unfit(
    target: Target, call: Call, client: Client | None, paid: Paid, outgrown: Collection[int | None] = ()
) -> fits.Unfit | None:
    """What keeps the target from serving, whatever the hour. `outgrown` are contexts that proved too small."""
    meters = account.meters_of(target, client)
    # Whether money is limited matters to an unknown price only, and this is asked of every target of every request.
    unknown = target.price is None and not target.free
    limited = unknown and any(meter.unit == "cost" for meter in meters)
    if reason := fits.unfit(target, call, paid, cost_limited=limited):
        return reason
    if account.unbounded(target, call, meters):
        return fits.Unfit("strict", "strict needs max_tokens or max_output")
    # Another target said that the prompt is too long: one that is known to be no larger would say the same.
    known = [context for context in outgrown if context is not None]
    if known and target.context is not None and target.context <= max(known):
        return fits.Unfit("context", f"context of {target.context:,} is no larger than the one that was too small")
    return None
