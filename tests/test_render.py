"""Rendering: without trust, the same bytes each time, nothing of the template or of other options left."""

from __future__ import annotations

import math
import re
import shutil
from pathlib import Path

import pytest
import yaml
from pytest_copie.plugin import Copie

from tools import checks, golden
from tools.questions import Questionnaire, load_questionnaire
from tools.render import Sketcher, commit_all, git, read_tree, render
from tools.variants import Variant, find_axes, find_layers, find_variants, layers_on

TABLE = yaml.safe_load(Path(__file__).with_name("answers.yml").read_text("utf-8"))


def test_the_template_has_nothing_that_asks_for_trust(questionnaire: Questionnaire) -> None:
    """Once a version of the template needs trust, every later update asks for it."""
    assert not {"_tasks", "_migrations", "_jinja_extensions"} & set(questionnaire.settings)


def test_every_layer_has_a_folder_a_question_and_words(questionnaire: Questionnaire) -> None:
    """A layer that nothing switches would never be rendered; one without words could leak unseen."""
    layers = set(find_layers(questionnaire))
    assert layers <= {question.name for question in questionnaire.hidden}
    assert layers - {"core"} == {layer for key in checks.words_of_layers() for layer in checks.layers_of(key)}


def test_the_variants_are_all_combinations_of_the_axes() -> None:
    """A new choice becomes a variant by itself; the defaults come first."""
    axes = find_axes(load_questionnaire())
    ids = [variant.id for variant in find_variants()]
    assert ids[0].startswith("fiber-ent")
    assert ids[-1].startswith("echo-pgx")
    assert len(ids) == len(set(ids)) == math.prod(len(axis.values) for axis in axes)


def test_it_renders_the_same_bytes_twice(variant: Variant, rendered: Path, template: Path, tmp_path: Path) -> None:
    """Same answers, same bytes."""
    render(template, tmp_path / "again", variant.answers)
    assert read_tree(tmp_path / "again") == read_tree(rendered)


def test_it_renders_the_same_bytes_when_answers_are_defaults(
    variant: Variant, rendered: Path, template: Path, copie: Copie
) -> None:
    """pytest-copie gives the answers as a person's defaults: no default of ours overrides them."""
    result = copie.copy(extra_answers=variant.answers, template_dir=template)
    assert result.exception is None
    assert result.project_dir is not None
    assert read_tree(result.project_dir) == read_tree(rendered)


@pytest.mark.variants("all", "delivery")
def test_a_sketch_is_what_copier_renders(variant: Variant, rendered: Path, sketcher: Sketcher) -> None:
    """So `make regen` and tests that compare all variants may use sketches, which take no time."""
    tree = read_tree(rendered)
    del tree[".copier-answers.yml"]
    assert sketcher.tree(variant.answers) == tree


@pytest.mark.variants("all", "delivery")
def test_nothing_of_jinja_is_left(rendered: Path) -> None:
    """No tag, expression or condition survives in a path or text."""
    assert checks.jinja_left(rendered) == []


@pytest.mark.variants("all", "delivery")
def test_an_unselected_option_leaves_no_word_behind(variant: Variant, rendered: Path) -> None:
    """Words of every option that is off occur in no file of the render, go.sum included."""
    assert checks.foreign_words(rendered, variant) == []


@pytest.mark.variants("all", "delivery")
def test_a_selected_option_leaves_its_words(variant: Variant, rendered: Path, questionnaire: Questionnaire) -> None:
    """The counterpart of the test above: the words do find the option where it is on, so they can fail."""
    seen = {word.layer for _, word in checks.words_of(rendered)}
    on = set(layers_on(questionnaire, variant))
    wordy = {key for key, words in checks.words_of_layers().items() if words and on & set(checks.layers_of(key))}
    assert wordy <= seen


