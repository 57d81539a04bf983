"""Log lines on stderr: short and coloured on a terminal, else logfmt or JSON. One line per request.

A record may carry `extra={"fields": {...}}`: what a machine reads as keys and a person as `key=value` after the text.
"""

import logging
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TextIO

import orjson

from gateway.records import Settled

requests = logging.getLogger("gateway.requests")

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_COLOURS = {"DEBUG": "2", "INFO": "36", "WARNING": "33", "ERROR": "31", "CRITICAL": "31"}


def configure(level: str, log_format: str, process: Mapping[str, str], stream: TextIO | None = None) -> None:
    """Send every log line of the process to `stream` (stderr) in `log_format`: auto, text, json or logfmt."""
    stream = stream or sys.stderr
    terminal = stream.isatty()
    if log_format == "auto":
        log_format = "text" if terminal else "logfmt"
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_formatter(log_format, colour=wants_colour(process, terminal=terminal)))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(LEVELS[level])
    logging.raiseExceptions = False  # a closed stderr must not print tracebacks about itself


def wants_colour(process: Mapping[str, str], *, terminal: bool) -> bool:
    """NO_COLOR (no-color.org) over FORCE_COLOR over what the stream is."""
    if process.get("NO_COLOR"):
        return False
    return bool(process.get("FORCE_COLOR")) or terminal


def _formatter(log_format: str, *, colour: bool) -> logging.Formatter:
    if log_format == "json":
        return JsonFormatter()
    return TextFormatter(colour=colour) if log_format == "text" else LogfmtFormatter()


class JsonFormatter(logging.Formatter):
    """One JSON object per line."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        return orjson.dumps(_members(self, record), default=str).decode()


class LogfmtFormatter(logging.Formatter):
    """One line of `key=value`, values quoted where they need it."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        return _pairs(_members(self, record))


class TextFormatter(logging.Formatter):
    """For people: local time, level, text, then the fields."""

    def __init__(self, *, colour: bool) -> None:
        super().__init__()
        self.colour = colour

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line; a traceback follows on its own lines."""
        at = datetime.fromtimestamp(record.created, UTC).astimezone().strftime("%H:%M:%S")
        level = self._paint(_COLOURS.get(record.levelname, "0"), f"{record.levelname.lower():<7}")
        line = f"{self._paint('2', at)} {level} {_plain(record.getMessage())}"
        if fields := _fields(record):
            line = f"{line} {self._paint('2', _pairs(fields))}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line

    def _paint(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour else text


def _members(formatter: logging.Formatter, record: logging.LogRecord) -> dict[str, Any]:
    at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    members = {"ts": at, "level": record.levelname.lower(), "msg": record.getMessage(), **_fields(record)}
    if record.name != requests.name:
        members["logger"] = record.name
    if record.exc_info:
        members["error"] = formatter.formatException(record.exc_info)
    return members


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    return getattr(record, "fields", {})


_BARE = re.compile(r"[!#-<>-\[\]-~]+")
"""What logfmt writes without quotes: printable ASCII but `"`, `=` and the backslash."""


def _pairs(members: Mapping[str, Any]) -> str:
    return " ".join(f"{name}={_value(value)}" for name, value in members.items())


def _value(value: object) -> str:
    text = str(value)
    if type(value) is int or _BARE.fullmatch(text):
        return text
    return orjson.dumps(text).decode().replace("\x7f", "\\u007f")


def _plain(text: str) -> str:
    """The text without control characters: a model's name must not move the cursor of whoever reads the log."""
    return "\n".join(
        "".join(char if char.isprintable() else repr(char)[1:-1] for char in line) for line in text.split("\n")
    )


def log_request(settled: Settled) -> None:
    """One line per request: who, where to, how it went, how long, how much. No prompts, no keys."""
    if requests.isEnabledFor(logging.INFO):
        requests.info("request", extra={"fields": _request_fields(settled)})


def _request_fields(settled: Settled) -> dict[str, Any]:
    """What contract section 13 lists. A field that is unknown, or does not apply, is left out."""
    usage = settled.usage
    fields: dict[str, Any] = {
        "id": settled.id,
        "model": settled.asked,
        "route": settled.route,
        "status": settled.status,
        "outcome": settled.outcome,
        "attempts": len(settled.attempts),
        "why": ";".join(f"{attempt.target}:{attempt.cause}" for attempt in settled.attempts),
        "in": usage.input,
        "out": usage.output,
        "estimated": usage.estimated or None,
        "ttft_ms": None if settled.first_token_s is None else round(settled.first_token_s * 1000),
        "dur_ms": round(settled.duration_s * 1000),
        "cost": None if settled.cost_nanousd is None else f"{settled.cost_nanousd / 1e9:.9f}".rstrip("0").rstrip("."),
        "client": settled.client,
        "retry": settled.retry or None,
    }
    return {name: value for name, value in fields.items() if value is not None and value != ""}
