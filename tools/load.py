"""Measure requests a second and latency of services, each against a bare handler of its framework in the same run.

Usage: python -m tools.load [VARIANT ...]

Load comes from wrk (Debian: apt-get install wrk), on GET /v1/users/{id}. The service and the bare handler take turns on
one PostgreSQL, and the medians and the ratio pair by pair are printed. A variant with Redis is then asked while Redis
works, is killed, hangs and is slow. One whose users log in is asked to, with wrong passwords of users who exist and of
others. Prints numbers and asserts nothing: they depend on the machine.
"""

from __future__ import annotations

import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple

from tests.service import rawhttp
from tests.service.guard import Guard
from tests.service.postgres import Database, Postgres
from tests.service.process import Binaries, Service, serving, set_up
from tests.service.rawhttp import encode
from tests.service.redis import Redis, Slow, slow
from tests.service.waiting import eventually, free_port
from tools.questions import ROOT
from tools.render import render, take_snapshot
from tools.toolchain import go_environment
from tools.variants import Variant, choose_variant

DEFAULT = (
    "fiber-pgx-nocache-noauth-noobservability",
    "echo-pgx-nocache-noauth-noobservability",
    "fiber-pgx-nocache-noauth-tracing+metrics",
    "fiber-pgx-nocache-jwt-noobservability",
    "fiber-pgx-memory-noauth-noobservability",
    "echo-pgx-memory-jwt-tracing+metrics",
    "fiber-ent-redis-jwt-tracing+metrics",
)
ROUNDS = 3
SECONDS = 5
CONNECTIONS = 32
REQUESTS = 300
"""How many requests are timed one by one in each state of Redis."""
LOGINS = 300
"""How many logins are timed of each kind of user."""
LOGINS_OF_ADDRESS = 50
"""How many of them come from one address: fewer than one may try."""


class Load(NamedTuple):
    """What wrk saw."""

    rate: float
    """Requests a second."""
    p99: float
    """99th percentile of the latency, in milliseconds."""
    failed: int
    """Answers other than 2xx or 3xx, and errors of the connection."""


def read_wrk(printed: str) -> Load:
    """Read what `wrk --latency` prints."""
    rate = re.search(r"Requests/sec:\s+([\d.]+)", printed)
    p99 = re.search(r"99%\s+([\d.]+)(us|ms|s)\b", printed)
    if not rate or not p99:
        raise SystemExit(f"wrk printed something else:\n{printed}")
    factor = {"us": 0.001, "ms": 1.0, "s": 1000.0}[p99[2]]
    failed = sum(map(int, re.findall(r"Non-2xx or 3xx responses: (\d+)", printed)))
    failed += sum(
        int(number) for line in re.findall(r"Socket errors: .*", printed) for number in re.findall(r"\d+", line)
    )
    return Load(float(rate[1]), float(p99[1]) * factor, failed)


