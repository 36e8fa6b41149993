"""Changing one's mind: an update with new answers gives what a fresh copy would have given.

Here for the pairwise set; `make matrix` does the same for every variant (tools/updates.py).
"""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tools import updates
from tools.releases import NEXT, load_releases
from tools.render import commit_all, git, read_tree, render, update
from tools.updates import Pair, Renderings, Workshop, fast_updates
from tools.variants import Variant, find_pairwise

CHANGES = [
    *updates.neighbouring_pairs(find_pairwise()),
    *(Pair(before, after) for before, after in itertools.pairwise([*find_pairwise(), find_pairwise()[0]])),
]
PAIRS = [pytest.param(pair, id=f"{pair.before.id}-to-{pair.after.id}") for pair in dict.fromkeys(CHANGES)]


@pytest.fixture(scope="module")
def workshop(releases: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    """Copier's updates with renders from memory."""
    with Workshop(releases, tmp_path_factory.mktemp("workshop") / "project").open() as opened:
        yield opened


@pytest.fixture
def owned(tmp_path: Path, render_once: Callable[[Variant], Path]) -> Callable[[Variant], Path]:
    """Give a project into its owner's hands: a copy, committed to git."""

    def own(variant: Variant) -> Path:
        project = tmp_path / "project"
        shutil.copytree(render_once(variant), project)
        commit_all(project, "Start from the template")
        return project

    return own


@pytest.mark.parametrize("pair", PAIRS)
def test_new_answers_give_what_a_fresh_copy_gives(pair: Pair, workshop: Workshop) -> None:
    """Update(copy(A), answers of B) is copy(B), byte for byte, without trust.

    A is any of the pairwise set; B answers any one question differently, or is the next of the set.
    """
    assert workshop.try_pair(pair) == []


def test_every_release_becomes_this_version(variant: Variant, workshop: Workshop) -> None:
    """Update(copy(a release), HEAD) is copy(HEAD), byte for byte, however old the release is."""
    assert load_releases(), "without a release nothing is tried"
    for release in load_releases():
        assert workshop.try_pair(Pair(variant, variant, release.tag)) == []


def test_each_release_becomes_the_next(variant: Variant, workshop: Workshop, tmp_path: Path) -> None:
    """A project that takes every release is a fresh copy of each."""
    steps = [*(release.tag for release in load_releases()), NEXT]
    project = tmp_path / "project"
    updates.write(workshop.fresh(variant, steps[0]), project)
    commit_all(project, "Start from the template")
    for after in steps[1:]:
        update(project, ref=after)
        assert updates.differences(read_tree(project), workshop.fresh(variant, after)) == []
        commit_all(project, after)


def test_a_difference_is_found(
    workshop: Workshop, variants: tuple[Variant, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The counterpart of the equal pairs: a file more, one less, one changed; an update that leaves some behind."""
    project = workshop.project(variants[0], NEXT)
    wanted = read_tree(project)
    (project / "mine.txt").write_text("mine", "utf-8")
    (project / "LICENSE").unlink()
    (project / "Makefile").write_text("mine", "utf-8")
    found = updates.differences(read_tree(project), wanted)
    assert found == ["mine.txt: is left over", "LICENSE: is missing", "Makefile: differs"]
    monkeypatch.setattr("copier._main._remove_old_files", lambda *_: None)
    assert workshop.try_pair(Pair(variants[0], variants[-1])) != []


SAMPLES = [(0, -1), (-1, 0), (1, 0)]


@pytest.mark.parametrize("edited", [False, True], ids=["unedited", "edited"])
@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_renders_from_memory_make_no_difference(
    sample: tuple[int, int], variants: tuple[Variant, ...], tmp_path: Path, releases: Path, *, edited: bool
) -> None:
    """The bytes, the conflicts and the index are those of Copier left alone, also where an owner changed every file."""
    before, after = (variants[index] for index in sample)
    outcomes = []
    for way in ("plain", "fast"):
        project = tmp_path / way
        render(releases, project, before.answers, ref=NEXT)
        if edited:
            for path in (
                "Makefile",
                "README.md",
                "go.mod",
                ".env.example",
                "cmd/api/wire_gen.go",
                "docs/operations.md",
            ):
                lines = (project / path).read_text("utf-8").splitlines(keepends=True)
                lines[len(lines) // 2 :: 7] = [f"mine {line}" for line in lines[len(lines) // 2 :: 7]]
                (project / path).write_text("".join(lines), "utf-8")
            (project / "LICENSE").unlink()
        commit_all(project, "Start")
        if way == "plain":
            update(project, after.answers, ref=NEXT)
        else:
            with fast_updates(Renderings()):
                update(project, after.answers, ref=NEXT)
        outcomes.append(
            (read_tree(project), git(project, "ls-files", "--stage"), git(project, "status", "--porcelain"))
        )
    assert updates.differences(outcomes[1][0], outcomes[0][0]) == []
    assert outcomes[0][1:] == outcomes[1][1:]


def test_the_random_pairs_are_many_and_the_same_each_time(variants: tuple[Variant, ...]) -> None:
    """What was red can be tried again."""
    pairs = updates.random_pairs()
    assert pairs == updates.random_pairs()
    assert len(pairs) > min(updates.RANDOM_PAIRS, len(variants) ** 2) * 0.9
    assert all(pair.before != pair.after for pair in pairs)


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


@pytest.mark.parametrize(
    "names",
    [
        {"port": "9999"},
        {"license": "Apache-2.0", "owner": "Zoë"},
        {"module_path": "a.io/b"},
        {"project_name": "seat-map"},
        {"ci": "gitlab"},
        {"ci": "none"},
        {"k8s": False},
        {"registry": "registry.example.com/acme"},
        {"reviewers": "@acme/backend"},
        {"description": "Sells seats & more: now"},
    ],
)
def test_new_words_give_what_a_fresh_copy_gives(
    names: dict[str, Any],
    variants: tuple[Variant, ...],
    owned: Callable[[Variant], Path],
    template: Path,
    tmp_path: Path,
) -> None:
    """Names and texts can be changed later as well."""
    project = owned(variants[0])
    # Where images go was answered once, though the question would suggest another place for another module.
    stays = {"registry": yaml.safe_load((project / ".copier-answers.yml").read_text("utf-8"))["registry"]}
    update(project, names)
    render(template, tmp_path / "fresh", {**variants[0].answers, **stays, **names})
    assert updates.differences(read_tree(project), read_tree(tmp_path / "fresh")) == []
