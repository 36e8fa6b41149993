"""Changing one's mind: an update with new answers gives what a fresh copy would have given."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tools.render import commit_all, git, read_tree, update
from tools.variants import Variant, find_neighbours, find_pairwise

CHANGES = [
    *((before, after) for before in find_pairwise() for after in find_neighbours(before)),
    *itertools.pairwise([*find_pairwise(), find_pairwise()[0]]),
]
PAIRS = [pytest.param(a, b, id=f"{a.id}-to-{b.id}") for a, b in dict.fromkeys(CHANGES)]


@pytest.fixture
def owned(tmp_path: Path, render_once: Callable[[Variant], Path]) -> Callable[[Variant], Path]:
    """Give a project into its owner's hands: a copy, committed to git."""

    def own(variant: Variant) -> Path:
        project = tmp_path / "project"
        shutil.copytree(render_once(variant), project)
        commit_all(project, "Start from the template")
        return project

    return own


@pytest.mark.parametrize(("before", "after"), PAIRS)
def test_new_answers_give_what_a_fresh_copy_gives(
    before: Variant,
    after: Variant,
    owned: Callable[[Variant], Path],
    render_once: Callable[[Variant], Path],
) -> None:
    """Update(copy(A), answers of B) is copy(B), byte for byte, without trust.

    A is any of the pairwise set; B answers any one question differently, or is any other of the set.
    """
    project = owned(before)
    update(project, after.answers)
    assert read_tree(project) == read_tree(render_once(after))
    assert git(project, "ls-files", "--unmerged") == ""
    assert list(project.rglob("*.rej")) == []


def test_an_update_without_news_changes_nothing(variant: Variant, owned: Callable[[Variant], Path]) -> None:
    """`git status` stays clean, so an owner can update at any time to see whether there is news."""
    project = owned(variant)
    update(project)
    assert git(project, "status", "--porcelain") == ""


def test_there_and_back_again(variants: tuple[Variant, ...], owned: Callable[[Variant], Path]) -> None:
    """Two changes of mind that undo each other leave no trace."""
    first, last = variants[0], variants[-1]
    project = owned(first)
    update(project, last.answers)
    commit_all(project, "Change my mind")
    update(project, first.answers)
    commit_all(project, "Change it back")
    assert git(project, "diff", "--stat", "HEAD~2", "HEAD") == ""


def test_a_file_of_the_owner_survives_a_change_of_mind(
    variants: tuple[Variant, ...], owned: Callable[[Variant], Path]
) -> None:
    """What the template did not bring it does not take, and an edit of a managed file is kept."""
    project = owned(variants[0])
    (project / "internal" / "domain" / "parcel").mkdir(parents=True)
    (project / "internal" / "domain" / "parcel" / "parcel.go").write_text("package parcel\n", "utf-8")
    makefile = project / "Makefile"
    makefile.write_text(makefile.read_text("utf-8") + "\n.PHONY: mine\nmine:\n\t@echo mine\n", "utf-8")
    commit_all(project, "Mine")
    update(project, variants[-1].answers)
    assert (project / "internal" / "domain" / "parcel" / "parcel.go").read_text("utf-8") == "package parcel\n"
    assert makefile.read_text("utf-8").endswith("mine:\n\t@echo mine\n")
    assert git(project, "ls-files", "--unmerged") == ""
