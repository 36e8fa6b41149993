"""The documents say what is true."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tools import docs
from tools.footprints import Effect, Footprint
from tools.questions import ROOT, Questionnaire
from tools.render import Sketcher
from tools.variants import find_deliveries

PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_what_is_made_is_current() -> None:
    """`make docs` makes the answers, the footprints and the pictures from the questions and the golden lists."""
    pages = docs.all_pages()
    assert [str(path) for path, text in pages.items() if not path.exists() or path.read_text("utf-8") != text] == []
    folders = {path.parent for path in pages} - {docs.DOCS}
    kept = {path for folder in folders for path in folder.iterdir() if path.name != "index.md"}
    assert kept <= set(pages), "of options that are gone"


def test_a_person_says_what_each_option_is_for() -> None:
    """A list of files tells nobody when to choose it; and a page that no list of contents names is not found."""
    listed = (docs.OPTIONS / "index.md").read_text("utf-8").split()
    for page in sorted(set(docs.OPTIONS.glob("*.md")) - {docs.OPTIONS / "index.md"}):
        written = page.read_text("utf-8").partition(docs.MADE)[0]
        assert docs.UNWRITTEN not in written, page
        assert len(written.split()) > 60, page
        assert page.stem in listed, page


def test_a_new_option_asks_for_its_page() -> None:
    """What `make docs` writes for an option that has no page yet does not pass for one."""
    footprint = Footprint("parcels", "no parcels", (Effect("+", "internal/parcel.go", "ent"),))
    page = docs.option_page(footprint, None)
    assert docs.UNWRITTEN in page
    assert "- in `internal`: `parcel.go` (when ent)" in page
    assert docs.option_page(footprint, page.replace(docs.UNWRITTEN, "Parcels.\n\n")).startswith(
        "# parcels\n\nParcels.\n"
    )


def test_every_question_explains_itself(questionnaire: Questionnaire) -> None:
    """A newcomer gets a sentence for each, and an example where there is no default."""
    for question in questionnaire.asked:
        assert len(question.help) > 30, question.name
        assert question.help.endswith((".", "?")) or "?" in question.help, question.name
        assert question.placeholder or not question.required, question.name


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    """Relative links of a page name files that exist."""
    for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), target


def test_one_version_of_copier_is_asked_for(questionnaire: Questionnaire) -> None:
    """copier.yml refuses what is older than the pages and the tools say: no test runs with it."""
    oldest = questionnaire.settings["_min_copier_version"].removesuffix(".0")
    said = re.findall(r"Copier (\d[\d.]*\d) or newer", "".join(page.read_text("utf-8") for page in PAGES))
    assert len(said) >= 3
    assert set(said) == {oldest}
    assert f'"copier>={oldest},' in (ROOT / "pyproject.toml").read_text("utf-8")


def test_texts_stand_in_documents_only(questionnaire: Questionnaire) -> None:
    """In those that docs/answers.md names, with every answer about delivery."""
    rules = docs.RULES.read_text("utf-8")
    sketcher = Sketcher(questionnaire)
    for name, text in (("description", "Feeds zebras."), ("owner", "Zebra Ltd")):
        trees = [sketcher.tree({**each.answers, name: text}) for each in find_deliveries()]
        named = re.search(rf"\*\*{name}\*\* into (\S+\w) and (\S+\w)", rules)
        assert named, name
        assert {path for tree in trees for path in tree if text.encode() in tree[path][0]} == set(named.groups())


def test_make_help_names_what_the_readme_promises() -> None:
    """Every `make` command of the README is a target that help lists."""
    listed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    targets = {line.split()[0] for line in listed.splitlines()}
    maintainers = (ROOT / "README.md").read_text("utf-8").partition("## For maintainers")[2]
    promised = set(re.findall(r"^make ([a-z]+)", maintainers, re.MULTILINE))
    assert {"new", "test", "lint", "matrix", "regen", "docs"} <= targets
    assert promised <= targets
