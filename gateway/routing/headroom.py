"""How much room a target has left before one of its limits stops it."""

from gateway.catalog.catalog import Target
from gateway.clock import Moment
from gateway.limits.ledger import Ledger
from gateway.limits.meters import gauge


def headroom(target: Target, ledger: Ledger, now: Moment) -> float:
    """The share that is left of its tightest limit, 0 to 1, after what requests in flight hold; 1 without limits.

    A limit in money says nothing of a target that costs nothing.
    """
    gauges = (gauge(meter, ledger, now) for meter in target.meters if meter.unit != "cost" or not target.free)
    return min((each.remaining / each.amount if each.amount else 0.0 for each in gauges), default=1.0)
