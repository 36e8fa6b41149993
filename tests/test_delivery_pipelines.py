"""Pipelines: the services they are for understand them, they can do little harm, and they run what a person runs."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.programs import put_program
from tests.proofs import distinct, lay_out, run, script
from tools.questions import ROOT
from tools.regen import MODFILES
from tools.render import Sketcher, Tree
from tools.variants import find_deliveries

WORKFLOWS = ".github/workflows/"
GITLAB = ".gitlab-ci.yml"
OWN = ROOT / ".github" / "workflows"

ACTIONS = {
    "actions/cache": ("27d5ce7f107fe9357f9df03efb73ab90386fccae", "v5.0.5"),
    "actions/checkout": ("3d3c42e5aac5ba805825da76410c181273ba90b1", "v7.0.1"),
    "actions/setup-go": ("b7ad1dad31e06c5925ef5d2fc7ad053ef454303e", "v7.0.0"),
    "actions/setup-python": ("5fda3b95a4ea91299a34e894583c3862153e4b97", "v7.0.0"),
    "actions/upload-artifact": ("bbbca2ddaa5d8feaa63e36b76fdaad77386f024f", "v7.0.0"),
}
"""The commits that tags of actions stood for in their repositories. Who moves one looks it up: `git ls-remote`."""

RUN_BY_ALL = {"lint", "test", "build", "test-integration", "drift", "contract", "vuln", "sbom", "image"}
"""The targets that a change has to pass."""

MAY_WRITE = {
    ("release.yml", "image"): {"packages"},
    ("template.yml", "update"): {"contents", "pull-requests"},
}
"""What a job may write: its workflow, its name, and the permissions."""


def targets_of(text: str) -> set[str]:
    """Return the make targets that commands run."""
    commands = re.findall(r"(?m)^\s*(?:- |run: |- run: )*make ([a-z][a-z -]*)", text)
    return {target for command in commands for target in command.split()}


def makefile_targets(tree: Tree) -> set[str]:
    """Return the targets of a project's Makefile."""
    return set(re.findall(r"(?m)^\.PHONY: ([a-z-]+)$", tree["Makefile"][0].decode()))


def workflow_problems(name: str, text: str) -> Iterator[str]:
    """Say what a workflow may do that it need not, and what it takes on trust."""
    workflow: dict[str, Any] = yaml.safe_load(text)
    if "concurrency" not in workflow:
        yield f"{name}: runs that overlap are not bounded"
    if workflow.get("permissions") not in ({}, {"contents": "read"}):
        yield f"{name}: jobs begin with permissions"
    for job, settings in workflow["jobs"].items():
        permissions = settings.get("permissions", {})
        writes = {scope for scope, access in permissions.items() if access != "read"}
        if writes != MAY_WRITE.get((name, job), set()):
            yield f"{name}: {job} may write {sorted(writes)}"
        # Who calls the other workflow has its bounds.
        if settings.get("uses") != f"./{WORKFLOWS}ci.yml":
            yield from (f"{name}: {job} {problem}" for problem in job_problems(settings))
    for used, comment in re.findall(r"uses: ([^\s.]\S*)(?: # (\S+))?", text):
        action, _, commit = used.partition("@")
        if (commit, comment) != ACTIONS.get(action):
            yield f"{name}: {used} {comment} is not the commit that we looked up"


def job_problems(job: Mapping[str, Any]) -> Iterator[str]:
    """Say what is wrong with a job that has steps."""
    if not job.get("timeout-minutes", 361) <= 60:
        yield "may run for hours"
    if not job["runs-on"].startswith("ubuntu-2"):
        yield f"runs on whatever {job['runs-on']} is"
    for step in job["steps"]:
        yield from step_problems(step)


def step_problems(step: Mapping[str, Any]) -> Iterator[str]:
    """Say what is wrong with a step."""
    if "actions/checkout@" in step.get("uses", "") and step.get("with", {}).get("persist-credentials") is not False:
        yield "leaves its token in the work tree"
    if "${{" in step.get("run", ""):
        yield "puts an expression into a command"


