"""A `copier` command for scripts under test that asks this process, which keeps every render in memory.

A script that updates a project calls Copier three times, and each call would import it, clone the template and compile
every file: 10 s of CPU. Here the command is a client of a few lines; what runs is Copier's own command line, inside
`fast_updates`, in the folder of the caller. tests/test_update.py compares such updates with Copier left alone.
"""

from __future__ import annotations

import io
import json
import os
import socketserver
import sys
import tempfile
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

import plumbum
from copier._cli import CopierApp

from tests.programs import put_program
from tools.updates import Renderings, fast_updates

CLIENT = """\
#!{python} -IS
import json, os, socket, sys

with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    server.sendall(json.dumps([os.getcwd(), sys.argv[1:]]).encode() + b"\\n")
    code, _, text = server.makefile().read().partition("\\n")
sys.stderr.write(text)
sys.exit(int(code))
"""


class _Handler(socketserver.StreamRequestHandler):
    """Runs one command. The thread that started the script waits for it, so this one may change folders."""

    def handle(self) -> None:
        """Answer with the exit code on a line, and what was printed."""
        folder, arguments = json.loads(self.rfile.readline())
        printed = io.StringIO()
        with plumbum.local.cwd(folder), redirect_stdout(printed), redirect_stderr(printed):
            try:
                _, code = CopierApp.run(["copier", *arguments], exit=False)
            except Exception:  # noqa: BLE001  what a process of its own would end with
                traceback.print_exc()
                code = 1
        self.wfile.write(f"{code}\n{printed.getvalue()}".encode())


@contextmanager
def quick_copier() -> Iterator[Path]:
    """Make Copier's updates fast inside the block, and give a folder to put on the PATH of scripts."""
    with fast_updates(Renderings()), tempfile.TemporaryDirectory(prefix="copier-") as scratch:
        address = os.fspath(Path(scratch, "socket"))
        command = put_program(Path(scratch, "bin", "copier"), CLIENT.format(python=sys.executable, address=address))
        with socketserver.UnixStreamServer(address, _Handler) as server:
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
            thread.start()
            try:
                yield command.parent
            finally:
                server.shutdown()
                thread.join()
