"""Rendering in this process, through Copier's public functions and without trust."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import copier
from copier import _main as copier_internals
from jinja2 import Environment

from tools.questions import ROOT

TEMPLATE_PARTS = ("copier.yml", "questions", "extensions", "template")
"""All that a user's machine needs of this repository to render."""

TAG = "v1.0.0"
"""The version that a snapshot is tagged with unless told otherwise."""

NO_SETTINGS = copier.Settings()
"""Keeps the defaults and the trust of the person at this machine out of renders that have to be the same everywhere."""

_GIT_IDENTITY = ("-c", "user.name=template", "-c", "user.email=template@example.com", "-c", "commit.gpgsign=false")


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder with an identity of its own and return what it prints.

    Raises:
        CalledProcessError: git failed; its standard error stands in the error.
    """
    command = ["git", *_GIT_IDENTITY, *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


def commit_all(folder: Path, message: str) -> None:
    """Commit everything in a folder, making it a repository first when it is none."""
    if not (folder / ".git").exists():
        git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", "--all", "--force")
    git(folder, "commit", "--quiet", "--allow-empty", f"--message={message}")


def take_snapshot(destination: Path, tag: str = TAG, source: Path = ROOT) -> Path:
    """Copy the template as it stands on disk into a tagged git repository and return its absolute path.

    Updates need a tag, and uncommitted changes would be rendered from a commit that nobody can find again.
    """
    destination.mkdir(parents=True)
    for part in TEMPLATE_PARTS:
        if (source / part).is_dir():
            shutil.copytree(source / part, destination / part)
        else:
            shutil.copy2(source / part, destination / part)
    commit_all(destination, "Snapshot")
    git(destination, "tag", tag)
    return destination.resolve()


def render(template: Path | str, destination: Path, answers: Mapping[str, Any], ref: str | None = None) -> None:
    """Copy the template to a destination; questions without an answer take their default.

    Raises:
        ValueError: An answer is invalid or missing.
    """
    copier.run_copy(
        str(template),
        destination,
        data=dict(answers),
        defaults=True,
        quiet=True,
        settings=NO_SETTINGS,
        unsafe=False,
        vcs_ref=ref,
    )


def update(project: Path, answers: Mapping[str, Any] | None = None, ref: str | None = None) -> None:
    """Update a committed project, with new answers if any are given. Conflicts don't raise: look for them."""
    copier.run_update(
        project,
        data=dict(answers or {}),
        defaults=True,
        overwrite=True,
        quiet=True,
        settings=NO_SETTINGS,
        unsafe=False,
        vcs_ref=ref,
    )


@contextmanager
def fast_copier() -> Iterator[None]:
    """Make Copier render faster inside the block, with the same bytes; for tests and the matrix only.

    Compiled templates are kept between renders, and the `git config` process that Copier starts for each file it writes
    is left out: it matters only where git ignores the executable bit. tests/test_copy.py compares with plain Copier.
    """
    compiled: dict[tuple[Any, ...], Any] = {}
    compile_template = Environment.compile

    def compile_once(self: Environment, source: Any, name: Any = None, filename: Any = None, *rest: Any) -> Any:
        if not isinstance(source, str) or rest:
            return compile_template(self, source, name, filename, *rest)
        options = (self.line_statement_prefix, self.trim_blocks, self.lstrip_blocks, self.keep_trailing_newline)
        key = (source, name, self.undefined, options, tuple(sorted(self.extensions)))
        if key not in compiled:
            compiled[key] = compile_template(self, source, name, filename)
        return compiled[key]

    with (
        mock.patch.object(Environment, "compile", compile_once),
        mock.patch.object(copier_internals.Worker, "_sync_git_index_executable_bit", return_value=None),
    ):
        yield


def read_tree(folder: Path) -> dict[str, tuple[bytes, bool]]:
    """Return every file below a folder except git's own: its path, bytes and whether it can be executed."""
    return {
        path.relative_to(folder).as_posix(): (path.read_bytes(), bool(path.stat().st_mode & 0o100))
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".git" not in path.relative_to(folder).parts
    }
