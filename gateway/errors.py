"""Every way a request, a start or a configuration can fail.

One class per thing a caller does differently. A `GatewayError` is an answer: it knows its HTTP status and how
OpenAI's envelope names it. The message says what happened and what to do next; it never quotes foreign bytes.
"""

from collections.abc import Sequence
from typing import ClassVar

from msgspec import Struct


class GatewayError(Exception):
    """Base of all failures that become an HTTP answer."""

    status: ClassVar[int] = 500
    type: str = "internal_error"
    code: str | None = "internal_error"

    def __init__(self, message: str, *, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.headers: dict[str, str] = {}
        """What goes beside the answer: the way the request took."""


class BadRequestError(GatewayError):
    """The request cannot be understood: not JSON, no model, a field of the wrong type (`param` says which)."""

    status = 400
    type = "invalid_request_error"
    code: str | None = None


class InvalidKeyError(GatewayError):
    """No client key, an unknown one, or no admin token."""

    status = 401
    type = "authentication_error"
    code = "invalid_api_key"


class ForbiddenError(GatewayError):
    """Known, but not allowed here: a foreign Origin, a change from afar without a token."""

    status = 403
    type = "permission_error"
    code = "forbidden"


class ModelNotAllowedError(ForbiddenError):
    """The client's `models` do not include the name asked."""

    code = "model_not_allowed"


class PaidNotAllowedError(ForbiddenError):
    """No target of the name could ever serve for nothing, and paying is not allowed."""

    code = "paid_not_allowed"


class UnknownModelError(GatewayError):
    """No meta-model, model, alias or wildcard takes this name. The message lists the closest names."""

    status = 404
    type = "invalid_request_error"
    code = "model_not_found"

    def __init__(self, message: str) -> None:
        super().__init__(message, param="model")


class NotFoundError(GatewayError):
    """No such route or record."""

    status = 404
    type = "invalid_request_error"
    code = "not_found"


class MethodNotAllowedError(GatewayError):
    """The route exists for other methods: `allow` lists them."""

    status = 405
    type = "invalid_request_error"
    code = "method_not_allowed"

    def __init__(self, message: str, allow: Sequence[str]) -> None:
        super().__init__(message)
        self.allow = tuple(allow)


class RequestTimeoutError(GatewayError):
    """The client's body did not arrive in time."""

    status = 408
    type = "invalid_request_error"
    code = "request_timeout"


class RequestTooLargeError(GatewayError):
    """The body is over `max_body`, or the request is larger than the whole amount of a limit everywhere."""

    status = 413
    type = "invalid_request_error"
    code = "request_too_large"


class UnsupportedMediaTypeError(GatewayError):
    """A compressed body, or one that is not JSON where JSON is due."""

    status = 415
    type = "invalid_request_error"
    code = "unsupported_media_type"


class UnknownHostError(GatewayError):
    """The `Host` header names a host this server does not answer to."""

    status = 421
    type = "invalid_request_error"
    code = "unknown_host"


class ExhaustedError(GatewayError):
    """Every target, or the client itself, is at a limit or resting after a 429.

    `retry_after_s` is exact; `quota` is true where the window is a day or longer, or money.
    """

    status = 429

    def __init__(self, message: str, *, retry_after_s: float, quota: bool = False) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.type = "insufficient_quota" if quota else "rate_limit_error"
        self.code = "insufficient_quota" if quota else "rate_limit_exceeded"


class UpstreamFailedError(GatewayError):
    """Every target was tried and the last one failed."""

    status = 502
    type = "upstream_error"
    code = "upstream_error"


class UpstreamTimeoutError(GatewayError):
    """Every target was tried and the last one was too slow."""

    status = 504
    type = "upstream_error"
    code = "upstream_timeout"


class NoCandidateError(GatewayError):
    """The name is known, but nothing can serve it now for reasons other than a limit."""

    status = 503
    type = "service_unavailable_error"
    code = "no_candidate"


class DrainingError(NoCandidateError):
    """The process is about to end and takes nothing new."""

    code = "draining"


class OverloadedError(NoCandidateError):
    """`max_concurrent_requests` are running, `max_connections` open, or `max_memory` is nearly reached."""

    code = "overloaded"


class InternalError(GatewayError):
    """A bug. The message carries an id to look up in the log, nothing else."""


class Problem(Struct, frozen=True, order=True):
    """One mistake in a configuration file. `line` and `column` count from 1; 0 where no place is known."""

    file: str
    line: int
    column: int
    message: str
    excerpt: str = ""
    """The line it stands on, then a second line with carets under the place; empty where there is none."""
    warning: bool = False

    @property
    def place(self) -> str:
        """`gateway.yaml:12:7`."""
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


class ConfigError(Exception):
    """A configuration file is wrong; whatever was running stays in force. Carries every problem found."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)


class StartError(Exception):
    """The process cannot start. The message is one line that says what to do; `exit_code` is the process's."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class UpstreamError(Exception):
    """An attempt ended without a usable answer. Stays inside: the relay tries the next target.

    `kind` is what happened on the wire, `sent` whether any byte of the request may have reached the upstream.
    """

    def __init__(self, kind: str, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.kind = kind
        self.sent = sent
