"""Measure what the template and its services cost. Prints numbers and asserts nothing: they depend on the machine.

Usage: python -m tools.measure [VARIANT ...]   (the pairwise set when none is named)
"""

from __future__ import annotations

import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import copier

from tests.service.guard import Guard
from tests.service.postgres import Database, Postgres
from tests.service.process import Binaries, Service, serving, set_up
from tests.service.redis import Redis
from tools.questions import ROOT
from tools.render import TAG, commit_all, git, read_tree, render, take_snapshot
from tools.toolchain import go_environment
from tools.variants import Variant, choose_variant, find_pairwise, find_variants

STARTS = 5
RENDERS = 5
IDLE_SECONDS = 3.0
UNCOUNTED = re.compile(r"/([a-z_]+\.gen\.go|[a-z]+test/)")
"""Generated code, and packages that only tests use."""


def measure_template(snapshot: Path) -> None:
    """Print how many conditions the template has and how long a render takes."""
    sources = [path for path in (ROOT / "template").rglob("*") if path.is_file()]
    go = [path for path in sources if ".go" in path.name]
    conditions = {path: path.read_text(encoding="utf-8").count("//%") for path in go}
    templates = [path for path in go if path.suffix == ".jinja"]
    report("files in template/", len(sources))
    report("Go files, of those templates", f"{len(go)}, {len(templates)}")
    report("lines with //% in Go files", f"{sum(conditions.values())} in {sum(map(bool, conditions.values()))} files")
    variant = find_variants()[0]
    with tempfile.TemporaryDirectory() as folder:
        ours = median_seconds(lambda run: render(snapshot, Path(folder, f"ours{run}"), variant.answers))
        files = read_tree(Path(folder, "ours0"))
        plain = Path(folder, "plain")
        for path, (content, _) in files.items():
            target = plain / "template" / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        (plain / "copier.yml").write_text("_templates_suffix: .none\n_subdirectory: template\n", encoding="utf-8")
        commit_all(plain, "Plain files")  # Copier clones a template that is in git, so both are
        git(plain, "tag", TAG)
        theirs = median_seconds(
            lambda run: copier.run_copy(str(plain), Path(folder, f"theirs{run}"), defaults=True, quiet=True)
        )
    report(f"render of {len(files)} files", f"{ours:.2f} s")
    report("Copier on as many plain files", f"{theirs:.2f} s, ratio {ours / theirs:.2f}")


def measure_service(variant: Variant, snapshot: Path, guard: Guard, server: Postgres) -> None:
    """Print what the service of a variant needs."""
    environment = go_environment()
    with tempfile.TemporaryDirectory() as name:
        project = Path(name, "project")
        render(snapshot, project, variant.answers)
        run(["make", "build"], project, environment)
        for binary in sorted((project / "bin").iterdir()):
            report(f"{variant.id}: size of {binary.name}", f"{binary.stat().st_size / 2**20:.1f} MiB")
        binaries = Binaries.build(project, Path(name), environment)
        database = server.create()
        set_up(binaries, database)
        redis = Redis(guard)
        starts = (measure_start(guard, binaries, database, redis) for _ in range(STARTS))
        seconds, memory = zip(*starts, strict=True)
        report(f"{variant.id}: start to ready", f"{statistics.median(seconds) * 1000:.0f} ms")
        report(f"{variant.id}: idle memory", f"{statistics.median(memory) / 2**20:.1f} MiB")
        run(
            ["make", "test-integration"],
            project,
            {**environment, "TEST_DATABASE_URL": server.url("postgres"), "TEST_REDIS_URL": redis.url},
        )
        redis.close()
        report(f"{variant.id}: coverage of internal/", f"{coverage(project / 'coverage.out'):.1f} %")


def measure_start(guard: Guard, binaries: Binaries, database: Database, redis: Redis) -> tuple[float, float]:
    """Start a service once: seconds until it is ready, and its resident memory in bytes when idle."""
    began = time.monotonic()
    with serving(guard, binaries, {"DATABASE_URL": database.url, "REDIS_URL": redis.url}) as service:
        service.wait_ready()
        seconds = time.monotonic() - began
        return seconds, settled_memory(service)


def settled_memory(service: Service) -> float:
    """Resident memory after some idle seconds."""
    time.sleep(IDLE_SECONDS)
    return float(service.memory())


def coverage(profile: Path) -> float:
    """Percent of the statements below internal/ that ran, what is UNCOUNTED apart. A block may occur once a package."""
    ran: dict[str, tuple[int, bool]] = {}
    for line in profile.read_text(encoding="utf-8").splitlines()[1:]:
        block, statements, count = line.rsplit(" ", 2)
        if "/internal/" in block and not UNCOUNTED.search(block):
            ran[block] = (int(statements), ran.get(block, (0, False))[1] or count != "0")
    total = sum(statements for statements, _ in ran.values())
    return 100 * sum(statements for statements, did in ran.values() if did) / max(total, 1)


def median_seconds(work: Callable[[int], object]) -> float:
    """How long a call takes, as the median of several; the call gets its number."""
    seconds = []
    for number in range(RENDERS):
        began = time.monotonic()
        work(number)
        seconds.append(time.monotonic() - began)
    return statistics.median(seconds)


def run(command: list[str], folder: Path, environment: Mapping[str, str]) -> None:
    """Run a command of the project's owner; what it prints matters only when it fails."""
    done = subprocess.run(command, cwd=folder, env=dict(environment), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")


def report(what: str, value: object) -> None:
    """Print one number."""
    print(f"{what:<42} {value}", flush=True)


def main() -> int:
    """Measure the template, and the services of the variants that are named."""
    wanted = sys.argv[1:]
    try:
        variants = [choose_variant(name) for name in wanted] or list(find_pairwise())
    except ValueError as error:
        print(f"measure: {error}", file=sys.stderr)
        return 2
    report("machine", f"{platform.machine()}, Python {platform.python_version()}")
    guard = Guard()
    with tempfile.TemporaryDirectory() as folder:
        snapshot = take_snapshot(Path(folder, "template"))
        measure_template(snapshot)
        server = Postgres(guard)
        for variant in variants:
            measure_service(variant, snapshot, guard, server)
        server.close()
    guard.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
