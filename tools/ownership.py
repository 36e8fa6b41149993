"""Whose a rendered file is: `scripts/template/ownership.txt` of a project, read as its update script reads it.

`make docs` makes the table of docs/ownership.md from it.
"""

from __future__ import annotations

import fnmatch
import re
import sys
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Literal, NamedTuple, get_args

from tools.questions import ROOT, load_questionnaire
from tools.render import Sketcher
from tools.variants import find_deliveries, find_variants

Kind = Literal["managed", "seed", "lock", "generated"]
KINDS: tuple[Kind, ...] = get_args(Kind)

OWNERSHIP = "scripts/template/ownership.txt"
"""The path of the list in a project."""

TEMPLATE = ROOT / "template" / "{{core}}" / f"{OWNERSHIP}.jinja"

PAGE = ROOT / "docs" / "ownership.md"
MARK = "<!-- The table is made by make docs. -->\n"
"""What the table follows on the page; an empty line ends it."""


REVIEWED = {"reviewers": "@acme/backend"}
"""What no variant has, since it is a text: with it a service has CODEOWNERS."""


class Rule(NamedTuple):
    """A line of the list: files whose path fits the pattern, in which a star crosses folders, are of the kind."""

    kind: Kind
    pattern: str


def read_rules(text: str) -> tuple[Rule, ...]:
    """Read a list, rendered or not: with its conditions left aside it holds what any variant has.

    Raises:
        ValueError: A line is no rule.
    """
    rules = []
    for line in text.splitlines():
        if not line or line.startswith("#") or re.match(r"\s*//%", line):
            continue
        kind, _, pattern = line.partition(" ")
        if kind not in KINDS or not pattern:
            raise ValueError(f"{OWNERSHIP}: {line!r} is no kind ({', '.join(KINDS)}) and a pattern")
        rules.append(Rule(kind, pattern))
    return tuple(rules)


@cache
def template_rules() -> tuple[Rule, ...]:
    """Return the rules of the template."""
    return read_rules(TEMPLATE.read_text("utf-8"))


def kind_of(path: str, rules: Sequence[Rule] | None = None) -> Kind:
    """Return whose a file is: the first rule that fits decides, and what no rule fits is managed."""
    for rule in template_rules() if rules is None else rules:
        if fnmatch.fnmatchcase(path, rule.pattern):
            return rule.kind
    return "managed"


def table(paths: Iterable[str]) -> str:
    """Return the table for the paths that any variant has: a row a rule, then managed files by folder."""
    rules = template_rules()
    managed = {path for path in paths if not any(fnmatch.fnmatchcase(path, rule.pattern) for rule in rules)}
    folders = sorted({path.split("/")[0] + ("/*" if "/" in path else "") for path in managed})
    rows = [f"| `{pattern}` | {kind} |\n" for kind, pattern in rules]
    rows += [f"| `{pattern}` | managed |\n" for pattern in folders]
    return "| files | kind |\n|---|---|\n" + "".join(rows)


def paths_of_all() -> set[str]:
    """Return the paths that any variant has."""
    sketcher = Sketcher(load_questionnaire())
    answers = [variant.answers for variant in find_variants()]
    answers += [{**variant.answers, **REVIEWED} for variant in find_deliveries()]
    return {path for each in answers for path in sketcher.tree(each)}


def page() -> str:
    """Return the text of the page with its table made anew."""
    before, mark, rest = PAGE.read_text("utf-8").partition(MARK)
    return before + mark + table(paths_of_all()) + rest[rest.index("\n\n") + 1 :]


def main() -> int:
    """Write the table."""
    PAGE.write_text(page(), "utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
