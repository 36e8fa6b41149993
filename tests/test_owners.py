"""Nothing of the owner's is lost: scripted owners edit a project, take every release and change their minds.

`tests/owners/NAME.yml` says what an owner does, `NAME.conflicts` which files are in conflict then, and at which step. A
conflict that is new is a finding: agree on it by `--record`, or make the template or the edit easier to merge.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.owner import OWNERS, Owner, conflicts, load_owner, resolve
from tests.quick_copier import quick_copier
from tools.ownership import kind_of
from tools.releases import NEXT, load_releases
from tools.render import Tree, commit_all, git, read_tree, render
from tools.variants import choose_variant

NAMES = sorted(path.stem for path in OWNERS.glob("*.yml"))
TOUCHED = "v1000.0.0"
"""A release that changes every file of the template; see `touched`."""

COMMENTS = {".go": "// Touched.\n", ".sql": "-- Touched.\n", ".html": "<!-- Touched. -->\n"}

TOUCHED_AS_WELL = {"internal/config/config.go": ('"SERVER_READ_TIMEOUT"        envDefault:"10s"', "10s", "20s")}
"""What that release changes in a line that owners changed, too: a text, and what becomes of a part of it."""


def tags() -> list[str]:
    """Return every version, oldest first."""
    return [*(release.tag for release in load_releases()), NEXT]


@pytest.fixture(scope="session")
def touched(releases: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template with one version more, in which every file has a line more below its first and one at its end.

    Away from where owners edit, so that a conflict is one only where both sides have changed the same line.
    """
    template = tmp_path_factory.mktemp("touched") / "template"
    shutil.copytree(releases, template)
    for path in (template / "template").rglob("*"):
        rendered = Path(*path.relative_to(template / "template").parts[1:]).as_posix().removesuffix(".jinja")
        if path.is_file() and kind_of(rendered) in {"managed", "seed"} and "answers_file" not in path.name:
            text = path.read_text("utf-8")
            if rendered in TOUCHED_AS_WELL:
                line, old, new = TOUCHED_AS_WELL[rendered]
                assert line in text, f"{rendered} has no {line!r}"
                text = text.replace(line, line.replace(old, new))
            first, *rest = text.splitlines(keepends=True)
            comment = COMMENTS.get(Path(rendered).suffix, "# Touched.\n")
            path.write_text("".join([first, comment, *rest, comment]), "utf-8")
    commit_all(template, "Touch everything")
    git(template, "tag", TOUCHED)
    return template


@pytest.fixture(scope="module", autouse=True)
def _copier() -> Iterator[None]:
    """Let the update script find a Copier that renders from memory."""
    with quick_copier() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
        yield


def run_update(project: Path, *arguments: str) -> int:
    """Run the update script of a project and return its exit code, which has to be that of a done update."""
    command = ["sh", "scripts/template/update.sh", "update", *arguments]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 3), done.stdout + done.stderr
    assert (done.returncode == 3) == bool(conflicts(project)), done.stdout
    return done.returncode


