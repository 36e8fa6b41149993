"""What the linter found out in one variant it knows in the next, and it is told nothing else that is untrue."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tools.checks import GO_CHECKS
from tools.linter import Linter, knowing_linter
from tools.render import commit_all

LINT = next(check for check in GO_CHECKS if check.lints)

pytestmark = pytest.mark.variants("echo-pgx")


@pytest.fixture
def project(rendered: Path, tmp_path: Path) -> Path:
    """A project of one's own, committed to git."""
    shutil.copytree(rendered, tmp_path / "project")
    commit_all(tmp_path / "project", "Render")
    return tmp_path / "project"


@pytest.fixture
def linter(project: Path, go_environment: dict[str, str]) -> Iterator[Linter]:
    """Its linter."""
    with knowing_linter(project, go_environment) as linter:
        yield linter


def say(command: list[str | Path], folder: Path, environment: Mapping[str, str]) -> str:
    """Return what a command prints on its standard output and error."""
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    return done.stdout + done.stderr


def test_other_modules_make_it_forget_nothing(project: Path, linter: Linter) -> None:
    """Go's commands see the change; the linter has nothing to analyze."""
    run: list[str | Path] = [linter.program, "run", "-v"]
    say(run, project, linter.environment)
    gomod = project / "go.mod"
    gomod.write_text(gomod.read_text("utf-8") + "\n// Another variant has other modules.\n", "utf-8")
    assert "analyzers took 0s" in say(run, project, linter.environment)


def test_a_mistake_is_found_in_what_changed(project: Path, go_environment: dict[str, str]) -> None:
    """Also after all was found well before."""
    assert not LINT.run(project, go_environment)
    config = project / "internal" / "config" / "config.go"
    config.write_text(config.read_text("utf-8") + "\nvar forgotten = 1\n", "utf-8")
    assert re.search(r"config\.go:\d+:\d+: .*forgotten", "\n".join(LINT.run(project, go_environment)))


def test_one_that_cannot_be_built_is_a_finding(project: Path, go_environment: dict[str, str]) -> None:
    """As any other: the matrix goes on with the next variant."""
    (project / "lint.mod").write_text("module lint\n", "utf-8")
    finding, reason = LINT.run(project, go_environment)
    assert "golangci-lint: exit code" in finding
    assert "golangci-lint" in reason


def test_go_itself_is_told_what_is_true(project: Path, linter: Linter) -> None:
    """The question of the linter alone has another answer: a go.mod of the same module and language."""
    told = Path(json.loads(say(["go", "env", "-json", "GOMOD"], project, linter.environment))["GOMOD"])
    true = Path(say(["go", "env", "GOMOD"], project, linter.environment).strip())
    assert true == project / "go.mod"
    first = true.read_text("utf-8").splitlines()
    assert told.read_text("utf-8").splitlines() == [first[0], first[2]]
    assert "github.com/jackc/pgx/v5" in say(["go", "list", "-m", "all"], project, linter.environment)
