"""A database that dies or hangs: the service says so, stays alive, and comes back by itself."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.service import rawhttp
from tests.service.plugin import Start
from tests.service.postgres import Database, Postgres
from tests.service.process import Binaries, Service, set_up
from tests.service.waiting import eventually

# Each bound below is well under the timeout that would end the wait anyway, so that none of them is what is measured.
SLOW_FALLBACKS = {
    "SERVER_WRITE_TIMEOUT": "60s",
    "SERVER_READ_TIMEOUT": "60s",
    "DB_STATEMENT_TIMEOUT": "60s",
    "DB_CONNECT_TIMEOUT": "60s",
}


@pytest.fixture
def own_database(own_postgres: Postgres, binaries: Binaries) -> Database:
    """A migrated database on a server that may be killed."""
    database = own_postgres.create()
    set_up(binaries, database)
    return database


def begin(start: Start, database: Database, **env: str) -> Service:
    """A ready service with one user."""
    service = start(database, **SLOW_FALLBACKS, **env)
    service.wait_ready()
    created = rawhttp.post(service.port, "/v1/users", {"username": "ada", "email": "ada@example.com"})
    assert created.status == 201, created.body
    return service


def assert_not_ready(service: Service, within: float) -> None:
    """Readiness names the database, and the process still lives."""
    began = time.monotonic()
    eventually(lambda: not service.is_ready(), within, "the failure to be noticed")
    answer = service.get("/health/ready", timeout=within)
    assert time.monotonic() - began < within
    assert answer.code == "not_ready"
    assert "database" in {error["field"] for error in answer.json()["errors"]}
    assert service.get("/health/live", timeout=10).status == 200


def assert_back(service: Service) -> None:
    """The same process serves again, with what it stored before."""
    service.wait_ready(within=30)
    answers = [service.get("/v1/users", timeout=15) for _ in range(20)]
    assert [answer.status for answer in answers] == [200] * 20, [answer.body for answer in answers]
    assert answers[0].json()["items"][0]["username"] == "ada"


def test_a_killed_database_is_said_to_be_away_until_it_is_back(
    start: Start, own_postgres: Postgres, own_database: Database
) -> None:
    """Every answer is a 503 problem that comes soon; nothing is restarted but the database."""
    service = begin(start, own_database, SERVER_REQUEST_TIMEOUT="20s")
    own_postgres.kill()
    for _ in range(20):
        for answer in (
            service.get("/v1/users", timeout=12),
            rawhttp.post(service.port, "/v1/users", {"username": "bob", "email": "bob@example.com"}, timeout=12),
        ):
            assert (answer.status, answer.code) == (503, "database_unavailable")
            assert int(answer.header("Retry-After")) >= 1
            assert "127.0.0.1" not in answer.body.decode(), "addresses are for the log"
    assert_not_ready(service, within=12)
    own_postgres.start()
    assert_back(service)


def test_a_hung_database_is_said_to_be_away_until_it_goes_on(
    start: Start, own_postgres: Postgres, own_database: Database
) -> None:
    """Requests end with a 503 problem at their deadline, also more of them than there are connections."""
    service = begin(start, own_database, SERVER_REQUEST_TIMEOUT="3s", DB_MAX_CONNECTIONS="4", DB_MAX_IDLE_CONNS="2")
    own_postgres.freeze()
    began = time.monotonic()
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: service.get("/v1/users", timeout=15), range(16)))
    assert time.monotonic() - began < 15
    assert {answer.status for answer in answers} == {503}
    assert {answer.code for answer in answers} <= {"request_timeout", "database_unavailable"}
    assert_not_ready(service, within=12)
    own_postgres.thaw()
    assert_back(service)


def test_a_service_can_be_stopped_while_its_database_hangs(
    start: Start, own_postgres: Postgres, own_database: Database
) -> None:
    """SERVER_SHUTDOWN_TIMEOUT holds whatever the database does."""
    service = begin(start, own_database, SERVER_SHUTDOWN_TIMEOUT="3s", SERVER_SHUTDOWN_DELAY="0s")
    own_postgres.freeze()
    service.terminate()
    service.wait(within=20)


def test_a_database_that_comes_late_is_waited_for(start: Start, own_postgres: Postgres, own_database: Database) -> None:
    """A service that starts before its database becomes ready when the database does."""
    own_postgres.kill()
    service = start(own_database, DB_CONNECT_TIMEOUT="30s")
    service.wait_answering()
    assert_not_ready(service, within=12)
    own_postgres.start()
    service.wait_ready(within=30)


def test_connections_that_the_database_closed_are_replaced(
    start: Start, own_postgres: Postgres, own_database: Database
) -> None:
    """A restart of the database between two requests is soon forgotten."""
    service = begin(start, own_database)
    own_postgres.kill()
    own_postgres.start()
    eventually(lambda: service.get("/v1/users").status == 200, 5, "requests are served again")
    assert_back(service)
