"""`make new`: one command from a clone to a project, and every problem told before anything is written."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from copier._vcs import get_repo

from tools import new
from tools.questions import ROOT, load_questionnaire
from tools.render import commit_all, git, read_tree, update

EXAMPLES = sorted((ROOT / "examples").glob("*.yml"))
CLONED = ("copier.yml", "questions", "extensions", "template", "tools", "requirements", "Makefile", "examples")

MakeNew = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `git clone` would give, of the repository as it stands on disk."""
    folder = tmp_path_factory.mktemp("clone") / "copier-go-service"
    folder.mkdir()
    for part in CLONED:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(ROOT / part, folder / part)
    (folder / ".gitignore").write_text("__pycache__/\n", "utf-8")
    commit_all(folder, "Clone")
    return folder


@pytest.fixture
def make_new(clone: Path, tmp_path: Path) -> MakeNew:
    """Run `make new` in the clone, without a terminal and with the virtual environment of this run."""
    stamp = tmp_path / "ready"
    stamp.touch()
    make = ["make", "--no-print-directory", "new", f"VENV={sys.prefix}", f"RUN_READY={stamp}"]

    def run(root: Path = clone, **variables: str | Path) -> subprocess.CompletedProcess[str]:
        command = [*make, *(f"{name}={value}" for name, value in variables.items())]
        return subprocess.run(command, cwd=root, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)

    return run


def findings(done: subprocess.CompletedProcess[str]) -> list[str]:
    """Return what the command told, without make's own last line."""
    return [line for line in done.stderr.splitlines() if not line.startswith("make")]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_becomes_a_project(example: Path, make_new: MakeNew, tmp_path: Path) -> None:
    """It ends by saying what to run next, and the project can be updated from where it came."""
    project = tmp_path / "made" / "service"
    done = make_new(DEST=project, ANSWERS=example)
    assert done.returncode == 0, done.stderr
    assert findings(done) == []
    answers = yaml.safe_load(example.read_text("utf-8"))
    for expected in (answers["project_name"], f"cd {project}", "make setup", "make test", "make dev"):
        assert expected in done.stdout
    assert answers["owner"] in (project / "LICENSE").read_text("utf-8")

    written = yaml.safe_load((project / ".copier-answers.yml").read_text("utf-8"))
    assert {name: written.get(name) for name in answers} == {**answers, "port": str(answers["port"])}
    commit_all(project, "Start from the template")
    update(project)
    assert git(project, "status", "--porcelain") == ""


def source(project: Path) -> tuple[str, str]:
    """Return where a project says that it comes from, and in which version."""
    answers = yaml.safe_load((project / ".copier-answers.yml").read_text("utf-8"))
    return answers["_src_path"], answers["_commit"]


