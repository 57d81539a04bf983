"""The parts of `bench/token_limits.py` and `bench/token_sockets.py`."""