def lint_workflows(folder: Path, actionlint: Path) -> None:
    """Ask actionlint with shellcheck, zizmor and the published schema; fail with what they find."""
    files = sorted((folder / WORKFLOWS).iterdir())
    path = {"PATH": f"{actionlint}{os.pathsep}{os.environ['PATH']}"}
    run([actionlint / "actionlint", "-no-color", *files], folder, {**os.environ, **path})
    run([script("zizmor"), "--offline", "--no-progress", "--no-config", "--min-severity=low", *files], folder)
    run([script("check-jsonschema"), "--builtin-schema", "vendor.github-workflows", *files], folder)


def test_what_is_done_each_week_is_on_a_schedule(trees: dict[str, Tree]) -> None:
    """GitHub reads the schedule from the file; GitLab has it made by hand, which the project is told."""
    for name, tree in trees.items():
        pages = [data.decode() for path, (data, _) in tree.items() if path.endswith(".md")]
        pipelines = [data.decode() for path, (data, _) in tree.items() if path.startswith((WORKFLOWS, GITLAB))]
        scheduled = [text for text in pipelines if re.search(r"(?m)^  schedule:\n    - cron: ", text)]
        assert any("each week" in page for page in pages) == any("make vuln" in text for text in scheduled), name
        by_hand = [text for text in (tree["SECURITY.md"][0].decode(), *pipelines) if "Pipeline schedules" in text]
        assert len(by_hand) == (2 if GITLAB in tree else 0), name
    assert any(GITLAB in tree for tree in trees.values())


def test_the_workflows_of_every_variant_are_clean(trees: dict[str, Tree], actionlint: Path, tmp_path: Path) -> None:
    """Nothing is found in them, by three linters and by our own checks."""
    different = distinct(trees, WORKFLOWS)
    for number, (files, name) in enumerate(different.items()):
        lint_workflows(lay_out(trees[name], tmp_path / str(number), WORKFLOWS), actionlint)
        for path, data in files:
            assert list(workflow_problems(Path(path).name, data.decode())) == [], name
    assert len(different) >= 2


def test_our_own_workflows_are_clean(actionlint: Path, tmp_path: Path) -> None:
    """The template is checked as its projects are."""
    tree: Tree = {f"{WORKFLOWS}{path.name}": (path.read_bytes(), False) for path in OWN.iterdir()}
    lint_workflows(lay_out(tree, tmp_path), actionlint)
    for path, (data, _) in tree.items():
        assert list(workflow_problems(Path(path).name, data.decode())) == []


FAULTS = {
    "is not the commit": ("actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1", "actions/checkout@v7"),
    "jobs begin with permissions": ("permissions: {}", "permissions: write-all"),
    "may run for hours": ("    timeout-minutes: 20\n", ""),
    "may write ['contents']": ("contents: read", "contents: write"),
    "runs on whatever": ("ubuntu-24.04", "ubuntu-latest"),
    "leaves its token": ("          persist-credentials: false\n", "          show-progress: false\n"),
    "puts an expression": ("run: make lint", 'run: "make lint ${{ github.head_ref }}"'),
    "runs that overlap": ("concurrency:", "env:"),
}


@pytest.mark.parametrize("problem", FAULTS)
def test_a_fault_in_a_workflow_is_found(problem: str, trees: dict[str, Tree]) -> None:
    """Each of our own checks can fail."""
    text = next(iter(trees.values()))[f"{WORKFLOWS}ci.yml"][0].decode()
    find, replace = FAULTS[problem]
    assert find in text
    found = list(workflow_problems("ci.yml", text.replace(find, replace, 1)))
    assert any(problem in line for line in found), found


