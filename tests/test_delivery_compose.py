"""compose.yaml: Docker Compose understands it, and what it says fits the service and the other files of the project."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.proofs import Proof, lay_out, run, script
from tools.render import Sketcher, Tree
from tools.variants import find_variants

FILE = "compose.yaml"
PROGRAMS = {"api": "/api", "worker": "/worker", "migrate": "/migrate"}
ENV_TAG = re.compile(r'env:"([A-Z0-9_]+)')
ASKED = re.compile(r"\$\{([A-Z0-9_]+)(:[-?][^}]*)?\}")
HOSTS = {"DB_HOST", "SMTP_HOST", "REDIS_ADDRESS", "OTEL_EXPORTER_OTLP_ENDPOINT"}
ADMIN_PORTS = {"api": "ADMIN_PORT", "worker": "WORKER_ADMIN_PORT"}


def text_of(tree: Tree, path: str) -> str:
    """Return the text of a file."""
    return tree[path][0].decode()


def drawn(tree: Tree) -> set[str]:
    """The secrets that make draws into .env."""
    found = re.search(r"^SECRETS := (.*)$", text_of(tree, "Makefile"), re.MULTILINE)
    assert found
    return set(found[1].split())


def load(tree: Tree, proof: Proof, folder: Path) -> dict[str, Any]:
    """Load the file with the secrets that make draws."""
    lay_out(tree, folder, FILE)
    return proof.compose(folder, dict.fromkeys(drawn(tree), "drawn"))


def problems(tree: Tree, project: Mapping[str, Any]) -> list[str]:
    """Say what of compose.yaml fits neither itself, the configuration, the Makefile nor the mounted files."""
    services = project["services"]
    checks: tuple[Callable[..., Iterator[str]], ...] = (
        ports,
        images,
        health,
        order,
        environment,
        secrets,
        files,
        scrapes,
    )
    return sorted(problem for check in checks for problem in check(tree, services))


def ports(_: Tree, services: Mapping[str, Any]) -> Iterator[str]:
    """Nothing is reachable from other machines, and no two want the same port."""
    published = [(name, port) for name, service in services.items() for port in service.get("ports") or []]
    for name, port in published:
        if port.get("host_ip") != "127.0.0.1":
            yield f"{name}: port {port['target']} is published beyond this machine"
    for number, count in Counter(port["published"] for _, port in published).items():
        if count > 1:
            yield f"port {number} is published {count} times"


def images(tree: Tree, services: Mapping[str, Any]) -> Iterator[str]:
    """Images name a registry and a version; the programs come from the Dockerfile and are in it."""
    built = {service["image"] for service in services.values() if service.get("build")}
    for name, service in services.items():
        if service["image"] in built:
            entrypoint = (service.get("entrypoint") or ["/api"])[0]
            if entrypoint != PROGRAMS.get(name):
                yield f"{name}: runs {entrypoint}"
            if f"./cmd{entrypoint}" not in text_of(tree, "Dockerfile"):
                yield f"{name}: {entrypoint} is not in the image"
            if not service.get("read_only") or service.get("cap_drop") != ["ALL"]:
                yield f"{name}: is given more than it needs"
        elif not re.fullmatch(r"docker\.io/\S+:v?\d[\w.-]*", service["image"]):
            yield f"{name}: {service['image']} is not pinned"


def health(_: Tree, services: Mapping[str, Any]) -> Iterator[str]:
    """What others wait for can be asked for its health."""
    for name in {"api", "worker", "postgres", "redis"} & services.keys():
        if not (services[name].get("healthcheck") or {}).get("test"):
            yield f"{name}: has no health check"
    for name, service in services.items():
        for other, wait in (service.get("depends_on") or {}).items():
            if wait["condition"] == "service_healthy" and not services[other].get("healthcheck"):
                yield f"{name}: waits for the health of {other}, which has none"


def order(_: Tree, services: Mapping[str, Any]) -> Iterator[str]:
    """The schema is there before what uses it."""
    for name in {"api", "worker"} & services.keys():
        if services[name]["depends_on"].get("migrate", {}).get("condition") != "service_completed_successfully":
            yield f"{name}: does not wait for the migrations"
    if services["migrate"]["depends_on"].get("postgres", {}).get("condition") != "service_healthy":
        yield "migrate: does not wait for PostgreSQL"


def environment(tree: Tree, services: Mapping[str, Any]) -> Iterator[str]:
    """The programs know every variable they are given, and find every host."""
    known = {
        name
        for path, (data, _) in tree.items()
        if path.startswith("internal/config/") and not path.endswith("_test.go")
        for name in ENV_TAG.findall(data.decode())
    }
    for name in PROGRAMS.keys() & services.keys():
        for variable, value in services[name]["environment"].items():
            if variable not in known:
                yield f"{name}: nothing reads {variable}"
            if variable in HOSTS and value.rpartition("//")[2].partition(":")[0] not in services:
                yield f"{name}: {variable} is {value}, which is no service"
    for name in ADMIN_PORTS.keys() & services.keys():
        admin = services[name]["environment"].get(ADMIN_PORTS[name])
        if services[name]["environment"].get("ADMIN_HOST") != "0.0.0.0":  # noqa: S104
            yield f"{name}: nobody reaches its admin listener"
        if admin not in {str(port["target"]) for port in services[name]["ports"]}:
            yield f"{name}: its admin listener is not published"


def secrets(tree: Tree, services: Mapping[str, Any]) -> Iterator[str]:
    """A password is drawn by make, never written down."""
    for name, service in services.items():
        for variable, value in (service.get("environment") or {}).items():
            if variable.endswith(("_PASSWORD", "_SECRET")) and value != "drawn":
                yield f"{name}: {variable} is written down"
    required = {name for name, rest in ASKED.findall(text_of(tree, FILE)) if rest.startswith(":?")}
    yield from (f"{name} is asked for, and make does not draw it" for name in required - drawn(tree))
    yield from (f"{name} is drawn, and nothing asks for it" for name in drawn(tree) - required)


def files(tree: Tree, services: Mapping[str, Any]) -> Iterator[str]:
    """What is mounted from the project is there; what is there is mounted."""
    mounted = set()
    for name, service in services.items():
        for volume in service.get("volumes") or []:
            if volume["type"] == "bind":
                _, _, path = volume["source"].partition("/deploy/")
                below = {file for file in tree if f"{file}/".startswith(f"deploy/{path}/")}
                mounted |= below
                if not below or not volume.get("read_only"):
                    yield f"{name}: deploy/{path} is not there, or can be written"
    yield from (
        f"{file} is used by nothing"
        for file in tree
        if file.startswith("deploy/observability/") and file not in mounted
    )


def scrapes(tree: Tree, services: Mapping[str, Any]) -> Iterator[str]:
    """Prometheus asks each program that has numbers, where it shows them."""
    if "prometheus" not in services:
        return
    folder = "deploy/observability/prometheus/"
    asked = {
        target
        for path in tree
        if path.startswith(f"{folder}scrape/")
        for job in yaml.safe_load(text_of(tree, path))["scrape_configs"]
        for static in job["static_configs"]
        for target in static["targets"]
    }
    shown = {f"{name}:{services[name]['environment'][port]}" for name, port in ADMIN_PORTS.items() if name in services}
    yield from (f"prometheus asks {target}, where nothing is shown" for target in asked - shown)
    yield from (f"prometheus does not ask {target}" for target in shown - asked)


def test_every_variant_is_understood_and_fits(trees: dict[str, Tree], proof: Proof, tmp_path: Path) -> None:
    """Docker Compose's own loader takes it, and our checks find nothing."""
    loaded: dict[tuple[bytes, bytes], dict[str, Any]] = {}
    found = []
    for name, tree in trees.items():
        key = (tree[FILE][0], tree["Makefile"][0])
        if key not in loaded:
            loaded[key] = load(tree, proof, tmp_path / str(len(loaded)))
        found += [f"{name}: {problem}" for problem in problems(tree, loaded[key])]
    assert found == []
    assert len({text for text, _ in loaded}) > 15


