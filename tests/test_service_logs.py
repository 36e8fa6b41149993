"""The access log: one line a request that machines can read and that no client can write."""

from __future__ import annotations

import contextlib
import json
from typing import Any

from tests.service import rawhttp
from tests.service.plugin import Start
from tests.service.postgres import Database
from tests.service.process import Service
from tests.service.rawhttp import encode, encode_json
from tests.service.waiting import eventually

FORGED = '{"level":"error","message":"forged"}'
MARK = "forged"


def access_lines(service: Service) -> list[dict[str, Any]]:
    """The lines about requests, health checks and the suite's own login apart."""
    lines = [line for line in service.log_lines() if "status" in line]
    return [line for line in lines if not str(line.get("route")).startswith(("/health/", "/v1/auth/login"))]


def test_each_request_has_one_line(service: Service) -> None:
    """It holds the request id of the answer, method, route, status, duration and bytes."""
    answers = [
        rawhttp.post(service.port, "/v1/users", {"username": "ada", "email": "ada@example.com"}),
        rawhttp.get(service.port, "/v1/users?limit=5"),
        rawhttp.get(service.port, "/v1/users/00000000-0000-0000-0000-000000000000", [("X-Request-Id", "mine-1")]),
        rawhttp.send(service.port, encode("PUT", "/v1/users")),
        rawhttp.get(service.port, "/nowhere/else"),
    ]
    lines = eventually(lambda: found if len(found := access_lines(service)) >= len(answers) else None, 3, "a line each")
    assert [line["request_id"] for line in lines] == [answer.header("X-Request-Id") for answer in answers]
    assert [line["status"] for line in lines] == [answer.status for answer in answers] == [201, 200, 404, 405, 404]
    assert [line["bytes"] for line in lines] == [len(answer.body) for answer in answers]
    assert [line["method"] for line in lines] == ["POST", "GET", "GET", "PUT", "GET"]
    routes = [line["route"] for line in lines]
    assert routes[:2] == ["/v1/users", "/v1/users"]
    assert "00000000" not in routes[2], "the pattern of the route: few values, no personal data"
    assert "nowhere" not in routes[4]
    assert all(isinstance(line["duration"], float) and 0 < line["duration"] < 5 for line in lines)


def test_who_was_deleted_can_be_told_from_the_log(service: Service) -> None:
    """And from nothing else: after a backup was restored they have to be deleted again."""
    made = rawhttp.post(service.port, "/v1/users", {"username": "ada", "email": "ada@example.com"})
    path = made.header("Location")
    assert path
    answers = [rawhttp.send(service.port, encode("DELETE", path)) for _ in range(2)]
    assert [answer.status for answer in answers] == [204, 404]
    eventually(lambda: len(access_lines(service)) >= 3, 3, "all lines")
    (line,) = [line for line in service.log_lines() if line["message"] == "user deleted"]
    assert line["deleted_user_id"] == path.rpartition("/")[2]
    assert line["request_id"] == answers[0].header("X-Request-Id")


def test_no_client_can_write_a_line(start: Start, database: Database) -> None:
    """Line breaks in path, query, headers and body end up inside a value of the one line of their request."""
    service = start(database, LOG_LEVEL="debug", LOG_BODIES="true")
    service.wait_ready()
    escaped = "%0A".join(["", FORGED.replace('"', "%22"), ""])
    requests = [
        encode("GET", f"/nowhere/{escaped}"),
        encode("GET", f"/v1/users?status={escaped}"),
        encode("GET", f"/v1/users?cursor={escaped}"),
        encode("GET", f"/v1/users/{escaped}"),
        encode("GET", "/nowhere", [("User-Agent", f"a\x0b\x0c\x1b[2K\x85{FORGED}"), ("X-Request-Id", FORGED)]),
        encode("BREW" + "A" * 100, "/nowhere"),
        encode_json("POST", "/v1/users", {"username": f"ada\n{FORGED}\n", "email": f"\r\n{FORGED}"}),
        encode("POST", "/v1/users", [rawhttp.JSON], f"\n{FORGED}\n{FORGED}".encode()),
        encode("POST", "/v1/users", [("Content-Type", f"text/plain; {FORGED}")], b"x"),
    ]
    for raw in requests:
        with contextlib.suppress(OSError):  # some are no HTTP
            rawhttp.send(service.port, raw)
    service.terminate()
    assert service.wait() == 0
    lines = service.log_lines()
    assert not [line for line in lines if line.get("message") == MARK]
    assert all({"time", "level", "message"} <= line.keys() for line in lines)
    assert len(access_lines(service)) <= len(requests)
    assert "\x1b" not in service.output


def test_the_console_format_can_not_be_forged_either(start: Start, database: Database) -> None:
    """Every line begins with the time."""
    service = start(database, LOG_FORMAT="console", LOG_LEVEL="debug", LOG_BODIES="true")
    service.wait_ready()
    rawhttp.get(service.port, f"/nowhere/%0A{MARK}")
    rawhttp.post(service.port, "/v1/users", {"username": f"\n{MARK}", "email": "\n"})
    service.terminate()
    assert service.wait() == 0
    assert all(line[:2] == "20" for line in service.out.splitlines()), service.out


def test_bodies_are_logged_on_demand_only(start: Start, database: Database) -> None:
    """LOG_BODIES and LOG_LEVEL=debug together, not one alone, show what a client sent."""
    seen = {}
    for bodies, level in [("true", "debug"), ("false", "debug"), ("true", "info")]:
        service = start(database, LOG_BODIES=bodies, LOG_LEVEL=level)
        service.wait_ready()
        rawhttp.post(service.port, "/v1/users", {"username": "a", "email": "private-7@example.com"})
        service.terminate()
        assert service.wait() == 0
        seen[bodies, level] = "private-7" in json.dumps(service.log_lines())
    assert seen == {("true", "debug"): True, ("false", "debug"): False, ("true", "info"): False}