@pytest.mark.parametrize(
    ("find", "replace", "finder"),
    [
        ("run: make lint", 'run: echo "${{ github.event.pull_request.title }}"', "actionlint"),
        ("run: make lint", "run: cat $UNQUOTED", "actionlint"),
        ("${{ github.workflow }}", "${{ github.workflows }}", "actionlint"),
        ("  pull_request:\n", "  pull_request_target:\n", "zizmor"),
        ("          persist-credentials: false\n", "          show-progress: false\n", "zizmor"),
        ("actions/setup-go@b7ad1dad31e06c5925ef5d2fc7ad053ef454303e # v7.0.0", "actions/setup-go@main", "zizmor"),
    ],
)
def test_the_linters_of_workflows_can_fail(
    find: str, replace: str, finder: str, trees: dict[str, Tree], actionlint: Path, tmp_path: Path
) -> None:
    """Each finds what it is for."""
    path = f"{WORKFLOWS}ci.yml"
    text = next(iter(trees.values()))[path][0].decode()
    assert find in text
    lay_out({path: (text.replace(find, replace, 1).encode(), False)}, tmp_path)
    with pytest.raises(AssertionError, match=finder):
        lint_workflows(tmp_path, actionlint)


def gitlab_problems(text: str) -> Iterator[str]:
    """Say what GitLab would refuse although the schema allows it, or what has no bound."""
    pipeline: dict[str, Any] = yaml.safe_load(text)
    if "timeout" not in pipeline["default"]:
        yield "jobs have no timeout"
    jobs = {
        name: job for name, job in pipeline.items() if isinstance(job, dict) and ({"script", "extends"} & job.keys())
    }
    if jobs.get("template", {}).get("needs") != []:
        yield "template: it waits for the checks that it may mend"
    for name, job in jobs.items():
        whole = {**pipeline.get(job.get("extends"), {}), **job}
        if whole.get("stage") not in pipeline["stages"]:
            yield f"{name}: {whole.get('stage')} is no stage"
        images = [whole.get("image", pipeline["default"]["image"]), *whole.get("services", [])]
        for image in (each if isinstance(each, str) else each["name"] for each in images):
            if not re.fullmatch(r"docker\.io/\S+:\d[\w.-]*", image):
                yield f"{name}: {image} is not pinned"
        for service in whole.get("services", []):
            if "dind" in str(service) and (isinstance(service, str) or service.get("alias") != "docker"):
                yield f"{name}: no Docker answers to docker, which is what its client calls"


def lint_gitlab(folder: Path) -> None:
    """Ask the published schema."""
    schema = ["--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci"]
    run([script("check-jsonschema"), *schema, folder / GITLAB], folder)


def test_the_pipeline_of_gitlab_is_understood(trees: dict[str, Tree], tmp_path: Path) -> None:
    """Its schema holds, and what the schema does not say."""
    different = distinct(trees, GITLAB)
    for number, (files, name) in enumerate(different.items()):
        lint_gitlab(lay_out(trees[name], tmp_path / str(number), GITLAB))
        assert list(gitlab_problems(files[0][1].decode())) == [], name
    assert len(different) == 2, "with and without Redis"


@pytest.mark.parametrize(
    ("find", "replace"),
    [("script:", "scripts:"), ("build-image:", "image:"), ("  timeout: 30 minutes\n", "  timeouts: 30\n")],
)
def test_a_pipeline_that_gitlab_refuses_is_refused(
    find: str, replace: str, trees: dict[str, Tree], tmp_path: Path
) -> None:
    """The schema can fail."""
    text = next(tree for tree in trees.values() if GITLAB in tree)[GITLAB][0].decode()
    assert find in text
    lay_out({GITLAB: (text.replace(find, replace, 1).encode(), False)}, tmp_path)
    with pytest.raises(AssertionError, match="validation"):
        lint_gitlab(tmp_path)


@pytest.mark.parametrize(
    ("find", "replace", "problem"),
    [
        ("stage: check", "stage: checks", "is no stage"),
        ("docker:29-dind", "docker:dind", "is not pinned"),
        ("  timeout: 30 minutes\n", "", "no timeout"),
        ("      alias: docker\n", "", "no Docker answers"),
        ("  needs: []\n", "", "waits for the checks"),
    ],
)
def test_a_fault_in_the_pipeline_is_found(find: str, replace: str, problem: str, trees: dict[str, Tree]) -> None:
    """Our own checks can fail."""
    text = next(tree for tree in trees.values() if GITLAB in tree)[GITLAB][0].decode()
    assert find in text
    assert any(problem in line for line in gitlab_problems(text.replace(find, replace, 1)))


