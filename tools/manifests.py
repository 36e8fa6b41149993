"""What holds for the manifests of every variant. Each check returns its findings, one line each; none means it holds.

Overlays are built by the code of Kustomize, pods are judged by the code of Kubernetes' own admission plugin
(`tools/manifests/`, a Go program that is built once), and what no schema knows is compared here with the code of the
service: its variables, its ports, its bounds of time.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import kubernetes_validate
import yaml
from filelock import FileLock

from tools.render import Tree
from tools.toolchain import cache_folder, go_environment

PROGRAM = Path(__file__).with_name("manifests")
FOLDER = "deploy/k8s"
OVERLAYS = ("development", "production")
VERSIONS = ("1.35", "1.36", "1.37")
"""The versions of Kubernetes that are maintained."""

OUTSIDE = {"GOMEMLIMIT", "GOMAXPROCS", "SSL_CERT_DIR"}
"""Variables that are Go's own."""

CONNECTIONS = 97
"""What PostgreSQL gives to others than its superuser when nobody has configured it."""

LISTENING = {"worker": 1}
"""The connections that a program takes out of its pool for good, which opens others then: River's listener has one."""

MARGIN = (1, 10)
"""Seconds that a pod is given beyond what its program may take to end: some, and not many."""

Manifest = Mapping[str, Any]


def program() -> Path:
    """Return the Go program that builds and judges; it is compiled when it is not in the cache folder as it is now.

    Raises:
        CalledProcessError: It does not compile.
    """
    sources = sorted(PROGRAM.iterdir())
    digest = hashlib.sha256(b"\0".join(source.read_bytes() for source in sources)).hexdigest()[:16]
    binary = cache_folder() / f"manifests-{digest}"
    with FileLock(binary.with_suffix(".lock")):
        if not binary.exists():
            command = ["go", "build", "-trimpath", "-o", str(binary), "."]
            subprocess.run(command, cwd=PROGRAM, env=go_environment(), check=True)
    return binary


@dataclass(frozen=True)
class Overlay:
    """One overlay of a project, built."""

    name: str
    objects: tuple[Manifest, ...]
    insecure: tuple[str, ...]
    error: str

    def of_kind(self, *kinds: str) -> list[Manifest]:
        """Return the objects of these kinds."""
        return [each for each in self.objects if each["kind"] in kinds]

    @cached_property
    def workloads(self) -> tuple[Workload, ...]:
        """What makes pods."""
        return tuple(Workload(each, self) for each in self.of_kind("Deployment", "Job"))


@dataclass(frozen=True)
class Workload:
    """Something that makes pods of one container."""

    manifest: Manifest
    overlay: Overlay

    @property
    def name(self) -> str:
        """The kind and name, for findings."""
        return f"{self.manifest['kind']} {self.manifest['metadata']['name']}"

    @property
    def template(self) -> Manifest:
        """The template of its pods."""
        template: Manifest = self.manifest["spec"]["template"]
        return template

    @property
    def labels(self) -> Mapping[str, str]:
        """The labels of its pods."""
        labels: Mapping[str, str] = self.template["metadata"].get("labels", {})
        return labels

    @property
    def pod(self) -> Manifest:
        """The pod."""
        pod: Manifest = self.template["spec"]
        return pod

    @property
    def container(self) -> Manifest:
        """The one container of the pod."""
        (container,) = self.pod["containers"]
        return dict(container)

    @property
    def program(self) -> str:
        """Which of the image's programs it runs."""
        return str(self.container.get("command", ["/api"])[0]).removeprefix("/")

    @property
    def ports(self) -> dict[str, int]:
        """The ports of the container by name."""
        return {port["name"]: port["containerPort"] for port in self.container.get("ports", ())}

    @cached_property
    def environment(self) -> dict[str, str | None]:
        """The variables that it sets; None stands for a secret."""
        maps = {each["metadata"]["name"]: each.get("data", {}) for each in self.overlay.of_kind("ConfigMap")}
        found: dict[str, str | None] = {}
        for source in self.container.get("envFrom", ()):
            found |= maps.get(source["configMapRef"]["name"], {})
        for variable in self.container.get("env", ()):
            found[variable["name"]] = variable.get("value")
        return found


