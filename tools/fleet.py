"""Update many services: python -m tools.fleet services.txt [--to VERSION] [--push].

`services.txt` names a git repository on each line, as git clones it; empty lines and lines with # are left out. Each is
cloned, updated by its own script, and committed on a branch; with --push the branch is pushed, for a pull request. One
that is there already, and not merged, is left alone: it may have commits of others. The exit code is 0 when all went
well or waits for that, 3 when some have conflicts, and 1 when some failed or refused.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

SCRIPT = Path("scripts/template/update.sh")
BRANCH = "template-update"

State = Literal["current", "updated", "waiting", "conflicts", "refused", "failed"]
STATES: dict[int, State] = {0: "updated", 2: "refused", 3: "conflicts"}
CONFLICTS = 3


class Outcome(BaseModel):
    """How it went with one service."""

    model_config = ConfigDict(frozen=True)

    service: str
    state: State
    folder: str
    detail: str
    """The report of the update, or why there is none."""


def read_services(text: str) -> list[str]:
    """Return the repositories that a list names."""
    lines = (line.split("#")[0].strip() for line in text.splitlines())
    return [line for line in lines if line]


def update_service(service: str, folder: Path, to: str, *, push: bool) -> Outcome:
    """Clone a service, update it, and commit what changed on a branch of its own."""
    # The script finds the Copier of these tools first.
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}

    def git(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True)

    def outcome(state: State, detail: str) -> Outcome:
        return Outcome(service=service, state=state, folder=str(folder), detail=detail.strip())

    try:
        clone = ["git", "clone", "--quiet", "--", service, str(folder)]
        subprocess.run(clone, capture_output=True, text=True, check=True)
        if not (folder / SCRIPT).exists():
            return outcome("refused", f"it has no {SCRIPT}: it left the template, or comes from another")
        command = ["sh", str(SCRIPT), "update", *(["--to", to] if to else [])]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        if (state := STATES.get(done.returncode, "failed")) in {"refused", "failed"}:
            return outcome(state, done.stderr)
        if not git("status", "--porcelain").stdout.strip():
            return outcome("current", done.stdout)
        git("switch", "--quiet", "--create", BRANCH)
        git("add", "--all")
        git("commit", "--quiet", "--message=Update the template", f"--message={done.stdout}")
        if push and git("branch", "--remotes", "--no-merged", "HEAD", "--list", f"origin/{BRANCH}").stdout:
            return outcome("waiting", f"it has a branch {BRANCH} already; merge that or delete it, and run this again")
        if push:
            git("push", "--quiet", "origin", BRANCH)
        return outcome(state, done.stdout)
    except subprocess.CalledProcessError as error:
        return outcome("failed", error.stderr)


def exit_code(outcomes: Sequence[Outcome]) -> int:
    """Return the worst of all: 1 for a failure, 3 for conflicts, 0."""
    states = {outcome.state for outcome in outcomes}
    if states & {"failed", "refused"}:
        return 1
    return CONFLICTS if "conflicts" in states else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    parser = argparse.ArgumentParser(description="Update many services.")
    parser.add_argument("services", type=Path, help="a file with a repository on each line")
    parser.add_argument(
        "--into", type=Path, default=Path("services"), help="a folder for the clones; it must not exist"
    )
    parser.add_argument("--to", default="", help="a version; the newest unless given")
    parser.add_argument("--push", action="store_true", help=f"push the branch {BRANCH} of each that changed")
    parser.add_argument("--json", action="store_true", help="print the outcomes as JSON")
    options = parser.parse_args(arguments)
    try:
        services = read_services(options.services.read_text("utf-8"))
        options.into.mkdir(parents=True)
    except OSError as error:
        parser.error(str(error))
    outcomes = []
    for number, service in enumerate(services, start=1):
        outcomes.append(update_service(service, options.into / str(number), options.to, push=options.push))
        last = outcomes[-1]
        print(f"[{number}/{len(services)}] {last.state:<9} {service} in {last.folder}", file=sys.stderr)
        if last.state in {"waiting", "conflicts", "refused", "failed"}:
            print(last.detail, file=sys.stderr)
    if options.json:
        print(json.dumps([outcome.model_dump() for outcome in outcomes], indent=2))
    return exit_code(outcomes)


if __name__ == "__main__":
    sys.exit(main())