def test_both_services_run_the_same_targets(trees: dict[str, Tree]) -> None:
    """They are targets that a person has, and all that a change has to pass is among them."""
    ran: dict[str, set[str]] = {}
    for tree in trees.values():
        texts = {
            "github": "\n".join(data.decode() for path, (data, _) in tree.items() if path.startswith(WORKFLOWS)),
            "gitlab": tree[GITLAB][0].decode() if GITLAB in tree else "",
        }
        for service, text in texts.items():
            if text:
                targets = targets_of(text)
                assert targets <= makefile_targets(tree)
                assert ran.setdefault(service, targets) == targets
    assert ran["github"] == ran["gitlab"] == RUN_BY_ALL | {"push"}


def test_a_target_that_is_missing_or_unknown_is_noticed(trees: dict[str, Tree]) -> None:
    """The counterpart: how targets are found in commands."""
    text = "      - run: make vuln sbom\n    - make test-integration\n  # make no\n        run: make lint"
    assert targets_of(text) == {
        "vuln", "sbom", "test-integration", "lint",
    }  # fmt: skip
    assert "unheard-of" not in makefile_targets(next(iter(trees.values())))


def test_a_pipeline_has_what_the_service_depends_on_and_no_more(trees: dict[str, Tree]) -> None:
    """Integration tests have a PostgreSQL and, where the service uses one, a Redis; in the version of compose.yaml."""
    for name, tree in trees.items():
        used = {"postgres"} | ({"redis"} if "redis" in yaml.safe_load(tree["compose.yaml"][0])["services"] else set())
        images = {
            service: settings["image"]
            for service, settings in yaml.safe_load(tree["compose.yaml"][0])["services"].items()
            if service in used
        }
        if f"{WORKFLOWS}ci.yml" in tree:
            job = yaml.safe_load(tree[f"{WORKFLOWS}ci.yml"][0])["jobs"]["integration"]
            assert {service: settings["image"] for service, settings in job["services"].items()} == images, name
            assert job["env"].keys() == {"TEST_DATABASE_URL"} | ({"TEST_REDIS_URL"} if "redis" in used else set())
        if GITLAB in tree:
            job = yaml.safe_load(tree[GITLAB][0])["integration"]
            assert {service["alias"]: service["name"] for service in job["services"]} == images, name


def test_there_is_one_go(trees: dict[str, Tree]) -> None:
    """go.mod says which; whoever names it elsewhere names the same."""
    for name, tree in trees.items():
        module = re.search(r"(?m)^go (\d+\.\d+)", tree["go.mod"][0].decode())
        assert module
        for path, (data, _) in tree.items():
            if path.startswith((".github/", ".gitlab", ".devcontainer/", "Dockerfile", "compose")):
                named = set(re.findall(r"golang:(\d+\.\d+)", data.decode()))
                assert named <= {module[1]}, f"{name}: {path}"


def test_a_workflow_takes_the_newest_patch_of_that_go(trees: dict[str, Tree], tmp_path: Path) -> None:
    """As the image does. Left to read go.mod, setup-go installs the oldest that will do, with its flaws."""
    tree = next(iter(trees.values()))
    lay_out(tree, tmp_path, "go.mod")
    (minor,) = re.findall(r"(?m)^go (\d+\.\d+)", tree["go.mod"][0].decode())
    for path, (data, _) in tree.items():
        if not path.startswith(WORKFLOWS):
            continue
        for job in yaml.safe_load(data)["jobs"].values():
            steps = job.get("steps", [])
            for before, step in itertools.pairwise(steps):
                if "actions/setup-go@" in step.get("uses", ""):
                    assert step["with"]["go-version"] == "${{ steps.go.outputs.version }}", path
                    assert step["with"]["check-latest"], path
                    assert before["id"] == "go"
                    output = tmp_path / "output"
                    output.unlink(missing_ok=True)
                    run(["bash", "-euc", before["run"]], tmp_path, {**os.environ, "GITHUB_OUTPUT": str(output)})
                    assert output.read_text("utf-8") == f"version={minor}\n"


