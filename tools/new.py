"""`make new`: ask or read the answers, check all of them, render, and say what to run next.

Usage: python -m tools.new DEST [ANSWERS]
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import copier
import yaml
from copier.errors import CopierError

from tools.questions import ROOT, Questionnaire, load_questionnaire
from tools.render import ANSWERS_FILE, TEMPLATE_PARTS, git

CONTROL_KEYS = ("_commit", "_src_path")
"""What Copier itself writes into `.copier-answers.yml`, so that such a file can serve as ANSWERS."""


def read_answers(path: Path) -> tuple[dict[str, Any], list[str]]:
    """Read an answers file and return the answers and the problems with the file itself."""
    try:
        answers = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        return {}, [f"ANSWERS: cannot read {path}: {error}"]
    except yaml.YAMLError as error:
        return {}, [f"ANSWERS: {path} is not YAML: {' '.join(str(error).split())}"]
    if not isinstance(answers, dict):
        return {}, [f"ANSWERS: {path} must hold lines such as `project_name: parcel-desk`"]
    return {str(name): value for name, value in answers.items() if name not in CONTROL_KEYS}, []


def destination_problems(destination: str) -> list[str]:
    """Say why nothing can be rendered to a destination."""
    if not destination:
        return ["DEST: say where the service goes, such as make new DEST=../my-service"]
    path = Path(destination)
    try:
        taken = path.is_file() or (path.is_dir() and any(path.iterdir()))
    except OSError as error:
        return [f"DEST: cannot look into {path}: {error.strerror}"]
    if taken:
        return [f"DEST: {path} exists and is not an empty folder; choose another"]
    if path.resolve().is_relative_to(ROOT):
        return [f"DEST: {path} lies inside the template's own folder; choose one outside, such as ../my-service"]
    return []


def find_problems(
    questionnaire: Questionnaire, destination: str, answers_file: str
) -> tuple[dict[str, Any], list[str]]:
    """Collect every problem before anything is written; the answers are complete when there is none."""
    problems = destination_problems(destination)
    if answers_file:
        answers, unreadable = read_answers(Path(answers_file))
        return answers, problems + (unreadable or questionnaire.problems(answers))
    if not sys.stdin.isatty():
        problems.append(
            "ANSWERS: there is no terminal to ask on; name a file of answers, such as ANSWERS=examples/echo-pgx.yml"
        )
    return {}, problems


def shared_address(url: str) -> str:
    """Return what Copier makes of the URL of a remote, without credentials; empty when others can't reach it."""
    if not re.match(r"(https?|ssh|git)://|[\w.-]+@[\w.-]+:", url):
        return ""
    address = re.sub(r"\A(https?://)[^/]*@", r"\1", url)
    return address if address.endswith(".git") or address.startswith("git@") else f"git+{address}"


def edited() -> bool:
    """Whether what is rendered has changes that are not committed; other files beside it, such as answers, are none."""
    return bool((ROOT / ".git").exists() and git(ROOT, "status", "--porcelain", "--", *TEMPLATE_PARTS).strip())


def released_address() -> str:
    """Return where others find what is checked out here; empty unless that is a release, of a clone, as it was made."""
    if not (ROOT / ".git").exists() or edited():
        return ""
    if not re.search(r"^v\d+\.\d+\.\d+$", git(ROOT, "tag", "--points-at", "HEAD"), re.MULTILINE):
        return ""
    return shared_address(git(ROOT, "config", "--default", "", "--get", "remote.origin.url").strip())


def copy_template(destination: Path, answers: dict[str, Any], *, ask: bool) -> None:
    """Render the commit that is checked out here, so that `copier update` finds it again; all of it, or nothing."""
    ref = "HEAD"  # Copier takes changes along, of any file, and names a commit that nobody finds again.
    if edited():
        print(
            "note: this template has uncommitted changes; commit them before you rely on copier update", file=sys.stderr
        )
    elif (ROOT / ".git").exists():
        ref = git(ROOT, "rev-parse", "HEAD").strip()
    existed = destination.exists()
    try:
        copier.run_copy(
            str(ROOT), destination, data=answers, defaults=not ask, quiet=True, vcs_ref=ref, cleanup_on_error=False
        )
    except BaseException:  # Copier would clean up after an Exception only, and Ctrl-C is none.
        take_back(destination, keep=existed)
        raise


def take_back(destination: Path, *, keep: bool) -> None:
    """Remove what was rendered, which was nothing or an empty folder before."""
    with suppress(OSError):
        for path in destination.iterdir() if keep else [destination]:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink()


def name_source(destination: Path) -> str:
    """Have the project name the template where others find it, and return what there is to say when it can't."""
    file = destination / ANSWERS_FILE
    if address := released_address():
        text = re.sub(r"(?m)^_src_path:.*(?:\n .*)*", lambda _: f"_src_path: {address}", file.read_text("utf-8"))
        file.write_text(text, "utf-8")
        return ""
    return (
        f"note: {file.name} names this folder, {ROOT}, as the template, so that `make update` works at most on this "
        'machine; "Move the template" in docs/updating.md says how to name another place'
    )


def next_steps(questionnaire: Questionnaire, destination: Path) -> str:
    """Render the message that Copier would print after a copy."""
    answers = yaml.safe_load((destination / ANSWERS_FILE).read_text("utf-8"))
    template = questionnaire.environment().from_string(questionnaire.settings["_message_after_copy"])
    return template.render(**answers, _copier_conf={"dst_path": destination})


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code: 0, or 1 with one line a problem on standard error."""
    parser = argparse.ArgumentParser(description="Render a new service.")
    parser.add_argument("destination", help="a folder that is empty or does not exist")
    parser.add_argument("answers", nargs="?", default="", help="a YAML file of answers; without it they are asked")
    options = parser.parse_args(arguments)

    questionnaire = load_questionnaire()
    answers, problems = find_problems(questionnaire, options.destination, options.answers)
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        return 1
    destination = Path(options.destination)
    try:
        copy_template(destination, answers, ask=not options.answers)
        note = name_source(destination)
    except OSError as error:
        print(f"DEST: cannot write {error.filename or destination}: {error.strerror}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("nothing was rendered: interrupted", file=sys.stderr)
        return 1
    except CopierError as error:
        print(f"nothing was rendered: {error}", file=sys.stderr)
        return 1
    print(next_steps(questionnaire, destination))
    if note:
        print(f"  {note}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
