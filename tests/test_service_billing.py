"""Payments: whatever dies or hangs, every order that is paid is charged once, and the ledger says so."""

from __future__ import annotations

import json
import random
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.service import rawhttp
from tests.service.billing import PROMPT, UNHURRIED, Shop, judge, look, new_key, sell, settled, trouble, watched
from tests.service.history import FINAL
from tests.service.plugin import Start, Work
from tests.service.postgres import Database, Postgres
from tests.service.process import Binaries, Service, Worker, set_up
from tests.service.rawhttp import Answer
from tests.service.stripe import Fault, Stripe, stripe
from tests.service.waiting import eventually

BOTH = pytest.mark.variants("fiber-ent-billing", "echo-pgx-billing")
"""Both frameworks, both ways to the database."""
ONE = pytest.mark.variants("echo-pgx-billing")
OTHER = pytest.mark.variants("fiber-ent-billing")

PATIENT = {"PAYMENT_TIMEOUT": "20s", "WORKER_JOB_TIMEOUT": "60s"}
"""No timeout of the worker's ends what a test lets hang."""

AT_WORK = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND "
LONG_TRANSACTION = (
    AT_WORK + "backend_type = 'client backend' AND pid <> pg_backend_pid() "
    "AND xact_start < clock_timestamp() - interval '1 second'"
)
WAITING = AT_WORK + "wait_event_type = 'Lock'"
WELCOMES = "SELECT count(*) FROM river_job WHERE kind = 'send_welcome'"
JOBS = "SELECT count(*) FROM river_job WHERE kind = 'settle_payment'"


@pytest.fixture
def provider() -> Iterator[Stripe]:
    """Charges for the services of this test."""
    with stripe() as provider:
        yield provider
        assert not provider.problems


@pytest.fixture
def serve(start: Start, database: Database, provider: Stripe) -> Callable[..., Service]:
    """Starts an API that is ready to take payments."""

    def serve(on: Database = database, **env: str) -> Service:
        service = start(on, **{**provider.environment, **UNHURRIED, **env})
        service.wait_ready()
        return service

    return serve


@pytest.fixture
def settle(work: Work, database: Database, provider: Stripe) -> Callable[..., Worker]:
    """Starts a worker that is ready to settle them."""

    def settle(on: Database = database, **env: str) -> Worker:
        worker = work(on, **{**provider.environment, **PROMPT, **env})
        worker.wait_ready()
        return worker

    return settle


@pytest.fixture
def shop(serve: Callable[..., Service]) -> Shop:
    """A shop whose payments are accepted, and settled once somebody does."""
    return Shop(serve().port)


@BOTH
def test_an_order_is_paid(shop: Shop, database: Database, provider: Stripe, settle: Callable[..., Worker]) -> None:
    """From the order to the ledger, and a refused card beside it."""
    provider.plan = lambda key, _: Fault.DECLINE if key == refused else Fault.NONE
    paid, refused = shop.insist(shop.order(), new_key()), shop.insist(shop.order(), new_key())
    assert shop.status(paid) == "pending"
    settle()
    assert shop.wait_final(paid, within=15) == "completed"
    assert shop.wait_final(refused, within=15) == "failed"
    assert rawhttp.get(shop.port, f"/v1/payments/{refused}").json()["failure_code"] == "insufficient_funds"
    judge(shop.history, database, provider)
    assert provider.charged() == {paid: 1}


@BOTH
def test_a_hundred_requests_with_one_key_are_one_payment(
    shop: Shop, database: Database, provider: Stripe, settle: Callable[..., Worker]
) -> None:
    """All answers are the same, byte for byte, or say that the first is still in flight."""
    order, key = shop.order(), new_key()
    with ThreadPoolExecutor(100) as pool:
        answers = list(pool.map(lambda _: shop.pay(order, key), range(100)))
    accepted = [answer for answer in answers if answer.status == 202]
    assert {(answer.body, answer.header("Location")) for answer in accepted} == {
        (accepted[0].body, accepted[0].header("Location"))
    }
    assert {answer.code for answer in answers if answer.status != 202} <= {"request_in_flight"}
    assert database.execute("SELECT count(*) FROM payments") == [(1,)]
    settle()
    payment = accepted[0].json()["id"]
    assert shop.wait_final(payment, within=15) == "completed"
    assert shop.pay(order, key).body == accepted[0].body, "the answer is what it was"
    judge(shop.history, database, provider)
    assert provider.charged() == {payment: 1}