def test_no_pipeline_brings_nothing_of_one(trees: dict[str, Tree]) -> None:
    """Nor does one service's bring what the other's needs."""
    for name, tree in trees.items():
        has = {part for part in ("github", "gitlab") if any(path.startswith(f".{part}") for path in tree)}
        assert has == ({"gitlab"} if "-gitlab" in name else set() if "-noci" in name else {"github"}), name
        assert ("renovate.json" in tree) == bool(has), name


def test_the_bot_that_moves_versions_knows_every_modfile(trees: dict[str, Tree], tmp_path: Path) -> None:
    """Its schema holds, and it looks at go.mod's neighbours."""
    tree = next(iter(trees.values()))
    lay_out(tree, tmp_path, "renovate.json")
    run([script("check-jsonschema"), "--builtin-schema", "vendor.renovate", tmp_path / "renovate.json"], tmp_path)
    config = yaml.safe_load(tree["renovate.json"][0])
    (pattern,) = config["gomod"]["managerFilePatterns"]
    modfiles = {"go.mod", *MODFILES}
    assert {path for path in modfiles if re.search(pattern.strip("/"), path)} == set(MODFILES)
    grouped = {file for rule in config["packageRules"] for file in rule.get("matchFileNames", [])}
    assert grouped == modfiles


def test_the_bot_leaves_the_version_that_runs_alone(trees: dict[str, Tree]) -> None:
    """A digest behind the tag would get into the name of the Job that migrates."""
    for name, tree in trees.items():
        if "renovate.json" in tree:
            rules = yaml.safe_load(tree["renovate.json"][0])["packageRules"]
            left = [rule for rule in rules if rule.get("matchManagers") == ["kustomize"] and rule["enabled"] is False]
            assert bool(left) == any(path.startswith("deploy/k8s/") for path in tree), name


@pytest.mark.parametrize("registry", ["ghcr.io/acme", "registry.example.com/acme"])
def test_a_release_on_github_gives_its_token_to_github_alone(
    registry: str, sketcher: Sketcher, actionlint: Path, tmp_path: Path
) -> None:
    """Another registry is logged in to with what was given for it, or not at all."""
    tree = sketcher.tree({**find_deliveries()[0].answers, "registry": registry})
    lint_workflows(lay_out(tree, tmp_path, WORKFLOWS), actionlint)
    text = tree[f"{WORKFLOWS}release.yml"][0].decode()
    own = registry.startswith("ghcr.io/")
    assert ("github.token" in text) == own
    assert ("packages: write" in text) == own
    assert any("release.yml" in problem for problem in workflow_problems("release.yml", text)) == (not own)
    assert "\n\n     " not in text, "an empty line in the midst of a job"


