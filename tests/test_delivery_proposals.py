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
test -e ../gh-helps || git config --get credential.https://gitlab.example.com.helper > /dev/null || exit 9
printf 'What is new.\\n' > "$3"
printf '_commit: v9\\n' > .copier-answers.yml
test -e ../conflicts || exit 0
printf -- '- Makefile is in conflict\\n' >> "$3"
cat ../conflicts > Makefile
exit 3
"""
"""In the place of scripts/template/update.sh, which has tests of its own: a version that changes a file, or two.

It wants git to have a token by then, as the template may be private.
"""

GH = """\
#!/bin/sh
case "$1 $2" in
"auth setup-git") touch gh-helps ;;
"api user")
	test ! -e anonymous || { echo '{"message":"Resource not accessible by integration"}'; exit 1; }
	echo bot
	;;
"pr list")
	test ! -e refuses-lists || exit 1
	if test -e proposed; then wc -l < proposed; else echo 0; fi
	;;
"pr create")
	test ! -e refuses || exit 1
	echo "$*" >> proposed
	while test "$1" != --body-file; do shift; done
	cat "$2" > text
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
	text="$*"
	text=${text##*description=<}
	cat "${text%% *}" > text
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
        author = ("GIT_AUTHOR_", "GIT_COMMITTER_")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(author)}
        return subprocess.run(
            ["sh", SCRIPT], cwd=clone, env={**inherited, **variables}, capture_output=True, text=True, check=False
        )

    def commit(self, name: str, text: str) -> None:
        """Commit a file on the branch that is proposed, as a colleague would."""
        clone = self.folder / "colleague"
        git(self.folder, "clone", "--quiet", "--branch", "template-v9", str(self.origin), str(clone))
        (clone / name).write_text(text, "utf-8")
        commit_all(clone, f"Look after {name}")
        git(clone, "push", "--quiet")

    @property
    def drafts(self) -> list[bool]:
        """Which of the requests are drafts."""
        lines = (self.folder / "proposed").read_text("utf-8").splitlines()
        return [line.endswith(" --draft") or " title=Draft: " in line for line in lines]

    @property
    def text(self) -> str:
        """What the last request says."""
        return (self.folder / "text").read_text("utf-8").strip()

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


MARKERS = "<<<<<<< before updating\nmine\n=======\ntheirs\n>>>>>>> after updating\n"


def test_a_request_is_of_its_branch_not_of_the_run_that_opens_it(forge: Forge) -> None:
    """What is in conflict in the branch is said, though today's update of today's main has no conflict."""
    conflicts, refuses = forge.folder / "conflicts", forge.folder / "refuses"
    conflicts.write_text(MARKERS, "utf-8")
    refuses.touch()
    assert forge.propose().returncode != 0
    refuses.unlink()
    conflicts.unlink()
    done = forge.propose()
    assert done.returncode == 0, done.stderr
    assert forge.drafts == [True]
    assert "with conflicts" in (forge.folder / "proposed").read_text("utf-8")
    assert forge.text.startswith("What is new.\n- Makefile is in conflict\n")
    assert forge.text.endswith("\n\n## Conflict markers are in\n\n- Makefile")


def test_a_branch_without_conflicts_is_proposed_as_such(forge: Forge) -> None:
    """Main has changed meanwhile, so that the update of today has conflicts: the branch has none."""
    refuses = forge.folder / "refuses"
    refuses.touch()
    assert forge.propose().returncode != 0
    refuses.unlink()
    (forge.folder / "conflicts").write_text(MARKERS, "utf-8")
    done = forge.propose()
    assert done.returncode == 0, done.stderr
    assert forge.drafts == [False]
    assert forge.text == "What is new."


def test_conflicts_without_markers_are_remembered(forge: Forge) -> None:
    """A file that was edited, and that the template has no more, is in conflict without a line that says so."""
    (forge.folder / "conflicts").write_text("mine\n", "utf-8")
    (forge.folder / "refuses").touch()
    assert forge.propose().returncode != 0
    for name in ("refuses", "conflicts"):
        (forge.folder / name).unlink()
    done = forge.propose()
    assert done.returncode == 0, done.stderr
    assert forge.drafts == [True]
    assert forge.text == "What is new.\n- Makefile is in conflict"


def test_what_others_committed_on_the_branch_is_in_the_request(forge: Forge) -> None:
    """It stays, and is looked at as well: here it brings conflicts, in a file with an accent."""
    refuses = forge.folder / "refuses"
    refuses.touch()
    assert forge.propose().returncode != 0
    forge.commit("paquet-envoyé.md", MARKERS)
    pushed = git(forge.origin, "rev-parse", "template-v9")
    refuses.unlink()
    done = forge.propose()
    assert done.returncode == 0, done.stderr
    assert git(forge.origin, "rev-parse", "template-v9") == pushed
    assert forge.drafts == [True]
    assert forge.text.startswith("What is new.\n")
    assert forge.text.endswith("- paquet-envoyé.md")


def test_the_commit_names_somebody_and_says_what_is_new(forge: Forge) -> None:
    """The token of a run may not ask who it is: gh then prints the error of the server in place of a name."""
    (forge.folder / "anonymous").touch()
    done = forge.propose()
    assert done.returncode == 0, done.stderr
    commit = git(forge.origin, "log", "-1", "--format=%an: %B", "template-v9")
    assert commit.strip() == "template: Update from the template, to v9\n\nWhat is new."


def test_who_can_not_be_asked_has_not_agreed(forge: Forge) -> None:
    """A run that can't tell whether a version was proposed fails, and says nothing of the kind."""
    (forge.folder / "refuses").touch()
    forge.propose()
    (forge.folder / "refuses-lists").touch()
    done = forge.propose()
    assert done.returncode != 0
    assert "proposed already" not in done.stdout
