"""Rendering in this process, through Copier's public functions and without trust."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

import copier
from copier import _main as copier_internals
from copier import _template as copier_templates
from copier._vcs import clone
from jinja2 import Environment, Template, meta

from tools.questions import ROOT, Questionnaire
from tools.variants import ON, evaluate, find_layers

Tree = dict[str, tuple[bytes, bool]]
"""The files of a folder: path, bytes, and whether the file can be executed."""

TEMPLATE_PARTS = (".gitattributes", "copier.yml", "questions", "extensions", "template")
"""All that a user's machine needs of this repository to render."""

TAG = "v1.0.0"
"""The version that a snapshot is tagged with unless told otherwise."""

ANSWERS_FILE = ".copier-answers.yml"
"""Where a project keeps its answers, and where its template is."""

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


def copy_parts(source: Path, destination: Path) -> None:
    """Have a folder hold the parts of a template as they stand in another, and nothing else of the same names."""
    for part in TEMPLATE_PARTS:
        if (source / part).is_dir():
            shutil.rmtree(destination / part, ignore_errors=True)
            shutil.copytree(source / part, destination / part)
        elif (source / part).exists():
            shutil.copy2(source / part, destination / part)


def take_snapshot(destination: Path, tag: str = TAG, source: Path = ROOT) -> Path:
    """Copy the template as it stands on disk into a tagged git repository and return its absolute path.

    Updates need a tag, and uncommitted changes would be rendered from a commit that nobody can find again.
    """
    destination.mkdir(parents=True)
    copy_parts(source, destination)
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
        context_lines=1_000_000,  # as scripts/template/update.sh has it
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

    Compiled templates are kept between renders, and so is the checkout of a version that is copied. What every file is
    rendered with is put together once for a copy, as answers are all given by then. The `git config` process that
    Copier starts for each file it writes is left out: it matters only where git ignores the executable bit.
    tests/test_copy.py compares with plain Copier.
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

    def check_out(url: str, ref: str = "HEAD", location: str | None = None) -> str:
        return (clone_once if _copies() else clone)(url, ref, location=location)

    worker = copier_internals.Worker
    with (
        checkouts() as clone_once,
        mock.patch.object(Environment, "compile", compile_once),
        mock.patch.object(worker, "_sync_git_index_executable_bit", return_value=None),
        mock.patch.object(copier_templates, "clone", check_out),
        _one_context(worker),
    ):
        yield


def _copies() -> bool:
    """Whether Copier copies right now. Within an update it copies as well, and calls that an update."""
    return copier_internals._operation.get(None) == "copy"  # noqa: SLF001


@contextmanager
def checkouts() -> Iterator[Callable[..., str]]:
    """Give a function that checks out a version as Copier does, but once, and keeps it until the block ends."""
    known: dict[tuple[str, str, str], str] = {}
    with TemporaryDirectory(prefix="checkouts-") as folder:

        def clone_once(url: str, ref: str = "HEAD", location: str | None = None) -> str:
            if ref == "HEAD" or not Path(url).is_dir():  # HEAD may have changes that are not committed
                return clone(url, ref, location=location)
            key = (url, ref, git(Path(url), "rev-parse", f"{ref}^{{commit}}"))  # a tag may have moved
            if key not in known:
                known[key] = clone(url, ref, location=str(Path(folder, str(len(known)))))
            return known[key]

        yield clone_once


@contextmanager
def _one_context(worker: type[copier_internals.Worker]) -> Iterator[None]:
    """Have a worker that copies put together once what it renders files with, and where answers are kept."""
    plain, context, relpath = worker._render_template, worker._render_context, worker.answers_relpath  # noqa: SLF001
    kept: dict[int, tuple[Path, dict[str, Any]]] = {}

    def render_template(self: copier_internals.Worker) -> None:
        if not _copies():
            return plain(self)
        kept[id(self)] = relpath.fget(self), dict(context(self))  # type: ignore[attr-defined]
        try:
            return plain(self)
        finally:
            del kept[id(self)]

    def render_context(self: copier_internals.Worker) -> dict[str, Any]:
        return dict(kept[id(self)][1]) if id(self) in kept else dict(context(self))

    def answers_relpath(self: copier_internals.Worker) -> Path:
        return kept[id(self)][0] if id(self) in kept else relpath.fget(self)  # type: ignore[attr-defined]

    with (
        mock.patch.object(worker, "_render_template", render_template),
        mock.patch.object(worker, "_render_context", render_context),
        mock.patch.object(worker, "answers_relpath", property(answers_relpath)),
    ):
        yield


