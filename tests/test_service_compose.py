"""The programs start with what compose.yaml gives them, and say to it whether they are ready."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from tests.service.plugin import Start, Work
from tests.service.postgres import Database
from tests.service.process import DEFAULTS, Binaries, run

Given = Callable[[str], dict[str, str]]


@pytest.fixture
def given(project: Path, database: Database, redis_environment: dict[str, str]) -> Given:
    """The environment that compose.yaml gives a program, with hosts of this machine and secrets in place."""

    def environment(name: str) -> dict[str, str]:
        compose = yaml.safe_load((project / "compose.yaml").read_text("utf-8"))
        said = {variable: str(value) for variable, value in compose["services"][name]["environment"].items()}
        server, redis = urlsplit(database.url), urlsplit(redis_environment.get("REDIS_URL", ""))
        assert server.hostname
        assert server.username
        here = {
            "DB_HOST": server.hostname,
            "DB_PORT": str(server.port),
            "DB_USER": server.username,
            "DB_PASSWORD": server.password or "none",
            "DB_NAME": server.path.lstrip("/"),
            "REDIS_ADDRESS": f"{redis.hostname}:{redis.port}",
            "REDIS_PASSWORD": redis.password or "",
            "SMTP_HOST": "127.0.0.1",
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1",
            "SERVER_HOST": "127.0.0.1",
            "ADMIN_HOST": "127.0.0.1",
        }
        secrets = {
            variable: DEFAULTS[variable] for variable, value in said.items() if variable in DEFAULTS and "$" in value
        }
        return (
            said
            | {
                variable: value
                for variable, value in here.items()
                if variable in said or variable in {"DB_PORT", "REDIS_PASSWORD"}
            }
            | secrets
        )

    return environment


def unset(*variables: str) -> dict[str, str]:
    """Empty what the tests set by default and compose.yaml does not."""
    return dict.fromkeys(variables, "")


def test_the_api_starts_with_what_compose_says(
    given: Given, start: Start, database: Database, binaries: Binaries
) -> None:
    """It becomes ready, `api healthy` says so, and says when it is gone."""
    environment = given("api")
    service = start(
        database, **environment | unset("DATABASE_URL", "REDIS_URL") | {"SERVER_PORT": "0", "ADMIN_PORT": "0"}
    )
    service.wait_ready()
    environment |= {"SERVER_PORT": str(service.port), "ADMIN_PORT": str(service.admin_port)}
    assert run(binaries.api, "healthy", env=environment).code == 0
    service.terminate()
    assert service.wait() == 0
    done = run(binaries.api, "healthy", env=environment)
    assert (done.code, done.out) == (1, "")
    assert "ready" in done.err


def test_the_worker_starts_with_what_compose_says(
    given: Given, work: Work, database: Database, binaries: Binaries, project: Path
) -> None:
    """So does the worker, where there is one."""
    if binaries.worker is None:
        assert "worker" not in yaml.safe_load((project / "compose.yaml").read_text("utf-8"))["services"]
        return
    environment = given("worker")
    worker = work(database, **environment | unset("DATABASE_URL"))
    worker.wait_ready()
    environment |= {"WORKER_ADMIN_PORT": str(worker.port)}
    assert run(binaries.worker, "healthy", env=environment).code == 0
    worker.terminate()
    assert worker.wait(within=40) == 0
    assert run(binaries.worker, "healthy", env=environment).code == 1
