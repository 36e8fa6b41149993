"""Have golangci-lint know in one variant what it found out in another.

It forgets everything when go.mod is another, also about the packages and modules that are the same; and every variant
has a go.mod of its own. So where it asks for go.mod by `go env -json GOMOD`, it is told of one that says what all
variants agree on: the module's path and the language. It takes nothing for known that is not: it goes by the bytes of
each package and of all that it imports as well, so that another version of a module is another package.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

MODULE_AND_LANGUAGE = re.compile(r"^(?:module|go|toolchain) .+$", re.MULTILINE)
"""The lines of go.mod that linters go by."""

GO = """\
#!/bin/sh
if [ "$*" = "env -json GOMOD" ]; then
  printf '{{"GOMOD": "%s"}}\\n' {gomod}
else
  exec {go} "$@"
fi
"""


class Linter(NamedTuple):
    """A linter that knows what it found out in other variants."""

    program: Path
    """The linter; `go tool` would put Go itself before what is on the PATH here."""
    environment: Mapping[str, str]
    """What it has to run in."""


@contextmanager
def knowing_linter(project: Path, environment: Mapping[str, str]) -> Iterator[Linter]:
    """Build the linter that a project pins, and give it and its environment as long as the context lasts.

    Raises:
        CalledProcessError: It can't be built; what Go says of it is in stderr.
    """
    command = ["go", "tool", "-n", "-modfile=lint.mod", "golangci-lint"]
    built = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=True)
    with TemporaryDirectory() as folder:
        gomod, go = Path(folder, "go.mod"), Path(folder, "go")
        lines = MODULE_AND_LANGUAGE.findall((project / "go.mod").read_text("utf-8"))
        gomod.write_text("\n".join([*lines, ""]), "utf-8")
        real = shutil.which("go", path=environment["PATH"]) or "go"
        go.write_text(GO.format(gomod=shlex.quote(str(gomod)), go=shlex.quote(real)), "utf-8")
        go.chmod(0o755)
        path = os.pathsep.join([folder, environment["PATH"]])
        yield Linter(Path(built.stdout.strip()), {**environment, "PATH": path})
