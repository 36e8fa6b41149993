"""The harness itself: a database that can be copied, killed and frozen, and a guard that leaves nothing behind."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import psycopg
import pytest

from tests import conftest
from tests.service.postgres import Postgres
from tests.service.waiting import eventually

ROOT = Path(__file__).resolve().parents[1]

KILLED_RUN = """
import sys, time
from tests.service.guard import Guard
from tests.service.postgres import Postgres
server = Postgres(Guard())
if sys.argv[1] == "frozen":
    server.freeze()
print(server._process.pid, server._folder, flush=True)
time.sleep(60)
"""


def test_a_database_is_copied_with_its_rows(postgres: Postgres) -> None:
    """A clone has what its template had, and changes to it stay its own."""
    template = postgres.create()
    template.execute("CREATE TABLE note AS SELECT 'kept' AS text")
    copy = postgres.create(template)
    copy.execute("INSERT INTO note VALUES ('added')")
    assert template.execute("SELECT text FROM note") == [("kept",)]
    assert copy.execute("SELECT text FROM note WHERE text <> %s", "kept") == [("added",)]


def test_a_killed_server_comes_back_with_its_rows(own_postgres: Postgres) -> None:
    """What was committed before a crash is there after it."""
    database = own_postgres.create()
    database.execute("CREATE TABLE note AS SELECT 'kept' AS text")
    own_postgres.kill()
    with pytest.raises(psycopg.OperationalError):
        database.execute("SELECT 1")
    own_postgres.start()
    assert database.execute("SELECT text FROM note") == [("kept",)]


def test_a_frozen_server_keeps_its_connections_and_answers_nothing_until_it_thaws(own_postgres: Postgres) -> None:
    """Freezing is silence, not a closed connection."""
    with contextlib.closing(own_postgres.create().connect()) as connection:
        own_postgres.freeze()
        connection.pgconn.send_query(b"SELECT 1")
        assert not eventually_readable(connection, seconds=0.5)
        own_postgres.thaw()
        assert eventually_readable(connection, seconds=5)


@pytest.mark.parametrize("state", ["running", "frozen"])
def test_nothing_is_left_when_the_run_is_killed(state: str) -> None:
    """A signal to all of the run, and SIGKILL to the run itself, ends its servers and removes their folders."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-c", KILLED_RUN, state], env=environment, stdout=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout is not None
        pid, folder = run.stdout.readline().split()
        server = psutil.Process(int(pid))
        family = [server, *server.children(recursive=True)]
        for child in psutil.Process(run.pid).children():
            child.send_signal(signal.SIGTERM)  # as when a whole group of processes is told to go
        run.send_signal(signal.SIGKILL)
    eventually(lambda: not any(is_alive(process) for process in family), 15, "the servers have ended")
    eventually(lambda: not Path(folder).exists(), 15, "the folder is gone")


def is_alive(process: psutil.Process) -> bool:
    """Whether a process runs; a zombie that waits for its parent does not."""
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def eventually_readable(connection: psycopg.Connection[tuple[object, ...]], seconds: float) -> bool:
    """Whether the server says anything within some seconds."""
    return bool(select.select([connection.fileno()], [], [], seconds)[0])


@pytest.mark.parametrize(
    ("nodeid", "group"),
    [
        (
            "tests/test_go.py::test_a[echo-ent-nocache-noauth-tracing-nobilling]",
            "echo-ent-nocache-noauth-tracing-nobilling",
        ),
        (
            "tests/test_go.py::test_a[lint-echo-pgx-memory-jwt-tracing+metrics-billing]",
            "echo-pgx-memory-jwt-tracing+metrics-billing",
        ),
        (
            "tests/test_update.py::test_a[echo-pgx-memory-jwt-metrics-billing-to-fiber-ent-memory-jwt-tracing+metrics-billing]",
            "echo-pgx-memory-jwt-metrics-billing",
        ),
        ("tests/test_site.py::test_a[chapter]", "tests/test_site.py"),
        ("tests/test_go.py::test_a[echo]", "tests/test_go.py::test_a[echo]"),
        ("tests/test_go.py::test_a", "tests/test_go.py::test_a"),
    ],
)
def test_tests_of_a_variant_go_to_one_worker(nodeid: str, group: str) -> None:
    """It builds the programs, starts the databases and keeps them; another worker would do all of that again."""
    assert conftest.group(nodeid) == group
