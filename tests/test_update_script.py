"""`make update` in a project: what Copier leaves open is told or settled, and a failure leaves the project as it was.

On a small template, with the script of the real one: what it does depends on kinds of files, not on what they hold.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.programs import configuration, put_program
from tools import fleet
from tools.ownership import OWNERSHIP
from tools.questions import ROOT
from tools.render import commit_all, git, read_tree, render, update

CORE = ROOT / "template" / "{{core}}"
SCRIPT = "scripts/template/update.sh"
TOOLS_FIRST = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
"""A PATH on which the Copier of these tests comes first."""
ANSWERS_FILE = "{{ _copier_conf.answers_file }}.jinja"
BROUGHT = (SCRIPT, "scripts/template/update.mk")

DONE, FAILED, REFUSED, CONFLICTS, NEWER = range(5)

COPIER_YML = """\
_subdirectory: template
_envops: {undefined: jinja2.StrictUndefined, line_statement_prefix: "//%", trim_blocks: true, lstrip_blocks: true}
_skip_if_exists:
  - "{% if _copier_phase != 'render' %}/go.sum{% endif %}"
  - "{% if _copier_phase != 'render' %}*.gen.go{% endif %}"
---
project_name: {type: str, validator: "{% if project_name == 'bad' %}choose another name{% endif %}"}
framework: {type: str, choices: [fiber, echo], default: fiber}
cache: {type: str, choices: [redis, memory, none], default: redis}
observability: {type: str, multiselect: true, choices: [tracing, metrics], default: [tracing, metrics]}
core: {type: str, when: false, default: "."}
redis: {type: str, when: false, default: "{{ '.' if cache == 'redis' else '' }}"}
memory: {type: str, when: false, default: "{{ '.' if cache == 'memory' else '' }}"}
"""

LINES = "one\ntwo\nthree {{ framework }}\nfour\nfive\n"
STEPS = "\topen()\n\tread()\n\tcheck()\n\twrite()\n\tflush()\n\tclose()\n"
COPY = f"func copy() {{\n{STEPS}}}\n"

TEMPLATE = {
    "copier.yml": COPIER_YML,
    f"template/{ANSWERS_FILE}": (ROOT / "template" / ANSWERS_FILE).read_text("utf-8"),
    f"template/{{{{core}}}}/{OWNERSHIP}": "seed README.md\nseed mail/*\nlock *.mod\nlock go.sum\ngenerated *.gen.go\n",
    "template/{{core}}/Makefile": "-include scripts/template/update.mk\nsync:\n\t@echo synced\n",
    "template/{{core}}/README.md.jinja": "# {{ project_name }}\n\nWith {{ framework }}.\n",
    "template/{{core}}/mail/welcome.txt": "Welcome\n",
    "template/{{core}}/managed.go.jinja": LINES,
    "template/{{core}}/copy.go": COPY,
    "template/{{core}}/user/user.go": "package user\n",
    "template/{{core}}/user/user.gen.go.jinja": LINES,
    "template/{{core}}/go.mod": "module a\n\nrequire (\n\ta v1.0.0\n\tb v1.0.0\n)\n",
    "template/{{core}}/go.sum.jinja": "a v1.0.0 h1:a\n//% if redis\nb v1.0.0 h1:b\n//% endif\n",
    "template/{{redis}}/redis.go": "package redis\n",
    "template/{{redis}}/redis.gen.go": "package redis\n",
    "template/{{redis}}/tools.mod": "module a\n",
    "CHANGELOG.md": "# Changelog\n\n## Unreleased\n\n## 1.0.0 (2026-11-25)\n\n- All of it.\n",
    "template/{{redis}}/mail/flush.txt": "Flushed\n",
    "template/{{memory}}/memory.go": "package memory\n",
}

NEWS = """\
## 1.1.0 (2026-12-01)

- A search.

## 1.0.1 (2026-11-30)

- A patch.
"""

NEXT = {
    "template/{{core}}/README.md.jinja": "# {{ project_name }}\n\nWith {{ framework }}, and more.\n",
    "template/{{core}}/managed.go.jinja": LINES.replace("two", "two, changed"),
    "template/{{core}}/user/user.gen.go.jinja": LINES.replace("four", "four, changed"),
    "template/{{core}}/copy.go": COPY.replace("copy()", "move()") + COPY,
    "template/{{core}}/user/search.go": "package user // search\n",
    "template/{{core}}/user/index/by name/index.go": "package index\n",
    "CHANGELOG.md": f"# Changelog\n\n## Unreleased\n\n- Not yet.\n\n{NEWS}\n## 1.0.0 (2026-11-25)\n\n- All of it.\n",
    "template/{{core}}/go.mod": "module a\n\nrequire (\n\ta v1.0.0\n\tb v1.1.0\n)\n",
    "template/{{core}}/go.sum.jinja": "a v1.0.0 h1:a\n//% if redis\nb v1.1.0 h1:b\n//% endif\n",
}

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def write(root: Path, files: dict[str, str]) -> None:
    """Write texts below a folder."""
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, "utf-8")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A template with the versions v1.0.0 and v1.1.0. Tests that write to it take a copy."""
    root = tmp_path_factory.mktemp("small") / "template"
    write(root, TEMPLATE)
    for path in BROUGHT:
        shutil.copy2(CORE / path, root / "template" / "{{core}}" / path)
    commit_all(root, "First")
    git(root, "tag", "v1.0.0")
    write(root, NEXT)
    commit_all(root, "Second")
    git(root, "tag", "v1.1.0")
    return root


