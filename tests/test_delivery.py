"""Questions about delivery: all answers are rendered, and none changes the code."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.small import make_template
from tools.questions import Questionnaire, load_questionnaire
from tools.render import Sketcher, Tree, commit_all, git
from tools.variants import (
    SAMPLE_ANSWERS,
    Variant,
    evaluate,
    find_axes,
    find_code_layers,
    find_deliveries,
    find_delivery_axes,
    find_variants,
)

COPIER_YML = """\
_subdirectory: template
_envops: {undefined: jinja2.StrictUndefined, line_statement_prefix: "//%", trim_blocks: true, lstrip_blocks: true}
---
project_name: {type: str}
module_path: {type: str}
description: {type: str}
owner: {type: str}
framework: {type: str, choices: [fiber, echo], default: fiber}
---
!include questions/delivery.yml
---
core: {type: str, when: false, default: "."}
echo: {type: str, when: false, default: "{{ '.' if framework == 'echo' else '' }}"}
gitlab: {type: str, when: false, default: "{{ '.' if ci == 'gitlab' else '' }}"}
gitlab_echo: {type: str, when: false, default: "{{ '.' if gitlab and echo else '' }}"}
"""
DELIVERY_YML = (
    "ci: {type: str, choices: [github, gitlab, none], default: github}\nregistry: {type: str, default: a.io}\n"
)


@pytest.fixture
def small(tmp_path: pytest.TempPathFactory) -> Questionnaire:
    """A template with one question about code and one about delivery, and a layer of both."""
    files = {"copier.yml": COPIER_YML, "questions/delivery.yml": DELIVERY_YML}
    return load_questionnaire(make_template(tmp_path / "repository", "core echo gitlab gitlab_echo", files))


def test_a_question_about_delivery_is_no_axis(small: Questionnaire) -> None:
    """The matrix would be as many times larger as it has answers, to build the same code."""
    assert [axis.name for axis in find_axes(small)] == ["framework"]
    assert [axis.name for axis in find_delivery_axes(small)] == ["ci"]
    assert find_code_layers(small) == ("core", "echo")


def test_every_answer_about_delivery_is_given_twice(small: Questionnaire) -> None:
    """With the least and the most of the code, the default first."""
    ids = [variant.id for variant in find_deliveries(small)]
    assert ids == ["fiber-github", "fiber-gitlab", "fiber-noci", "echo-github", "echo-gitlab", "echo-noci"]


def test_no_answer_about_delivery_changes_the_code(questionnaire: Questionnaire, sketcher: Sketcher) -> None:
    """Else it would have to be an axis: what is built and tested is what anyone gets, whatever they answer."""

    def code(variant: Variant) -> dict[str, bytes]:
        tree = sketcher.tree(variant.answers)
        return {
            path: data
            for path, (data, _) in tree.items()
            if path.endswith((".go", ".mod", ".sum", ".sql")) or path in (".golangci.yml", ".mockery.yaml")
        }

    for variant in (find_variants(questionnaire)[0], find_variants(questionnaire)[-1]):
        same = [
            other
            for other in find_deliveries(questionnaire)
            if other.choices[: len(variant.choices)] == variant.choices
        ]
        assert len(same) == 6
        assert [other.id for other in same if code(other) != code(variant)] == []
        assert len(code(variant)) > 100


@pytest.mark.parametrize(
    ("module_path", "registry"),
    [
        ("github.com/Acme/parcel-desk", "ghcr.io/acme"),
        ("github.com/acme/parcel-desk/v2", "ghcr.io/acme"),
        ("gitlab.com/acme/parcel-desk", "registry.gitlab.com/acme"),
        ("gitlab.com/acme/team/desk", "registry.gitlab.com/acme/team/desk"),
        ("codeberg.org/some-one/x", "codeberg.org/some-one"),
        ("git.sr.ht/~someone/parcel.go", "git.sr.ht/someone"),
        ("example.com", "example.com/parcel-desk"),
        ("a-.io/b", "registry.example.com/parcel-desk"),
    ],
)
def test_the_registry_goes_with_the_repository(module_path: str, registry: str, questionnaire: Questionnaire) -> None:
    """Nobody's image is pushed where it belongs to somebody else, and the default is always a good answer."""
    answers = {**SAMPLE_ANSWERS, "module_path": module_path}
    assert evaluate(questionnaire, answers)["registry"] == registry
    assert questionnaire.problems(answers | {"registry": registry}) == []


@pytest.mark.variants("fiber-ent")
def test_what_is_there_for_updates_alone_goes_with_the_template(rendered: Path, tmp_path: Path) -> None:
    """Else a workflow would fail once a week; what speaks of updates and of other things is named."""
    project = tmp_path / "project"
    shutil.copytree(rendered, project)
    commit_all(project, "Start from the template")
    leave = ["sh", "scripts/template/update.sh", "leave"]
    done = subprocess.run(leave, cwd=project, capture_output=True, text=True, check=True)
    gone = [line[3:] for line in git(project, "status", "--porcelain").splitlines()]
    assert {path for path in gone if not path.startswith("scripts/template/")} == {
        ".copier-answers.yml",
        ".github/workflows/template.yml",
    }
    assert {"./Makefile", "./README.md"} <= set(done.stdout.splitlines())


def test_a_container_to_develop_in_has_what_the_tests_want(trees: dict[str, Tree]) -> None:
    """There is no Docker in it: PostgreSQL comes with the tests, and nothing else does. Listeners can be reached."""
    for name, tree in trees.items():
        text = re.sub(r"(?m)^\s*//.*$", "", tree[".devcontainer/devcontainer.json"][0].decode())
        container = json.loads(text)
        services = yaml.safe_load(tree["compose.yaml"][0])["services"]
        assert ("redis-server" in container["postCreateCommand"]) == ("redis" in services), name
        assert container["postCreateCommand"].endswith("make setup")
        listening = {8080, 9090} | ({9091} if "worker" in services else set())
        assert set(container["forwardPorts"]) == listening, name
        assert container["portsAttributes"].keys() == {str(port) for port in listening}, name


def test_reviewers_are_asked_where_they_are_named(sketcher: Sketcher, questionnaire: Questionnaire) -> None:
    """One file, where GitHub and GitLab both look; without an answer there is none, and nothing else changes."""
    for variant in find_deliveries(questionnaire):
        without = sketcher.tree(variant.answers)
        asked = sketcher.tree({**variant.answers, "reviewers": "@ada @acme/backend"})
        assert asked.pop("CODEOWNERS")[0].decode().splitlines()[-1] == "* @ada @acme/backend"
        assert asked == without
