"""The make targets of a rendered project, as its owner runs them; test_go.py and test_vuln.py have the others."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.programs import put_program
from tests.service.postgres import Database
from tests.service.waiting import eventually, free_port
from tools.render import commit_all, git

TARGETS = {
    "help", "setup", "run", "dev", "build", "test", "test-integration", "lint", "fmt", "generate-api", "generate",
    "sync", "migrate-up", "migrate-new", "bench", "vuln", "image", "update", "update-preview", "up", "down", "drift",
    "contract", "sbom", "push",
}  # fmt: skip
"""Names that people and scripts rely on."""

ELSEWHERE = {
    "make dev", "make test", "make test-integration", "make lint", "make generate", "make update-preview",
    "make update",
}  # fmt: skip
"""Commands of the README that are not run again for it: they have tests of their own."""

FIRST_START = 600.0
"""Seconds for a cold build and the download of PostgreSQL."""

pytestmark = pytest.mark.variants("fiber-ent", "echo-pgx")

Make = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def project(rendered: Path, tmp_path: Path) -> Path:
    """A project in its owner's hands: committed to git, nothing built."""
    folder = tmp_path / "project"
    shutil.copytree(rendered, folder)
    commit_all(folder, "Start from the template")
    return folder


@pytest.fixture
def make(project: Path, go_environment: dict[str, str]) -> Make:
    """Run a target in the project, without a terminal."""

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["make", "--no-print-directory", *arguments],
            cwd=project,
            env={**go_environment, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=FIRST_START,
        )

    return run


def changes(project: Path) -> str:
    """Return what git sees as changed or new."""
    return git(project, "status", "--porcelain")


@pytest.mark.variants("fiber-ent", "fiber-pgx", "echo-ent", "echo-pgx")
def test_help_is_the_default_and_lists_every_target(make: Make) -> None:
    """A newcomer types `make` and sees what there is."""
    done = make()
    assert done.returncode == 0, done.stderr
    listed = {line.split()[0]: line.split(maxsplit=1)[1:] for line in done.stdout.splitlines() if line.strip()}
    assert set(listed) >= TARGETS
    assert all(listed[target] for target in TARGETS), "each with a description"
    assert make("help").stdout == done.stdout


def test_setup_leaves_a_work_tree_that_is_clean(make: Make, project: Path) -> None:
    """It downloads and makes .env, which git ignores, and does no harm when run again."""
    for _ in range(2):
        done = make("setup")
        assert done.returncode == 0, done.stderr
        assert (project / ".env").read_bytes().startswith((project / ".env.example").read_bytes())
        assert changes(project) == ""
        (project / ".env").touch()


@pytest.mark.parametrize("target", ["fmt", "sync"])
def test_there_is_nothing_to_settle(target: str, make: Make, project: Path) -> None:
    """A fresh project is formatted, tidy and generated."""
    done = make(target)
    assert done.returncode == 0, done.stdout + done.stderr
    assert changes(project) == "", git(project, "diff")


def test_fmt_formats(make: Make, project: Path) -> None:
    """The counterpart: what is not formatted changes."""
    untidy = project / "internal" / "domain" / "user" / "untidy.go"
    untidy.write_text("package user\nfunc untidy( ) {\n\n}\n", "utf-8")
    assert make("fmt").returncode == 0
    assert untidy.read_text("utf-8") == "package user\n\nfunc untidy() {\n}\n"


def test_a_new_migration_is_made_and_applied(make: Make, project: Path, empty_database: Database) -> None:
    """migrate-new names it by time, so that it comes last; migrate-up applies all of them."""
    done = make("migrate-new", "NAME=add_parcels")
    assert done.returncode == 0, done.stderr
    (made,) = re.findall(r"\?\? (\S+)", changes(project))
    assert re.fullmatch(r"migrations/\d{14}_add_parcels\.sql", made)
    assert made == max(f"migrations/{path.name}" for path in (project / "migrations").glob("*.sql"))
    done = make("migrate-up", DATABASE_URL=empty_database.url)
    assert done.returncode != 0, "it can't be applied by accident"
    assert "this migration is not written yet" in done.stderr
    with (project / made).open("w", encoding="utf-8") as file:
        file.write("-- +goose Up\nCREATE TABLE parcels (id bigint);\n\n-- +goose Down\nDROP TABLE parcels;\n")
    done = make("migrate-up", DATABASE_URL=empty_database.url)
    assert done.returncode == 0, done.stdout + done.stderr
    assert empty_database.execute("SELECT count(*) FROM parcels") == [(0,)]


@pytest.mark.parametrize("name", ["", "../up", "Add Parcels", "a;id", "a.sql"])
def test_a_migration_needs_a_plain_name(name: str, make: Make, project: Path) -> None:
    """It becomes the name of a file."""
    done = make("migrate-new", f"NAME={name}")
    assert done.returncode != 0
    assert "NAME=" in done.stderr
    assert changes(project) == ""


