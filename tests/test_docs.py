"""The documents say what is true."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tools import docs
from tools.questions import ROOT, Questionnaire

PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_the_table_of_answers_is_current() -> None:
    """`make docs` makes it from the questions."""
    assert docs.PAGE.read_text("utf-8") == docs.page()


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


def test_make_help_names_what_the_readme_promises() -> None:
    """Every `make` command of the README is a target that help lists."""
    listed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    targets = {line.split()[0] for line in listed.splitlines()}
    maintainers = (ROOT / "README.md").read_text("utf-8").partition("## For maintainers")[2]
    promised = set(re.findall(r"^make ([a-z]+)", maintainers, re.MULTILINE))
    assert {"new", "test", "lint", "matrix", "regen", "docs"} <= targets
    assert promised <= targets
