"""The cache: what is read is never older than the last write, and losing Redis costs a little time and nothing else."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.service import rawhttp
from tests.service.plugin import Start
from tests.service.postgres import Database
from tests.service.process import Service
from tests.service.redis import Redis, Slow, slow
from tests.service.waiting import eventually

READS = 100

ON_REDIS = pytest.mark.variants("fiber-ent-redis-jwt", "echo-pgx-tiered-noauth")
CACHED = pytest.mark.variants("echo-pgx-redis-noauth", "echo-pgx-tiered-noauth", "echo-pgx-memory-noauth")

Break = Callable[[Redis, Slow], None]
FAILURES: dict[str, tuple[Break, Break]] = {
    "killed": (lambda redis, _: redis.kill(), lambda redis, _: redis.start()),
    "hung": (lambda redis, _: redis.freeze(), lambda redis, _: redis.thaw()),
    "slow": (lambda _, proxy: setattr(proxy, "delay", 0.5), lambda _, proxy: setattr(proxy, "delay", 0.0)),
}


def create(service: Service) -> str:
    """The path of a new user."""
    answer = rawhttp.post(service.port, "/v1/users", {"username": "ada", "email": "ada@example.com"})
    assert answer.status == 201, answer.body
    return f"/v1/users/{answer.json()['id']}"


def change(service: Service, path: str, note: object) -> None:
    """Write something into a user."""
    raw = rawhttp.encode_json("PATCH", path, {"metadata": {"note": note}})
    answer = rawhttp.send(service.port, raw)
    assert answer.status == 200, answer.body


def read(service: Service, path: str) -> object:
    """What was written into a user last."""
    answer = service.get(path, timeout=10)
    assert answer.status == 200, answer.body
    return answer.json()["metadata"].get("note")


@pytest.fixture
def replicas(start: Start, database: Database) -> tuple[Service, Service]:
    """Two processes of one service."""
    both = start(database), start(database)
    for each in both:
        each.wait_ready()
    return both


@pytest.fixture
def proxy(own_redis: Redis) -> Iterator[Slow]:
    """A proxy before the test's own Redis."""
    with slow(own_redis) as proxy:
        yield proxy


@ON_REDIS
@pytest.mark.parametrize("failure", FAILURES)
def test_losing_redis_costs_a_little_time_and_nothing_else(
    start: Start, database: Database, own_redis: Redis, proxy: Slow, failure: str
) -> None:
    """All reads and writes succeed and are right, the service stays ready, and Redis is used again once it is back."""
    lose, recover = FAILURES[failure]
    service = start(database, REDIS_URL=own_redis.url_by(proxy.port), REDIS_TIMEOUT="50ms", REDIS_DIAL_TIMEOUT="50ms")
    service.wait_ready()
    path = create(service)
    change(service, path, 0)
    assert read(service, path) == 0
    lose(own_redis, proxy)
    began = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: read(service, path), range(READS))) == {0}
    change(service, path, 1)
    assert [read(service, path) for _ in range(READS)] == [1] * READS
    assert time.monotonic() - began < 15, "far less than a second for each"
    assert service.is_ready()
    recover(own_redis, proxy)
    until = time.monotonic() + 4  # the breaker tries again after one second
    while time.monotonic() < until:
        assert read(service, path) == 1
    assert own_redis.ask("FLUSHALL") == "+OK"
    eventually(lambda: (read(service, path), own_redis.values())[1], 15, "values are kept again")


@ON_REDIS
@pytest.mark.parametrize("failure", ["killed", "hung"])
def test_a_service_starts_without_redis(
    start: Start, database: Database, own_redis: Redis, proxy: Slow, failure: str
) -> None:
    """It is ready and serves, and uses Redis when that comes."""
    lose, recover = FAILURES[failure]
    lose(own_redis, proxy)
    service = start(database, REDIS_URL=own_redis.url, REDIS_TIMEOUT="50ms", REDIS_DIAL_TIMEOUT="50ms")
    service.wait_ready()
    path = create(service)
    assert read(service, path) is None
    recover(own_redis, proxy)
    eventually(lambda: (read(service, path), own_redis.values())[1], 10, "values are kept")


@CACHED
def test_a_read_after_a_write_sees_it_however_many_read(replicas: tuple[Service, Service], project: Path) -> None:
    """PATCH, then GET, while others read without pause: never the old value; soon not by way of another replica."""
    writer, other = replicas
    shared, own = ((project / "internal/config" / name).exists() for name in ("redis.go", "memory.go"))
    path = create(writer)
    stop = threading.Event()

    def keep_reading(service: Service) -> None:
        while not stop.is_set():
            read(service, path)

    with ExitStack() as stack, ThreadPoolExecutor(6) as pool:
        stack.callback(stop.set)
        readers = [pool.submit(keep_reading, service) for service in (writer, other) for _ in range(3)]
        for note in range(200):
            change(writer, path, note)
            assert read(writer, path) == note
            if shared and not own:
                assert read(other, path) == note
            elif shared:
                eventually(lambda: read(other, path) == note, 8, "the other replica is told", every=0)  # noqa: B023
        stop.set()
        for reader in readers:
            reader.result()


@CACHED
def test_what_is_deleted_is_gone_at_once(start: Start, database: Database) -> None:
    """A user in the cache does not outlive its row."""
    service = start(database)
    service.wait_ready()
    path = create(service)
    assert [service.get(path).status for _ in range(3)] == [200] * 3
    assert rawhttp.send(service.port, rawhttp.encode("DELETE", path)).status == 204
    assert [service.get(path).status for _ in range(3)] == [404] * 3


@CACHED
def test_reads_are_answered_from_the_cache(start: Start, database: Database) -> None:
    """What is changed behind the back of the service is not seen at once: the negative control of all the others."""
    service = start(database)
    service.wait_ready()
    path = create(service)
    change(service, path, "kept")
    assert read(service, path) == "kept"
    database.execute("UPDATE users SET metadata = '{}'")
    assert read(service, path) == "kept"
