"""Change the mind of every project: a part of `make matrix`; or python -m tools.updates [--shard 1/8].

For every variant A and every B that answers one question differently, and for pairs drawn at random, an update of a
copy of A to the answers of B has to give what a fresh copy with the answers of B gives, byte for byte. And for every
variant, an update of a copy of any release to the template as it stands has to give a fresh copy of that.

It is Copier's own update that runs, with its git commands, its merge and its removals. Only what it renders three times
in each update comes from memory, and a version is checked out once: see `fast_updates`, which tests/test_update.py
compares with Copier left alone.
"""

from __future__ import annotations

import argparse
import functools
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

from copier import _main as copier_internals
from copier import _template as copier_templates

from tools.matrix import parse_shard, take_shard
from tools.questions import Questionnaire, load_questionnaire
from tools.releases import NEXT, ReleaseError, clone_with_tags
from tools.render import ANSWERS_FILE, Sketcher, Tree, checkouts, commit_all, fast_copier, git, read_tree, update
from tools.variants import Variant, evaluate, find_neighbours, find_variants

SEED = 7
RANDOM_PAIRS = 300


class Rendering(NamedTuple):
    """A checkout of the template and what renders it."""

    questionnaire: Questionnaire
    sketcher: Sketcher

    def tree(self, answers: Mapping[str, Any], commit: str, source: str) -> Tree:
        """Return what a fresh copy of this checkout holds, the file of answers included."""
        known = evaluate(self.questionnaire, answers)
        remembered = {question.name: known[question.name] for question in self.questionnaire.asked}
        name = "template/{{ _copier_conf.answers_file }}.jinja"
        template = self.questionnaire.environment().get_template(name)
        text = template.render(_copier_answers={"_commit": commit, "_src_path": source, **remembered})
        return {**self.sketcher.tree(answers), ANSWERS_FILE: (text.encode(), False)}


class Renderings:
    """The checkouts that updates need, each made once."""

    def __init__(self) -> None:
        """Start with none."""
        self._known: dict[Path, Rendering] = {}

    def of(self, checkout: Path) -> Rendering:
        """Return what renders a checkout, reading it the first time."""
        if checkout not in self._known:
            questionnaire = load_questionnaire(checkout)
            self._known[checkout] = Rendering(questionnaire, Sketcher(questionnaire))
        return self._known[checkout]


@contextmanager
def fast_updates(renderings: Renderings) -> Iterator[None]:
    """Make Copier's updates faster inside the block, with the same outcome.

    A version is checked out once, what git tells about it is asked once, and a render takes the bytes of each file from
    a Sketcher. Which files are excluded, skipped or overwritten is still Copier's decision, file by file.
    """
    with ExitStack() as stack:

        def render_template(self: copier_internals.Worker) -> None:
            rendering = renderings.of(self.template.local_abspath)
            asked = {question.name for question in rendering.questionnaire.asked}
            answers = {name: value for name, value in self.answers.combined.items() if name in asked}
            remembered = self._answers_to_remember()
            tree = rendering.tree(answers, remembered["_commit"], remembered["_src_path"])
            for path, (data, executable) in tree.items():
                mode = 0o100755 if executable else 0o100644
                target = self.subproject.local_abspath / path
                if not self.match_exclude(Path(path)) and self._render_allowed(
                    Path(path), expected_contents=data, expected_mode=mode
                ):
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(data)
                    target.chmod(mode & 0o777)

        stack.enter_context(fast_copier())
        stack.enter_context(mock.patch.object(copier_templates, "clone", stack.enter_context(checkouts())))
        stack.enter_context(mock.patch.object(copier_internals.Worker, "_render_template", render_template))
        # What git and copier.yml say of a checkout.
        for name in ("commit", "commit_hash", "version", "_raw_config"):
            stack.enter_context(mock.patch.object(copier_templates.Template, name, _asked_once(name)))
        yield


def _asked_once(name: str) -> functools.cached_property[Any]:
    """Return a property of Copier's Template that asks once for each checkout."""
    compute: Callable[[Any], Any] = getattr(copier_templates.Template, name).func
    known: dict[Path, Any] = {}

    def ask(self: copier_templates.Template) -> Any:
        if self.local_abspath not in known:
            known[self.local_abspath] = compute(self)
        return known[self.local_abspath]

    asked = functools.cached_property(ask)
    asked.__set_name__(copier_templates.Template, name)
    return asked


class Pair(NamedTuple):
    """An update: from the answers of one variant to those of another; from a release, when one is named."""

    before: Variant
    after: Variant
    release: str = ""

    @property
    def id(self) -> str:
        """What a report calls it."""
        return f"{self.release or 'this version'}: {self.before.id} -> {self.after.id}"