VARIABLE = re.compile(r'env:"([A-Z0-9_]+)"(?:\s+envDefault:"([^"]*)")?')
QUOTED_KEY = re.compile(r'"([A-Z0-9_]+)":')
IMAGE_ENV = re.compile(r"(?m)^(?:ENV|    ) ?([A-Z_]+)=(\S+)")
UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True)
class Code:
    """What the manifests have to agree with: a project as it is rendered."""

    tree: Tree

    def text(self, path: str) -> str:
        """Return the text of a file, nothing when there is none."""
        return self.tree[path][0].decode() if path in self.tree else ""

    @cached_property
    def defaults(self) -> dict[str, str | None]:
        """The variables that the configuration reads, and what each is when it is not set."""
        texts = (self.text(path) for path in self.tree if re.fullmatch(r"internal/config/\w+(?<!_test)\.go", path))
        return {name: default or None for text in texts for name, default in VARIABLE.findall(text)}

    @cached_property
    def sender(self) -> str:
        """The program that sends email: the worker, where there is one."""
        return "worker" if "cmd/worker/main.go" in self.tree else "api"

    @cached_property
    def required(self) -> set[str]:
        """The least that the API needs in production, as the test of the configuration has it."""
        text = self.text("internal/config/config_test.go")
        bodies = re.findall(r"(?ms)^func (?:valid|production)\(\) map\[string\]string \{(.*?)^\}", text)
        return {name for body in bodies for name in QUOTED_KEY.findall(body)}

    @cached_property
    def image(self) -> dict[str, str]:
        """The variables that the image sets."""
        return dict(IMAGE_ENV.findall(self.text("Dockerfile").rpartition("\nFROM ")[2]))

    def seconds(self, path: str, constant: str) -> float:
        """Return a constant of a Go file that is a number of seconds, 0 when there is none."""
        found = re.search(rf"\b{constant}\s+= (\d+) \* time\.Second", self.text(path))
        return float(found[1]) if found else 0.0

    def setting(self, workload: Workload, name: str) -> str | None:
        """Return what a program finds in a variable, or its default; None for a secret and for nothing."""
        for known in (workload.environment, self.image, self.defaults):
            if name in known:
                return known[name]
        return None


def duration(text: str) -> float:
    """Return the seconds of a duration as Go writes it, such as 1m30s."""
    return sum(float(number) * UNITS[unit] for number, unit in re.findall(r"([\d.]+)(ms|s|m|h)", text))


def build(trees: Sequence[Tree]) -> list[dict[str, Overlay]]:
    """Build all overlays of projects, by name. What is the same in several of them is built once."""
    requests: dict[str, int] = {}
    wanted = []
    for tree in trees:
        files = {path: data.decode() for path, (data, _) in tree.items() if path.startswith(f"{FOLDER}/")}
        for name in OVERLAYS:
            request = json.dumps({"files": files, "folder": f"{FOLDER}/overlays/{name}"}, sort_keys=True)
            wanted.append(requests.setdefault(request, len(requests)))
    answered = subprocess.run(
        [program()], input=f"[{','.join(requests)}]", capture_output=True, text=True, check=True
    ).stdout
    built = [
        Overlay(
            name=json.loads(request)["folder"].rpartition("/")[2],
            objects=tuple(yaml.load_all(answer["built"], yaml.CSafeLoader)),
            insecure=tuple(answer["insecure"] or ()),
            error=answer["error"],
        )
        for request, answer in zip(requests, json.loads(answered), strict=True)
    ]
    each = iter(wanted)
    return [{name: built[next(each)] for name in OVERLAYS} for _ in trees]


# What a schema knows -------------------------------------------------------------------------------------------------


def check_schemas(overlay: Overlay, _: Code) -> Iterator[str]:
    """Each object is what its kind may be, in every maintained version of Kubernetes."""
    for each in overlay.objects:
        # A name with a hash in it is the only difference between many variants.
        text = re.sub(r'(": "[a-z0-9-]+)-[a-z0-9]{10}"', r'\1"', json.dumps(each, sort_keys=True))
        yield from schema_problems(text)


@cache
def schema_problems(text: str) -> tuple[str, ...]:
    """Return what the schemas have against an object, strictly: a field that they do not know is one."""
    kubernetes_validate.utils.schema_contents = _schema_contents
    manifest = json.loads(text)
    return tuple(problem for version in VERSIONS if (problem := _schema_problem(manifest, version)))


