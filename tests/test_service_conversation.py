"""The recorded conversation: every variant gives the same answers, and every answer keeps the published contract."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.service import rawhttp
from tests.service.contract import Contract
from tests.service.conversation import (
    BILLED,
    CONVERSATION,
    ENVIRONMENT,
    GUARDED,
    Step,
    Transcript,
    as_nobodys,
    as_open,
    talk,
)
from tests.service.plugin import Start
from tests.service.postgres import Database
from tests.service.process import Binaries, Service
from tests.service.rawhttp import Answer

GOLDEN = Path(__file__).parent / "service" / "golden"


@pytest.fixture
def talker(start: Start, database: Database) -> Service:
    """A ready service set up for the conversation."""
    service = start(database, **ENVIRONMENT)
    service.wait_ready()
    return service


@pytest.fixture
def exchanges(talker: Service) -> list[tuple[Step, Answer]]:
    """The conversation as it went."""
    return list(talk(talker.port))


@pytest.fixture
def guarded_exchanges(talker: Service, binaries: Binaries) -> list[tuple[Step, Answer]]:
    """What there is to say where users log in; nothing elsewhere."""
    return list(talk(talker.port, GUARDED)) if binaries.guarded else []


@pytest.fixture
def billed_exchanges(talker: Service, project: Path) -> list[tuple[Step, Answer]]:
    """What there is to say where orders are taken; nothing elsewhere."""
    return list(talk(talker.port, BILLED)) if (project / "internal" / "domain" / "billing").is_dir() else []


@pytest.fixture
def compare(request: pytest.FixtureRequest) -> Callable[[str, list[tuple[Step, Answer]]], None]:
    """Compares a conversation with its record, or writes that anew with --record."""

    def compare(name: str, exchanges: list[tuple[Step, Answer]]) -> None:
        transcript = Transcript()
        for step, answer in exchanges:
            transcript.add(step, answer)
        golden = GOLDEN / name
        if request.config.getoption("--record"):
            golden.parent.mkdir(exist_ok=True)
            golden.write_text(transcript.text(), encoding="utf-8")
        recorded, now = golden.read_text(encoding="utf-8").splitlines(), transcript.text().splitlines()
        differences = difflib.unified_diff(recorded, now, "recorded", "now", n=8, lineterm="")
        assert recorded == now, "\n".join(differences)

    return compare


def test_the_conversation_is_the_recorded_one(
    exchanges: list[tuple[Step, Answer]], compare: Callable[[str, list[tuple[Step, Answer]]], None], binaries: Binaries
) -> None:
    """Status, headers and body of every answer; run with --record to write a new record, and read its diff.

    Where users log in, an administrator gets the same answers but for roles and the administrator.
    """
    compare("conversation.txt", [(step, as_open(answer) if binaries.guarded else answer) for step, answer in exchanges])


def test_the_conversation_about_users_who_log_in_is_the_recorded_one(
    guarded_exchanges: list[tuple[Step, Answer]], compare: Callable[[str, list[tuple[Step, Answer]]], None]
) -> None:
    """As above. Where nobody logs in there is nothing to say."""
    if guarded_exchanges:
        compare("guarded.txt", guarded_exchanges)


def test_the_conversation_about_orders_is_the_recorded_one(
    billed_exchanges: list[tuple[Step, Answer]], compare: Callable[[str, list[tuple[Step, Answer]]], None]
) -> None:
    """As above. The orders are the administrator's where users log in, and nobody's elsewhere."""
    if billed_exchanges:
        compare("billed.txt", [(step, as_nobodys(answer)) for step, answer in billed_exchanges])


def test_a_request_that_is_sent_again_gets_the_same_bytes(billed_exchanges: list[tuple[Step, Answer]]) -> None:
    """Status, body and where the payment is, also for the same request written another way."""
    answers = {step.title: answer for step, answer in billed_exchanges}
    if answers:
        first = answers["pay it"]
        for title in ("pay it again, as before", "pay it again, written another way"):
            again = answers[title]
            assert (again.status, again.body) == (202, first.body)
            assert again.header("Location") == first.header("Location")


def test_every_answer_keeps_the_contract(
    exchanges: list[tuple[Step, Answer]],
    guarded_exchanges: list[tuple[Step, Answer]],
    billed_exchanges: list[tuple[Step, Answer]],
    project: Path,
) -> None:
    """Status, headers and body are what openapi.yaml says, for routes that it has and those that it has not."""
    contract = Contract.of(project)
    said = [*exchanges, *guarded_exchanges, *billed_exchanges]
    broken = [problem for step, answer in said for problem in contract.problems(step.method, step.path, answer)]
    assert not broken, "\n".join(broken)


def test_every_answer_has_sound_headers(exchanges: list[tuple[Step, Answer]]) -> None:
    """Length, request id, the headers that tell browsers to be careful; no word on what the service is made of."""
    for step, answer in exchanges:
        if step.method != "HEAD" and answer.status != 204:
            assert int(answer.header("Content-Length")) == len(answer.body), step.title
        assert answer.header("X-Content-Type-Options") == "nosniff", step.title
        assert answer.header("X-Request-Id"), step.title
        assert not answer.header("Server"), step.title
        names = [name.lower() for name, _ in answer.headers]
        assert len(names) == len(set(names)), step.title


def test_request_ids_are_unlike_each_other(exchanges: list[tuple[Step, Answer]]) -> None:
    """No two answers share a made id."""
    made = [answer.header("X-Request-Id") for step, answer in exchanges if b"X-Request-Id" not in step.raw]
    assert len(made) == len(set(made))


def test_the_conversation_is_long_enough() -> None:
    """Titles are unique, so that a difference can be found."""
    assert len(CONVERSATION) >= 60
    assert len({step.title for step in CONVERSATION}) == len(CONVERSATION)
    assert len({step.title for step in GUARDED}) == len(GUARDED)
    assert len({step.title for step in BILLED}) == len(BILLED)


def test_the_document_is_served(talker: Service, project: Path) -> None:
    """/openapi.yaml is the file in the project; /docs is a page that needs nothing from other hosts."""
    document = rawhttp.get(talker.port, "/openapi.yaml")
    assert document.status == 200
    assert document.body == (project / "api" / "openapi" / "openapi.yaml").read_bytes()
    page = rawhttp.get(talker.port, "/docs")
    assert page.status == 200
    assert page.header("Content-Type").startswith("text/html")
    assert b"https://" not in page.body.replace(b"https://spec.openapis.org", b"")


def test_the_document_can_be_kept_back(start: Start, database: Database) -> None:
    """SERVER_DOCS=false hides both, as unknown routes."""
    service = start(database, SERVER_DOCS="false")
    service.wait_ready()
    assert rawhttp.get(service.port, "/openapi.yaml").code == "route_not_found"
    assert rawhttp.get(service.port, "/docs").code == "route_not_found"
