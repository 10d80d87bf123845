"""Waiting for what other threads do, without sleeping for a time that is hoped to be enough."""

import threading
from collections.abc import Callable

LONG = 30  # seconds that nothing here takes


def wait_for(true: Callable[[], bool]) -> None:
    """Returns once that is true."""
    turn = threading.Event()
    for _ in range(LONG * 1000):
        if true():
            return
        turn.wait(0.001)
    raise AssertionError("it never came true")
