"""Make what docs/ can't say by hand: the questions, the footprint of each option, the pictures.

docs/answers.md comes from the questions. A page of docs/options/ has a part that a person wrote, why and when, above
the line MADE, and below it what tests/golden/ says that the option adds, changes and takes away. The pictures of
docs/pictures/ are drawn.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path

from tools import pictures
from tools.footprints import BASE, Effect, Footprint, read_footprints
from tools.questions import ROOT, Question, load_questionnaire

DOCS = ROOT / "docs"
PAGE = DOCS / "answers.md"
OPTIONS = DOCS / "options"

MADE = "<!-- `make docs` makes what follows from tests/golden. -->\n"

UNWRITTEN = "Say here what it is for, when to choose it and what it costs.\n\n"
"""What stands on the page of a new option; a test asks for more."""

HEADER = """\
# The answers

Give them when Copier asks, with `--data NAME=VALUE`, or in a file (`make new DEST=... ANSWERS=file.yml`).
`make docs` makes this page from `questions/`.

| name | question | choices | default |
|---|---|---|---|
"""

FOOTER = """
## Computed

These follow from the answers, are never asked, are not stored, and are refused when they are given with `--data`. Those
named like a folder of `template/` switch that layer on (`.`) or off.

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


def footprint_section(footprint: Footprint) -> str:
    """Say what an option does to the files of a project."""
    if footprint.option == BASE:
        files = len(footprint.effects)
        return f"## Its files\n\n{files} files, before any option adds to them.\n\n{listing(footprint.effects)}"
    signs = {"+": "adds", "~": "changes", "-": "takes away"}
    counts = [f"{word} {len(footprint.files(sign))}" for sign, word in signs.items() if footprint.files(sign)]
    text = f"## Its footprint\n\nCompared with {footprint.against}, in files: it {', '.join(counts)}.\n"
    for sign, word in signs.items():
        if effects := footprint.with_sign(sign):
            text += f"\n### It {word}\n\n{listing(effects)}"
    return text


def listing(effects: Iterable[Effect]) -> str:
    """List files by their folder."""
    text = ""
    for folder, members in groupby(sorted(effects, key=folder_first), key=lambda effect: folder_first(effect)[0]):
        names = [
            f"`{effect.path.rpartition('/')[2]}`{f' (when {effect.condition})' if effect.condition else ''}"
            for effect in members
        ]
        text += f"- {f'in `{folder}`' if folder else 'at the top'}: {', '.join(names)}\n"
    return text


def folder_first(effect: Effect) -> tuple[str, str]:
    """Order files as a person lists them: those of a folder together."""
    folder, _, name = effect.path.rpartition("/")
    return folder, name


def option_page(footprint: Footprint, written: str | None) -> str:
    """Return the page of an option: what a person wrote, and its footprint."""
    written = f"# {footprint.option}\n\n{UNWRITTEN}" if written is None else written.partition(MADE)[0]
    return written + MADE + "\n" + footprint_section(footprint)


def drawings(footprints: tuple[Footprint, ...]) -> Mapping[str, str]:
    """Return the pictures by their names."""
    return {
        "tree.svg": pictures.tree(footprints),
        "request.svg": pictures.request_path(),
        "update.svg": pictures.update(),
    }


def all_pages() -> dict[Path, str]:
    """Return everything that is made, by its path. The page of an option that has no list yet is left as it is."""
    footprints = read_footprints()
    questions = load_questionnaire().asked
    options = {question.name for question in questions} | {str(value) for each in questions for value in each.values}
    made = {PAGE: page()}
    for path in OPTIONS.glob("*.md"):
        if path.stem in options:
            made[path] = path.read_text("utf-8")
    for footprint in footprints:
        path = OPTIONS / f"{footprint.option}.md"
        made[path] = option_page(footprint, path.read_text("utf-8") if path.exists() else None)
    return made | {DOCS / "pictures" / name: text for name, text in drawings(footprints).items()}


def main() -> int:
    """Write the pages that are not as they should be."""
    for path, text in all_pages().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")
            print(f"wrote {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
