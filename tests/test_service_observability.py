"""What is seen of a running service from outside: by those who run it, and not by its clients.

The tests say what holds in every variant: what an option adds is there with it, and not there without.
"""

from __future__ import annotations

import json
import re
import secrets
import time
from pathlib import Path

from tests.service import rawhttp
from tests.service.plugin import Start
from tests.service.postgres import Database
from tests.service.process import PRODUCTION, Service
from tests.service.rawhttp import encode

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