def _schema_problem(manifest: Manifest, version: str) -> str:
    try:
        kubernetes_validate.validate(manifest, version, strict=True)
    except kubernetes_validate.ValidationError as error:
        name = f"{manifest['kind']} {manifest['metadata']['name']}"
        return f"schema: {name} in Kubernetes {version}: {'.'.join(map(str, error.path))}: {error.message[:200]}"
    except kubernetes_validate.SchemaNotFoundError as error:
        return f"schema: {error.message}"
    return ""


_schema_contents = cache(kubernetes_validate.utils.schema_contents)


def check_pods(overlay: Overlay, _: Code) -> Iterator[str]:
    """Pods pass at level restricted, and go beyond it in what costs nothing."""
    for line in overlay.insecure:
        yield f"security: {line}"
    for workload in overlay.workloads:
        container = workload.container
        if not container.get("securityContext", {}).get("readOnlyRootFilesystem"):
            yield f"security: {workload.name}: the root file system can be written to"
        if workload.pod.get("automountServiceAccountToken") is not False:
            yield f"security: {workload.name}: its pods get a token for the Kubernetes API"
        if workload.pod.get("enableServiceLinks") is not False:
            yield f"security: {workload.name}: Services of the namespace set variables"
        if not workload.pod.get("securityContext", {}).get("runAsUser"):
            yield f"security: {workload.name}: its user is no number"
    for each in overlay.of_kind("Namespace"):
        if each["metadata"].get("labels", {}).get("pod-security.kubernetes.io/enforce") != "restricted":
            yield "security: the namespace does not enforce restricted"
    if overlay.of_kind("Secret"):
        yield "security: a secret is in the tree"


# What no schema knows ------------------------------------------------------------------------------------------------


def matches(selector: Manifest, labels: Mapping[str, str]) -> bool:
    """Whether a selector selects what has the labels.

    Raises:
        ValueError: It has an operator that is not used here.
    """
    wanted = selector.get("matchLabels", {})
    if any(labels.get(name) != value for name, value in wanted.items()):
        return False
    for term in selector.get("matchExpressions", ()):
        if term["operator"] not in ("In", "NotIn"):
            raise ValueError(f"teach matches() the operator {term['operator']}")
        if (labels.get(term["key"]) in term["values"]) != (term["operator"] == "In"):
            return False
    return True


def check_selectors(overlay: Overlay, _: Code) -> Iterator[str]:
    """Whatever selects pods selects some, and a Deployment its own."""
    pods = [workload.labels for workload in overlay.workloads]
    for workload in overlay.workloads:
        selectors = [workload.manifest["spec"].get("selector", {})]
        selectors += [each["labelSelector"] for each in workload.pod.get("topologySpreadConstraints", ())]
        if not all(matches(selector, workload.labels) for selector in selectors):
            yield f"selector: {workload.name} does not select its own pods"
    for each in overlay.of_kind("Service", "PodDisruptionBudget", "NetworkPolicy"):
        spec = each["spec"]
        selector = spec.get("podSelector") or spec["selector"]
        if each["kind"] == "Service":
            selector = {"matchLabels": selector}
        if not any(matches(selector, labels) for labels in pods):
            yield f"selector: {each['kind']} {each['metadata']['name']} selects no pod"
    for each in overlay.of_kind("HorizontalPodAutoscaler"):
        target = each["spec"]["scaleTargetRef"]
        if f"{target['kind']} {target['name']}" not in [workload.name for workload in overlay.workloads]:
            yield f"selector: HorizontalPodAutoscaler {each['metadata']['name']} scales {target['name']}, which is not"


def check_references(overlay: Overlay, _: Code) -> Iterator[str]:
    """What pods refer to is there; secrets are in one Secret, and named like their variables."""
    there = {(each["kind"], each["metadata"]["name"]) for each in overlay.objects}
    secrets = set()
    for workload in overlay.workloads:
        for source in workload.container.get("envFrom", ()):
            if ("ConfigMap", source["configMapRef"]["name"]) not in there:
                yield f"reference: {workload.name}: there is no ConfigMap {source['configMapRef']['name']}"
        if ("ServiceAccount", workload.pod.get("serviceAccountName")) not in there:
            yield f"reference: {workload.name}: there is no ServiceAccount {workload.pod.get('serviceAccountName')}"
        for variable in workload.container.get("env", ()):
            if secret := variable.get("valueFrom", {}).get("secretKeyRef"):
                secrets.add(secret["name"])
                if secret["key"] != variable["name"]:
                    yield f"reference: {workload.name}: {variable['name']} is {secret['key']} of the Secret"
    if len(secrets) > 1:
        yield f"reference: there are several Secrets: {', '.join(sorted(secrets))}"


