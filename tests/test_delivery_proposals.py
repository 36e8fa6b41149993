"""The scripts that propose an update of the template: one branch and one request a version, whatever went wrong."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.programs import put_program
from tools.render import Tree, commit_all, git

SCRIPT = "scripts/template/propose.sh"
UPDATE = """\
#!/bin/sh
printf 'What is new.\\n' > "$3"
printf '_commit: v9\\n' > .copier-answers.yml
"""
"""In the place of scripts/template/update.sh, which has tests of its own: a version that changes a file."""

GH = """\
#!/bin/sh
case "$1 $2" in
"auth setup-git") ;;
"api user") echo bot ;;
"pr list")
	test ! -e refuses-lists || exit 1
	if test -e proposed; then wc -l < proposed; else echo 0; fi
	;;
"pr create")
	test ! -e refuses || exit 1
	echo "$*" >> proposed
	;;
*) exit 2 ;;
esac
"""
CURL = """\
#!/bin/sh
grep -q 'header = "PRIVATE-TOKEN: secret"' || exit 2
case " $* " in
*" --get "*)
	test ! -e refuses-lists || exit 22
	case " $* " in *" source_branch=template-v9 "*" state=all "*) ;; *) exit 2 ;; esac
	if test -e proposed; then echo '[{"iid":1}]'; else echo '[]'; fi
	;;
*" source_branch=template-v9 "*)
	test ! -e refuses || exit 22
	echo "$*" >> proposed
	;;
*) exit 2 ;;
esac
"""


class Forge:
    """A repository at GitHub or GitLab, as far as the script can tell."""

    def __init__(self, text: bytes, folder: Path) -> None:
        """Lay it out in an empty folder."""
        self.folder = folder
        self.origin = folder / "origin.git"
        self.programs = folder / "bin"
        for name, program in {"gh": GH, "curl": CURL, "make": "#!/bin/sh\n"}.items():
            put_program(self.programs / name, f"{program}\n".replace("\n", f"\ncd {folder} || exit 2\n", 1))
        first = folder / "first"
        (first / "scripts" / "template").mkdir(parents=True)
        (first / SCRIPT).write_bytes(text)
        (first / "scripts/template/update.sh").write_text(UPDATE, "utf-8")
        commit_all(first, "Start")
        git(folder, "clone", "--quiet", "--bare", str(first), str(self.origin))

    def propose(self) -> subprocess.CompletedProcess[str]:
        """Run the script as a scheduled run does, in a clone of its own."""
        clone = self.folder / "clone"
        subprocess.run(["rm", "-rf", clone], check=True)
        git(self.folder, "clone", "--quiet", str(self.origin), str(clone))
        variables = {
            "PATH": f"{self.programs}{os.pathsep}{os.environ['PATH']}",
            "CI_PROJECT_URL": str(self.origin).removesuffix(".git"),
            "CI_DEFAULT_BRANCH": "main",
            "CI_SERVER_HOST": "gitlab.example.com",
            "CI_API_V4_URL": "https://gitlab.example.com/api/v4",
            "CI_PROJECT_ID": "7",
            "TEMPLATE_TOKEN": "secret",
        }
        return subprocess.run(
            ["sh", SCRIPT], cwd=clone, env={**os.environ, **variables}, capture_output=True, text=True, check=False
        )

    @property
    def requests(self) -> int:
        """How many requests were opened."""
        noted = self.folder / "proposed"
        return len(noted.read_text("utf-8").splitlines()) if noted.exists() else 0


@pytest.fixture(params=["github", "gitlab"])
def forge(request: pytest.FixtureRequest, trees: dict[str, Tree], tmp_path: Path) -> Forge:
    """Either, with an update to propose."""
    tree = next(tree for name, tree in trees.items() if f"-{request.param}" in name)
    return Forge(tree[SCRIPT][0], tmp_path)


def test_a_version_is_proposed_once(forge: Forge) -> None:
    """The second run finds it proposed, even when somebody has closed it since."""
    done = forge.propose()
    assert done.returncode == 0, done.stderr
    assert forge.requests == 1
    done = forge.propose()
    assert done.returncode == 0, done.stderr
    assert "proposed already" in done.stdout
    assert forge.requests == 1


def test_a_request_that_was_refused_is_opened_by_the_next_run(forge: Forge) -> None:
    """The branch of the run before is there, and nobody would ever hear of it."""
    refuses = forge.folder / "refuses"
    refuses.touch()
    assert forge.propose().returncode != 0
    pushed = git(forge.origin, "rev-parse", "template-v9")
    refuses.unlink()
    done = forge.propose()
    assert done.returncode == 0, done.stderr
    assert forge.requests == 1
    assert git(forge.origin, "rev-parse", "template-v9") == pushed


def test_who_can_not_be_asked_has_not_agreed(forge: Forge) -> None:
    """A run that can't tell whether a version was proposed fails, and says nothing of the kind."""
    (forge.folder / "refuses").touch()
    forge.propose()
    (forge.folder / "refuses-lists").touch()
    done = forge.propose()
    assert done.returncode != 0
    assert "proposed already" not in done.stdout
