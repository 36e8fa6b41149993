"""A stand-in of Stripe: it charges cards in memory, keeps idempotency keys as Stripe does, and fails on demand.

It knows what a service needs to take a payment: payment intents that are created and confirmed at once, read, searched
for and cancelled, and signed webhooks about them. What it took is in `charges`, whatever it answered.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import http.client
import json
import secrets
import socket
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

SECRET_KEY = "sk_test_4eC39HqLyjWDarjtT1zdp7dc"  # noqa: S105  made up
WEBHOOK_SECRET = "whsec_bK7Vt2Nq9Xc4Lm6Zp1Rd8Wf3"  # noqa: S105  made up

LONGEST_HANG = 60.0
"""How long a request hangs that nobody sets free."""
DELIVER_WITHIN = 30.0


class Fault(Enum):
    """What goes wrong with one request for a new charge."""

    NONE = "none"
    DECLINE = "decline"
    """The card is refused. Nothing is charged, and never will be under this key."""
    REFUSE = "refuse"
    """500 from a machine in front: nothing is charged, and nothing is kept under the key."""
    DROP_BEFORE = "drop before"
    """The connection ends without an answer, and nothing is charged."""
    DROP_AFTER = "drop after"
    """The card is charged, and then the connection ends without an answer."""
    ERROR_AFTER = "error after"
    """The card is charged, and a machine in front answers 502 all the same."""
    HANG_BEFORE = "hang before"
    """Nothing happens until release: then the card is charged, most likely when nobody listens any more."""
    HANG_AFTER = "hang after"
    """The card is charged, and the answer does not come until release."""
    PROCESSING = "processing"
    """The answer is that it takes a while; the charge comes with settle."""


@dataclass(frozen=True)
class Charge:
    """Money that was taken."""

    intent: str
    key: str
    amount: int
    currency: str
    metadata: dict[str, str]
    moment: float


@dataclass(frozen=True)
class Asked:
    """One request for a new charge."""

    key: str
    parameters: dict[str, str]
    fault: Fault
    replayed: bool
    moment: float


@dataclass
class Webhooks:
    """Where events go, and how they get there."""

    port: int = 0
    """The service that is told; 0 tells nobody."""
    path: str = "/v1/webhooks/stripe"
    secret: str = WEBHOOK_SECRET
    copies: int = 1
    """How often each event is delivered."""
    early: bool = False
    """Whether the event is delivered before the request that caused it is answered."""
    answers: list[int] = field(default_factory=list)
    """The statuses of the answers; 0 where there was none."""


Plan = Callable[[str, int], Fault]
"""Decides on the fault of a request, by the payment that it charges and how often that was asked for before."""


def no_fault(_payment: str, _seen: int) -> Fault:
    """Everything goes well."""
    return Fault.NONE


class Stripe:
    """A running stand-in. Safe for use by several threads."""

    def __init__(self) -> None:
        """Listen on a port of the loopback address."""
        self.plan: Plan = no_fault
        self.search_lag = 0.0
        """How many seconds old an intent is before a search finds it: with Stripe a minute, an hour at worst."""
        self.webhooks = Webhooks()
        self.charges: list[Charge] = []
        self.asked: list[Asked] = []
        self.problems: list[str] = []
        """What a client must not do, such as charge without a key."""
        self._lock = threading.RLock()
        self._intents: dict[str, dict[str, Any]] = {}
        self._saved: dict[str, tuple[dict[str, str], int, dict[str, Any]]] = {}
        self._busy: Counter[str] = Counter()
        self._seen: Counter[str] = Counter()
        self._released = threading.Event()
        self._deliveries: list[threading.Thread] = []
        self._server = _Server(self)
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def url(self) -> str:
        """What a service is given as STRIPE_BASE_URL."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """What a service needs to charge here."""
        return {
            "PAYMENT_PROVIDER": "stripe",
            "STRIPE_SECRET_KEY": SECRET_KEY,
            "STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET,
            "STRIPE_BASE_URL": self.url,
        }

    def charged(self, name: str = "payment_id") -> Counter[str]:
        """How often each payment was charged, by what its metadata calls it."""
        with self._lock:
            return Counter(charge.metadata.get(name, "") for charge in self.charges)

    def intent(self, payment: str, name: str = "payment_id") -> dict[str, Any]:
        """The newest intent of a payment."""
        with self._lock:
            return next(each for each in reversed(self._intents.values()) if each["metadata"].get(name) == payment)

    def release(self) -> None:
        """Let go on what hangs, now and from now on."""
        self._released.set()

    def hold(self) -> None:
        """Let hang again what is to hang."""
        self._released.clear()

    def settle(self) -> None:
        """Charge what was said to be processing."""
        with self._lock:
            waiting = [intent for intent in self._intents.values() if intent["status"] == "processing"]
            for intent in waiting:
                self._take(intent)
        for intent in waiting:
            self._tell(intent)

    def redeliver(self) -> None:
        """Deliver the events of all intents once more, the last one first."""
        with self._lock:
            intents = list(self._intents.values())
        for intent in reversed(intents):
            self._tell(intent)

    def wait_delivered(self) -> None:
        """Wait until no event is on its way."""
        for thread in list(self._deliveries):
            thread.join(timeout=DELIVER_WITHIN * 2)

    def close(self) -> None:
        """Stop, and end what hangs."""
        self.release()
        self._server.shutdown()
        self._server.server_close()
        self.wait_delivered()

    def sign(self, payload: bytes, secret: str = "", at: int = 0) -> str:
        """The Stripe-Signature of a payload."""
        moment = at or int(time.time())
        mac = hmac.new((secret or self.webhooks.secret).encode(), b"%d." % moment + payload, hashlib.sha256)
        return f"t={moment},v1={mac.hexdigest()}"

    def event(self, intent: dict[str, Any]) -> bytes:
        """The event about an intent as it is now. Its id is the same each time."""
        kinds = {"requires_payment_method": "payment_failed"}
        kind = kinds.get(intent["status"], intent["status"])
        body = {
            "id": f"evt_{intent['id'].removeprefix('pi_')}_{kind}",
            "object": "event",
            "api_version": intent["_version"],
            "created": int(time.time()),
            "data": {"object": _shown(intent)},
            "livemode": False,
            "pending_webhooks": 1,
            "request": {"id": None, "idempotency_key": None},
            "type": f"payment_intent.{kind}",
        }
        return json.dumps(body).encode()

    # What the server calls.

    def create(self, key: str, parameters: dict[str, str], version: str) -> Answer:
        """POST /v1/payment_intents."""
        with self._lock:
            if not key:
                self.problems.append(f"a charge without a key: {parameters}")
            saved = self._saved.get(key)
            if saved or self._busy[key]:
                self.asked.append(Asked(key, parameters, Fault.NONE, replayed=True, moment=time.monotonic()))
            if saved and saved[0] != parameters:
                self.problems.append(f"another request under the key {key}: {saved[0]} and {parameters}")
                return Answer(400, _error("idempotency_error", "Keys can only be used with the same parameters."))
            if saved:
                return Answer(saved[1], saved[2], {"Idempotent-Replayed": "true"})
            if self._busy[key]:
                return Answer(409, _error("idempotency_error", "It is in use.", "idempotency_key_in_use"))
            payment = parameters.get("metadata[payment_id]", key)
            fault = self.plan(payment, self._seen[payment])
            self._seen[payment] += 1
            self.asked.append(Asked(key, parameters, fault, replayed=False, moment=time.monotonic()))
            self._busy[key] += 1
        try:
            return self._create(fault, key, parameters, version)
        finally:
            with self._lock:
                self._busy[key] -= 1

    def find(self, intent_id: str) -> Answer:
        """GET /v1/payment_intents/{id}."""
        with self._lock:
            intent = self._intents.get(intent_id)
            if intent is None:
                return Answer(404, _error("invalid_request_error", "No such payment_intent", "resource_missing"))
            return Answer(200, _shown(intent))

    def search(self, path: str, metadata: dict[str, str]) -> Answer:
        """GET /v1/payment_intents/search: those that it can know of, the newest first."""
        known = time.monotonic() - self.search_lag
        with self._lock:
            found = [
                _shown(intent)
                for intent in reversed(self._intents.values())
                if metadata.items() <= intent["metadata"].items() and intent["_made"] <= known
            ]
        body = {"object": "search_result", "url": path, "has_more": False, "next_page": None, "data": found}
        return Answer(200, body)

    def cancel(self, intent_id: str) -> Answer:
        """POST /v1/payment_intents/{id}/cancel."""
        with self._lock:
            intent = self._intents.get(intent_id)
            if intent is None or intent["status"] in {"succeeded", "processing"}:
                return Answer(
                    400, _error("invalid_request_error", "It can't be cancelled", "payment_intent_unexpected_state")
                )
            intent["status"] = "canceled"
            return Answer(200, _shown(intent))

    def _create(self, fault: Fault, key: str, parameters: dict[str, str], version: str) -> Answer:
        if fault is Fault.REFUSE:
            return Answer(500, _error("api_error", "Something went wrong in front."))
        if fault is Fault.DROP_BEFORE:
            return Answer(0, {})
        if fault is Fault.HANG_BEFORE:
            self._released.wait(LONGEST_HANG)
        with self._lock:  # whoever settles in the meantime sees the intent as it ends
            intent = self._new_intent(parameters, key, version)
            if fault is Fault.DECLINE:
                answer = Answer(402, _declined(intent))
            else:
                if fault is not Fault.PROCESSING:
                    self._take(intent)
                answer = Answer(200, _shown(intent))
            self._saved[key] = (parameters, answer.status, answer.body)
        if self.webhooks.early:
            self._tell(intent)
            self.wait_delivered()
        else:
            self._tell(intent)
        if fault is Fault.HANG_AFTER:
            self._released.wait(LONGEST_HANG)
        if fault is Fault.ERROR_AFTER:
            return Answer(502, _error("api_error", "Something went wrong in front."))
        return Answer(0, {}) if fault is Fault.DROP_AFTER else answer

    def _new_intent(self, parameters: dict[str, str], key: str, version: str) -> dict[str, Any]:
        intent: dict[str, Any] = {
            "id": f"pi_{secrets.token_hex(12)}",
            "object": "payment_intent",
            "amount": int(parameters["amount"]),
            "amount_received": 0,
            "currency": parameters["currency"].lower(),
            "created": int(time.time()),
            "description": parameters.get("description"),
            "livemode": False,
            "metadata": {
                name.removeprefix("metadata[").removesuffix("]"): value
                for name, value in parameters.items()
                if name.startswith("metadata[")
            },
            "status": "processing",
            "_key": key,
            "_version": version,
            "_made": time.monotonic(),
        }
        if parameters.get("confirm") != "true":
            self.problems.append(f"an intent that is not confirmed: {parameters}")
        self._intents[intent["id"]] = intent
        return intent

    def _take(self, intent: dict[str, Any]) -> None:
        intent["status"] = "succeeded"
        intent["amount_received"] = intent["amount"]
        self.charges.append(
            Charge(
                intent["id"],
                intent["_key"],
                intent["amount"],
                intent["currency"].upper(),
                dict(intent["metadata"]),
                time.monotonic(),
            )
        )

    def _tell(self, intent: dict[str, Any]) -> None:
        if not self.webhooks.port:
            return
        with self._lock:
            payload = self.event(intent)
        for _ in range(self.webhooks.copies):
            thread = threading.Thread(target=self._deliver, args=(payload,), daemon=True)
            thread.start()
            self._deliveries.append(thread)  # whoever waits for it finds it begun

    def _deliver(self, payload: bytes) -> None:
        self.webhooks.answers.append(self.deliver(payload, self.sign(payload)))

    def deliver(self, payload: bytes, signature: str) -> int:
        """Send an event once; the status of the answer, or 0 where there is none."""
        connection = http.client.HTTPConnection("127.0.0.1", self.webhooks.port, timeout=DELIVER_WITHIN)
        headers = {"Content-Type": "application/json; charset=utf-8", "Stripe-Signature": signature}
        with contextlib.closing(connection):
            try:
                connection.request("POST", self.webhooks.path, payload, headers)
                return connection.getresponse().status
            except (OSError, http.client.HTTPException):
                return 0


@dataclass(frozen=True)
class Answer:
    """What is sent back; a status of 0 ends the connection without a word."""

    status: int
    body: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)


def _shown(intent: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in intent.items() if not name.startswith("_")}


def _declined(intent: dict[str, Any]) -> dict[str, Any]:
    error = _error("card_error", "Your card has insufficient funds.", "card_declined")
    error["error"]["decline_code"] = "insufficient_funds"
    intent["status"] = "requires_payment_method"
    intent["last_payment_error"] = dict(error["error"])
    error["error"]["payment_intent"] = _shown(intent)
    return error


def _error(kind: str, message: str, code: str = "") -> dict[str, Any]:
    error: dict[str, Any] = {"type": kind, "message": message}
    return {"error": {**error, "code": code} if code else error}


class _Server(ThreadingHTTPServer):
    """Serves a stand-in, each connection in a thread."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, stripe: Stripe) -> None:
        self.stripe = stripe
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, _request: object, _client: object) -> None:
        """Keep quiet about clients that were killed, and about nothing else."""
        error = sys.exc_info()[1]
        if error is not None and not isinstance(error, OSError):
            self.stripe.problems.append("".join(traceback.format_exception(error)))


