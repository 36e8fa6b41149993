"""What holds for every rendered project. Each check returns its findings, one line each; none means it holds."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import NamedTuple

import yaml
from pydantic import BaseModel, ConfigDict

from tools.linter import knowing_linter
from tools.questions import Questionnaire, load_questionnaire
from tools.render import ANSWERS_FILE
from tools.variants import Variant, layers_on

WORDS_FILE = Path(__file__).with_name("words.yml")

JINJA_WORDS = "if|elif|else|endif|for|endfor|raw|endraw|set|endset|macro|endmacro|from|import|include|filter|endfilter"


@cache
def jinja_pattern() -> re.Pattern[str]:
    """Match a tag, a condition or an answer of the template; other tools' braces (`{{.Name}}`, `${{ }}`) are theirs."""
    answers = "|".join(question.name for question in load_questionnaire().questions)
    return re.compile(rf"(?<!\$)\{{\{{-?\s*(?:{answers}|_copier\w+)\b|\{{%[-+]?\s*(?:{JINJA_WORDS})\b|^\s*//%")


@cache
def words_of_layers() -> Mapping[str, tuple[re.Pattern[str], ...]]:
    """Return the words that betray each layer, or one of several: `redis or billed`."""
    words = yaml.safe_load(WORDS_FILE.read_text("utf-8"))
    return {layer: tuple(re.compile(word, re.MULTILINE) for word in patterns) for layer, patterns in words.items()}


def layers_of(key: str) -> list[str]:
    """Return the layers that a key of the words names: any of them may have the words."""
    return key.split(" or ")


def files_of(project: Path) -> list[Path]:
    """Return the paths of a project's files, relative to it and sorted, without git's own."""
    found = (path.relative_to(project) for path in project.rglob("*") if path.is_file())
    return sorted(path for path in found if path.parts[0] != ".git")


@cache
def _questionnaire() -> Questionnaire:
    return load_questionnaire()


class Word(NamedTuple):
    """A word of a layer where it was found; line 0 is the name of the file."""

    layer: str
    pattern: str
    line: int
    match: str


@cache
def words_in(path: str, text: str) -> tuple[Word, ...]:
    """Find the words of all layers in a file. Most files are the same in many variants, and are searched once."""
    found = []
    for layer, patterns in words_of_layers().items():
        for pattern in patterns:
            if match := pattern.search(path):
                found.append(Word(layer, pattern.pattern, 0, match[0]))
            found += [
                Word(layer, pattern.pattern, text.count("\n", 0, match.start()) + 1, match[0])
                for match in pattern.finditer(text)
            ]
    return tuple(found)


def words_of(project: Path) -> Iterator[tuple[Path, Word]]:
    """Yield the words of all layers in names and texts of files, but for the answers, which name every question."""
    for path in files_of(project):
        if path.name == ANSWERS_FILE:
            continue
        for word in words_in(path.as_posix(), (project / path).read_text("utf-8")):
            yield path, word


def foreign_words(project: Path, variant: Variant) -> list[str]:
    """Find words of layers that are off, in names and texts of files."""
    on = set(layers_on(_questionnaire(), variant))
    return [
        f"{path}:{word.line}: {word.layer} is off, but {word.match!r} is here"
        for path, word in words_of(project)
        if not on & set(layers_of(word.layer))
    ]


def jinja_left(project: Path) -> list[str]:
    """Find what Jinja should have replaced."""
    return [
        f"{path}:{line}: {match!r}"
        for path in files_of(project)
        for line, match in _jinja_in(path.as_posix(), (project / path).read_text("utf-8"))
    ]


@cache
def _jinja_in(path: str, text: str) -> tuple[tuple[int, str], ...]:
    """Find what Jinja should have replaced in a file. Most files are the same in many variants."""
    lines = enumerate([path, *text.splitlines()])
    return tuple((number, match[0]) for number, line in lines if (match := jinja_pattern().search(line)))


def find_in(project: Path, pattern: re.Pattern[str]) -> list[str]:
    """Find a pattern in names and texts of files."""
    return [
        f"{path}:{number}: {match!r}"
        for path in files_of(project)
        for number, line in _lines(project, path)
        for match in _matches([pattern], line)
    ]


def _lines(project: Path, path: Path) -> Iterator[tuple[int, str]]:
    """Yield the path as line 0, then the lines of the text."""
    yield 0, path.as_posix()
    yield from enumerate((project / path).read_text("utf-8").splitlines(), start=1)


