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

from tests.service.postgres import Postgres, is_root, unprivileged

DATABASE_TESTS = "./internal/infrastructure/database/..."
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


def test_make_test_integration_passes(copy: Path, postgres: Postgres, go_environment: dict[str, str]) -> None:
    """Its own integration tests, with the race detector, on the PostgreSQL of TEST_DATABASE_URL."""
    environment = {**go_environment, "TEST_DATABASE_URL": postgres.url("postgres")}
    done = run(["make", "test-integration"], copy, environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not re.findall(r"=== SKIP: (?!scripts/devdb)", done.stdout), done.stdout
    assert (copy / "coverage.out").stat().st_size > 0


@ONE_OF_ALL
@pytest.mark.parametrize("user", ["this user", "an unprivileged user"])
def test_its_tests_bring_a_postgresql_of_their_own(copy: Path, go_environment: dict[str, str], user: str) -> None:
    """Without TEST_DATABASE_URL and Docker they run on an embedded server, also as root, and leave none behind."""
    if user == "this user":
        done = run(
            ["go", "test", "-tags=integration", "-count=1", DATABASE_TESTS], copy, without_docker(go_environment)
        )
    else:
        done = run_as_stranger(copy, without_docker(go_environment))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "SKIP" not in done.stdout
    assert not [process for process in psutil.process_iter(["cwd"]) if is_below(process, copy)]


@ONE_OF_ALL
def test_its_tests_fail_and_say_what_to_do_when_there_is_no_postgresql(
    copy: Path, go_environment: dict[str, str], tmp_path: Path
) -> None:
    """No address, no Docker, no network: a failure, not a skip."""
    nowhere = "http://127.0.0.1:1"
    environment = {
        **without_docker(go_environment),
        **go_folders(go_environment),
        "HOME": str(tmp_path),
        "HTTPS_PROXY": nowhere,
        "HTTP_PROXY": nowhere,
        "GOPROXY": "off",
    }
    done = run(["go", "test", "-tags=integration", "-count=1", DATABASE_TESTS], copy, environment)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "--- FAIL" in done.stdout
    assert "SKIP" not in done.stdout
    assert all(word in done.stdout + done.stderr for word in ("Docker", "TEST_DATABASE_URL")), done.stdout


def without_docker(environment: dict[str, str]) -> dict[str, str]:
    """An environment in which neither a given server nor Docker is found."""
    known = {name: value for name, value in environment.items() if name != "TEST_DATABASE_URL"}
    return {**known, "DOCKER_HOST": "tcp://127.0.0.1:1"}


def go_folders(environment: dict[str, str]) -> dict[str, str]:
    """Go's caches by name, for an environment with another home."""
    names = ["GOMODCACHE", "GOCACHE"]
    done = run(["go", "env", *names], Path.cwd(), environment)
    return dict(zip(names, done.stdout.splitlines(), strict=True))


def run_as_stranger(copy: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run the tests as a user who owns nothing but a copy of the project and an empty home."""
    if not is_root():
        return run(["go", "test", "-tags=integration", "-count=1", DATABASE_TESTS], copy, environment)
    vendored = run(["go", "mod", "vendor"], copy, environment)  # the stranger can't read our module cache
    assert vendored.returncode == 0, vendored.stderr
    home = copy.parent / "home"
    home.mkdir()
    for path in [home, copy, *copy.rglob("*")]:
        os.chown(path, unprivileged()["user"], unprivileged()["group"])
    command = ["go", "test", "-tags=integration", "-count=1", DATABASE_TESTS]
    own = {
        "HOME": str(home),
        "GOCACHE": str(home / "cache"),
        "GOPATH": str(home / "go"),
        "GOMODCACHE": str(home / "mod"),
    }
    return run(command, copy, {**environment, **own, "GOFLAGS": "-trimpath -mod=vendor"}, **unprivileged())


def is_below(process: psutil.Process, folder: Path) -> bool:
    """Whether a process works in a folder."""
    return str(process.info["cwd"] or "").startswith(str(folder))


def run(command: list[str], folder: Path, environment: dict[str, str], **user: Any) -> subprocess.CompletedProcess[str]:
    """Run a command of the project's owner."""
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=BOUND, check=False, **user
    )