@BOTH
def test_an_order_is_paid_once_whatever_the_keys(
    shop: Shop, database: Database, provider: Stripe, settle: Callable[..., Worker]
) -> None:
    """Of many requests at a time with a key each, one is accepted; after a refused card another may be."""
    order = shop.order()
    with database.connect() as lock, ThreadPoolExecutor(50) as pool:
        lock.execute("BEGIN")
        lock.execute("LOCK TABLE payments IN SHARE MODE")  # until many have seen that nobody has paid
        asked = [pool.submit(shop.pay, order, new_key()) for _ in range(50)]
        eventually(lambda: database.execute(WAITING)[0][0] >= 10, 15, "many are about to pay")
        lock.execute("ROLLBACK")
        answers = [each.result() for each in asked]
    first, *others = [answer.json()["id"] for answer in answers if answer.status == 202]
    assert not others
    assert {answer.code for answer in answers if answer.status != 202} == {"payment_in_progress"}
    provider.plan = lambda key, _: Fault.DECLINE if key == first else Fault.NONE
    settle()
    assert shop.wait_final(first, within=15) == "failed"
    assert shop.wait_final(shop.insist(order, new_key()), within=15) == "completed"
    assert shop.pay(order, new_key()).code == "order_already_paid"
    judge(shop.history, database, provider)


@OTHER
def test_the_same_key_is_something_else_with_another_request(shop: Shop) -> None:
    """Another order under a key is refused; what was answered stays."""
    order, key = shop.order(), new_key()
    accepted = shop.pay(order, key)
    assert shop.pay(shop.order(), key).code == "idempotency_key_reused"
    assert shop.pay(order, key).body == accepted.body


@ONE
def test_a_lost_answer_is_asked_for_under_the_same_key(
    shop: Shop, database: Database, provider: Stripe, settle: Callable[..., Worker]
) -> None:
    """The provider charges and its answer is lost, in every way there is, and its search does not know yet."""
    provider.search_lag = 3600.0
    faults = [Fault.DROP_AFTER, Fault.ERROR_AFTER, Fault.HANG_AFTER, Fault.DROP_BEFORE, Fault.REFUSE]
    payments = [shop.insist(shop.order(), new_key()) for _ in faults]
    plan = dict(zip(payments, faults, strict=True))
    provider.plan = lambda key, seen: plan.get(key, Fault.NONE) if seen == 0 else Fault.NONE
    settle()
    assert [shop.wait_final(payment, within=30) for payment in payments] == ["completed"] * len(faults)
    judge(shop.history, database, provider)
    assert provider.charged() == dict.fromkeys(payments, 1)
    assert any(asked.replayed for asked in provider.asked), "the key was used again"


@BOTH
def test_no_transaction_is_open_while_the_provider_is_asked(
    shop: Shop, database: Database, provider: Stripe, settle: Callable[..., Worker]
) -> None:
    """A provider that hangs holds no row and no transaction."""
    provider.plan = lambda *_: Fault.HANG_AFTER
    payment = shop.insist(shop.order(), new_key())
    settle(**PATIENT)
    eventually(lambda: provider.asked, 15, "the provider is asked")
    time.sleep(1.5)  # for so long nobody has answered
    assert database.execute(LONG_TRANSACTION) == [(0,)]
    with database.connect() as connection:
        assert connection.execute("SELECT id::text FROM payments FOR UPDATE NOWAIT").fetchall() == [(payment,)]
    provider.release()
    assert shop.wait_final(payment, within=15) == "completed"


