"""Clients that ask too much: they are told so, each for itself, and a service with too much to do says so at once."""

from __future__ import annotations

import re
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import pytest
import yaml

from tests.service.plugin import Start
from tests.service.postgres import Database, Postgres
from tests.service.process import READY_WITHIN, Binaries, Service, set_up
from tests.service.rawhttp import Answer, connect, encode
from tests.service.waiting import eventually
from tools.render import Sketcher
from tools.variants import Variant

LIMITED = {"RATE_LIMIT_ENABLED": "true"}
EXEMPT = ("/health/live", "/health/ready", "/openapi.yaml", "/docs")


def limited(start: Start, database: Database, **env: str) -> Service:
    """A ready service with rate limits, as they are by default."""
    service = start(database, **LIMITED | env)
    eventually(service.is_ready, READY_WITHIN, "the service is ready")  # nobody logs in, which would count
    return service


def ask(service: Service, *headers: tuple[str, str], method: str = "GET", path: str = "/nowhere") -> Answer:
    """One request on a connection of its own. What does not exist is limited like what does, and needs no token."""
    with connect(service.port) as connection:
        return connection.exchange(encode(method, path, headers))


def remaining(answer: Answer) -> int:
    """How many requests the answer says are left."""
    found = re.fullmatch(r'"default";r=(\d+);t=(\d+)', answer.header("RateLimit"))
    assert found, answer.headers
    assert 1 <= int(found[2]) <= 63
    return int(found[1])


def assert_refused(answer: Answer) -> None:
    """A problem with the headers that say what is allowed, and when."""
    assert (answer.status, answer.code) == (429, "rate_limited")
    wait = int(answer.header("Retry-After"))
    assert 1 <= wait <= 63
    assert answer.header("RateLimit-Policy") == '"default";q=100;w=60'
    assert answer.header("RateLimit") == f'"default";r=0;t={wait}'


def test_the_request_after_the_last_is_refused(start: Start, database: Database) -> None:
    """A hundred requests a minute are allowed, and every answer counts down; probes and the document are exempt."""
    service = limited(start, database)
    answers = [ask(service) for _ in range(101)]
    assert {answer.status for answer in answers[:100]} == {404}
    assert all(answer.header("RateLimit-Policy") == '"default";q=100;w=60' for answer in answers)
    left = [remaining(answer) for answer in answers[:100]]
    assert left[0] == 99
    assert all(a - b == 1 for a, b in pairwise(left))
    assert_refused(answers[100])
    assert_refused(ask(service, path="/elsewhere"))
    for path in EXEMPT:
        answer = ask(service, path=path)
        assert (answer.status, answer.header("RateLimit")) == (200, ""), path


def test_what_was_used_comes_back_when_it_was_said_to(start: Start, database: Database) -> None:
    """A client that waits for Retry-After is served again."""
    service = limited(start, database, RATE_LIMIT_REQUESTS="3", RATE_LIMIT_WINDOW="3s")
    for _ in range(3):
        assert ask(service).status != 429
    refused = ask(service)
    assert refused.status == 429
    time.sleep(int(refused.header("Retry-After")))
    assert ask(service).status != 429


@pytest.mark.parametrize("name", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "CF-Connecting-IP"])
def test_nobody_escapes_under_another_address(start: Start, database: Database, name: str) -> None:
    """What a client says of its address counts for nothing, unless it is a proxy that was named."""
    service = limited(start, database, RATE_LIMIT_REQUESTS="3")
    value = "for=198.51.100.{}" if name == "Forwarded" else "198.51.100.{}"
    statuses = [ask(service, (name, value.format(i))).status for i in range(6)]
    assert 429 not in statuses[:3]
    assert statuses[3:] == [429] * 3


def test_behind_a_named_proxy_each_client_has_its_own_limit(start: Start, database: Database) -> None:
    """The last address that the proxy added counts, whatever the client wrote before it."""
    service = limited(start, database, RATE_LIMIT_REQUESTS="2", SERVER_TRUSTED_PROXIES="127.0.0.0/8")
    for i in range(4):
        client = f"198.51.100.{i}"
        assert ask(service, ("X-Forwarded-For", client)).status != 429
        assert ask(service, ("X-Forwarded-For", f"1.1.1.{i}, {client}")).status != 429
        assert ask(service, ("X-Forwarded-For", f"1.1.1.{i}"), ("X-Forwarded-For", client)).status == 429
    networks = [f"2001:db8:0:{i}::{j}" for i in range(2) for j in range(1, 4)]
    statuses = [ask(service, ("X-Forwarded-For", f"[{address}]:4711")).status for address in networks]
    assert [status == 429 for status in statuses] == [False, False, True] * 2, "one network is one client"


def test_parallel_requests_do_not_slip_through(start: Start, database: Database) -> None:
    """As many as allowed are served, however they come."""
    service = limited(start, database)
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: ask(service).status == 429, range(200)))
    assert answers.count(False) == 100


