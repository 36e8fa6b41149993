"""Fixtures of the service tests: PostgreSQL, the built binaries of a variant, and running services."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.service.guard import Guard
from tests.service.postgres import Database, Postgres
from tests.service.process import Binaries, Service, Worker, serving, set_up, working
from tests.service.redis import Redis
from tools.variants import Variant

Start = Callable[..., Service]
"""Starts the service on a database, with variables of the environment as keywords. It is not waited for."""
Work = Callable[..., Worker]
"""Starts a worker in the same way."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options for work on a rendered project and on the recorded conversation."""
    group = parser.getgroup("service")
    group.addoption("--project", type=Path, help="test this rendered project in place of a fresh render")
    group.addoption("--record", action="store_true", help="write the recorded conversation anew")


@pytest.fixture(scope="session")
def guard() -> Iterator[Guard]:
    """Ends whatever a test forgot, also when the run is killed."""
    guard = Guard()
    yield guard
    guard.close()


@pytest.fixture(scope="session")
def postgres(guard: Guard) -> Iterator[Postgres]:
    """The server that tests share. It is never killed or frozen: such tests ask for own_postgres."""
    server = Postgres(guard)
    yield server
    server.close()


@pytest.fixture
def own_postgres(guard: Guard) -> Iterator[Postgres]:
    """A server of the test's own."""
    server = Postgres(guard)
    yield server
    server.close()


@pytest.fixture(scope="session")
def redis(guard: Guard) -> Iterator[Redis]:
    """The Redis that tests share. It is never killed or frozen: such tests ask for own_redis."""
    server = Redis(guard)
    yield server
    server.close()


@pytest.fixture
def own_redis(guard: Guard) -> Iterator[Redis]:
    """A Redis of the test's own."""
    server = Redis(guard)
    yield server
    server.close()


@pytest.fixture(scope="session")
def redis_environment(request: pytest.FixtureRequest, project: Path) -> dict[str, str]:
    """What a service that uses Redis needs to find it; nothing where it uses none."""
    if not (project / "internal" / "infrastructure" / "redisclient").exists():
        return {}
    server: Redis = request.getfixturevalue("redis")
    patient = {"REDIS_TIMEOUT": "5s", "REDIS_DIAL_TIMEOUT": "5s"}  # so that a slow machine is no outage of Redis
    return {"REDIS_URL": server.url, "REDIS_ALLOW_PLAINTEXT": "true", **patient}


@pytest.fixture(scope="session")
def project(request: pytest.FixtureRequest, variant: Variant) -> Path:  # noqa: ARG001  a test runs for each variant
    """The rendered project under test. It is not to be changed."""
    chosen: Path | None = request.config.getoption("--project")
    return chosen.resolve() if chosen else request.getfixturevalue("rendered")


@pytest.fixture(scope="session")
def binaries(project: Path, go_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Binaries:
    """The built programs of the project."""
    return Binaries.build(project, tmp_path_factory.mktemp("bin"), go_environment)


@pytest.fixture(scope="session")
def migrated(postgres: Postgres, binaries: Binaries) -> Database:
    """A database with the schema and any administrator that the project needs, to be copied and never connected to."""
    template = postgres.create()
    set_up(binaries, template)
    return template


@pytest.fixture
def database(postgres: Postgres, migrated: Database) -> Iterator[Database]:
    """A migrated database of the test's own."""
    copy = postgres.create(migrated)
    yield copy
    postgres.drop(copy)


@pytest.fixture
def empty_database(postgres: Postgres) -> Iterator[Database]:
    """A database of the test's own with nothing in it."""
    empty = postgres.create()
    yield empty
    postgres.drop(empty)


@pytest.fixture
def start(
    guard: Guard, binaries: Binaries, redis_environment: dict[str, str], request: pytest.FixtureRequest
) -> Iterator[Start]:
    """Starts services that are stopped when the test ends. A Redis that they share knows nothing of earlier tests."""
    if redis_environment:
        request.getfixturevalue("redis").empty()
    with ExitStack() as stack:

        def start(database: Database, **env: str) -> Service:
            return stack.enter_context(
                serving(guard, binaries, {"DATABASE_URL": database.url, **redis_environment, **env})
            )

        yield start


@pytest.fixture
def work(guard: Guard, binaries: Binaries) -> Iterator[Work]:
    """Starts workers that are stopped when the test ends."""
    with ExitStack() as stack:

        def work(database: Database, **env: str) -> Worker:
            return stack.enter_context(working(guard, binaries, {"DATABASE_URL": database.url, **env}))

        yield work


@pytest.fixture
def service(start: Start, database: Database) -> Service:
    """A ready service on a database of its own."""
    service = start(database)
    service.wait_ready()
    return service
