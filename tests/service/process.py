"""The binaries of a rendered project: built once, then run with an environment of the test's choice."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from tests.service import rawhttp
from tests.service.guard import Guard, end_tree
from tests.service.identity import CREATE_ADMIN, PASSWORD, Identity, log_in
from tests.service.postgres import Database
from tests.service.waiting import eventually, free_port

BUILD_WITHIN = 600.0
READY_WITHIN = 15.0
STOP_WITHIN = 15.0

# What every service of the suite is started with unless a test says otherwise. Waits are short that prove nothing, and
# tests send more requests than one client may.
DEFAULTS = {
    "APP_ENV": "development",
    "AUTH_ACCESS_SECRET": "Zq3v0P1m9K5t7W2x8R4c6N1b0L9j3H5f",
    "AUTH_REFRESH_SECRET": "u8Y2d4S6g1A7k3D9w5E0r2T4q6U8i1O3",
    "LOG_FORMAT": "json",
    "LOG_LEVEL": "info",
    "RATE_LIMIT_ENABLED": "false",
    "SERVER_HOST": "127.0.0.1",
    "SERVER_SHUTDOWN_DELAY": "100ms",
    "SERVER_SHUTDOWN_TIMEOUT": "10s",
}

SECRET = "hunter2-Q9x"  # noqa: S105
"""Stands for any value: none may be shown."""

ENCRYPTED = f"postgres://app:{SECRET}@127.0.0.1:1/app?sslmode=require"
PRODUCTION = {
    "APP_ENV": "production",
    "DATABASE_URL": ENCRYPTED,
    "EMAIL_SENDER": "none",
    "PAYMENT_PROVIDER": "stripe",
    "STRIPE_PAYMENT_METHOD": "pm_1",
    "STRIPE_SECRET_KEY": "sk_live_Zq3v0P1m9K5t7W2x8R4c6N1b",
    "STRIPE_WEBHOOK_SECRET": "whsec_u8Y2d4S6g1A7k3D9w5E0r2T4",
}
"""What a start in production must be told, with no database behind it."""


@dataclass(frozen=True)
class Finished:
    """A program that has ended."""

    code: int
    out: str
    err: str

    @property
    def output(self) -> str:
        """Everything it wrote."""
        return self.out + self.err


@dataclass(frozen=True)
class Binaries:
    """The built programs of one project."""

    api: Path
    migrate: Path
    guarded: bool = False
    """Whether users log in."""
    worker: Path | None = None
    """What works behind the back of requests, where there is anything to do."""

    @classmethod
    def build(cls, project: Path, into: Path, environment: Mapping[str, str]) -> Binaries:
        """Compile the programs without cgo, as in the image. The environment brings `go` and its shared caches."""
        done = subprocess.run(
            ["go", "build", "-trimpath", "-ldflags=-s -w", "-o", f"{into}{os.sep}", "./cmd/..."],
            cwd=project,
            env={**environment, "CGO_ENABLED": "0"},
            capture_output=True,
            text=True,
            timeout=BUILD_WITHIN,
            check=False,
        )
        if done.returncode != 0:
            raise AssertionError(f"go build in {project} failed:\n{done.stdout}{done.stderr}")
        guarded = (project / "internal" / "domain" / "auth").is_dir()
        worker = into / "worker"
        return cls(into / "api", into / "migrate", guarded, worker if worker.exists() else None)


def run(program: Path, *arguments: str, env: Mapping[str, str], within: float = 30.0, text: str = "") -> Finished:
    """Run a program to its end, in an empty folder and with nothing in its environment but what is given."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [program, *arguments],
            cwd=folder,
            env=dict(env),
            input=text,
            capture_output=True,
            text=True,
            timeout=within,
            check=False,
        )
    return Finished(done.returncode, done.stdout, done.stderr)


def migrate(binaries: Binaries, database: Database, *arguments: str) -> Finished:
    """Run the migration program against a database."""
    return run(binaries.migrate, *arguments, env={**DEFAULTS, "DATABASE_URL": database.url})


def set_up(binaries: Binaries, database: Database) -> None:
    """Give a database the schema and, where users log in, an administrator."""
    done = migrate(binaries, database, "up")
    assert done.code == 0, done.output
    if binaries.guarded:
        env = {**DEFAULTS, "DATABASE_URL": database.url}
        made = run(binaries.migrate, *CREATE_ADMIN, env=env, text=f"{PASSWORD}\n")
        assert made.code == 0, made.output


