"""`copier copy` the way the README has people type it: another process, no --trust."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from tests.programs import configuration
from tools.questions import ROOT, Questionnaire
from tools.render import TAG, read_tree
from tools.variants import SAMPLE_ANSWERS, Variant, find_variants

COPIER = str(Path(sys.executable).with_name("copier"))


def copy(
    template: Path, folder: Path, answers: Mapping[str, object], **variables: str
) -> subprocess.CompletedProcess[str]:
    """Copy into folder/service with answers on the command line, defaults for the rest, in an environment."""
    data = [f"--data={name}={value}" for name, value in answers.items()]
    command = [COPIER, "copy", *data, "--defaults", str(template), "service"]
    return subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def readme_command(template: Path) -> list[str]:
    """Take the first copier command of the README and let it use the template at hand."""
    found = re.search(r"^copier copy (gh:\S+) (\S+)$", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)
    assert found, "README.md shows no `copier copy`"
    return [COPIER, "copy", str(template), found[2]]


def test_the_readme_command_asks_and_renders(template: Path, tmp_path: Path, questionnaire: Questionnaire) -> None:
    """On a terminal every question is asked; Enter takes the default. The newest tag is rendered."""
    typed = {"project_name": "parcel-desk", "module_path": "github.com/acme/parcel-desk"}
    command = readme_command(template)
    assert "--trust" not in command
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(tmp_path)
        os.environ.update(TERM="dumb", COLUMNS="200")
        os.execv(command[0], command)  # noqa: S606

    seen = ""
    asked = iter(questionnaire.asked)
    question = next(asked, None)
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        if not select.select([terminal], [], [], 1)[0]:
            continue
        try:
            chunk = os.read(terminal, 4096)
        except OSError:  # The other end is closed: Linux says so with EIO.
            break
        seen += chunk.decode(errors="replace")
        if question and question.help[:30] in seen:
            os.write(terminal, typed.get(question.name, "").encode() + b"\r")
            seen, question = "", next(asked, None)
    else:
        os.kill(child, signal.SIGKILL)  # it waits for an answer that nobody gives
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0, seen
    answers = yaml.safe_load((tmp_path / command[-1] / ".copier-answers.yml").read_text("utf-8"))
    assert answers["project_name"] == "parcel-desk"
    assert answers["_commit"] == TAG


def test_answers_on_the_command_line_are_enough(template: Path, tmp_path: Path) -> None:
    """--data for what has no default, --defaults for the rest."""
    variant = find_variants()[-1]
    done = copy(template, tmp_path, variant.answers)
    assert done.returncode == 0, done.stderr
    assert "make test" in done.stderr
    assert (tmp_path / "service" / "go.mod").exists()


@pytest.mark.variants("fiber-ent")
def test_lines_end_the_same_where_git_is_set_up_as_on_windows(
    rendered: Path, variant: Variant, template: Path, tmp_path: Path
) -> None:
    """Copier renders the bytes of its clone, and a shell takes no script whose lines end as on Windows."""
    done = copy(template, tmp_path, variant.answers, **configuration(core_autocrlf="true"))
    assert done.returncode == 0, done.stderr
    assert read_tree(tmp_path / "service") == read_tree(rendered)


def test_it_is_the_same_from_another_process(variant: Variant, rendered: Path, template: Path, tmp_path: Path) -> None:
    """What the tests look at, rendered with the shortcuts of fast_copier, is what Copier's command writes."""
    answers = tmp_path / "answers.yml"
    answers.write_text(yaml.safe_dump(variant.answers), "utf-8")
    command = [COPIER, "copy", "--quiet", "--defaults", f"--data-file={answers}", str(template), "service"]
    subprocess.run(command, cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, check=True)
    assert read_tree(tmp_path / "service") == read_tree(rendered)


@pytest.mark.parametrize("name", ["project_name", "module_path"])
def test_a_question_without_a_default_is_named_when_it_is_not_answered(
    name: str, template: Path, tmp_path: Path
) -> None:
    """Nothing is made up for what only the owner can know."""
    done = copy(template, tmp_path, {key: value for key, value in SAMPLE_ANSWERS.items() if key != name})
    assert done.returncode != 0
    assert name in done.stderr.splitlines()[-1]
    assert not (tmp_path / "service").exists()
