"""What systemd is told and what it hands over: sd_notify(3), sd_listen_fds(3), sd_watchdog_enabled(3).

Nothing here happens without its environment variables, so nothing else has to know whether there is a systemd.
"""

import asyncio
import logging
import os
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from gateway.catalog.addresses import is_loopback
from gateway.catalog.catalog import Catalog
from gateway.errors import StartError

log = logging.getLogger(__name__)

_FIRST_FD = 3


class Notifier:
    """Datagrams to `NOTIFY_SOCKET`. Without one, every method does nothing; a failure is never fatal."""

    def __init__(self, process: Mapping[str, str]) -> None:
        name = process.get("NOTIFY_SOCKET", "")
        # `@name` is an abstract socket, which has a zero byte there. Anything but a path or that is not for us.
        self._address = f"\0{name[1:]}" if name.startswith("@") else name if name.startswith("/") else ""
        self.watchdog_s = _watchdog_s(process)
        """How long systemd waits for a sign of life; None if it does not."""

    def ready(self, status: str) -> None:
        """The service serves (again)."""
        self._send(f"READY=1\nSTATUS={status}")

    @contextmanager
    def reloading(self) -> Iterator[None]:
        """The configuration is being read; at the end, whatever came of it, the service is ready again."""
        # systemd's own clock: `Type=notify-reload` compares it with the moment it sent SIGHUP.
        since_usec = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._send(f"RELOADING=1\nMONOTONIC_USEC={since_usec}")
        try:
            yield
        finally:
            self._send("READY=1")

    def stopping(self, within_s: float, status: str) -> None:
        """The service ends, in so many seconds at most: it is not to be killed before."""
        self._send(f"STOPPING=1\nEXTEND_TIMEOUT_USEC={int(within_s * 1e6)}\nSTATUS={status}")

    async def keep_alive(self) -> None:
        """Signs of life for as long as the loop turns, twice in the time systemd waits for one."""
        while self.watchdog_s is not None:
            self._send("WATCHDOG=1")
            await asyncio.sleep(self.watchdog_s / 2)

    def _send(self, message: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.setblocking(False)
                sender.sendto(message.encode(), self._address)
        except OSError as error:
            log.debug("systemd could not be told %s: %s", message.partition("\n")[0], error)


def _watchdog_s(process: Mapping[str, str]) -> float | None:
    wanted, pid = process.get("WATCHDOG_USEC", ""), process.get("WATCHDOG_PID", "")
    if not wanted.isdecimal() or int(wanted) == 0 or pid not in ("", str(os.getpid())):
        return None
    return int(wanted) / 1e6


def inherited(process: Mapping[str, str]) -> list[socket.socket]:
    """The listening sockets that systemd opened for this process; none without socket activation.

    Raises StartError if what was handed over is no such socket.
    """
    count = process.get("LISTEN_FDS", "")
    if process.get("LISTEN_PID") != str(os.getpid()) or not count.isdecimal():
        return []
    return [_listening(fd) for fd in range(_FIRST_FD, _FIRST_FD + int(count))]


def _listening(fd: int) -> socket.socket:
    try:
        found = socket.socket(fileno=fd)
    except OSError as error:
        raise StartError(f"LISTEN_FDS names file {fd}, which is no socket: correct the socket unit.") from error
    found.set_inheritable(False)
    if found.type != socket.SOCK_STREAM or not found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        found.detach()
        raise StartError(f"LISTEN_FDS names file {fd}, which does not listen for streams: use ListenStream=.")
    return found


def check_guarded(sockets: list[socket.socket], catalog: Catalog) -> None:
    """Raise StartError for an inherited socket that is open to others, where `server.host` could not be so either."""
    server = catalog.server
    if server.allow_anonymous or (server.admin_token and catalog.clients):
        return
    for each in sockets:
        host = each.getsockname()[0] if each.family != socket.AF_UNIX else ""
        if host and not is_loopback(host):
            message = f"The socket unit listens on {host}, which is open to others: set admin_token and clients, or "
            raise StartError(f"{message}allow_anonymous: true, or bind it to 127.0.0.1.", exit_code=78)
