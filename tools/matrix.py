"""Check every variant: what is true of any render, then formatting, modules, build, generators, lint and unit tests.

Usage: python -m tools.matrix [--shard 1/2] [--skip-unchanged]

The variants share Go's caches, so a package that is the same in many of them is compiled and tested once. They follow
one another in one folder, where only what differs is written, so that a test that reads files need not run again. What
the linter found out serves all variants, too (linter.py). That the generators have nothing left to do is
proved for all variants by `make regen CHECK=1`, which runs first, and in finished projects for the covering set.

A record in the cache folder says which trees passed all checks with which Go; --skip-unchanged believes it, but never
in CI.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock
from pydantic import BaseModel, ConfigDict

from tools import checks, golden
from tools.render import ANSWERS_FILE, Tree, commit_all, fast_copier, git, put, read_tree, render, take_snapshot
from tools.toolchain import ToolchainError, cache_folder, go_environment
from tools.variants import Variant, find_covering, find_variants


class Outcome(BaseModel):
    """How one check of one variant went."""

    model_config = ConfigDict(frozen=True)

    variant: str
    check: str
    seconds: float
    findings: tuple[str, ...]


def parse_shard(text: str) -> tuple[int, int]:
    """Read `i/n`: the i-th of n parts, counted from 1.

    Raises:
        ArgumentTypeError: The text is no such part.
    """
    try:
        index, count = (int(part) for part in text.split("/"))
    except ValueError:
        index, count = 0, 0
    if not 1 <= index <= count:
        raise argparse.ArgumentTypeError(f"{text!r} is no part: write i/n with i from 1 to n, such as 1/2")
    return index, count


def take_shard(variants: Sequence[Variant], shard: tuple[int, int]) -> tuple[Variant, ...]:
    """Deal the variants out one by one, so that neighbours, which share most packages, stand in different parts."""
    index, count = shard
    return tuple(variants[index - 1 :: count])


class Record:
    """The trees that passed all checks, by a digest of their bytes, of the checks and of the version of Go."""

    def __init__(self, path: Path, environment: Mapping[str, str], *, believe: bool) -> None:
        """Read the record; unless it is to be believed it is only written."""
        self._path = path
        self._believe = believe
        command = ["go", "version"]
        version = subprocess.run(command, env=dict(environment), capture_output=True, text=True, check=True).stdout
        self._setting = repr((version, checks.GO_CHECKS, checks.WORDS_FILE.read_text("utf-8")))
        self._passed = self._read()

    def _read(self) -> dict[str, str]:
        passed: dict[str, str] = json.loads(self._path.read_text("utf-8")) if self._path.exists() else {}
        return passed

    def digest(self, project: Path) -> str:
        """Return what stands for a project before any check ran in it; its answers name the folder of the template."""
        tree = sorted((path, file) for path, file in read_tree(project).items() if path != ANSWERS_FILE)
        return hashlib.sha256((self._setting + repr(tree)).encode()).hexdigest()

    def has_passed(self, variant: Variant, digest: str) -> bool:
        """Whether the checks may be skipped."""
        return self._believe and self._passed.get(variant.id) == digest

    def note(self, variant: Variant, digest: str, *, passed: bool) -> None:
        """Write down how the checks went."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(self._path.with_suffix(".lock")):  # another part may have written meanwhile
            self._passed = self._read()
            self._passed.pop(variant.id, None)
            if passed:
                self._passed[variant.id] = digest
            unfinished = self._path.with_suffix(".unfinished")
            unfinished.write_text(json.dumps(self._passed), "utf-8")
            unfinished.replace(self._path)


def check_render(project: Path, variant: Variant) -> list[str]:
    """Return what is wrong with a fresh render before any Go runs."""
    return [*checks.jinja_left(project), *checks.foreign_words(project, variant)]


def settle(tree: Tree, project: Path) -> None:
    """Make a folder hold a fresh render, committed to git, and nothing that was built from the one before."""
    if (project / ".git").exists():
        git(project, "clean", "--quiet", "--force", "-d", "-x")
    put(tree, project)
    commit_all(project, "Render")


