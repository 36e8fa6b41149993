"""Properties of `make regen`, on a small template whose generators are scripts, and the go command."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.small import make_template
from tools import regen
from tools.questions import load_questionnaire
from tools.regen import Generator, Module, RegenError, Workshop
from tools.render import read_tree, render, take_snapshot
from tools.variants import find_variants

DOCUMENT = """\
mkdir -p api/openapi
cat title.txt > api/openapi/openapi.yaml
"""

ENT = """\
printf 'package ent\\n\\nimport _ "{{ module_path }}/ent/schema"\\n' > ent/client.go
"""

FILES = {
    "template/{{core}}/document.sh": DOCUMENT,
    "template/{{core}}/title.txt.jinja": "title: {{ project_name }}\n",
    "template/{{core}}/wire.sh": "cat cmd/api/body.txt > cmd/api/wire_gen.go\n",
    "template/{{core}}/cmd/api/body.txt.jinja": """\
package main

func wired() {
\tcommon()
\tuse("{{ framework }}")
}
""",
    "template/{{core}}/cmd/api/main.go.jinja": """\
package main

import "{{ module_path }}/internal/greet"

func main() {
\tgreet.Hello()
\twired()
}

func common() {}

func use(string) {}
""",
    "template/{{core}}/internal/greet/greet.go": """\
package greet

// Hello greets.
func Hello() {
\tprintln("hello")
}
""",
    "template/{{ent}}/ent.sh.jinja": ENT,
    "template/{{ent}}/ent/schema/user.go": "// Package schema is written by people.\npackage schema\n",
    "tools/versions/go.mod": "module versions\n\ngo 1.26.0\n",
    "tools/versions/go.sum": "",
    "tools/versions/tools.yml": "{}\n",
}

GENERATORS = (
    Generator(
        name="document", command=("sh", "document.sh"), reads=("document.sh", "title.txt"), writes=("api/*.yaml",)
    ),
    Generator(name="ent", command=("sh", "ent.sh"), reads=("ent.sh", "ent/schema/*"), writes=("ent/*",)),
    Generator(
        name="wire",
        command=("sh", "wire.sh"),
        reads=("wire.sh", "cmd/api/body.txt"),
        declarations=("cmd/api/*.go",),
        writes=("cmd/*/wire_gen.go",),
    ),
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A template repository in which nothing was generated yet."""
    return make_template(tmp_path / "repository", "core fiber echo ent pgx", FILES)


def run(root: Path, *, check: bool = False) -> list[str]:
    """Run regen with a cache beside the repository."""
    return regen.regen(root, root.parent / "cache", check=check, generators=GENERATORS)


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
    assert '//% if fiber\n\tuse("fiber")\n//% else\n\tuse("echo")\n//% endif\n' in wired
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
    variants = find_variants(load_questionnaire(root))
    for variant, outputs in zip(
        variants, Workshop(root, root.parent / "cache", GENERATORS).make_all(variants), strict=True
    ):
        render(template, tmp_path / variant.id, variant.answers)
        tree = read_tree(tmp_path / variant.id)
        assert {path: data.decode() for path, (data, _) in tree.items() if regen.is_generated(path)} == outputs
        assert ("ent/client.go" in outputs) == variant.has("orm", "ent")


