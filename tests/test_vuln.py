"""No variant calls what is known to be vulnerable, by the project's own `make vuln` and the data of tests/vulndb."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
from datetime import date
from pathlib import Path

import pytest

from tests.conftest import Once

ARCHIVES = Path(__file__).with_name("vulndb")
WITHIN = 900.0
"""Seconds, with the first build of govulncheck."""


def archive() -> Path:
    """Return the packed data, of which there is one state."""
    (found,) = ARCHIVES.glob("*.tar.xz")
    return found


def day() -> date:
    """Return the day of the data."""
    return date.fromisoformat(archive().name.partition(".")[0])


def unpack(folder: Path) -> None:
    """Unpack the data."""
    with tarfile.open(archive()) as packed:
        for member in packed:
            if content := packed.extractfile(member):
                (folder / member.name).parent.mkdir(parents=True, exist_ok=True)
                (folder / member.name).write_bytes(content.read())


MODULE = "github.com/golang-jwt/jwt/v5"
PLANTED = f"""package planted

import "{MODULE}"

func Claims(token string) (jwt.MapClaims, error) {{
	claims := jwt.MapClaims{{}}
	_, _, err := jwt.NewParser().ParseUnverified(token, claims)

	return claims, err
}}
"""


@pytest.fixture(scope="session")
def database(once: Once) -> Path:
    """The folder with the data."""
    return once("vulndb", unpack)


def vuln(project: Path, database: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run the target on the data, and say of which day they are."""
    print(f"known vulnerabilities as of {day()}")
    return subprocess.run(
        ["make", "--no-print-directory", "vuln", f"VULNFLAGS=-db file://{database}"],
        cwd=project,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=WITHIN,
    )


def test_no_variant_calls_a_known_vulnerability(
    rendered: Path, database: Path, go_environment: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """In modules or in Go itself, as far as was known on the day of the data, which is shown also when all is well."""
    with capsys.disabled():
        done = vuln(rendered, database, go_environment)
    assert done.returncode == 0, f"as of {day()}:\n{done.stdout}{done.stderr}"
    assert "Your code is affected by 0 vulnerabilities" in done.stdout


@pytest.mark.variants("noauth")
def test_a_vulnerable_call_is_found(
    rendered: Path, database: Path, go_environment: dict[str, str], tmp_path: Path
) -> None:
    """The counterpart: a service that calls what it should not, in a version that it should not."""
    project = tmp_path / "project"
    shutil.copytree(rendered, project)
    planted = project / "internal" / "pkg" / "planted" / "planted.go"
    planted.parent.mkdir()
    planted.write_text(PLANTED, "utf-8")
    for command in (
        ["mod", "edit", f"-require={MODULE}@v5.2.1", f"-replace={MODULE}={MODULE}@v5.2.1"],
        ["mod", "tidy"],
    ):
        subprocess.run(["go", *command], cwd=project, env=go_environment, check=True, timeout=WITHIN)
    done = vuln(project, database, go_environment)
    assert done.returncode != 0
    assert "Vulnerability #1: GO-2025-3553" in done.stdout, done.stdout + done.stderr


def test_the_data_are_all_there(database: Path) -> None:
    """An empty database finds nothing."""
    assert len(list((database / "ID").iterdir())) > 4000
    assert day() >= date(2026, 8, 21)
