"""HTTP/1.1 over plain sockets: what is sent is exactly what the test wrote, byte for byte.

Only where a port is in DRESSERS, whole requests first get what they lack to be an administrator's.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from io import BufferedReader
from typing import Any, cast

Headers = Iterable[tuple[str, str]]

DRESSERS: dict[int, Callable[[bytes], bytes]] = {}
"""By port, what makes a request one of an administrator."""

JSON = ("Content-Type", "application/json")
PROBLEM = "application/problem+json"


@dataclass(frozen=True)
class Answer:
    """A response, its headers as they were sent."""

    status: int
    reason: str
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str:
        """The value of a header; empty when it is absent."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The code of a problem; fails when the answer is none."""
        assert self.header("Content-Type") == PROBLEM, f"{self.status} {self.header('Content-Type')}: {self.body!r}"
        problem = self.json()
        assert problem["status"] == self.status, problem
        return str(problem["code"])


def encode(method: str, target: str, headers: Headers = (), body: bytes = b"", host: str = "localhost") -> bytes:
    """The bytes of a request. Content-Length is added when there is a body and no header says how long it is."""
    fields = [("Host", host), *headers]
    names = {name.lower() for name, _ in fields}
    if body and not names & {"content-length", "transfer-encoding"}:
        fields.append(("Content-Length", str(len(body))))
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields)]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def encode_json(method: str, target: str, value: object, headers: Headers = ()) -> bytes:
    """The bytes of a request with a JSON body."""
    return encode(method, target, [JSON, *headers], json.dumps(value).encode())


class _Shared:
    """Lets HTTPResponse read one response of a connection and leaves what follows to the next one."""

    def __init__(self, file: BufferedReader) -> None:
        self._file = file

    def makefile(self, _mode: str) -> _Shared:
        """Return this object where HTTPResponse would open a file, and lose what that had buffered."""
        return self

    def close(self) -> None:
        """Leave the file open."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


class Connection:
    """One connection, for one request after another."""

    def __init__(self, port: int, timeout: float = 10.0) -> None:
        """Connect. Each later wait is bounded by the timeout, in seconds."""
        self._dress = DRESSERS.get(port, bytes)
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = self.socket.makefile("rb")

    def send(self, raw: bytes) -> None:
        """Send bytes as they are."""
        self.socket.sendall(raw)

    def receive(self, method: str = "GET") -> Answer:
        """Read one response. The method decides whether it may have a body. Raises OSError when there is none."""
        response = HTTPResponse(cast(socket.socket, _Shared(self._file)), method=method)
        try:
            response.begin()
            body = response.read()
        except HTTPException as error:
            raise ConnectionError(f"no complete response: {error!r}") from error
        finally:
            response.close()
        return Answer(response.status, response.reason, response.getheaders(), body)

    def exchange(self, raw: bytes) -> Answer:
        """Send a request and read its response."""
        self.send(self._dress(raw))
        return self.receive(raw.split(b" ", 1)[0].decode("latin-1"))

    def closed_by_peer(self) -> bool:
        """Read until the peer closes. False when the socket's timeout comes first."""
        try:
            while self.socket.recv(65536):
                pass
        except TimeoutError:
            return False
        except OSError:
            return True
        return True

    def close(self) -> None:
        """Close the connection."""
        self._file.close()
        self.socket.close()


@contextmanager
def connect(port: int, timeout: float = 10.0) -> Iterator[Connection]:
    """A connection that is closed at the end."""
    connection = Connection(port, timeout)
    try:
        yield connection
    finally:
        connection.close()


def send(port: int, raw: bytes, timeout: float = 10.0) -> Answer:
    """One request on a connection of its own."""
    with connect(port, timeout) as connection:
        return connection.exchange(raw)


def get(port: int, target: str, headers: Headers = (), timeout: float = 10.0) -> Answer:
    """GET a target on a connection of its own."""
    return send(port, encode("GET", target, headers), timeout)


def post(port: int, target: str, value: object, headers: Headers = (), timeout: float = 10.0) -> Answer:
    """POST a value as JSON on a connection of its own."""
    return send(port, encode_json("POST", target, value, headers), timeout)


def patch(port: int, target: str, value: object, headers: Headers = (), timeout: float = 10.0) -> Answer:
    """PATCH with a value as JSON on a connection of its own."""
    return send(port, encode_json("PATCH", target, value, headers), timeout)
