"""Clients of a service that takes payments, and what it takes to judge it: they write down what they see."""

from __future__ import annotations

import contextlib
import random
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg
from psycopg import IsolationLevel

from tests.service import rawhttp
from tests.service.history import FINAL, Charged, Entry, History, Money, Payment, Snapshot, Told, problems
from tests.service.postgres import Database
from tests.service.rawhttp import Answer, Headers
from tests.service.stripe import Fault, Plan, Stripe
from tests.service.waiting import eventually

# Waits that prove nothing are short. What a killed worker leaves behind is taken up again after the timeout of a job,
# ten seconds of grace, and up to half a minute until somebody looks.
PROMPT = {
    "PAYMENT_TIMEOUT": "1s",
    "WORKER_JOB_TIMEOUT": "3s",
    "WORKER_RECONCILE_INTERVAL": "2s",
    "WORKER_SHUTDOWN_TIMEOUT": "4s",
}
PATIENCE = 30.0
"""How long a client waits for an answer, in seconds."""
UNHURRIED = {"DB_ACQUIRE_TIMEOUT": "20s", "SERVER_REQUEST_TIMEOUT": "25s", "SERVER_WRITE_TIMEOUT": "30s"}
"""For an API that many ask at once, so that a slow machine is no overload."""
SETTLED_WITHIN = 100.0
"""Longer than all of that, and far less than for ever."""

OPEN = "SELECT count(*) FROM payments WHERE status IN ('pending', 'unknown')"


@dataclass
class Shop:
    """Whoever sells through a service, on an honest clock."""

    port: int
    history: History = field(default_factory=History)

    def order(self, amount: int = 1250, currency: str = "EUR", description: str = "A parcel", **how: object) -> str:
        """The id of a new order."""
        body = {"description": description, "total": {"amount_minor": amount, "currency": currency}}
        answer = rawhttp.post(self.port, "/v1/orders", body, **{"timeout": PATIENCE, **how})  # type: ignore[arg-type]
        assert answer.status == 201, answer.body
        return str(answer.json()["id"])

    def pay(self, order: str, key: str, headers: Headers = (), timeout: float = PATIENCE) -> Answer:
        """Ask once for an order to be paid."""
        headers = [("Idempotency-Key", key), *headers]
        answer = rawhttp.post(self.port, f"/v1/orders/{order}/payments", {}, headers, timeout)
        if answer.status == 202:
            payment = answer.json()
            self.history.told.append(
                Told(time.monotonic(), payment["id"], payment["status"], f"{order} {key}", answer.body)
            )
        return answer

    def insist(self, order: str, key: str, within: float = 60.0) -> str:
        """Ask under one key until the payment is accepted, whatever happens to the service meanwhile; its id."""

        def ask() -> str:
            with contextlib.suppress(OSError):
                answer = self.pay(order, key)
                if answer.status == 202:
                    return str(answer.json()["id"])
                assert (answer.status, answer.code) == (409, "request_in_flight") or answer.status >= 500, answer.body
            return ""

        return eventually(ask, within, f"the payment of order {order} is accepted")

    def status(self, payment: str) -> str:
        """How a payment stands."""
        answer = rawhttp.get(self.port, f"/v1/payments/{payment}", timeout=PATIENCE)
        assert answer.status == 200, answer.body
        status = str(answer.json()["status"])
        self.history.told.append(Told(time.monotonic(), payment, status))
        return status

    def wait_final(self, payment: str, within: float = SETTLED_WITHIN) -> str:
        """How a payment ended."""
        return eventually(
            lambda: status if (status := self.status(payment)) in FINAL else "", within, f"payment {payment} is settled"
        )


def new_key() -> str:
    """An idempotency key that nobody has used."""
    return str(uuid.uuid4())


def look(database: Database) -> Snapshot:
    """Take a snapshot of the tables."""
    begun = time.monotonic()
    with psycopg.connect(database.url, connect_timeout=10) as connection:
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        payments = connection.execute(
            "SELECT id::text, order_id::text, amount_minor, currency, status FROM payments"
        ).fetchall()
        entries = connection.execute(
            "SELECT payment_id::text, account, amount_minor, currency FROM ledger_entries"
        ).fetchall()
    return Snapshot(
        begun,
        time.monotonic(),
        tuple(Payment(row[0], row[1], Money(row[2], row[3]), row[4]) for row in payments),
        tuple(Entry(row[0], row[1], Money(row[2], row[3])) for row in entries),
    )


@contextmanager
def watched(history: History, database: Database, every: float = 0.5) -> Iterator[None]:
    """Take snapshots all the time; a database that is away is looked at again later."""
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(every):
            with contextlib.suppress(psycopg.OperationalError):
                history.snapshots.append(look(database))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=30)


def settled(database: Database) -> bool:
    """Whether no payment is open."""
    with contextlib.suppress(psycopg.OperationalError):
        return database.execute(OPEN) == [(0,)]
    return False


def judge(history: History, database: Database, stripe: Stripe, within: float = SETTLED_WITHIN) -> None:
    """Wait until all payments have come to their end; then nothing that was seen may be wrong."""
    eventually(lambda: settled(database), within, "all payments are settled", every=0.2)
    history.snapshots.append(look(database))
    history.charged = [
        Charged(charge.moment, charge.metadata["payment_id"], Money(charge.amount, charge.currency))
        for charge in stripe.charges
    ]
    found = problems(history, ended=True) + stripe.problems
    assert not found, "\n".join(found[:20])


def trouble(seed: int, share: float) -> Plan:
    """A plan in which a share of first requests goes wrong, each in some way, and of later ones a quarter of that."""
    common = [Fault.DECLINE, Fault.REFUSE, Fault.DROP_BEFORE, Fault.DROP_AFTER, Fault.ERROR_AFTER, Fault.PROCESSING]
    faults = [*common * 3, Fault.HANG_AFTER, Fault.HANG_BEFORE]

    def plan(key: str, seen: int) -> Fault:
        chance = random.Random(f"{seed} {key} {seen}")  # noqa: S311  the same in each run
        return chance.choice(faults) if chance.random() < (share if seen == 0 else share / 4) else Fault.NONE

    return plan


def sell(shop: Shop, count: int, clients: int, each: Callable[[int], str] = lambda _: "A parcel") -> list[str]:
    """Have many clients order and pay at the same time, some of them impatient; the ids of the payments."""

    def buy(number: int) -> str:
        order = shop.order(amount=100 + number, currency=("EUR", "USD", "SEK")[number % 3], description=each(number))
        key = new_key()
        if number % 5 == 0:  # some click twice
            with ThreadPoolExecutor(2) as pool:
                first, second = pool.map(lambda _: shop.insist(order, key), range(2))
            assert first == second
            return first
        return shop.insist(order, key)

    with ThreadPoolExecutor(clients) as pool:
        return list(pool.map(buy, range(count)))
