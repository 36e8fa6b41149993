"""Properties of `make regen`, on a small template whose generators are shell commands and the go command."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tools import regen
from tools.questions import load_questionnaire
from tools.regen import Module, RegenError
from tools.render import render, take_snapshot
from tools.variants import find_variants

MAKEFILE = """\
generate:
	@mkdir -p api/openapi ent cmd/api
	@echo "title: {{ project_name }}" > api/openapi/openapi.yaml
	//% if orm == "ent"
	@printf 'package ent\\n\\nimport _ "{{ module_path }}/ent/schema"\\n' > ent/client.go
	//% endif
	@printf 'package main\\n\\nfunc wired() {\\n\\tcommon()\\n\\tuse("{{ framework }}")\\n}\\n' > cmd/api/wire_gen.go
"""

TEMPLATE = {
    "copier.yml": """\
_subdirectory: template
_envops: {undefined: jinja2.StrictUndefined, line_statement_prefix: "//%", trim_blocks: true, lstrip_blocks: true}
---
project_name: {type: str}
module_path: {type: str}
description: {type: str}
owner: {type: str}
framework: {type: str, choices: [fiber, echo]}
orm: {type: str, choices: [ent, pgx]}
core: {type: str, when: false, default: "."}
fiber: {type: str, when: false, default: "{{ '.' if framework == 'fiber' else '' }}"}
echo: {type: str, when: false, default: "{{ '.' if framework == 'echo' else '' }}"}
ent: {type: str, when: false, default: "{{ '.' if orm == 'ent' else '' }}"}
pgx: {type: str, when: false, default: "{{ '.' if orm == 'pgx' else '' }}"}
""",
    "questions/.keep": "",
    "extensions/.keep": "",
    "template/{{core}}/Makefile.jinja": MAKEFILE,
    "template/{{core}}/cmd/api/main.go": """\
package main

func main() {
	wired()
}

func common() {}

func use(string) {}
""",
    "template/{{fiber}}/fiber.txt": "",
    "template/{{echo}}/echo.txt": "",
    "template/{{pgx}}/pgx.txt": "",
    "template/{{ent}}/ent/schema/user.go": "// Package schema is written by people.\npackage schema\n",
    "tools/versions/go.mod": "module versions\n\ngo 1.26.0\n",
    "tools/versions/go.sum": "",
    "tools/versions/tools.yml": "{}\n",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A template repository in which nothing was generated yet."""
    for path, text in TEMPLATE.items():
        (tmp_path / "repository" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "repository" / path).write_text(text)
    return tmp_path / "repository"


def run(root: Path, *, check: bool = False) -> list[str]:
    """Run regen with a cache beside the repository."""
    return regen.regen(root, root.parent / "cache", check=check)


def edit(root: Path, path: str, old: str, new: str) -> None:
    """Replace text in a file of the repository."""
    text = (root / path).read_text()
    assert old in text
    (root / path).write_text(text.replace(old, new))


def test_the_first_run_writes_what_generators_make_where_it_belongs(root: Path) -> None:
    """Nothing generated exists before it."""
    assert run(root) == [
        "changed: tools/versions/go.mod",
        "new: {{core}}/api/openapi/openapi.yaml.jinja",
        "new: {{core}}/cmd/api/wire_gen.go.jinja",
        "new: {{core}}/go.mod.jinja",
        "new: {{core}}/go.sum",
        "new: {{ent}}/ent/client.go.jinja",
    ]
    wired = (root / "template/{{core}}/cmd/api/wire_gen.go.jinja").read_text()
    assert '//% if framework == "fiber"\n\tuse("fiber")\n//% else\n\tuse("echo")\n//% endif\n' in wired
    assert (root / "template/{{core}}/go.mod.jinja").read_text() == "module {{ module_path }}\n\ngo 1.26.0\n"


def test_a_second_run_changes_nothing_with_or_without_the_cache(root: Path) -> None:
    """What generators write depends on nothing that an earlier run left."""
    run(root)
    assert run(root) == []
    shutil.rmtree(root.parent / "cache")
    assert run(root, check=True) == []


def test_each_variant_renders_to_what_its_generators_wrote(root: Path, tmp_path: Path) -> None:
    """Through Copier, as a user renders it."""
    run(root)
    template = take_snapshot(tmp_path / "snapshot", source=root)
    for variant in find_variants(load_questionnaire(root)):
        render(template, tmp_path / variant.id, variant.answers)
        generated = root.parent / "cache" / variant.id
        for path in ("go.mod", "go.sum", "api/openapi/openapi.yaml", "cmd/api/wire_gen.go", "ent/client.go"):
            assert (tmp_path / variant.id / path).exists() == (generated / path).exists()
            if (generated / path).exists():
                assert (tmp_path / variant.id / path).read_bytes() == (generated / path).read_bytes()


def test_check_names_the_files_that_drift_and_leaves_them(root: Path) -> None:
    """For CI: a hand-edited file and one that nothing generates."""
    run(root)
    edited = root / "template/{{core}}/api/openapi/openapi.yaml.jinja"
    edited.write_text("edited by hand\n")
    (root / "template/{{pgx}}/ent").mkdir()
    (root / "template/{{pgx}}/ent/stale.go").write_text("package ent\n")
    assert run(root, check=True) == [
        "changed: {{core}}/api/openapi/openapi.yaml.jinja",
        "gone: {{pgx}}/ent/stale.go",
    ]
    assert edited.read_text() == "edited by hand\n"


