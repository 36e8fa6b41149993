"""`make sketch`: one variant to work on, with generated files that nobody has folded yet."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.render import MARK, StrangerError, put


def files_of(folder: Path) -> set[str]:
    """The files below a folder, but for the mark."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} - {MARK}


def test_what_is_gone_from_the_variant_goes_and_what_stays_is_not_written_again(tmp_path: Path) -> None:
    """Unchanged files keep their times; a file of the developer's is left alone."""
    folder = tmp_path / "sketch"
    assert put({"go.mod": (b"module a\n", False), "cmd/api/main.go": (b"package main\n", False)}, folder) == 2
    (folder / "notes.txt").write_text("mine", "utf-8")
    before = (folder / "go.mod").stat().st_mtime_ns
    assert put({"go.mod": (b"module a\n", False), "run.sh": (b"#!/bin/sh\n", True)}, folder) == 1
    assert files_of(folder) == {"go.mod", "run.sh", "notes.txt"}
    assert (folder / "go.mod").stat().st_mtime_ns == before
    assert (folder / "run.sh").stat().st_mode & 0o111


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    """It says so before it writes."""
    (tmp_path / "mine.txt").write_text("mine", "utf-8")
    with pytest.raises(StrangerError, match="somebody else"):
        put({"go.mod": (b"module a\n", False)}, tmp_path)
    assert files_of(tmp_path) == {"mine.txt"}