class _Handler(BaseHTTPRequestHandler):
    """Reads requests as Stripe's libraries send them."""

    protocol_version = "HTTP/1.1"
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def do_POST(self) -> None:
        """Create an intent, or cancel one."""
        parameters = dict(parse_qsl(self._body().decode(), keep_blank_values=True))
        path = urlsplit(self.path).path
        key, version = self.headers.get("Idempotency-Key", ""), self.headers.get("Stripe-Version", "")
        if path == "/v1/payment_intents":
            self._answer(self._allowed() or self.server.stripe.create(key, parameters, version))
        elif path.startswith("/v1/payment_intents/") and path.endswith("/cancel"):
            self._answer(self._allowed() or self.server.stripe.cancel(path.split("/")[3]))
        else:
            self._answer(self._unknown())

    def do_GET(self) -> None:
        """Read an intent, or search for some."""
        url = urlsplit(self.path)
        _, _, which = url.path.partition("/v1/payment_intents/")
        if not which or "/" in which:
            self._answer(self._unknown())
        elif which == "search":
            query = dict(parse_qsl(url.query)).get("query", "")
            self._answer(self._allowed() or self.server.stripe.search(url.path, _metadata(query)))
        else:
            self._answer(self._allowed() or self.server.stripe.find(which))

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "") != "chunked":
            return self._read(int(self.headers.get("Content-Length", "0")))
        body = b""
        while size := int(self._line(), 16):
            body += self._read(size)
            self._line()
        self._line()
        return body

    def _read(self, size: int) -> bytes:
        read = self.rfile.read(size)
        if len(read) < size:
            raise ConnectionResetError(f"the client ended after {len(read)} of {size} bytes")
        return read

    def _line(self) -> bytes:
        line = self.rfile.readline()
        if not line.endswith(b"\n"):
            raise ConnectionResetError("the client ended within a line")
        return line

    def _allowed(self) -> Answer | None:
        if self.headers.get("Authorization") == f"Bearer {SECRET_KEY}":
            return None
        return Answer(401, _error("invalid_request_error", "Invalid API Key provided"))

    def _unknown(self) -> Answer:
        self.server.stripe.problems.append(f"{self.command} {self.path} is nothing that the stand-in knows")
        return Answer(404, _error("invalid_request_error", "Unrecognized request URL"))

    def _answer(self, answer: Answer) -> None:
        if answer.status == 0:
            self.close_connection = True
            return
        body = json.dumps(answer.body).encode()
        with contextlib.suppress(OSError):  # who asked may be gone
            self.send_response(answer.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Request-Id", f"req_{secrets.token_hex(8)}")
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Keep quiet."""


def _metadata(query: str) -> dict[str, str]:
    """What a search such as metadata['payment_id']:'x' asks for."""
    wanted = {}
    for part in filter(None, query.split(" AND ")):
        name, _, value = part.partition(":")
        wanted[name.removeprefix("metadata[").removesuffix("]").strip("'\"")] = value.strip("'\"")
    return wanted


@contextmanager
def stripe() -> Iterator[Stripe]:
    """A stand-in that is closed at the end."""
    stand_in = Stripe()
    try:
        yield stand_in
    finally:
        stand_in.close()