def check_variables(overlay: Overlay, code: Code) -> Iterator[str]:
    """Variables are those that the code reads, each once, and what production demands is set."""
    for workload in overlay.workloads:
        for name in workload.environment.keys() - code.defaults.keys() - OUTSIDE:
            yield f"variable: {workload.name}: the code does not read {name}"
        names = [variable["name"] for variable in workload.container.get("env", ())]
        for name in {name for name in names if names.count(name) > 1}:
            yield f"variable: {workload.name}: {name} is set twice"
        missing = needed(workload, code) - {"EMAIL_SENDER"} - workload.environment.keys()
        for name in sorted(missing - ({"DB_SSLMODE"} if "DATABASE_URL" in workload.environment else set())):
            yield f"variable: {workload.name}: {name} is required, and comes from nowhere"
        if workload.program == code.sender and not {"EMAIL_SENDER", "SMTP_HOST"} & workload.environment.keys():
            yield f"variable: {workload.name}: what becomes of email is not said (EMAIL_SENDER or SMTP_HOST)"
        for name, secret in secret_variables(code):
            if secret and workload.environment.get(name) is not None:
                yield f"variable: {workload.name}: {name} is secret, and stands in the tree"


def needed(workload: Workload, code: Code) -> set[str]:
    """Return the variables that a program can't do without in production, or that leave it with no database to find."""
    everyone = {"APP_ENV", "DB_HOST", "DB_USER", "DB_PASSWORD", "DB_NAME", "DB_SSLMODE"}
    addresses = {"REDIS_ADDRESS"} & code.required.union(code.defaults)
    if workload.program == "migrate":
        return everyone
    paid = {"PAYMENT_PROVIDER", "STRIPE_WEBHOOK_SECRET"} & code.defaults.keys()
    if workload.program == "worker":
        return everyone | paid | ({"STRIPE_SECRET_KEY"} & code.defaults.keys())
    required = code.required - ({"REDIS_TLS"} if code.setting(workload, "APP_ENV") != "production" else set())
    return everyone | required | addresses | paid


def secret_variables(code: Code) -> Iterator[tuple[str, bool]]:
    """Yield each variable, and whether its value may be shown to nobody."""
    for name in code.defaults:
        yield name, bool(re.search(r"PASSWORD|SECRET|(^|_)KEY$|_URL$", name)) and name != "STRIPE_BASE_URL"


LISTENS = {
    "api": {"http": "SERVER_PORT", "admin": "ADMIN_PORT"},
    "worker": {"admin": "WORKER_ADMIN_PORT"},
    "migrate": {},
}
"""The ports of each program, and the variables that they are set by."""

EVERYWHERE = "0.0.0.0"  # noqa: S104


def check_ports(overlay: Overlay, code: Code) -> Iterator[str]:
    """Ports are those that the programs listen on, by the names that others use, and all are told in the Dockerfile."""
    exposed = set(re.findall(r"\d+", "".join(re.findall(r"(?m)^EXPOSE (.*)$", code.text("Dockerfile")))))
    for workload in overlay.workloads:
        for name, port in workload.ports.items():
            variable = LISTENS[workload.program].get(name, "")
            if str(port) != code.setting(workload, variable):
                yield f"port: {workload.name}: {name} is {port}, and {variable} {code.setting(workload, variable)}"
            if str(port) not in exposed:
                yield f"port: {workload.name}: the Dockerfile does not expose {port}"
        if ("admin" in workload.ports) != (code.setting(workload, "ADMIN_HOST") == EVERYWHERE):
            yield f"port: {workload.name}: the admin listener is reachable and unnamed, or the other way round"
        if workload.program == "api" and code.setting(workload, "SERVER_HOST") != EVERYWHERE:
            yield f"port: {workload.name}: nobody reaches a server on {code.setting(workload, 'SERVER_HOST')}"