@pytest.mark.variants("fiber-ent")
def test_a_clone_has_the_bytes_of_the_render(rendered: Path, tmp_path: Path) -> None:
    """Also where git is set up as on Windows; a picture of the owner keeps its bytes."""
    project = tmp_path / "project"
    shutil.copytree(rendered, project)
    (project / "logo.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\r\n\n")
    (project / "hello.sh").write_bytes(b"echo hello\r\n")
    commit_all(project, "Start from the template")
    git(tmp_path, "clone", "--quiet", "--config=core.autocrlf=true", str(project), "clone")
    assert read_tree(tmp_path / "clone") == read_tree(project) | {"hello.sh": (b"echo hello\n", False)}


@pytest.mark.variants("all", "delivery")
def test_blocks_of_pages_stand_apart(rendered: Path) -> None:
    """A condition swallows the empty line after it, and then a text is the last row of the table above it."""
    pages = [path for path in checks.files_of(rendered) if path.suffix == ".md"]
    assert pages
    found = {path: checks.joined_blocks((rendered / path).read_text("utf-8")) for path in pages}
    assert {path: problems for path, problems in found.items() if problems} == {}


def test_blocks_that_are_joined_are_found() -> None:
    """The counterpart: text below a table, a heading or a fence, any of them below text; not what is in a fence."""
    good = "# A\n\na\nb\n\n| t |\n|---|\n| 1 |\n\n```sh\n# a\n| b\n```\n\n- a\n\n## B\n"
    assert checks.joined_blocks(good) == ()
    for text in ("| 1 |\na", "a\n| 1 |", "# A\na", "a\n# A", "a\n```sh\n```", "```sh\n```\na", "```sh\n```\n# A"):
        assert len(checks.joined_blocks(text)) == 1, text


def test_the_files_are_those_agreed_on() -> None:
    """tests/golden lists what the base has and what each option does to it; `make regen` accepts a change."""
    assert golden.compare(golden.golden_lists()) == []


