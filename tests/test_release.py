"""A release keeps its promise to the projects of the one before, or is refused."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.small import COPIER_YML, make_template
from tools import release
from tools.questions import ROOT, load_questionnaire
from tools.releases import NEXT, ReleaseError, check_history, clone_with_tags, load_releases
from tools.render import commit_all, git

LAYERS = "core fiber echo ent pgx cached redis memory tiered jwt ent_jwt tracing metrics"
MIGRATION = "template/{{core}}/migrations/20260101000000_create_users.sql"
DAY = dt.date(2026, 12, 1)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small template that was released as 1.0.0, with something new since."""
    files = {
        "CHANGELOG.md": "# Changelog\n\n## Unreleased\n\n- All of it.\n",
        "releases.yml": "# The releases.\n[]\n",
        "tests/answers.yml": "accepted: {project_name: [parcel-desk, monitoring]}\n",
        MIGRATION: "CREATE TABLE users ();\n",
    }
    repository = make_template(tmp_path / "template", LAYERS, files)
    commit_all(repository, "First")
    assert release.problems("1.0.0", repository) == []
    release.release("1.0.0", repository, today=DAY)
    change(repository, "CHANGELOG.md", "## Unreleased\n", "## Unreleased\n\n- More of it.\n")
    return repository


def change(root: Path, path: str, old: str, new: str) -> None:
    """Commit a change of a text."""
    text = (root / path).read_text("utf-8")
    assert old in text
    (root / path).write_text(text.replace(old, new, 1), "utf-8")
    commit_all(root, f"Change {path}")


def test_a_release_is_a_commit_a_tag_and_what_is_kept(root: Path) -> None:
    """The tag names the commit that has the changelog and the answers; the list names it afterwards."""
    made = release.release("1.1.0", root, today=DAY)
    assert git(root, "rev-parse", "v1.1.0^{commit}").strip() == made.commit
    assert [each.version for each in load_releases(root)] == ["1.0.0", "1.1.0"]
    assert git(root, "status", "--porcelain") == ""
    released = git(root, "show", f"{made.commit}:CHANGELOG.md")
    assert (
        "## Unreleased\n\n## 1.1.0 (2026-12-01)\n\n- More of it.\n\n## 1.0.0 (2026-12-01)\n\n- All of it.\n" in released
    )
    files = {path.name: path.read_text("utf-8") for path in (root / release.KEPT / "v1.1.0").iterdir()}
    assert yaml.safe_load(files.pop(release.ACCEPTED)) == {"project_name": ["parcel-desk", "monitoring"]}
    kept = [yaml.safe_load(text) for text in files.values()]
    assert len(kept) > 4
    assert {answers["cache"] for answers in kept} == {"redis", "memory", "tiered", "none"}
    assert all(answers.keys() == {question.name for question in load_questionnaire(root).asked} for answers in kept)


FASTIDIOUS = "validator: \"{% if project_name == 'monitoring' %}Take another.{% endif %}\""

