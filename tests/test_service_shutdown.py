"""The end of a service: it tells the load balancer, finishes what it has begun, and leaves in time."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from tests.service import rawhttp
from tests.service.load import under_load
from tests.service.plugin import Start
from tests.service.postgres import Database
from tests.service.process import Service
from tests.service.rawhttp import Answer, encode
from tests.service.waiting import eventually

PATIENT = {"SERVER_REQUEST_TIMEOUT": "25s", "SERVER_WRITE_TIMEOUT": "30s", "DB_STATEMENT_TIMEOUT": "30s"}
"""Lets a request hang for longer than any test waits."""


@contextmanager
def request_in_flight(service: Service, database: Database) -> Iterator[tuple[Future[Answer], object]]:
    """A PATCH that waits for a row which the test has locked. Yields its future answer and what sets it free."""
    user = rawhttp.post(service.port, "/v1/users", {"username": "ada", "email": "ada@example.com"}).json()
    with ThreadPoolExecutor(1) as pool, database.connect() as lock:
        lock.execute("BEGIN")
        lock.execute("SELECT 1 FROM users FOR UPDATE")
        answer = pool.submit(rawhttp.patch, service.port, f"/v1/users/{user['id']}", {"username": "bob"}, timeout=30)
        waiting = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        eventually(lambda: database.execute(waiting), 15, "the request waits for the row")
        yield answer, lock
        lock.execute("ROLLBACK")


def test_a_shutdown_under_load_fails_no_request(start: Start, database: Database) -> None:
    """Readiness fails first, requests go on being served, connections end with a word, and the exit code is 0."""
    service = start(database, SERVER_SHUTDOWN_DELAY="7s", SERVER_SHUTDOWN_TIMEOUT="40s")
    service.wait_ready()
    with under_load(service) as load:
        eventually(lambda: len(load.kept_alive.answered) > 50, 10, "the load runs")
        service.terminate()
        told = time.monotonic()
        assert service.wait(within=60) == 0
    assert told < load.looked_away < told + 6.5, "readiness fails at once"
    assert [when for when in load.stubborn.answered if when > load.looked_away + 0.5], "not ready, but still serving"
    assert load.balanced.answered
    assert not load.balanced.failed
    assert not load.balanced.refused
    assert not load.kept_alive.failed
    assert not load.kept_alive.refused
    assert not load.stubborn.failures_before(told + 6.5)
    assert not [when for when in load.stubborn.refused if when < told + 6.5]


def test_a_request_in_flight_is_finished(start: Start, database: Database) -> None:
    """A request that began before the signal gets its answer after the listener is closed."""
    service = start(database, SERVER_SHUTDOWN_DELAY="0s", SERVER_SHUTDOWN_TIMEOUT="60s", **PATIENT)
    service.wait_ready()
    with request_in_flight(service, database) as (answer, lock):
        service.terminate()
        eventually(lambda: service.answers("/health/live") == 0, 15, "new connections are refused")
        assert not answer.done()
        assert service.process.poll() is None
        lock.execute("ROLLBACK")  # type: ignore[attr-defined]
        finished = answer.result(timeout=20)
        assert (finished.status, finished.json()["username"]) == (200, "bob")
    assert service.wait(within=20) == 0


def test_a_second_signal_ends_the_process_at_once(start: Start, database: Database) -> None:
    """Whoever asks twice does not want to wait."""
    service = start(database, SERVER_SHUTDOWN_DELAY="60s", SERVER_SHUTDOWN_TIMEOUT="90s", **PATIENT)
    service.wait_ready()
    service.terminate()
    eventually(lambda: service.answers("/health/ready") == 503, 15, "the shutdown has begun")
    service.terminate()
    assert service.wait(within=20) != 0


def test_a_request_that_never_ends_does_not_hold_the_process(start: Start, database: Database) -> None:
    """When SERVER_SHUTDOWN_TIMEOUT has passed the process ends, and says that it could not finish."""
    service = start(database, SERVER_SHUTDOWN_DELAY="0s", SERVER_SHUTDOWN_TIMEOUT="2s", **PATIENT)
    service.wait_ready()
    with request_in_flight(service, database):
        service.terminate()
        began = time.monotonic()
        assert service.wait(within=20) != 0
        assert time.monotonic() - began > 1.5, "it waited for the request"
    assert service.err.count("\n") == 1, service.err


def test_an_answer_of_a_service_that_drains_ends_its_connection(start: Start, database: Database) -> None:
    """A client that keeps its connection is told to leave it, so that none is closed under the next request."""
    service = start(database, SERVER_SHUTDOWN_DELAY="30s", SERVER_SHUTDOWN_TIMEOUT="60s")
    service.wait_ready()
    with rawhttp.connect(service.port) as connection:
        assert connection.exchange(encode("GET", "/health/live")).header("Connection") == ""
        service.terminate()
        eventually(lambda: service.answers("/health/ready") == 503, 15, "the shutdown has begun")
        answer = connection.exchange(encode("GET", "/v1/users"))
        assert (answer.status, answer.header("Connection")) == (200, "close")
        assert connection.closed_by_peer()


@pytest.mark.parametrize("requests", [0, 1])
def test_a_connection_without_a_request_does_not_hold_the_process(
    start: Start, database: Database, requests: int
) -> None:
    """A client that keeps its connection for later is not waited for, a silent one no longer than for its header."""
    service = start(database, SERVER_SHUTDOWN_TIMEOUT="60s", SERVER_IDLE_TIMEOUT="90s", SERVER_READ_HEADER_TIMEOUT="3s")
    service.wait_ready()
    with rawhttp.connect(service.port) as connection:
        for _ in range(requests):
            assert connection.exchange(encode("GET", "/health/live")).status == 200
        service.terminate()
        assert service.wait(within=25) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_service_that_still_waits_for_its_database_can_be_stopped(
    start: Start, database: Database, number: signal.Signals
) -> None:
    """No database is no reason to ignore a signal, and being told to stop is no failure."""
    service = start(database, DATABASE_URL="postgres://a:b@127.0.0.1:1/c?sslmode=disable", DB_CONNECT_TIMEOUT="60s")
    service.wait_answering()
    service.process.send_signal(number)
    assert service.wait(within=20) == 0, service.output


def test_the_end_is_logged_in_order(service: Service) -> None:
    """The log says that it drains, then that it stopped, and nothing of level error."""
    service.terminate()
    assert service.wait() == 0
    messages = [line["message"] for line in service.log_lines()]
    assert messages.index("draining") < messages.index("stopped") == len(messages) - 1
    assert not [line for line in service.log_lines() if line["level"] == "error"]
