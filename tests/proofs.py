"""The programs that a project's files are written for, or their own code that reads them: see tests/proof/main.go."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Once
from tools.questions import Questionnaire
from tools.render import Sketcher, Tree
from tools.variants import find_deliveries, find_variants

ACTIONLINT = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12"
WITHIN = 900.0
"""Seconds for the first build of a tool."""


def run(command: Iterable[object], folder: Path, env: Mapping[str, str] | None = None, text: str = "") -> str:
    """Run a program and return what it prints, or fail with what it says."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env=dict(env or os.environ),
        input=text,
        capture_output=True,
        text=True,
        check=False,
        timeout=WITHIN,
    )
    assert done.returncode == 0, f"{done.args}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def script(name: str) -> Path:
    """Return a program that came with the development requirements."""
    return Path(sys.prefix, "bin", name)


class Proof:
    """The Go program of tests/proof."""

    def __init__(self, program: Path) -> None:
        """Take the built program."""
        self._program = program

    def compose(self, folder: Path, variables: Mapping[str, str]) -> dict[str, Any]:
        """Load a folder's compose.yaml as Docker Compose does."""
        return self._ask("compose", folder, env=variables)

    def rules(self, files: Iterable[Path]) -> list[dict[str, Any]]:
        """Load rules as Prometheus does."""
        return self._ask("rules", *files)

    def queries(self, expressions: Iterable[str]) -> list[dict[str, Any]]:
        """Say what expressions ask for."""
        return self._ask("queries", text=json.dumps(list(expressions)))

    def alerts(self, cases: Path, files: Iterable[Path]) -> dict[str, list[str]]:
        """Say which alerts fire in each case."""
        return {case["name"]: case["fires"] for case in self._ask("alerts", cases, *files)}

    def _ask(self, *arguments: object, env: Mapping[str, str] | None = None, text: str = "") -> Any:
        return json.loads(run([self._program, *arguments], self._program.parent, env or {}, text))


def build_proof(folder: Path, environment: Mapping[str, str]) -> None:
    """Build the program of tests/proof into a folder."""
    folder.mkdir()
    run(["go", "build", "-o", folder / "proof", "."], Path(__file__).with_name("proof"), environment)


def install_actionlint(folder: Path, environment: Mapping[str, str]) -> None:
    """Install actionlint into a folder, and beside it the shellcheck that it uses."""
    folder.mkdir()
    run(["go", "install", ACTIONLINT], folder, {**environment, "GOBIN": str(folder)})
    shutil.copy(script("shellcheck"), folder / "shellcheck")


@pytest.fixture(scope="session")
def proof(once: Once, go_environment: dict[str, str]) -> Proof:
    """The built program of tests/proof."""
    return Proof(once("proof", lambda folder: build_proof(folder, go_environment)) / "proof")


@pytest.fixture(scope="session")
def actionlint(once: Once, go_environment: dict[str, str]) -> Path:
    """The folder with actionlint and shellcheck."""
    return once("actionlint", lambda folder: install_actionlint(folder, go_environment))


@pytest.fixture(scope="session")
def trees(questionnaire: Questionnaire, sketcher: Sketcher) -> dict[str, Tree]:
    """The files of every variant, and of every answer about delivery, by their ids."""
    every = (*find_variants(questionnaire), *find_deliveries(questionnaire))
    return {variant.id: sketcher.tree(variant.answers) for variant in every}


def distinct(trees: Mapping[str, Tree], prefix: str) -> dict[tuple[tuple[str, bytes], ...], str]:
    """Return the different sets of files below a prefix, each with the id of a variant that has it."""
    found: dict[tuple[tuple[str, bytes], ...], str] = {}
    for name, tree in trees.items():
        files = tuple((path, data) for path, (data, _) in tree.items() if path.startswith(prefix))
        found.setdefault(files, name)
    return {files: name for files, name in found.items() if files}


def lay_out(tree: Tree, folder: Path, *prefixes: str) -> Path:
    """Write those files of a tree that begin with a prefix, and return the folder."""
    for path, (data, _) in tree.items():
        if path.startswith(prefixes or ""):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(data)
    return folder
