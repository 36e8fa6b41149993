"""Temporary files are in memory where there is plenty of it, and gone in the end."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import psutil
import pytest

from tools import scratch

SAY = (sys.executable, "-c", "import os, sys, tempfile; print(tempfile.gettempdir()); sys.exit(7)")


@pytest.fixture
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that stands for memory, of which there is enough."""
    monkeypatch.setattr(scratch, "MEMORY", tmp_path)
    monkeypatch.setattr(scratch, "FILES", 1)
    monkeypatch.setattr(scratch, "ALL", 2)
    return tmp_path


def test_a_command_has_its_temporary_files_in_memory(memory: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Its exit code is kept, and nothing stays behind."""
    assert scratch.main(SAY) == 7
    assert Path(capfd.readouterr().out.strip()).parent == memory
    assert list(memory.iterdir()) == []


def test_it_runs_all_the_same_where_memory_is_short(
    memory: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """On a small machine, and where /dev/shm is as small as in a container of Docker."""
    monkeypatch.setattr(scratch, "FILES", 1 << 60)
    assert scratch.main(SAY) == 7
    assert Path(capfd.readouterr().out.strip()).parent != memory


def test_programs_cannot_be_started_from_every_folder(memory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that is mounted noexec is no place for what tests build, nor is one that is not there."""
    assert scratch.is_roomy(memory, 2)
    assert not scratch.is_roomy(memory, 1)
    assert not scratch.is_roomy(memory / "missing", 2)
    mounted = os.statvfs(memory)
    noexec = os.statvfs_result((*mounted[:8], os.ST_NOEXEC, *mounted[9:]))
    monkeypatch.setattr(os, "statvfs", lambda _: noexec)
    assert not scratch.is_roomy(memory, 2)


@pytest.mark.parametrize(("name", "text", "want"), [("memory.max", "7\n", 7), ("memory.max", "max\n", None)])
def test_a_container_may_have_less_than_its_machine(tmp_path: Path, name: str, text: str, want: int | None) -> None:
    """The smaller of both counts."""
    (tmp_path / name).write_text(text, "ascii")
    found = scratch.available_memory(tmp_path)
    assert found == want if want is not None else found <= psutil.virtual_memory().total
