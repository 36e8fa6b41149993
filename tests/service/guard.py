"""Ends what a test run started, even when the run itself is killed and no `finally` gets its turn.

A guard is a process of its own that holds one end of a pipe. When the other end closes, whether the run ended well or
was killed, it ends every process it still knows and removes every folder it was told about.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import psutil


class Guard:
    """Names the processes and folders that must not outlive this run."""

    def __init__(self) -> None:
        """Start the process that outlives this one."""
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, text=True, start_new_session=True
        )

    def watch(self, pid: int) -> None:
        """End the process, and all it started, if it still runs when this run is over."""
        with contextlib.suppress(psutil.NoSuchProcess):
            self._say(watch=pid, born=psutil.Process(pid).create_time())

    def forget(self, pid: int) -> None:
        """Leave the process alone: it has ended and its number may be another's."""
        self._say(forget=pid)

    def remove(self, folder: Path) -> None:
        """Delete the folder when this run is over."""
        self._say(remove=str(folder))

    def close(self) -> None:
        """End what is left. Returns once it is done."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=30)

    def _say(self, **message: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message) + "\n")
        self._process.stdin.flush()


def end_tree(roots: Iterable[psutil.Process], patience: float = 3.0) -> None:
    """End processes and all their descendants, stopped ones too: first by request, then by force."""
    processes = [process for root in roots for process in tree(root)]
    for process in processes:
        send(process, signal.SIGCONT)
    for process in processes:
        send(process, signal.SIGQUIT)
    _, alive = psutil.wait_procs(processes, timeout=patience)
    for process in alive:
        send(process, signal.SIGKILL)
    psutil.wait_procs(alive, timeout=patience)


def tree(root: psutil.Process) -> list[psutil.Process]:
    """The process and its descendants; empty when it has ended."""
    try:
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def send(process: psutil.Process, number: signal.Signals) -> None:
    """Signal a process that may have ended by now."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(number)


def _find(pid: int, born: float) -> list[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        if process.create_time() == born:
            return [process]
    return []


def _main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(
            number, signal.SIG_IGN
        )  # the pipe says when it is time, also to one who is told to go with the run
    watched: dict[int, float] = {}
    folders: list[str] = []
    for line in sys.stdin:
        message = json.loads(line)
        if "watch" in message:
            watched[message["watch"]] = message["born"]
        elif "forget" in message:
            watched.pop(message["forget"], None)
        else:
            folders.append(message["remove"])
    end_tree([process for pid, born in watched.items() for process in _find(pid, born)])
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    _main()