def check_services(overlay: Overlay, _: Code) -> Iterator[str]:
    """Services send requests where the pods that they select have a port of that name."""
    for service in overlay.of_kind("Service"):
        selector = {"matchLabels": service["spec"]["selector"]}
        for workload in (each for each in overlay.workloads if matches(selector, each.labels)):
            for port in service["spec"]["ports"]:
                if port["targetPort"] not in workload.ports:
                    yield f"port: Service {service['metadata']['name']}: {workload.name} has no {port['targetPort']}"


def check_metrics(overlay: Overlay, code: Code) -> Iterator[str]:
    """Where the code has metrics they are scraped, and nowhere else."""
    has = any(path.startswith("internal/pkg/metrics/") for path in code.tree)
    for workload in overlay.workloads:
        annotations = workload.template["metadata"].get("annotations", {})
        wanted = {
            "prometheus.io/scrape": "true",
            "prometheus.io/port": str(workload.ports.get("admin")),
            "prometheus.io/path": "/metrics",
        }
        if annotations != (wanted if has and workload.program != "migrate" else {}):
            yield f"metrics: {workload.name}: it is to be scraped by {annotations}"


def check_probes(overlay: Overlay, code: Code) -> Iterator[str]:
    """Each Deployment has all three, at paths that the code answers, and waits for what readiness may take."""
    answered = {"api": code.text("api/openapi/main.yaml"), "worker": code.text("cmd/worker/health.go")}
    takes = max(code.seconds("cmd/api/readiness.go", "readinessTimeout"), 1.0)
    for workload in overlay.workloads:
        if workload.manifest["kind"] != "Deployment":
            continue
        for name in ("startupProbe", "livenessProbe", "readinessProbe"):
            probe = workload.container.get(name)
            if not probe:
                yield f"probe: {workload.name} has no {name}"
                continue
            path, port = probe["httpGet"]["path"], probe["httpGet"]["port"]
            if path not in answered[workload.program]:
                yield f"probe: {workload.name}: nothing answers {path}"
            if port not in workload.ports or port != ("http" if workload.program == "api" else "admin"):
                yield f"probe: {workload.name}: {name} asks on {port}"
            if path != f"/health/{'ready' if name == 'readinessProbe' else 'live'}":
                yield f"probe: {workload.name}: {name} asks for {path}"
            if name == "readinessProbe" and probe.get("timeoutSeconds", 1) <= takes:
                yield f"probe: {workload.name}: {name} gives up before the checks do, after {takes:g} s"


def check_grace(overlay: Overlay, code: Code) -> Iterator[str]:
    """A pod may take as long to end as its program does at most, and a little more."""
    for workload in overlay.workloads:
        if workload.manifest["kind"] != "Deployment":
            continue
        prefix = {"api": "SERVER", "worker": "WORKER"}[workload.program]
        takes = duration(code.setting(workload, f"{prefix}_SHUTDOWN_TIMEOUT") or "")
        takes += code.seconds(f"cmd/{workload.program}/main.go", "closeTimeout")
        takes += code.seconds("internal/pkg/tracing/tracing.go", "flushTimeout")
        grace = workload.pod.get("terminationGracePeriodSeconds", 30)
        if not MARGIN[0] <= grace - takes <= MARGIN[1]:
            yield f"grace: {workload.name}: {grace} s, and the program takes {takes:g} s at most"


def check_patience(overlay: Overlay, _: Code) -> Iterator[str]:
    """A roll-out has not failed while the Job that its pods wait for may still be running."""
    takes = max((each["spec"].get("activeDeadlineSeconds", 0) for each in overlay.of_kind("Job")), default=0)
    for each in overlay.of_kind("Deployment"):
        deadline = each["spec"].get("progressDeadlineSeconds", 600)  # as Kubernetes has it
        if deadline <= takes:
            yield f"patience: Deployment {each['metadata']['name']}: {deadline} s, and migrations may take {takes} s"


BYTES = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}


def size(text: str) -> float:
    """Return the bytes of a quantity such as 256Mi or 230MiB."""
    number, unit = re.fullmatch(r"(\d+)(\w+)", text).groups()  # type: ignore[union-attr]
    return float(number) * BYTES[unit]