def read_tree(folder: Path) -> Tree:
    """Return every file below a folder except git's own: its path, bytes and whether it can be executed."""
    return {
        path.relative_to(folder).as_posix(): (path.read_bytes(), bool(path.stat().st_mode & 0o100))
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".git" not in path.relative_to(folder).parts
    }


class StrangerError(Exception):
    """A folder can't be written to, because it holds files of somebody else."""


MARK = ".sketch"
"""Lies in a folder that put made, and lists what it wrote there."""


def put(tree: Tree, folder: Path) -> int:
    """Write the files, remove those that an earlier call wrote and that are gone now, and return how many changed.

    What stays the same is not touched, so that the caches of linters and tests, which go by path and time, know it.

    Raises:
        StrangerError: The folder holds something that this function did not make.
    """
    mark = folder / MARK
    if folder.exists() and any(folder.iterdir()) and not mark.exists():
        raise StrangerError(f"{folder} holds files of somebody else; name a new folder")
    folder.mkdir(parents=True, exist_ok=True)
    before = set(mark.read_text("utf-8").splitlines()) if mark.exists() else set()
    mark.write_text("\n".join(sorted(before | tree.keys())), "utf-8")
    for path in before - tree.keys():
        (folder / path).unlink(missing_ok=True)
    changed = 0
    for path, (data, executable) in tree.items():
        file = folder / path
        if not file.is_file() or file.read_bytes() != data:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
            changed += 1
        file.chmod(0o755 if executable else 0o644)
    mark.write_text("\n".join(sorted(tree)), "utf-8")
    return changed


class Sketcher:
    """Renders the layers of a template without Copier, for many variants at once: the same bytes in far less time.

    What Copier alone knows is left out: the answers file. tests/test_render.py compares with Copier's renders.
    """

    def __init__(self, questionnaire: Questionnaire) -> None:
        """Read every file of every layer.

        Raises:
            TemplateSyntaxError: Jinja cannot read one of them; the error names it.
        """
        self._questionnaire = questionnaire
        self._layers = {layer: list(self._read_layer(layer)) for layer in find_layers(questionnaire)}
        self._rendered: dict[tuple[str, str], bytes] = {}

    def tree(self, answers: Mapping[str, Any]) -> Tree:
        """Return the files that a copy with these answers has; equal files of different trees are the same object."""
        known = evaluate(self._questionnaire, answers)
        tree = {}
        for layer, files in self._layers.items():
            if known[layer] == ON:
                for path, source, names, executable in files:
                    tree[path] = (self._render(source, names, known), executable)
        return tree

    def _read_layer(self, layer: str) -> Iterator[tuple[str, bytes | Template, frozenset[str], bool]]:
        """Yield the files of a layer: where each lands, what is to be rendered, the answers it needs, its mode."""
        environment = self._questionnaire.environment()
        root = self._questionnaire.root
        folder = root / self._questionnaire.settings["_subdirectory"] / f"{{{{{layer}}}}}"
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            path = file.relative_to(folder).as_posix()
            executable = bool(file.stat().st_mode & 0o100)
            if file.suffix != ".jinja":
                yield path, file.read_bytes(), frozenset(), executable
                continue
            template = environment.get_template(file.relative_to(root).as_posix())
            tree = environment.parse(file.read_text("utf-8"))
            names = meta.find_undeclared_variables(tree)
            if list(meta.find_referenced_templates(tree)):
                names |= {question.name for question in self._questionnaire.questions}
            yield path.removesuffix(".jinja"), template, frozenset(names), executable

    def _render(self, source: bytes | Template, names: frozenset[str], known: Mapping[str, Any]) -> bytes:
        if isinstance(source, bytes):
            return source
        key = (str(source.filename), repr([(name, known.get(name)) for name in sorted(names)]))
        if key not in self._rendered:
            self._rendered[key] = source.render(known).encode()
        return self._rendered[key]