def test_a_check_of_the_lists_changes_none(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """`make regen CHECK=1` says what differs."""
    agreed = {path.name: path.read_text("utf-8") for path in golden.GOLDEN.iterdir()}
    monkeypatch.setattr(golden, "golden_lists", lambda: agreed | {"base.files": agreed["base.files"] + "new.go\n"})
    assert golden.main(["--check"]) == 1
    assert capsys.readouterr().out == "base.files: new: new.go; make regen accepts it\n"
    assert {path.name: path.read_text("utf-8") for path in golden.GOLDEN.iterdir()} == agreed
    monkeypatch.setattr(golden, "golden_lists", lambda: agreed)
    assert golden.main(["--check"]) == 0


def test_a_footprint_that_was_not_agreed_on_is_told(tmp_path: Path) -> None:
    """The counterpart: a file that came, one that went, an option that nobody knows."""
    lists = {"base.files": "Dockerfile\nMakefile\n", "echo.files": "+ router.go\n"}
    for name, text in lists.items():
        (tmp_path / name).write_text(text, "utf-8")
    assert golden.compare(lists, tmp_path) == []
    base = tmp_path / "base.files"
    base.write_text(base.read_text("utf-8").replace("Makefile\n", "Makefile.old\n"), "utf-8")
    (tmp_path / "gorm.files").write_text("+ gorm.go\n", "utf-8")
    assert golden.compare(lists, tmp_path) == [
        "base.files: new: Makefile; make regen accepts it",
        "base.files: gone: Makefile.old; make regen accepts that",
        "gorm.files: gone: + gorm.go; make regen accepts that",
    ]


def test_a_variable_of_an_option_that_is_off_occurs_nowhere(variants: tuple[Variant, ...], sketcher: Sketcher) -> None:
    """In every variant, no file names a variable of the environment that this variant's documents do not have."""
    word = re.compile(rb"\b[A-Z][A-Z0-9]*_[A-Z0-9_]+\b")
    trees = {variant.id: sketcher.tree(variant.answers) for variant in variants}
    documents = (".env.example", "docs/configuration.md")
    known = {name: set(word.findall(b"\n".join(tree[path][0] for path in documents))) for name, tree in trees.items()}
    everywhere = set.union(*known.values())
    words = {data: set(word.findall(data)) & everywhere for tree in trees.values() for data, _ in tree.values()}
    leaks = {
        f"{path}: {variable.decode()}, in {name}"
        for name, tree in trees.items()
        for path, (data, _) in tree.items()
        for variable in words[data] - known[name]
    }
    assert sorted(leaks) == []
    assert len(everywhere) > 20


def test_only_what_the_axes_name_differs_between_variants(variants: tuple[Variant, ...], sketcher: Sketcher) -> None:
    """A file that stands in every variant without being a composition file or generated is the same everywhere."""
    trees = [sketcher.tree(variant.answers) for variant in variants]
    shared = set.intersection(*(set(tree) for tree in trees))
    core_only = {
        path
        for path in shared
        if path.startswith(("internal/domain/", "internal/pkg/", "internal/api/handler/"))
        and not path.endswith(("provider.go", "/mocks_test.go"))  # provider sets are wiring, mocks are generated
    }
    assert [path for path in sorted(core_only) if len({tree[path] for tree in trees}) > 1] == []


def test_the_answers_are_the_only_names(template: Path, tmp_path: Path, variant: Variant) -> None:
    """Nothing of the sample that the tests render is written into the template by hand."""
    others = {
        "project_name": "seat-map",
        "module_path": "a.io/b",
        "description": "Seats.",
        "owner": "Zoë",
        "port": "8123",
    }
    render(template, tmp_path / "project", {**variant.answers, **others})
    sample = re.compile(r"parcel[-_]desk|acme/|Keeps track|Acme", re.IGNORECASE)
    assert checks.find_in(tmp_path / "project", sample) == []


@pytest.mark.parametrize("licence", ["MIT", "Apache-2.0", "BSD-3-Clause", "Proprietary"])
def test_every_licence_names_itself_and_the_owner(licence: str, template: Path, tmp_path: Path) -> None:
    """One choice, one text; the year is left out because the same answers give the same bytes."""
    first = find_variants()[0]
    render(template, tmp_path / "project", {**first.answers, "license": licence, "owner": "Zoë O'Brien & Söhne GmbH"})
    text = (tmp_path / "project" / "LICENSE").read_text("utf-8")
    said = {
        "MIT": "MIT License",
        "Apache-2.0": "Apache License",
        "BSD-3-Clause": "BSD 3-Clause",
        "Proprietary": "All rights",
    }
    assert [name for name, words in said.items() if words.lower() in text.lower()[:600]] == [licence]
    assert "Zoë O'Brien & Söhne GmbH" in text
    assert licence in (tmp_path / "project" / "README.md").read_text("utf-8") or licence == "Proprietary"


@pytest.mark.parametrize("description", TABLE["accepted"]["description"], ids=ascii)
def test_an_accepted_text_arrives_unchanged(description: str, template: Path, tmp_path: Path) -> None:
    """The README opens with it, as it was typed."""
    render(template, tmp_path / "project", {**find_variants()[0].answers, "description": description})
    assert f"\n{description}\n" in (tmp_path / "project" / "README.md").read_text("utf-8")


def test_a_leftover_and_a_foreign_word_are_found(variant: Variant, rendered: Path, tmp_path: Path) -> None:
    """The counterpart of the clean renders above."""
    project = tmp_path / "project"
    shutil.copytree(rendered, project)
    foreign = "entgo.io/ent" if variant.has("orm", "pgx") else "pgx.NamedArgs{}"
    for text in ("{{ project_name }}", "{% if framework %}", "  //% endif", foreign):
        (project / "planted.txt").write_text(f"one\n{text}\n", "utf-8")
        found = [*checks.jinja_left(project), *checks.foreign_words(project, variant)]
        assert [line for line in found if line.startswith("planted.txt:2:")], text
    (project / "planted.txt").rename(project / ("fiber.go" if variant.has("framework", "echo") else "echo.go"))
    assert checks.foreign_words(project, variant)


def test_the_order_in_which_several_are_chosen_does_not_matter(template: Path, tmp_path: Path) -> None:
    """The same subset, the same bytes, the answers file included."""
    for name, chosen in (("one", ["tracing", "metrics"]), ("other", ["metrics", "tracing"])):
        render(template, tmp_path / name, {**find_variants()[0].answers, "observability": chosen})
    assert read_tree(tmp_path / "one") == read_tree(tmp_path / "other")
