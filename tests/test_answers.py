"""What a person types is refused by name when it could break or inject, and nothing is written then."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.service.postgres import Postgres
from tools.questions import Questionnaire
from tools.render import render
from tools.variants import SAMPLE_ANSWERS

TABLE = yaml.safe_load(Path(__file__).with_name("answers.yml").read_text("utf-8"))
TEXTS = ("project_name", "module_path", "description", "owner", "port", "registry")

REFUSED: list[tuple[str, str]] = [
    *((name, value) for name in TEXTS for value in TABLE["refused"]["_anywhere"]),
    *((name, "a" * 1000) for name in TEXTS),
    *((name, value) for name, values in TABLE["refused"].items() if name != "_anywhere" for value in values),
]
ACCEPTED: list[tuple[str, str]] = [(name, value) for name, values in TABLE["accepted"].items() for value in values]


@pytest.fixture(scope="module")
def plain_template(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template outside git, which Copier does not have to clone for each of hundreds of refusals."""
    folder = tmp_path_factory.mktemp("plain") / "template"
    shutil.copytree(template, folder, ignore=shutil.ignore_patterns(".git"))
    return folder


def named(rows: list[tuple[str, Any]]) -> list[Any]:
    """Give each row an id that a terminal can show."""
    return [pytest.param(*row, id=f"{row[0]}-{ascii(row[1])[1:40]}") for row in rows]


@pytest.mark.parametrize(("name", "value"), named(REFUSED))
def test_a_bad_answer_is_refused_by_name(
    name: str, value: str, plain_template: Path, tmp_path: Path, questionnaire: Questionnaire
) -> None:
    """By Copier itself and by the check that `make new` makes first; neither writes anything."""
    answers = {**SAMPLE_ANSWERS, name: value}
    with pytest.raises(ValueError, match=name):
        render(plain_template, tmp_path / "service", answers)
    assert list(tmp_path.iterdir()) == []

    problems = questionnaire.problems(answers)
    assert [problem.split(":")[0] for problem in problems] == [name]
    assert problems[0].isprintable(), "a line on a terminal, whatever was typed"
    assert len(problems[0]) < 400


COMPUTED = [("redis", ""), ("tiered", "."), ("database_name", 'x"; DROP'), ("image", "-v"), ("default_registry", "a b")]


@pytest.mark.parametrize(("name", "value"), named(COMPUTED))
def test_what_is_computed_is_no_answer(name: str, value: str, plain_template: Path, tmp_path: Path) -> None:
    """Copier would take it from --data as it is, past the rules of the answers that it follows from."""
    with pytest.raises(ValueError, match=f"'{name}': It follows from the other answers"):
        render(plain_template, tmp_path / "service", {**SAMPLE_ANSWERS, name: value})
    assert list(tmp_path.iterdir()) == []


def test_all_that_is_computed_refuses_to_be_answered(questionnaire: Questionnaire) -> None:
    """A line of its own would be needed for each, and is easily forgotten."""
    assert {question.validator for question in questionnaire.hidden} == {
        "It follows from the other answers; leave it out."
    }


@pytest.mark.parametrize(("name", "value"), named(ACCEPTED))
def test_a_good_answer_is_accepted(name: str, value: str, questionnaire: Questionnaire) -> None:
    """The rules are no stricter than they have to be: real names, real paths."""
    assert questionnaire.problems({**SAMPLE_ANSWERS, name: value}) == []


@pytest.mark.parametrize("value", [True, False, "true", "No", "off", "Y", "0"], ids=repr)
@pytest.mark.parametrize("name", ["billing", "k8s"])
def test_yes_and_no_can_be_said_as_yaml_says_them(name: str, value: Any, plain_template: Path, tmp_path: Path) -> None:
    """What is given on a command line is text; what Copier takes it for is what was meant."""
    render(plain_template, tmp_path / "service", {**SAMPLE_ANSWERS, name: value})
    kept = yaml.safe_load((tmp_path / "service" / ".copier-answers.yml").read_text("utf-8"))
    assert kept[name] is (str(value).lower() in {"true", "y"})


@pytest.mark.parametrize("value", [None, True, ["a"], {"a": 1}, 1.5], ids=repr)
@pytest.mark.parametrize("name", TEXTS)
def test_an_answer_of_another_type_is_refused_by_name(name: str, value: Any, questionnaire: Questionnaire) -> None:
    """YAML reads `owner: yes` and an empty line as something other than text."""
    problems = questionnaire.problems({**SAMPLE_ANSWERS, name: value})
    assert [problem.split(":")[0] for problem in problems] == [name]


def test_all_problems_are_told_at_once(questionnaire: Questionnaire) -> None:
    """Wrong, unknown and missing answers, a line each."""
    problems = questionnaire.problems({"project_name": "http", "port": 80, "framework": "gin", "colour": "red"})
    assert sorted(problem.split(":")[0] for problem in problems) == [
        "colour", "framework", "module_path", "port", "project_name",
    ]  # fmt: skip


@pytest.mark.parametrize("path", TABLE["accepted"]["module_path"])
def test_go_agrees_that_the_module_path_is_legal(path: str, tmp_path: Path, go_environment: dict[str, str]) -> None:
    """`go mod init` accepts what the validator accepts."""
    subprocess.run(["go", "mod", "init", path], cwd=tmp_path, env=go_environment, capture_output=True, check=True)


def test_every_standard_package_is_reserved(questionnaire: Questionnaire, go_environment: dict[str, str]) -> None:
    """A service called http would hide the package in every import block. A new Go may bring new packages."""
    listed = subprocess.run(
        ["go", "list", "std"], env=go_environment, capture_output=True, text=True, check=True
    ).stdout.split()
    public = [path for path in listed if not {"internal", "vendor"} & set(path.split("/"))]
    names = {element for path in public for element in path.split("/")}
    free = [name for name in sorted(names) if not questionnaire.problems({**SAMPLE_ANSWERS, "project_name": name})]
    assert free == [], "add them to go_standard in extensions/reserved.jinja"


def test_every_reserved_word_of_postgresql_is_reserved(postgres: Postgres, questionnaire: Questionnaire) -> None:
    """The database is named after the service, and its name needs no quotes."""
    database = postgres.create()
    rows = database.execute("SELECT word FROM pg_get_keywords() WHERE catcode IN ('R', 'T')")
    postgres.drop(database)
    names = [word.replace("_", "-") for (word,) in rows]
    assert len(names) > 90
    free = [name for name in names if not questionnaire.problems({**SAMPLE_ANSWERS, "project_name": name})]
    assert free == [], "add them to sql in extensions/reserved.jinja"


def test_every_folder_of_a_rendered_project_is_reserved(rendered: Path, questionnaire: Questionnaire) -> None:
    """`go build -o` and imports would trip over a service named like one of its own folders."""
    folders = [path.name for path in rendered.iterdir() if path.is_dir() and not path.name.startswith(".")]
    assert "internal" in folders
    free = [name for name in folders if not questionnaire.problems({**SAMPLE_ANSWERS, "project_name": name})]
    assert free == [], "add them to project in extensions/reserved.jinja"
