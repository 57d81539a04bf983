"""From the command to the first answer, and what an idle process holds (goals: under 1 s, under 60 MB).

`python bench/start.py [--full]`: five starts, or twenty.
"""

import http.client
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.processes import resident_mb, running  # noqa: E402 - the path comes first

ROUNDS, FULL = 5, 20


def one_start() -> tuple[float, float]:
    """Seconds until /readyz says 200, and megabytes then."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        with running(Path(folder)) as server:
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
            connection.request("GET", "/readyz")
            connection.getresponse().read()
            took = time.perf_counter() - began
            connection.close()
            return took, resident_mb(server.process.pid)


def main() -> None:
    """Print the medians."""
    rounds = [one_start() for _ in range(FULL if "--full" in sys.argv else ROUNDS)]
    print(f"ready after    {statistics.median(took for took, _ in rounds):6.2f} s    (goal: under 1 s)")
    print(f"idle process   {statistics.median(size for _, size in rounds):6.1f} MB   (goal: under 60 MB)")


if __name__ == "__main__":
    main()
