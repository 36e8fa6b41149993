"""Make docs/answers.md from the questions: what is asked, what can be answered, what is computed."""

from __future__ import annotations

import sys
from pathlib import Path

from tools.questions import ROOT, Question, load_questionnaire

PAGE = ROOT / "docs" / "answers.md"

HEADER = """\
# The answers

Give them when Copier asks, with `--data NAME=VALUE`, or in a file (`make new DEST=... ANSWERS=file.yml`).
`make docs` makes this page from `questions/`.

| name | question | choices | default |
|---|---|---|---|
"""

FOOTER = """
## Computed

These follow from the answers, are never asked and are not stored. Those named like a folder of `template/` switch that
layer on (`.`) or off.

| name | value |
|---|---|
"""

RULES = Path(__file__).with_name("answers_rules.md")
"""The part of the page that no question says."""


def row(*cells: str) -> str:
    """Format a row of a table; a bar inside a cell would end it."""
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def in_yaml(value: object) -> str:
    """Return an answer as a person writes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def choices_of(question: Question) -> str:
    """Say what can be answered."""
    choices = ", ".join(f"`{in_yaml(value)}`" for value in question.values)
    return (f"any of {choices}" if question.multiselect else choices) or "text"


def default_of(question: Question) -> str:
    """Say what an unanswered question gives."""
    if question.multiselect:
        return f"`[{', '.join(map(str, question.default))}]`"
    return "required" if question.required else f"`{in_yaml(question.default)}`"


def page() -> str:
    """Return the text of the page."""
    questionnaire = load_questionnaire()
    asked = (row(f"`{q.name}`", q.help, choices_of(q), default_of(q)) for q in questionnaire.asked)
    computed = (row(f"`{q.name}`", f"`{q.default}`") for q in questionnaire.hidden)
    return HEADER + "".join(asked) + FOOTER + "".join(computed) + "\n" + RULES.read_text("utf-8")


def main() -> int:
    """Write the page."""
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), "utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