def test_a_bad_network_of_proxies_ends_the_start(start: Start, database: Database) -> None:
    """A mistake there would let clients choose their address, or take everyone for one."""
    for value in ("10.0.0.1", "10.0.0.0/8;", "0.0.0.0/0", "example.com"):
        service = start(database, SERVER_TRUSTED_PROXIES=value)
        assert service.wait() == 1
        assert "SERVER_TRUSTED_PROXIES" in service.err
        assert value not in service.err


def test_overload_is_refused_and_not_queued(start: Start, own_postgres: Postgres, binaries: Binaries) -> None:
    """With as many requests at work as it takes, a service answers 503 at once and probes as ever, and recovers."""
    database = own_postgres.create()
    set_up(binaries, database)
    waits = {"SERVER_REQUEST_TIMEOUT": "40s", "DB_ACQUIRE_TIMEOUT": "40s", "DB_MAX_CONNECTIONS": "5"}
    service = start(database, SERVER_MAX_IN_FLIGHT="3", **waits)
    service.wait_ready()
    own_postgres.freeze()
    with ThreadPoolExecutor(6) as pool:
        asked = [pool.submit(service.get, "/v1/users", 60) for _ in range(6)]
        eventually(lambda: sum(each.done() for each in asked) == 3, 10, "half of them are refused")
        assert [each.result().code for each in asked if each.done()] == ["overloaded"] * 3
        for _ in range(20):
            began = time.monotonic()
            refused = service.get("/v1/users", timeout=20)
            assert time.monotonic() - began < 10, "far less than a request may take"
            assert (refused.status, refused.code) == (503, "overloaded")
            assert int(refused.header("Retry-After")) >= 1
        assert service.get("/health/live", timeout=10).status == 200
        own_postgres.thaw()
        assert sorted(each.result().status for each in asked) == [200] * 3 + [503] * 3
    eventually(lambda: service.answers("/v1/users") == 200, 10, "there is room again")


def test_requests_do_not_wait_long_for_a_connection(start: Start, database: Database) -> None:
    """DB_ACQUIRE_TIMEOUT ends the wait for a connection long before the deadline of the request does."""
    waits = {"SERVER_REQUEST_TIMEOUT": "15s", "DB_STATEMENT_TIMEOUT": "60s", "DB_ACQUIRE_TIMEOUT": "300ms"}
    service = start(database, DB_MAX_CONNECTIONS="1", DB_MAX_IDLE_CONNS="1", **waits)
    service.wait_ready()
    with database.connect() as connection, ThreadPoolExecutor(1) as pool:
        connection.execute("BEGIN")
        connection.execute("LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
        busy = pool.submit(service.get, "/v1/users", 30)
        waiting = "SELECT 1 FROM pg_locks WHERE NOT granted"
        eventually(lambda: database.execute(waiting), 10, "the one connection is in use")
        for _ in range(3):
            began = time.monotonic()
            refused = service.get("/v1/users", 10)
            assert 0.2 < time.monotonic() - began < 5
            assert (refused.status, refused.code) == (503, "database_unavailable")
        connection.execute("ROLLBACK")
        assert busy.result().status == 200
    assert service.get("/v1/users").status == 200


def test_processes_share_the_limits_where_there_is_redis(
    start: Start, database: Database, redis_environment: dict[str, str]
) -> None:
    """Two processes allow together what one would; without Redis each keeps the limits for itself."""
    both = [limited(start, database, RATE_LIMIT_REQUESTS="10") for _ in range(2)]
    statuses = [ask(both[i % 2], path="/nowhere").status for i in range(30)]
    assert statuses.count(404) == (10 if redis_environment else 20)
    assert set(statuses) == {404, 429}


def test_the_document_of_every_variant_says_of_every_answer_how_much_is_left(
    variants: tuple[Variant, ...], sketcher: Sketcher
) -> None:
    """Clients are limited before anything else is known of a request, so that any answer but those of probes has it."""
    texts = {sketcher.tree(variant.answers)["api/openapi/openapi.yaml"][0] for variant in variants}
    assert len(texts) > 1
    assert [answer for text in texts for answer in silent_answers(yaml.safe_load(text))] == []


def silent_answers(document: dict[str, Any]) -> list[str]:
    """The answers of a bundled document that lack a header of the limit, such as `get /v1/users 200`."""
    shared = document["components"]["responses"]
    return [
        f"{method} {path} {status}"
        for path, item in document["paths"].items()
        if path not in EXEMPT
        for method, operation in item.items()
        if method != "parameters"
        for status, answer in operation["responses"].items()
        if not shared.get(answer.get("$ref", "").rpartition("/")[2], answer).get("headers", {}).keys()
        >= {"RateLimit", "RateLimit-Policy"}
    ]
