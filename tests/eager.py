"""The gateway as `python -m tests.eager serve`, with a shorter look at its files: for thousands of saves in minutes."""

import os
import sys
from pathlib import Path

from gateway import logs
from gateway.app.run import run
from gateway.configuration import Configuration
from gateway.storage.config_file import Watch

SETTLE_S = 0.1
INTERVAL_S = 0.02

if __name__ == "__main__":
    logs.configure("info", "logfmt", os.environ)
    found = Configuration.find(None, os.environ, Path.cwd(), {"port": ("0", "--port")})
    sys.exit(run(found, Watch(found.watched(), SETTLE_S, INTERVAL_S)))
