"""Waiting with a bound: no test sleeps and hopes."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

FIRST_PORT = 15_000
PORTS = 7_500
"""How many each of two workers draws from."""

_given: set[int] = set()


def eventually(check: Callable[[], T | None], within: float, what: str, every: float = 0.02) -> T:
    """The first true value of check, asked again and again; fails, saying what was awaited, when time is up."""
    deadline = time.monotonic() + within
    while True:
        late = time.monotonic() >= deadline  # one check begins after that: a pause of the machine is no failure
        value = check()
        if value:
            return value
        if late:
            raise AssertionError(f"not within {within} s: {what}")
        time.sleep(every)


def free_port() -> int:
    """A port of the loopback address that nobody listens on at this moment, another one each time.

    It lies below those that systems give to outgoing connections, so that no client takes it before it is listened on.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    while True:
        port = FIRST_PORT + worker % 2 * PORTS + secrets.randbelow(PORTS)
        if port in _given:
            continue
        _given.add(port)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
