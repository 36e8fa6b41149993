"""Clients that take their time: each is cut off by its own timeout, and nobody else notices."""

from __future__ import annotations

import time
from contextlib import ExitStack

import pytest

from tests.service import rawhttp
from tests.service.plugin import Start
from tests.service.postgres import Database
from tests.service.rawhttp import JSON, Connection, connect, encode

LONG = {
    "SERVER_READ_HEADER_TIMEOUT": "60s",
    "SERVER_READ_TIMEOUT": "60s",
    "SERVER_IDLE_TIMEOUT": "60s",
    "SERVER_WRITE_TIMEOUT": "90s",
}
"""Timeouts far beyond CUT_WITHIN: the one that a test shortens is the one that cuts."""

CUT_WITHIN = 20.0
HEADER = encode("POST", "/v1/users", [JSON, ("Content-Length", "1000")])


def dribble(connection: Connection, raw: bytes, every: float = 0.2) -> float:
    """Send byte by byte until the peer closes; how long that took. Fails when all is sent and nobody closed."""
    began = time.monotonic()
    connection.socket.settimeout(every)
    for byte in raw:
        try:
            connection.send(bytes([byte]))
        except OSError:
            return time.monotonic() - began
        if connection.closed_by_peer():
            return time.monotonic() - began
        if time.monotonic() - began > CUT_WITHIN:
            break
    raise AssertionError(f"still open after {CUT_WITHIN} s")


@pytest.mark.parametrize("earlier", [0, 1])
def test_a_slow_header_is_cut(start: Start, database: Database, earlier: int) -> None:
    """SERVER_READ_HEADER_TIMEOUT bounds the header, of the first request of a connection and of later ones."""
    service = start(database, **LONG | {"SERVER_READ_HEADER_TIMEOUT": "1s"})
    service.wait_ready()
    with connect(service.port) as connection:
        for _ in range(earlier):
            assert connection.exchange(encode("GET", "/health/live")).status == 200
        assert 0.5 < dribble(connection, encode("GET", "/health/live", [("X-Slow", "x" * 200)])) < CUT_WITHIN


def test_a_client_that_says_nothing_is_cut(start: Start, database: Database) -> None:
    """A connection without a request is not kept for longer than a header may take."""
    service = start(database, **LONG | {"SERVER_READ_HEADER_TIMEOUT": "1s"})
    service.wait_ready()
    with connect(service.port, timeout=CUT_WITHIN) as connection:
        assert connection.closed_by_peer()


def test_a_slow_body_is_cut(start: Start, database: Database) -> None:
    """SERVER_READ_TIMEOUT bounds the whole request."""
    service = start(database, **LONG | {"SERVER_READ_HEADER_TIMEOUT": "1s", "SERVER_READ_TIMEOUT": "2s"})
    service.wait_ready()
    with connect(service.port) as connection:
        connection.send(HEADER)
        assert 1.5 < dribble(connection, b" " * 1000) < CUT_WITHIN


def test_an_idle_connection_is_closed(start: Start, database: Database) -> None:
    """SERVER_IDLE_TIMEOUT bounds the wait for the next request."""
    service = start(database, **LONG | {"SERVER_IDLE_TIMEOUT": "1s"})
    service.wait_ready()
    with connect(service.port, timeout=CUT_WITHIN) as connection:
        assert connection.exchange(encode("GET", "/health/live")).status == 200
        began = time.monotonic()
        assert connection.closed_by_peer()
        assert time.monotonic() - began > 0.5


def test_slow_clients_keep_nobody_else_waiting(start: Start, database: Database) -> None:
    """With many half-sent requests open, others are answered."""
    service = start(database, **LONG)
    service.wait_ready()
    with ExitStack() as stack:
        for _ in range(200):
            stack.enter_context(connect(service.port)).send(HEADER)
        assert service.get("/v1/users", timeout=15).status == 200


def test_a_connection_serves_one_request_after_another(start: Start, database: Database) -> None:
    """Errors do not desynchronise a connection: what was not read of a body is no next request."""
    service = start(database)
    service.wait_ready()
    smuggled = encode("DELETE", "/v1/users/00000000-0000-0000-0000-000000000000")
    with connect(service.port) as connection:
        for raw, status in [
            (encode("GET", "/v1/users"), 200),
            (encode("POST", "/nowhere", [JSON], smuggled), 404),
            (encode("POST", "/v1/users", [("Content-Type", "text/plain")], smuggled), 415),
            (encode("POST", "/v1/users", [JSON], b"{" + smuggled), 400),
            (encode("PUT", "/v1/users", [JSON], smuggled), 405),
            (encode("GET", "/v1/users"), 200),
        ]:
            answer = connection.exchange(raw)
            assert answer.status == status
            assert answer.header("Connection").lower() != "close"


@pytest.mark.parametrize(
    "raw",
    [
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length : 0\r\n\r\n",
        b"GET /health/live HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n",
        b"GET /health/live HTTP/1.1\r\n\r\n",
        b"GET\r\n\r\n",
        b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + b"x" * 160 + b"\r\n\r\n",
    ],
    ids=["two lengths", "space after a name", "NUL", "no host", "no target", "TLS"],
)
def test_what_is_no_http_is_refused_and_closed(start: Start, database: Database, raw: bytes) -> None:
    """Ambiguous framing, which smuggles requests past proxies, gets a 400 and the end of the connection."""
    service = start(database, **LONG)
    service.wait_ready()
    with connect(service.port, timeout=15) as connection:
        connection.send(raw)
        try:
            status = connection.receive().status
        except OSError:
            status = 0
        assert status in {0, 400, 501}
        assert connection.closed_by_peer()
    assert service.get("/health/live").status == 200


def test_chunks_go_before_a_length(start: Start, database: Database) -> None:
    """A request with both is refused, or ends where its chunks end (RFC 9112, section 6.1)."""
    service = start(database, **LONG)
    service.wait_ready()
    both = encode("DELETE", "/nowhere", [("Content-Length", "3"), ("Transfer-Encoding", "chunked")]) + b"0\r\n\r\n"
    with connect(service.port, timeout=15) as connection:
        connection.send(both + encode("GET", "/health/ready"))
        first = connection.receive("DELETE")
        assert first.status in {400, 404}
        if first.status == 404:
            assert connection.receive().status == 200
        else:
            assert connection.closed_by_peer()


def test_a_huge_header_is_refused_as_a_problem(start: Start, database: Database) -> None:
    """More header than the service reads gets 431, or the end of the connection."""
    service = start(database)
    service.wait_ready()
    with connect(service.port, timeout=5) as connection:
        try:
            connection.send(encode("GET", "/health/live", [("X-Huge", "x" * 3_000_000)]))
            status = connection.receive().status
        except OSError:
            status = 0
    assert status in {0, 431}
    assert rawhttp.get(service.port, "/health/live").status == 200
