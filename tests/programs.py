"""What programs find when tests start them: others on their PATH, and settings of git."""

from __future__ import annotations

from pathlib import Path


def put_program(path: Path, text: str) -> Path:
    """Write a program that can be run, and return where it is; its folder is made."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, "utf-8")
    path.chmod(0o755)
    return path


def configuration(**settings: str) -> dict[str, str]:
    """Return the environment in which git has settings (`_` for a dot)."""
    variables = {"GIT_CONFIG_COUNT": str(len(settings))}
    for number, (name, value) in enumerate(settings.items()):
        variables |= {f"GIT_CONFIG_KEY_{number}": name.replace("_", "."), f"GIT_CONFIG_VALUE_{number}": value}
    return variables