def check_resources(overlay: Overlay, _: Code) -> Iterator[str]:
    """What a pod asks for and may take is said; Go's limit of memory stays a little below that of the kernel."""
    for workload in overlay.workloads:
        resources = workload.container.get("resources", {})
        requests, limits = resources.get("requests", {}), resources.get("limits", {})
        if not {"cpu", "memory"} <= requests.keys() & limits.keys():
            yield f"resources: {workload.name}: requests or limits are missing"
            continue
        if requests["memory"] != limits["memory"]:
            yield f"resources: {workload.name}: memory beyond what is requested may be taken away at any time"
        if workload.manifest["kind"] == "Deployment":
            share = size(workload.environment.get("GOMEMLIMIT") or "0MiB") / size(limits["memory"])
            if not 0.85 <= share <= 0.95:  # noqa: PLR2004
                yield f"resources: {workload.name}: GOMEMLIMIT is {share:.0%} of the limit of memory"


def replicas(overlay: Overlay, workload: Workload) -> int:
    """Return how many pods of a Deployment there may be, with those that start and the one that ends while it rolls."""
    scaled = [
        each["spec"]["maxReplicas"]
        for each in overlay.of_kind("HorizontalPodAutoscaler")
        if each["spec"]["scaleTargetRef"]["name"] == workload.manifest["metadata"]["name"]
    ]
    surge = workload.manifest["spec"]["strategy"]["rollingUpdate"]["maxSurge"]
    ending = 1  # Kubernetes does not count it
    return int(scaled[0] if scaled else workload.manifest["spec"].get("replicas", 1)) + int(surge) + ending