def test_a_release_on_github_has_passed_what_a_change_has_to(trees: dict[str, Tree]) -> None:
    """A tag may point anywhere: the image waits for all of ci.yml, run on what is tagged."""
    for files, name in distinct(trees, WORKFLOWS).items():
        workflows = {Path(path).name: yaml.safe_load(data) for path, data in files}
        jobs = workflows["release.yml"]["jobs"]
        assert jobs[jobs["image"]["needs"]]["uses"] == f"./{WORKFLOWS}ci.yml", name
        # YAML takes the key "on" for a boolean.
        assert "workflow_call" in workflows["ci.yml"][True], name
        kept = [
            step["with"]["name"]
            for workflow in ("ci.yml", "release.yml")
            for job in workflows[workflow]["jobs"].values()
            for step in job.get("steps", [])
            if "upload-artifact@" in step.get("uses", "")
        ]
        assert len(kept) == len(set(kept)), f"{name}: one run can't keep two things by one name"


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({"CI_REGISTRY": "ghcr.io"}, "ghcr.io --username job --password-stdin: of the server"),
        ({"CI_REGISTRY": "registry.gitlab.com"}, ""),
        (
            {"CI_REGISTRY": "registry.gitlab.com", "REGISTRY_USER": "ada", "REGISTRY_PASSWORD": "of ada"},
            "ghcr.io --username ada --password-stdin: of ada",
        ),
        (
            {"CI_REGISTRY": "ghcr.io", "REGISTRY_USER": "ada", "REGISTRY_PASSWORD": "of ada"},
            "ghcr.io --username ada --password-stdin: of ada",
        ),
    ],
)
def test_a_release_on_gitlab_gives_its_password_to_gitlab_alone(
    given: dict[str, str], sent: str, trees: dict[str, Tree], tmp_path: Path
) -> None:
    """The script of the job, with a docker that notes what it is given."""
    pipeline = yaml.safe_load(next(tree for tree in trees.values() if GITLAB in tree)[GITLAB][0])
    programs = tmp_path / "bin"
    for name, text in {"make": "", "docker": 'shift; printf "%s: %s" "$*" "$(cat)" > sent\n'}.items():
        put_program(programs / name, f"#!/bin/sh\n{text}")
    image = pipeline["release"]["variables"]["IMAGE"]
    environment = {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "IMAGE": image,
        "CI_REGISTRY_USER": "job",
        "CI_REGISTRY_PASSWORD": "of the server",
    }
    done = subprocess.run(
        ["sh", "-ec", "\n".join(pipeline["release"]["script"])],
        cwd=tmp_path,
        env=environment | given,
        capture_output=True,
        text=True,
        check=False,
    )
    noted = tmp_path / "sent"
    assert (noted.read_text("utf-8") if noted.exists() else "") == sent
    assert (done.returncode == 0) == bool(sent), done.stderr
    assert sent or "REGISTRY_PASSWORD" in done.stderr


def test_every_yaml_and_every_script_is_clean(trees: dict[str, Tree], tmp_path: Path) -> None:
    """Of all variants: yamllint and shellcheck find nothing."""
    texts = {
        (Path(path).suffix, data)
        for tree in trees.values()
        for path, (data, _) in tree.items()
        if path.endswith((".yml", ".yaml", ".sh")) and not path.endswith(("openapi.yaml", "gitlab-ci.yml"))
    }
    for number, (suffix, data) in enumerate(sorted(texts)):
        (tmp_path / f"{number}{suffix}").write_bytes(data)
    rules = "{extends: relaxed, rules: {line-length: disable, empty-lines: {max: 2}, indentation: disable}}"
    run([script("yamllint"), "--strict", "--config-data", rules, *tmp_path.glob("*.y*ml")], tmp_path)
    # A function that a trap calls, or another file, is not dead.
    run([script("shellcheck"), "--exclude=SC2329", *tmp_path.glob("*.sh")], tmp_path)


@pytest.mark.parametrize(
    ("tool", "name", "text"),
    [
        ("yamllint", "a.yml", "a: 1\na: 2\n"),
        ("yamllint", "a.yml", "a: 1 \n"),
        ("shellcheck", "a.sh", "#!/bin/sh\nrm $1\n"),
    ],
)
def test_the_linters_of_texts_can_fail(tool: str, name: str, text: str, tmp_path: Path) -> None:
    """A key that is there twice, space at the end of a line, a variable without quotes."""
    (tmp_path / name).write_text(text, "utf-8")
    arguments = ["--strict", "--config-data", "relaxed"] if tool == "yamllint" else []
    with pytest.raises(AssertionError, match=tool):
        run([script(tool), *arguments, tmp_path / name], tmp_path)


def test_hooks_run_targets_that_are_there(trees: dict[str, Tree]) -> None:
    """What is checked before a push is what the pipeline checks."""
    tree = next(iter(trees.values()))
    (local,) = yaml.safe_load(tree[".pre-commit-config.yaml"][0])["repos"]
    entries = {hook["entry"].removeprefix("make ") for hook in local["hooks"]}
    assert entries <= makefile_targets(tree)
    assert {"lint", "test", "drift"} <= entries
