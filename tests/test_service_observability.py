"""What is seen of a running service from outside: by those who run it, and not by its clients.

The tests say what holds in every variant: what an option adds is there with it, and not there without.
"""

from __future__ import annotations

import json
import re
import secrets
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.proofs import Proof
from tests.service import rawhttp
from tests.service.plugin import Start, Work
from tests.service.postgres import Database
from tests.service.process import PRODUCTION, Service
from tests.service.rawhttp import encode
from tests.test_delivery_monitoring import expressions

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PROBE = "/health/live"


def has(project: Path, option: str) -> bool:
    """Whether a project was made with tracing or metrics."""
    return (project / "internal" / "pkg" / option).is_dir()


def admin(service: Service, path: str) -> rawhttp.Answer:
    """GET a path of the admin listener."""
    return rawhttp.get(service.admin_port, path)


def numbers(service: Service) -> dict[str, float]:
    """What Prometheus would read: each series and its value."""
    answer = admin(service, "/metrics")
    assert answer.status == 200, answer.body
    lines = [line for line in answer.body.decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def of_requests(series: dict[str, float]) -> set[str]:
    """The series that a request adds to."""
    return {name for name in series if name.startswith("http_")}


def test_what_admins_see_is_on_their_port_alone(project: Path, service: Service) -> None:
    """Clients get a 404 for it, and the admin listener has nothing of the API."""
    pages = {"/debug/pprof/"} | ({"/metrics"} if has(project, "metrics") else set())
    name, *listed = admin(service, "/").body.decode().splitlines()
    assert name.startswith("parcel-desk ")
    assert pages <= set(listed)
    for page in listed:
        if page not in {"/debug/pprof/profile", "/debug/pprof/trace"}:  # these take their time
            assert admin(service, page).status == 200, page
        assert service.get(page).code == "route_not_found"
    assert admin(service, "/v1/users").status == 404
    assert admin(service, "/metrics").status == (200 if has(project, "metrics") else 404)


def test_production_has_no_profiles(start: Start, database: Database) -> None:
    """They show what the process holds in memory."""
    service = start(database, **PRODUCTION)
    service.wait_answering()
    assert admin(service, "/").status == 200
    assert [admin(service, f"/debug/pprof/{name}").status for name in ("", "heap", "profile")] == [404] * 3


def test_numbers_are_of_routes_and_no_client_adds_a_series(project: Path, service: Service) -> None:
    """A request counts under the template of its route; 10,000 unknown paths and methods are one series each."""
    if not has(project, "metrics"):
        assert admin(service, "/metrics").status == 404
        return
    user = rawhttp.post(service.port, "/v1/users", {"username": "ada", "email": "ada@example.com"}).json()
    service.get(f"/v1/users/{user['id']}")
    service.get("/nowhere")
    rawhttp.send(service.port, encode("BREW", "/nowhere"))
    before = numbers(service)
    assert before['http_requests_total{method="POST",route="/v1/users",status="2xx"}'] == 1
    assert before['http_request_duration_seconds_count{method="GET",route="/v1/users/{id}"}'] == 1
    assert before["db_pool_connections_max"] == 25
    assert user["id"] not in "".join(before)

    with rawhttp.connect(service.port) as connection:
        for _ in range(5_000):
            assert connection.exchange(encode("GET", f"/{secrets.token_hex(8)}")).status == 404
            assert connection.exchange(encode(secrets.token_hex(4).upper(), "/v1/users")).status == 501
    after = numbers(service)
    assert of_requests(after) == of_requests(before)
    unmatched = 'http_requests_total{method="GET",route="unmatched",status="4xx"}'
    assert after[unmatched] - before[unmatched] == 5_000


def test_a_trace_ties_the_answer_to_the_log(project: Path, service: Service) -> None:
    """The trace of the caller is named in the problem and in the log; without tracing, nowhere."""
    header = ("traceparent", f"00-{TRACE}-00f067aa0ba902b7-01")
    problem = rawhttp.get(service.port, "/nowhere", [header]).json()
    own = service.get("/nowhere").json()
    service.terminate()
    assert service.wait() == 0
    line = next(line for line in service.log_lines() if line.get("request_id") == problem["request_id"])
    if has(project, "tracing"):
        assert problem["trace_id"] == line["trace_id"] == TRACE
        assert re.fullmatch("[0-9a-f]{16}", line["span_id"])
        assert re.fullmatch("[0-9a-f]{32}", own["trace_id"])
        assert own["trace_id"] != TRACE
    else:
        assert TRACE not in json.dumps([problem, own, service.log_lines()])


def test_a_dead_collector_holds_neither_requests_nor_the_end(start: Start, database: Database) -> None:
    """Requests are as fast as ever, the log stays short, and the process ends a little later, with status 0."""
    service = start(database, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1", OTEL_BSP_SCHEDULE_DELAY="100")
    service.wait_ready()
    began = time.monotonic()
    with rawhttp.connect(service.port) as connection:
        for _ in range(3_000):
            assert connection.exchange(encode("GET", "/nowhere")).status == 404
    assert time.monotonic() - began < 60
    service.terminate()
    assert service.wait(within=25) == 0
    lost = [line for line in service.log_lines() if "spans" in line["message"]]
    assert len(lost) <= 2
    assert all(line["level"] == "warn" for line in lost)
    # An export that was given up may still complain while the process ends.
    assert "stopped" in [line["message"] for line in service.log_lines()[-2:]]


SERIES = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? ")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')
ADDED = {"job", "instance"}
"""Labels that Prometheus adds to each series."""
SEEN_LATER = {"status": re.compile("[1-5]xx")}
"""Labels with values that show up when they are needed, and what these look like."""
OF_LIBRARIES = ("go_", "process_", "promhttp_")
"""Begin the names of numbers that are there whether anyone wants them or not."""


class Numbers:
    """What processes show: the names of series, and of their labels the values seen."""

    def __init__(self, *texts: str) -> None:
        """Read what Prometheus would."""
        self.labels: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        self.families: set[str] = set()
        for line in "\n".join(texts).splitlines():
            if line.startswith("# TYPE "):
                self.families.add(line.split()[2])
            elif line and not line.startswith("#"):
                series = SERIES.match(line)
                assert series, line
                seen = self.labels[series[1]]
                for name, value in LABEL.findall(series[2] or ""):
                    seen[name].add(value)

    def problems(self, asked: dict[str, Any], recorded: set[str]) -> Iterator[str]:
        """Say what an expression asks for that nobody shows."""
        known = set(ADDED)
        for selector in asked["selectors"]:
            name = selector["metric"]
            if name in recorded | {"up"}:
                continue
            if name not in self.labels:
                yield f"nothing shows {name}: {asked['expr']}"
                continue
            known |= self.labels[name].keys()
            for matcher in selector["matchers"]:
                label, value = matcher["name"], matcher["value"]
                if label not in self.labels[name].keys() | ADDED:
                    yield f"{name} has no label {label}: {asked['expr']}"
                elif matcher["type"] == "=" and label not in ADDED and not self.has(name, label, value):
                    yield f"no {label} of {name} is {value}: {asked['expr']}"
        yield from (f"nothing has the label {label}: {asked['expr']}" for label in set(asked["groupings"]) - known)

    def has(self, name: str, label: str, value: str) -> bool:
        """Whether a label has had the value, or may have it."""
        later = SEEN_LATER.get(label)
        return bool(later.fullmatch(value)) if later else value in self.labels[name][label]


def asked_by(project: Path, proof: Proof) -> list[dict[str, Any]]:
    """What the rules and dashboards of a project ask for."""
    folder = project / "deploy" / "observability"
    boards = [json.loads(path.read_text("utf-8")) for path in folder.glob("grafana/dashboards/*.json")]
    assert boards
    queries = proof.queries(expression for board in boards for expression in expressions(board))
    return [*proof.rules(sorted(folder.glob("prometheus/rules/*.yml"))), *queries]


@pytest.fixture
def shown(project: Path, service: Service, work: Work, database: Database) -> Numbers:
    """What a project's processes show once some requests were answered."""
    service.get("/v1/users")
    service.get("/health/ready")
    texts = [admin(service, "/metrics").body.decode()]
    if (project / "cmd" / "worker").is_dir():
        worker = work(database)
        worker.wait_ready()
        texts.append(rawhttp.get(worker.port, "/metrics").body.decode())
    return Numbers(*texts)


def test_alerts_and_dashboards_ask_for_what_is_there(
    project: Path, proof: Proof, request: pytest.FixtureRequest
) -> None:
    """Every name and label, in rules and dashboards, is one that the service has; what it counts is shown somewhere."""
    if not has(project, "metrics"):
        assert not (project / "deploy" / "observability" / "prometheus").exists()
        return
    shown: Numbers = request.getfixturevalue("shown")
    asked = asked_by(project, proof)
    recorded = {rule["record"] for rule in asked if "record" in rule}
    assert [problem for each in asked for problem in shown.problems(each, recorded)] == []
    names = {selector["metric"] for each in asked for selector in each["selectors"]}
    families = {re.sub("_(bucket|sum|count)$", "", name) for name in names} | names
    own = {family for family in shown.families if not family.startswith(OF_LIBRARIES)}
    assert own - families == set(), "counted, and shown by no dashboard"


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("rate(http_request_total[5m])", "nothing shows http_request_total"),
        ('http_requests_total{code="500"}', "http_requests_total has no label code"),
        ('db_pool_connections{state="busy"}', "no state of db_pool_connections is busy"),
        ('http_requests_total{status="500"}', "no status of http_requests_total is 500"),
        ("sum by (path) (http_requests_total)", "nothing has the label path"),
        ("db_pool_connections / ignoring (kind) db_pool_connections_max", "nothing has the label kind"),
    ],
)
def test_an_expression_that_asks_for_nothing_is_found(expression: str, problem: str, proof: Proof) -> None:
    """The counterpart: a wrong name, label or value makes an alert that never fires."""
    shown = Numbers(
        'http_requests_total{method="GET",route="/v1/users",status="2xx"} 3\n'
        'db_pool_connections{state="in_use"} 0\ndb_pool_connections_max 25\n'
    )
    (asked,) = proof.queries([expression])
    assert any(problem in line for line in shown.problems(asked, set())), list(shown.problems(asked, set()))
