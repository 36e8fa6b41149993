"""The rendered project's own tests on a real PostgreSQL, wherever that comes from. A missing one is no skip."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.service.postgres import Postgres, unprivileged
from tests.service.redis import Redis

DATABASE = "internal/infrastructure/database"
ONE_TEST = "TestUsers_CreateReturnsWhatIsStored"
NO_NETWORK = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), "http://127.0.0.1:1")
BOUND = 1500.0

ONE_OF_ALL = pytest.mark.variants("echo-pgx")
"""For what is the same code in every variant."""


@pytest.fixture
def copy(project: Path) -> Iterator[Path]:
    """A copy of the project, to write in."""
    with copied(project) as folder:
        yield folder


@contextmanager
def copied(project: Path) -> Iterator[Path]:
    """A copy of a project in a folder that an unprivileged user can enter."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(shutil.copytree(project, Path(folder, "project")))


def test_make_test_integration_passes(
    copy: Path, postgres: Postgres, redis: Redis, go_environment: dict[str, str]
) -> None:
    """Its own integration tests, with the race detector, on the servers of TEST_DATABASE_URL and TEST_REDIS_URL."""
    servers = {"TEST_DATABASE_URL": postgres.url("postgres"), "TEST_REDIS_URL": redis.url}
    environment = {**go_environment, **servers}
    done = run(["make", "test-integration"], copy, environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not re.findall(r"=== SKIP: (?!scripts/devdb)", done.stdout), done.stdout
    assert (copy / "coverage.out").stat().st_size > 0


@ONE_OF_ALL
def test_its_tests_bring_a_postgresql_of_their_own(copy: Path, go_environment: dict[str, str]) -> None:
    """Without TEST_DATABASE_URL and Docker they run on an embedded server, also as root, and leave none behind."""
    command = ["go", "test", "-race", "-tags=integration", "-count=1", f"./{DATABASE}", "./scripts/devdb"]
    done = run(command, copy, without_docker(go_environment))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "SKIP" not in done.stdout
    assert not [process for process in psutil.process_iter(["cwd"]) if is_below(process, copy)]


@ONE_OF_ALL
def test_a_stranger_gets_a_postgresql_or_is_told_what_to_do(copy: Path, go_environment: dict[str, str]) -> None:
    """A user who owns nothing but the project: without network a failure that helps, with it an embedded server."""
    environment = without_docker(go_environment)
    program = copy.parent / "database.test"
    built = run(["go", "test", "-c", "-tags=integration", "-o", str(program), f"./{DATABASE}"], copy, environment)
    assert built.returncode == 0, built.stderr
    environment, user = become_stranger(copy, environment)
    command = [str(program), "-test.v", f"-test.run=^{ONE_TEST}$"]

    missing = run(command, copy / DATABASE, {**environment, **NO_NETWORK}, **user)
    assert missing.returncode == 1, missing.stdout + missing.stderr
    assert f"--- FAIL: {ONE_TEST}" in missing.stdout
    assert all(word in missing.stdout for word in ("Docker", "TEST_DATABASE_URL")), missing.stdout

    present = run(command, copy / DATABASE, environment, **user)
    assert present.returncode == 0, present.stdout + present.stderr
    assert f"--- PASS: {ONE_TEST}" in present.stdout


def without_docker(environment: dict[str, str]) -> dict[str, str]:
    """An environment in which neither a given server nor Docker is found."""
    known = {name: value for name, value in environment.items() if name != "TEST_DATABASE_URL"}
    return {**known, "DOCKER_HOST": "tcp://127.0.0.1:1"}


def become_stranger(copy: Path, environment: dict[str, str]) -> tuple[dict[str, str], dict[str, Any]]:
    """The environment and identity of a user with an empty home: nobody where this is root, else this user."""
    vendored = run(["go", "mod", "vendor"], copy, environment)  # nobody can't read the module cache of root
    assert vendored.returncode == 0, vendored.stderr
    home = copy.parent / "home"
    home.mkdir()
    user = unprivileged()
    if user:
        for path in [home, copy, *copy.rglob("*")]:
            os.chown(path, user["user"], user["group"])
    own = {
        "HOME": str(home),
        "GOCACHE": str(home / "cache"),
        "GOPATH": str(home / "go"),
        "GOMODCACHE": str(home / "mod"),
    }
    return {**environment, **own, "GOFLAGS": f"{environment['GOFLAGS']} -mod=vendor"}, user


def is_below(process: psutil.Process, folder: Path) -> bool:
    """Whether a process works in a folder."""
    return str(process.info["cwd"] or "").startswith(str(folder))


def run(command: list[str], folder: Path, environment: dict[str, str], **user: Any) -> subprocess.CompletedProcess[str]:
    """Run a command of the project's owner."""
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=BOUND, check=False, **user
    )
