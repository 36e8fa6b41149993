"""The image of a service is built by its own target and serves from a read-only root; test_deploy.py has the manifests.

`make image-test` runs these alone. They are run on the variants with most and with least in them.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from tests.programs import put_program
from tests.service import rawhttp
from tests.service.guard import Guard, tree
from tests.service.plugin import Start, Work
from tests.service.postgres import Database
from tests.service.process import DEFAULTS, Binaries, Running, run, set_up
from tools.image import EXTREMES, INSTALL, USER, VERSION, Builder, Entry, Image, ImageError, findings, programs_of
from tools.render import commit_all

pytestmark = pytest.mark.variants(*EXTREMES)

BUILD_WITHIN = 900.0
"""Seconds for a program that nobody has built before."""


@pytest.fixture(scope="module")
def builder(guard: Guard) -> Iterator[Builder]:
    """Builds images; without buildah this fails and says what to install."""
    with closing(Builder()) as builder:
        guard.remove(builder.folder)
        yield builder


@pytest.fixture(scope="module")
def owned(rendered: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The variant in its owner's hands: committed to git."""
    folder = tmp_path_factory.mktemp("image") / "project"
    shutil.copytree(rendered, folder)
    commit_all(folder, "Start from the template")
    return folder


@pytest.fixture(scope="module")
def image(owned: Path, builder: Builder) -> Image:
    """The image of the variant."""
    return builder.build(owned)


@pytest.fixture(scope="module")
def binaries(owned: Path, image: Image, builder: Builder, tmp_path_factory: pytest.TempPathFactory) -> Binaries:
    """The programs in the image, each begun as the user of the image on its root, where nothing can be changed."""
    folder = tmp_path_factory.mktemp("programs")
    for program in programs_of(owned):
        command = shlex.join(builder.command(image, program))
        put_program(
            folder / program.strip("/"), f'#!/bin/sh\nPATH={shlex.quote(os.environ["PATH"])} exec {command} "$@"\n'
        )
    worker = folder / "worker"
    guarded = (owned / "internal" / "domain" / "auth").is_dir()
    return Binaries(folder / "api", folder / "migrate", guarded, worker if worker.exists() else None)


def test_the_image_is_as_promised(owned: Path, image: Image) -> None:
    """The programs and nothing else, for a user who is nobody, in less than forty megabytes; and it says what it is."""
    assert findings(image, programs_of(owned)) == []


def test_anyone_gets_the_same_programs(
    owned: Path, image: Image, go_environment: dict[str, str], tmp_path: Path
) -> None:
    """What is in the image is what its sources give elsewhere, bit for bit."""
    flags = ["-trimpath", "-buildvcs=false", f"-ldflags=-s -w -X main.version={VERSION}"]
    build = ["go", "build", *flags, "-o", tmp_path / "migrate", "./cmd/migrate"]
    subprocess.run(build, cwd=owned, env={**go_environment, "CGO_ENABLED": "0"}, check=True, timeout=BUILD_WITHIN)
    assert (image.root / "migrate").read_bytes() == (tmp_path / "migrate").read_bytes()


def process_of(service: Running, program: str) -> psutil.Process:
    """Return the process of a program, whatever stands between."""
    (found,) = (each for each in tree(psutil.Process(service.process.pid)) if each.cmdline()[:1] == [program])
    return found


def confinement(process: psutil.Process) -> tuple[int, str, str]:
    """Return the user of a process as it knows itself, its capabilities, and how its root is mounted."""
    proc = Path("/proc", str(process.pid))
    status = dict(re.findall(r"(?m)^(\w+):\s*(.*)$", (proc / "status").read_text("utf-8")))
    outside = int(status["Uid"].split()[0])
    spans = [tuple(map(int, line.split())) for line in (proc / "uid_map").read_text("utf-8").splitlines()]
    (user,) = (inner + outside - outer for inner, outer, count in spans if 0 <= outside - outer < count)
    mounts = [line.split() for line in (proc / "mountinfo").read_text("utf-8").splitlines()]
    (root,) = (mount[5] for mount in mounts if mount[4] == "/")
    return user, status["CapEff"].strip("0"), root.split(",")[0]