def test_a_project_of_a_release_names_where_others_find_it(
    clone: Path, make_new: MakeNew, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a clone of a shared repository, with a release checked out; of any other it says what will not work."""
    released = tmp_path / "copier-go-service"
    shutil.copytree(clone, released)
    git(released, "remote", "add", "origin", "https://ada:secret@git.example.com/acme/copier-go-service")
    done = make_new(DEST=tmp_path / "between", ANSWERS=EXAMPLES[0], root=released)
    assert done.stdout.count(f"names this folder, {released}, as the template") == 1
    assert source(tmp_path / "between")[0] == str(released)

    git(released, "tag", "v1.2.0")
    for mine in ("services.txt", "answers.yml"):
        (released / mine).write_text("Of this machine.\n", "utf-8")
    done = make_new(DEST=tmp_path / "at", ANSWERS=EXAMPLES[0], root=released)
    assert "names this folder" not in done.stdout
    assert source(tmp_path / "at") == ("git+https://git.example.com/acme/copier-go-service", "v1.2.0")
    between, at = read_tree(tmp_path / "between"), read_tree(tmp_path / "at")
    assert {path for path in at if at[path] != between[path]} == {".copier-answers.yml"}

    (released / "copier.yml").write_text((released / "copier.yml").read_text("utf-8") + "# Mine.\n", "utf-8")
    monkeypatch.setattr(new, "ROOT", released)
    assert new.released_address() == ""


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://github.com/acme/copier-go-service.git", "https://github.com/acme/copier-go-service.git"),
        ("https://token@github.com/acme/copier-go-service", "git+https://github.com/acme/copier-go-service"),
        ("https://git.example.com/a", "git+https://git.example.com/a"),
        ("git@github.com:acme/copier-go-service.git", "git@github.com:acme/copier-go-service.git"),
        ("forge@git.example.com:acme/a", "git+forge@git.example.com:acme/a"),
        ("ssh://git@git.example.com:2222/a.git", "ssh://git@git.example.com:2222/a.git"),
        ("/srv/copier-go-service.git", ""),
        ("../copier-go-service", ""),
        ("C:/copier-go-service", ""),
        ("file:///srv/copier-go-service.git", ""),
        ("", ""),
    ],
)
def test_only_an_address_that_others_can_reach_is_recorded(url: str, address: str) -> None:
    """In words that Copier takes for git, and without a token."""
    assert new.shared_address(url) == address
    assert not address or get_repo(address) in {url, url.replace("token@", "")}


@pytest.mark.parametrize("existed", [False, True])
@pytest.mark.parametrize("stop", [KeyboardInterrupt(), OSError(28, "No space left on device")], ids=repr)
def test_what_is_interrupted_leaves_nothing(
    stop: BaseException,
    existed: bool,  # noqa: FBT001
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Neither files nor a folder that was not there before; one line says so."""
    destination = tmp_path / "service"
    if existed:
        destination.mkdir()

    def half(_: str, folder: Path, **__: object) -> None:
        (folder / "cmd").mkdir(parents=True)
        (folder / "go.mod").touch()
        raise stop

    monkeypatch.setattr("copier.run_copy", half)
    assert new.main([str(destination), str(EXAMPLES[0])]) == 1
    assert [path.name for path in tmp_path.rglob("*")] == (["service"] if existed else [])
    told = capsys.readouterr().err.splitlines()[-1]
    assert told == "nothing was rendered: interrupted" or told.endswith(f"{destination}: No space left on device")


def test_a_destination_that_cannot_be_made_is_named(make_new: MakeNew, tmp_path: Path) -> None:
    """Below a file there is no room for a folder."""
    (tmp_path / "file").touch()
    done = make_new(DEST=tmp_path / "file" / "service", ANSWERS=EXAMPLES[0])
    assert done.returncode != 0
    assert [line.split(":")[0] for line in findings(done)] == ["DEST"]


def test_the_answers_file_of_a_project_makes_it_again(make_new: MakeNew, tmp_path: Path) -> None:
    """`.copier-answers.yml` can be given as it is; nothing in the bytes tells the destination."""
    make_new(DEST=tmp_path / "one", ANSWERS=EXAMPLES[0])
    done = make_new(DEST=tmp_path / "two", ANSWERS=tmp_path / "one" / ".copier-answers.yml")
    assert done.returncode == 0, done.stderr
    assert read_tree(tmp_path / "one") == read_tree(tmp_path / "two")


def test_all_problems_are_told_and_nothing_is_written(make_new: MakeNew, tmp_path: Path) -> None:
    """A line each, the question's name first: wrong, missing and unknown answers."""
    answers = tmp_path / "answers.yml"
    answers.write_text("project_name: Parcel Desk\nport: 80\nframework: gin\ncolour: red\n", "utf-8")
    done = make_new(DEST=tmp_path / "service", ANSWERS=answers)
    assert done.returncode != 0
    assert sorted(line.split(":")[0] for line in findings(done)) == [
        "colour", "framework", "module_path", "port", "project_name",
    ]  # fmt: skip
    assert not (tmp_path / "service").exists()


@pytest.mark.parametrize("text", ["", "- project_name\n", "project_name: [", "project_name\n", "\x00"], ids=ascii)
def test_a_file_that_holds_no_answers_is_refused(text: str, make_new: MakeNew, tmp_path: Path) -> None:
    """One line that begins with ANSWERS."""
    (tmp_path / "answers.yml").write_text(text, "utf-8")
    done = make_new(DEST=tmp_path / "service", ANSWERS=tmp_path / "answers.yml")
    assert done.returncode != 0
    assert [line.split(":")[0] for line in findings(done)] == ["ANSWERS"]
    assert not (tmp_path / "service").exists()


def test_a_missing_answers_file_is_refused(make_new: MakeNew, tmp_path: Path) -> None:
    """Its name stands in the line."""
    done = make_new(DEST=tmp_path / "service", ANSWERS=tmp_path / "no-such.yml")
    assert done.returncode != 0
    assert len(findings(done)) == 1
    assert "no-such.yml" in findings(done)[0]


def test_without_a_terminal_and_without_answers_it_says_what_to_give(make_new: MakeNew, tmp_path: Path) -> None:
    """A script would wait for ever otherwise."""
    done = make_new(DEST=tmp_path / "service")
    assert done.returncode != 0
    assert [line.split(":")[0] for line in findings(done)] == ["ANSWERS"]
    assert not (tmp_path / "service").exists()


def test_without_a_destination_it_says_what_to_give(make_new: MakeNew) -> None:
    """DEST has no default: nobody wants a service inside the template."""
    done = make_new(ANSWERS=EXAMPLES[0])
    assert done.returncode != 0
    assert [line.split(":")[0] for line in findings(done)] == ["DEST"]


def test_a_destination_that_holds_something_is_left_alone(make_new: MakeNew, tmp_path: Path) -> None:
    """Neither a folder with files, nor a file, nor a folder of the template itself."""
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine", "utf-8")
    for destination in (tmp_path / "full", tmp_path / "full" / "mine.txt", Path("docs/service")):
        done = make_new(DEST=destination, ANSWERS=EXAMPLES[0])
        assert done.returncode != 0
        assert [line.split(":")[0] for line in findings(done)] == ["DEST"]
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["mine.txt"]


def test_an_empty_destination_is_fine(make_new: MakeNew, tmp_path: Path) -> None:
    """As made by someone who created the folder first; spaces and quotes in its name do no harm."""
    destination = tmp_path / "it's a place"
    destination.mkdir()
    done = make_new(DEST=destination, ANSWERS=EXAMPLES[0])
    assert done.returncode == 0, done.stderr
    assert (destination / "LICENSE").exists()


def test_the_examples_differ_and_are_accepted() -> None:
    """Between them they use every choice of framework and ORM, and a major version in the module path."""
    answers = [yaml.safe_load(example.read_text("utf-8")) for example in EXAMPLES]
    questionnaire = load_questionnaire()
    assert [questionnaire.problems(each) for each in answers] == [[], [], []]
    assert [path.stem for path in EXAMPLES] == [f"{each['framework']}-{each['orm']}" for each in answers]
    assert any(each["module_path"].endswith("/v2") for each in answers)
