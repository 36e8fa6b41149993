"""Programs for tests to put on a PATH, in the place of real ones."""

from __future__ import annotations

from pathlib import Path


def put_program(path: Path, text: str) -> Path:
    """Write a program that can be run, and return where it is; its folder is made."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, "utf-8")
    path.chmod(0o755)
    return path
