"""Rules for the files under template/, so that each option keeps to its room and Go templates stay Go."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from pathspec import PathSpec

from tools.questions import ROOT, Questionnaire
from tools.render import git
from tools.variants import Variant, find_layers, layers_on

TEMPLATE = ROOT / "template"
CONDITIONS_IN_GO = 80
"""As many condition lines as hand-written Go may have in all; raise it only when no layer would do."""

CONDITION = re.compile(r"(?m)^[ \t]*//%|\{%(?!-?\s*(?:raw|endraw)\s*-?%\})")
ANSWERS_FILE = "{{ _copier_conf.answers_file }}.jinja"
DIGEST = 'dictsort | rejectattr(0, "in", ["_commit", "_src_path"]) | list | tojson | hash("sha256")'
COMMIT = '._commit | default("")'
"""What the file of answers makes of them, besides, for the update script to see whether it was edited."""


def template_files() -> list[Path]:
    """Return every file under template/, relative to it."""
    return sorted(path.relative_to(TEMPLATE) for path in TEMPLATE.rglob("*") if path.is_file())


def rendered_path(path: Path) -> str:
    """Return where a file of a layer lands."""
    return Path(*path.parts[1:]).as_posix().removesuffix(".jinja")


def templates() -> Iterator[tuple[Path, str]]:
    """Yield the files that Jinja renders with their texts."""
    for path in template_files():
        if path.suffix == ".jinja":
            yield path, (TEMPLATE / path).read_text("utf-8")


def composition_files() -> PathSpec:
    """Return the patterns of the files that may hold a condition."""
    lines = Path(__file__).with_name("composition.txt").read_text("utf-8").splitlines()
    return PathSpec.from_lines("gitignore", lines)


def test_every_file_lies_in_a_layer(questionnaire: Questionnaire) -> None:
    """Only the answers file stands outside: Copier wants it at the top."""
    layers = {f"{{{{{layer}}}}}" for layer in find_layers(questionnaire)}
    assert [str(path) for path in template_files() if path.parts[0] not in layers] == [ANSWERS_FILE]


def test_paths_are_legal_everywhere_and_hold_no_logic() -> None:
    """Windows refuses some characters; a filter or a condition in a name cannot be read in a listing."""
    for path in template_files():
        inner = path.parts[1:] if len(path.parts) > 1 else ()
        assert not re.search(r'[|<>:"?*\\]', path.as_posix()), path
        assert not any("{" in part for part in inner), path
        assert len(path.as_posix()) < 160, path


def test_no_two_layers_bring_the_same_file(variant: Variant, questionnaire: Questionnaire) -> None:
    """Which of them won would depend on the order of folders."""
    on = {f"{{{{{layer}}}}}" for layer in layers_on(questionnaire, variant)}
    brought = Counter(rendered_path(path) for path in template_files() if path.parts[0] in on)
    assert [path for path, count in brought.items() if count > 1] == []


def test_conditions_stand_in_composition_files_only() -> None:
    """Variation is by file: domain, handlers and middleware are the same bytes in every variant."""
    allowed = composition_files()
    found = [rendered_path(path) for path, text in templates() if CONDITION.search(text)]
    assert [path for path in found if not allowed.match_file(path)] == []


def test_conditions_name_layers(questionnaire: Questionnaire) -> None:
    """One way to write a condition; what stands for a choice, or for several, has a name."""
    known = {question.name for question in questionnaire.hidden} | {"and", "or", "not"}
    for path, text in templates():
        for test in re.findall(r"(?m)^[ \t]*//% (?:if|elif) (.*)$", text):
            assert set(re.findall(r"[^\s()]+", test)) <= known, f"{path}: {test}"


def test_no_empty_line_follows_a_condition_in_a_page() -> None:
    """It would be swallowed: it stands before the condition, or the condition is written with braces."""
    swallowed = re.compile(r"(?m)^[ \t]*//%.*\n[ \t]*$\n")
    assert swallowed.search("//% endif\n\na\n")
    assert [str(path) for path, text in templates() if path.match("*.md.jinja") and swallowed.search(text)] == []


def test_there_are_few_conditions_in_go() -> None:
    """The count is a measure of the design: a new option should need a layer and a few lines of wiring."""
    generated = re.compile(r"\.gen\.go|wire_gen\.go|mocks_test\.go|(^|/)ent/")
    go = {path: text for path, text in templates() if path.name.endswith(".go.jinja")}
    counts = {
        str(p): len(re.findall(r"^\s*//%", t, re.MULTILINE)) for p, t in go.items() if not generated.search(str(p))
    }
    total = sum(counts.values())
    print(f"{total} condition lines in {sum(map(bool, counts.values()))} of {len(counts)} Go templates")
    assert total <= CONDITIONS_IN_GO, {path: count for path, count in counts.items() if count}


def test_every_go_template_is_go_as_it_stands(go_environment: dict[str, str]) -> None:
    """Gofmt parses all of them unrendered, so editors and reviewers can read them."""
    files = [str(TEMPLATE / path) for path in template_files() if path.name.endswith((".go.jinja", ".go"))]
    done = subprocess.run(["gofmt", "-e", *files], env=go_environment, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.returncode == 0


def test_braces_are_answers_and_nothing_else() -> None:
    """`{{1, 2}}` in Go text would silently render as `(1, 2)`; names and the module path are all that is filled in."""
    filters = "|".join(
        re.escape(each) for each in (" | tojson", " | to_nice_yaml(indent=2, width=100000)", f" | {DIGEST}", COMMIT)
    )
    wrong = re.compile(rf"\{{\{{(?! [a-z_]+(?:{filters})? -?\}}\}})")
    for path, text in templates():
        bare = re.sub(r"\{%-? raw -?%\}.*?\{%-? endraw -?%\}", "", text, flags=re.DOTALL)
        assert [line for line in bare.splitlines() if wrong.search(line)] == [], path


def test_a_file_without_answers_is_not_a_template() -> None:
    """Copying is faster than rendering, and other tools' braces stay theirs."""
    assert [str(path) for path, text in templates() if not re.search(r"\{\{|\{%|//%|\{#", text)] == []


