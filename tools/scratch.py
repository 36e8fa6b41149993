"""Run a command whose temporary files are in memory, where there is plenty of that: python -m tools.scratch COMMAND ...

Tests and the matrix write and delete some hundred thousand small files, which is a third of their time on a disk. Where
memory is short, or is no place for programs, the command runs as it would without this.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import psutil

MEMORY = Path("/dev/shm")  # noqa: S108  the folder that Linux keeps in memory
FILES = 12 << 30
"""How many bytes have to be free in the folder: half more than the suite was seen to keep there."""
ALL = 18 << 30
"""How many bytes of memory there have to be, for the files and for what runs."""
LIMITS = ("memory.max", "memory/memory.limit_in_bytes")
"""Where Linux tells what a container may have of memory, below /sys/fs/cgroup."""


def is_roomy(folder: Path, available: int) -> bool:
    """Whether a folder takes what a run writes, and programs may be started from it; available is memory, in bytes."""
    if not folder.is_dir() or not os.access(folder, os.W_OK) or os.statvfs(folder).f_flag & os.ST_NOEXEC:
        return False
    return shutil.disk_usage(folder).free >= FILES and available >= ALL


def available_memory(limits: Path = Path("/sys/fs/cgroup")) -> int:
    """Return how many bytes of memory this process can still have; a container may have less than its machine."""
    texts = [(limits / name).read_text("ascii").strip() for name in LIMITS if (limits / name).is_file()]
    return min([psutil.virtual_memory().available, *(int(text) for text in texts if text.isdecimal())])


def main(command: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    command = sys.argv[1:] if command is None else command
    if not is_roomy(MEMORY, available_memory()):
        return subprocess.run(command, check=False).returncode
    with tempfile.TemporaryDirectory(dir=MEMORY, prefix="copier-go-service-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o1777)  # as /tmp is: some tests run programs as another user
        return subprocess.run(command, check=False, env={**os.environ, "TMPDIR": folder}).returncode


if __name__ == "__main__":
    sys.exit(main())