def _matches(patterns: Iterable[re.Pattern[str]], line: str) -> Iterator[str]:
    return (match[0] for pattern in patterns if (match := pattern.search(line)))


@cache
def joined_blocks(text: str) -> tuple[str, ...]:
    """Find where a page in Markdown lacks an empty line: beside a table, a heading or a fence."""
    found = []
    before, fenced = "", False
    for number, line in enumerate(text.splitlines(), start=1):
        fence = line.lstrip().startswith("```")
        if not fenced and before.strip() and line.strip():
            apart = before.startswith(("#", "```")) or line.startswith("#") or (fence and not line.startswith(" "))
            if apart or before.startswith("|") != line.startswith("|"):
                found.append(f"{number}: no empty line before {line[:60]!r}")
        fenced ^= fence
        before = line
    return tuple(found)


class GoCheck(BaseModel):
    """A command for a rendered project; it fails by its exit code or, where that is wanted, by printing anything."""

    model_config = ConfigDict(frozen=True)

    name: str
    command: tuple[str, ...]
    silent: bool = False
    """Whether output on standard output is a finding."""
    settled: bool = False
    """Whether the project has to look the same afterwards."""
    environment: tuple[tuple[str, str], ...] = ()
    """What the command needs beside the environment of all."""
    lints: bool = False
    """Whether it is a target that runs the linter, which is to know what it found out in other variants."""

    def run(self, project: Path, environment: Mapping[str, str], *, timeout: float = 1800) -> list[str]:
        """Run the command in a project that is committed to git and return its findings."""
        command, environment = self.command, {**environment, **dict(self.environment)}
        with ExitStack() as stack:
            if self.lints:
                try:
                    linter = stack.enter_context(knowing_linter(project, environment))
                except subprocess.CalledProcessError as error:
                    return [f"{' '.join(error.cmd)}: exit code {error.returncode}", error.stderr]
                command, environment = (*command, f"LINT={linter.program}"), linter.environment
            done = subprocess.run(
                command,
                cwd=project,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                timeout=timeout,
            )
        findings = []
        if done.returncode:
            findings += [f"{' '.join(self.command)}: exit code {done.returncode}", done.stdout, done.stderr]
        elif self.silent and done.stdout.strip():
            findings += [f"{' '.join(self.command)}: should print nothing", done.stdout]
        if self.settled:
            changed = subprocess.run(
                ["git", "status", "--porcelain"], cwd=project, capture_output=True, text=True, check=True
            ).stdout
            if changed:
                diff = ["git", "--no-pager", "diff"]
                text = subprocess.run(diff, cwd=project, capture_output=True, text=True, check=True).stdout
                findings += [f"{' '.join(self.command)}: changed the project", changed, text[:4000]]
        return [finding for finding in findings if finding.strip()]


AS_BUILT = ("CGO_ENABLED", "0")
"""As `make build` and the image have it: with another value what knows of the network is compiled again."""

GO_CHECKS = (
    GoCheck(name="gofmt", command=("gofmt", "-l", "."), silent=True),
    GoCheck(name="gofumpt", command=("go", "tool", "-modfile=tools.mod", "gofumpt", "-l", "."), silent=True),
    GoCheck(name="tidy", command=("go", "mod", "tidy", "-diff")),
    GoCheck(name="build", command=("make", "build")),
    GoCheck(name="vet", command=("go", "vet", "./..."), environment=(AS_BUILT,)),
    GoCheck(name="vet-integration", command=("go", "vet", "-tags=integration", "./..."), environment=(AS_BUILT,)),
    GoCheck(name="generate", command=("make", "generate"), settled=True, environment=(AS_BUILT,)),
    # Its garbage collector takes a fifth of the time, for want of memory that any machine has.
    GoCheck(name="lint", command=("make", "lint"), environment=(AS_BUILT, ("GOGC", "300")), lints=True),
    # Without symbols, which no test needs and which take a third of the time of linking.
    GoCheck(name="test", command=("go", "test", "-ldflags=-s -w", "./..."), environment=(AS_BUILT,)),
)
"""In the order in which a mistake is cheapest to find."""

ANY_MODULE_PATH = ("gofmt", "gofumpt", "tidy", "build", "generate")
"""The checks that can depend on the module path."""
