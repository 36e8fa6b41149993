"""Property-based requests, generated from the published document, against the running service."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.service.contract import Contract
from tests.service.identity import log_in
from tests.service.plugin import Start
from tests.service.postgres import Database
from tests.service.process import Binaries

CONFIG = Path(__file__).parent / "service" / "schemathesis.toml"
BOUND = 240.0
ENDS_THE_SESSION = "LogoutEverywhere"


def test_schemathesis_finds_nothing(
    start: Start, database: Database, project: Path, tmp_path: Path, binaries: Binaries
) -> None:
    """No generated request, valid or not, alone or in a sequence, gets an answer that the document does not allow."""
    service = start(database, LOG_LEVEL="error")
    service.wait_ready()
    guarded = []
    if binaries.guarded:  # the session must outlive the run
        token = log_in(service.port).json()["access_token"]
        guarded = [f"--header=Authorization: Bearer {token}", f"--exclude-operation-id={ENDS_THE_SESSION}"]
    done = subprocess.run(
        [
            Path(sys.executable).with_name("schemathesis"),
            f"--config-file={CONFIG}",
            "run",
            project / "api" / "openapi" / "openapi.yaml",
            f"--url={service.base_url}",
            "--phases=examples,coverage,fuzzing,stateful",
            "--no-color",
            *guarded,
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=BOUND,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"Tested: {count_operations(project) - binaries.guarded}\n" in done.stdout, done.stdout
    assert service.process.poll() is None
    assert service.get("/health/ready").status == 200


def count_operations(project: Path) -> int:
    """How many operations the document has."""
    paths = Contract.of(project).schema.raw_schema["paths"]
    return sum(method in {"get", "post", "put", "patch", "delete"} for path in paths.values() for method in path)