def test_it_serves_from_a_read_only_root(
    binaries: Binaries, start: Start, work: Work, empty_database: Database, redis_environment: dict[str, str]
) -> None:
    """As the user of the image, who can do nothing else: migrations, requests, jobs, and the question of its health."""
    set_up(binaries, empty_database)
    service = start(empty_database)
    service.wait_ready()
    assert confinement(process_of(service, "/api")) == (USER, "", "ro")
    made = rawhttp.post(service.port, "/v1/users", {"username": "ada", "email": "ada@example.com"})
    assert made.status == 201, made.body
    assert rawhttp.get(service.port, made.header("Location")).json()["username"] == "ada"
    assert f'"version":"{VERSION}"' in service.out, "it knows what it is"
    ports = {"ADMIN_PORT": str(service.admin_port), "SERVER_PORT": str(service.port)}
    environment = {**DEFAULTS, **redis_environment, **ports, "DATABASE_URL": empty_database.url}
    assert run(binaries.api, "healthy", env=environment).code == 0
    if binaries.worker:
        worker = work(empty_database)
        worker.wait_ready()
        assert confinement(process_of(worker, "/worker")) == (USER, "", "ro")
    service.kill()
    assert run(binaries.api, "healthy", env=environment).code == 1, "and it can be unwell"


FAULTS: dict[str, Callable[[Image], Image]] = {
    "can't tell from root": lambda image: with_config(image, User="nonroot"),
    r"starts \['/bin/sh', '-c', '/api'\]": lambda image: with_config(image, Entrypoint=["/bin/sh", "-c", "/api"]),
    r"starts \['/api'\] \['up'\]": lambda image: with_config(image, Cmd=["up"]),
    "its environment is .*DB_PASSWORD": lambda image: with_config(image, Env=["DB_PASSWORD=x"]),
    "label version is 'dev'": lambda image: with_label(image, "version", "dev"),
    "label revision is 'unknown'": lambda image: with_label(image, "revision", "unknown"),
    "/migrate is missing": lambda image: replace(image, added=without(image, "/migrate")),
    "/bin/sh has no business there": lambda image: with_file(image, "/bin/sh", Entry(0o755, 0, 1)),
    f"/api is 755 of user {USER}": lambda image: with_file(image, "/api", Entry(0o755, USER, 1)),
    "/api is 775 of user 0": lambda image: with_file(image, "/api", Entry(0o775, 0, 1)),
    "40 at most": lambda image: replace(image, layers=(39_000_001,)),
}


def with_config(image: Image, **more: object) -> Image:
    """Return an image that says other things about itself."""
    return replace(image, config={**image.config, **more})


def with_label(image: Image, name: str, value: str) -> Image:
    """Return an image with another label."""
    return with_config(image, Labels={**image.config["Labels"], f"org.opencontainers.image.{name}": value})


def with_file(image: Image, path: str, entry: Entry) -> Image:
    """Return an image with another file."""
    return replace(image, added={**image.added, path: entry})


def without(image: Image, path: str) -> dict[str, Entry]:
    """Return the files of an image but one."""
    return {name: entry for name, entry in image.added.items() if name != path}


@pytest.mark.variants(EXTREMES[1])
@pytest.mark.parametrize("problem", FAULTS)
def test_a_fault_of_an_image_is_found(problem: str, owned: Path, image: Image) -> None:
    """Each check can fail."""
    assert any(re.search(problem, line) for line in findings(FAULTS[problem](image), programs_of(owned)))


@pytest.mark.variants(EXTREMES[1])
def test_what_a_dockerfile_gets_wrong_is_found(owned: Path, builder: Builder, tmp_path: Path) -> None:
    """In an image that was really built: the user, a form with a shell, a file too many."""
    (tmp_path / "Dockerfile").write_text(
        "ARG RUNTIME_IMAGE\nFROM ${RUNTIME_IMAGE}\nCOPY Dockerfile /bin/sh\nUSER root\nENTRYPOINT /api\n", "utf-8"
    )
    lines = findings(builder.build_file(tmp_path), programs_of(owned))
    for problem in ("runs as 'root'", r"starts \['/bin/sh', '-c'", "/bin/sh has no business", "/api is missing"):
        assert any(re.search(problem, line) for line in lines), lines


@pytest.mark.variants(EXTREMES[1])
def test_an_image_that_does_not_build_says_why(owned: Path, builder: Builder, tmp_path: Path) -> None:
    """What the compiler says arrives; there is no network that could help."""
    project = tmp_path / "project"
    shutil.copytree(owned, project)
    with (project / "cmd" / "api" / "main.go").open("a", encoding="utf-8") as file:
        file.write("\nvar _ = unheardOf\n")
    with pytest.raises(ImageError, match="undefined: unheardOf"):
        builder.build(project)


def test_a_machine_without_buildah_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing program is no skip."""
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ImageError, match=re.escape(INSTALL)):
        Builder()