@BOTH
def test_webhooks_settle_payments_in_any_order_and_number(
    serve: Callable[..., Service], database: Database, provider: Stripe, settle: Callable[..., Worker]
) -> None:
    """Events come before the answer, twice, and again when all is over; one that is forged or contradicts is no use."""
    service = serve()
    shop = Shop(service.port)
    provider.webhooks.port, provider.webhooks.copies, provider.webhooks.early = service.port, 2, True
    slow = shop.insist(shop.order(), new_key())
    provider.plan = lambda key, _: Fault.PROCESSING if key == slow else Fault.NONE
    quick = [shop.insist(shop.order(), new_key()) for _ in range(10)]
    worker = settle()
    assert {shop.wait_final(payment, within=15) for payment in quick} == {"completed"}
    eventually(lambda: [asked for asked in provider.asked if asked.key == slow], 15, "the slow one is begun")
    worker.terminate()
    worker.wait()
    assert shop.status(slow) == "pending"
    provider.settle()
    assert shop.wait_final(slow, within=15) == "completed", "by the webhook alone"
    provider.redeliver()
    provider.wait_delivered()
    assert set(provider.webhooks.answers) <= {200, 202, 204}, provider.webhooks.answers

    intent = provider.intent(slow)
    forged = provider.event({**intent, "status": "requires_payment_method", "last_payment_error": {"code": "forged"}})
    assert 400 <= provider.deliver(forged, provider.sign(forged, "whsec_wrong")) < 500
    assert 400 <= provider.deliver(forged, provider.sign(forged, at=int(time.time()) - 3600)) < 500
    assert 400 <= provider.deliver(forged, "") < 500
    provider.deliver(forged, provider.sign(forged))
    assert shop.status(slow) == "completed", "what has come to its end stays there"
    judge(shop.history, database, provider)


def roll_back(service: Service, database: Database, ask: Callable[[], Answer], end: str) -> None:
    """Have a request wait for the outbox until its deadline is over, or its service is killed."""
    with database.connect() as lock, ThreadPoolExecutor(1) as pool:
        lock.execute("BEGIN")
        lock.execute("LOCK TABLE outbox IN SHARE MODE")
        answer = pool.submit(ask)
        eventually(lambda: database.execute(WAITING) != [(0,)], 10, "the message waits to be written", every=0.005)
        if end == "kill":
            service.kill()
            assert isinstance(answer.exception(timeout=20), OSError)
        else:
            assert answer.result(timeout=20).status == 503
        lock.execute("ROLLBACK")
    eventually(lambda: database.execute(WAITING) == [(0,)], 10, "the transaction has ended")
    assert database.execute("SELECT count(*) FROM outbox") == [(0,)]


@ONE
def test_a_request_that_is_rolled_back_leaves_nothing(
    serve: Callable[..., Service], database: Database, provider: Stripe, settle: Callable[..., Worker]
) -> None:
    """A deadline, or a kill -9, in the middle of it: no payment, no message, no job, and a key as good as new."""
    service = serve(SERVER_REQUEST_TIMEOUT="5s")
    shop = Shop(service.port)
    order, key = shop.order(), new_key()
    worker = settle()
    for end in ("deadline", "kill"):
        roll_back(service, database, lambda: shop.pay(order, key), end)
        assert database.execute("SELECT count(*) FROM payments") == [(0,)]
        assert database.execute(JOBS) == [(0,)]
    shop.port = serve().port
    payment = shop.insist(order, key)
    assert shop.wait_final(payment, within=15) == "completed"
    assert worker.process.poll() is None
    judge(shop.history, database, provider)


