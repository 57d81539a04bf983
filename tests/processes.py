"""The gateway as a process of its own, for tests in which the process matters."""

import http.client
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import Queue

import orjson

ROOT = Path(__file__).parent.parent


class Running:
    """A gateway that serves. `lines` is what it logged so far, as plain text."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[str] = []
        self.port = 0
        self._arrived: Queue[str | None] = Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr
        for line in self.process.stderr:
            self.lines.append(line)
            self._arrived.put(line)
        self._arrived.put(None)

    def wait_for(self, pattern: str) -> re.Match[str]:
        """The first line from here on that matches. Fails if the process ends, or stays silent for 20 s."""
        while line := self._arrived.get(timeout=20):
            if match := re.search(pattern, line):
                return match
        raise AssertionError(f"no line matches {pattern!r}:\n{self.log}")

    @property
    def log(self) -> str:
        """Everything it logged so far."""
        return "".join(self.lines)

    def request(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers (names in lower case) and body of one request."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        content = None if body is None else orjson.dumps(body)
        connection.request(method, path, content, {"content-type": "application/json", **(headers or {})})
        reply = connection.getresponse()
        answer = reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read()
        connection.close()
        return answer

    def chat(
        self, model: str = "base", text: str = "Say hello", **more: object
    ) -> tuple[int, Mapping[str, str], bytes]:
        """One chat completion."""
        body = {"model": model, "messages": [{"role": "user", "content": text}], **more}
        return self.request("POST", "/v1/chat/completions", body)

    def ended(self) -> int:
        """Wait for the end; the exit code."""
        code = self.process.wait(timeout=20)
        self._reader.join(timeout=5)
        return code


def environment(home: Path, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a fresh machine has: no keys, an empty home."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "COVERAGE_PROCESS_START") if name in os.environ}
    return {**kept, "HOME": str(home), "PYTHONPATH": str(ROOT), **(more or {})}


def start(
    folder: Path,
    *args: str,
    env: Mapping[str, str] | None = None,
    command: Sequence[str] = (sys.executable, "-m", "gateway"),
    pass_fds: Sequence[int] = (),
) -> Running:
    """Start `llm-gateway args` in `folder`, which is also its home."""
    process = subprocess.Popen(
        [*command, *args],
        cwd=folder,
        env=environment(folder, env),
        stderr=subprocess.PIPE,
        text=True,
        pass_fds=pass_fds,
    )
    return Running(process)


def resident_mb(pid: int) -> float:
    """Resident memory of a process, in megabytes of 10^6 bytes (Linux)."""
    for line in Path(f"/proc/{pid}/status").read_text("ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024 / 1e6
    return float("nan")


@contextmanager
def running(
    folder: Path,
    *args: str,
    env: Mapping[str, str] | None = None,
    command: Sequence[str] = (sys.executable, "-m", "gateway"),
) -> Iterator[Running]:
    """A gateway that serves on a free port until the block ends."""
    server = start(folder, "serve", "--port", "0", *args, env=env, command=command)
    try:
        server.port = int(server.wait_for(r"serving on http://\S+?:(\d+)")[1])
        yield server
    finally:
        server.process.kill()
        server.ended()
        if server.process.stderr:
            server.process.stderr.close()
