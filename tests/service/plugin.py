"""Fixtures of the service tests. The rendered project comes from tests/conftest.py."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.service.guard import Guard
from tests.service.postgres import Postgres


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
