"""Make a release: `make release VERSION=1.2.0`; with CHECK=1 it only says what speaks against it.

A release is a promise to every project that was rendered from the one before: its answers are still accepted and mean
the same, and the migrations that its databases have run are still those. So a release is refused when a question or a
choice is gone in anything but a major version, when a default changed and the changelog does not name the question,
when a new question has no default, when an answer that was accepted is refused, or when a released migration was
edited. It keeps the answers of the pairwise set and examples of what may be typed, which every later version has to
accept, and the digests of the migrations.

Two commits come of it: the release, which gets the tag, and the line of releases.yml that names it.
"""

from __future__ import annotations

import argparse
import datetime as dt
import hashlib
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import yaml

from tools.questions import ROOT, Question, Questionnaire, load_questionnaire
from tools.releases import LIST, Release, ReleaseError, check_history, load_releases
from tools.render import TEMPLATE_PARTS, git
from tools.variants import evaluate, find_pairwise

KEPT = Path("tests/releases")
"""Where the answers of each release are kept, a folder a release, and the digests of all released migrations."""
DIGESTS = KEPT / "migrations.sha256"
EXAMPLES = Path("tests/answers.yml")
"""What is accepted, and what is refused, by question."""
ACCEPTED = "accepted.yml"
"""The file of a release that keeps the accepted examples; its other files are answers to all questions."""
CHANGELOG = Path("CHANGELOG.md")
UNRELEASED = "## Unreleased"


def template_of(root: Path, commit: str, destination: Path) -> Questionnaire:
    """Unpack the template of a commit and return its questions."""
    parts = git(root, "ls-tree", "--name-only", commit, "--", *TEMPLATE_PARTS).split()  # earlier releases have fewer
    command = ["git", "archive", "--format=tar", commit, *parts]
    packed = subprocess.run(command, cwd=root, check=True, capture_output=True).stdout
    with tarfile.open(fileobj=BytesIO(packed)) as archive:
        archive.extractall(destination, filter="data")
    return load_questionnaire(destination)


def migrations(template: Path) -> dict[str, str]:
    """Return the digest of every migration of every layer, by the name of its file."""
    files = sorted(template.glob("*/migrations/*.sql*"))
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def released_migrations(root: Path) -> dict[str, str]:
    """Return the digests that were kept."""
    path = root / DIGESTS
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    return {name: digest for digest, name in (line.split("  ") for line in lines)}


def migration_problems(root: Path) -> Iterator[str]:
    """Say which released migrations were edited, and which new ones would run before them."""
    now, before = migrations(root / "template"), released_migrations(root)
    for name, digest in before.items():
        if name not in now:
            yield f"{name} was released and is gone: databases have run it; bring it back"
        elif now[name] != digest:
            yield f"{name} was released and has been edited: databases have run what it was; write a new migration"
    newest = max(before, default="")
    for name in sorted(now.keys() - before.keys()):
        if name < newest:
            yield f"{name} is new and has a lower number than {newest}, which is released; give it a later one"


def question_problems(old: Questionnaire, new: Questionnaire, *, major: bool, notes: str) -> Iterator[str]:
    """Say which answers of projects would be lost, or would mean something else."""
    known = {question.name: question for question in new.asked}
    for before in old.asked:
        after = known.pop(before.name, None)
        mentioned = f"`{before.name}`" in notes
        for loss in _losses(before, after):
            if not major:
                yield f"{loss}: projects would fall back to a default, without a word; that takes a major version"
            elif not mentioned:
                yield f"{loss}, and {CHANGELOG} does not say so: name `{before.name}` and what to do about it"
        if after and after.default != before.default and not mentioned:
            yield (
                f"the default of {before.name} changed from {before.default} to {after.default}, and {CHANGELOG}"
                f" does not say so: name `{before.name}`"
            )
    for question in known.values():
        if question.required:
            yield f"the question {question.name} is new and has no default, so that no project could be updated unasked"


def _losses(before: Question, after: Question | None) -> Iterator[str]:
    if after is None:
        yield f"the question {before.name} is gone"
        return
    if (before.type, before.multiselect) != (after.type, after.multiselect):
        yield f"the question {before.name} takes another type of answer"
    for value in before.values:
        if value not in after.values:
            yield f"the choice {value} of {before.name} is gone"


def version_problems(version: str, releases: Sequence[Release]) -> Iterator[str]:
    """Say why this version cannot come next."""
    last = releases[-1].numbers if releases else None
    if last is None:
        if version != "1.0.0":
            yield f"the first release is 1.0.0, not {version}"
        return
    major, minor, patch = last
    following = [
        "{}.{}.{}".format(*each) for each in ((major + 1, 0, 0), (major, minor + 1, 0), (major, minor, patch + 1))
    ]
    if version not in following:
        yield f"after {releases[-1].version} comes {', '.join(following[:-1])} or {following[-1]}, not {version}"


def notes_of(changelog: str) -> str:
    """Return what the changelog says of the next release."""
    _, _, rest = changelog.partition(f"\n{UNRELEASED}\n")
    return re.split(r"(?m)^## ", rest)[0].strip()


