"""Options switched on and off in a service that has data: on a real PostgreSQL, with a migration of the owner's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.owner import load_owner
from tests.service.guard import Guard
from tests.service.identity import log_in
from tests.service.postgres import Database
from tests.service.process import DEFAULTS, PASSWORD, Binaries, migrate, run, serving
from tests.service.waiting import eventually
from tools.questions import Questionnaire, load_questionnaire
from tools.releases import NEXT
from tools.render import commit_all, render, update
from tools.updates import Renderings, fast_updates
from tools.variants import Variant, find_axes, find_variants

MINE = "20261125090000_add_parcels.sql"
EMAIL = "grace@example.com"


def lean_and_full(questionnaire: Questionnaire) -> tuple[Variant, Variant]:
    """Return the variant with the fewest migrations, and that which differs from it in the options that bring some."""
    lean = {
        axis.name: next((v for v in axis.values if v in ("none", (), False)), axis.values[-1])
        for axis in find_axes(questionnaire)
    }
    full = {
        name: {"none": "jwt"}.get(value, value) if name == "auth" else value is False or value
        for name, value in lean.items()
    }
    chosen = [tuple(each.items()) for each in (lean, full)]
    first, second = (next(v for v in find_variants(questionnaire) if v.choices == choices) for choices in chosen)
    return first, second


class Deployed:
    """A project, its programs, and the database they work on."""

    def __init__(self, project: Path, environment: dict[str, str], database: Database, guard: Guard) -> None:
        """Deploy nothing yet."""
        self.project = project
        self._environment = environment
        self._database = database
        self._guard = guard
        self._built = 0

    def build(self) -> Binaries:
        """Build the programs as the project is now."""
        self._built += 1
        folder = self.project.with_name(f"bin{self._built}")
        folder.mkdir()
        return Binaries.build(self.project, folder, self._environment)

    def change(self, after: Variant) -> Binaries:
        """Change the owner's mind, and build what comes of it."""
        with fast_updates(Renderings()):
            update(self.project, after.answers, ref=NEXT)
        commit_all(self.project, after.id)
        return self.build()

    def up(self, binaries: Binaries) -> list[str]:
        """Apply migrations and return the files that were applied."""
        done = migrate(binaries, self._database, "up")
        assert done.code == 0, done.output
        return [line.split()[1] for line in done.out.splitlines() if line.startswith("applied")]

    def state(self, binaries: Binaries) -> dict[str, str]:
        """Return what `migrate status` says of each file."""
        done = migrate(binaries, self._database, "status")
        assert done.code == 0, done.output
        return {line.split()[0]: line.split()[1] for line in done.out.splitlines()}


@pytest.fixture
def deployed(
    releases: Path,
    tmp_path: Path,
    go_environment: dict[str, str],
    empty_database: Database,
    guard: Guard,
) -> Deployed:
    """A lean service of an owner who has added a migration, before its first deployment."""
    project = tmp_path / "project"
    render(releases, project, lean_and_full(load_questionnaire())[0].answers, ref=NEXT)
    (project / "migrations" / MINE).write_text(load_owner("lean").add[f"migrations/{MINE}"], "utf-8")
    commit_all(project, "Start")
    return Deployed(project, go_environment, empty_database, guard)


def test_options_come_and_go_in_a_service_with_data(
    deployed: Deployed, empty_database: Database, guard: Guard, questionnaire: Questionnaire
) -> None:
    """Migrations with lower numbers apply late, users get to log in, and nothing is lost when an option goes."""
    lean, full = lean_and_full(questionnaire)
    first = deployed.build()
    assert MINE in deployed.up(first)
    environment = {**DEFAULTS, "DATABASE_URL": empty_database.url}
    with serving(guard, first, environment) as service:
        service.wait_ready()
    empty_database.execute(
        "INSERT INTO users (id, username, email) VALUES ('0199d3c8-4a1e-7c65-b2f0-5d1c8e7a9b34', 'grace', %s)", EMAIL
    )
    empty_database.execute("INSERT INTO parcels SELECT gen_random_uuid(), id FROM users")
    before = empty_database.execute("SELECT * FROM users")

    second = deployed.change(full)
    missing = sorted(file for file, at in deployed.state(second).items() if at == "missing")
    assert missing
    assert all(file < MINE for file in missing), "they are older than the owner's own"
    with serving(guard, second, environment) as service:
        assert eventually(lambda: service.answers("/health/ready") == 503, within=10, what="readiness fails")
        answer = json.loads(service.get("/health/ready").body)
        assert any("schema" in error["field"] for error in answer["errors"]), answer
        assert deployed.up(second) == missing
        service.wait_ready()
        assert empty_database.execute("SELECT * FROM users") == before
        assert log_in(service.port, EMAIL).status == 401, "there is no account yet"
        command = ("create-account", "--email", EMAIL)
        made = run(second.migrate, *command, env=environment, text=f"{PASSWORD}\n")
        assert made.code == 0, made.output
        assert log_in(service.port, EMAIL).status == 200
        again = run(second.migrate, *command, env=environment, text=f"{PASSWORD}\n")
        assert (again.code, "log in already" in again.err) == (1, True), again.output
    assert "missing" not in deployed.state(second).values()

    third = deployed.change(lean)
    assert deployed.up(third) == [], "what was applied for the option is no concern of the project now"
    with serving(guard, third, environment) as service:
        service.wait_ready()
    assert empty_database.execute("SELECT * FROM users") == before
    assert empty_database.execute("SELECT count(*) FROM accounts") == [(1,)], "the tables of the option stay"

    down = migrate(third, empty_database, "down")
    assert down.out.split() == ["took", "back", MINE], down.output
    assert deployed.up(third) == [MINE]

    fourth = deployed.change(full)
    assert deployed.up(fourth) == [], "nothing is applied twice"
    with serving(guard, fourth, environment) as service:
        service.wait_ready()
        assert log_in(service.port, EMAIL).status == 200, "as before"
