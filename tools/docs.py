"""Make docs/answers.md from the questions: what is asked, what can be answered, what is computed."""

from __future__ import annotations

import sys

from tools.questions import ROOT, Question, load_questionnaire

PAGE = ROOT / "docs" / "answers.md"

HEADER = """\
# The answers

Give them when Copier asks, with `--data NAME=VALUE`, or in a file (`make new DEST=... ANSWERS=file.yml`). `make docs` makes this page from `questions/`.

| name | question | choices | default |
|---|---|---|---|
"""

FOOTER = """
## Computed

These follow from the answers, are never asked and are not stored. Those named like a folder of `template/` switch that layer on (`.`) or off.

| name | value |
|---|---|
"""

RULES = """
## What is refused, and why

A wrong answer is refused by name before anything is written. `extensions/naming.jinja` holds the rules, `tests/answers.yml` examples of both kinds.

- **project_name** is a DNS label of at most 40 characters, because it names the program, the image and the Kubernetes objects. It is no word
  of Go, no standard package, no folder of the project and no reserved word of PostgreSQL, because the database is named after it.
- **module_path** follows `CheckPath` of golang.org/x/mod. Beyond that no element begins with a dash (an option in a shell) or is `cmd`, `internal`,
  `main`, `testdata` or `vendor` (the go command treats these in a way of its own).
- **description** and **owner** are one line of letters and digits of any script, spaces and `. , : ! ? ( ) ' ’ & + - – — / @ % _`. They begin with a letter or digit.
  - Refused: quotes, backticks, `$ \\ ; | < > { } [ ] * # = ~ ^`, line breaks, control characters and characters that cannot be seen. One of them could end a
    comment, a string or a table, start a command, a link or an anchor, or show something else than what is stored.
  - An apostrophe stands inside a word (O'Brien) and an ampersand between words (Black & Sons, R&D): there neither opens a string nor an anchor. YAML gets these
    texts through `tojson`, so both are safe in the API document too.
  - A word does not mix Latin letters with Greek or Cyrillic ones, and full-width or mathematical letters are refused: they only look like others.
- **port** needs no privileges (1024 or more) and is not that of PostgreSQL (5432), Redis (6379) or the admin listener (9090).
"""


def row(*cells: str) -> str:
    """Format a row of a table; a bar inside a cell would end it."""
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def default_of(question: Question) -> str:
    """Say what an unanswered question gives."""
    return "required" if question.required else f"`{question.default}`"


def page() -> str:
    """Return the text of the page."""
    questionnaire = load_questionnaire()
    asked = (
        row(f"`{q.name}`", q.help, ", ".join(f"`{value}`" for value in q.values) or "text", default_of(q))
        for q in questionnaire.asked
    )
    computed = (row(f"`{q.name}`", f"`{q.default}`") for q in questionnaire.hidden)
    return HEADER + "".join(asked) + FOOTER + "".join(computed) + RULES


def main() -> int:
    """Write the page."""
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), "utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
