"""The load in words and numbers: for `/health`, and for the foot of the status page."""

from typing import Any

from gateway.limits.meters import rfc3339
from gateway.overload import LATE_S
from gateway.state import State

from . import format as words


def load_status(state: State) -> dict[str, Any]:
    """What is in use, what there may be (null is no cap), who was turned away, and how late the event loop was."""
    load, server = state.load, state.catalog.server
    late = load.lateness
    counts = zip([*(f"under_{border:g}s" for border in LATE_S), f"over_{LATE_S[-1]:g}s"], late.counts, strict=True)
    return {
        "state": "shedding" if shortage(state) else "ok",
        "connections": load.connections,
        "max_connections": load.max_connections or None,
        "requests": state.running,
        "max_concurrent_requests": server.max_concurrent_requests or None,
        "memory_bytes": load.memory_bytes or None,
        "max_memory": server.max_memory,
        "refused": {"connections": load.refused_connections, "requests": load.refused_requests},
        "slow_clients": load.slow_clients,
        "loop": {
            "late": dict(counts),
            "last_stall": None
            if late.stall_s is None
            else {"at": rfc3339(late.stall_at), "seconds": round(late.stall_s, 3)},
        },
    }


def shortage(state: State) -> str:
    """Why new clients or requests are refused now; empty if they are not."""
    load, server = state.load, state.catalog.server
    if load.shedding(server.max_memory):
        return f"memory at {100 * load.memory_share(server.max_memory):.0f} % of server.max_memory"
    if load.full:
        return f"all {words.count(load.max_connections)} connections are in use"
    cap = server.max_concurrent_requests
    if cap and state.running >= cap:
        return f"all {words.count(cap)} requests of server.max_concurrent_requests are running"
    return ""


def load_text(state: State) -> str:
    """`12 connections · 96 MB · event loop over 100 ms late: 3, over 1 s: 1, last 1.20 s at 14:02:11`."""
    load, late = state.load, state.load.lateness
    parts = [words.plural(load.connections, "connection")]
    if load.memory_bytes:
        parts.append(f"{load.memory_bytes / 1e6:.0f} MB")
    if refused := load.refused_connections + load.refused_requests:
        parts.append(f"{words.count(refused)} refused for want of room")
    if late.stall_s is None:
        parts.append("event loop on time")
    else:
        at = words.clock(late.stall_at, state.catalog.server.timezone)
        often, long = words.count(late.at_least(0.1)), words.count(late.at_least(1.0))
        parts.append(f"event loop over 100 ms late: {often}, over 1 s: {long}, last {late.stall_s:.2f} s at {at}")
    return " · ".join(parts)
