"""Make the golden lists in tests/golden anew: the files of the base, and what each option does to them.

The base answers every question with `none` or no where that is a choice, with the default otherwise. An option is any
other choice. Its list, the footprint, compares each variant that has it with the variant that differs in nothing else:
what it adds (+), changes (~) and takes away (-). A line that holds only beside some other layers says so. All variants
are looked at. The choices about delivery are looked at one by one in the same way, beside the defaults of the others;
the lists of all other options hold with these defaults. Review the diff of these lists like code: they say what an
option costs.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tools.fold import Space
from tools.footprints import GOLDEN
from tools.questions import Questionnaire, load_questionnaire
from tools.regen import space_of
from tools.render import Sketcher, Tree
from tools.variants import Variant, factors_of, find_axes, find_delivery_axes, find_variants, is_nothing

HEADER = "# What {option} adds (+), changes (~) and takes away (-), compared with {base}. Made by make regen.\n"


def base_of(questionnaire: Questionnaire) -> dict[str, Any]:
    """Return the factors of the variant with nothing that can be left out."""
    choices = tuple(
        (axis.name, next(filter(is_nothing, axis.values), axis.values[0])) for axis in find_axes(questionnaire)
    )
    return factors_of(questionnaire, Variant(choices=choices))


def golden_lists(questionnaire: Questionnaire | None = None) -> dict[str, str]:
    """Return the lists by the names of their files, such as `base.files` and `echo.files`."""
    questionnaire = questionnaire or load_questionnaire()
    variants = find_variants(questionnaire)
    space = space_of(questionnaire, variants)
    sketcher = Sketcher(questionnaire)
    trees = [sketcher.tree(variant.answers) for variant in variants]
    factors = [factors_of(questionnaire, variant) for variant in variants]
    numbers = {tuple(known.items()): number for number, known in enumerate(factors)}
    base = base_of(questionnaire)
    lists = {"base.files": "".join(f"{path}\n" for path in sorted(trees[numbers[tuple(base.items())]]))}
    options = dict.fromkeys((name, value) for known in factors for name, value in known.items() if value != base[name])
    for name, value in options:
        option = name if value is True else str(value)
        effects: dict[tuple[str, str], int] = {}
        within = 0
        for number, known in enumerate(factors):
            if known[name] == value:
                within |= 1 << number
                without = trees[numbers[tuple((known | {name: base[name]}).items())]]
                for path, sign in _effects(without, trees[number]).items():
                    effects[path, sign] = effects.get((path, sign), 0) | 1 << number
        text = HEADER.format(option=option, base=f"no {option}" if value is True else f"{name} {base[name]}")
        text += _lines(effects, space, within)
        lists[f"{option}.files"] = text
    return lists | _delivery_lists(questionnaire, variants, space, sketcher)


def _delivery_lists(
    questionnaire: Questionnaire, variants: Sequence[Variant], space: Space, sketcher: Sketcher
) -> dict[str, str]:
    """Return the lists of the choices about delivery: what each does to every variant that has none of the kind."""
    lists = {}
    for axis in find_delivery_axes(questionnaire):
        nothing = next(filter(is_nothing, axis.values))
        without = [sketcher.tree(variant.answers | {axis.name: nothing}) for variant in variants]
        for value in axis.values:
            if value == nothing:
                continue
            option = axis.name if value is True else str(value)
            effects: dict[tuple[str, str], int] = {}
            for number, variant in enumerate(variants):
                for effect in _effects(without[number], sketcher.tree(variant.answers | {axis.name: value})).items():
                    effects[effect] = effects.get(effect, 0) | 1 << number
            base = f"no {option}" if value is True else f"{axis.name} {nothing}"
            lists[f"{option}.files"] = HEADER.format(option=option, base=base) + _lines(
                effects, space, space.everything
            )
    return lists


def _lines(effects: Mapping[tuple[str, str], int], space: Space, within: int) -> str:
    """Return a line for each effect, and the condition on which it occurs, if any."""
    text = ""
    for (path, sign), members in sorted(effects.items()):
        condition = "" if members == within else f" when {space.condition(members, within)}"
        text += f"{sign} {path}{condition}\n"
    return text


def _effects(without: Tree, with_option: Tree) -> Mapping[str, str]:
    """Return the sign of each file that differs."""
    signs = dict.fromkeys(with_option.keys() - without.keys(), "+")
    signs |= dict.fromkeys(without.keys() - with_option.keys(), "-")
    signs |= {path: "~" for path in without.keys() & with_option.keys() if without[path] != with_option[path]}
    return signs


def compare(lists: Mapping[str, str], folder: Path = GOLDEN) -> list[str]:
    """Return a line for each line in which the lists differ from those agreed on in a folder."""
    agreed = {path.name: path.read_text("utf-8") for path in folder.glob("*.files")}
    found = []
    for name in sorted({*lists, *agreed}):
        new, old = lists.get(name, "").splitlines(), agreed.get(name, "").splitlines()
        found += [f"{name}: new: {line}; make regen accepts it" for line in new if line not in old]
        found += [f"{name}: gone: {line}; make regen accepts that" for line in old if line not in new]
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the lists; those of options that no longer exist are removed. The exit code is 1 when --check finds any."""
    parser = argparse.ArgumentParser(description="Make the golden lists anew.")
    parser.add_argument("--check", action="store_true", help="change nothing; fail when a list would change")
    options = parser.parse_args(arguments)
    lists = golden_lists()
    if options.check:
        found = compare(lists)
        print("\n".join(found) or "every golden list is as the template has it")
        return 1 if found else 0
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for stale in {path.name for path in GOLDEN.glob("*.files")} - lists.keys():
        (GOLDEN / stale).unlink()
    for name, text in lists.items():
        (GOLDEN / name).write_text(text, "utf-8")
        print(f"{name}: {text.count(chr(10))} lines")
    return 0


if __name__ == "__main__":
    sys.exit(main())