@pytest.mark.parametrize(
    ("path", "old", "new", "again"),
    [
        ("{{core}}/title.txt.jinja", "title", "Title", 1),
        ("{{core}}/cmd/api/body.txt.jinja", "package", "// Generated.\npackage", 2),
        ("{{core}}/internal/greet/greet.go", "Hello()", "Hello(...string)", 2),
        ("{{core}}/internal/greet/greet.go", '"hello"', '"hi"', 0),
        ("{{core}}/internal/greet/greet.go", "package greet\n", 'package greet\n\nimport _ "errors"\n', 4),
        ("{{ent}}/ent/schema/user.go", "people", "us", 1),
        ("{{pgx}}/pgx.txt", "pgx", "PGX", 0),
    ],
)
def test_a_generator_runs_once_for_each_distinct_content_of_what_it_reads(
    path: str, old: str, new: str, again: int, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Variants share what generators wrote, and so do runs. The body of a function is not read by wiring."""
    run(root)

    def count() -> int:
        capsys.readouterr()
        run(root, check=True)
        return sum(map(int, re.findall(r"inputs, (\d+) to run", capsys.readouterr().err)))

    assert count() == 0
    edit(root, f"template/{path}", old, new)
    assert count() == again


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
    edit(root, "template/{{ent}}/ent.sh.jinja", "ent/client.go", "ent/other.go")
    assert run(root) == [
        "gone: {{ent}}/ent/client.go.jinja",
        "new: {{ent}}/ent/other.go.jinja",
        "gone: {{pgx}}/ent/stale.go",
    ]
    assert not (root / "template/{{pgx}}/ent").exists()
    assert (root / "template/{{ent}}/ent/schema/user.go").exists()


def test_a_generator_that_fails_is_quoted(root: Path) -> None:
    """Its own message says what is wrong."""
    edit(root, "template/{{core}}/document.sh", "mkdir", "echo no such table >&2; exit 3; mkdir")
    with pytest.raises(RegenError, match=r"fiber-\w+: sh document.sh failed(.|\n)*no such table"):
        run(root)


def test_a_file_that_no_pattern_names_is_refused(root: Path) -> None:
    """It would be missing from every render."""
    edit(root, "template/{{core}}/document.sh", "mkdir", "touch stray.txt; mkdir")
    with pytest.raises(RegenError, match=r"document wrote files that its `writes` does not name: stray\.txt"):
        run(root)


def test_a_generator_that_rewrites_what_people_wrote_is_refused(root: Path) -> None:
    """Users would see it as their own change."""
    edit(root, "template/{{ent}}/ent.sh.jinja", "printf", "echo // >> ent/schema/user.go; printf")
    with pytest.raises(RegenError, match=r"ent wrote files that its `writes` does not name: ent/schema/user\.go"):
        run(root)


def test_a_generator_sees_only_what_the_table_says_it_reads(root: Path) -> None:
    """Else its outputs would be taken for those of other inputs."""
    edit(root, "template/{{core}}/document.sh", "cat title.txt", "cat cmd/api/body.txt")
    with pytest.raises(RegenError, match=r"body\.txt"):
        run(root)


def test_the_table_is_what_make_generate_runs(rendered: Path, go_environment: dict[str, str]) -> None:
    """In the same order, but for the generators of layers that are off."""
    done = subprocess.run(
        ["make", "-n", "generate", "MAKE=make"],
        cwd=rendered,
        env=go_environment,
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith(("go ", "GOMAXPROCS="))]
    table = [*(generator.command for generator in regen.GENERATORS), *regen.FORMAT]
    off = {"ent": rendered / "ent", "./cmd/worker": rendered / "cmd/worker"}
    table = [command for command in table if all(path.exists() or word not in command for word, path in off.items())]
    assert lines == [" ".join(command).removeprefix("env ") for command in table]


def test_free_text_in_a_generated_file_is_refused(root: Path) -> None:
    """Generators quote a text by what it holds, so no template can stand for every text."""
    edit(root, "template/{{core}}/title.txt.jinja", "{{ project_name }}", "{{ description }}")
    with pytest.raises(RegenError, match=r"api/openapi/openapi\.yaml holds the description"):
        run(root)


def test_a_template_that_jinja_cannot_read_is_named(root: Path) -> None:
    """With the line."""
    edit(root, "template/{{core}}/title.txt.jinja", "{{ project_name }}", "{{ project name }}")
    with pytest.raises(RegenError, match=r"title\.txt\.jinja:1: "):
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


def test_a_pin_that_is_too_old_is_raised() -> None:
    """Another module asks for more, in every variant alike."""
    pins = regen.merge_pins([Module(path="a", version="v1.0.0")], [[Module(path="a", version="v1.1.0")]] * 2)
    assert [str(pin) for pin in pins] == ["a v1.1.0 // indirect"]


@pytest.mark.parametrize("pins", [[Module(path="a", version="v1.0.0")], []])
def test_a_version_that_differs_between_variants_is_refused(pins: list[Module]) -> None:
    """One superset rules every variant."""
    variants = [[Module(path="a", version="v1.0.0")], [Module(path="a", version="v1.1.0")]]
    with pytest.raises(RegenError, match=r"pins a .*, variants need v1\.0\.0 and v1\.1\.0"):
        regen.merge_pins(pins, variants)