REFUSED = {
    "renamed": (("copier.yml", "licence: {type", "license: {type"), "question licence is gone"),
    "choice": (("copier.yml", "choices: [MIT, BSD]", "choices: [MIT]"), "choice BSD of licence is gone"),
    "type": (("copier.yml", "orm: {type: str", "orm: {type: yaml"), "another type of answer"),
    "default": (("copier.yml", "default: redis", "default: none"), "default of cache changed from redis to none"),
    "validator": (
        ("copier.yml", "project_name: {type: str", f"project_name: {{type: str, {FASTIDIOUS}"),
        "'monitoring'",
    ),
    "required": (("copier.yml", "core: {type", "colour: {type: str}\ncore: {type"), "colour is new and has no default"),
    "migration": ((MIGRATION, "users ()", "users (id int)"), "was released and has been edited"),
    "changelog": (("CHANGELOG.md", "- More of it.\n", ""), "says nothing below '## Unreleased'"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_broken_promise_is_refused(name: str, root: Path) -> None:
    """In a minor version; one line says what would happen."""
    assert release.problems("1.1.0", root) == []
    replacement, message = REFUSED[name]
    change(root, *replacement)
    found = release.problems("1.1.0", root)
    assert any(message in problem for problem in found), found


@pytest.mark.parametrize("version", ["1.0.0", "1.0.2", "1.2.0", "3.0.0", "1.1", "v1.1.0", "1.1.0-rc1"])
def test_a_version_that_does_not_come_next_is_refused(version: str, root: Path) -> None:
    """SemVer, one step at a time."""
    assert any("after 1.0.0 comes 2.0.0, 1.1.0 or 1.0.1" in problem for problem in release.problems(version, root))


def test_what_is_not_committed_is_refused(root: Path) -> None:
    """A release is a commit."""
    (root / "new.txt").write_text("new", "utf-8")
    assert any("not committed" in problem for problem in release.problems("1.1.0", root))


def test_a_tag_that_cannot_be_made_leaves_no_commit(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that exists is told before; one that cannot be signed takes the commit back."""
    before = git(root, "rev-parse", "HEAD")
    git(root, "tag", "v1.1.0")
    assert any("there is a tag v1.1.0 already" in problem for problem in release.problems("1.1.0", root))
    git(root, "tag", "--delete", "v1.1.0")
    for name, value in {"COUNT": "2", "KEY_0": "tag.gpgSign", "VALUE_0": "true", "KEY_1": "gpg.program"}.items():
        monkeypatch.setenv(f"GIT_CONFIG_{name}", value)
    monkeypatch.setenv("GIT_CONFIG_VALUE_1", "false")
    with pytest.raises(subprocess.CalledProcessError):
        release.release("1.1.0", root, today=DAY)
    assert git(root, "rev-parse", "HEAD") == before
    assert git(root, "status", "--porcelain") == ""
    assert release.problems("1.1.0", root) == []


def test_a_note_lets_a_default_change_and_a_major_version_lets_a_question_go(root: Path) -> None:
    """The note has to name the question. What comes after goes by the answers of that major version alone."""
    change(root, "copier.yml", "default: redis", "default: none")
    change(root, "CHANGELOG.md", "- More of it.", "- The default of `cache` is none now.")
    assert release.problems("1.1.0", root) == []
    change(root, "copier.yml", "licence: {type: str, choices: [MIT, BSD], default: MIT}\n", "")
    assert release.problems("1.1.0", root) != []
    assert [problem.split(",")[0] for problem in release.problems("2.0.0", root)] == ["the question licence is gone"]
    change(root, "CHANGELOG.md", "is none now.", "is none now, and `licence` is gone.")
    assert release.problems("2.0.0", root) == []
    release.release("2.0.0", root, today=DAY)
    change(root, "CHANGELOG.md", "## Unreleased\n", "## Unreleased\n\n- More of it.\n")
    assert release.problems("2.1.0", root) == []
    change(root, "copier.yml", "project_name: {type: str", f"project_name: {{type: str, {FASTIDIOUS}")
    assert any("'monitoring'" in problem for problem in release.problems("2.1.0", root))


def test_a_new_migration_comes_after_those_that_were_released(root: Path) -> None:
    """So that a database runs them in the order in which they were written."""
    early = root / "template" / "{{jwt}}" / "migrations" / "20250101000000_early.sql"
    early.parent.mkdir()
    early.write_text("SELECT 1;\n", "utf-8")
    commit_all(root, "Early")
    assert any("has a lower number" in problem for problem in release.problems("1.1.0", root))
    early.rename(early.with_name("20270101000000_late.sql"))
    commit_all(root, "Late")
    assert release.problems("1.1.0", root) == []


def test_a_clone_has_the_tags_of_the_list(root: Path, tmp_path: Path) -> None:
    """Also where the repository has none: the list and the history are enough."""
    git(root, "tag", "--delete", "v1.0.0")
    change(root, "template/{{core}}/core.txt", "core", "more core")
    clone_with_tags(tmp_path / "clone", root)
    assert git(tmp_path / "clone", "tag").split() == ["v1.0.0", NEXT]
    assert git(tmp_path / "clone", "show", "v1.0.0:template/{{core}}/core.txt") == "core\n"
    assert git(tmp_path / "clone", "show", f"{NEXT}:template/{{{{core}}}}/core.txt") == "more core\n"


def test_a_release_is_found_from_a_merge(root: Path, tmp_path: Path) -> None:
    """Also by its second parent, and where no branch is checked out, as continuous integration has it."""
    git(root, "checkout", "--quiet", "-b", "other", "HEAD~3")
    change(root, "template/{{core}}/core.txt", "core", "more core")
    assert load_releases(root) == ()
    git(root, "merge", "--quiet", "--no-edit", "main")
    git(root, "tag", "--delete", "v1.0.0")
    git(root, "checkout", "--quiet", "--detach")
    clone_with_tags(tmp_path / "clone", root)
    assert git(tmp_path / "clone", "show", "v1.0.0:template/{{core}}/core.txt") == "core\n"
    assert git(tmp_path / "clone", "show", f"{NEXT}:template/{{{{core}}}}/core.txt") == "more core\n"
    assert release.problems("1.1.0", root) == []


def test_a_checkout_of_another_user_is_as_good(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a container the files belong to somebody else, which git refuses unless told otherwise; then it says so."""
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    clone_with_tags(tmp_path / "clone", root)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    with pytest.raises(ReleaseError, match="dubious ownership"):
        clone_with_tags(tmp_path / "other", root)


def test_a_checkout_without_its_history_says_so(root: Path, tmp_path: Path) -> None:
    """Nobody believes that updates were tried when the releases were not there."""
    subprocess.run(["git", "clone", "--quiet", "--depth=1", f"file://{root}", str(tmp_path / "shallow")], check=True)
    with pytest.raises(ReleaseError, match="fetch-depth: 0"):
        clone_with_tags(tmp_path / "clone", tmp_path / "shallow")
    git(root, "checkout", "--quiet", "--orphan", "other")
    git(root, "commit", "--quiet", "--message=Other")
    with pytest.raises(ReleaseError, match="no ancestor of HEAD: merge"):
        check_history(load_releases(root), root)


@pytest.mark.parametrize("versions", [["1.1.0", "1.0.0"], ["1.0.0", "1.0.0"], ["1.0"]])
def test_a_list_out_of_order_is_refused(versions: list[str], tmp_path: Path) -> None:
    """Oldest first, each once, three numbers."""
    text = "".join(f"- {{version: '{version}', commit: abc}}\n" for version in versions)
    (tmp_path / "releases.yml").write_text(text, "utf-8")
    with pytest.raises((ReleaseError, ValueError)):
        load_releases(tmp_path)


def test_the_template_keeps_its_promises() -> None:
    """Between releases as well: released migrations are as they were, and answers of their major version accepted."""
    assert list(release.migration_problems(ROOT)) == []
    releases = load_releases()
    major = releases[-1].version.partition(".")[0]
    assert list(release.answer_problems(ROOT, load_questionnaire(), major)) == []
    for each in releases:
        assert list((ROOT / release.KEPT / each.tag).glob("*.yml")), f"the answers of {each.version} are not kept"


def test_the_small_template_asks_what_the_tests_change() -> None:
    """A guard for the table above: a typing error there would refuse nothing."""
    for (path, old, _), _ in REFUSED.values():
        assert path != "copier.yml" or COPIER_YML.count(old) == 1, old