@BOTH
def test_who_was_made_is_written_to_and_nobody_else(
    serve: Callable[..., Service], database: Database, settle: Callable[..., Worker]
) -> None:
    """A user that was rolled back gets no welcome; one that was committed does, once, though the API is killed then."""
    service = serve(SERVER_REQUEST_TIMEOUT="5s")
    worker = settle(EMAIL_SENDER="log", LOG_LEVEL="debug")

    def join(name: str) -> Answer:
        return rawhttp.post(service.port, "/v1/users", {"username": name, "email": f"{name}@example.com"})

    for end in ("deadline", "kill"):
        roll_back(service, database, lambda: join("ada"), end)
        assert database.execute("SELECT count(*) FROM users WHERE username = 'ada'") == [(0,)]
    joined = ["grace", "joan", "mary"]
    for name in joined:
        service = serve()
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(join, name)
            made = "SELECT count(*) FROM users WHERE username = %s"
            eventually(lambda: database.execute(made, name) == [(1,)], 10, "it is committed", every=0)  # noqa: B023
            service.kill()
            answer.exception(timeout=10)
    eventually(lambda: database.execute(f"{WELCOMES} AND state = 'completed'") == [(3,)], 15, "all were written to")
    letters = [line["to"] for line in worker.log_lines() if line["message"] == "email"]
    assert sorted(letters) == [f"{name}@example.com" for name in joined]
    assert database.execute(WELCOMES) == [(3,)]


@BOTH
def test_an_api_that_is_killed_right_after_the_commit_has_accepted(
    serve: Callable[..., Service], database: Database, provider: Stripe, settle: Callable[..., Worker]
) -> None:
    """Whoever asks again with the key gets the payment that was committed, and the job runs."""
    service = serve()
    shop = Shop(service.port)
    asked = []
    for number in range(1, 4):
        order, key = shop.order(), new_key()
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(shop.pay, order, key)
            seen = "SELECT count(*) FROM payments"
            eventually(lambda: database.execute(seen) == [(number,)], 10, "it is committed", every=0)  # noqa: B023
            service.kill()
            answer.exception(timeout=10)
        asked.append((order, key))
        service = serve()
        shop.port = service.port
    payments = [shop.insist(order, key) for order, key in asked]
    assert {payment.id for payment in look(database).payments} == set(payments)
    settle()
    assert [shop.wait_final(payment, within=20) for payment in payments] == ["completed"] * len(payments)
    judge(shop.history, database, provider)


@BOTH
def test_a_worker_that_is_killed_at_any_step_charges_once(
    shop: Shop, database: Database, provider: Stripe, settle: Callable[..., Worker]
) -> None:
    """Before the provider has charged, after it has, before that is recorded, and before the message is taken on."""
    payments = [shop.insist(shop.order(), new_key()) for _ in range(4)]
    late, unanswered, _unrecorded, waiting = payments
    plan = {late: Fault.HANG_BEFORE, unanswered: Fault.HANG_AFTER}
    provider.plan = lambda key, _: plan.get(key, Fault.NONE)
    with database.connect() as lock:
        lock.execute("BEGIN")
        lock.execute("LOCK TABLE ledger_entries IN SHARE MODE")
        lock.execute("SELECT FROM outbox WHERE payload->>'payment_id' = %s FOR UPDATE", [waiting])
        worker = settle(**PATIENT)
        eventually(lambda: len(provider.asked) == 3, 15, "three are asked for")
        eventually(lambda: database.execute(WAITING) == [(1,)], 15, "one waits for the ledger")
        assert shop.status(waiting) == "pending"
        worker.kill()
        lock.execute("ROLLBACK")
    with watched(shop.history, database):
        settle()
        provider.release()
        judge(shop.history, database, provider)
    assert provider.charged() == dict.fromkeys(payments, 1)
    assert {payment.status for payment in look(database).payments} == {"completed"}