class Bench(NamedTuple):
    """Where the checks run: what is rendered from, the one folder of all projects, and the environment of commands."""

    template: Path
    project: Path
    environment: Mapping[str, str]


def check_variant(variant: Variant, go_checks: Sequence[checks.GoCheck], bench: Bench, record: Record) -> list[Outcome]:
    """Render one variant into the folder of the one before and run all checks on it, also when one of them fails."""
    outcomes: list[Outcome] = []
    started = time.monotonic()

    def note(check: str, findings: Sequence[str]) -> None:
        nonlocal started
        now = time.monotonic()
        outcomes.append(Outcome(variant=variant.id, check=check, seconds=now - started, findings=tuple(findings)))
        print(f"  {check:<16} {'FAIL' if findings else 'ok':<4} {now - started:6.1f} s", flush=True)
        for finding in findings:
            print(finding, flush=True)
        started = now

    with tempfile.TemporaryDirectory() as fresh:
        render(bench.template, Path(fresh, "project"), variant.answers)
        settle(read_tree(Path(fresh, "project")), bench.project)
    digest = record.digest(bench.project)
    note("render", check_render(bench.project, variant))
    if record.has_passed(variant, digest):
        print("  unchanged since it passed: skipped", flush=True)
    else:
        for check in go_checks:
            note(check.name, check.run(bench.project, bench.environment))
        record.note(variant, digest, passed=not any(outcome.findings for outcome in outcomes))
    return outcomes


def table(outcomes: Sequence[Outcome]) -> str:
    """Format the outcomes: a line a variant, a column a check, seconds where it passed."""
    names = list(dict.fromkeys(outcome.check for outcome in outcomes))
    variants = list(dict.fromkeys(outcome.variant for outcome in outcomes))
    cells = {(o.variant, o.check): "FAIL" if o.findings else f"{o.seconds:.0f} s" for o in outcomes}
    width = max(len(variant) for variant in variants)
    lines = [f"{'':<{width}}  " + "  ".join(names)]
    for variant in variants:
        row = "  ".join(f"{cells.get((variant, name), ''):>{len(name)}}" for name in names)
        lines.append(f"{variant:<{width}}  {row}")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the checks and return the exit code: 1 when anything was found."""
    parser = argparse.ArgumentParser(description="Check every variant of the template.")
    parser.add_argument(
        "--shard", type=parse_shard, default=(1, 1), metavar="i/n", help="check only the i-th of n parts"
    )
    parser.add_argument(
        "--skip-unchanged", action="store_true", help="skip variants whose tree passed before; not in CI"
    )
    options = parser.parse_args(arguments)
    if options.skip_unchanged and os.environ.get("CI"):
        parser.error("--skip-unchanged is for people: CI has to check everything")
    try:
        environment = go_environment()
    except ToolchainError as error:
        print(f"toolchain: {error}", file=sys.stderr)
        return 1

    outcomes: list[Outcome] = []
    variants = take_shard(find_variants(), options.shard)
    covering = find_covering()
    footprints = golden.compare(golden.golden_lists())
    for finding in footprints:
        print(f"footprint: {finding}", flush=True)
    record = Record(cache_folder() / "matrix.json", environment, believe=options.skip_unchanged)
    began = time.monotonic()
    folder = cache_folder() / "matrix" / "{}-of-{}".format(*options.shard)
    with (
        tempfile.TemporaryDirectory(prefix="matrix-") as scratch,
        FileLock(folder.with_suffix(".lock")),
        fast_copier(),
    ):
        bench = Bench(take_snapshot(Path(scratch, "template")), folder, environment)
        for number, variant in enumerate(variants, start=1):
            print(f"[{number}/{len(variants)}] {variant.id}, after {time.monotonic() - began:.0f} s", flush=True)
            go_checks = [check for check in checks.GO_CHECKS if not check.settled or variant in covering]
            outcomes += check_variant(variant, go_checks, bench, record)
    failed = sum(bool(outcome.findings) for outcome in outcomes)
    seconds = time.monotonic() - began
    print(f"\n{table(outcomes)}\n\n{len(variants)} variants, {len(outcomes)} checks, {failed} failed, {seconds:.0f} s")
    return 1 if failed or footprints else 0


if __name__ == "__main__":
    sys.exit(main())
