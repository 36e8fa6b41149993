"""One long conversation with the service: what is sent, and how an answer is written down so that it can be compared.

The requests stand here, one step each. The answers stand in golden/conversation.txt, the same for all variants, in
golden/billing.txt for those that take payments, and in golden/guarded.txt for those whose users log in. Headers
that nearly every answer has stand there once, at the top; an answer shows only what is different about it.
What differs from run to run is masked: ids and cursors are numbered in the order of their appearance; times, made
request ids and the lengths of bodies that hold one of them are replaced by a word, and so is who ordered and how many
users there were, which depends on who asks. The id of a trace, which only services that trace have, is left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from tests.service import rawhttp
from tests.service.identity import EMAIL, PASSWORD
from tests.service.rawhttp import JSON, Answer, Headers, encode

BODY_LIMIT = 4096
ORIGIN = "https://app.example.com"

# What the conversation needs of the service that it talks to.
ENVIRONMENT = {"SERVER_BODY_LIMIT": str(BODY_LIMIT), "SERVER_CORS_ORIGINS": ORIGIN}


_NAME = re.compile(rb"\$\{(\w+)\}")


@dataclass(frozen=True)
class Step:
    """A request, and which members of the answer later requests refer to as ${name}."""

    title: str
    raw: bytes
    keep: dict[str, str] = field(default_factory=dict)

    @property
    def method(self) -> str:
        """The method of the request."""
        return self.raw.split(b" ", 1)[0].decode()

    @property
    def path(self) -> str:
        """The target of the request without its query."""
        return self.raw.split(b" ", 2)[1].split(b"?")[0].decode("latin-1")

    def filled(self, kept: dict[str, str]) -> bytes:
        """The request with the values of earlier answers."""
        head, end, body = self.raw.partition(b"\r\n\r\n")
        head, filled = (_NAME.sub(lambda match: kept[match[1].decode()].encode(), part) for part in (head, body))
        length = b"\r\nContent-Length: %d"
        return head.replace(length % len(body), length % len(filled)) + end + filled


def ask(title: str, method: str, target: str, *headers: tuple[str, str], **keep: str) -> Step:
    """A request without a body."""
    return Step(title, encode(method, target, headers), keep)


def say(title: str, method: str, target: str, value: object, *headers: tuple[str, str], **keep: str) -> Step:
    """A request with a JSON body."""
    return Step(title, encode(method, target, [JSON, *headers], json.dumps(value).encode()), keep)


def send(title: str, method: str, target: str, headers: Headers, body: bytes) -> Step:
    """A request with a body of any kind."""
    return Step(title, encode(method, target, headers, body))


def new_user(title: str, body: bytes) -> Step:
    """A body, as it is, where a new user is expected."""
    return send(title, "POST", "/v1/users", [JSON], body)


def user(username: str, **more: object) -> dict[str, object]:
    """A sound new user."""
    return {"username": username, "email": f"{username.lower()}@example.com", **more}


def typed(title: str, content_type: str) -> Step:
    """A sound new user that is declared to be of some content type."""
    body = json.dumps(user("nobody_yet", email="ada@example.com")).encode()
    return send(title, "POST", "/v1/users", [("Content-Type", content_type)], body)


def nested(depth: int) -> dict[str, Any]:
    """An object with objects inside."""
    value: dict[str, Any] = {}
    for _ in range(depth - 1):
        value = {"a": value}
    return value


def chunked(*chunks: bytes) -> bytes:
    """A body in chunks."""
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in (*chunks, b""))


NIL = "00000000-0000-0000-0000-000000000000"
ADA = "/v1/users/${ada}"

SYSTEM = [
    ask("is it alive", "GET", "/health/live"),
    ask("is it ready", "GET", "/health/ready"),
    ask("HEAD is GET without the body", "HEAD", "/health/live"),
    ask("no route", "GET", "/nothing/here"),
    ask("no route at the root", "GET", "/"),
    ask("no route, and a body nobody reads", "DELETE", "/nothing/here"),
    ask("the case of a path matters", "GET", "/V1/Users"),
    ask("a trailing slash is another path", "GET", "/v1/users/"),
    ask("a double slash is another path", "GET", "//v1/users"),
    ask("an escaped letter is another path", "GET", "/health/l%69ve"),
    ask("an encoded slash is no separator", "GET", "/health%2Flive"),
    ask("a path is not cleaned", "GET", "/v1/../health/live"),
    ask("a broken escape in the query", "GET", "/v1/users?status=%zz"),
    ask("no such method here", "POST", "/health/live"),
    ask("no such method on the collection", "PUT", "/v1/users"),
    ask("no such method on one user", "POST", f"/v1/users/{NIL}"),
    ask("a method nobody knows", "BREW", "/v1/users"),
    ask("TRACE is not offered", "TRACE", "/v1/users"),
    ask("OPTIONS that is no preflight", "OPTIONS", "/v1/users"),
]

REQUEST_IDS = [
    ask("a safe request id is kept", "GET", "/nothing", ("X-Request-Id", "Trace_1.a-b")),
    ask("128 characters are kept", "GET", "/health/live", ("X-Request-Id", "i" * 128)),
    ask("129 are replaced", "GET", "/health/live", ("X-Request-Id", "i" * 129)),
    ask("one with a space is replaced", "GET", "/nothing", ("X-Request-Id", "a b")),
    ask("one with markup is replaced", "GET", "/nothing", ("X-Request-Id", "<script>")),
    ask("one with another alphabet is replaced", "GET", "/nothing", ("X-Request-Id", "\xe9\xe9")),
    ask("an empty one is replaced", "GET", "/nothing", ("X-Request-Id", "")),
    ask("a header of 6000 bytes is fine", "GET", "/health/live", ("X-Long", "x" * 6000)),
]

CORS = [
    ask(
        "preflight of an allowed origin",
        "OPTIONS",
        "/v1/users",
        ("Origin", ORIGIN),
        ("Access-Control-Request-Method", "POST"),
        ("Access-Control-Request-Headers", "content-type"),
    ),
    ask(
        "preflight of another origin",
        "OPTIONS",
        "/v1/users",
        ("Origin", "https://evil.example.com"),
        ("Access-Control-Request-Method", "POST"),
    ),
    ask("a request of an allowed origin", "GET", "/health/live", ("Origin", ORIGIN)),
    ask("a request of another origin", "GET", "/health/live", ("Origin", "https://evil.example.com")),
    ask("an origin that only begins right", "GET", "/health/live", ("Origin", ORIGIN + ".evil.example.com")),
    ask("an error for an allowed origin", "GET", "/nothing", ("Origin", ORIGIN)),
]

CREATE = [
    say("create a user", "POST", "/v1/users", user("Ada_L", email="ADA@Example.COM"), ada="id"),
    say("create one with metadata", "POST", "/v1/users", user("bob", metadata={"plan": "free", "seats": 3}), bob="id"),
    say("the address is taken", "POST", "/v1/users", user("other", email="ada@example.com")),
    say("the address is taken in any case", "POST", "/v1/users", user("other", email="Ada@EXAMPLE.com")),
    say("the username is taken", "POST", "/v1/users", user("Ada_L", email="other@example.com")),
    say("the username is taken in any case", "POST", "/v1/users", user("ADA_l", email="other@example.com")),
    say("both are taken", "POST", "/v1/users", user("BOB", email="BOB@example.com")),
    say("nothing is given", "POST", "/v1/users", {}),
    say("the username is too short", "POST", "/v1/users", user("ab")),
    say("the username is too long", "POST", "/v1/users", user("a" * 21)),
    say("the username has a dash", "POST", "/v1/users", user("a-b-c")),
    say("the username ends in a line break", "POST", "/v1/users", user("abc\n", email="abc@example.com")),
    say("the username looks Latin", "POST", "/v1/users", user("\u0430\u0434\u0430", email="abc@example.com")),
    say("the address is none", "POST", "/v1/users", user("carol", email="carol")),
    say("the address has a name", "POST", "/v1/users", user("carol", email="Carol <carol@example.com>")),
    say("the address is too long", "POST", "/v1/users", user("carol", email="c" * 60 + "@" + "example." * 30 + "com")),
    say("everything is wrong", "POST", "/v1/users", {"username": "!", "email": "!", "metadata": nested(40)}),
    say("a field is unknown", "POST", "/v1/users", user("carol", role="admin")),
    say("a field is in the wrong case", "POST", "/v1/users", {"Username": "carol", "email": "carol@example.com"}),
    say("the username is a number", "POST", "/v1/users", {"username": 7, "email": "carol@example.com"}),
    say("the address is an object", "POST", "/v1/users", {"username": "carol", "email": {}}),
    say("metadata is a list", "POST", "/v1/users", user("carol", metadata=[])),
    say("the username is null", "POST", "/v1/users", {"username": None, "email": "carol@example.com"}),
    say("metadata is null", "POST", "/v1/users", user("carol", metadata=None)),
    say("metadata has 65 members", "POST", "/v1/users", user("carol", metadata={f"m{i}": i for i in range(65)})),
    say("metadata is too deep", "POST", "/v1/users", user("carol", metadata=nested(33))),
    say("metadata is too large once written out", "POST", "/v1/users", user("carol", metadata={"a": [1e308] * 60})),
    say("metadata holds U+0000", "POST", "/v1/users", user("carol", metadata={"a": "b\0"})),
]

BODIES = [
    new_user("no body at all", b""),
    new_user("blanks", b" \n "),
    new_user("no JSON", b"{nope"),
    new_user("JSON that stops", b'{"username":"carol"'),
    new_user("null", b"null"),
    new_user("a list", b"[]"),
    new_user("a text", b'"carol"'),
    new_user("a second value", b'{"username":"carol","email":"carol@example.com"}{}'),
    new_user("a comma too many", b'{"username":"carol",}'),
    new_user("a duplicate key", b'{"username":"carol","username":"dave","email":"carol@example.com"}'),
    new_user("a duplicate key in metadata", b'{"username":"carol","email":"c@example.com","metadata":{"a":1,"a":2}}'),
    new_user("a byte order mark", b'\xef\xbb\xbf{"username":"carol","email":"carol@example.com"}'),
    new_user("no UTF-8", b'{"username":"carol\xff","email":"carol@example.com"}'),
    new_user("half of a surrogate pair", rb'{"username":"carol","email":"c@example.com","metadata":{"a":"\ud800"}}'),
    new_user("a number nobody can hold", b'{"username":"carol","email":"c@example.com","metadata":{"a":1e999}}'),
    new_user("very deep", b'{"metadata":' + b"[" * 1500 + b"]" * 1500 + b"}"),
    new_user("too large", json.dumps(user("carol", metadata={"a": "x" * BODY_LIMIT})).encode()),
    send(
        "too large, in chunks",
        "POST",
        "/v1/users",
        [JSON, ("Transfer-Encoding", "chunked")],
        chunked(b"x" * BODY_LIMIT, b"x"),
    ),
    send(
        "in chunks",
        "POST",
        "/v1/users",
        [JSON, ("Transfer-Encoding", "chunked")],
        chunked(b'{"username":"chu', b'nked","email":"chunked@example.com"}'),
    ),
    typed("JSON by another name", "application/problem+json"),
    typed("text", "text/plain"),
    typed("a form", "application/x-www-form-urlencoded"),
    typed("a content type that is none", ";;"),
    typed("an empty content type", ""),
    typed("JSON in another alphabet", "application/json; charset=latin-1"),
    typed("JSON in capitals", "APPLICATION/JSON"),
    typed("JSON and its alphabet", "application/json; charset=utf-8"),
    send("no content type", "POST", "/v1/users", [], json.dumps(user("carol")).encode()),
]

ONE = [
    ask("read a user", "GET", ADA),
    ask("HEAD of a user", "HEAD", ADA),
    ask("an id in capitals is the same id", "GET", "/v1/users/${ADA}"),
    ask("no such user", "GET", f"/v1/users/{NIL}"),
    ask("no id", "GET", "/v1/users/ada"),
    ask("an id in braces is none", "GET", "/v1/users/%7B${ada}%7D"),
    ask("an id as a URN is none", "GET", "/v1/users/urn:uuid:${ada}"),
    ask("an id without dashes is none", "GET", f"/v1/users/{NIL.replace('-', '')}"),
    ask("an id with an encoded slash is none", "GET", "/v1/users/a%2Fb"),
    ask("a user has no parts", "GET", ADA + "/orders"),
    say("change nothing", "PATCH", ADA, {}),
    say("change the username", "PATCH", ADA, {"username": "Countess"}),
    say("change the address", "PATCH", ADA, {"email": "Countess@Example.com"}),
    say("keep one's own name in another case", "PATCH", ADA, {"username": "COUNTESS", "email": "countess@example.com"}),
    say("replace metadata", "PATCH", ADA, {"metadata": {"b": [1, 2.5, None, True], "a": {"z": "\u00e9<&>\u2028"}}}),
    say("metadata is replaced as a whole", "PATCH", ADA, {"metadata": {}}),
    say("take another's address", "PATCH", ADA, {"email": "BOB@example.com"}),
    say("take another's username", "PATCH", ADA, {"username": "Bob"}),
    say("an unknown field", "PATCH", ADA, {"status": "suspended"}),
    say("a null", "PATCH", ADA, {"email": None}),
    say("a bad username", "PATCH", ADA, {"username": "a"}),
    say("an empty address", "PATCH", ADA, {"email": ""}),
    say("change nobody", "PATCH", f"/v1/users/{NIL}", {"username": "ghost"}),
    say("change no id", "PATCH", "/v1/users/7", {"username": "ghost"}),
    send("change with text", "PATCH", ADA, [("Content-Type", "text/plain")], b"{}"),
    send("change with no JSON", "PATCH", ADA, [JSON], b"{"),
]

LIST = [
    *(say(f"one more, {name}", "POST", "/v1/users", user(name)) for name in ("user_1", "user_2", "user_3", "user_4")),
    ask("the first page", "GET", "/v1/users?limit=3", second="next_cursor"),
    ask("the second page", "GET", "/v1/users?limit=3&cursor=${second}", third="next_cursor"),
    ask("the last page", "GET", "/v1/users?limit=3&cursor=${third}"),
    ask("everybody", "GET", "/v1/users"),
    ask("HEAD of the list", "HEAD", "/v1/users?limit=1"),
    ask("those who are active", "GET", "/v1/users?status=active&limit=1"),
    ask("those who are suspended", "GET", "/v1/users?status=suspended"),
    ask("a state that is none", "GET", "/v1/users?status=gone"),
    ask("an empty state", "GET", "/v1/users?status="),
    ask("no users a page", "GET", "/v1/users?limit=0"),
    ask("fewer than none", "GET", "/v1/users?limit=-1"),
    ask("too many", "GET", "/v1/users?limit=101"),
    ask("a limit that is no number", "GET", "/v1/users?limit=ten"),
    ask("a limit that no machine holds", "GET", "/v1/users?limit=99999999999999999999"),
    ask("an empty limit", "GET", "/v1/users?limit="),
    ask("two limits", "GET", "/v1/users?limit=1&limit=2"),
    ask("a cursor that is none", "GET", "/v1/users?cursor=nonsense"),
    ask("a cursor that is cut", "GET", "/v1/users?cursor=${second}x"),
    ask("an empty cursor", "GET", "/v1/users?cursor="),
    ask("everything wrong", "GET", "/v1/users?limit=0&status=gone&cursor=!"),
    ask("a parameter nobody knows", "GET", "/v1/users?limit=1&order=name"),
]

DELETE = [
    ask("delete a user", "DELETE", ADA),
    ask("it is gone", "GET", ADA),
    ask("delete it again", "DELETE", ADA),
    ask("delete no id", "DELETE", "/v1/users/x"),
    say("its name is free again", "POST", "/v1/users", user("Countess")),
    ask("delete with a body nobody reads", "DELETE", "/v1/users/${bob}"),
]

CONVERSATION: list[Step] = [*SYSTEM, *REQUEST_IDS, *CORS, *CREATE, *BODIES, *ONE, *LIST, *DELETE]

ORDER = "/v1/orders/${order}"
PAY = f"{ORDER}/payments"


def total(amount: object = 1999, currency: object = "EUR") -> dict[str, object]:
    """An order of so much."""
    return {"description": "Two parcels", "total": {"amount_minor": amount, "currency": currency}}


def key(value: str) -> tuple[str, str]:
    """The header that names a request to pay."""
    return "Idempotency-Key", value


def events(*each: object) -> dict[str, object]:
    """A batch."""
    return {"events": list(each)}


# What there is to say only where payments are taken. No worker runs, so that they stay pending.
ORDERS = [
    say("order", "POST", "/v1/orders", total(), order="id"),
    say("order in a currency without minor units", "POST", "/v1/orders", total(500, "JPY"), other="id"),
    say("order the most there is", "POST", "/v1/orders", total(999_999_999_999)),
    say("order more than that", "POST", "/v1/orders", total(1_000_000_000_000)),
    say("order for more than a machine holds", "POST", "/v1/orders", total(10**30)),
    say("order for nothing", "POST", "/v1/orders", total(0)),
    say("order for less", "POST", "/v1/orders", total(-1)),
    say("order for a fraction", "POST", "/v1/orders", total(19.99)),
    say("order for a text", "POST", "/v1/orders", total("1999")),
    say("a currency in lower case", "POST", "/v1/orders", total(currency="eur")),
    say("a currency that nobody has", "POST", "/v1/orders", total(currency="XXX")),
    say("a currency that is a number", "POST", "/v1/orders", total(currency=978)),
    say("order without a total", "POST", "/v1/orders", {"description": "Two parcels"}),
    say("order without a currency", "POST", "/v1/orders", {"description": "x", "total": {"amount_minor": 1}}),
    say("order without a word", "POST", "/v1/orders", {**total(), "description": ""}),
    say("order with too many words", "POST", "/v1/orders", {**total(), "description": "x" * 501}),
    say("order with U+0000", "POST", "/v1/orders", {**total(), "description": "a\0b"}),
    say("order what is paid already", "POST", "/v1/orders", {**total(), "status": "completed"}),
    say("order nothing", "POST", "/v1/orders", {}),
    ask("read an order", "GET", ORDER),
    ask("HEAD of an order", "HEAD", ORDER),
    ask("no such order", "GET", f"/v1/orders/{NIL}"),
    ask("no id of an order", "GET", "/v1/orders/1"),
    say("orders are not changed", "PATCH", ORDER, {}),
    ask("orders are not deleted", "DELETE", ORDER),
    ask("the newest orders", "GET", "/v1/orders?limit=2", more="next_cursor"),
    ask("the orders before them", "GET", "/v1/orders?limit=2&cursor=${more}"),
    ask("too many orders", "GET", "/v1/orders?limit=101"),
    ask("a cursor of orders that is none", "GET", "/v1/orders?cursor=nonsense"),
]

PAYMENTS = [
    say("pay", "POST", PAY, {}, key("first"), payment="id"),
    say("pay again with the same key", "POST", PAY, {}, key("first")),
    say("pay something else with it", "POST", "/v1/orders/${other}/payments", {}, key("first")),
    say("pay as expected with it", "POST", PAY, {"amount": {"amount_minor": 1999, "currency": "EUR"}}, key("first")),
    say("pay again with another key", "POST", PAY, {}, key("second")),
    say("pay without a key", "POST", PAY, {}),
    say("pay with an empty key", "POST", PAY, {}, key("")),
    say("pay with a key of 256 characters", "POST", PAY, {}, key("k" * 256)),
    say("pay with a key in another alphabet", "POST", PAY, {}, key("\xe9")),
    say("pay another amount", "POST", "/v1/orders/${other}/payments", {"amount": total(1)["total"]}, key("third")),
    say("pay with a card", "POST", PAY, {"card": "4242"}, key("fourth")),
    send("pay with no JSON", "POST", PAY, [JSON, key("fifth")], b"{"),
    say("pay no such order", "POST", f"/v1/orders/{NIL}/payments", {}, key("sixth")),
    say("pay no id", "POST", "/v1/orders/1/payments", {}, key("seventh")),
    say("pay with a key of 255 characters", "POST", "/v1/orders/${other}/payments", {}, key("k" * 255)),
    ask("read a payment", "GET", "/v1/payments/${payment}"),
    ask("no such payment", "GET", f"/v1/payments/{NIL}"),
    ask("no id of a payment", "GET", "/v1/payments/x"),
    ask("payments are not listed", "GET", PAY),
    say("a webhook of nobody", "POST", "/v1/webhooks/stripe", {"id": "evt_1"}),
]

MARCH = "/v1/analytics/activity?from=2026-03-01&to=2026-03-31"
EVENTS = [
    say(
        "record what happened",
        "POST",
        "/v1/events",
        events(
            {"type": "page_view", "metadata": {"path": "/"}, "occurred_at": "2026-03-01T23:59:59.999999Z"},
            {"type": "purchase", "occurred_at": "2026-03-01T23:30:00-02:00"},
            {"type": "page_view", "occurred_at": "2026-03-05T12:00:00Z"},
        ),
    ),
    say("record what happens now", "POST", "/v1/events", events({"type": "checkout.step_2"})),
    say("record nothing", "POST", "/v1/events", events()),
    say("record no list", "POST", "/v1/events", {"events": {"type": "a"}}),
    say("record no type", "POST", "/v1/events", events({"type": "a"}, {})),
    say("record strange types", "POST", "/v1/events", events({"type": "A"}, {"type": "a b"}, {"type": "a" * 65})),
    say("record the future", "POST", "/v1/events", events({"type": "a", "occurred_at": "2999-01-01T00:00:00Z"})),
    say("record a day", "POST", "/v1/events", events({"type": "a", "occurred_at": "2026-03-01"})),
    say("record for another", "POST", "/v1/events", events({"type": "a", "user_id": NIL})),
    ask("what happened in March", "GET", MARCH),
    ask("what happened on one day", "GET", "/v1/analytics/activity?from=2026-03-05&to=2026-03-05"),
    ask("what happened when nothing did", "GET", "/v1/analytics/activity?from=2025-03-01&to=2025-03-31"),
    ask("what happened at some time", "GET", "/v1/analytics/activity"),
    ask("what happened before it began", "GET", "/v1/analytics/activity?from=2026-03-02&to=2026-03-01"),
    ask("what happened in two years", "GET", "/v1/analytics/activity?from=2025-01-01&to=2026-12-31"),
    ask("what happened on no day", "GET", "/v1/analytics/activity?from=2026-02-30&to=yesterday"),
]

BILLING: list[Step] = [*ORDERS, *PAYMENTS, *EVENTS]

ATTEMPTS = 10
"""How often a password may be wrong."""


def credentials(email: str, password: str = PASSWORD) -> dict[str, str]:
    """What a user logs in with."""
    return {"email": email, "password": password}


def bearer(token: str) -> tuple[str, str]:
    """The header with an access token."""
    return "Authorization", f"Bearer {token}"


def log_in(title: str, value: object, **keep: str) -> Step:
    """Ask for the tokens of a new session."""
    return say(title, "POST", "/v1/auth/login", value, **keep)


def trade(title: str, action: str, token: str, **keep: str) -> Step:
    """Send a refresh token."""
    return say(title, "POST", f"/v1/auth/{action}", {"refresh_token": token}, **keep)


WEAK = {"short": "Short-7", "plain": "No-digit-in-it", "common": "Password1", "name": "Dan_12345"}
NOBODY = ("Authorization", "")
EVE = bearer("${eve_access}")
DAN = bearer("${dan_access}")
ROOT = bearer("${root_access}")

# What there is to say only where users log in. The steps name who asks; tokens stand in the record as numbers.
REGISTER = [
    new_user("register", json.dumps(user("Eve", password=PASSWORD)).encode()),
    say("a password that is too short", "POST", "/v1/users", user("dan", password=WEAK["short"])),
    say("a password without a digit", "POST", "/v1/users", user("dan", password=WEAK["plain"])),
    say("a password that attackers try first", "POST", "/v1/users", user("dan", password=WEAK["common"])),
    say("a password that is the name", "POST", "/v1/users", user("Dan_12345", password=WEAK["name"])),
    say("a password of 129 characters", "POST", "/v1/users", user("dan", password="Aa1" * 43)),
    say("a password that is a number", "POST", "/v1/users", user("dan", password=12345678)),
    say("a password of 128 characters", "POST", "/v1/users", user("dan", password=("Aa1" * 43)[:128]), dan="id"),
    say("a role is not asked for", "POST", "/v1/users", user("sly", password=PASSWORD, role="admin")),
]

LOGIN = [
    log_in("a wrong password", credentials("eve@example.com", "Wrong-horse-7")),
    log_in("nobody's address", credentials("nobody@example.com")),
    log_in("no password", {"email": "eve@example.com"}),
    log_in("no address", {"email": "eve", "password": PASSWORD}),
    log_in("more than that", {**credentials("eve@example.com"), "role": "admin"}),
    log_in("log in", credentials("EVE@example.com"), eve_access="access_token", eve_refresh="refresh_token"),
    log_in("another logs in", credentials("dan@example.com", ("Aa1" * 43)[:128]), dan_access="access_token"),
    log_in("an administrator logs in", credentials(EMAIL), root_access="access_token"),
]

WHO = [
    ask("who am I", "GET", "/v1/users/me", EVE, eve="id"),
    ask("HEAD of oneself", "HEAD", "/v1/users/me", EVE),
    ask("oneself by identifier", "GET", "/v1/users/${eve}", EVE),
    say("change oneself", "PATCH", "/v1/users/${eve}", {"metadata": {"plan": "free"}}, EVE),
    say("one's own role", "PATCH", "/v1/users/${eve}", {"role": "admin"}, EVE),
    say("oneself by no identifier", "PATCH", "/v1/users/me", {}, EVE),
    ask("another user", "GET", "/v1/users/${dan}", EVE),
    say("change another user", "PATCH", "/v1/users/${dan}", {"username": "mine"}, EVE),
    ask("delete another user", "DELETE", "/v1/users/${dan}", EVE),
    ask("a user who does not exist", "GET", f"/v1/users/{NIL}", EVE),
    ask("everybody, for a user", "GET", "/v1/users", EVE),
    ask("everybody, for an administrator", "GET", "/v1/users?limit=1", ROOT),
    ask("anybody, for an administrator", "GET", "/v1/users/${dan}", ROOT),
]

TOKENS = [
    ask("no token", "GET", "/v1/users/me", NOBODY),
    ask("no token for the list", "GET", "/v1/users", NOBODY),
    ask("no token for one user", "GET", "/v1/users/${dan}", NOBODY),
    ask("another scheme", "GET", "/v1/users/me", ("Authorization", "Basic ZXZlOmV2ZQ==")),
    ask("an empty token", "GET", "/v1/users/me", bearer("")),
    ask("no token of ours", "GET", "/v1/users/me", bearer("abc.def.ghi")),
    ask("a refresh token as access token", "GET", "/v1/users/me", bearer("${eve_refresh}")),
    ask("a token that is longer", "GET", "/v1/users/me", bearer("${eve_access}x")),
    ask("a bad token where none is asked for", "GET", "/health/live", bearer("abc")),
    ask("no route needs no token", "GET", "/v1/nothing", NOBODY),
    say("a bad body comes after the token", "PATCH", "/v1/users/${dan}", {"x": 1}, NOBODY),
]

SESSIONS = [
    trade("refresh", "refresh", "${eve_refresh}", next_access="access_token", next_refresh="refresh_token"),
    ask("the new token", "GET", "/v1/users/me", bearer("${next_access}")),
    trade("refresh with the old token", "refresh", "${eve_refresh}"),
    trade("which ends the session", "refresh", "${next_refresh}"),
    ask("and its access tokens", "GET", "/v1/users/me", bearer("${next_access}")),
    trade("refresh with nonsense", "refresh", "nonsense"),
    say("refresh with nothing", "POST", "/v1/auth/refresh", {}),
    log_in("log in again", credentials("eve@example.com"), eve_access="access_token", eve_refresh="refresh_token"),
    trade("log out", "logout", "${eve_refresh}"),
    trade("log out again", "logout", "${eve_refresh}"),
    trade("log out with nonsense", "logout", "nonsense"),
    ask("after that nobody is known", "GET", "/v1/users/me", EVE),
    ask("log out everywhere, as nobody", "POST", "/v1/auth/logout-everywhere", NOBODY),
    ask("log out everywhere", "POST", "/v1/auth/logout-everywhere", DAN),
    ask("which includes here", "GET", "/v1/users/me", DAN),
    ask("delete a user who has logged in", "DELETE", "/v1/users/${eve}", ROOT),
    log_in("who can't log in any more", credentials("eve@example.com")),
    *(log_in(f"guess a password, {n}", credentials("dan@example.com", f"Guess-{n}")) for n in range(1, ATTEMPTS + 1)),
    log_in("guess one more", credentials("dan@example.com", "Guess-more")),
    log_in("and then the right one", credentials("dan@example.com", ("Aa1" * 43)[:128])),
]

GUARDED: list[Step] = [*REGISTER, *LOGIN, *WHO, *TOKENS, *SESSIONS]

_ROLE = re.compile(rb'"role":"(?:user|admin)",')
_ROOT = re.compile(rb',?\{[^{}]*"email":"%s"[^{}]*\{\}[^{}]*\}' % EMAIL.encode())
_TOTAL = re.compile(rb'(?<="total":)[1-9]\d*')


def as_open(answer: Answer) -> Answer:
    """An answer as it is where nobody logs in: users have no role, and there is no administrator among them."""
    body = _ROOT.sub(b"", _ROLE.sub(b"", answer.body))
    body = _TOTAL.sub(lambda match: b"%d" % (int(match[0]) - 1), body)
    lengths = {str(len(answer.body)): str(len(body))} if answer.body else {}
    headers = [
        (name, lengths.get(value, value) if name == "Content-Length" else value) for name, value in answer.headers
    ]
    return replace(answer, headers=headers, body=body)


_ID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-7[0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z")
_ACCESS = re.compile(r"eyJ[\w-]+\.eyJ[\w-]+\.[\w-]+")
_REFRESH = re.compile(r'(?<="refresh_token":")[\w-]{43}(?=")')
_WINDOW = re.compile(r"\A[89]\d\d\Z")
_CURSOR = re.compile(r'(?<="next_cursor":")[^"]+')
_USER = re.compile(r'(?<="user_id":)(?:null|"[^"]+")')
_UNIQUE = re.compile(r'(?<=_users":)\d+')
_TRACE = re.compile(r',"trace_id":"[0-9a-f]{32}"')
_UNCOMPARED = {"date"}

# What an answer has unless it says otherwise.
USUAL = {
    "Cache-Control": "no-store",
    "Content-Length": "<length>",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Vary": "Origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Request-Id": "<request id>",
}


class Transcript:
    """Writes a conversation down, masked."""

    def __init__(self) -> None:
        """Begin with nothing seen."""
        self._seen: dict[str, str] = {}
        self._counts: dict[str, int] = {}
        self._parts: list[str] = []

    def add(self, step: Step, answer: Answer) -> None:
        """Write one request and its answer down."""
        lines = [f"### {step.title}", *_shown_request(step.raw), "", f"{answer.status} {answer.reason}"]
        body = self._masked(_without_request_id(answer, step))
        shown = [
            (name, self._header(name, value, answer, step))
            for name, value in answer.headers
            if name.lower() not in _UNCOMPARED
        ]
        missing = USUAL.keys() - {name for name, _ in shown}
        unusual = [f"{name}: {value}" for name, value in shown if USUAL.get(name) != value]
        lines += sorted(unusual) + [f"(no {name})" for name in sorted(missing)]
        if body:
            lines += ["", body.rstrip("\n")]
        self._parts.append("\n".join(lines))

    def text(self) -> str:
        """The whole conversation."""
        usual = "\n".join(f"{name}: {value}" for name, value in USUAL.items())
        return (
            "\n\n".join([f"Every answer has these headers unless it says otherwise:\n\n{usual}", *self._parts]) + "\n"
        )

    def _header(self, name: str, value: str, answer: Answer, step: Step) -> str:
        if name.lower() == "x-request-id":
            return _without_request_id_text(value, answer, step)
        if name.lower() == "content-length" and (step.method == "HEAD" or int(value) == len(answer.body)):
            return "<length>"
        if name.lower() == "retry-after":
            return _WINDOW.sub("<seconds>", value)
        return self._masked(value)

    def _masked(self, text: str) -> str:
        text = _ACCESS.sub(lambda match: self._numbered("access token", match[0]), text)
        text = _REFRESH.sub(lambda match: self._numbered("refresh token", match[0]), text)
        text = _UNIQUE.sub("<users>", _USER.sub("<user>", text))
        text = _TRACE.sub("", text)
        text = _CURSOR.sub(lambda match: self._numbered("cursor", match[0]), text)
        text = _ID.sub(lambda match: self._numbered("id", match[0].lower()), text)
        return _TIME.sub("<time>", text)

    def _numbered(self, kind: str, value: str) -> str:
        if value not in self._seen:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            self._seen[value] = f"<{kind} {self._counts[kind]}>"
        return self._seen[value]


def _without_request_id(answer: Answer, step: Step) -> str:
    return _without_request_id_text(answer.body.decode(errors="replace"), answer, step)


def _without_request_id_text(text: str, answer: Answer, step: Step) -> str:
    """Masks a request id that the service made; one that it took from the request stays readable."""
    made = answer.header("X-Request-Id")
    sent = f"X-Request-Id: {made}\r\n".encode("latin-1")
    return text if not made or sent in step.raw else text.replace(made, "<request id>")


def _shown_request(raw: bytes) -> Iterable[str]:
    """A request as a person reads it: long values are cut, what can't be printed is escaped."""
    head, _, body = raw.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    shown = [_cut(line) for line in lines]
    if body:
        shown += ["", *_cut(body.decode("latin-1")).encode("unicode_escape").decode().splitlines()]
    return shown


def _cut(text: str, limit: int = 160) -> str:
    return text if len(text) <= limit else f"{text[:limit]}... ({len(text)} characters)"


def talk(port: int, steps: Iterable[Step] = CONVERSATION) -> Iterable[tuple[Step, Answer]]:
    """Send every step, each on a connection of its own."""
    kept: dict[str, str] = {}
    for step in steps:
        answer = rawhttp.send(port, step.filled(kept))
        for name, member in step.keep.items():
            value = str(answer.json()[member])
            kept |= {name: value, name.upper(): value.upper()}
        yield step, answer