@ONE
def test_a_hundred_payments_survive_five_kills_of_the_worker(
    shop: Shop, database: Database, provider: Stripe, settle: Callable[..., Worker]
) -> None:
    """Every effect happens once, and none is lost."""
    chance = random.Random(5)  # noqa: S311  the same in each run
    provider.plan = lambda *_: chance.choice([Fault.NONE, Fault.NONE, Fault.DROP_AFTER])
    payments = sell(shop, 100, clients=10)
    with watched(shop.history, database):
        for kill in range(1, 6):
            worker = settle(WORKER_CONCURRENCY="4")
            goal = min(kill * 12 + chance.randrange(8), 100)
            eventually(lambda: len(provider.asked) >= goal, 60, f"{goal} charges are asked for", every=0)  # noqa: B023
            worker.kill()
        settle()
        judge(shop.history, database, provider)
    assert provider.charged() == dict.fromkeys(payments, 1)


@OTHER
def test_a_worker_that_is_told_to_stop_leaves_no_job_running(
    shop: Shop, database: Database, provider: Stripe, settle: Callable[..., Worker]
) -> None:
    """What it can't finish is tried again by the next one, which need not wait until somebody finds out."""
    provider.plan = lambda _, seen: Fault.HANG_AFTER if seen == 0 else Fault.NONE
    payments = [shop.insist(shop.order(), new_key()) for _ in range(5)]
    worker = settle(**PATIENT)
    eventually(lambda: len(provider.asked) == 5, 15, "the provider is asked")
    worker.terminate()
    worker.wait(within=20)
    assert database.execute("SELECT count(*) FROM river_job WHERE state = 'running'") == [(0,)]
    settle()
    assert [shop.wait_final(payment, within=25) for payment in payments] == ["completed"] * 5
    judge(shop.history, database, provider)
    assert provider.charged() == dict.fromkeys(payments, 1)


@ONE
def test_a_database_that_dies_and_hangs_loses_no_payment(
    serve: Callable[..., Service],
    own_postgres: Postgres,
    binaries: Binaries,
    provider: Stripe,
    settle: Callable[..., Worker],
) -> None:
    """Clients insist, API and worker come back by themselves, and everything is charged once."""
    database = own_postgres.create()
    set_up(binaries, database)
    service = serve(database, SERVER_REQUEST_TIMEOUT="2s")
    worker = settle(database, DB_STATEMENT_TIMEOUT="5s")
    shop = Shop(service.port)
    orders = [(shop.order(), new_key()) for _ in range(60)]
    with ThreadPoolExecutor(4) as pool:
        paid = [pool.submit(shop.insist, order, key) for order, key in orders]
        eventually(lambda: len(provider.charges) >= 10, 30, "some are charged", every=0)
        own_postgres.kill()
        own_postgres.start()
        eventually(lambda: len(provider.charges) >= 25, 60, "more are charged", every=0)
        own_postgres.freeze()
        time.sleep(3)  # longer than the deadline of a request
        own_postgres.thaw()
        payments = [each.result(timeout=90) for each in paid]
    judge(shop.history, database, provider)
    assert provider.charged() == dict.fromkeys(payments, 1)
    assert (service.process.poll(), worker.process.poll()) == (None, None), "nothing had to be restarted"


@BOTH
def test_money_is_conserved(
    serve: Callable[..., Service], database: Database, provider: Stripe, settle: Callable[..., Worker]
) -> None:
    """Many clients, two workers, webhooks, and a provider of which a quarter goes wrong: at every moment sums agree."""
    service = serve()
    shop = Shop(service.port)
    provider.plan, provider.search_lag = trouble(seed=7, share=0.25), 2.0
    provider.webhooks.port, provider.webhooks.copies = service.port, 2
    for _ in range(2):
        settle()
    with watched(shop.history, database):
        payments = sell(shop, 1000, clients=50)
        provider.settle()
        provider.release()
        provider.plan = trouble(seed=8, share=0)
        eventually(lambda: provider.settle() or settled(database), 120, "all payments are settled", every=0.5)
        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(shop.status, payments)) == FINAL
        judge(shop.history, database, provider)
    assert len(set(payments)) == len(payments) == 1000