def wrk(url: str, headers: list[str]) -> Load:
    """Put load on a URL."""
    options = [f"-d{SECONDS}s", "-t1", f"-c{CONNECTIONS}", "--latency"]
    command = ["wrk", *options, *(word for header in headers for word in ("-H", header)), url]
    return read_wrk(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


@contextmanager
def bare(program: Path, database: Database, path: str) -> Iterator[int]:
    """Run a bare handler and give its port."""
    port = free_port()
    environment = {"DATABASE_URL": database.url, "SERVER_PORT": str(port)}
    with subprocess.Popen([program], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:

        def answers() -> bool:
            try:
                return rawhttp.get(port, path).status == HTTPStatus.OK
            except OSError:
                return False

        try:
            eventually(answers, 10, "the bare handler answers")
            yield port
        finally:
            process.kill()


def build(variant: Variant, template: Path, folder: Path) -> tuple[Binaries, Path]:
    """Render and build a variant, and the bare handler of its framework with the same modules."""
    project = folder / "project"
    render(template, project, variant.answers)
    framework = dict(variant.choices)["framework"]
    (project / "cmd" / "bare").mkdir()
    shutil.copy(ROOT / "tools" / "bare" / f"{framework}.go.txt", project / "cmd" / "bare" / "main.go")
    binaries = Binaries.build(project, folder, go_environment())
    return binaries, folder / "bare"


def first_user(service: Service) -> str:
    """Make a user and return its path."""
    body = {"username": "ada", "email": "ada@example.com"}
    answer = rawhttp.post(service.port, "/v1/users", body)
    if answer.status != HTTPStatus.CREATED:
        raise SystemExit(f"no user was made: {answer.status} {answer.body!r}")
    return f"/v1/users/{answer.json()['id']}"


def authorization(service: Service) -> list[str]:
    """Return the header by which an administrator asks, where users log in."""
    dress = rawhttp.DRESSERS.get(service.port)
    if dress is None:
        return []
    found = re.search(rb"^Authorization: [^\r]+", dress(encode("GET", "/v1/users")), re.MULTILINE)
    return [found[0].decode()] if found else []


def compare(service: Service, program: Path, database: Database, path: str) -> None:
    """Let the service and a bare handler take turns and print what came of it."""
    headers = authorization(service)
    with bare(program, database, path) as port:
        pairs = [
            (wrk(f"{service.base_url}{path}", headers), wrk(f"http://127.0.0.1:{port}{path}", []))
            for _ in range(ROUNDS)
        ]
    ours, theirs = zip(*pairs, strict=True)
    for name, loads in (("service", ours), ("bare", theirs)):
        rate, p99 = (statistics.median(getattr(load, field) for load in loads) for field in ("rate", "p99"))
        failed = sum(load.failed for load in loads)
        print(f"  {name:<8} {rate:8.0f} requests/s, p99 {p99:6.2f} ms, {failed} failed", flush=True)
    ratios = sorted(mine.rate / other.rate for mine, other in pairs)
    print(f"  ratio    {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})", flush=True)


def time_requests(service: Service, path: str) -> str:
    """Ask one by one and describe what came back."""
    seconds, statuses = [], set()
    for _ in range(REQUESTS):
        began = time.monotonic()
        statuses.add(service.get(path).status)
        seconds.append((time.monotonic() - began) * 1000)
    seconds.sort()
    p99 = seconds[int(len(seconds) * 0.99)]
    return (
        f"status {statuses}, median {statistics.median(seconds):.2f} ms, p99 {p99:.1f} ms, worst {seconds[-1]:.1f} ms"
    )


def without_redis(service: Service, path: str, server: Redis, proxy: Slow) -> None:
    """Ask while Redis works, is killed, hangs and is slow, and print what came of it."""
    states: tuple[tuple[str, Callable[[], None], Callable[[], None]], ...] = (
        ("works", lambda: None, lambda: None),
        ("killed", server.kill, server.start),
        ("hangs", server.freeze, server.thaw),
        ("slow", lambda: setattr(proxy, "delay", 0.5), lambda: setattr(proxy, "delay", 0.0)),
    )
    for name, lose, recover in states:
        lose()
        print(f"  Redis {name:<7} {time_requests(service, path)}", flush=True)
        recover()
        time.sleep(3)


def time_logins(service: Service) -> None:
    """Log in with a wrong password, as users who exist and others, and print how long the answers took.

    Chance says who comes first: taken by turns, one kind pays for more of the collection of garbage than the other.
    """
    kinds = ("known", "unknown")
    took: dict[str, list[float]] = {kind: [] for kind in kinds}
    statuses = set()
    for number in range(LOGINS):
        client = [("X-Forwarded-For", f"192.0.2.{number // LOGINS_OF_ADDRESS}")]
        known = {"username": f"known{number}", "email": f"known{number}@example.com"}
        if (made := rawhttp.post(service.port, "/v1/users", known, client)).status != HTTPStatus.CREATED:
            raise SystemExit(f"no user was made: {made.status} {made.body!r}")
        for kind in random.sample(kinds, len(kinds)):
            body = {"email": f"{kind}{number}@example.com", "password": "Wrong-horse-7"}
            began = time.monotonic()
            statuses.add(rawhttp.post(service.port, "/v1/auth/login", body, client).status)
            took[kind].append((time.monotonic() - began) * 1000)
    for kind, times in took.items():
        first, median, third = statistics.quantiles(times)
        print(f"  login, {kind:<8} status {statuses}, median {median:.2f} ms, half {first:.2f} to {third:.2f} ms")


def measure(variant: Variant, template: Path, guard: Guard, postgres: Postgres) -> None:
    """Build one variant and put it under load."""
    print(variant.id, flush=True)
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        binaries, program = build(variant, template, Path(name))
        database = postgres.create()
        set_up(binaries, database)
        environment = {"DATABASE_URL": database.url, "SERVER_TRUSTED_PROXIES": "127.0.0.0/8"}
        redis_too = variant.has("cache", "redis") or variant.has("cache", "tiered")
        server, proxy = None, None
        if redis_too:
            server = Redis(guard)
            stack.callback(server.close)
            proxy = stack.enter_context(slow(server))
            environment["REDIS_URL"] = server.url
        if variant.has("observability", "tracing"):
            environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://127.0.0.1:1"
        with serving(guard, binaries, environment) as service:
            service.wait_ready()
            path = first_user(service)
            compare(service, program, database, path)
            if variant.has("auth", "jwt"):
                time_logins(service)
        if server is not None and proxy is not None:
            with serving(guard, binaries, {**environment, "REDIS_URL": server.url_by(proxy.port)}) as service:
                service.wait_ready()
                without_redis(service, path, server, proxy)


def main() -> int:
    """Measure the variants that are named, or a few that differ in what costs time."""
    if not shutil.which("wrk"):
        print("load: wrk is not on the PATH: install it (Debian: apt-get install wrk)", file=sys.stderr)
        return 2
    guard = Guard()
    with tempfile.TemporaryDirectory() as folder:
        template = take_snapshot(Path(folder, "template"))
        postgres = Postgres(guard)
        for name in sys.argv[1:] or DEFAULT:
            measure(choose_variant(name), template, guard, postgres)
        postgres.close()
    guard.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