def test_stale_generated_files_go_and_written_files_stay(root: Path) -> None:
    """A generator that stops writing a file takes it out of the template."""
    run(root)
    (root / "template/{{pgx}}/ent").mkdir()
    (root / "template/{{pgx}}/ent/stale.go").write_text("package ent\n")
    edit(root, "template/{{core}}/Makefile.jinja", "ent/client.go", "ent/other.go")
    assert run(root) == [
        "gone: {{ent}}/ent/client.go.jinja",
        "new: {{ent}}/ent/other.go.jinja",
        "gone: {{pgx}}/ent/stale.go",
    ]
    assert not (root / "template/{{pgx}}/ent").exists()
    assert (root / "template/{{ent}}/ent/schema/user.go").exists()


def test_a_generator_that_fails_is_quoted(root: Path) -> None:
    """Its own message says what is wrong."""
    edit(root, "template/{{core}}/Makefile.jinja", "generate:\n", "generate:\n\t@echo no such table >&2; exit 3\n")
    with pytest.raises(RegenError, match=r"make --no-print-directory generate failed(.|\n)*no such table"):
        run(root)


def test_a_file_that_no_pattern_names_is_refused(root: Path) -> None:
    """It would be missing from every render."""
    edit(root, "template/{{core}}/Makefile.jinja", "generate:\n", "generate:\n\t@touch stray.txt\n")
    with pytest.raises(RegenError, match=r"GENERATED does not name: stray\.txt"):
        run(root)


def test_a_written_file_that_generators_rewrite_is_named(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Users would see it as their own change."""
    edit(root, "template/{{core}}/Makefile.jinja", "generate:\n", "generate:\n\t@echo // >> cmd/api/main.go\n")
    run(root)
    assert "warning: fiber-ent: make generate rewrites cmd/api/main.go" in capsys.readouterr().err


def test_free_text_in_a_generated_file_is_refused(root: Path) -> None:
    """Generators quote a text by what it holds, so no template can stand for every text."""
    edit(root, "template/{{core}}/Makefile.jinja", '"title: {{ project_name }}"', '"title: {{ description }}"')
    with pytest.raises(RegenError, match=r"api/openapi/openapi\.yaml holds the description"):
        run(root)


def test_a_template_that_jinja_cannot_read_is_named(root: Path) -> None:
    """With the line."""
    edit(root, "template/{{core}}/Makefile.jinja", "{{ project_name }}", "{{ project name }}")
    with pytest.raises(RegenError, match=r"Makefile\.jinja:3: "):
        run(root)


@pytest.mark.parametrize(
    ("path", "generated"),
    [
        ("go.sum", True),
        ("tools.mod", True),
        ("lint.sum", True),
        ("internal/api/openapi/api.gen.go", True),
        ("internal/domain/user/mocks_test.go", True),
        ("cmd/api/wire_gen.go", True),
        ("ent/user/where.go", True),
        ("ent/schema/user.go", False),
        ("cmd/api/wire.go", False),
        ("internal/ent/client.go", False),
        ("api/openapi/users.yaml", False),
    ],
)
def test_generated_files_are_told_from_written_ones(path: str, *, generated: bool) -> None:
    """Regen deletes the first kind, never the second."""
    assert regen.is_generated(path) is generated


def test_go_mod_has_a_commented_block_of_each_kind() -> None:
    """The go command keeps out of commented blocks."""
    modules = [Module(path="a.io/x", version="v1.0.0"), Module(path="b.io/y", version="v2.0.0", indirect=True)]
    assert regen.go_mod("c.io/z", "1.26.0", modules) == (
        "module c.io/z\n\ngo 1.26.0\n\n"
        "// Direct dependencies managed by the template.\nrequire (\n\ta.io/x v1.0.0\n)\n\n"
        "// Indirect dependencies managed by the template.\nrequire (\n\tb.io/y v2.0.0 // indirect\n)\n"
    )


def test_pins_become_what_variants_use() -> None:
    """Missing ones are added, unused ones dropped."""
    kept, dropped = Module(path="a", version="v1.0.0"), Module(path="b", version="v1.0.0")
    added = Module(path="c", version="v3.0.0")
    pins = regen.merge_pins([kept, dropped], [[kept], [kept, added]])
    assert [str(pin) for pin in pins] == ["a v1.0.0 // indirect", "c v3.0.0 // indirect"]


@pytest.mark.parametrize("pins", [[Module(path="a", version="v1.0.0")], []])
def test_a_version_that_differs_from_the_pin_or_between_variants_is_refused(pins: list[Module]) -> None:
    """One superset rules every variant."""
    variants = [[Module(path="a", version="v1.0.0")], [Module(path="a", version="v1.1.0")]]
    with pytest.raises(RegenError, match=r"pins a v1\.0\.0, a variant needs v1\.1\.0"):
        regen.merge_pins(pins, variants)
