"""The matrix deals variants out, finds faults and reports them; the toolchain takes no Go that is too old."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import pytest

from tests.programs import put_program
from tools import matrix, toolchain
from tools.matrix import Outcome
from tools.render import MARK, git, read_tree, render, take_snapshot
from tools.variants import Variant, find_variants


def test_the_shards_cover_every_variant_once(variants: tuple[Variant, ...]) -> None:
    """However many there are, more than there are variants included."""
    for count in range(1, len(variants) + 3):
        dealt = [each for index in range(1, count + 1) for each in matrix.take_shard(variants, (index, count))]
        assert sorted(each.id for each in dealt) == sorted(each.id for each in variants)


@pytest.mark.parametrize("text", ["", "1", "0/2", "3/2", "a/b", "1/2/3", "-1/2"])
def test_a_shard_that_is_none_is_refused(text: str) -> None:
    """Nobody believes that all was checked when nothing was."""
    with pytest.raises(argparse.ArgumentTypeError, match="1/2"):
        matrix.parse_shard(text)


def test_the_table_shows_what_failed() -> None:
    """A line a variant, a column a check."""
    passed = Outcome(variant="fiber-ent", check="build", seconds=12.3, findings=())
    failed = Outcome(variant="echo-pgx", check="build", seconds=1, findings=("main.go:1: no",))
    header, first, second = matrix.table([passed, failed]).splitlines()
    assert header.split() == ["build"]
    assert first.split() == ["fiber-ent", "12", "s"]
    assert second.split() == ["echo-pgx", "FAIL"]


def test_a_render_with_a_fault_is_found(variant: Variant, rendered: Path, variants: tuple[Variant, ...]) -> None:
    """The same project under the name of a variant with the other framework has words of its own."""
    other = next(each for each in variants if not each.has("framework", dict(variant.choices)["framework"]))
    assert matrix.check_render(rendered, other)


@pytest.mark.variants("fiber-ent")
def test_a_tree_that_passed_is_skipped_on_request_only(
    variant: Variant, tmp_path: Path, go_environment: dict[str, str]
) -> None:
    """Until a byte of it changes; one that failed is never skipped."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "main.go").write_text("package main\n", "utf-8")
    record = matrix.Record(tmp_path / "record.json", go_environment, believe=True)
    digest = record.digest(project)
    assert not record.has_passed(variant, digest)
    record.note(variant, digest, passed=True)
    again = matrix.Record(tmp_path / "record.json", go_environment, believe=True)
    assert again.has_passed(variant, again.digest(project))
    assert not matrix.Record(tmp_path / "record.json", go_environment, believe=False).has_passed(variant, digest)
    (project / "main.go").write_text("package main // changed\n", "utf-8")
    assert not again.has_passed(variant, again.digest(project))
    again.note(variant, digest, passed=False)
    assert not again.has_passed(variant, digest)


@pytest.mark.variants("fiber-ent")
def test_another_run_knows_a_tree_again(variant: Variant, tmp_path: Path, go_environment: dict[str, str]) -> None:
    """Each run takes a snapshot of the template to a folder of its own, which stands in the answers of a project."""
    record = matrix.Record(tmp_path / "record.json", go_environment, believe=True)
    projects = [tmp_path / run / "project" for run in ("first", "second")]
    for project in projects:
        render(take_snapshot(project.with_name("template")), project, variant.answers)
    assert record.digest(projects[0]) == record.digest(projects[1])


def test_parts_that_run_at_once_keep_one_record(tmp_path: Path, go_environment: dict[str, str]) -> None:
    """What one writes is not lost when the other, which began before it, writes too."""
    first, second, *_ = find_variants()
    parts = [matrix.Record(tmp_path / "record.json", go_environment, believe=True) for _ in range(2)]
    for part, variant in zip(parts, (first, second), strict=True):
        part.note(variant, "digest", passed=True)
    after = matrix.Record(tmp_path / "record.json", go_environment, believe=True)
    assert after.has_passed(first, "digest")
    assert after.has_passed(second, "digest")


def test_a_variant_follows_another_in_one_folder(tmp_path: Path) -> None:
    """What was built is gone, what stays the same is not written again, and git knows the render alone."""
    project = tmp_path / "project"
    matrix.settle({"go.mod": (b"module a\n", False), "a.go": (b"package a\n", False)}, project)
    (project / "bin").mkdir()
    (project / "bin" / "api").write_bytes(b"\xff")
    written = (project / "go.mod").stat().st_mtime_ns
    matrix.settle({"go.mod": (b"module a\n", False), "b.go": (b"package a\n", False)}, project)
    assert {path for path in read_tree(project) if path != MARK} == {"go.mod", "b.go"}
    assert (project / "go.mod").stat().st_mtime_ns == written
    assert git(project, "status", "--porcelain") == ""


def test_ci_skips_nothing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """What a cache says is no proof there."""
    monkeypatch.setenv("CI", "true")
    with pytest.raises(SystemExit):
        matrix.main(["--skip-unchanged"])
    assert "CI has to check everything" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("printed", "version"),
    [("go1.26.8", (1, 26)), ("go1.27rc1", (1, 27)), ("go2.0", (2, 0)), ("devel +abc", None), ("", None)],
)
def test_the_version_of_a_go_command_is_read(printed: str, version: tuple[int, int] | None, tmp_path: Path) -> None:
    """Whatever calls itself go and is none has no version."""
    go = put_program(tmp_path / "go", f"#!/bin/sh\necho '{printed}'\n")
    assert toolchain.go_version(go) == version
    assert toolchain.go_version(tmp_path / "absent") is None


def test_what_would_change_builds_stays_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """A person's GOFLAGS, workspace or target must not decide whether a variant passes; their proxy may."""
    monkeypatch.setenv("GOFLAGS", "-mod=mod")
    monkeypatch.setenv("GOOS", "plan9")
    monkeypatch.setenv("GOWORK", "/somewhere/go.work")
    monkeypatch.setenv("GOPROXY", "https://proxy.example")
    environment = toolchain.environment_base()
    assert environment["GOFLAGS"] == "-trimpath -vet=off"
    assert environment["GOWORK"] == "off"
    assert "GOOS" not in environment
    assert environment["GOPROXY"] == "https://proxy.example"


@pytest.mark.parametrize("home", ["", None])
def test_go_has_caches_without_a_home(home: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Containers of continuous integration may have none."""
    if home is None:
        monkeypatch.delenv("HOME", raising=False)
    else:
        monkeypatch.setenv("HOME", home)
    monkeypatch.delenv("GOPATH", raising=False)
    monkeypatch.delenv("GOCACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    environment = toolchain.environment_base()
    assert environment["GOCACHE"].startswith(str(tmp_path) + os.sep)
    assert environment["GOPATH"].startswith(str(tmp_path) + os.sep)
