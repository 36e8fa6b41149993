"""Make one variant as the template stands on disk: `make sketch VARIANT=echo-pgx DEST=../sketch`.

Its generated files come from the generators themselves, not from the template, so that a change can be built and
tested before `make regen` folds it for all variants. Made again in the same folder it writes only what changed, and
removes what it wrote before and the variant no longer has.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock

from tools.questions import ROOT, load_questionnaire
from tools.regen import RegenError, Workshop, is_generated
from tools.render import Sketcher, StrangerError, Tree, put
from tools.toolchain import ToolchainError, cache_folder
from tools.variants import Variant, choose_variant


def sketch(root: Path, cache: Path, variant: Variant) -> Tree:
    """Return the files of a variant; its generated ones are made anew or taken from the cache of `make regen`.

    Raises:
        RegenError: A generator failed.
    """
    questionnaire = load_questionnaire(root)
    written = Sketcher(questionnaire).tree(variant.answers)
    made = Workshop(root, cache).make_all([variant])[0]
    kept = {path: file for path, file in written.items() if not is_generated(path)}
    return kept | {path: (text.encode(), False) for path, text in made.items()}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    parser = argparse.ArgumentParser(description="Make one variant as the template stands on disk.")
    parser.add_argument("variant", help="what it has, such as echo-pgx-nocache")
    parser.add_argument("destination", type=Path)
    options = parser.parse_args(arguments)
    try:
        variant = choose_variant(options.variant)
        with FileLock(cache_folder() / "regen.lock"):
            tree = sketch(ROOT, cache_folder() / "regen", variant)
        changed = put(tree, options.destination)
    except (RegenError, StrangerError, ToolchainError, ValueError) as error:
        print(f"sketch: {error}", file=sys.stderr)
        return 1
    print(f"{options.destination}: {variant.id}, {len(tree)} files, {changed} of them new or changed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