def test_benchmarks_run(make: Make) -> None:
    """Once each: here they prove that they work, not how fast anything is."""
    done = make("bench", GOFLAGS="-trimpath -benchtime=1x")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Benchmark" in done.stdout


def test_image_builds_with_the_version(make: Make, project: Path, tmp_path: Path) -> None:
    """The command is what is tested here, with a docker that writes down what it is asked."""
    docker = put_program(tmp_path / "bin" / "docker", '#!/bin/sh\necho "docker $*"\n')
    git(project, "tag", "v1.2.3")
    done = make("image", PATH=f"{docker.parent}{os.pathsep}{os.environ['PATH']}")
    assert done.returncode == 0, done.stderr
    assert re.search(r"docker build .*VERSION=v1\.2\.3.* --tag ghcr\.io/acme/parcel-desk:v1\.2\.3 ", done.stdout + " ")


@pytest.fixture
def started(project: Path, go_environment: dict[str, str]) -> Iterator[Callable[[str], str]]:
    """Start a target that serves, and end it as Ctrl-C does; nothing of it may be left."""
    processes: list[subprocess.Popen[bytes]] = []
    log = project.parent / "log"

    def start(target: str) -> str:
        port = free_port()
        environment = {name: value for name, value in go_environment.items() if name != "DATABASE_URL"}
        environment |= {"SERVER_PORT": str(port), "ADMIN_PORT": str(free_port())}
        with log.open("wb") as output:
            processes.append(
                subprocess.Popen(
                    ["make", target],
                    cwd=project,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            )
        return f"http://127.0.0.1:{port}"

    yield start
    for process in processes:
        family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
        os.killpg(process.pid, signal.SIGINT)
        _, alive = psutil.wait_procs(family, timeout=30)
        for left in alive:
            left.kill()
        assert alive == [], log.read_text("utf-8", errors="replace")[-4000:]


def fetch(url: str) -> bytes:
    """Return the body of a GET that is answered with 200, and nothing otherwise."""
    try:
        with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310 (a loopback address of ours)
            return bytes(response.read())
    except (urllib.error.URLError, OSError):
        return b""


def test_run_serves_with_nothing_but_go(started: Callable[[str], str], project: Path) -> None:
    """No Docker, no PostgreSQL, no .env: the target brings a database, applies the migrations and serves."""
    url = started("run")
    eventually(lambda: fetch(f"{url}/health/ready"), FIRST_START, "make run to be ready", every=0.5)
    assert fetch(f"{url}/openapi.yaml") == (project / "api" / "openapi" / "openapi.yaml").read_bytes()
    assert changes(project) == "", "what it writes is ignored by git"


def test_the_readme_holds(
    make: Make, started: Callable[[str], str], project: Path, go_environment: dict[str, str]
) -> None:
    """Its commands, in their order, as a new colleague types them: each succeeds, and so does each request."""
    readme = (project / "README.md").read_text("utf-8")
    blocks = re.findall(r"(?ms)^```sh\n(.*?)^```$", readme)
    assert blocks[0].split("#")[0].split() == ["make", "setup"]
    assert make("setup").returncode == 0
    assert re.search(r"(?m)^make run\b", blocks[0])
    url = started("run")
    eventually(lambda: fetch(f"{url}/health/ready"), FIRST_START, "make run to be ready", every=0.5)

    script = "\n".join(blocks[1:])
    script = re.sub(r"http://127\.0\.0\.1:\d+", url, script)
    typed = [line for line in script.splitlines() if re.sub(r"\s*#.*", "", line) not in ELSEWHERE]
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join(typed)],
        cwd=project,
        env=go_environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    answers = re.findall(r"(?m)^HTTP/1\.1 (\d+)", done.stdout)
    assert len(answers) == len(re.findall(r"(?m)^curl -i ", script)) >= 3
    assert [status for status in answers if not status.startswith("2")] == [], done.stdout
    assert "migrate-new" in done.stdout, "make help was typed too"
    assert changes(project) == "", "nothing of that is committed"


def test_dev_serves_and_restarts_when_a_file_changes(started: Callable[[str], str], project: Path) -> None:
    """The changed file is served without anyone restarting anything."""
    url = started("dev")
    eventually(lambda: fetch(f"{url}/health/ready"), FIRST_START, "make dev to be ready", every=0.5)
    document = project / "api" / "openapi" / "openapi.yaml"
    changed = document.read_bytes().replace(b"The HTTP API", b"The other API")
    assert fetch(f"{url}/openapi.yaml") != changed
    document.write_bytes(changed)
    eventually(lambda: fetch(f"{url}/openapi.yaml") == changed, 120, "the change to be served", every=0.5)
    assert changes(project).split() == ["M", "api/openapi/openapi.yaml"], "what it writes is ignored by git"
