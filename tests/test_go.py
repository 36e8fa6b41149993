"""Variants build, are formatted, linted and tested, and their generators have nothing left to do.

These are the pairwise set and every single deviation from the default; `make matrix` has all variants.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from filelock import FileLock

from tests.conftest import Once, named
from tools import checks
from tools.checks import GO_CHECKS, GoCheck
from tools.questions import Questionnaire
from tools.render import commit_all, render
from tools.variants import Variant, layers_on

MODULE_PATHS = {
    "a.io/b": "fiber-ent",
    "codeberg.org/some-one/x": "echo-pgx",
    "corp.example/team/svc/v2": "echo-ent",
    "z.example/zoo": "fiber-pgx",
}
"""Paths that sort before, between and after those of other modules, each with the variant that it is tried on."""

MODULES_OF_LAYERS = {
    "billed": ("github.com/riverqueue/", "github.com/stripe/"),
    "echo": ("github.com/labstack/echo/",),
    "ent": ("entgo.io/",),
    "fiber": ("github.com/gofiber/", "github.com/valyala/fasthttp"),
    "jwt": ("github.com/golang-jwt/",),
    "memory": ("github.com/maypok86/otter/",),
    "metrics": ("github.com/prometheus/",),
    "redis": ("github.com/redis/",),
    "tracing": ("github.com/exaring/otelpgx", "go.opentelemetry.io/"),
}
"""What the paths of the modules begin with that an option brings into the programs, by its layer."""


@pytest.fixture(scope="session")
def workshop(once: Once, variant: Variant, rendered: Path) -> Path:
    """A copy of the variant, committed to git, that the checks of Go work in one after the other."""

    def make(folder: Path) -> None:
        shutil.copytree(rendered, folder)
        commit_all(folder, "Render")

    return once(f"{variant.id}-workshop", make)


BY_NAME = {check.name: check for check in GO_CHECKS}
LINT, UNIT = BY_NAME["lint"], BY_NAME["test"]
RACE = GoCheck(name="race", command=("make", "test"))


def test_a_fresh_project_is_lint_clean(workshop: Path, go_environment: dict[str, str]) -> None:
    """On the pairwise set, as linting takes longest; `make matrix` lints all variants."""
    with FileLock(workshop.with_suffix(".lock")):
        findings = LINT.run(workshop, go_environment)
    assert not findings, "\n".join(findings)


@pytest.mark.variants("covering")
@pytest.mark.parametrize(
    "check", [check for check in GO_CHECKS if check not in {LINT, UNIT}], ids=lambda check: check.name
)
def test_a_fresh_project_passes(check: GoCheck, workshop: Path, go_environment: dict[str, str]) -> None:
    """The checks that its owner and their CI would run, in a project nobody has touched."""
    with FileLock(workshop.with_suffix(".lock")):  # a generator must not write while another worker's linter reads
        findings = check.run(workshop, go_environment)
    assert not findings, "\n".join(findings)


def test_the_programs_have_the_modules_of_their_options_and_no_other(
    variant: Variant, rendered: Path, questionnaire: Questionnaire, go_environment: dict[str, str]
) -> None:
    """Nothing of what is off is linked, not even by way of another module; what is on shows that the names hold."""
    modules = linked_modules(rendered, go_environment)
    brought = [(layer, prefix) for layer, prefixes in MODULES_OF_LAYERS.items() for prefix in prefixes]
    linked = {(layer, prefix) for layer, prefix in brought if any(each.startswith(prefix) for each in modules)}
    assert linked == {(layer, prefix) for layer, prefix in brought if layer in layers_on(questionnaire, variant)}


def linked_modules(project: Path, environment: dict[str, str]) -> set[str]:
    """Return the paths of the modules that the programs of a project are built of."""
    command = ["go", "list", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", "./cmd/..."]
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.variants("deviations")
def test_the_unit_tests_of_a_fresh_project_pass(workshop: Path, go_environment: dict[str, str]) -> None:
    """Those of the pairwise set run with the integration tests and the race detector in test_service_own_tests.py."""
    with FileLock(workshop.with_suffix(".lock")):
        findings = UNIT.run(workshop, go_environment)
    assert not findings, "\n".join(findings)


@pytest.mark.variants("echo-pgx")
def test_make_test_passes(workshop: Path, go_environment: dict[str, str]) -> None:
    """The unit tests alone, as an owner runs them, with the race detector."""
    with FileLock(workshop.with_suffix(".lock")):
        findings = RACE.run(workshop, go_environment)
    assert not findings, "\n".join(findings)


@pytest.mark.parametrize("path", MODULE_PATHS)
def test_any_module_path_will_do(path: str, template: Path, tmp_path: Path, go_environment: dict[str, str]) -> None:
    """Imports are sorted, modules are tidy and generators silent, wherever the path falls in the alphabet."""
    (variant,) = named(MODULE_PATHS[path])
    project = tmp_path / "project"
    render(template, project, {**variant.answers, "module_path": path})
    commit_all(project, "Render")
    for check in GO_CHECKS:
        if check.name in checks.ANY_MODULE_PATH:
            findings = check.run(project, go_environment)
            assert not findings, "\n".join(findings)


def test_a_check_can_fail(tmp_path: Path, go_environment: dict[str, str]) -> None:
    """Badly formatted code, a wrong exit code and a changed file are each seen."""
    (tmp_path / "main.go").write_text("package main\nfunc main( ) {}\n", "utf-8")
    commit_all(tmp_path, "Untidy")
    assert BY_NAME["gofmt"].run(tmp_path, go_environment)
    assert GoCheck(name="exit", command=("false",)).run(tmp_path, go_environment)
    assert not GoCheck(name="fine", command=("true",), silent=True, settled=True).run(tmp_path, go_environment)
    touch = ("sh", "-c", "echo >> main.go")
    assert GoCheck(name="settled", command=touch, settled=True).run(tmp_path, go_environment)