def test_texts_end_with_one_line_break_and_have_unix_lines() -> None:
    """Editors and gofmt would change them in the owner's first commit."""
    for path in template_files():
        data = (TEMPLATE / path).read_bytes()
        assert b"\r" not in data, path
        assert data.endswith(b"\n") or not data, path
        assert not data.endswith(b"\n\n"), path


FOREIGN = re.compile(r"\bcommand +(?!-v)\w+ |\b(?:readlink -f|sed -i|date -d|grep -\w*P|realpath|mapfile|pipefail)\b")

SUBSTITUTED = re.compile(r"\$\([^()]*\bdo$.*?^\s*done\)", re.MULTILINE | re.DOTALL)
"""A loop whose output is taken: bash 3.2 ends it at the first `)` of a `case`."""


def test_scripts_keep_to_what_macos_has() -> None:
    """Its sh is bash 3.2, which ends under set -e where `command x` fails, also in a condition; its tools are BSD."""
    scripts = [path for path in template_files() if rendered_path(path).endswith((".sh", ".mk", "Makefile"))]
    assert len(scripts) >= 6
    for path in scripts:
        code = [line for line in (TEMPLATE / path).read_text("utf-8").splitlines() if not line.lstrip().startswith("#")]
        assert [line for line in code if FOREIGN.search(line)] == [], path
        assert [loop for loop in SUBSTITUTED.findall("\n".join(code)) if re.search(r"\bcase\b", loop)] == [], path


def test_no_template_file_is_ignored_by_git(template: Path) -> None:
    """The .gitignore that a project gets is in force under template/ too: an ignored file would never be committed."""
    done = subprocess.run(
        ["git", "check-ignore", "--no-index", "--stdin"],
        cwd=template,
        input=git(template, "ls-files", "template"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == ""
