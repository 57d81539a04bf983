"""The parts of `bench/token_limits.py`."""
