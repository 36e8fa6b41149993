"""From nothing to a service that answers: migrations, readiness, configuration."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.service import rawhttp
from tests.service.plugin import Start
from tests.service.postgres import Database
from tests.service.process import DEFAULTS, ENCRYPTED, PRODUCTION, SECRET, Binaries, Service, migrate, run
from tests.service.waiting import eventually


def up(binaries: Binaries, database: Database) -> None:
    """Apply all migrations."""
    done = migrate(binaries, database, "up")
    assert done.code == 0, done.output


def tables(database: Database) -> set[str]:
    """The tables of a database, except the one that counts migrations."""
    rows = database.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    return {name for (name,) in rows} - {"goose_db_version"}


def test_migrate_goes_up_says_where_it_stands_and_goes_down(binaries: Binaries, empty_database: Database) -> None:
    """Up twice is up once; status and version tell; down takes one step back and up repeats it."""
    up(binaries, empty_database)
    after_up = tables(empty_database)
    assert "users" in after_up
    up(binaries, empty_database)
    version = migrate(binaries, empty_database, "version")
    status = migrate(binaries, empty_database, "status")
    assert (version.code, status.code) == (0, 0), version.output + status.output
    newest = str(empty_database.execute("SELECT max(version_id) FROM goose_db_version")[0][0])
    assert newest in version.out
    assert newest in status.out

    down = migrate(binaries, empty_database, "down")
    assert down.code == 0, down.output
    assert tables(empty_database) != after_up or newest != "1"
    assert migrate(binaries, empty_database, "version").out != version.out
    up(binaries, empty_database)
    assert tables(empty_database) == after_up
    assert migrate(binaries, empty_database, "version").out == version.out


def test_eight_migrations_at_once_do_no_harm(binaries: Binaries, empty_database: Database) -> None:
    """All succeed, and every migration is applied exactly once."""
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda _: migrate(binaries, empty_database, "up"), range(8)))
    assert [program.code for program in done] == [0] * 8, "\n".join(program.output for program in done)
    applied = [row[0] for row in empty_database.execute("SELECT version_id FROM goose_db_version WHERE version_id > 0")]
    assert applied
    assert len(applied) == len(set(applied))


@pytest.mark.parametrize("arguments", [[], ["sideways"], ["up", "down"], ["--help-me"], ["up", "--production"]])
def test_migrate_refuses_what_it_does_not_know(
    binaries: Binaries, empty_database: Database, arguments: list[str]
) -> None:
    """It says in one line where to find its usage, changes nothing and exits with 2; the usage lists the commands."""
    done = migrate(binaries, empty_database, *arguments)
    assert done.code == 2
    assert_one_line(done.err)
    assert "migrate help" in done.err
    assert not tables(empty_database)
    usage = migrate(binaries, empty_database, "help")
    assert usage.code == 0
    assert all(word in usage.out for word in ("up", "down", "status", "version"))


def test_migrate_takes_nothing_back_in_production_by_mistake(binaries: Binaries) -> None:
    """Down loses data: production asks for one more word."""
    done = run(binaries.migrate, "down", env={**DEFAULTS, **PRODUCTION})
    assert done.code == 2
    assert_one_line(done.err)
    assert "--production" in done.err


def test_migrate_without_a_database_fails_in_time(binaries: Binaries) -> None:
    """It says what it waits for and that it gave up, and hides the password."""
    url = f"postgres://app:{SECRET}@127.0.0.1:1/app?sslmode=disable"
    done = run(binaries.migrate, "up", env={**DEFAULTS, "DATABASE_URL": url, "DB_CONNECT_TIMEOUT": "1s"})
    assert done.code == 1
    assert done.err.startswith("migrate: waiting for the database: ")
    assert all(line.startswith("migrate: ") for line in done.err.splitlines())
    assert SECRET not in done.output


def test_the_service_is_not_ready_until_the_schema_is_there(
    start: Start, binaries: Binaries, empty_database: Database
) -> None:
    """It lives, names the check that fails, and becomes ready without a restart."""
    service = start(empty_database)
    service.wait_answering()
    eventually(lambda: failed_checks(service) == {"schema"}, 10, "the schema is the only check that fails")
    assert service.get("/health/live").status == 200
    up(binaries, empty_database)
    service.wait_ready()


def test_the_service_is_not_ready_one_migration_behind(start: Start, binaries: Binaries, database: Database) -> None:
    """Readiness looks at the version of the schema, not only at whether there is one."""
    assert migrate(binaries, database, "down").code == 0
    service = start(database)
    service.wait_answering()
    eventually(lambda: failed_checks(service) == {"schema"}, 10, "the schema is the only check that fails")
    assert service.process.poll() is None


def failed_checks(service: Service) -> set[str]:
    """The checks that keep the service from being ready."""
    answer = service.get("/health/ready")
    if answer.status == 200:
        return set()
    assert answer.code == "not_ready"
    assert int(answer.header("Retry-After")) >= 1
    return {error["field"] for error in answer.json()["errors"]}


def test_the_service_answers(service: Service) -> None:
    """What is created can be read back."""
    created = rawhttp.post(service.port, "/v1/users", {"username": "ada", "email": "ada@example.com"})
    assert created.status == 201, created.body
    assert service.get(created.header("Location")).json() == created.json()


def test_a_port_in_use_stops_the_start_with_one_line(start: Start, service: Service, database: Database) -> None:
    """The line names the address, and the first service goes on."""
    for variable, port in [("SERVER_PORT", service.port), ("ADMIN_PORT", service.admin_port)]:
        second = start(database, **{variable: str(port)})
        assert second.wait() == 1
        assert_one_line(second.err)
        assert str(port) in second.err
    assert service.is_ready()


def test_a_service_without_a_database_gives_up_in_time(start: Start, database: Database) -> None:
    """It lives while it tries, is not ready, and ends with one line when DB_CONNECT_TIMEOUT has passed."""
    service = start(
        database, DATABASE_URL=f"postgres://app:{SECRET}@127.0.0.1:1/app?sslmode=disable", DB_CONNECT_TIMEOUT="8s"
    )
    service.wait_answering(within=7)
    assert "startup" in failed_checks(service)
    assert service.wait(within=40) == 1
    assert_one_line(service.err)
    assert SECRET not in service.output


def test_the_parts_of_the_address_do_as_well_as_the_url(start: Start, database: Database) -> None:
    """DB_ variables reach the same database."""
    service = start(
        database,
        DATABASE_URL="",
        DB_HOST="127.0.0.1",
        DB_PORT=str(database.server.port),
        DB_USER="service_owner",
        DB_PASSWORD=database.server.password,
        DB_NAME=database.name,
    )
    service.wait_ready()


BAD_ENVIRONMENTS = {
    "everything": {
        "APP_ENV": SECRET,
        "SERVER_PORT": SECRET,
        "SERVER_READ_TIMEOUT": SECRET,
        "SERVER_BODY_LIMIT": "-1",
        "SERVER_CORS_ORIGINS": "*",
        "SERVER_DOCS": SECRET,
        "DATABASE_URL": f"postgres://app:{SECRET}@127.0.0.1:port/app",
        "DB_MAX_CONNECTIONS": "-2",
        "DB_STATEMENT_TIMEOUT": SECRET,
        "LOG_LEVEL": SECRET,
        "LOG_FORMAT": SECRET,
        "LOG_BODIES": SECRET,
    },
    "no database": {"DB_USER": "", "DB_PASSWORD": "", "DB_NAME": ""},
    "timeouts that leave no time": {
        "DATABASE_URL": ENCRYPTED,
        "SERVER_REQUEST_TIMEOUT": "0s",
        "SERVER_SHUTDOWN_TIMEOUT": "1s",
        "SERVER_SHUTDOWN_DELAY": "3s",
    },
    "two listeners on one port": {"DATABASE_URL": ENCRYPTED, "SERVER_PORT": "15000", "ADMIN_PORT": "15000"},
    "production without encryption": {
        "APP_ENV": "production",
        "DATABASE_URL": f"postgres://app:{SECRET}@127.0.0.1/app?sslmode=disable",
    },
    "production that logs bodies": {
        "APP_ENV": "production",
        "DATABASE_URL": ENCRYPTED,
        "LOG_BODIES": "true",
        "FEATURE_RELOAD": SECRET,
    },
    "production with a placeholder": {
        "APP_ENV": "production",
        "DATABASE_URL": "postgres://app:changeme@127.0.0.1/app?sslmode=require",
    },
}
"""Environments that must stop a start. Every variable but APP_ENV=production and ENCRYPTED is at fault."""

INNOCENT = {
    ("SERVER_SHUTDOWN_DELAY", "3s"),
    *PRODUCTION.items(),
}


READS = {"api": ("",), "migrate": ("APP_", "DATABASE_", "DB_")}
"""How the names of the variables begin that a program looks at."""


def faults(program: str, case: str) -> set[str]:
    """The variables that stop a program."""
    variables = BAD_ENVIRONMENTS[case].items()
    return {name for name, value in variables if (name, value) not in INNOCENT and name.startswith(READS[program])}


@pytest.mark.parametrize(("program", "case"), [(p, c) for p in READS for c in BAD_ENVIRONMENTS if faults(p, c)])
def test_a_bad_configuration_stops_the_start(binaries: Binaries, program: str, case: str) -> None:
    """One line names every variable at fault and none of their values."""
    environment = BAD_ENVIRONMENTS[case]
    arguments = ["up"] if program == "migrate" else []
    done = run(getattr(binaries, program), *arguments, env=environment)
    assert done.code == 1, done.output
    assert_one_line(done.err)
    missing = {name for name in faults(program, case) if name not in done.err}
    assert not missing, done.err
    assert SECRET not in done.output
    assert "changeme" not in done.output


@pytest.mark.parametrize(
    ("email", "faults"),
    [
        ({}, {"EMAIL_SENDER"}),
        ({"SMTP_HOST": "mail.example.com", "SMTP_FROM": SECRET, "SMTP_TLS": "none"}, {"SMTP_FROM", "SMTP_TLS"}),
    ],
    ids=["nothing was said", "unencrypted"],
)
def test_a_bad_word_about_email_stops_whoever_sends_it(
    binaries: Binaries, email: dict[str, str], faults: set[str]
) -> None:
    """In production. Where there is a worker, it sends all email, and the API asks for no word about it."""
    done = run(binaries.worker or binaries.api, env={**DEFAULTS, **PRODUCTION, "EMAIL_SENDER": "", **email})
    assert done.code == 1, done.output
    assert_one_line(done.err)
    assert {name for name in faults if name not in done.err} == set(), done.err
    assert SECRET not in done.output


def test_a_sound_production_configuration_starts(start: Start, database: Database) -> None:
    """Production is possible: the start gets as far as looking for its database."""
    service = start(database, **PRODUCTION, DB_CONNECT_TIMEOUT="60s")
    service.wait_answering()
    assert service.get("/docs").status == 404, "the docs are for development"


def test_no_secret_is_ever_written(start: Start, database: Database) -> None:
    """Neither log nor standard error holds the password or the address of the database, at any level."""
    service = start(database, LOG_LEVEL="debug")
    service.wait_ready()
    rawhttp.post(service.port, "/v1/users", {"username": "ada", "email": "ada@example.com"})
    service.terminate()
    assert service.wait() == 0
    assert service.output
    assert database.server.password not in service.output
    assert database.url not in service.output


def assert_one_line(text: str) -> None:
    """One line, ended by a line break, that is no stack trace."""
    assert text.endswith("\n"), repr(text)
    assert text.count("\n") == 1, text
    assert "goroutine" not in text