@pytest.mark.parametrize("port", ["3000", "4317", "8025", "9091", "9095", "16686"])
def test_what_stands_beside_the_service_makes_way_for_it(
    port: str, sketcher: Sketcher, proof: Proof, tmp_path: Path
) -> None:
    """Each of these is the usual port of something that is started with the service."""
    tree = sketcher.tree({**find_variants()[0].answers, "port": port})
    project = load(tree, proof, tmp_path)
    assert problems(tree, project) == []
    (published,) = [each["published"] for each in project["services"]["api"]["ports"] if str(each["target"]) == port]
    assert published == port


@pytest.mark.parametrize("port", ["8080", "9091"])
def test_what_make_run_starts_listens_apart(port: str, sketcher: Sketcher) -> None:
    """The API and the worker are on one machine then; the container to develop in forwards what .env.example has."""
    for variant in find_variants():
        if not variant.answers["billing"]:
            continue
        tree = sketcher.tree({**variant.answers, "port": port})
        defaults = "".join(text_of(tree, f"internal/config/{name}.go") for name in ("config", "worker"))
        set_there = dict(re.findall(r"^([A-Z_]+_PORT)=(\d+)$", text_of(tree, ".env.example"), re.MULTILINE))
        listening = (
            dict(re.findall(r'env:"((?:SERVER|ADMIN|WORKER_ADMIN)_PORT)"\s+envDefault:"(\d+)"', defaults)) | set_there
        )
        assert listening.keys() == {"SERVER_PORT", "ADMIN_PORT", "WORKER_ADMIN_PORT"}, variant.id
        assert len(set(listening.values())) == 3, (variant.id, listening)
        assert listening["SERVER_PORT"] == port
        if set_there:
            assert re.search(r"^setup up run dev: \.env$", text_of(tree, "Makefile"), re.MULTILINE), variant.id
        container = re.sub(r"(?m)^\s*//.*$", "", text_of(tree, ".devcontainer/devcontainer.json"))
        assert re.findall(r'"(\d+)": {"label"', container) == list(listening.values()), variant.id
        assert [str(forwarded) for forwarded in json.loads(container)["forwardPorts"]] == list(listening.values())
        assert f"WORKER_ADMIN_PORT:-{listening['WORKER_ADMIN_PORT']}}}:9091" in text_of(tree, FILE), variant.id


