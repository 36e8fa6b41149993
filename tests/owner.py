"""Scripted owners: what people do to a project, from `tests/owners/`, and what has become of it after an update."""

from __future__ import annotations

import subprocess
from collections.abc import Collection, Mapping
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict

from tools.render import commit_all, git

OWNERS = Path(__file__).with_name("owners")


class Owner(BaseModel):
    """What an owner does. Paths and texts are those of the rendered sample project."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    variant: str
    then: list[str]
    """The answers to change afterwards, one after the other."""
    add: dict[str, str] = {}
    replace: dict[str, list[tuple[str, str]]] = {}
    delete: list[str] = []
    get: list[str] = []
    """Modules, with versions, for `go get`."""
    leaves: bool = False
    """Whether they leave the template in the end."""

    def edit(self, project: Path) -> None:
        """Edit a project, and commit that."""
        for path in self.delete:
            (project / path).unlink()
        for path, text in self.add.items():
            (project / path).parent.mkdir(parents=True, exist_ok=True)
            (project / path).write_text(text, "utf-8")
        for path, replacements in self.replace.items():
            text = (project / path).read_text("utf-8")
            for old, new in replacements:
                assert old in text, f"{path} has no {old!r}"
                text = text.replace(old, new, 1)
            (project / path).write_text(text, "utf-8")
        commit_all(project, "Mine")

    def get_modules(self, project: Path, environment: Mapping[str, str]) -> None:
        """Add the modules and make generated code anew, as `make sync` does, and commit that."""
        for command in (["go", "get", *self.get], ["make", "sync"]):
            if self.get:
                done = subprocess.run(
                    command, cwd=project, env=dict(environment), capture_output=True, text=True, check=False
                )
                assert done.returncode == 0, done.stdout + done.stderr
        commit_all(project, "Generate")

    @property
    def edits(self) -> list[tuple[str, str]]:
        """Every edit that leaves a text: the path, and the text that has to be there."""
        added = list(self.add.items())
        return added + [(path, line) for path, pairs in self.replace.items() for pair in pairs for line in news(*pair)]

    def lost(self, project: Path, excused: Collection[str] = ()) -> list[str]:
        """Return the edits that are not there; those in excused files are left aside."""
        found = [f"{path}: came back" for path in self.delete if (project / path).exists()]
        for path, text in self.edits:
            file = project / path
            if path not in excused and (not file.exists() or text not in file.read_text("utf-8")):
                found.append(f"{path}: {text!r} is gone")
        return found


def news(old: str, new: str) -> list[str]:
    """Return the lines that a replacement brings."""
    return [line for line in new.splitlines() if line.strip() and line not in old.splitlines()]


def load_owner(name: str) -> Owner:
    """Read an owner."""
    return Owner(**yaml.safe_load((OWNERS / f"{name}.yml").read_text("utf-8")))


def conflicts(project: Path) -> list[str]:
    """Return the paths that git knows as in conflict."""
    return sorted({line.split("\t")[1] for line in git(project, "ls-files", "--unmerged").splitlines()})


def resolve(project: Path) -> list[str]:
    """Resolve conflicts like someone in a hurry: both sides, or away with it. Return what is gone by that."""
    gone = []
    for path in conflicts(project):
        stages = {line.split()[2] for line in git(project, "ls-files", "--unmerged", "--", path).splitlines()}
        if "3" not in stages:
            git(project, "rm", "--quiet", "--force", "--", path)
            gone.append(path)
            continue
        lines = (project / path).read_text("utf-8").splitlines(keepends=True)
        marks = ("<<<<<<< ", "=======\n", ">>>>>>> ")
        (project / path).write_text("".join(line for line in lines if not line.startswith(marks)), "utf-8")
        git(project, "add", "--", path)
    return gone
