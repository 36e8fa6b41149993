"""Go and a C compiler for the checks: those of the machine when they will do, otherwise from PyPI into .venv.

Usage: python -m tools.toolchain   (finds or installs, and says what it found)
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from platformdirs import user_cache_path

from tools.questions import ROOT

MINIMUM = (1, 26)
"""The oldest Go that builds a rendered project; the go directive of its go.mod says the same."""


class ToolchainError(RuntimeError):
    """Go or a C compiler is missing and could not be installed; the text says what to do."""


def go_version(go: Path) -> tuple[int, int] | None:
    """Return the major and minor version of a go command, or None when it is none."""
    try:
        printed = subprocess.run(
            [go, "env", "GOVERSION"],
            capture_output=True,
            text=True,
            check=True,
            # The version of the command itself, not of one it would download.
            env={**environment_base(), "GOTOOLCHAIN": "local"},
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    found = re.match(r"go(\d+)\.(\d+)", printed)
    return (int(found[1]), int(found[2])) if found else None


def _go_candidates() -> Iterator[Path]:
    if on_path := shutil.which("go"):
        yield Path(on_path)
    yield Path(sys.prefix, "bin", "go")


def _suitable_go() -> Path | None:
    return next((go for go in _go_candidates() if (go_version(go) or (0, 0)) >= MINIMUM), None)


@cache
def find_go() -> Path:
    """Return a go command that is new enough, installing one into the virtual environment when there is none.

    Raises:
        ToolchainError: None was found and none could be installed.
    """
    if not (go := _suitable_go()):
        _install("go")
        go = _suitable_go()
    if not go:
        raise ToolchainError(f"no Go {MINIMUM[0]}.{MINIMUM[1]} or newer: install it from https://go.dev/dl/")
    return go


@cache
def find_c_compiler() -> str:
    """Return the command of a C compiler, which the race detector needs to link.

    Raises:
        ToolchainError: None was found and none could be installed.
    """
    for name in filter(None, (os.environ.get("CC"), "gcc", "clang", "cc")):
        if shutil.which(name.split()[0]):
            return name
    zig = [sys.executable, "-m", "ziglang"]
    if subprocess.run([*zig, "version"], capture_output=True, check=False).returncode:
        _install("cc")
    return " ".join([*zig, "cc"])


def _install(lock: str) -> None:
    """Install a lock file of its own, so that a machine that has the tool never downloads it."""
    path = ROOT / "requirements" / f"{lock}.lock"
    print(f"Setting up {lock} in {sys.prefix} ...", flush=True)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    if subprocess.run([*pip, "--requirement", path], check=False).returncode:
        raise ToolchainError(f"pip could not install {path}; install Go and a C compiler by hand")


def environment_base() -> dict[str, str]:
    """Return this process's environment without what would change how Go builds; where it gets modules from is kept.

    Where there is no home folder, Go's caches move into the cache folder of this project.
    """
    changes_builds = {"GOARCH", "GOOS", "GOAMD64", "GOARM64", "GOEXPERIMENT", "GODEBUG", "GO111MODULE", "GOTOOLCHAIN"}
    environment = {name: value for name, value in os.environ.items() if name not in changes_builds}
    # `go vet` is a check of its own, so tests need not do a part of it again.
    environment |= {"GOWORK": "off", "GOFLAGS": "-trimpath -vet=off"}
    if not environment.get("HOME"):
        environment.setdefault("GOPATH", str(cache_folder() / "go"))
        environment.setdefault("GOCACHE", str(cache_folder() / "go-build"))
    return environment


def cache_folder() -> Path:
    """Return the folder outside the repository that keeps what is slow to make between two runs."""
    return user_cache_path("copier-go-service", ensure_exists=True)


@cache
def _go_environment() -> dict[str, str]:
    environment = environment_base()
    root = subprocess.run(
        [find_go(), "env", "GOROOT"], capture_output=True, text=True, check=True, env=environment
    ).stdout.strip()
    # GOROOT/bin also holds gofmt, which the wheel does not put beside go.
    environment["PATH"] = os.pathsep.join([str(Path(root, "bin")), environment.get("PATH", "")])
    environment["CC"] = find_c_compiler()
    environment["CGO_ENABLED"] = "1"
    return environment


def go_environment() -> dict[str, str]:
    """Return the environment that every Go command of the checks runs in.

    -trimpath makes the results of the compiler and of tests the same in every folder, so all variants share one cache.
    """
    return dict(_go_environment())


def main() -> int:
    """Print what the checks will use."""
    try:
        environment = go_environment()
    except ToolchainError as error:
        print(f"toolchain: {error}", file=sys.stderr)
        return 1
    version = subprocess.run(["go", "version"], capture_output=True, text=True, check=True, env=environment).stdout
    print(f"{version.strip()}; C compiler: {environment['CC']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
