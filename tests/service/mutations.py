"""Mutations of the rendered service, each with the test that must notice it. The list is mutations.yml."""

from __future__ import annotations

import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, model_validator

ROOT = Path(__file__).resolve().parents[2]
BOUND = 400.0


class Edit(BaseModel):
    """Text that is replaced. It must occur exactly once in the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: str
    find: str
    replace: str

    def apply(self, project: Path) -> None:
        """Change the file in a copy of the project."""
        path = project / self.file
        text = path.read_text(encoding="utf-8")
        found = text.count(self.find)
        assert found == 1, f"{self.file} holds the text {found} times, not once: {self.find}"
        path.write_text(text.replace(self.find, self.replace), encoding="utf-8")


class Mutation(BaseModel):
    """A mistake, and the test that catches it: one of this suite, or one of the rendered project's own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    variant: str
    edits: tuple[Edit, ...]
    suite: str = ""
    """A test of this suite, such as test_service_start.py::test_the_service_answers."""
    go: str = ""
    """A test of the project, as arguments of go test, such as `./internal/config -run ^TestLoad_`."""

    @model_validator(mode="after")
    def _one_catcher(self) -> Mutation:
        if bool(self.suite) == bool(self.go):
            raise ValueError(f"{self.name}: name either a test of the suite or one of the project")
        return self

    def make(self, original: Path, copy: Path) -> None:
        """Copy a rendered project with the mistake in it."""
        shutil.copytree(original, copy)
        for edit in self.edits:
            edit.apply(copy)

    def is_caught(self, project: Path, environment: Mapping[str, str], scratch: Path) -> str:
        """Run the test on the mutated project; empty when it failed as it should, otherwise what happened instead."""
        return self._run_suite(project, scratch) if self.suite else self._run_go(project, environment)

    def _run_go(self, project: Path, environment: Mapping[str, str]) -> str:
        done = subprocess.run(
            ["go", "test", *self.go.split()],
            cwd=project,
            env=dict(environment),
            capture_output=True,
            text=True,
            timeout=BOUND,
            check=False,
        )
        if done.returncode == 1 and "--- FAIL" in done.stdout and "[build failed]" not in done.stdout:
            return ""
        return f"go test ended with {done.returncode}:\n{done.stdout}{done.stderr}"

    def _run_suite(self, project: Path, scratch: Path) -> str:
        report = scratch / "report.xml"
        needless = ["-p", "no:cacheprovider", "-p", "no:schemathesis", "-p", "no:hypothesispytest"]
        options = ["-n0", "-x", "-q", *needless, f"--project={project}", f"--junitxml={report}"]
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *options, f"--basetemp={scratch / 'base'}", f"tests/{self.suite}"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=BOUND,
            check=False,
        )
        if done.returncode == 1 and _counts(report) == (1, 0):
            return ""
        return f"pytest ended with {done.returncode}:\n{done.stdout[-4000:]}{done.stderr[-2000:]}"


def _counts(report: Path) -> tuple[int, int]:
    """How many tests failed, and how many could not even be set up."""
    suite = ET.parse(report).getroot().find("testsuite")  # noqa: S314  pytest wrote it
    assert suite is not None
    return int(suite.attrib["failures"]), int(suite.attrib["errors"])


def read_mutations() -> list[Mutation]:
    """The list, in the order of the file."""
    entries = yaml.safe_load(Path(__file__).with_name("mutations.yml").read_text(encoding="utf-8"))
    return [Mutation.model_validate(entry) for entry in entries]
