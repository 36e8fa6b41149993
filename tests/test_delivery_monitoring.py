"""Rules, dashboards and the collector: the programs they are for understand them, and they fit one another.

That the numbers they ask for are those of a running service is proved in test_service_observability.py.
"""

from __future__ import annotations

import fnmatch
import itertools
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.proofs import Proof, distinct, lay_out
from tools.render import Tree
from tools.variants import SAMPLE_ANSWERS

FOLDER = "deploy/observability/"
RULES = f"{FOLDER}prometheus/rules/"
DASHBOARDS = f"{FOLDER}grafana/dashboards/"
CASES = Path(__file__).with_name("proof") / "alerts.yml"

SEEN = 'last_over_time(build_info{service="parcel-desk"}'
"""What binds a rule to the service."""

MACROS = {"$__rate_interval": "5m"}
"""What Grafana puts in the place of its own variables."""


def anchors(text: str) -> set[str]:
    """Return the anchors of the headings of a page, as GitHub and GitLab make them."""
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def rule_files(tree: Tree, folder: Path) -> list[Path]:
    """Write the rules of a project and return where they are."""
    lay_out(tree, folder, RULES)
    return sorted((folder / RULES).glob("*.yml"))


def dashboards(tree: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the dashboards of a project."""
    return {path: json.loads(data) for path, (data, _) in tree.items() if path.startswith(DASHBOARDS)}


def expressions(dashboard: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a dashboard asks Prometheus for, with Grafana's own variables replaced."""
    panels = (target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", []))
    events = (event["expr"] for event in dashboard["annotations"]["list"])
    for expr in itertools.chain(panels, events):
        for macro, value in MACROS.items():
            expr = expr.replace(macro, value)  # noqa: PLW2901
        yield expr


def rule_problems(rules: list[dict[str, Any]], operations: str) -> list[str]:
    """Say which rules lead nobody anywhere."""
    found = []
    known = anchors(operations)
    recorded = {rule["record"] for rule in rules if "record" in rule}
    for name, count in Counter(rule.get("alert") or rule["record"] for rule in rules).items():
        if count > 1:
            found.append(f"{name} is there {count} times")
    for rule in (rule for rule in rules if "alert" in rule):
        name, notes = rule["alert"], rule.get("annotations", {})
        page, _, anchor = notes.get("runbook", "").partition("#")
        if page != "docs/operations.md" or anchor not in known:
            found.append(f"{name}: no section of docs/operations.md is {anchor!r}")
        if rule.get("labels", {}).get("severity") not in {"page", "ticket"}:
            found.append(f"{name}: nobody knows how urgent it is")
        if not notes.get("summary"):
            found.append(f"{name}: says nothing")
    asked = {selector["metric"] for rule in rules for selector in rule["selectors"]}
    found += [f"{name} is recorded, and nothing asks for it" for name in sorted(recorded - asked)]
    found += [f"{name} is not recorded" for name in sorted(asked - recorded) if ":" in name]
    return found


def overlaps(panels: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Say which panels lie over another, or over the edge."""
    taken: dict[tuple[int, int], str] = {}
    for panel in panels:
        place = panel["gridPos"]
        columns, rows = (range(place[at], place[at] + place[size]) for at, size in (("x", "w"), ("y", "h")))
        for cell in itertools.product(columns, rows):
            if cell[0] > 23 or taken.setdefault(cell, panel["title"]) != panel["title"]:
                yield f"{panel['title']} lies over {taken.get(cell, 'the edge')}"
                break


def dashboard_problems(boards: Mapping[str, dict[str, Any]]) -> list[str]:
    """Say what of the dashboards Grafana would show wrongly, or not at all."""
    found = []
    for uid, count in Counter(board["uid"] for board in boards.values()).items():
        if count > 1:
            found.append(f"{count} dashboards are {uid}")
    for path, board in boards.items():
        ids = Counter(panel["id"] for panel in board["panels"])
        found += [f"{path}: {count} panels are {number}" for number, count in ids.items() if count > 1]
        variables = {f"${variable['name']}" for variable in board["templating"]["list"]} | set(MACROS)
        found += [f"{path}: {problem}" for problem in overlaps(board["panels"])]
        for panel in board["panels"]:
            if panel["type"] == "row":
                continue
            if not panel.get("description"):
                found.append(f"{path}: {panel['title']} explains nothing")
            if panel["datasource"]["uid"] != "${datasource}":
                found.append(f"{path}: {panel['title']} is bound to one data source")
            for target in panel["targets"]:
                used = set(re.findall(r"\$\w+", target["expr"]))
                found += [f"{path}: {panel['title']} uses {name}" for name in sorted(used - variables)]
    return found


def test_the_rules_of_every_variant_are_understood(trees: dict[str, Tree], proof: Proof, tmp_path: Path) -> None:
    """Prometheus loads them; each alert has a section of the runbook, in every variant that has the alert."""
    seen: dict[tuple[tuple[str, bytes], ...], list[dict[str, Any]]] = {}
    found = []
    for name, tree in trees.items():
        files = tuple((path, data) for path, (data, _) in tree.items() if path.startswith(RULES))
        if not files:
            continue
        if files not in seen:
            seen[files] = proof.rules(rule_files(tree, tmp_path / str(len(seen))))
        found += [
            f"{name}: {problem}" for problem in rule_problems(seen[files], tree["docs/operations.md"][0].decode())
        ]
    assert found == []
    assert sum("alert" in rule for rule in max(seen.values(), key=len)) > 15


def test_rules_and_dashboards_come_with_metrics_alone(trees: dict[str, Tree]) -> None:
    """And the collector with tracing alone."""
    for name, tree in trees.items():
        assert any(path.startswith(RULES) for path in tree) == ("metrics" in name), name
        assert bool(dashboards(tree)) == ("metrics" in name), name
        assert (f"{FOLDER}collector.yml" in tree) == ("tracing" in name), name


def test_each_alert_fires_when_it_should(trees: dict[str, Tree], proof: Proof, tmp_path: Path) -> None:
    """In Prometheus' own engine: what happens to the numbers of a service, and what fires then."""
    every = {path: file for tree in trees.values() for path, file in tree.items()}
    files = rule_files(every, tmp_path)
    cases = {case["name"]: case["fires"] for case in yaml.safe_load(CASES.read_text("utf-8"))}
    fired = proof.alerts(CASES, files)
    assert fired == cases
    alerts = {rule["alert"] for rule in proof.rules(files) if "alert" in rule}
    assert set(itertools.chain.from_iterable(cases.values())) == alerts, "each fires in some case"


def test_each_alert_is_about_this_service(trees: dict[str, Tree], proof: Proof, tmp_path: Path) -> None:
    """A Prometheus has the numbers of many, much of what they count has the same name, and a job may be of many."""
    every = {path: file for tree in trees.values() for path, file in tree.items()}
    service = SAMPLE_ANSWERS["project_name"]
    bound = [{"name": "service", "type": "=", "value": service}]
    rules = proof.rules(rule_files(every, tmp_path))
    recorded = {rule["record"] for rule in rules if "record" in rule}
    for rule in rules:
        name = rule.get("alert") or rule["record"]
        tied = [each["matchers"] for each in rule["selectors"] if each["metric"] in recorded | {"build_info"}]
        assert tied, name
        assert all(matchers == bound for matchers in tied), name
        assert "record" not in rule or rule["labels"] == {"service": service}, "rules of others record under this name"


@pytest.mark.parametrize(
    ("find", "replace", "case"),
    [
        ("> 14.4 * 0.001\n", "> 44 * 0.001\n", "two in a hundred requests fail for an hour"),
        ('method!="other", ', "", "a client makes up methods"),
        (">= 10\n", ">= 1\n", "nine of the few requests of an hour fail"),
        (">= 10\n", ">= 100\n", "all of the few requests fail"),
        (
            " or rate(db_pool_acquires_canceled_total[5m]) > 0.05 * rate(db_pool_acquires_total[5m])",
            "",
            "no request gets a connection",
        ),
        ("> 0.05 * rate(db_pool_acquires_total[5m])", "> 0", "all is well"),
        (
            "alert: NoApi\n        expr: absent(http_requests_in_flight and",
            "alert: NoApi\n        expr: absent(up and",
            "the API is replaced",
        ),
        ('state="in_use"', 'state="used"', "the pool is full, and nobody waits"),
        ("ignoring (state) ", "", "the pool is full, and nobody waits"),
        ("up == 0", "up == 1", "an instance does not answer"),
        (f"          and on (job, instance) {SEEN}[7d])\n", "", "all of that happens to others"),
        ("[7d])", "[1d])", "an instance has not answered for more than a day"),
        (f"          and on (job, instance) {SEEN}[5m])\n", "", "all of that happens to others"),
        (
            f"{SEEN}[1h])",
            'build_info{service="parcel-desk"}',
            "a process failed, and the one in its place fails as well",
        ),
        (
            '          and on (job, instance) build_info{service="parcel-desk"}\n',
            "",
            "all of that happens to others in the same job",
        ),
        ("/health/ready", "/health/readiness", "a probe of readiness fails"),
        ("> 0.5 * count", "> 0 * count", "a new instance waits for migrations beside two that are ready"),
        ("> 0.5 * count", ">= 0.5 * count", "a new instance waits for migrations beside the only other one"),
        ("> 0.5 * count", "> 1 * count", "no instance of three is ready"),
        ("for: 70m", "for: 7h", "a new instance waits for more than an hour"),
        (
            '          http_requests_in_flight\n          and on (job, instance) build_info{service="parcel-desk"}\n',
            "          http_requests_in_flight\n",
            "two instances of three are not ready, beside many of another service in the same job",
        ),
    ],
)
def test_a_rule_that_is_wrong_is_noticed(
    find: str, replace: str, case: str, trees: dict[str, Tree], proof: Proof, tmp_path: Path
) -> None:
    """Each case can fail."""
    files = rule_files(next(iter(trees.values())), tmp_path)
    (chosen,) = (each for each in yaml.safe_load(CASES.read_text("utf-8")) if each["name"] == case)
    cases = tmp_path / "cases.yml"
    cases.write_text(yaml.safe_dump([chosen]), "utf-8")
    assert proof.alerts(cases, files) == {case: chosen["fires"]}
    rules = tmp_path / RULES / "service.yml"
    text = rules.read_text("utf-8")
    assert find in text
    rules.write_text(text.replace(find, replace), "utf-8")
    assert proof.alerts(cases, files) != {case: chosen["fires"]}


@pytest.mark.parametrize(
    ("find", "replace", "problem"),
    [
        ("#notready", "#not-ready", "NotReady: no section"),
        ("{severity: page}", "{severity: loud}", "nobody knows how urgent"),
        ("alert: FilesRunOut", "alert: NotReady", "NotReady is there 2 times"),
        (
            "record: job:http_request_errors:ratio_rate6h",
            "record: job:http_request_errors:ratio_rate5h",
            "is recorded, and",
        ),
    ],
)
def test_a_rule_that_leads_nowhere_is_found(
    find: str, replace: str, problem: str, trees: dict[str, Tree], proof: Proof, tmp_path: Path
) -> None:
    """The counterpart of the rules of every variant."""
    tree = next(iter(trees.values()))
    files = rule_files(tree, tmp_path)
    rules = tmp_path / RULES / "service.yml"
    rules.write_text(rules.read_text("utf-8").replace(find, replace), "utf-8")
    found = rule_problems(proof.rules(files), tree["docs/operations.md"][0].decode())
    assert any(problem in line for line in found), found


@pytest.mark.parametrize(
    ("find", "replace"),
    [
        ("[5m])) > 0", "[5m) > 0"),
        ("for: 5m", "for: five"),
        ("alert:", "alarm:"),
        ("$value", "$values"),
        ("rate(", "rates("),
    ],
)
def test_a_rule_that_prometheus_refuses_is_refused(
    find: str, replace: str, trees: dict[str, Tree], proof: Proof, tmp_path: Path
) -> None:
    """Syntax of expressions, names of fields, functions, templates of texts."""
    files = rule_files(next(iter(trees.values())), tmp_path)
    rules = tmp_path / RULES / "service.yml"
    text = rules.read_text("utf-8")
    assert find in text
    rules.write_text(text.replace(find, replace, 1), "utf-8")
    with pytest.raises(AssertionError, match=r"service\.yml"):
        proof.rules(files)


def test_the_dashboards_of_every_variant_are_sound(trees: dict[str, Tree], proof: Proof) -> None:
    """Each expression is one, no panel hides another, and each says what it shows."""
    for files, name in distinct(trees, DASHBOARDS).items():
        boards = {path: json.loads(data) for path, data in files}
        assert dashboard_problems(boards) == [], name
        assert proof.queries(expr for board in boards.values() for expr in expressions(board)), name


@pytest.mark.parametrize(
    ("find", "replace", "problem"),
    [
        ('"uid": "service"', '"uid": "service-cache"', "dashboards are service-cache"),
        ('"id": 3,', '"id": 2,', "panels are 2"),
        ('"x": 8,', '"x": 7,', "lies over"),
        ("${datasource}", "prometheus", "bound to one data source"),
        ('=~\\"$job\\"', '=~\\"$instance\\"', "uses $instance"),
    ],
)
def test_a_dashboard_that_is_wrong_is_found(find: str, replace: str, problem: str, trees: dict[str, Tree]) -> None:
    """The counterpart."""
    tree = next(iter(trees.values()))
    path = f"{DASHBOARDS}service.json"
    text = tree[path][0].decode()
    assert find in text
    changed = tree | {path: (text.replace(find, replace).encode(), False)}
    found = dashboard_problems(dashboards(changed))
    assert any(problem in line for line in found), found


def test_grafana_and_prometheus_find_their_files(trees: dict[str, Tree]) -> None:
    """What their configuration names is where compose.yaml puts it."""
    for files, name in distinct(trees, f"{FOLDER}prometheus/").items():
        paths = {path.removeprefix(f"{FOLDER}prometheus/") for path, _ in files}
        config = yaml.safe_load(dict(files)[f"{FOLDER}prometheus/prometheus.yml"])
        patterns = config["rule_files"] + config["scrape_config_files"]
        unused = {path for path in paths if not any(fnmatch.fnmatch(path, pattern) for pattern in patterns)}
        assert unused == {"prometheus.yml"}, name
        tree = trees[name]
        compose = yaml.safe_load(tree["compose.yaml"][0])
        provider = yaml.safe_load(tree[f"{FOLDER}grafana/provisioning/dashboards/dashboards.yml"][0])["providers"][0]
        assert (
            f"./{DASHBOARDS.rstrip('/')}:{provider['options']['path']}:ro" in compose["services"]["grafana"]["volumes"]
        )
        source = yaml.safe_load(tree[f"{FOLDER}grafana/provisioning/datasources/prometheus.yml"][0])["datasources"][0]
        assert source["url"] == "http://prometheus:9090"


def test_the_collector_hands_on_what_it_takes(trees: dict[str, Tree]) -> None:
    """Its pipeline is of what it defines; it listens where the service sends, and sends to a service of compose."""
    for files, name in distinct(trees, f"{FOLDER}collector.yml").items():
        config = yaml.safe_load(files[0][1])
        (pipeline,) = config["service"]["pipelines"].values()
        for kind in ("receivers", "processors", "exporters"):
            assert set(pipeline[kind]) == config[kind].keys(), name
        services = yaml.safe_load(trees[name]["compose.yaml"][0])["services"]
        sent = services["api"]["environment"]["OTEL_EXPORTER_OTLP_ENDPOINT"]
        listens = config["receivers"]["otlp"]["protocols"]["grpc"]["endpoint"]
        assert sent == f"http://collector:{listens.rpartition(':')[2]}"
        assert config["exporters"]["otlp_grpc"]["endpoint"].partition(":")[0] in services
