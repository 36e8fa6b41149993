"""The releases of the template: which commits they are, and a clone that has a tag for each."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, field_validator

from tools.questions import ROOT
from tools.render import commit_all, copy_parts, git

LIST = "releases.yml"
NEXT = "v999.0.0"
"""What a clone calls the template as it stands on disk."""


class ReleaseError(Exception):
    """A release is not to be had, or not to be made; the message says what to do."""


class Release(BaseModel):
    """A line of releases.yml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str
    commit: str

    @field_validator("version")
    @classmethod
    def _three_numbers(cls, version: str) -> str:
        if not re.fullmatch(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)", version):
            raise ValueError("a version is three numbers, such as 1.2.0")
        return version

    @property
    def tag(self) -> str:
        """The name of the tag, such as v1.2.0."""
        return f"v{self.version}"

    @property
    def numbers(self) -> tuple[int, ...]:
        """What versions are compared by."""
        return tuple(int(part) for part in self.version.split("."))


def load_releases(root: Path = ROOT) -> tuple[Release, ...]:
    """Return the releases, oldest first.

    Raises:
        ReleaseError: They are out of order.
    """
    entries = yaml.safe_load((root / LIST).read_text("utf-8")) or []
    releases = tuple(Release(**entry) for entry in entries)
    numbers = [release.numbers for release in releases]
    if numbers != sorted(set(numbers)):
        raise ReleaseError(f"{LIST} must list each version once, oldest first")
    return releases


def check_history(releases: tuple[Release, ...], root: Path = ROOT) -> None:
    """Make sure that the commits of the releases are at hand.

    Raises:
        ReleaseError: The checkout is shallow, or a commit is no ancestor of it.
    """
    if not releases:
        return
    try:
        shallow = git(root, "rev-parse", "--is-shallow-repository").strip() == "true"
    except subprocess.CalledProcessError as error:
        why = str(error.stderr).strip()
        raise ReleaseError(f"updates start from the history, and {root} shows none; clone it: {why}") from error
    if shallow:
        raise ReleaseError(
            "this checkout is shallow, and the releases are in its history: git fetch --unshallow"
            " (actions/checkout: fetch-depth: 0)"
        )
    for release in releases:
        ancestor = ["git", "merge-base", "--is-ancestor", release.commit, "HEAD"]
        if subprocess.run(ancestor, cwd=root, capture_output=True, check=False).returncode:
            raise ReleaseError(
                f"{LIST}: {release.commit}, the commit of {release.version}, is no ancestor of HEAD: merge what holds a"
                " release, and never squash or rebase it"
            )


def clone_with_tags(destination: Path, root: Path = ROOT) -> tuple[Release, ...]:
    """Make a repository with a tag for each release and one, NEXT, for the template as it stands on disk.

    Returns:
        The releases, oldest first.

    Raises:
        ReleaseError: The history is not at hand.
    """
    releases = load_releases(root)
    check_history(releases, root)
    if releases:
        clone = ["git", "clone", "--quiet", "--no-tags", "--no-local", str(root), str(destination)]
        subprocess.run(clone, check=True, capture_output=True)
        for release in releases:
            git(destination, "tag", release.tag, release.commit)
    else:
        destination.mkdir(parents=True)
    copy_parts(root, destination)
    commit_all(destination, "The template as it stands on disk")
    git(destination, "tag", NEXT)
    return releases