class Workshop:
    """A template in several versions, and a project that is put in the state before an update as often as it takes."""

    def __init__(self, template: Path, folder: Path) -> None:
        """Work on a repository as clone_with_tags makes it, in a folder of one's own."""
        self._template = template.resolve()
        self._folder = folder
        self._renderings = Renderings()
        self._versions: dict[str, str] = {}
        self._at: tuple[str, str] | None = None

    @contextmanager
    def open(self) -> Iterator[Workshop]:
        """Make updates fast inside the block."""
        with fast_updates(self._renderings):
            yield self

    def fresh(self, variant: Variant, version: str) -> Tree:
        """Return what a fresh copy of a version holds."""
        if version not in self._versions:
            self._versions[version] = copier_templates.clone(  # type: ignore[attr-defined]  # ours, see fast_updates
                str(self._template), version, location=""
            )
        rendering = self._renderings.of(Path(self._versions[version]).resolve())
        return rendering.tree(_answers(rendering.questionnaire, variant), version, str(self._template))

    def project(self, variant: Variant, version: str) -> Path:
        """Put the project into the state of a fresh copy that its owner committed."""
        if self._at == (variant.id, version):
            git(self._folder, "reset", "--quiet", "--hard")
            git(self._folder, "clean", "--quiet", "--force", "-d", "-x")
        else:
            if (self._folder / ".git").exists():
                git(self._folder, "reset", "--quiet", "--hard")
                git(self._folder, "clean", "--quiet", "--force", "-d", "-x")
                for path in read_tree(self._folder):
                    (self._folder / path).unlink()
            write(self.fresh(variant, version), self._folder)
            commit_all(self._folder, variant.id)
            self._at = (variant.id, version)
        return self._folder

    def try_pair(self, pair: Pair) -> list[str]:
        """Update, and return a line for each file that is not as in a fresh copy."""
        project = self.project(pair.before, pair.release or NEXT)
        update(project, pair.after.answers, ref=NEXT)
        return differences(read_tree(project), self.fresh(pair.after, NEXT))


def _answers(questionnaire: Questionnaire, variant: Variant) -> dict[str, Any]:
    """Return the answers of a variant to the questions that a version asks."""
    asked = {question.name for question in questionnaire.asked}
    return {name: value for name, value in variant.answers.items() if name in asked}


def write(tree: Tree, folder: Path) -> None:
    """Write files into a folder."""
    for path, (data, executable) in tree.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        file.chmod(0o755 if executable else 0o644)


def differences(found: Tree, wanted: Tree) -> list[str]:
    """Return a line for each file that differs."""
    lines = [f"{path}: is left over" for path in sorted(found.keys() - wanted.keys())]
    lines += [f"{path}: is missing" for path in sorted(wanted.keys() - found.keys())]
    return lines + [f"{path}: differs" for path in sorted(found.keys() & wanted.keys()) if found[path] != wanted[path]]


def neighbouring_pairs(variants: Sequence[Variant]) -> list[Pair]:
    """Return the updates from each of the variants to all that answer one question differently."""
    return [Pair(before, after) for before in variants for after in find_neighbours(before)]


def random_pairs(count: int = RANDOM_PAIRS) -> list[Pair]:
    """Return updates between variants drawn at random, the same ones each time: what was red can be tried again."""
    draw = random.Random(SEED)  # noqa: S311  nothing is kept secret
    variants = find_variants()
    drawn = (draw.sample(variants, 2) for _ in range(count))
    return sorted({Pair(before, after) for before, after in drawn}, key=lambda pair: pair.before.id)


def run(pairs: Sequence[Pair], workshop: Workshop) -> int:
    """Try pairs, printing what is wrong, and return how many were not equal."""
    wrong = 0
    began = time.monotonic()
    for number, pair in enumerate(pairs, start=1):
        if found := workshop.try_pair(pair):
            wrong += 1
            print(f"{pair.id}: {len(found)} files", *found[:10], sep="\n  ", flush=True)
        if number % 50 == 0 or number == len(pairs):
            seconds = time.monotonic() - began
            print(f"[{number}/{len(pairs)}] {wrong} not equal, {seconds / number:.2f} s each", flush=True)
    return wrong


def main(arguments: Sequence[str] | None = None) -> int:
    """Try the pairs of a part of the variants and return the exit code: 1 when any is not equal."""
    parser = argparse.ArgumentParser(description="Update every variant to every other answer, and from every release.")
    parser.add_argument("--shard", type=parse_shard, default=(1, 1), metavar="i/n", help="try only the i-th of n parts")
    options = parser.parse_args(arguments)
    variants = take_shard(find_variants(), options.shard)
    index, count = options.shard
    pairs = neighbouring_pairs(variants) + random_pairs()[index - 1 :: count]
    with tempfile.TemporaryDirectory(prefix="updates-") as scratch:
        template = Path(scratch, "template").resolve()
        try:
            releases = clone_with_tags(template)
        except ReleaseError as error:
            print(f"updates: {error}", file=sys.stderr)
            return 1
        pairs += [Pair(variant, variant, release.tag) for release in releases for variant in variants]
        with Workshop(template, Path(scratch, "project")).open() as workshop:
            wrong = run(pairs, workshop)
    print(f"{len(pairs)} updates, {wrong} not equal")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