@pytest.fixture(scope="module")
def pristine(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of v1.0.0, as its owner committed it first."""
    project = tmp_path_factory.mktemp("pristine") / "project"
    render(small, project, {"project_name": "parcel"}, ref="v1.0.0")
    commit_all(project, "Start from the template")
    return project


@pytest.fixture
def project(pristine: Path, tmp_path: Path) -> Path:
    """A project of one's own."""
    shutil.copytree(pristine, tmp_path / "project")
    return tmp_path / "project"


@pytest.fixture
def run(project: Path) -> Run:
    """Run the script with Copier on the path, from another folder, which can be chosen."""
    environment = {**os.environ, "PATH": TOOLS_FIRST}

    def script(
        *arguments: str, folder: Path = project, caller: Path | str = "/", **variables: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", folder / SCRIPT, *arguments],
            cwd=caller,
            env={**environment, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    return script


def in_monorepo(small: Path, mono: Path, name: str, beside: dict[str, str]) -> Path:
    """Commit a repository with a service of the first version and texts beside it; return the service's folder."""
    project = mono / "services" / name
    render(small, project, {"project_name": "parcel"}, ref="v1.0.0")
    write(mono, beside)
    commit_all(mono, "Start")
    return project


def edit(project: Path, **texts: str | None) -> None:
    """Commit what an owner does: new texts by path (`__` for a slash, `_` for a dot); None deletes."""
    for name, text in texts.items():
        path = project / name.replace("__", "/").replace("_", ".")
        if text is None:
            path.unlink()
        else:
            write(project, {path.relative_to(project).as_posix(): text})
    commit_all(project, "Mine")


def text(project: Path, path: str) -> str:
    """Return what a file says."""
    return (project / path).read_text("utf-8")


def unmerged(project: Path) -> list[str]:
    """Return the paths that git knows as in conflict."""
    return sorted({line.split("\t")[1] for line in git(project, "ls-files", "--unmerged").splitlines()})


def fresh(small: Path, tmp_path: Path, ref: str, **answers: str) -> dict[str, tuple[bytes, bool]]:
    """Return what a fresh copy gives."""
    render(small, tmp_path / "fresh", {"project_name": "parcel", **answers}, ref=ref)
    return read_tree(tmp_path / "fresh")


def untouched(project: Path) -> bool:
    """Whether a project is as it was committed."""
    return git(project, "status", "--porcelain") == ""


def test_a_project_that_nobody_edited_becomes_a_fresh_copy(
    small: Path, project: Path, run: Run, tmp_path: Path
) -> None:
    """To the newest version; a second time there is nothing new."""
    done = run("update")
    assert done.returncode == DONE, done.stderr
    assert "From v1.0.0 to v1.1.0" in done.stdout
    assert f" files changed\n\n{NEWS}\nNext: " in done.stdout, "of the versions on the way, and of no other"
    assert read_tree(project) == fresh(small, tmp_path, "v1.1.0")
    commit_all(project, "Update")
    again = run("update")
    assert again.returncode == DONE
    assert "0 files changed\n\nNothing is new" in again.stdout
    assert untouched(project)


@pytest.mark.parametrize(
    "changelog", [None, "# Changelog\n\n## 1.1.0 (2026-12-01)\n\n- Of a release that is not known.\n"]
)
def test_an_update_does_without_news(
    changelog: str | None, small: Path, project: Path, run: Run, tmp_path: Path
) -> None:
    """Where the template has no changelog, or one that does not say where the project stands."""
    template = tmp_path / "template"
    shutil.copytree(small, template)
    edit(template, CHANGELOG_md=changelog)
    git(template, "tag", "v1.2.0")
    answers = text(project, ".copier-answers.yml")
    (project / ".copier-answers.yml").write_text(answers.replace(str(small), str(template)), "utf-8")
    commit_all(project, "Move the template")
    done = run("update")
    assert done.returncode == DONE, done.stderr
    assert "##" not in done.stdout


def test_other_answers_alone_keep_the_version(small: Path, project: Path, run: Run, tmp_path: Path) -> None:
    """One thing at a time, unless a version is named; the report is what was printed."""
    done = run(
        "update", "--data", "cache=memory", "--data", "observability=[tracing]", "--report", f"{tmp_path}/report.md"
    )
    assert done.returncode == DONE, done.stderr
    assert "- answer: cache: memory (before: cache: redis )" in done.stdout
    assert (tmp_path / "report.md").read_text("utf-8") == done.stdout
    assert read_tree(project) == fresh(small, tmp_path, "v1.0.0", cache="memory", observability=["tracing"])  # type: ignore[arg-type]


def test_edits_are_kept_by_kind(project: Path, run: Run) -> None:
    """One project with an edit of each kind; nothing is in conflict."""
    edit(
        project,
        README_md="# Ours\n",
        managed_go=LINES.replace("{{ framework }}", "fiber").replace("five", "five, mine"),
        user__user_gen_go="generated from my code\n",
        go_mod="module a\n\nrequire (\n\ta v1.0.0\n\tb v1.2.0\n)\n\nrequire mine v1.0.0\n",
        go_sum="a v1.0.0 h1:a\nb v1.0.0 h1:b\nmine v1.0.0 h1:m\n",
    )
    done = run("update")
    assert done.returncode == DONE, done.stdout + done.stderr
    assert unmerged(project) == []
    assert text(project, "README.md") == "# Ours\n"
    assert "README.md is yours" in done.stdout
    assert text(project, "managed.go") == "one\ntwo, changed\nthree fiber\nfour\nfive, mine\n"
    assert "four, changed" in text(project, "user/user.gen.go")
    assert "\trequire mine" not in text(project, "go.mod")
    assert "require mine v1.0.0" in text(project, "go.mod")
    assert [line for line in text(project, "go.mod").splitlines() if "\tb " in line] == ["\tb v1.2.0"], "the newer"
    assert text(project, "go.sum").splitlines() == ["a v1.0.0 h1:a", "b v1.1.0 h1:b", "mine v1.0.0 h1:m"]


def test_an_edit_that_git_shows_no_lines_of_is_merged(project: Path, run: Run, tmp_path: Path) -> None:
    """Of a kind of file that its owner wants no differences of, and of one that git takes for binary."""
    (tmp_path / "attributes").write_text("managed.go -diff\n", "utf-8")
    ours = LINES.replace("{{ framework }}", "fiber").replace("five", "five, mine")
    edit(project, managed_go=ours, redis_go="package redis\n// \0\n")
    done = run("update", **configuration(core_attributesFile=str(tmp_path / "attributes")))
    assert done.returncode == DONE, done.stdout + done.stderr
    assert text(project, "managed.go") == ours.replace("two", "two, changed")
    assert text(project, "redis.go") == "package redis\n// \0\n"


def test_an_edit_in_another_encoding_is_refused(project: Path, run: Run) -> None:
    """Copier would drop the letters beyond ASCII; a seed it does not merge."""
    rules = text(project, OWNERSHIP)
    (project / "redis.go").write_bytes("package redis // Größe\n".encode("latin-1"))
    (project / "README.md").write_bytes("Größe\n".encode("latin-1"))
    commit_all(project, "Mine")
    before = read_tree(project)
    done = run("update")
    assert done.returncode == REFUSED, done.stdout
    assert done.stderr.endswith(f"{OWNERSHIP}\nupdate: redis.go\n")
    assert read_tree(project) == before
    edit(project, scripts__template__ownership_txt=f"seed redis.go\n{rules}")
    assert run("update").returncode == DONE
    after = read_tree(project)
    assert all(after[path] == before[path] for path in ("redis.go", "README.md"))


def test_an_edit_stays_in_its_function(project: Path, run: Run) -> None:
    """A release has put another above it that is the same but for its name, at the lines where it was."""
    ours = COPY.replace("\tcheck()\n", "\tcheck()\n\tcount()\n")
    edit(project, copy_go=ours)
    done = run("update")
    assert done.returncode == DONE, done.stdout + done.stderr
    assert text(project, "copy.go") == COPY.replace("copy()", "move()") + ours


def test_sums_are_in_the_order_of_go(project: Path, run: Run) -> None:
    """`go mod tidy -diff` asks for it: paths by bytes, versions by SemVer, a go.mod after its module."""
    mine = [
        "Mine v2.0.0 h1:a",
        "mine v0.0.0-20191202100458-e7afc7fbc510 h1:a",
        "mine v0.0.0-20191202100458-e7afc7fbc510/go.mod h1:a",
        "mine v1.9.0 h1:a",
        "mine v1.9.1-0.20260101000000-e7afc7fbc510 h1:a",
        "mine v1.10.0-beta.9 h1:a",
        "mine v1.10.0-beta.10/go.mod h1:a",
        "mine v1.10.0-rc.1 h1:a",
        "mine v1.10.0 h1:a",
        "mine v10.0.0+incompatible h1:a",
        "mine/v2 v2.0.0 h1:a",
        "mine2 v1.0.0 h1:a",
    ]
    edit(project, go_sum="".join(f"{line}\n" for line in [*reversed(mine), "a v1.0.0 h1:a", "b v1.0.0 h1:b"]))
    assert run("update").returncode == DONE
    assert text(project, "go.sum").splitlines() == [mine[0], "a v1.0.0 h1:a", "b v1.1.0 h1:b", *mine[1:]]


EXCLUDED = ["", "exclude (", "\tb v1.0.1", "\tb v1.0.2", ")", "", "replace b v1.0.3 => ../b"]


def block_of_requires(*requires: str) -> list[str]:
    """Return lines of a go.mod that require modules, and some that speak of one as often as they like."""
    return ["require (", *(f"\t{each}" for each in requires), ")", *EXCLUDED]


def lines_of_requires(*requires: str) -> list[str]:
    """The same without a block."""
    return [*(f"require {each}" for each in requires), *EXCLUDED]


@pytest.mark.parametrize(
    ("before", "mine", "theirs", "after"),
    [
        (["go 1.26.0"], ["go 1.26.10"], ["go 1.26.9"], ["go 1.26.10"]),
        (["go 1.26.0"], ["go 1.26.3"], ["go 1.27.0"], ["go 1.27.0"]),
        (["go 1.26"], ["go 1.27rc2"], ["go 1.27"], ["go 1.27rc2"]),
        (["go 1.26"], ["go 1.27rc2"], ["go 1.27.0"], ["go 1.27.0"]),
        (
            ["go 1.26.0", "", "toolchain go1.26.1"],
            ["go 1.26.0", "", "toolchain go1.26.10"],
            ["go 1.26.2", "", "toolchain go1.26.2"],
            ["go 1.26.2", "", "toolchain go1.26.10"],
        ),
        *(
            (
                requires("b v1.0.0", "c v0.9.0 // indirect", "d v0.0.0-20250101000000-e7afc7fbc510"),
                requires("b v1.9.0", "c v1.0.0 // indirect", "d v0.0.0-20250101000000-000000000000"),
                requires("b v1.10.0", "c v1.0.0-rc.1", "d v0.0.0-20260101000000-000000000000"),
                requires("c v1.0.0 // indirect", "b v1.10.0", "d v0.0.0-20260101000000-000000000000"),
            )
            for requires in (block_of_requires, lines_of_requires)
        ),
    ],
    ids=["number", "newer", "candidate", "release", "toolchain", "block", "lines"],
)
def test_the_newest_line_is_kept(
    before: list[str], mine: list[str], theirs: list[str], after: list[str], project: Path, run: Run
) -> None:
    """Go reads no go.mod with two lines that say which it is, and no tools.mod with two that require a module.

    A real conflict, as Copier leaves it for `make sync`.
    """
    texts = ["\n".join(["module a", "", *lines, ""]) for lines in (before, mine, theirs)]
    entries = [f"0 {'0' * 40}\tgo.mod"]
    for number, side in enumerate(texts, start=1):
        (project / "go.mod").write_text(side, "utf-8")
        entries.append(f"100644 {git(project, 'hash-object', '-w', 'go.mod').strip()} {number}\tgo.mod")
    index = "".join(f"{entry}\n" for entry in entries)
    subprocess.run(["git", "update-index", "--index-info"], cwd=project, input=index, text=True, check=True)
    marked = ["module a", "", "<<<<<<< before updating", *mine, "=======", *theirs, ">>>>>>> after updating", ""]
    (project / "go.mod").write_text("\n".join(marked), "utf-8")
    done = run("settle")
    assert done.returncode == DONE, done.stderr
    assert text(project, "go.mod") == "\n".join(["module a", "", *after, ""])


def test_a_conflict_in_managed_code_is_shown(project: Path, run: Run, tmp_path: Path) -> None:
    """Exit code 3, markers in the file, unmerged in git, named in the report; sync waits for it."""
    edit(project, managed_go=LINES.replace("{{ framework }}", "fiber").replace("two", "two, mine"))
    done = run("update", "--report", f"{tmp_path}/report.md")
    assert done.returncode == CONFLICTS
    assert unmerged(project) == ["managed.go"]
    assert "<<<<<<< before updating\ntwo, mine\n" in text(project, "managed.go")
    assert "- managed.go\n" in (tmp_path / "report.md").read_text("utf-8")
    settled = run("settle")
    assert settled.returncode == CONFLICTS
    assert "managed.go" in settled.stderr
    assert run("update").returncode == REFUSED
    git(project, "add", "managed.go")
    assert run("settle").returncode == DONE


def test_what_the_template_drops_is_kept_where_it_was_edited(project: Path, run: Run) -> None:
    """A managed file as a conflict that git shows, a seed as it is."""
    edit(project, redis_go="package redis // mine\n", mail__flush_txt="Ours\n")
    done = run("update", "--data", "cache=none")
    assert done.returncode == CONFLICTS
    assert text(project, "redis.go") == "package redis // mine\n"
    assert text(project, "mail/flush.txt") == "Ours\n"
    assert unmerged(project) == ["redis.go"]
    assert "UD redis.go" in git(project, "status", "--porcelain")
    assert "redis.go: you edited it, the template has it no more" in done.stdout
    assert "mail/flush.txt is yours" in done.stdout


def test_no_edit_goes_in_silence_with_what_the_template_drops(project: Path, run: Run) -> None:
    """A line of a lock and a mode are edits, too; what is generated is told."""
    (project / "redis.go").chmod(0o755)
    edit(project, tools_mod="module a\n\ntool mine\n", redis_gen_go="package redis // mine\n")
    done = run("update", "--data", "cache=none")
    assert done.returncode == CONFLICTS, done.stdout + done.stderr
    assert unmerged(project) == ["redis.go", "tools.mod"]
    assert text(project, "tools.mod") == "module a\n\ntool mine\n"
    assert os.access(project / "redis.go", os.X_OK)
    assert not (project / "redis.gen.go").exists()
    assert "- redis.gen.go is generated, and gone with what the template dropped; yours was another" in done.stdout


def test_what_was_deleted_stays_deleted(project: Path, run: Run) -> None:
    """A file of each kind, and all that a release adds to a folder that was deleted."""
    edit(project, README_md=None, managed_go=None, user__user_go=None, user__user_gen_go=None, go_sum=None)
    done = run("update")
    assert done.returncode == DONE, done.stderr
    assert not {"README.md", "managed.go", "go.sum"} & {path.name for path in project.iterdir()}
    assert not (project / "user").exists()
    assert "user/search.go is new in the template, and left out" in done.stdout
    assert "user/index/by name/index.go is new in the template, and left out" in done.stdout


def test_what_an_option_brings_arrives_later(project: Path, run: Run) -> None:
    """Also a seed, beside seeds that were edited; a file of the owner's in its place is a conflict."""
    edit(project, mail__welcome_txt="Ours\n")
    assert run("update", "--data", "cache=memory").returncode == DONE
    edit(project, redis_go="package redis // mine\n")
    done = run("update", "--data", "cache=redis")
    assert done.returncode == CONFLICTS, done.stderr
    assert text(project, "mail/flush.txt") == "Flushed\n"
    assert text(project, "mail/welcome.txt") == "Ours\n"
    assert unmerged(project) == ["redis.go"]
    assert "package redis // mine" in text(project, "redis.go")


def test_a_file_of_the_owners_whose_lines_git_does_not_show_is_not_replaced(
    project: Path, run: Run, tmp_path: Path
) -> None:
    """One that git takes for binary, of a kind that its owner wants no differences of, and a seed of that kind."""
    (tmp_path / "attributes").write_text("memory.go -diff\nmail/* -diff\n", "utf-8")
    variables = configuration(core_attributesFile=str(tmp_path / "attributes"))
    assert run("update", "--data", "cache=none").returncode == DONE
    edit(project, redis_go="package redis // mine \0\n", mail__flush_txt="Ours\n", memory_go="package memory // mine\n")
    done = run("update", "--data", "cache=redis", **variables)
    assert done.returncode == CONFLICTS, done.stdout + done.stderr
    assert unmerged(project) == ["redis.go"]
    assert text(project, "redis.go") == "package redis // mine \0\n"
    assert git(project, "show", ":3:redis.go") == "package redis\n"
    assert "- redis.go: you added it, and so does the template" in done.stdout
    assert text(project, "mail/flush.txt") == "Ours\n"
    assert "- mail/flush.txt is yours, and stays as it is; the template has one, too" in done.stdout
    commit_all(project, "Keep mine")
    done = run("update", "--data", "cache=memory", **variables)
    assert done.returncode == CONFLICTS, done.stdout + done.stderr
    assert "memory.go" in unmerged(project)
    assert text(project, "memory.go") == "package memory // mine\n"


@pytest.mark.parametrize(
    ("path", "to", "refused"),
    [
        ("redis.go", ["--data", "cache=redis"], True),
        ("redis.go", ["--data", "cache=none"], True),
        ("user/search.go", [], True),
        ("user/index/by name/index.go", [], True),
        ("user/search.go", ["--to", "v1.0.0"], False),
        ("user/user.gen.go", [], False),
    ],
    ids=["brought", "dropped", "new", "folder", "later", "generated"],
)
def test_what_git_ignores_is_not_written_over(
    path: str, to: list[str], *, refused: bool, project: Path, run: Run
) -> None:
    """A personal copy that git could not give back, of a file that the template has, drops, or begins to have."""
    write(project, {path: "mine\n", ".gitignore": f"/{Path(path).parent if 'index' in path else path}\n"})
    git(project, "rm", "--quiet", "--cached", "--ignore-unmatch", path)
    git(project, "add", ".gitignore")
    git(project, "commit", "--quiet", "--message", "Keep it to myself")
    assert untouched(project)
    done = run("update", *to)
    assert done.returncode == (REFUSED if refused else DONE), done.stdout + done.stderr
    assert (f"update: {path}\n" in done.stderr) == refused
    if refused:
        assert text(project, path) == "mine\n"
        assert untouched(project)


def test_what_comes_and_git_ignores_is_told(project: Path, run: Run) -> None:
    """No commit would have it: the project builds here, and nowhere else."""
    edit(project, _gitignore="search.go\n*.log\n")
    write(project, {"mine.log": "mine\n"})
    done = run("update")
    assert done.returncode == DONE, done.stderr
    assert "- user/search.go is new in the template, and hidden by what you have git ignore" in done.stdout
    assert "mine.log" not in done.stdout
    assert (project / "user" / "search.go").exists()


@pytest.mark.parametrize("flag", ["skip-worktree", "assume-unchanged"])
def test_edits_that_git_looks_away_from_are_refused(flag: str, project: Path, run: Run) -> None:
    """`git status` does not show them, and no commit has them; the message says how to see them again."""
    git(project, "update-index", f"--{flag}", "managed.go")
    (project / "managed.go").write_text("for this machine alone\n", "utf-8")
    assert untouched(project)
    done = run("update")
    assert done.returncode == REFUSED, done.stdout
    assert "update: managed.go\n" in done.stderr
    assert text(project, "managed.go") == "for this machine alone\n"
    command = next(line for line in done.stderr.splitlines() if "git update-index" in line).removeprefix("update:")
    subprocess.run(["sh", "-c", command.replace("FILE", "managed.go")], cwd=project, check=True)
    assert " M managed.go" in git(project, "status", "--porcelain")


def test_what_an_owner_ignores_everywhere_is_merged_where_it_is_committed(
    project: Path, run: Run, tmp_path: Path
) -> None:
    """Edits of such files stay; what is ignored and not committed is no change, and stays, too."""
    (tmp_path / "ignore").write_text("managed.go\nuser/\n.idea/\n", "utf-8")
    edit(
        project,
        managed_go=LINES.replace("{{ framework }}", "fiber").replace("five", "five, mine"),
        user__user_go="package user // mine\n",
    )
    write(project, {".idea/workspace.xml": "mine\n"})
    done = run("update", **configuration(core_excludesFile=str(tmp_path / "ignore")))
    assert done.returncode == DONE, done.stdout + done.stderr
    assert text(project, "managed.go") == "one\ntwo, changed\nthree fiber\nfour\nfive, mine\n"
    assert text(project, "user/user.go") == "package user // mine\n"
    assert text(project, ".idea/workspace.xml") == "mine\n"


@pytest.mark.parametrize("path", ["managed.go", "user/search.go"], ids=["changed", "new"])
def test_a_link_in_the_place_of_a_file_stays(path: str, project: Path, run: Run, tmp_path: Path) -> None:
    """And what it leads to is not touched."""
    outside = tmp_path / "outside.go"
    outside.write_text(f"{LINES}mine\n", "utf-8")
    (project / path).unlink(missing_ok=True)
    (project / path).symlink_to(outside)
    commit_all(project, "Link")
    done = run("update")
    assert done.returncode == DONE, done.stdout + done.stderr
    assert (project / path).readlink() == outside
    assert outside.read_text("utf-8") == f"{LINES}mine\n"


def test_a_link_in_the_place_of_a_folder_is_refused(project: Path, run: Run, tmp_path: Path) -> None:
    """An update would write through it; without the link, the folder is one that was deleted."""
    outside = tmp_path / "outside"
    shutil.move(project / "user", outside)
    (project / "user").symlink_to(outside)
    commit_all(project, "Link")
    before = read_tree(outside)
    done = run("update")
    assert done.returncode == REFUSED, done.stdout
    assert "these are symbolic links or submodules where the template has folders" in done.stderr
    assert done.stderr.endswith("update: user\n")
    assert read_tree(outside) == before
    edit(project, user=None)
    assert run("update").returncode == DONE
    assert not (project / "user").exists()


@pytest.mark.parametrize(
    ("path", "taken"),
    [("user/search.go/a.go", "user/search.go"), ("user/index", "user/index"), ("managed.go/a.go", "managed.go")],
    ids=["folder", "file", "former"],
)
def test_a_folder_in_the_place_of_a_file_is_refused(path: str, taken: str, project: Path, run: Run) -> None:
    """And a file in the place of a folder: of what a release brings, and of what the template had."""
    (project / taken).unlink(missing_ok=True)
    write(project, {path: "mine\n"})
    commit_all(project, "Mine")
    done = run("update")
    assert done.returncode == REFUSED, done.stdout + done.stderr
    assert done.stderr.endswith(f"commit that\nupdate: {taken}\n")
    assert untouched(project)
    assert text(project, path) == "mine\n"


@pytest.mark.parametrize("kind", ["link", "submodule"])
def test_what_leads_elsewhere_is_refused_where_a_release_begins_to_have_a_folder(
    kind: str, project: Path, run: Run, tmp_path: Path
) -> None:
    """In the repository that has it, an update would add files that nobody looks for there."""
    place = project / "user" / "index"
    if kind == "link":
        (tmp_path / "outside").mkdir()
        place.symlink_to(tmp_path / "outside")
    else:
        write(place, {"theirs.go": "package index\n"})
        commit_all(place, "Theirs")
    commit_all(project, "Lead elsewhere")
    before = read_tree(place)
    done = run("update")
    assert done.returncode == REFUSED, done.stdout
    assert done.stderr.endswith("update: user/index\n")
    assert read_tree(place) == before
    assert run("update", "--to", "v1.0.0").returncode == DONE, "that has no such folder"


def test_hooks_of_the_owner_do_not_run(project: Path, run: Run, tmp_path: Path) -> None:
    """They are about commits and checkouts of people: one that fails would leave an update half done."""
    for hook in ("post-checkout", "prepare-commit-msg", "post-index-change"):
        put_program(tmp_path / "hooks" / hook, "#!/bin/sh\nexit 1\n")
    edit(project, README_md="# Ours\n")
    variables = configuration(core_hooksPath=str(tmp_path / "hooks"))
    for command in ("preview", "update"):
        done = run(command, **variables)
        assert done.returncode == DONE, done.stdout + done.stderr
        assert "README.md is yours" in done.stdout
    assert text(project, "README.md") == "# Ours\n"


@pytest.mark.parametrize("former", [True, False], ids=["formatted", "older"])
def test_answers_that_say_the_same_are_not_refused(*, former: bool, project: Path, run: Run) -> None:
    """Written in another way, the template at another address; or of a version that did not write what tells."""
    said = text(project, ".copier-answers.yml")
    comments = [line for line in said.splitlines() if line.startswith("#")]
    lines = [line for line in said.splitlines() if line not in comments]
    source = next(line for line in lines if line.startswith("_src_path: "))
    moved = [f"{source}/../{Path(source).name}" if line == source else line for line in lines]
    header = [line.replace('make update SET="NAME=VALUE"', "copier update --data NAME=VALUE") for line in comments]
    assert header != comments, "as releases up to 1.1.0 wrote it"
    quoted = ["cache: 'redis'" if line == "cache: redis" else line for line in moved]
    (project / ".copier-answers.yml").write_text("\n".join([*(header if former else []), *quoted, ""]), "utf-8")
    commit_all(project, "Format")
    done = run("update")
    assert done.returncode == DONE, done.stderr
    after = [line for line in text(project, ".copier-answers.yml").splitlines() if line.startswith("#")]
    assert after == [line.replace(" v1.0.0 ", " v1.1.0 ") for line in comments]


def test_an_owner_can_keep_updates_off_a_file(project: Path, run: Run) -> None:
    """A line at the top of the list makes a managed file a seed."""
    rules = text(project, OWNERSHIP)
    edit(project, managed_go="mine\n", scripts__template__ownership_txt=f"seed managed.go\n{rules}")
    done = run("update")
    assert done.returncode == DONE, done.stderr
    assert text(project, "managed.go") == "mine\n"


def test_the_last_line_of_the_list_needs_no_end(project: Path, run: Run) -> None:
    """Editors leave it out."""
    rules = text(project, OWNERSHIP)
    edit(project, managed_go="mine\n", scripts__template__ownership_txt=f"{rules}seed managed.go")
    done = run("update")
    assert done.returncode == DONE, done.stdout + done.stderr
    assert text(project, "managed.go") == "mine\n"


def test_a_line_that_would_not_be_heeded_is_refused(project: Path, run: Run) -> None:
    """Of no kind, of no pattern, or with the line end of Windows: the edit that it was to keep would be merged."""
    rules = text(project, OWNERSHIP)
    lines = "sead Dockerfile\nseed\nseed managed.go\r\n \n\t# mine\r\n  seed  a  b.go\n"
    edit(project, managed_go="mine\n", scripts__template__ownership_txt=f"{lines}{rules}")
    done = run("update")
    assert done.returncode == REFUSED, done.stdout
    assert done.stderr.endswith("would not be heeded:\nupdate: sead Dockerfile\nseed\nseed managed.go\n")
    assert untouched(project)


@pytest.mark.parametrize("kind", ["managed", "lock", "seed"])
def test_generated_code_can_be_made_a_seed_alone(kind: str, project: Path, run: Run) -> None:
    """Copier does not merge it: a line that asks for that is refused before an edit is lost."""
    rules = text(project, OWNERSHIP)
    edit(project, user__user_gen_go="mine\n", scripts__template__ownership_txt=f"{kind} user/*.gen.go\n{rules}")
    done = run("update")
    assert done.returncode == (DONE if kind == "seed" else REFUSED), done.stdout + done.stderr
    assert ('only "seed" may stand over' in done.stderr) == (kind != "seed")
    assert text(project, "user/user.gen.go") == "mine\n"


def test_a_preview_changes_nothing(project: Path, run: Run) -> None:
    """It shows the difference, and exits like the update would."""
    edit(project, managed_go=LINES.replace("{{ framework }}", "fiber").replace("two", "two, mine"))
    done = run("preview")
    assert done.returncode == CONFLICTS, done.stderr
    assert "+With fiber, and more." in done.stdout
    assert "+<<<<<<< before updating" in done.stdout
    assert untouched(project)


def test_a_report_lands_where_the_caller_is(project: Path, run: Run, tmp_path: Path) -> None:
    """Its path may be relative, also for a preview; in the project it would be one more change."""
    for command in ("preview", "update"):
        (tmp_path / command).mkdir()
        done = run(command, "--to", "v1.1.0", "--report", "report.md", caller=tmp_path / command)
        assert done.returncode == DONE, done.stderr
        assert done.stdout.startswith(text(tmp_path, f"{command}/report.md"))
    assert not (project / "report.md").exists()


def test_a_preview_that_cannot_be_made_has_failed(run: Run, tmp_path: Path) -> None:
    """With the exit code of a failure, whatever that of git is."""
    path = stand_in(tmp_path / "bin", "git", 'case "$*" in *" clone --quiet "*) exit 128 ;; esac')
    done = run("preview", PATH=path)
    assert done.returncode == FAILED
    assert "cannot clone this repository" in done.stderr


def test_a_plain_pretence_writes_nothing(project: Path) -> None:
    """docs/updating.md compares it with a preview."""
    before = read_tree(project)
    copier = [str(Path(sys.executable).with_name("copier")), "update", "--pretend", "--quiet", "--defaults"]
    subprocess.run(copier, cwd=project, check=True, capture_output=True)
    assert read_tree(project) == before
    assert untouched(project)


def test_check_tells_whether_there_is_news(project: Path, run: Run) -> None:
    """By its exit code, and in words."""
    assert run("check").returncode == NEWER
    assert run("update").returncode == DONE
    commit_all(project, "Update")
    write(project, {"new.go": "package a\n"})
    done = run("check")
    assert done.returncode == DONE, "it touches nothing, so that all need not be committed"
    assert "v1.1.0 is the newest version" in done.stdout


def test_make_calls_the_script(project: Path, run: Run) -> None:
    """With versions and answers as variables; sync settles first."""
    environment = {**os.environ, "PATH": TOOLS_FIRST}
    command = ["make", "--no-print-directory", "update", "TO=v1.1.0", "SET=cache=memory framework=echo"]
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answers = yaml.safe_load(text(project, ".copier-answers.yml"))
    assert (answers["_commit"], answers["cache"], answers["framework"]) == ("v1.1.0", "memory", "echo")
    synced = subprocess.run(["make", "sync"], cwd=project, env=environment, capture_output=True, text=True, check=True)
    assert "synced" in synced.stdout
    assert run("leave").returncode == DONE
    assert not (project / "scripts" / "template").exists()
    assert not (project / ".copier-answers.yml").exists()
    synced = subprocess.run(["make", "sync"], cwd=project, env=environment, capture_output=True, text=True, check=True)
    assert "synced" in synced.stdout


def test_who_lost_the_answers_can_leave(project: Path, run: Run) -> None:
    """It says that they were gone."""
    edit(project, **{"_copier-answers_yml": None})
    done = run("leave")
    assert done.returncode == DONE, done.stderr
    assert ".copier-answers.yml is missing already" in done.stdout
    assert not (project / "scripts").exists()


GREP_OF_BSD = """\
#!/bin/sh
before=
for argument; do
	if test "$before" = -f && ! test -s "$argument"; then exit 1; fi
	before=$argument
done
exec {grep} "$@"
"""
"""It prints nothing when a file of patterns is empty, also with -v."""


def test_sync_keeps_sums_whatever_grep_there_is(project: Path, run: Run, tmp_path: Path) -> None:
    """What an owner committed, and a merge lost, is there again before Go looks."""
    put_program(tmp_path / "bin" / "grep", GREP_OF_BSD.format(grep=shutil.which("grep")))
    edit(project, go_sum="a v1.0.0 h1:a\nmine v1.0.0 h1:m\n")
    write(project, {"go.sum": "a v1.0.0 h1:a\nb v1.1.0 h1:b\n"})
    assert run("settle", PATH=f"{tmp_path / 'bin'}{os.pathsep}{TOOLS_FIRST}").returncode == DONE
    assert text(project, "go.sum").splitlines() == ["a v1.0.0 h1:a", "b v1.1.0 h1:b", "mine v1.0.0 h1:m"]


def test_sync_settles_what_copier_alone_leaves(project: Path, run: Run) -> None:
    """After a plain `copier update`: locks are united, seeds are the owner's, sums come back; the rest waits."""
    edit(
        project,
        README_md="# Ours\n\nWith joy.\n",
        go_mod="module a\n\nrequire (\n\ta v1.0.0\n\tb v1.2.0\n)\n",
        go_sum="a v1.0.0 h1:a\nb v1.0.0 h1:b\nmine v1.0.0 h1:m\n",
    )
    copier = [Path(sys.executable).with_name("copier"), "update", "--quiet", "--defaults"]
    subprocess.run(copier, cwd=project, check=True, capture_output=True)
    assert unmerged(project) == ["README.md", "go.mod"]
    done = run("settle")
    assert done.returncode == DONE, done.stderr
    assert done.stdout.splitlines() == ["README.md: is yours, as it was", "go.mod: has the lines of both sides"]
    assert unmerged(project) == []
    assert text(project, "README.md") == "# Ours\n\nWith joy.\n"
    assert [line for line in text(project, "go.mod").splitlines() if "\tb " in line] == ["\tb v1.2.0"]
    assert "mine v1.0.0 h1:m" in text(project, "go.sum").splitlines()


def test_sync_leaves_the_conflicts_of_a_merge_alone(project: Path, run: Run) -> None:
    """Two people's sides of a seed, a lock and generated code, also where one is missing: neither is dropped."""
    sums = "a v1.0.0 h1:a\n"
    git(project, "switch", "--quiet", "--create", "colleague")
    edit(
        project,
        README_md="# Theirs\n",
        go_sum=f"{sums}theirs v1.0.0 h1:t\n",
        user__user_gen_go="theirs\n",
        mail__welcome_txt=None,
    )
    git(project, "switch", "--quiet", "main")
    edit(
        project,
        README_md="# Ours\n",
        go_sum=f"{sums}ours v1.0.0 h1:o\n",
        user__user_gen_go=None,
        mail__welcome_txt="Ours\n",
    )
    merge = subprocess.run(["git", "merge", "colleague"], cwd=project, capture_output=True, text=True, check=False)
    assert merge.returncode == 1, merge.stderr
    conflicts = ["README.md", "go.sum", "mail/welcome.txt", "user/user.gen.go"]
    before = read_tree(project)
    done = run("settle")
    assert done.returncode == CONFLICTS
    assert all(path in done.stderr for path in conflicts)
    assert unmerged(project) == conflicts
    assert read_tree(project) == before


FOREIGN = ("Team", "my-key", "_own")

REFUSALS = {
    "dirty": (["update"], "not committed"),
    "unknown": (["update", "--data", "colour=red"], "asks no question colour; the questions are: cache framework"),
    "choice": (["update", "--data", "cache=gold"], "cache"),
    "text": (["update", "--data", "project_name=bad"], "choose another name"),
    "novalue": (["update", "--data", "cache"], "NAME=VALUE"),
    "option": (["update", "--force"], "no option --force"),
    "missing": (["update", "--to"], "--to takes a value"),
    "version": (["update", "--to", "v9.9.9"], "v9.9.9"),
    "report": (["update", "--report", "/no/such/report.md"], "no report can be written to /no/such/report.md"),
    "reports": (["update", "--report", "/usr"], "no report can be written to /usr"),
    "relative": (["update"], "relative path ../template"),
    "stranger": (["update"], "answers colour, which is no question"),
    "foreign": (
        ["update"],
        "\n".join(f".copier-answers.yml answers {key}, which is no question of v1.0.0" for key in FOREIGN),
    ),
    "windows": (["update"], "has line ends of Windows"),
    "forgotten": (["update", "--forget", "cahce"], "no answer cahce to forget; the answers are: cache framework"),
    "tampered": (["update"], "cache"),
    "swapped": (["update"], "was changed by hand, and the files were not"),
    "fewer": (["update"], "was changed by hand, and the files were not"),
    "pinned": (["update"], "its _commit was v1.0.0, and the files are of that"),
    "lost": (["update"], "is missing"),
    "emptied": (["update"], "does not say which template"),
    "copier": (["update"], "there is no copier"),
    "command": (["upgrade"], ""),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_it_is_refused_before_anything_is_touched(name: str, project: Path, run: Run, tmp_path: Path) -> None:
    """One reason each, in words that say what to do."""
    arguments, message = REFUSALS[name]
    answers = project / ".copier-answers.yml"
    said = text(project, ".copier-answers.yml")
    changes = {
        "relative": "\n".join("_src_path: ../template" if "_src_path" in line else line for line in said.splitlines()),
        "stranger": said + "colour: red\n",
        "foreign": said + "".join(f"{key}: x\n" for key in FOREIGN),
        "windows": said.replace("\n", "\r\n"),
        "tampered": said.replace("cache: redis", "cache: gold"),
        "swapped": said.replace("cache: redis", "cache: none"),
        "fewer": said.replace("- metrics\n", ""),
        "pinned": said.replace("_commit: v1.0.0", "_commit: v1.1.0"),
        "emptied": "project_name: parcel\n",
    }
    variables = {}
    if name in changes:
        answers.write_text(changes[name].rstrip("\n") + "\n", "utf-8")
        commit_all(project, "Tamper")
    elif name == "lost":
        answers.unlink()
        commit_all(project, "Lose")
    elif name == "dirty":
        (project / "new.go").write_text("package a\n", "utf-8")
    elif name == "copier":
        (tmp_path / "bin").mkdir()
        for tool in ("sh", "git", "sed", "awk", "grep", "mktemp", "rm", "dirname", "sort", "cut", "head", "cat", "tr"):
            (tmp_path / "bin" / tool).symlink_to(str(shutil.which(tool)))
        variables = {"PATH": str(tmp_path / "bin")}
    before = read_tree(project)
    done = run(*arguments, **variables)
    assert done.returncode in ({FAILED, REFUSED} if name == "tampered" else {REFUSED}), done.stdout + done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert read_tree(project) == before


@pytest.mark.parametrize("where", ["repository", "environment"])
def test_the_git_of_the_owner_may_be_configured(where: str, project: Path, run: Run) -> None:
    """With what hides untracked files, refuses space at the end of a line, or prints names as they are."""
    settings = {"status.showUntrackedFiles": "no", "apply.whitespace": "error", "core.quotePath": "false"}
    variables = {}
    if where == "environment":
        variables = configuration(**settings)
    rules = text(project, OWNERSHIP)
    ours = LINES.replace("{{ framework }}", "fiber").replace("two", "two, mine").replace("five", "five, mine ")
    edit(project, managed_go=ours, größe_go="package a\n", scripts__template__ownership_txt=f"# Mine. \n{rules}")
    if where == "repository":
        for name, value in settings.items():
            git(project, "config", name, value)
    (project / "new.go").write_text("package a\n", "utf-8")
    done = run("update", **variables)
    assert done.returncode == REFUSED
    assert "?? new.go" in done.stderr
    (project / "new.go").unlink()
    done = run("update", **variables)
    assert done.returncode == CONFLICTS, done.stdout + done.stderr
    assert unmerged(project) == ["managed.go"]
    assert "two, mine\n" in text(project, "managed.go")
    assert "five, mine \n" in text(project, "managed.go")
    assert text(project, OWNERSHIP).startswith("# Mine. \n")


def test_the_git_of_the_owner_may_end_lines_as_on_windows(changed: Path, project: Path, run: Run) -> None:
    """Copier renders what it checks out, and what nobody edited goes with the version that drops it."""
    git(changed, "rm", "--quiet", "template/{{core}}/user/user.go", "template/{{redis}}/redis.go")
    commit_all(changed, "v2.0.0")
    git(changed, "tag", "v2.0.0")
    done = run("update", **configuration(core_autocrlf="true"))
    assert done.returncode == DONE, done.stdout + done.stderr
    left = read_tree(project)
    assert "user/user.go" not in left
    assert "redis.go" not in left
    assert [path for path, (content, _) in left.items() if b"\r" in content] == []


def test_the_language_of_the_owner_changes_nothing(project: Path, run: Run, tmp_path: Path) -> None:
    """In Turkish an i is not in a-z, by which `names` finds the answers."""
    path = stand_in(tmp_path / "bin", "sed", f'echo "$LC_ALL" >> {tmp_path}/spoken')
    assert run("update", PATH=path, LC_ALL="tr_TR.UTF-8").returncode == DONE
    assert set((tmp_path / "spoken").read_text("utf-8").split()) == {"C"}
    assert "observability" in text(project, ".copier-answers.yml")


def test_an_alias_of_git_may_run_it(project: Path, run: Run) -> None:
    """In a linked worktree git names the repository to it, and Copier's own would commit in there."""
    for tag in ("v1.0.0", "v1.1.0"):
        git(project, "tag", tag)
    edit(project, README_md="# Ours\n")
    before = git(project, "log", "--all", "--format=%H %D")
    done = run("update", GIT_DIR=f"{project}/.git")
    assert done.returncode == DONE, done.stdout + done.stderr
    assert git(project, "log", "--all", "--format=%H %D") == before
    assert git(project, "symbolic-ref", "HEAD") == "refs/heads/main\n"
    assert text(project, "README.md") == "# Ours\n"
    assert "two, changed" in text(project, "managed.go")
    assert (project / "user" / "search.go").exists()
    assert unmerged(project) == []


def test_a_repository_of_longer_digests_is_refused(project: Path, run: Run) -> None:
    """The trees that Copier compares are of two formats then, which git does not take."""
    shutil.rmtree(project / ".git")
    git(project, "init", "--quiet", "--object-format=sha256")
    commit_all(project, "Start")
    done = run("update")
    assert done.returncode == REFUSED, done.stdout
    assert "SHA-256" in done.stderr


def test_a_status_that_fails_is_not_taken_for_a_clean_one(run: Run, tmp_path: Path) -> None:
    """Where a file of git's own cannot be read, for one."""
    path = stand_in(tmp_path / "bin", "git", 'case "$*" in *" status --porcelain -- .") exit 1 ;; esac')
    assert run("update", PATH=path).returncode == REFUSED


def test_what_git_says_is_shown(project: Path, run: Run) -> None:
    """Of a repository that it does not trust, as in a container, it names the way out; sync does without any."""
    doubt = {"GIT_TEST_ASSUME_DIFFERENT_OWNER": "1", "GIT_CONFIG_GLOBAL": os.devnull}
    for command, code in (("update", REFUSED), ("preview", REFUSED), ("settle", DONE)):
        done = run(command, **doubt)
        assert done.returncode == code, done.stderr
        assert "git config --global --add safe.directory" in done.stderr
    assert untouched(project)
    shutil.rmtree(project / ".git")
    variables = {"GIT_CEILING_DIRECTORIES": str(project.parent)}
    for command in ("update", "preview"):
        done = run(command, **variables)
        assert done.returncode == REFUSED
        assert "not a git repository" in done.stderr
    done = run("settle", **variables)
    assert (done.returncode, done.stdout, done.stderr) == (DONE, "", "")
    git(project, "init", "--quiet")
    done = run("update")
    assert done.returncode == REFUSED
    assert "no commit" in done.stderr
    assert run("settle").returncode == DONE


@pytest.fixture
def changed(small: Path, project: Path, tmp_path: Path) -> Path:
    """A template of one's own, from which the project comes."""
    shutil.copytree(small, tmp_path / "template")
    answers = project / ".copier-answers.yml"
    answers.write_text(answers.read_text("utf-8").replace(str(small), str(tmp_path / "template")), "utf-8")
    commit_all(project, "Move the template")
    return tmp_path / "template"


def release(template: Path, tag: str, **replacements: tuple[str, str]) -> None:
    """Tag a version in which copier.yml says something else."""
    copier_yml = text(template, "copier.yml")
    for old, new in replacements.values():
        assert old in copier_yml
        copier_yml = copier_yml.replace(old, new)
    (template / "copier.yml").write_text(copier_yml, "utf-8")
    commit_all(template, tag)
    git(template, "tag", tag)


def test_an_answer_that_would_be_lost_is_told(changed: Path, project: Path, run: Run) -> None:
    """Copier takes the default for a question with another name and a choice that is gone, without a word."""
    release(changed, "v2.0.0", name=("cache: {type", "store: {type"), used=("if cache ==", "if store =="))
    done = run("update")
    assert done.returncode == REFUSED
    assert "v2.0.0 asks no question cache any more" in done.stderr
    assert untouched(project)
    done = run("update", "--to", "v2.0.0", "--data", "store=memory", "--forget", "cache")
    assert done.returncode == DONE, done.stderr
    assert (project / "memory.go").exists()


def test_a_choice_that_is_gone_is_told(changed: Path, project: Path, run: Run) -> None:
    """The owner chooses, or says that the default will do."""
    release(
        changed,
        "v2.0.0",
        choices=("choices: [redis, memory, none], default: redis", "choices: [memory], default: memory"),
    )
    done = run("update")
    assert done.returncode == REFUSED
    assert "cache" in done.stderr
    assert untouched(project)
    assert run("update", "--forget", "cache").returncode == DONE
    assert (project / "memory.go").exists()


def test_an_update_that_fails_leaves_the_project_as_it_was(changed: Path, project: Path, run: Run) -> None:
    """A version that cannot be rendered: half of it would be on disk already."""
    write(changed, {"template/{{core}}/zebra.go.jinja": "{{ no_such_answer }}\n"})
    release(changed, "v2.0.0")
    (project / ".gitignore").write_text("/.env\n", "utf-8")
    commit_all(project, "Ignore")
    (project / ".env").write_text("SECRET=1\n", "utf-8")
    before = read_tree(project)
    done = run("update")
    assert done.returncode == FAILED, done.stdout
    assert "as it was" in done.stderr
    assert "no_such_answer" in done.stderr
    assert read_tree(project) == before
    assert untouched(project)


def test_what_git_ignores_of_a_failed_update_goes_with_it(project: Path, run: Run, tmp_path: Path) -> None:
    """The next one would take it for the owner's, and refuse."""
    edit(project, _gitignore="search.go\nindex/\n*.log\n")
    write(project, {"mine.log": "mine\n"})
    before = read_tree(project)
    path = stand_in(tmp_path / "bin", "copier", "", 'test "$1" != update || exit 1')
    assert run("update", PATH=path).returncode == FAILED
    assert read_tree(project) == before
    assert run("update").returncode == DONE


def test_the_version_that_was_looked_at_is_the_one_that_is_written(
    changed: Path, project: Path, run: Run, tmp_path: Path
) -> None:
    """Also when the template gets a newer one meanwhile."""
    release(changed, "v2.0.0", name=("cache: {type", "store: {type"), used=("if cache ==", "if store =="))
    git(changed, "tag", "--delete", "v2.0.0")
    tags = f'case "$*" in *" --depth 1 "*) "$0" -C {changed} tag v2.0.0 ;; esac'
    done = run("update", PATH=stand_in(tmp_path / "bin", "git", tags))
    assert done.returncode == DONE, done.stdout + done.stderr
    assert git(changed, "tag").split() == ["v1.0.0", "v1.1.0", "v2.0.0"]
    assert "_commit: v1.1.0\n" in text(project, ".copier-answers.yml")
    assert "cache: redis\n" in text(project, ".copier-answers.yml")


def stand_in(folder: Path, tool: str, before: str, after: str = "") -> str:
    """Make a tool that does something before and after what the real one does; return a PATH that has it first."""
    real = shutil.which(tool, path=TOOLS_FIRST)
    put_program(folder / tool, f'#!/bin/sh\n{before}\n{real} "$@" || exit\n{after}\n')
    return f"{folder}{os.pathsep}{TOOLS_FIRST}"


def test_an_update_that_was_killed_is_told(small: Path, run: Run, tmp_path: Path) -> None:
    """What it left is not thrown away, for the owner's work may be among it; neighbours stay as they are."""
    mono = tmp_path / "mono"
    project = in_monorepo(small, mono, "parcel's desk", {"other/note.txt": "mine\n"})
    edit(project, managed_go=LINES.replace("{{ framework }}", "fiber").replace("two", "two, mine"))
    write(mono, {"other/note.txt": "changed\n", "other/new.txt": "new\n"})
    before = read_tree(mono)
    path = stand_in(tmp_path / "bin", "copier", "", 'test "$1" != update || kill -KILL "$PPID"')
    assert run("update", folder=project, PATH=path).returncode == -signal.SIGKILL
    assert unmerged(project) == ["managed.go"]
    write(project, {"new.go": "package a // mine\n"})
    done = run("update", folder=project)
    assert done.returncode == REFUSED
    assert "an update was interrupted" in done.stderr
    assert "commit them first" not in done.stderr
    assert "?? new.go\n" in done.stderr
    command = next(line for line in done.stderr.splitlines() if "git stash push" in line).removeprefix("update:")
    subprocess.run(["sh", "-c", command], cwd="/", check=True, capture_output=True)
    assert read_tree(mono) == before
    assert "package a // mine" in git(project, "show", "stash@{0}^3:./new.go")
    assert run("update", folder=project).returncode == CONFLICTS
    git(project, "add", ".")
    done = run("update", folder=project)
    assert done.returncode == REFUSED
    assert "commit them first" in done.stderr, "that one came to its end"


@pytest.mark.parametrize("command", ["copy", "update"])
def test_what_is_saved_while_an_update_renders_is_kept(command: str, project: Path, run: Run, tmp_path: Path) -> None:
    """Before the last look at the project, and between that and Copier's own."""
    path = stand_in(tmp_path / "bin", "copier", f'test "$1" != {command} || echo mine > {project}/managed.go')
    done = run("update", PATH=path)
    assert done.returncode == REFUSED, done.stderr
    assert "as it was" not in done.stderr
    assert git(project, "status", "--porcelain") == " M managed.go\n"
    assert text(project, "managed.go") == "mine\n"


def test_one_update_runs_at_a_time(project: Path, run: Run, tmp_path: Path) -> None:
    """The second would take the files of the first for the owner's, or take them back."""
    other = f'sh {project}/{SCRIPT} update > {tmp_path}/second 2>&1; echo "exit code $?" >> {tmp_path}/second'
    path = stand_in(tmp_path / "bin", "copier", f"test -e {tmp_path}/second || {{ {other}; }}")
    done = run("update", PATH=path)
    assert done.returncode == DONE, done.stderr
    second = (tmp_path / "second").read_text("utf-8")
    assert "an update is running" in second
    assert second.endswith(f"exit code {REFUSED}\n")


def test_the_number_of_a_killed_update_may_come_again(project: Path) -> None:
    """In a container each run has the same few; nothing but the process itself can be meant then."""
    mark = project / ".git" / "template-update"
    command = f"echo $$ > {mark}; exec sh {project / SCRIPT} update"
    environment = {**os.environ, "PATH": TOOLS_FIRST}
    assert subprocess.run(["sh", "-c", command], env=environment, capture_output=True, check=False).returncode == DONE
    assert not mark.exists()


def test_the_mark_of_an_update_that_began_meanwhile_is_kept(project: Path, run: Run, tmp_path: Path) -> None:
    """Both had looked before either wrote its mark; the second must not run, nor take the mark of the first away."""
    mark = project / ".git" / "template-update"
    begins = f'case "$*" in *"ls-files -v "*) echo {os.getpid()} > {mark} ;; esac'
    done = run("update", PATH=stand_in(tmp_path / "bin", "git", begins))
    assert done.returncode == REFUSED, done.stdout
    assert "an update has just begun" in done.stderr
    assert mark.read_text("utf-8") == f"{os.getpid()}\n"
    assert untouched(project)


def test_only_files_of_the_template_are_shown_in_full(project: Path, run: Run, tmp_path: Path) -> None:
    """Copier's difference has all files of the repository, and git takes none of a gigabyte."""
    edit(project, mine_bin="binary")
    seen = tmp_path / "attributes"
    path = stand_in(tmp_path / "bin", "copier", f'test "$1" != update || cp "$GIT_TEMPLATE_DIR/info/attributes" {seen}')
    assert run("update", PATH=path).returncode == DONE
    lines = seen.read_text("utf-8").splitlines()
    assert "/managed.go diff" in lines
    assert "/mine.bin diff" not in lines
    assert all(line.startswith("/") for line in lines)


def test_answers_may_have_comments_and_blank_lines_between_them(project: Path, run: Run) -> None:
    """They belong to no answer."""
    said = text(project, ".copier-answers.yml")
    edited = re.sub(r"(?m)^(_commit: .*|_src_path: .*)$", r"\1 # mine\n\n# where it comes from", said)
    assert edited.count("where it comes from") == 2
    write(project, {".copier-answers.yml": edited})
    commit_all(project, "Comment")
    done = run("update")
    assert done.returncode == DONE, done.stderr


def test_what_comes_and_goes_in_an_ignored_folder_is_nobodys_news(project: Path, run: Run, tmp_path: Path) -> None:
    """A database that runs makes files there."""
    edit(project, _gitignore="/.data/\n")
    write(project, {".data/base/1": "1\n"})
    path = stand_in(tmp_path / "bin", "copier", "", f'test "$1" != update || echo 2 > {project}/.data/base/2')
    done = run("update", PATH=path)
    assert done.returncode == DONE, done.stderr
    assert ".data" not in done.stdout


def test_an_impatient_owner_gets_the_project_back(project: Path, run: Run, tmp_path: Path) -> None:
    """Stopped during the update, and again while it is taken back."""
    before = read_tree(project)
    stand_in(tmp_path / "bin", "git", 'case "$*" in *" checkout --quiet HEAD -- .") kill -TERM "$PPID" ;; esac')
    path = stand_in(tmp_path / "bin", "copier", "", 'test "$1" != update || kill -TERM "$PPID"')
    done = run("update", PATH=path)
    assert done.returncode == FAILED, done.stderr
    assert "as it was" in done.stderr
    assert read_tree(project) == before
    assert untouched(project)
    assert list((project / ".git").glob("*template-update")) == []


def test_a_checkout_that_fails_does_not_keep_the_rest_from_being_taken_back(
    changed: Path, project: Path, run: Run, tmp_path: Path
) -> None:
    """Git says so after it has written what it could: with the owner's filter for large files, for one."""
    write(changed, {"template/{{core}}/zebra.go.jinja": "{{ no_such_answer }}\n"})
    release(changed, "v2.0.0")
    before = read_tree(project)
    path = stand_in(tmp_path / "bin", "git", "", 'case "$*" in *" checkout --quiet HEAD -- .") exit 1 ;; esac')
    done = run("update", PATH=path)
    assert done.returncode == FAILED, done.stderr
    assert read_tree(project) == before
    assert list((project / ".git").glob("*template-update")) == []


def test_an_update_that_cannot_be_taken_back_is_told(project: Path, run: Run, tmp_path: Path) -> None:
    """Where git can write nothing, for one; the next update says how."""
    lock = project / ".git" / "index.lock"
    path = stand_in(tmp_path / "bin", "copier", "", f'test "$1" != update || {{ touch {lock}; exit 1; }}')
    done = run("update", PATH=path)
    assert done.returncode == FAILED, done.stderr
    assert "could not take it back" in done.stderr
    assert "as it was" not in done.stderr
    lock.unlink()
    assert not untouched(project)
    done = run("update")
    assert done.returncode == REFUSED
    assert "an update was interrupted" in done.stderr


def test_who_stops_waiting_for_the_news_has_no_update(project: Path, run: Run, tmp_path: Path) -> None:
    """They come over the network; the exit code says that nothing happened."""
    path = stand_in(tmp_path / "bin", "git", 'case "$*" in *" clone "*" --depth 1 "*) kill -TERM "$PPID" ;; esac')
    assert run("update", PATH=path).returncode == FAILED
    assert untouched(project)


def test_an_update_that_is_done_is_not_called_a_failure(run: Run, tmp_path: Path) -> None:
    """Stopped while the report is written, after all else."""
    path = stand_in(tmp_path / "bin", "sed", 'case "$*" in "s/^/- / "*) kill -TERM "$PPID" ;; esac')
    done = run("update", PATH=path)
    assert done.returncode == DONE, done.stderr
    assert "Next: make sync" in done.stdout


MOVE = "sed -i.bak -e 's|^_src_path: "


def test_a_template_in_a_place_with_a_long_name(changed: Path, project: Path, run: Run) -> None:
    """YAML breaks lines at spaces, which older versions let it do; what moves a template leaves none of it."""
    place = changed.rename(changed.with_name(f"all the templates of our company, {'and of others ' * 5}too"))
    said = yaml.safe_load(text(project, ".copier-answers.yml"))
    answers = yaml.safe_dump({**said, "_src_path": str(place)})
    assert f"{place}" not in answers
    edit(project, **{"_copier-answers_yml": answers})
    done = run("update")
    assert done.returncode == DONE, done.stderr
    assert f"_src_path: {place}\n" in text(project, ".copier-answers.yml")
    edit(project, **{"_copier-answers_yml": answers})
    line = next(line for line in text(ROOT, "docs/updating.md").splitlines() if line.startswith(MOVE))
    subprocess.run(["sh", "-c", line.replace("ORG", "acme")], cwd=project, check=True)
    moved = {**said, "_src_path": "https://github.com/acme/copier-go-service.git"}
    assert yaml.safe_load(text(project, ".copier-answers.yml")) == moved


def test_a_template_that_is_gone_is_told(changed: Path, project: Path, run: Run) -> None:
    """Nothing is touched, and the message names where it was looked for."""
    changed.rename(changed.with_name("moved"))
    before = read_tree(project)
    done = run("update")
    assert done.returncode == FAILED
    assert str(changed) in done.stderr
    assert read_tree(project) == before


def test_default_branches_may_be_renamed(changed: Path, project: Path, run: Run) -> None:
    """Versions are tags: what a branch is called matters neither in the template nor in the project."""
    git(changed, "branch", "--move", "main", "trunk")
    git(project, "branch", "--move", "main", "develop")
    assert run("update").returncode == DONE
    assert "two, changed" in text(project, "managed.go")


def test_a_project_in_a_folder_of_a_repository(small: Path, run: Run, tmp_path: Path) -> None:
    """What lies beside it is neither looked at nor touched; conflicts have their full paths."""
    project = in_monorepo(small, tmp_path / "mono", "parcel", {"other/note.txt": "mine\n"})
    edit(project, redis_go="package redis // mine\n", README_md="# Ours\n")
    (tmp_path / "mono" / "other" / "note.txt").write_text("changed\n", "utf-8")
    done = run("update", "--to", "v1.1.0", "--data", "cache=none", folder=project)
    assert done.returncode == CONFLICTS, done.stderr
    assert unmerged(project) == ["redis.go"]
    assert text(project, "README.md") == "# Ours\n"
    assert "two, changed" in text(project, "managed.go")
    assert (tmp_path / "mono" / "other" / "note.txt").read_text("utf-8") == "changed\n"
    assert "UD redis.go" in git(project, "status", "--porcelain")


def test_rejects_in_a_repository_are_refused(small: Path, run: Run, tmp_path: Path) -> None:
    """Copier would merge a template that never had it into the neighbour's file, and drop what was not committed."""
    project, neighbour = tmp_path / "mono" / "services" / "parcel", tmp_path / "mono" / "services" / "mail"
    render(small, project, {"project_name": "parcel"}, ref="v1.0.0")
    write(neighbour, {"x y.go": "package mail\n"})
    write(tmp_path / "mono", {".gitignore": "*.rej\n"})
    commit_all(tmp_path / "mono", "Start")
    write(neighbour, {"x y.go": "package mail // not committed\n", "x y.go.rej": "@@ -1 +1 @@\n"})
    before = read_tree(tmp_path / "mono")
    done = run("update", folder=project)
    assert done.returncode == REFUSED, done.stderr
    assert "services/mail/x y.go.rej" in done.stderr
    assert read_tree(tmp_path / "mono") == before
    (neighbour / "x y.go.rej").unlink()
    assert run("update", folder=project).returncode == DONE


def test_a_committed_reject_is_refused(project: Path, run: Run) -> None:
    """Copier looks for new ones alone: a conflict whose reject has this name would vanish."""
    ours = LINES.replace("{{ framework }}", "fiber").replace("two", "two, mine")
    edit(project, managed_go=ours, managed_go_rej="@@ -1 +1 @@\n")
    done = run("update")
    assert done.returncode == REFUSED, done.stdout
    assert done.stderr.endswith("update: managed.go.rej\n")
    edit(project, managed_go_rej=None)
    assert run("update").returncode == CONFLICTS


@pytest.mark.parametrize("sparse", [True, False])
def test_what_is_missing_beside_the_project_is_not_brought_back(
    *, sparse: bool, small: Path, run: Run, tmp_path: Path
) -> None:
    """Copier would write all that the index has and the disk lacks, also beside the project."""
    mono = tmp_path / "mono"
    project = in_monorepo(small, mono, "parcel", {"other/größe.txt": "theirs\n"})
    if sparse:
        git(mono, "sparse-checkout", "set", "services/parcel")
    else:
        (mono / "other" / "größe.txt").unlink()
    before = read_tree(mono)
    done = run("update", folder=project)
    assert done.returncode == REFUSED, done.stdout
    assert "update: other/größe.txt\n" in done.stderr
    assert read_tree(mono) == before
    git(mono, "sparse-checkout", "disable")
    git(mono, "checkout", "--", "other")
    assert run("update", folder=project).returncode == DONE


def test_a_conflict_beside_the_project_is_refused(small: Path, run: Run, tmp_path: Path) -> None:
    """Copier has git write down the whole index."""
    mono = tmp_path / "mono"
    project = in_monorepo(small, mono, "parcel", {"other/größe.txt": "theirs\n"})
    digest = git(mono, "rev-parse", "HEAD:other/größe.txt").strip()
    sides = "".join(f"100644 {digest} {number}\tother/größe.txt\n" for number in (2, 3))
    index = f"0 {'0' * 40}\tother/größe.txt\n{sides}"
    subprocess.run(["git", "update-index", "--index-info"], cwd=mono, input=index, text=True, check=True)
    before = read_tree(mono)
    done = run("update", folder=project)
    assert done.returncode == REFUSED, done.stdout + done.stderr
    assert done.stderr.endswith("a merge is not done:\nupdate: other/größe.txt\n")
    assert read_tree(mono) == before
    git(mono, "add", "other")
    assert run("update", folder=project).returncode == DONE


def test_many_services_are_updated(
    small: Path, project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One that follows, one with a conflict, one that is current, one that left, one that is not there."""
    services = {name: tmp_path / name for name in ("follows", "conflict", "current", "left")}
    for folder in services.values():
        shutil.copytree(project, folder)
    edit(services["conflict"], managed_go=LINES.replace("{{ framework }}", "fiber").replace("two", "two, mine"))
    update(services["current"])
    commit_all(services["current"], "Update")
    shutil.rmtree(services["left"] / "scripts")
    commit_all(services["left"], "Leave")
    listed = tmp_path / "services.txt"
    listed.write_text("# Ours\n\n" + "".join(f"{folder}\n" for folder in services.values()), "utf-8")
    code = fleet.main([str(listed), "--into", str(tmp_path / "clones"), "--push", "--json"])
    outcomes = {Path(each["service"]).name: each for each in json.loads(capsys.readouterr().out)}
    states = {"follows": "updated", "conflict": "conflicts", "current": "current", "left": "refused"}
    assert {name: outcome["state"] for name, outcome in outcomes.items()} == states
    assert code == 1
    assert "- managed.go" in outcomes["conflict"]["detail"]
    pushed = {name: git(folder, "branch", "--list", fleet.BRANCH).strip() for name, folder in services.items()}
    assert pushed == {"follows": fleet.BRANCH, "conflict": fleet.BRANCH, "current": "", "left": ""}
    assert "two, changed" in git(services["follows"], "show", f"{fleet.BRANCH}:managed.go")
    markers = ["grep", "--name-only", "^<<<<<<< before updating", fleet.BRANCH]
    assert git(services["conflict"], *markers) == f"{fleet.BRANCH}:managed.go\n", "docs/updating.md says how to find it"
    assert "- managed.go\n" in git(services["conflict"], "log", "-1", "--format=%B", fleet.BRANCH)
    assert small.exists()


def test_a_branch_that_waits_is_left_alone(project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Somebody has added to it. Once it is merged, a service is current; so it is in the version that is named."""
    service = tmp_path / "service"
    shutil.copytree(project, service)
    (tmp_path / "services.txt").write_text(f"{service}\n", "utf-8")

    def state(name: str, *arguments: str) -> str:
        command = [str(tmp_path / "services.txt"), "--into", str(tmp_path / name), "--json", *arguments]
        assert fleet.main(command) == DONE
        return str(json.loads(capsys.readouterr().out)[0]["state"])

    assert state("named", "--push", "--to", "v1.0.0") == "current"
    git(service, "switch", "--quiet", "--create", fleet.BRANCH)
    edit(service, mine_go="package a\n")
    before = git(service, "rev-parse", fleet.BRANCH)
    git(service, "switch", "--quiet", "main")
    assert state("waits", "--push") == "waiting"
    assert git(service, "rev-parse", fleet.BRANCH) == before
    git(service, "merge", "--quiet", fleet.BRANCH)
    assert state("merged", "--push") == "updated"
    assert git(service, "rev-parse", f"{fleet.BRANCH}^") == before


def outcome(state: fleet.State) -> fleet.Outcome:
    """An outcome of which only the state matters."""
    return fleet.Outcome(service="a", state=state, folder="a", detail="")


@pytest.mark.parametrize(
    ("states", "code"),
    [
        ((), 0),
        (("updated", "current"), 0),
        (("waiting", "updated"), 0),
        (("updated", "conflicts"), 3),
        (("conflicts", "failed"), 1),
        (("refused",), 1),
    ],
)
def test_the_worst_outcome_is_the_exit_code(states: tuple[fleet.State, ...], code: int) -> None:
    """A failure before a conflict: it may have hidden one."""
    assert fleet.exit_code([outcome(state) for state in states]) == code


def test_a_service_that_is_not_there_has_failed(tmp_path: Path) -> None:
    """With what git says of it."""
    done = fleet.update_service(str(tmp_path / "absent"), tmp_path / "clone", "", push=False)
    assert done.state == "failed"
    assert "absent" in done.detail
