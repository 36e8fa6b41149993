"""Waiting with a bound: no test sleeps and hopes."""

from __future__ import annotations

import contextlib
import secrets
import socket
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

FIRST_PORT = 15_000
PORTS = 15_000


def eventually(check: Callable[[], T | None], within: float, what: str, every: float = 0.02) -> T:
    """The first true value of check, asked again and again; fails, saying what was awaited, when time is up."""
    deadline = time.monotonic() + within
    while True:
        value = check()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise AssertionError(f"not within {within} s: {what}")
        time.sleep(every)


def free_port() -> int:
    """A port of the loopback address that nobody listens on at this moment.

    It lies below those that systems give to outgoing connections, so that no client takes it before it is listened on.
    """
    while True:
        port = FIRST_PORT + secrets.randbelow(PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