class Running:
    """One running process that answers probes on a port."""

    def __init__(self, guard: Guard, program: Path, env: Mapping[str, str], folder: Path, port: int) -> None:
        """Start the process; it writes into the folder."""
        self.port = port
        self._guard = guard
        self._out = folder / "stdout"
        self._err = folder / "stderr"
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(
                [program], cwd=folder, env={**DEFAULTS, **env}, stdin=subprocess.DEVNULL, stdout=out, stderr=err
            )
        guard.watch(self.process.pid)

    @property
    def base_url(self) -> str:
        """Where the service listens, with no slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def output(self) -> str:
        """Everything the process has written so far, to either stream."""
        return self.out + self.err

    @property
    def out(self) -> str:
        """What the process has written to standard output so far."""
        return self._out.read_text(errors="replace")

    @property
    def err(self) -> str:
        """What the process has written to standard error so far."""
        return self._err.read_text(errors="replace")

    def log_lines(self) -> list[dict[str, Any]]:
        """The complete log lines so far. Fails when one is no JSON object."""
        lines = [json.loads(line) for line in self.output.split("\n") if line]
        assert all(isinstance(line, dict) for line in lines), self.output
        return lines

    def memory(self) -> int:
        """Resident memory in bytes."""
        return int(psutil.Process(self.process.pid).memory_info().rss)

    def get(self, path: str, timeout: float = 10.0) -> rawhttp.Answer:
        """GET a path on a connection of its own."""
        return rawhttp.get(self.port, path, timeout=timeout)

    def answers(self, path: str, timeout: float = 10.0) -> int:
        """The status of a GET; 0 when nobody answers."""
        with contextlib.suppress(OSError):
            return self.get(path, timeout).status
        return 0

    def is_ready(self) -> bool:
        """Whether the readiness check answers 200. Fails when the process has ended."""
        if self.process.poll() is not None:
            raise AssertionError(f"the process ended with {self.process.returncode}:\n{self.output}")
        return self.answers("/health/ready") == 200

    def wait_ready(self, within: float = READY_WITHIN) -> None:
        """Wait until the process is ready."""
        try:
            eventually(self.is_ready, within, "the process is ready")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.output}") from error

    def wait_answering(self, within: float = READY_WITHIN) -> None:
        """Wait until the process answers at all, ready or not."""
        eventually(lambda: self.answers("/health/live") == 200, within, f"the service lives\n{self.output}")

    def terminate(self) -> None:
        """Ask the process to stop."""
        self.process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End the process as a crash would: at once, wherever it is."""
        self.process.kill()
        self.wait()

    def wait(self, within: float = STOP_WITHIN) -> int:
        """The exit code of the process, once it has ended."""
        code = self.process.wait(timeout=within)
        self._guard.forget(self.process.pid)
        return code

    def close(self) -> None:
        """End the process, whatever it is doing."""
        if self.process.poll() is None:
            end_tree([psutil.Process(self.process.pid)])
        self.wait()


class Service(Running):
    """One running API process."""

    def __init__(self, guard: Guard, binaries: Binaries, env: Mapping[str, str], folder: Path) -> None:
        """Start the process; it writes into the folder."""
        port = int(env.get("SERVER_PORT", "0")) or free_port()
        self.admin_port = int(env.get("ADMIN_PORT", "0")) or free_port()
        self._guarded = binaries.guarded
        ports = {"SERVER_PORT": str(port), "ADMIN_PORT": str(self.admin_port)}
        super().__init__(guard, binaries.api, {**env, **ports}, folder, port)

    def wait_ready(self, within: float = READY_WITHIN) -> None:
        """Wait until the service is ready. From then on requests are an administrator's, if there is one."""
        super().wait_ready(within)
        if self._guarded and self.port not in rawhttp.DRESSERS:
            answer = eventually(lambda: found if (found := log_in(self.port)).status < 500 else None, within, "a login")
            if answer.status == 200:
                rawhttp.DRESSERS[self.port] = Identity(answer.json()["access_token"]).dress

    def close(self) -> None:
        """End the process, whatever it is doing."""
        rawhttp.DRESSERS.pop(self.port, None)
        super().close()


class Worker(Running):
    """One running worker process. Probes find it on its admin port."""

    def __init__(self, guard: Guard, binaries: Binaries, env: Mapping[str, str], folder: Path) -> None:
        """Start the process; it writes into the folder."""
        assert binaries.worker is not None, "the variant has no worker"
        port = free_port()
        super().__init__(guard, binaries.worker, {**env, "WORKER_ADMIN_PORT": str(port)}, folder, port)


@contextlib.contextmanager
def serving(guard: Guard, binaries: Binaries, env: Mapping[str, str]) -> Iterator[Service]:
    """A running service that is always stopped; wait_ready is the caller's."""
    with tempfile.TemporaryDirectory() as folder:
        service = Service(guard, binaries, env, Path(folder))
        try:
            yield service
        finally:
            service.close()


@contextlib.contextmanager
def working(guard: Guard, binaries: Binaries, env: Mapping[str, str]) -> Iterator[Worker]:
    """A running worker that is always stopped; wait_ready is the caller's."""
    with tempfile.TemporaryDirectory() as folder:
        worker = Worker(guard, binaries, env, Path(folder))
        try:
            yield worker
        finally:
            worker.close()
            print(worker.out[-5000:])  # shown where a test fails


def seconds_to_ready(service: Service, started: float) -> float:
    """Wait for readiness and say how long it took since started, a reading of time.monotonic."""
    service.wait_ready()
    return time.monotonic() - started
