"""Measure payments: how many a second, how long each takes, and what the worker needs for it.

Usage: python -m tools.pay [VARIANT | PROJECT ...]

A project is measured as it stands on disk, a variant as it is rendered. An API and a worker run on one PostgreSQL, with
the provider that charges nobody. First clients ask as fast as they get answers, then at a rate that leaves the service
time to breathe. Prints numbers and asserts nothing: they depend on the machine.
"""

from __future__ import annotations

import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from tests.service import rawhttp
from tests.service.billing import OPEN, new_key
from tests.service.guard import Guard
from tests.service.postgres import Database, Postgres
from tests.service.process import Binaries, Service, Worker, serving, set_up, working
from tests.service.rawhttp import Connection, encode_json
from tests.service.redis import Redis
from tests.service.waiting import eventually
from tools.measure import report, settled_memory
from tools.render import render, take_snapshot
from tools.toolchain import go_environment
from tools.variants import choose_variant

DEFAULT = ("fiber-pgx-billing", "echo-ent-billing")
CLIENTS = 16
FAST = 3000
"""Payments that are asked for as fast as possible."""
PACED = 500
PACE = 50
"""How many a second of those that are asked for in peace."""
ACCEPTED = 202
CREATED = 201

SETTLED = "extract(epoch FROM p.settled_at - p.created_at)"
HANDED_ON = "extract(epoch FROM j.created_at - p.created_at)"
LATENCY = """
    SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY {what}), percentile_cont(0.99) WITHIN GROUP (ORDER BY {what})
    FROM payments AS p JOIN river_job AS j ON j.kind = 'settle_payment' AND j.args->>'payment_id' = p.id::text
"""
RATE = "SELECT count(*) / extract(epoch FROM max(settled_at) - min(created_at)) FROM payments"


def pay(connection: Connection, number: int) -> None:
    """Order and pay."""
    order = {"description": "A parcel", "total": {"amount_minor": 100 + number, "currency": "EUR"}}
    made = connection.exchange(encode_json("POST", "/v1/orders", order))
    if made.status != CREATED:
        raise SystemExit(f"no order was made: {made.body!r}")
    path = f"/v1/orders/{made.json()['id']}/payments"
    accepted = connection.exchange(encode_json("POST", path, {}, [("Idempotency-Key", new_key())]))
    if accepted.status != ACCEPTED:
        raise SystemExit(f"no payment was accepted: {accepted.body!r}")


def pay_fast(service: Service, count: int) -> float:
    """Have clients order and pay without pause; the seconds that took until all was accepted."""

    def client(first: int) -> None:
        with rawhttp.connect(service.port) as connection:
            for number in range(first, count, CLIENTS):
                pay(connection, number)

    began = time.monotonic()
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(client, range(CLIENTS)))
    return time.monotonic() - began


def pay_in_peace(service: Service) -> None:
    """Order and pay at a steady pace."""
    began = time.monotonic()

    def one(number: int) -> None:
        time.sleep(max(0.0, began + number / PACE - time.monotonic()))
        with rawhttp.connect(service.port) as connection:
            pay(connection, number)

    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(one, range(PACED)))


def wait_settled(database: Database) -> None:
    """Wait until no payment is open."""
    eventually(lambda: database.execute(OPEN) == [(0,)], 300, "all payments are settled")


def report_latency(name: str, what: str, database: Database) -> None:
    """Print the median and the 99th percentile of something, in milliseconds."""
    ((median, p99),) = database.execute(LATENCY.format(what=what))
    report(name, f"{float(median) * 1000:.0f} ms, p99 {float(p99) * 1000:.0f} ms")


def measure(name: str, project: Path, guard: Guard, server: Postgres, redis: Redis) -> None:
    """Print what the payments of a project cost."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        binaries = Binaries.build(project, Path(folder), go_environment())
        for part, count in (("fast", FAST), ("in peace", PACED)):
            database = server.create()
            set_up(binaries, database)
            environment = {
                "DATABASE_URL": database.url,
                "REDIS_URL": redis.url,
                "PAYMENT_PROVIDER": "fake",
                "LOG_LEVEL": "warn",
            }
            service = stack.enter_context(serving(guard, binaries, environment))
            worker: Worker = stack.enter_context(working(guard, binaries, environment))
            service.wait_ready()
            worker.wait_ready()
            idle = settled_memory(worker)
            if part == "fast":
                seconds = pay_fast(service, count)
                wait_settled(database)
                ((rate,),) = database.execute(RATE)
                report(f"{name}: accepted, with an order each", f"{count / seconds:.0f}/s")
                report(f"{name}: settled end to end", f"{float(rate):.0f}/s of {count}")
                busy = settled_memory(worker)
                report(f"{name}: memory of the worker", f"{idle / 2**20:.1f} MiB, after {busy / 2**20:.1f} MiB")
            else:
                pay_in_peace(service)
                wait_settled(database)
            report_latency(f"{name}: {part}, until a job is there", HANDED_ON, database)
            report_latency(f"{name}: {part}, until it is settled", SETTLED, database)
            stack.pop_all().close()


def main() -> int:
    """Measure the variants and projects that are named."""
    guard = Guard()
    with tempfile.TemporaryDirectory() as folder:
        template = take_snapshot(Path(folder, "template"))
        server, redis = Postgres(guard), Redis(guard)
        for number, name in enumerate(sys.argv[1:] or DEFAULT):
            project = Path(name)
            if not project.is_dir():
                variant = choose_variant(name)
                name, project = variant.id, Path(folder, str(number))  # noqa: PLW2901  now in full
                render(template, project, variant.answers)
            measure(name, project, guard, server, redis)
        redis.close()
        server.close()
    guard.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
