"""Crowds: idle connections by the thousand, more clients than files, and restarts in the middle of it.

Prints memory per idle connection, how long the log gets and how soon all is well again, and what a restart costs.
"""

import http.client
import resource
import signal
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.acceptance.test_drain import Load, activated  # noqa: E402 - the path comes first
from tests.processes import Running, running  # noqa: E402 - the path comes first

CROWD = 9_900
FILES = 120
RESTARTS = 10
SERVE = (sys.executable, "-m", "gateway")


def resident_kb(server: Running) -> int:
    """Resident memory, in kB of 1,024 bytes (Linux)."""
    text = Path(f"/proc/{server.process.pid}/status").read_text("ascii")
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("VmRSS:"))


def status_line(port: int) -> bytes:
    """What a new client is told first; empty if it is only closed."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
            client.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
            with client.makefile("rb") as answer:
                return answer.readline()
    except OSError:
        return b""


@contextmanager
def serving(command: tuple[str, ...] = SERVE) -> Iterator[Running]:
    """A gateway on a fresh machine."""
    with tempfile.TemporaryDirectory() as folder, running(Path(folder), command=command) as server:
        yield server


def idle_connections() -> None:
    """Memory of each kept-alive connection, and whether the next request notices the crowd."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    crowd = min(CROWD, (hard - 200) // 2)
    with serving() as server, ExitStack() as stack:
        before = resident_kb(server)
        for _ in range(crowd):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=20))
            client.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
            client.recv(4096)
        grown = resident_kb(server) - before
        times = []
        for _ in range(50):
            began = time.perf_counter()
            status_line(server.port)
            times.append(time.perf_counter() - began)
        print(f"{crowd:,} idle connections   {grown / 1024:6.1f} MiB, {grown / crowd:.1f} kB each (goal: under 100 MB)")
        print(f"a request beside them    {1000 * statistics.median(times):6.1f} ms")


def few_files() -> None:
    """A crowd that comes again and again where the system grants hardly any files."""
    with serving(("sh", "-c", f'ulimit -n {FILES}; exec "$@"', "sh", *SERVE)) as server:
        began = time.perf_counter()
        while time.perf_counter() - began < 6:
            with ExitStack() as stack:
                for _ in range(1000):
                    stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=20))
        left = time.perf_counter()
        while not status_line(server.port).startswith(b"HTTP/1.1 200"):
            pass
        took = time.perf_counter() - left
        print(f"ulimit -n {FILES}, 6 s of it {len(server.lines):6} lines in the log (goal: under 20)")
        print(f"recovered after          {1000 * took:6.1f} ms   (goal: under 1 s)")


def restarts() -> None:
    """Restarts on an inherited socket, under load."""
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        waits: list[float] = []
        over = threading.Event()

        def wait() -> None:
            while not over.is_set():
                began = time.perf_counter()
                with closing(http.client.HTTPConnection("127.0.0.1", listener.getsockname()[1], timeout=30)) as client:
                    client.request("GET", "/livez")
                    client.getresponse().read()
                waits.append(time.perf_counter() - began)

        thread = threading.Thread(target=wait)
        with Load(listener.getsockname()[1], clients=8) as load:
            for turn in range(RESTARTS + 1):
                with activated(Path(folder), listener) as server:
                    server.wait_for("serving on")
                    if turn == 0:
                        thread.start()
                    for _ in range(50):
                        server.wait_for("msg=request")
                    if turn == RESTARTS:
                        over.set()
                        thread.join()
                    server.process.send_signal(signal.SIGTERM)
                    server.ended()
            outcomes = dict(load.outcomes)
            listener.close()
    print(f"{RESTARTS} restarts under load   {outcomes} (goal: nothing but 200)")
    print(f"longest wait in them     {1000 * max(waits):6.0f} ms")


if __name__ == "__main__":
    idle_connections()
    few_files()
    restarts()
