"""Follow a page of docs/howto/ in a project, literally: every block of code of it is written, inserted or run.

What is done with a block stands in the text before it, in one of these forms:

- Make `path`:                            the block is the file; a star in the path stands for a file that exists
- In `path`, below the line `text`, add   the block goes below the first line with that text
- and below the line `text`               the same, in the file of the block before
- In `path`, in place of the line `text`, write    the block takes the place of that line
- In `path` it is:                        the file has the block, word by word
- Before: or ... it would be:             code of somewhere else; it has to be Go

A block of `sh` is run; one of `text` is what is printed, and one of `mermaid` a picture: nothing is done with them.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

BLOCK = re.compile(r"(?ms)^```(\w+)\n(.*?)^```$")

MAKE = re.compile(r"Make `([^`]+)`:\s*\Z")
PLACE = re.compile(
    r"(?:In `([^`]+)`, |and )(below|in place of) the line `([^`]+)`(?:, add|, write|)\s*:?\s*\Z",
)
QUOTE = re.compile(r"[Ii]n `([^`]+)`[^`\n]*:\s*\Z")
ELSEWHERE = re.compile(r"(?:\ABefore|\nBefore|it would be):\s*\Z")

BOUND = 900.0
"""Seconds for a command of a page, with a cold cache."""


class Step(NamedTuple):
    """A block of a page, and what the text before it says to do with it."""

    language: str
    text: str
    path: str = ""
    where: str = ""
    line: str = ""


def steps_of(page: str) -> list[Step]:
    """Return what a page says to do, in its order.

    Raises:
        ValueError: It is not said what to do with a block, which so would never be tried.
    """
    steps: list[Step] = []
    end = 0
    for block in BLOCK.finditer(page):
        before, end = page[end : block.start()], block.end()
        language, text = block.groups()
        if language in ("sh", "text", "mermaid"):
            steps.append(Step(language, text))
        elif ELSEWHERE.search(before):
            steps.append(Step(language, text, where="elsewhere"))
        elif made := MAKE.search(before):
            steps.append(Step(language, text, path=made[1]))
        elif placed := PLACE.search(before):
            path = placed[1] or next(step.path for step in reversed(steps) if step.path)
            steps.append(Step(language, text, path, placed[2], placed[3]))
        elif quoted := QUOTE.search(before):
            steps.append(Step(language, text, quoted[1], "quoted"))
        else:
            raise ValueError(f"nothing says what to do with this block: {text.splitlines()[0]}")
    return steps


def follow(page: str, project: Path, environment: Mapping[str, str]) -> None:
    """Do in a project what a page says."""
    for step in steps_of(page):
        if step.language == "sh":
            run(step.text, project, environment)
        elif step.where == "elsewhere":
            gofmt(step.text, project, environment)
        elif step.where == "quoted":
            assert step.text in (project / step.path).read_text("utf-8"), f"{step.path} does not have: {step.text}"
        elif step.where:
            insert(project, step)
        elif step.path:
            write(project, step)


def run(script: str, project: Path, environment: Mapping[str, str]) -> str:
    """Run the commands of a block as a person types them, and return what they print; the first that fails ends it."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=project,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=BOUND,
        check=False,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout[-6000:]}"
    return done.stdout


def gofmt(text: str, project: Path, environment: Mapping[str, str]) -> None:
    """See that a piece of code is Go, and formatted."""
    done = subprocess.run(
        ["gofmt", "-d"],
        cwd=project,
        env=dict(environment),
        input=f"package x\n\n{text}",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), text


def write(project: Path, step: Step) -> None:
    """Write a file; one with a star in its name was made by a command before."""
    path = project / step.path
    if "*" in step.path:
        (path,) = project.glob(step.path)
    elif path.exists():
        pytest.fail(f"{step.path} exists already")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(step.text, "utf-8")


def insert(project: Path, step: Step) -> None:
    """Put a block below a line, or in its place."""
    path = project / step.path
    lines = path.read_text("utf-8").splitlines(keepends=True)
    found = [number for number, line in enumerate(lines) if line.strip() == step.line]
    assert found, f"{step.path} has no line {step.line}"
    first = found[0]
    lines[first : first + 1] = [*([lines[first]] if step.where == "below" else []), step.text]
    path.write_text("".join(lines), "utf-8")