def answer_problems(root: Path, questionnaire: Questionnaire, major: str) -> Iterator[str]:
    """Say which answers of earlier releases of a major version are not accepted: another may ask other questions."""
    for path in sorted((root / KEPT).glob(f"v{major}.*/*.yml")):
        kept = yaml.safe_load(path.read_text("utf-8"))
        if path.name != ACCEPTED:
            found = questionnaire.problems(kept)
        else:
            examples = [(name, value) for name, values in kept.items() for value in values]
            found = [
                f"{problem} It was {value!r}."
                for name, value in examples
                for problem in questionnaire.problems({name: value})
                if problem.startswith(f"{name}: ")  # the other answers are missing
            ]
        yield from (f"{path.relative_to(root)}: {problem}" for problem in found)


def problems(version: str, root: Path = ROOT) -> list[str]:
    """Return a line for each thing that speaks against a release of the commit that is checked out."""
    found = []
    if git(root, "status", "--porcelain").strip():
        found.append("there are changes that are not committed: a release is a commit")
    try:
        releases = load_releases(root)
        check_history(releases, root)
    except (ReleaseError, ValueError) as error:
        return [*found, str(error)]
    found += version_problems(version, releases)
    if git(root, "tag", "--list", f"v{version}").strip():
        found.append(f"there is a tag v{version} already: delete it, or find out who made it")
    notes = notes_of((root / CHANGELOG).read_text("utf-8"))
    if not notes:
        found.append(f"{CHANGELOG} says nothing below {UNRELEASED!r}: say what an update will do to a project")
    questionnaire = load_questionnaire(root)
    if releases:
        major = not version.startswith(f"{releases[-1].numbers[0]}.")
        with tempfile.TemporaryDirectory() as scratch:
            old = template_of(root, releases[-1].commit, Path(scratch))
            found += question_problems(old, questionnaire, major=major, notes=notes)
        found += answer_problems(root, questionnaire, version.partition(".")[0])
    return found + list(migration_problems(root))


def kept_answers(questionnaire: Questionnaire) -> Mapping[str, str]:
    """Return the answers to keep of a release, by the name of the file: the examples, and those of the pairwise set."""
    examples = yaml.safe_load((questionnaire.root / EXAMPLES).read_text("utf-8"))["accepted"]
    files = {ACCEPTED: yaml.safe_dump(examples, allow_unicode=True)}
    for variant in find_pairwise(questionnaire):
        known = evaluate(questionnaire, variant.answers)
        answers: dict[str, Any] = {question.name: known[question.name] for question in questionnaire.asked}
        files[f"{variant.id}.yml"] = yaml.safe_dump(answers, allow_unicode=True)
    return files


def release(version: str, root: Path = ROOT, *, today: dt.date | None = None) -> Release:
    """Write down what is kept of a release, commit it, tag it, and list it.

    Raises:
        CalledProcessError: git failed; when it could not make the tag, the commit is taken back.
    """
    questionnaire = load_questionnaire(root)
    folder = root / KEPT / f"v{version}"
    folder.mkdir(parents=True)
    for name, text in kept_answers(questionnaire).items():
        (folder / name).write_text(text, "utf-8")
    digests = sorted(migrations(root / "template").items())
    (root / DIGESTS).write_text("".join(f"{digest}  {name}\n" for name, digest in digests), "utf-8")
    day = today or dt.datetime.now(dt.timezone.utc).date()
    changelog = (root / CHANGELOG).read_text("utf-8")
    heading = f"\n{UNRELEASED}\n\n## {version} ({day.isoformat()})\n"
    (root / CHANGELOG).write_text(changelog.replace(f"\n{UNRELEASED}\n", heading, 1), "utf-8")
    _commit(root, f"Release {version}", str(KEPT), str(CHANGELOG))
    made = Release(version=version, commit=git(root, "rev-parse", "HEAD").strip())
    try:
        subprocess.run(["git", "tag", "--annotate", f"--message=Release {version}", made.tag], cwd=root, check=True)
    except subprocess.CalledProcessError:
        git(root, "reset", "--quiet", "--hard", "HEAD^")
        raise
    lines = (root / LIST).read_text("utf-8").removesuffix("[]\n")
    (root / LIST).write_text(f"{lines}- version: {version}\n  commit: {made.commit}\n", "utf-8")
    _commit(root, f"List release {version}", LIST)
    return made


def _commit(root: Path, message: str, *paths: str) -> None:
    subprocess.run(["git", "add", "--", *paths], cwd=root, check=True)
    subprocess.run(["git", "commit", "--quiet", f"--message={message}"], cwd=root, check=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code: 1 when the release is refused."""
    parser = argparse.ArgumentParser(description="Make a release of the template.")
    parser.add_argument("version", help="such as 1.2.0")
    parser.add_argument("--check", action="store_true", help="only say what speaks against it")
    options = parser.parse_args(arguments)
    found = problems(options.version)
    for problem in found:
        print(f"release: {problem}", file=sys.stderr)
    if found or options.check:
        return 1 if found else 0
    try:
        made = release(options.version)
    except subprocess.CalledProcessError as error:
        print(f"release: {' '.join(error.cmd)} failed", file=sys.stderr)
        return 1
    print(f"{made.tag} is {made.commit}; next: make test, then git push --follow-tags")
    return 0


if __name__ == "__main__":
    sys.exit(main())