def check_availability(overlay: Overlay, code: Code) -> Iterator[str]:
    """A roll-out or a drained node takes no capacity away, pods spread, and the database has room for all of them."""
    connections = 1  # of migrate
    budgets = [each["spec"]["selector"] for each in overlay.of_kind("PodDisruptionBudget")]
    for workload in overlay.workloads:
        if workload.manifest["kind"] != "Deployment":
            continue
        if not any(matches(selector, workload.labels) for selector in budgets):
            yield f"availability: {workload.name} has no PodDisruptionBudget"
        keys = {each["topologyKey"] for each in workload.pod.get("topologySpreadConstraints", ())}
        if keys != {"topology.kubernetes.io/zone", "kubernetes.io/hostname"}:
            yield f"availability: {workload.name} does not spread over zones and nodes"
        if workload.manifest["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] != 0:
            yield f"availability: {workload.name} takes pods away before others are ready"
        if not workload.manifest["spec"].get("minReadySeconds"):
            yield f"availability: {workload.name} rolls on before the pod that it replaced has ended"
        each = int(code.setting(workload, "DB_MAX_CONNECTIONS") or 0) + LISTENING.get(workload.program, 0)
        connections += replicas(overlay, workload) * each
    if connections > CONNECTIONS:
        yield f"availability: {connections} connections to the database, which gives {CONNECTIONS}"


def check_images(overlay: Overlay, code: Code) -> Iterator[str]:
    """All programs come from one image of one version, and each is built into it."""
    images = {workload.container["image"] for workload in overlay.workloads}
    if len(images) != 1:
        yield f"image: there are several: {', '.join(sorted(images))}"
    for image in images:
        name, _, tag = image.rpartition(":")
        if not name or "/" in tag or tag == "latest":
            yield f"image: {image} has no tag of a version"
        if f"IMAGE ?= {name}\n" not in code.text("Makefile"):
            yield f"image: make image builds another than {name}"
    for workload in overlay.workloads:
        if f"./cmd/{workload.program}" not in code.text("Dockerfile"):
            yield f"image: {workload.name}: /{workload.program} is not in the image"
        if workload.manifest["kind"] == "Job":
            name = workload.manifest["metadata"]["name"]
            tag = workload.container["image"].rpartition(":")[2]
            if not name.endswith(f".{tag}"):
                yield f"image: {workload.name}: another version needs another name, with {tag} in it"
    programs = {workload.program for workload in overlay.workloads}
    built = set(re.findall(r"\./cmd/(\w+)", code.text("Dockerfile")))
    if programs != built:
        yield f"image: {', '.join(sorted(programs ^ built))} is built and does not run, or the other way round"


# The network ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, order=True)
class Way:
    """A protocol and a port, and the namespace at the other end where it is one."""

    port: int
    protocol: str = "TCP"
    namespace: str = field(default="", compare=True)


def ways(overlay: Overlay, workload: Workload, direction: str) -> set[Way]:
    """Return what the policies allow pods to reach (Egress), or who may reach them (Ingress)."""
    sides, rules = {"Egress": ("to", "egress"), "Ingress": ("from", "ingress")}[direction]
    found = set()
    for policy in overlay.of_kind("NetworkPolicy"):
        spec = policy["spec"]
        if direction not in spec["policyTypes"] or not matches(spec["podSelector"], workload.labels):
            continue
        for rule in spec.get(rules, ()):
            named = {
                each["namespaceSelector"].get("matchLabels", {}).get("kubernetes.io/metadata.name", "")
                for each in rule[sides]
                if "namespaceSelector" in each
            }
            namespace = named.pop() if len(named) == 1 else ""
            for port in rule["ports"]:
                number = port["port"]
                if isinstance(number, str):
                    number = workload.ports.get(number)
                if number:
                    found.add(Way(number, port.get("protocol", "TCP"), namespace))
    return found


def dependencies(workload: Workload, code: Code) -> set[Way]:
    """Return what a program speaks to, as its environment says."""

    def known(name: str) -> str:
        return code.setting(workload, name) or ""

    found = {Way(53, "UDP", "kube-system"), Way(53, "TCP", "kube-system"), Way(int(known("DB_PORT")))}
    if workload.program == "migrate":
        return found
    if workload.program == "api" and "REDIS_ADDRESS" in code.defaults:
        found.add(Way(int(known("REDIS_ADDRESS").rpartition(":")[2])))
    if endpoint := known("OTEL_EXPORTER_OTLP_ENDPOINT"):
        host, _, port = endpoint.rpartition("/")[2].partition(":")
        found.add(Way(int(port), namespace=host.split(".")[1]))
    if workload.program == code.sender and known("SMTP_HOST") and known("EMAIL_SENDER") in ("", "smtp"):
        found.add(Way(int(known("SMTP_PORT"))))
    if workload.program == "worker" and known("PAYMENT_PROVIDER") == "stripe":
        found.add(Way(443))
    return found


def check_network(overlay: Overlay, code: Code) -> Iterator[str]:
    """Nothing is allowed but what is needed, in either direction, and that is."""
    for workload in overlay.workloads:
        denied = {
            kind
            for policy in overlay.of_kind("NetworkPolicy")
            if matches(policy["spec"]["podSelector"], workload.labels)
            and not policy["spec"].get("ingress")
            and not policy["spec"].get("egress")
            for kind in policy["spec"]["policyTypes"]
        }
        if denied != {"Ingress", "Egress"}:
            yield f"network: {workload.name}: what no policy names is allowed"
        clients = {Way(port, namespace="ingress-nginx") for name, port in workload.ports.items() if name == "http"}
        if "prometheus.io/scrape" in workload.template["metadata"].get("annotations", {}):
            clients.add(Way(workload.ports.get("admin", 0), namespace="monitoring"))
        for direction, needs in (("Egress", dependencies(workload, code)), ("Ingress", clients)):
            allowed = ways(overlay, workload, direction)
            for way in sorted(needs - allowed):
                yield f"network: {workload.name}: {direction} {way.protocol} {way.port} {way.namespace} is not allowed"
            for way in sorted(allowed - needs):
                yield f"network: {workload.name}: nothing needs {direction} {way.protocol} {way.port} {way.namespace}"


CHECKS: tuple[Callable[[Overlay, Code], Iterable[str]], ...] = (
    check_schemas,
    check_pods,
    check_selectors,
    check_references,
    check_variables,
    check_ports,
    check_services,
    check_metrics,
    check_probes,
    check_grace,
    check_patience,
    check_resources,
    check_availability,
    check_images,
    check_network,
)


def findings(overlays: Mapping[str, Overlay], tree: Tree) -> list[str]:
    """Return what is wrong with the manifests of a project, a line each: overlay, kind of fault, what, where."""
    code = Code(tree)
    found = []
    for name, overlay in overlays.items():
        if overlay.error:
            found.append(f"{name}: build: {overlay.error}")
            continue
        if not overlay.workloads:
            found.append(f"{name}: build: there is nothing that runs")
        found += [f"{name}: {line}" for check in CHECKS for line in check(overlay, code)]
    return found