def steps(owner: Owner, project: Path, versions: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Update to each version and each answer, yielding the step and its conflicts before they are resolved."""
    excused: list[str] = []
    for name, arguments in (
        *((f"to {tag}", ["--to", tag]) for tag in versions),
        *((answer, ["--data", answer]) for answer in owner.then),
    ):
        run_update(project, *arguments)
        found = conflicts(project)
        assert owner.lost(project, excused) == [], name
        yield name, found
        excused += resolve(project)
        commit_all(project, name)


def agree(owner: str, case: str, found: list[str], *, record: bool) -> None:
    """Compare conflicts with those that were agreed on."""
    path = OWNERS / f"{owner}.conflicts"
    agreed = path.read_text("utf-8").splitlines() if path.exists() else []
    if record:
        others = [line for line in agreed if not line.startswith(f"{case}: ")]
        path.write_text("".join(f"{line}\n" for line in sorted([*others, *found])), "utf-8")
    else:
        assert found == [line for line in agreed if line.startswith(f"{case}: ")]
    kinds = {kind_of(line.split(": ")[-1]) for line in found}
    assert kinds <= {"managed"}, "locks, generated code and seeds are never in conflict"


def begin(owner: Owner, template: Path, project: Path) -> None:
    """Render what the owner began with: the first version there is."""
    render(template, project, choose_variant(owner.variant).answers, ref=tags()[0])
    commit_all(project, "Start from the template")


@pytest.mark.parametrize("name", NAMES)
def test_every_edit_is_there_or_in_a_conflict_and_the_service_builds(
    name: str, releases: Path, tmp_path: Path, go_environment: dict[str, str], request: pytest.FixtureRequest
) -> None:
    """Through all releases and changes of mind; then `make sync`, and the project builds and passes its tests."""
    owner, project = load_owner(name), tmp_path / "project"
    begin(owner, releases, project)
    owner.edit(project)
    owner.get_modules(project, go_environment)
    found = [f"chain: {step}: {path}" for step, paths in steps(owner, project, tags()[1:]) for path in paths]
    agree(name, "chain", found, record=request.config.getoption("--record"))
    if not owner.get:
        return
    for command in (["make", "sync"], ["go", "mod", "tidy", "-diff"], ["go", "vet", "./..."], ["go", "test", "./..."]):
        done = subprocess.run(command, cwd=project, env=go_environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"[-6000:]
    for module in owner.get:
        assert module.partition("@")[0] in (project / "go.mod").read_text("utf-8")
    if owner.leaves:
        leave(project, go_environment)


def leave(project: Path, environment: dict[str, str]) -> None:
    """Leave the template for good: the project stands alone, and names it but in an include that may be missing."""
    commit_all(project, "Sync")
    subprocess.run(["sh", "scripts/template/update.sh", "leave"], cwd=project, capture_output=True, check=True)
    commit_all(project, "Leave the template")
    for command in (["make", "help"], ["make", "--dry-run", "sync"], ["go", "vet", "./..."]):
        done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"[-6000:]
    assert git(project, "status", "--porcelain") == ""
    named = subprocess.run(
        ["git", "grep", "-liE", "copier|scripts/template"], cwd=project, capture_output=True, text=True, check=False
    )
    assert named.stdout.splitlines() == ["Makefile"]


@pytest.mark.parametrize("name", NAMES)
def test_a_release_that_changes_every_file_loses_nothing(
    name: str, touched: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """The worst of releases: edits are kept, or shown; deleted files stay deleted; edited seeds know nothing of it."""
    owner, project = load_owner(name), tmp_path / "project"
    before = begin_and_edit(owner, touched, project)
    run_update(project, "--to", TOUCHED)
    agree(
        name,
        "touched",
        [f"touched: {path}" for path in conflicts(project)],
        record=request.config.getoption("--record"),
    )
    assert losses(owner, project, before) == []
    for path, file in read_tree(project).items():
        if kind_of(path) == "managed" and path in before and path not in owner.add and path != ".copier-answers.yml":
            assert b"Touched." in file[0], path


def begin_and_edit(owner: Owner, template: Path, project: Path) -> Tree:
    """Render the template as it stands on disk, let the owner edit it, and return what the project is then."""
    render(template, project, choose_variant(owner.variant).answers, ref=NEXT)
    commit_all(project, "Start from the template")
    owner.edit(project)
    return read_tree(project)


def losses(owner: Owner, project: Path, before: Tree) -> list[str]:
    """Return the edits that are gone, and the seeds that were edited before and are not as they were."""
    after = read_tree(project)
    seeds = sorted({path for path, _ in owner.edits if kind_of(path) == "seed"})
    return owner.lost(project) + [f"{path}: was touched" for path in seeds if after.get(path) != before[path]]


FORGETFUL = {
    "keep_seeds": ("shop", ["--to", TOUCHED]),
    "keep_deleted": ("pruner", ["--to", TOUCHED]),
    "keep_edited": ("shop", ["--data", "auth=none"]),
}
"""Functions of the update script, each with the owner who notices, and at which update, when it does nothing."""


@pytest.mark.parametrize("function", FORGETFUL)
def test_an_update_script_that_forgets_is_noticed(function: str, touched: Path, tmp_path: Path) -> None:
    """The counterpart of the owners who lose nothing."""
    name, arguments = FORGETFUL[function]
    owner, project = load_owner(name), tmp_path / "project"
    before = begin_and_edit(owner, touched, project)
    script = project / "scripts/template/update.sh"
    call = f"\n\t{function}\n"
    assert script.read_text("utf-8").count(call) == 1
    script.write_text(script.read_text("utf-8").replace(call, "\n"), "utf-8")
    commit_all(project, "Forget")
    run_update(project, *arguments)
    assert losses(owner, project, before) != []


def test_an_edit_that_is_gone_is_noticed(releases: Path, tmp_path: Path) -> None:
    """Nor is an edit in place before it was made."""
    owner, project = load_owner("shop"), tmp_path / "project"
    begin(owner, releases, project)
    assert len(owner.lost(project)) == len(owner.edits)
    owner.edit(project)
    assert owner.lost(project) == []
    (project / "Makefile").unlink()
    assert owner.lost(project) != []
