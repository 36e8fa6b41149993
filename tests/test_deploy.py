"""Manifests and the Dockerfile of every variant, as far as a render tells; test_image.py builds and runs the image."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from yamllint import linter
from yamllint.config import YamlLintConfig

from tests.service.process import SECRET, Binaries, run
from tests.service.waiting import free_port
from tools import manifests
from tools.manifests import Code, Overlay, build, findings
from tools.questions import Questionnaire
from tools.render import Sketcher, Tree, read_tree
from tools.variants import Variant, find_deliveries, find_variants

YAMLLINT = YamlLintConfig("""
extends: default
rules:
  document-start: disable
  line-length: {max: 150}
  indentation: {spaces: 2, indent-sequences: true}
  truthy: {check-keys: false}
""")

PRODUCTION = "deploy/k8s/overlays/production"
HADOLINT = Path(sys.executable).with_name("hadolint")


@pytest.fixture(scope="module")
def trees(variants: tuple[Variant, ...], sketcher: Sketcher) -> dict[str, Tree]:
    """All variants."""
    return {variant.id: sketcher.tree(variant.answers) for variant in variants}


@pytest.fixture(scope="module")
def full(sketcher: Sketcher) -> Tree:
    """The variant that has most."""
    return sketcher.tree(find_variants()[0].answers)


def test_the_manifests_of_every_variant_hold(trees: dict[str, Tree]) -> None:
    """Schemas of three versions of Kubernetes, Pod Security, and what they have to agree on with the code."""
    built = build(list(trees.values()))
    wrong = {
        f"{name}: {line}"
        for (name, tree), overlays in zip(trees.items(), built, strict=True)
        for line in findings(overlays, tree)
    }
    assert sorted(wrong) == []
    kinds = {each["kind"] for overlays in built for overlay in overlays.values() for each in overlay.objects}
    assert kinds == {
        "ConfigMap", "Deployment", "HorizontalPodAutoscaler", "Job", "Namespace", "NetworkPolicy",
        "PodDisruptionBudget", "Service", "ServiceAccount",
    }  # fmt: skip


MISTAKES = yaml.safe_load(Path(__file__).with_name("mistakes.yml").read_text("utf-8"))


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake["mistake"])
def test_a_mistake_is_found_by_name(mistake: dict[str, str], full: Tree) -> None:
    """The counterpart of the test above: each check can fail, and says what about."""
    text = full[mistake["file"]][0].decode()
    assert mistake["old"] in text, "the mistake has nothing to be made in"
    planted = {**full, mistake["file"]: (text.replace(mistake["old"], mistake["new"], 1).encode(), False)}
    lines = findings(build([planted])[0], planted)
    assert any(re.match(f"(production|development): {mistake['found']}", line) for line in lines), lines


def test_yaml_is_tidy(trees: dict[str, Tree]) -> None:
    """In every variant."""
    texts = {
        (path, data)
        for tree in trees.values()
        for path, (data, _) in tree.items()
        if path.startswith("deploy/") and path.endswith((".yaml", ".yml"))
    }
    assert len(texts) > 10
    problems = {f"{path}:{problem}" for path, data in texts for problem in linter.run(data.decode(), YAMLLINT)}
    assert sorted(problems) == []
    assert list(linter.run("a:   1\na: 2\n", YAMLLINT)), "and it can fail"


def hadolint(text: str) -> str:
    """What hadolint has against a Dockerfile."""
    return subprocess.run([HADOLINT, "-"], input=text, capture_output=True, text=True, check=False).stdout


def test_the_dockerfile_is_sound(trees: dict[str, Tree]) -> None:
    """Hadolint finds nothing in that of any variant."""
    texts = {tree["Dockerfile"][0].decode() for tree in trees.values()}
    assert {hadolint(text) for text in texts} == {""}
    assert "DL3006" in hadolint(next(iter(texts)) + "\nFROM debian\n"), "and it can"


def test_the_version_of_go_stands_in_go_mod_alone(questionnaire: Questionnaire, sketcher: Sketcher) -> None:
    """What builds or checks the service reads it there: nobody has to remember a second place."""
    pinned = re.compile(r"(?i)(golang:|go[-_ ]?version\"?\s*[:=?]+\s*)[\"']?1\.\d+")
    for variant in find_deliveries(questionnaire):
        for path, (data, _) in sketcher.tree(variant.answers).items():
            if path.endswith((".mod", ".sum", ".go", ".md")):
                continue
            assert not pinned.search(data.decode()), path
    for text in ("FROM golang:1.26", 'go-version: "1.26"', "ARG GO_VERSION=1.26"):
        assert pinned.search(text), "and it can be found"


@pytest.mark.parametrize("registry", ["localhost:5000", "registry.corp.example:5000/team/a_b"])
def test_the_longest_names_will_do(registry: str, questionnaire: Questionnaire, sketcher: Sketcher) -> None:
    """Of the project, with a version of the usual length; and a registry with a port has no tag by that."""
    name = "a" * 40
    tree = sketcher.tree({**find_variants(questionnaire)[0].answers, "project_name": name, "registry": registry})
    path = f"{PRODUCTION}/kustomization.yaml"
    tree[path] = (tree[path][0].replace(b"newTag: v0.1.0", b"newTag: v10.20.30-rc.1"), False)
    overlays = build([tree])[0]
    assert findings(overlays, tree) == []
    names = [each["metadata"]["name"] for overlay in overlays.values() for each in overlay.objects]
    assert f"{name}-migrate.v10.20.30-rc.1" in names
    assert max(map(len, names)) <= 63


def test_an_authority_of_your_own_is_known_to_every_pod(trees: dict[str, Tree]) -> None:
    """What docs/kubernetes.md has its reader add to production is right as it stands, in every variant."""
    planted = []
    for tree in trees.values():
        page = tree["docs/kubernetes.md"][0].decode()
        added = page.partition("### Certificates of your own")[2].partition("```yaml\n")[2].partition("```")[0]
        path = f"{PRODUCTION}/kustomization.yaml"
        text = tree[path][0].decode()
        assert text.rstrip().endswith("disableNameSuffixHash: true"), "the generators stand last"
        planted.append(
            {**tree, path: (f"{text}{added}".encode(), False), f"{PRODUCTION}/ca.crt": (b"-----BEGIN", False)}
        )
    for tree, overlays in zip(planted, build(planted), strict=True):
        assert findings(overlays, tree) == []
        for workload in overlays["production"].workloads:
            (mount,) = workload.container["volumeMounts"]
            assert workload.environment["SSL_CERT_DIR"] == mount["mountPath"]
            (volume,) = workload.pod["volumes"]
            maps = {each["metadata"]["name"]: each["data"] for each in overlays["production"].of_kind("ConfigMap")}
            assert maps[volume["configMap"]["name"]] == {"ca.crt": "-----BEGIN"}
            assert "SSL_CERT_FILE" not in workload.environment, "the image names the public ones"


@pytest.mark.parametrize("heading", ["### Certificates of your own", "## A new version"])
def test_the_page_about_kubernetes_has_a_job_taken_away(heading: str, full: Tree) -> None:
    """Apply changes no Job that is there, and starts none that has failed: its name is that of the manifests."""
    section = re.split(r"(?m)^##+ ", full["docs/kubernetes.md"][0].decode().partition(f"{heading}\n")[2])[0]
    path = f"{PRODUCTION}/kustomization.yaml"
    tree = {**full, path: (full[path][0].replace(b"newTag: v0.1.0", b"newTag: v1.2.3"), False)}
    (job,) = build([tree])[0]["production"].of_kind("Job")
    assert f"`kubectl --namespace {job['metadata']['namespace']} delete job/{job['metadata']['name']}`" in section


def test_what_only_production_demands_may_be_missing_elsewhere(trees: dict[str, Tree]) -> None:
    """Nobody makes up a password for the Redis of the development overlay, which has none."""
    for name, tree in trees.items():
        text = tree["deploy/k8s/base/api.yaml"][0].decode()
        assert ("key: REDIS_PASSWORD\n" in text) == ("key: REDIS_PASSWORD\n                  optional: true\n" in text)
        table = tree["docs/kubernetes.md"][0].decode()
        assert ("but for `REDIS_PASSWORD`" in table) == ("REDIS_PASSWORD" in text), name


def environment(overlay: Overlay, program: str, **more: str) -> dict[str, str]:
    """What a program gets in production, with secrets, on a machine where nothing answers."""
    (workload,) = (each for each in overlay.workloads if each.program == program)
    secret = iter(f"{SECRET}-Zq3v0P1m9K5t7W2x8R4c6N1b0L9j3H5f-{number}" for number in range(20))
    known = {name: next(secret) if value is None else value for name, value in workload.environment.items()}
    nowhere = {"DB_HOST": "127.0.0.1", "DB_PORT": "1", "DB_CONNECT_TIMEOUT": "1s", "SERVER_SHUTDOWN_DELAY": "0s"}
    here = {"SERVER_HOST": "127.0.0.1", "ADMIN_HOST": "127.0.0.1"}
    return {**known, **nowhere, **here, **more}


def test_each_program_starts_with_what_the_manifests_give_it(
    variant: Variant, project: Path, binaries: Binaries, free_ports: dict[str, str]
) -> None:
    """By the rules of production: it gets as far as the database, which is not there. Without a secret it does not."""
    tree = read_tree(project)
    (overlays,) = build([tree])
    for workload in overlays["production"].workloads:
        program = binaries.api.with_name(workload.program)
        arguments = workload.container.get("command", ["/api"])[1:]
        env = environment(overlays["production"], workload.program, **free_ports)
        started = run(program, *arguments, env=env)
        assert "configuration:" not in started.output, variant.id
        assert "waiting for the database" in started.output
        assert started.code == 1
        del env["DB_PASSWORD"]
        assert "configuration: DB_PASSWORD is required" in run(program, *arguments, env=env).err


@pytest.fixture
def free_ports() -> dict[str, str]:
    """Ports that nobody else has, in place of those of a pod."""
    return {name: str(free_port()) for name in ("SERVER_PORT", "ADMIN_PORT", "WORKER_ADMIN_PORT")}


def test_the_versions_of_kubernetes_are_known() -> None:
    """A schema that is not there is a finding, never silence."""
    assert manifests.schema_problems('{"kind": "Parcel", "apiVersion": "v1", "metadata": {"name": "x"}}')


def test_what_production_needs_is_read_from_the_code(full: Tree) -> None:
    """The parser of the code finds what it looks for: else every check above would hold for nothing."""
    code = Code(full)
    assert {"DB_PASSWORD", "AUTH_ACCESS_SECRET", "REDIS_PASSWORD", "DB_SSLMODE"} <= code.required
    assert code.defaults["SERVER_SHUTDOWN_TIMEOUT"] == "30s"
    assert len(code.defaults) > 50
    assert code.image == {"APP_ENV": "production", "SERVER_HOST": "0.0.0.0"}  # noqa: S104
    assert code.seconds("cmd/api/main.go", "closeTimeout") == 2
    assert manifests.duration("1m30s") == 90
    assert manifests.duration("500ms") == 0.5


def test_a_migrator_waits_for_another_as_long_as_its_job_may_take(full: Tree) -> None:
    """One that gave up sooner would fail the rollout of a release while the one before it builds an index."""
    code = full["internal/infrastructure/migration/migration.go"][0].decode()
    job = yaml.safe_load(full["deploy/k8s/base/migrate.yaml"][0])
    constants = dict(re.findall(r"^\t(lock\w+) += (\d+)$", code, re.MULTILINE))
    assert int(constants["lockPause"]) * int(constants["lockTries"]) >= job["spec"]["activeDeadlineSeconds"]


def test_the_page_about_kubernetes_names_every_secret(trees: dict[str, Tree]) -> None:
    """What its reader puts into the Secret is what the pods take from it, and its links lead somewhere."""
    for name, tree in trees.items():
        page = tree["docs/kubernetes.md"][0].decode()
        base = [data.decode() for path, (data, _) in tree.items() if path.startswith("deploy/k8s/base/")]
        taken = {key for text in base for key in re.findall(r"secretKeyRef:\n +name: \S+\n +key: (\w+)", text)}
        table = page.partition("| key |")[2].partition("\n\n")[0]
        assert set(re.findall(r"`([A-Z_]+)`", table)) == taken, name
        for target in re.findall(r"\]\(([^)#]+)", page):
            assert f"docs/{target}" in tree, name
        for path in re.findall(r"`(overlays/[a-z/]+|base/[a-z.]+)`", page):
            assert any(each.startswith(f"deploy/k8s/{path}") for each in tree), path
