"""What a running gateway starts to have a large configuration compiled (`app.compiling`): no command for people."""

import os
import sys

from gateway.app.compiling import answer

_NICE = 5
"""Behind the requests, where they share a core."""


def main() -> None:
    """Answer the question on stdin on stdout."""
    os.nice(_NICE)
    sys.stdout.buffer.write(answer(sys.stdin.buffer.read(), os.environ))
    sys.stdout.buffer.flush()
