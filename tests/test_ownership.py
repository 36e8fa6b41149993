"""Whose a file is stands in one list, and everything else agrees with it."""

from __future__ import annotations

import fnmatch
from pathlib import Path

import pytest
from pathspec import PathSpec

from tools import ownership
from tools.ownership import OWNERSHIP, kind_of, read_rules
from tools.questions import Questionnaire
from tools.regen import is_generated
from tools.render import Sketcher
from tools.variants import Variant


@pytest.fixture(scope="module")
def trees(variants: tuple[Variant, ...], sketcher: Sketcher) -> dict[str, tuple[set[str], str]]:
    """The paths of every variant and its own list, by the variant's id."""
    sketched = {variant.id: sketcher.tree(variant.answers) for variant in variants}
    return {name: (set(tree), tree[OWNERSHIP][0].decode()) for name, tree in sketched.items()}


def test_the_list_of_a_project_and_that_of_the_template_agree(trees: dict[str, tuple[set[str], str]]) -> None:
    """A variant's list leaves lines out that fit none of its files, so that each file has one kind everywhere."""
    for name, (paths, text) in trees.items():
        rules = read_rules(text)
        assert [path for path in paths if kind_of(path, rules) != kind_of(path)] == [], name


def test_every_line_of_the_list_is_needed(trees: dict[str, tuple[set[str], str]]) -> None:
    """A pattern that fits nothing is a typing error, or a leftover."""
    paths = set().union(*(paths for paths, _ in trees.values()))
    idle = [rule for rule in ownership.template_rules() if not any(fnmatch.fnmatchcase(p, rule.pattern) for p in paths)]
    assert idle == []


def test_what_generators_write_is_generated_or_lock(trees: dict[str, tuple[set[str], str]]) -> None:
    """And nothing else is: an update replaces it, and `make sync` could not bring back what people wrote."""
    for path in set().union(*(paths for paths, _ in trees.values())):
        assert is_generated(path) == (kind_of(path) in {"generated", "lock"}), path


def test_copier_replaces_what_is_generated(
    trees: dict[str, tuple[set[str], str]], questionnaire: Questionnaire
) -> None:
    """`_skip_if_exists` means generated files and go.sum, whenever Copier is not rendering, and nothing while it is."""
    environment = questionnaire.environment()
    patterns = [environment.from_string(text) for text in questionnaire.settings["_skip_if_exists"]]
    merging = PathSpec.from_lines("gitignore", [each.render(_copier_phase="undefined") for each in patterns])
    rendering = PathSpec.from_lines("gitignore", [each.render(_copier_phase="render") for each in patterns])
    for path in set().union(*(paths for paths, _ in trees.values())):
        assert merging.match_file(path) == (kind_of(path) == "generated" or path == "go.sum"), path
        assert not rendering.match_file(path), path


def test_the_table_of_the_docs_is_current() -> None:
    """`make docs` makes it."""
    assert ownership.PAGE.read_text("utf-8") == ownership.page()
    assert {".gitlab-ci.yml", "CODEOWNERS"} < ownership.paths_of_all()


def test_a_seed_and_generated_code_say_what_they_are(rendered: Path) -> None:
    """Generated Go says so in the words that tools look for; the list explains all kinds."""
    for path in sorted(rendered.rglob("*.go")):
        if kind_of(path.relative_to(rendered).as_posix()) == "generated":
            assert "DO NOT EDIT" in path.read_text("utf-8")[:400], path
    explained = (rendered / OWNERSHIP).read_text("utf-8").partition("\nseed")[0]
    assert all(f"#   {kind} " in explained for kind in ownership.KINDS)


@pytest.mark.parametrize("line", ["sead README.md", "seed", "README.md"])
def test_a_line_that_is_none_is_refused(line: str) -> None:
    """Or a file would be managed that nobody meant to be."""
    with pytest.raises(ValueError, match="is no kind"):
        read_rules(f"seed LICENSE\n{line}\n")
