"""scripts/together.sh runs the API beside the worker, in whatever shell a machine calls sh."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.programs import put_program
from tests.service.waiting import eventually
from tools.questions import ROOT

SCRIPT = ROOT / "template" / "{{billed}}" / "scripts" / "together.sh"

SERVES = """\
#!/bin/sh
trap 'sleep 0.2; sleep 0.2; sleep 0.2; touch "$0.ended"; exit {status}' TERM
touch "$0.started"
while :; do sleep 0.1; done
"""
"""A program that is told to end, and takes its time."""
ENDS = """\
#!/bin/sh
while ! test -e "$(dirname "$0")/other.started"; do sleep 0.1; done
exit {status}
"""
"""A program that ends by itself once the other runs."""

SHELLS = {"sh": ["sh"], "dash": ["dash"], "bash as sh": ["bash", "--posix"], "bash": ["bash"]}


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> list[str]:
    """The sh of Debian is dash, that of Fedora and of macOS is bash in POSIX mode."""
    command = SHELLS[request.param]
    assert shutil.which(command[0]), f"install {command[0]}: a shell that is missing is no skip"
    return command


@pytest.mark.parametrize("order", [("one", "other"), ("other", "one")], ids=" ".join)
@pytest.mark.parametrize(("status", "others"), [(0, 0), (3, 0), (0, 4)])
def test_when_one_ends_the_other_does(
    status: int, others: int, order: tuple[str, str], shell: list[str], tmp_path: Path
) -> None:
    """It is given its time, and a failure of either is one of both."""
    put_program(tmp_path / "one", ENDS.format(status=status))
    put_program(tmp_path / "other", SERVES.format(status=others))
    command = [*shell, str(SCRIPT), *(str(tmp_path / name) for name in order)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (status or others, "")
    assert (tmp_path / "other.ended").exists()


def test_a_signal_ends_both(shell: list[str], tmp_path: Path) -> None:
    """Also one that comes twice, as from somebody who presses Ctrl-C again: it waits for them nevertheless."""
    programs = [put_program(tmp_path / name, SERVES.format(status=0)) for name in ("one", "other")]
    with subprocess.Popen([*shell, SCRIPT, *programs], start_new_session=True) as process:
        eventually(lambda: all(Path(f"{path}.started").exists() for path in programs), 30, "both to run")
        for _ in range(2):
            os.killpg(process.pid, signal.SIGTERM)
            time.sleep(0.3)
        assert process.wait(timeout=60) == 0
    assert all(Path(f"{path}.ended").exists() for path in programs)
