"""Who the requests of the suite come from, where the service asks: an administrator, so that tests need not know of it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from tests.service.rawhttp import Answer, encode_json, send

EMAIL = "root@example.com"
PASSWORD = "Correct-horse-7"

CREATE_ADMIN = ("create-admin", "--username=root", f"--email={EMAIL}")
"""Arguments of the migration program; it reads PASSWORD from its standard input."""

NEW_USER = b"POST /v1/users HTTP/"
CHUNKED = b"\r\nTransfer-Encoding: chunked"


@dataclass(frozen=True)
class Identity:
    """An administrator who has logged in."""

    token: str

    def dress(self, raw: bytes) -> bytes:
        """Add what a request lacks: the token, and the password of a new user."""
        head, end, body = raw.partition(b"\r\n\r\n")
        if head.startswith(NEW_USER):
            head, body = with_password(head, body)
        if b"\r\nAuthorization:" not in head:
            head += f"\r\nAuthorization: Bearer {self.token}".encode()
        return head + end + body


def with_password(head: bytes, body: bytes) -> tuple[bytes, bytes]:
    """Put a password at the beginning of what looks like a JSON object; all else stays as it is, right or wrong."""
    if CHUNKED in head:
        size, _, rest = body.partition(b"\r\n")
        first = _with_password(rest[: int(size, 16)])
        return head, b"%x\r\n%s" % (len(first), first) + rest[int(size, 16) :]
    length = b"\r\nContent-Length: %d"
    changed = _with_password(body)
    return head.replace(length % len(body), length % len(changed)), changed


def _with_password(body: bytes) -> bytes:
    if not body.startswith(b"{") or b'"password"' in body:
        return body
    comma = b"" if re.fullmatch(rb"\{\s*\}", body) else b","
    return b'{"password":%s%s%s' % (json.dumps(PASSWORD).encode(), comma, body[1:])


def log_in(port: int, email: str = EMAIL, password: str = PASSWORD) -> Answer:
    """Ask for the tokens of a new session."""
    return send(port, encode_json("POST", "/v1/auth/login", {"email": email, "password": password}))
