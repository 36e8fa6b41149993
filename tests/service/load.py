"""Clients that keep a service busy and remember everything that went wrong."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import RemoteDisconnected

from tests.service.process import Service
from tests.service.rawhttp import Answer, Connection, encode

PAUSE = 0.005
REQUEST = encode("GET", "/v1/users?limit=1")


@dataclass
class Tally:
    """What clients of one kind saw. Appending to a list is safe between threads."""

    answered: list[float] = field(default_factory=list)
    """When each good answer came, as time.monotonic has it."""
    refused: list[float] = field(default_factory=list)
    """When a new connection was refused."""
    failed: list[tuple[float, str]] = field(default_factory=list)
    """Every other failure: a bad status, a broken answer, a connection that was closed without a word."""

    def failures_before(self, moment: float) -> list[str]:
        """What failed until some moment."""
        return [what for when, what in self.failed if when < moment]


@dataclass
class Load:
    """Three kinds of clients, and a load balancer's view of the service."""

    service: Service
    kept_alive: Tally = field(default_factory=Tally)
    """One connection each, as long as the service does not say Connection: close. They never ask whether it is ready,
    like clients whose balancer only sends new connections elsewhere."""
    balanced: Tally = field(default_factory=Tally)
    """A connection for each request, while the service says that it is ready."""
    stubborn: Tally = field(default_factory=Tally)
    """A connection for each request, until the end."""
    looked_away: float = 0.0
    """When the service was first not ready; 0 before."""
    _stop: threading.Event = field(default_factory=threading.Event)

    def balance(self) -> None:
        """Ask for readiness, as a load balancer does, and look away when the service is not ready."""
        while not self._stop.is_set() and not self.looked_away:
            if self.service.answers("/health/ready") != 200:
                self.looked_away = time.monotonic()
            time.sleep(PAUSE)

    def keep_alive(self) -> None:
        """Use one connection until told that it closes, then another while the service is ready."""
        while not self._stop.is_set() and not self.looked_away:
            connection = _dial(self.service.port, self.kept_alive)
            while connection and not self._stop.is_set():
                answer = _exchange(connection, self.kept_alive)
                if answer is None or answer.header("Connection").lower() == "close":
                    break
                time.sleep(PAUSE)
            if connection:
                connection.close()

    def use_balancer(self) -> None:
        """Open a connection for each request while the service is ready."""
        while not self._stop.is_set() and not self.looked_away:
            _once(self.service.port, self.balanced)
            time.sleep(PAUSE)

    def insist(self) -> None:
        """Open a connection for each request, ready or not."""
        while not self._stop.is_set():
            _once(self.service.port, self.stubborn)
            time.sleep(PAUSE)

    def stop(self) -> None:
        """End all clients after their current request."""
        self._stop.set()


@contextmanager
def under_load(service: Service, clients_of_each_kind: int = 2) -> Iterator[Load]:
    """Keep the service busy inside the block."""
    load = Load(service)
    work: list[Callable[[], None]] = [load.keep_alive, load.use_balancer, load.insist] * clients_of_each_kind
    threads = [threading.Thread(target=target, daemon=True) for target in [load.balance, *work]]
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        load.stop()
        for thread in threads:
            thread.join(timeout=30)


def _dial(port: int, tally: Tally) -> Connection | None:
    try:
        return Connection(port)
    except ConnectionRefusedError:
        tally.refused.append(time.monotonic())
    except OSError as error:
        tally.failed.append((time.monotonic(), f"dial: {error!r}"))
    return None


def _exchange(connection: Connection, tally: Tally) -> Answer | None:
    try:
        answer = connection.exchange(REQUEST)
    except OSError as error:
        cause = error.__cause__ if isinstance(error.__cause__, RemoteDisconnected) else error
        tally.failed.append((time.monotonic(), repr(cause)))
        return None
    if answer.status == 200:
        tally.answered.append(time.monotonic())
    else:
        tally.failed.append((time.monotonic(), f"{answer.status}: {answer.body!r}"))
    return answer


def _once(port: int, tally: Tally) -> None:
    connection = _dial(port, tally)
    if connection:
        _exchange(connection, tally)
        connection.close()