@ONE
def test_a_slow_count_ends_with_its_request(start: Start, database: Database) -> None:
    """The query of an activity that takes too long is gone from the server soon after its deadline."""
    service = start(database, SERVER_REQUEST_TIMEOUT="4s", DB_STATEMENT_TIMEOUT="60s")
    service.wait_ready()
    database.execute("DROP TABLE user_events")
    database.execute(
        "CREATE VIEW user_events AS SELECT NULL::uuid AS user_id, 'a' AS event_type, timestamptz '2026-03-01' "
        "+ n * interval '1 microsecond' AS occurred_at FROM generate_series(1, 10000000000) AS n"
    )
    running = AT_WORK + "state = 'active' AND query LIKE '%cumulative_users%' AND pid <> pg_backend_pid()"
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(rawhttp.get, service.port, "/v1/analytics/activity?from=2026-03-01&to=2026-03-31")
        eventually(lambda: database.execute(running) == [(1,)], 4, "the query runs", every=0.005)
        assert answer.result(timeout=20).status == 503
    eventually(lambda: database.execute(running) == [(0,)], 20, "the query has ended", every=0.005)


def test_the_stand_in_keeps_its_own_rules() -> None:
    """One key, one charge, one answer; another request under it is refused, and a signature is that of its payload."""
    with stripe() as provider:
        parameters = {"amount": "100", "currency": "eur", "confirm": "true", "metadata[payment_id]": "p"}
        first, second = (provider.create("k", parameters, "v") for _ in range(2))
        assert first.body == second.body
        assert second.headers == {"Idempotent-Replayed": "true"}
        assert provider.create("k", {**parameters, "amount": "101"}, "v").status == 400
        assert provider.charged() == {"p": 1}
        assert len(provider.problems) == 1
        assert provider.sign(b"{}", at=1) != provider.sign(b"{ }", at=1)
        provider.plan = lambda *_: Fault.REFUSE
        assert provider.create("other", parameters, "v").status == 500
        provider.plan = lambda *_: Fault.DROP_AFTER
        assert provider.create("other", parameters, "v").status == 0
        assert provider.create("other", parameters, "v").body["status"] == "succeeded"
        assert provider.charged() == {"p": 2}
        assert json.dumps(provider.search("/", {"payment_id": "p"}).body).count("pi_") == 2
        provider.search_lag = 60.0
        assert provider.search("/", {"payment_id": "p"}).body["data"] == []


def test_the_stand_in_charges_once_what_hung_while_others_settle() -> None:
    """Payments that hung are charged once each, though all that is in process is settled at the same time."""
    with stripe() as provider, ThreadPoolExecutor(50) as pool:
        provider.plan = lambda *_: Fault.HANG_BEFORE
        names = [f"payment {number}" for number in range(50)]
        form = {"amount": "100", "currency": "eur", "confirm": "true"}
        answers = [pool.submit(provider.create, name, {**form, "metadata[payment_id]": name}, "v") for name in names]
        eventually(lambda: len(provider.asked) == len(names), 10, "all hang", every=0.005)
        provider.release()
        while not all(answer.done() for answer in answers):
            provider.settle()
        assert provider.charged() == dict.fromkeys(names, 1)


@pytest.mark.parametrize(
    "sent",
    [
        b"Transfer-Encoding: chunked\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n1",
        b"Transfer-Encoding: chunked\r\n\r\n11\r\namount=1",
        b"Transfer-Encoding: chunked\r\n\r\n8\r\namount=1\r\n",
        b"Content-Length: 28\r\n\r\namount=100&curr",
    ],
)
def test_the_stand_in_takes_no_half_requests(sent: bytes) -> None:
    """Of a client that is killed while it sends, nothing is charged, and nothing is held against it."""
    with stripe() as provider:
        with socket.create_connection(("127.0.0.1", provider.port), timeout=10) as client:
            client.sendall(b"POST /v1/payment_intents HTTP/1.1\r\nIdempotency-Key: k\r\n" + sent)
            client.shutdown(socket.SHUT_WR)
            assert client.recv(1) == b"", "it answers nobody"
        assert (provider.asked, provider.problems) == ([], [])