def test_the_schema_of_the_specification_holds(trees: dict[str, Tree], tmp_path: Path) -> None:
    """The loader above is lenient in places; the published schema is not."""
    texts = sorted({tree[FILE][0] for tree in trees.values()})
    for number, text in enumerate(texts):
        (tmp_path / f"{number}.yaml").write_bytes(text)
    run([script("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", *tmp_path.glob("*.yaml")], tmp_path)


FAULTS = {
    "published beyond": ("127.0.0.1:${POSTGRES_PORT:-5432}:5432", "${POSTGRES_PORT:-5432}:5432"),
    "published 2 times": ("127.0.0.1:${MAIL_PORT:-8025}:8025", "127.0.0.1:${MAIL_PORT:-9090}:8025"),
    "not pinned": ("docker.io/axllent/mailpit:v1.31.2", "docker.io/axllent/mailpit:latest"),
    "is not in the image": ("entrypoint: [/migrate]", "entrypoint: [/migrator]"),
    "given more than it needs": ("  cap_drop: [ALL]\n", ""),
    "has no health check": ("test: [CMD, redis-cli, ping]", "disable: true"),
    "waits for the health of collector": (
        "collector: {condition: service_started}",
        "collector: {condition: service_healthy}",
    ),
    "does not wait for the migrations": (
        "migrate: {condition: service_completed_successfully}",
        "migrate: {condition: service_started}",
    ),
    "nothing reads SMTP_SENDER": ("SMTP_FROM:", "SMTP_SENDER:"),
    "which is no service": ("SMTP_HOST: mail", "SMTP_HOST: mailpit"),
    "nobody reaches its admin listener": ("  ADMIN_HOST: 0.0.0.0\n", ""),
    "is written down": ("${GRAFANA_PASSWORD:?is not in .env, add one}", "admin"),
    "make does not draw it": ("${AUTH_ACCESS_SECRET:?", "${AUTH_SECRET:?"),
    "is not there, or can be written": ("/grafana/dashboards:/etc", "/grafana/boards:/etc"),
    "is used by nothing": (
        "      - ./deploy/observability/collector.yml:/etc/collector.yml:ro\n",
        "      - spans:/a\n",
    ),
    "where nothing is shown": ('ADMIN_PORT: "9090"', 'ADMIN_PORT: "9092"'),
}


@pytest.mark.parametrize("problem", FAULTS)
def test_a_planted_fault_is_found(problem: str, trees: dict[str, Tree], proof: Proof, tmp_path: Path) -> None:
    """Each check can fail."""
    default = next(iter(trees.values()))
    find, replace = FAULTS[problem]
    text = text_of(default, FILE)
    assert find in text
    changed = text.replace(find, replace)
    if "spans:" in changed:
        changed += "  spans:\n"
    tree = default | {FILE: (changed.encode(), False)}
    lay_out(tree, tmp_path, FILE)
    project = proof.compose(tmp_path, dict.fromkeys(drawn(tree) | {"AUTH_SECRET"}, "drawn"))
    assert any(problem in found for found in problems(tree, project)), problems(tree, project)


@pytest.mark.parametrize(
    "change",
    [
        ("depends_on:", "depend_on:"),
        ("postgres: {condition: service_healthy}", "postgresql: {condition: service_healthy}"),
        ("condition: service_healthy", "condition: healthy"),
        ("interval: 10s", "interval: ten"),
        ("volumes:\n  postgres:\n", "volumes:\n"),
    ],
    ids=lambda change: change[1],
)
def test_what_compose_does_not_understand_is_refused(
    change: tuple[str, str], trees: dict[str, Tree], proof: Proof, tmp_path: Path
) -> None:
    """The loader is not fooled by a word it does not know, a service that is not there, a duration that is none."""
    default = next(iter(trees.values()))
    text = text_of(default, FILE)
    assert change[0] in text
    with pytest.raises(AssertionError, match="proof"):
        load(default | {FILE: (text.replace(*change).encode(), False)}, proof, tmp_path)


def test_a_secret_that_is_missing_is_named(trees: dict[str, Tree], proof: Proof, tmp_path: Path) -> None:
    """An old .env lacks what a newer template asks for: docker compose says which, and starts nothing."""
    lay_out(next(iter(trees.values())), tmp_path, FILE)
    with pytest.raises(AssertionError, match="POSTGRES_PASSWORD is missing a value"):
        proof.compose(tmp_path, {})
