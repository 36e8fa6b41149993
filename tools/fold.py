"""Fold the outputs of a generator, one per variant, into template files.

A generator such as ``go mod tidy`` writes one text per variant. Folding finds where the text belongs in the template
and which lines depend on which answers:

* the same text in exactly the variants of one layer becomes one plain file of that layer;
* texts that share little along one axis become one file for each of its values, in the layers of these values;
* anything else becomes one template with ``//% if`` lines, whose conditions are found from the differences.

Everything here is a pure function of its arguments. ``unfold`` renders a fold again; folding is right when every
variant unfolds to the text it came from, and ``prove`` raises when that does not hold.

Sets of variants are integers: bit ``i`` stands for ``Space.variants[i]``.
"""

from __future__ import annotations

import itertools
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import jinja2

Value = str | bool
Parses = Callable[[str], bool]

CORE = "core"
SUFFIX = ".jinja"
STATEMENT = "//%"

# Longer conditions are not how a maintainer would write them: the design or the alignment is at fault.
CONDITION_LIMIT = 100
# Below this share of common lines one template is harder to read than a file for each value of an axis.
SPLIT_BELOW = 0.75
# Largest table (lines times lines) that is aligned exactly; beyond it only unique lines and neighbours are matched.
TABLE_LIMIT = 400_000


class FoldError(ValueError):
    """The texts cannot be folded into a template a person would accept; the message says why and where."""


@dataclass(frozen=True)
class Axis:
    """One independent choice.

    ``name`` is the question, and ``values`` are its answers in the order of the question. An option of a multiselect
    question is an axis of its own with the values ``(False, True)``; ``member_of`` then names the question.
    """

    name: str
    values: tuple[Value, ...]
    member_of: str | None = None

    def condition(self, wanted: Sequence[Value]) -> str:
        """Return the shortest test over the answers that holds for exactly the ``wanted`` values."""
        if set(self.values) == {False, True}:
            yes = True in wanted
            if self.member_of:
                return f'"{self.name}" {"in" if yes else "not in"} {self.member_of}'
            return self.name if yes else f"not {self.name}"
        listed = [value for value in self.values if value in wanted]
        if len(listed) == 1:
            return f'{self.name} == "{listed[0]}"'
        others = [value for value in self.values if value not in wanted]
        if len(others) == 1:
            return f'{self.name} != "{others[0]}"'
        quoted = ", ".join(f'"{value}"' for value in listed)
        return f"{self.name} in [{quoted}]"


@dataclass(frozen=True)
class Space:
    """The variants that were generated, and the layers of the template that are on in them.

    ``variants`` holds one tuple of values per variant, in the order of ``axes``. ``layers`` maps the name of a layer
    to the set of variants that have it.
    """

    axes: tuple[Axis, ...]
    variants: tuple[tuple[Value, ...], ...]
    layers: Mapping[str, int] = field(default_factory=dict)

    @property
    def everything(self) -> int:
        """The set of all variants."""
        return (1 << len(self.variants)) - 1

    def layer_of(self, members: int) -> str | None:
        """Return the layer that is on in exactly these variants, the core before any other, or None."""
        names = [name for name, mask in self.layers.items() if mask == members]
        return min(names, key=lambda name: (name != CORE, name), default=None)

    def relevant_axes(self, labels: Mapping[int, object]) -> list[int]:
        """Return the positions of the axes that decide about the label of a variant; all if no choice of them does."""
        relevant = []
        for position in range(len(self.axes)):
            seen: dict[tuple[Value, ...], object] = {}
            for bit, label in labels.items():
                values = self.variants[bit]
                if seen.setdefault(values[:position] + values[position + 1 :], label) != label:
                    relevant.append(position)
                    break
        sides: dict[tuple[Value, ...], object] = {}
        for bit, label in labels.items():
            if sides.setdefault(tuple(self.variants[bit][position] for position in relevant), label) != label:
                return list(range(len(self.axes)))
        return relevant

    def condition(self, members: int, within: int | None = None) -> str:
        """Return the shortest expression found that holds in ``members`` and in no other variant of ``within``.

        The expression joins the fewest and largest terms that cover the set. A term is a layer, the absence of a layer
        or several of these together; answers are compared only where the layers do not tell the variants apart.
        """
        within = self.everything if within is None else within
        chosen = self._cover(members, within, answers=False) or self._cover(members, within, answers=True)
        return " or ".join(term.text for term in sorted(chosen, key=lambda term: term.places))

    def _cover(self, members: int, within: int, *, answers: bool) -> list[_Term]:
        """Return terms that cover exactly the members, none when there are no such terms."""
        terms = [term for term in self._terms(within, answers=answers) if not term.members & ~members]
        if members & ~_union(term.members for term in terms):
            return []
        chosen: list[_Term] = []
        missing = members
        while missing:
            best = max(terms, key=lambda term: ((term.members & missing).bit_count(), [-part for part in term.cost]))
            chosen.append(best)
            missing &= ~best.members
        for term in list(chosen):
            others = [other.members for other in chosen if other is not term]
            if others and not members & ~_union(others):
                chosen.remove(term)
        return chosen

    def _terms(self, within: int, *, answers: bool) -> list[_Term]:
        """Return for each set of variants that literals can describe together the shortest of these descriptions."""
        known = self._known_terms.get((within, answers))
        if known is not None:
            return known
        literals = [
            (literal, _Term(literal.members, (literal,)).cost) for literal in self._literals(within, answers=answers)
        ]
        best = {within: _Term(within, ())}
        fresh = list(best.values())
        while fresh:
            longer: dict[int, _Term] = {}
            for term, (literal, cost) in itertools.product(fresh, literals):
                members = term.members & literal.members
                if not members or members == term.members:
                    continue
                rival = longer.get(members) or best.get(members)
                joined = _joined(term.cost, cost)  # before the term is made: most are dearer than what is known
                if joined.length <= CONDITION_LIMIT and (rival is None or joined < rival.cost):
                    longer[members] = _Term(members, tuple(sorted({*term.literals, literal})))
            best |= longer
            fresh = list(longer.values())
        self._known_terms[within, answers] = list(best.values())
        return self._known_terms[within, answers]

    def _literals(self, within: int, *, answers: bool) -> list[_Literal]:
        """Return the layers and their absence and, where wanted, comparisons of answers, as far as they tell apart."""
        literals = []
        for name, mask in self.layers.items():
            place = tuple(self.relevant_axes({bit: mask >> bit & 1 for bit in range(len(self.variants))}))
            literals += [
                _Literal(place, name, mask & within),
                _Literal(place, f"not {name}", within & ~mask),
            ]
        for position, axis in enumerate(self.axes if answers else ()):
            masks = self._value_masks[position]
            live = [value for value in axis.values if masks[value] & within]
            for size in range(1, len(live)):
                for wanted in itertools.combinations(live, size):
                    members = _union(masks[value] for value in wanted) & within
                    literals.append(_Literal((position,), axis.condition(wanted), members))
        return [literal for literal in literals if literal.members and literal.members != within]

    @cached_property
    def _value_masks(self) -> tuple[dict[Value, int], ...]:
        """For each axis, the variants of each of its values."""
        masks: list[dict[Value, int]] = [dict.fromkeys(axis.values, 0) for axis in self.axes]
        for bit, values in enumerate(self.variants):
            for position, value in enumerate(values):
                masks[position][value] |= 1 << bit
        return tuple(masks)

    @cached_property
    def _known_terms(self) -> dict[tuple[int, bool], list[_Term]]:
        """The terms of each set of variants that was asked for."""
        return {}


class _Literal(NamedTuple):
    """One test, the positions of the axes it depends on, and the variants in which it holds."""

    place: tuple[int, ...]
    text: str
    members: int


class _Cost(NamedTuple):
    """How hard a term is to read: few tests before many, presence before absence, short before long."""

    literals: int
    absences: int
    length: int


def _joined(first: _Cost, second: _Cost) -> _Cost:
    """Return the cost of two terms joined by `and`."""
    if not first.literals:
        return second
    return _Cost(
        first.literals + second.literals,
        first.absences + second.absences,
        first.length + len(" and ") + second.length,
    )


@dataclass(frozen=True)
class _Term:
    """Literals that hold together in the members."""

    members: int
    literals: tuple[_Literal, ...]

    @cached_property
    def text(self) -> str:
        """The term as an expression, what is there before what is not."""
        ordered = sorted(self.literals, key=lambda literal: literal.text.startswith("not "))
        return " and ".join(literal.text for literal in ordered) or "true"

    @cached_property
    def cost(self) -> _Cost:
        """How hard it is to read."""
        return _Cost(len(self.literals), self.text.count("not "), len(self.text))

    @property
    def places(self) -> list[tuple[int, ...]]:
        """Where it stands among other terms."""
        return [literal.place for literal in self.literals]


class _Unit(NamedTuple):
    """Lines that stand or fall together, and the variants that have them."""

    text: str
    members: int


@dataclass(frozen=True)
class TemplateFile:
    """A file of the template: its layer, its path inside the layer without suffix, its text."""

    layer: str
    path: str
    text: str
    is_template: bool

    @property
    def source(self) -> str:
        """The path below the template folder, such as ``{{core}}/go.mod.jinja``."""
        return f"{{{{{self.layer}}}}}/{self.path}{SUFFIX if self.is_template else ''}"


def fold_file(
    space: Space,
    path: str,
    texts: Mapping[int, str],
    names: Mapping[str, str],
    parses: Parses | None = None,
) -> list[TemplateFile]:
    """Return the template files that render to ``texts[i]`` in variant ``i``, and not at all in variants without text.

    ``names`` maps the answers that may stand in a text to the value they had while generating; those values become
    ``{{ answer }}``. ``parses`` tells whether a template is still readable by the language's own tools; when lines
    alone are too fine for it, whole declarations are repeated instead.

    Raises FoldError when no layer is on in exactly these variants, when a condition is too long, or when the result
    does not parse.
    """
    try:
        return [
            TemplateFile(layer, path, *_template(space, part, names, parses)) for layer, part in _rooms(space, texts)
        ]
    except FoldError as error:
        raise FoldError(f"{path}: {error}") from None


def unfold(file: TemplateFile, environment: jinja2.Environment, answers: Iterable[Mapping[str, object]]) -> list[str]:
    """Return what the file renders to with each of the answers. Raises jinja2.TemplateError as Jinja does."""
    if not file.is_template:
        return [file.text for _ in answers]
    template = environment.from_string(file.text)
    return [template.render(**given) for given in answers]


def prove(
    space: Space,
    files: Sequence[TemplateFile],
    texts: Mapping[int, str],
    environment: jinja2.Environment,
    answers: Sequence[Mapping[str, object]],
) -> None:
    """Raise FoldError unless in every variant exactly the right text, or no file where there was none, is rendered.

    ``answers`` holds the answers of each variant, in the order of ``space.variants``.
    """
    rendered: dict[int, list[str]] = {}
    for file in files:
        bits = list(_bits(space.layers[file.layer]))
        for bit, text in zip(bits, unfold(file, environment, [answers[bit] for bit in bits]), strict=True):
            rendered.setdefault(bit, []).append(text)
    for bit, values in enumerate(space.variants):
        if rendered.get(bit, []) != ([texts[bit]] if bit in texts else []):
            raise FoldError(f"{files[0].path}: the fold does not unfold to what variant {values} generated")


def _template(
    space: Space, texts: Mapping[int, str], names: Mapping[str, str], parses: Parses | None
) -> tuple[str, bool]:
    """Return the text of the one file that stands for all texts, and whether it is a template."""
    text = next(iter(texts.values()))
    if len(set(texts.values())) > 1:
        text = _folded(space, texts, names, parses)
    elif any(pattern.search(text) for pattern in _patterns(names)):
        text = _write([_Unit(line, 1) for line in _lines(text)], 1, {}, names)
    else:
        return text, False
    if parses is not None and not parses(text):
        raise FoldError(
            "as a template it does not parse: a line that Jinja would read, or a declaration that opens in one variant "
            "only, stands where no comment can. Change the generator's input."
        )
    return text, True


def _folded(space: Space, texts: Mapping[int, str], names: Mapping[str, str], parses: Parses | None) -> str:
    """Return one template of all texts: by lines, or by declarations where lines would not parse."""
    present = _union(1 << bit for bit in texts)

    def fold_by(split: Callable[[str], list[str]]) -> str:
        units = _slide(_merge_all(space, {bit: split(text) for bit, text in texts.items()}))
        conditions = {members: space.condition(members, present) for members in {unit.members for unit in units}}
        _refuse_long_conditions(units, conditions)
        return _write(units, present, conditions, names)

    text = fold_by(_lines)
    return text if parses is None or parses(text) else fold_by(_declarations)


def _refuse_long_conditions(units: Sequence[_Unit], conditions: Mapping[int, str]) -> None:
    """Raise FoldError naming the lines whose condition is longer than the limit."""
    for members, condition in conditions.items():
        if len(condition) > CONDITION_LIMIT:
            lines = "".join(unit.text for unit in units if unit.members == members)
            raise FoldError(f"finding about the design: these lines stand only when {condition}\n{lines}")


def _rooms(space: Space, texts: Mapping[int, str]) -> list[tuple[str, dict[int, str]]]:
    """Return the layers that hold the texts, each with its part of them.

    That is the one layer that is on in exactly these variants, unless the texts differ so much along one axis that
    each of its values is better served by a file of its own layer. Raises FoldError when there is no such layer.
    """
    present = _union(1 << bit for bit in texts)
    whole = space.layer_of(present)
    if whole is not None and len(set(texts.values())) == 1:
        return [(whole, dict(texts))]
    choices: list[tuple[float, list[tuple[str, dict[int, str]]]]] = []
    for position in range(len(space.axes)):
        parts: dict[Value, dict[int, str]] = {}
        for bit, text in texts.items():
            parts.setdefault(space.variants[bit][position], {})[bit] = text
        rooms = [(space.layer_of(_union(1 << bit for bit in part)), part) for part in parts.values()]
        named = [(layer, part) for layer, part in rooms if layer is not None]
        if len(named) == len(rooms) > 1:
            choices.append((_share([next(iter(part.values())) for part in parts.values()]), named))
    share, split = min(choices, key=lambda choice: choice[0], default=(1.0, []))
    if split and (whole is None or share < SPLIT_BELOW):
        return split
    if whole is None:
        raise FoldError(
            f"it exists when {space.condition(present)}, and no layer of the template stands for that. "
            "Add a layer, or make the generator write it in the variants of one."
        )
    return [(whole, dict(texts))]


def _share(texts: Sequence[str]) -> float:
    """Return the share of the lines of the longest text that all texts have."""
    counts = [Counter(line for line in _lines(text) if _informative(line)) for text in texts]
    common = counts[0]
    for count in counts[1:]:
        common = common & count
    return common.total() / max(1, *(count.total() for count in counts))


# Splitting -----------------------------------------------------------------------------------------------------------


def _lines(text: str) -> list[str]:
    """Split after each newline; unlike splitlines, after nothing else."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def _declarations(text: str) -> list[str]:
    """Split gofmt's output into lines and whole top-level declarations; an import block stays a list of lines."""
    units: list[str] = []
    open_block: list[str] = []
    for line in _lines(text):
        if open_block:
            open_block.append(line)
            if line[0] in "})":
                units.append("".join(open_block))
                open_block = []
        elif line.rstrip().endswith(("{", "(")) and line[0].isalpha() and line != "import (\n":
            open_block = [line]
        else:
            units.append(line)
    return units + (["".join(open_block)] if open_block else [])


def _informative(line: str) -> bool:
    """Tell whether a line says more than where a block ends."""
    return any(character.isalnum() for character in line)


# Alignment -----------------------------------------------------------------------------------------------------------


def _merge_all(space: Space, texts: Mapping[int, Sequence[str]]) -> list[_Unit]:
    """Merge all texts into one list of units in which each text is found, in its own order.

    Neighbours go first: the variants that differ in the last axis only, then in the last but one, and so on, so that
    a line is compared with its likeliest counterpart. Axes on which no text depends do not count: the variants that
    differ in these alone are one.
    """
    relevant = space.relevant_axes(texts)
    alike: dict[tuple[Value, ...], list[int]] = {}
    for bit in sorted(texts):
        alike.setdefault(tuple(space.variants[bit][position] for position in relevant), []).append(bit)

    def merge_from(depth: int, groups: Sequence[tuple[Value, ...]]) -> list[_Unit]:
        if len(groups) == 1:
            bits = alike[groups[0]]
            members = _union(1 << bit for bit in bits)
            return [_Unit(text, members) for text in texts[bits[0]]]
        merged: list[_Unit] = []
        for value in space.axes[relevant[depth]].values:
            if part := [values for values in groups if values[depth] == value]:
                merged = _merge(merged, merge_from(depth + 1, part))
        return merged

    return merge_from(0, list(alike))


def _merge(left: list[_Unit], right: list[_Unit]) -> list[_Unit]:
    """Merge two lists over disjoint variants; equal units that align become one."""
    left_texts = [unit.text for unit in left]
    right_texts = [unit.text for unit in right]
    merged: list[_Unit] = []
    at_left = at_right = 0
    for i, j in [*_align(left_texts, right_texts), (len(left), len(right))]:
        merged += left[at_left:i] + right[at_right:j]
        if i < len(left):
            merged.append(_Unit(left[i].text, left[i].members | right[j].members))
        at_left, at_right = i + 1, j + 1
    return merged


def _align(left: Sequence[str], right: Sequence[str]) -> list[tuple[int, int]]:
    """Return the pairs of equal units, ascending on both sides.

    Common ends are paired first, then units that are unique on both sides (patience diff), then what lies between.
    """
    start = 0
    while start < min(len(left), len(right)) and left[start] == right[start]:
        start += 1
    end = 0
    while end < min(len(left), len(right)) - start and left[-1 - end] == right[-1 - end]:
        end += 1
    pairs = [(i, i) for i in range(start)]
    inner_left, inner_right = left[start : len(left) - end], right[start : len(right) - end]
    at_left = at_right = 0
    for i, j in [*_unique_anchors(inner_left, inner_right), (len(inner_left), len(inner_right))]:
        for k, m in _best_pairs(inner_left[at_left:i], inner_right[at_right:j]):
            pairs.append((start + at_left + k, start + at_right + m))
        if i < len(inner_left):
            pairs.append((start + i, start + j))
        at_left, at_right = i + 1, j + 1
    return pairs + [(len(left) - end + k, len(right) - end + k) for k in range(end)]


def _unique_anchors(left: Sequence[str], right: Sequence[str]) -> list[tuple[int, int]]:
    """Return the longest ascending list of pairs of informative units that occur once on each side."""
    counts_left, counts_right = Counter(left), Counter(right)
    where = {text: j for j, text in enumerate(right) if counts_right[text] == 1}
    pairs = [
        (i, where[text])
        for i, text in enumerate(left)
        if counts_left[text] == 1 and text in where and _informative(text)
    ]
    tails: list[int] = []
    ends: list[int] = []
    previous: list[int] = []
    for index, (_, j) in enumerate(pairs):
        length = bisect_left(tails, j)
        previous.append(ends[length - 1] if length else -1)
        tails[length : length + 1] = [j]
        ends[length : length + 1] = [index]
    chain: list[tuple[int, int]] = []
    index = ends[-1] if ends else -1
    while index >= 0:
        chain.append(pairs[index])
        index = previous[index]
    return chain[::-1]


def _best_pairs(left: Sequence[str], right: Sequence[str]) -> list[tuple[int, int]]:
    """Return the heaviest ascending pairs of equal units: informative ones weigh most, neighbours of pairs a little."""
    if not left or not right or len(left) * len(right) > TABLE_LIMIT:
        return []
    columns = len(right) + 1
    # best[i][j]: heaviest pairing of left[i:] and right[j:]; paired[i][j]: the same when left[i] and right[j] pair.
    best = [[0.0] * columns for _ in range(len(left) + 1)]
    paired = [[-1.0] * columns for _ in range(len(left) + 1)]
    for i in range(len(left) - 1, -1, -1):
        for j in range(len(right) - 1, -1, -1):
            skipped = max(best[i + 1][j], best[i][j + 1])
            if left[i] == right[j]:
                weight = 1.0 if _informative(left[i]) else 0.1
                paired[i][j] = weight + max(best[i + 1][j + 1], paired[i + 1][j + 1] + 0.05)
            best[i][j] = max(skipped, paired[i][j])
    pairs: list[tuple[int, int]] = []
    i = j = 0
    while i < len(left) and j < len(right):
        if paired[i][j] >= best[i][j]:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif best[i + 1][j] >= best[i][j + 1]:
            i += 1
        else:
            j += 1
    return pairs


def _slide(units: list[_Unit]) -> list[_Unit]:
    """Move conditional runs over equal neighbours to where they read best.

    Between ``a`` and ``x, a`` it is arbitrary which ``a`` is the common one. A run that starts with a blank line, or
    is followed by one, needs an extra line in the template, and a run should open a block before it closes one.
    """
    units = list(units)
    start = 0
    while start < len(units):
        end = start + 1
        while end < len(units) and units[end].members == units[start].members:
            end += 1
        places = [(units, start), *_moved(units, start, end, -1), *_moved(units, start, end, 1)]
        units = min(places, key=lambda place: _awkward(place[0], place[1], place[1] + end - start))[0]
        start = end
    return units


def _moved(units: list[_Unit], start: int, end: int, step: int) -> Iterable[tuple[list[_Unit], int]]:
    """Yield the lists, and starts, in which the run units[start:end] stands further up (-1) or down (1)."""
    run = units[start].members
    while True:
        taken, given = (start - 1, end - 1) if step < 0 else (end, start)
        if not 0 <= taken < len(units) or units[taken].text != units[given].text:
            return
        outer = units[taken].members
        if outer == run or run & ~outer:
            return
        units = list(units)
        units[taken], units[given] = _Unit(units[taken].text, run), _Unit(units[given].text, outer)
        start, end = start + step, end + step
        yield units, start


def _awkward(units: Sequence[_Unit], start: int, end: int) -> int:
    """Count what makes the conditional run units[start:end] hard to read."""
    edges = [units[start], *units[end : end + 1]]
    blank_edges = sum(not unit.text.strip() for unit in edges)
    depth = lowest = 0
    for unit in units[start:end]:
        for character in unit.text:
            depth += (character in "({[") - (character in ")}]")
            lowest = min(lowest, depth)
    return blank_edges - 2 * lowest


# Writing -------------------------------------------------------------------------------------------------------------


def _write(units: Sequence[_Unit], present: int, conditions: Mapping[int, str], names: Mapping[str, str]) -> str:
    """Return the template text: runs of lines under ``if``, and ``else`` where a run is the rest of the one before."""
    runs = [
        (members, [line for unit in group for line in _lines(unit.text)])
        for members, group in itertools.groupby(units, key=lambda unit: unit.members)
    ]
    writer = _Writer(names)
    while runs:
        members, lines = runs.pop(0)
        if members == present:
            writer.lines(lines, last=not runs)
            continue
        writer.statement(f"if {conditions[members]}")
        rest = runs[0][1] if runs and runs[0][0] == present & ~members else None
        tail: list[str] = []
        if rest is not None:
            runs.pop(0)
            tail = _take_blank(runs, present)
        writer.lines(lines + tail)
        if rest is not None:
            writer.statement("else")
            writer.lines(rest + tail)
        writer.statement("endif")
    return "".join(writer.out)


def _take_blank(runs: list[tuple[int, list[str]]], present: int) -> list[str]:
    """Take the blank lines off the start of the next common run, for both branches to end with."""
    if not runs or runs[0][0] != present:
        return []
    lines = runs[0][1]
    blank = list(itertools.takewhile(lambda line: line == "\n", lines))
    if len(blank) == len(lines):
        runs.pop(0)
    else:
        runs[0] = (present, lines[len(blank) :])
    return blank


class _Writer:
    """Collects template lines and escapes what Jinja would read.

    A line that cannot stand as it is becomes ``//% print "..."``: a comment to gofmt, and exactly that line to Jinja.
    """

    def __init__(self, names: Mapping[str, str]) -> None:
        self.out: list[str] = []
        self._names = names
        self._after_statement = False

    def statement(self, text: str) -> None:
        """Write a line statement."""
        self.out.append(f"{STATEMENT} {text}\n")
        self._after_statement = True

    def lines(self, lines: Sequence[str], *, last: bool = False) -> None:
        """Write literal lines; ``last`` tells that nothing follows, so the final newline may be missing."""
        for index, line in enumerate(lines):
            parts = _name_parts(line, self._names)
            at_end = last and index == len(lines) - 1
            # Jinja swallows blank lines after a line statement.
            swallowed = self._after_statement and not line.strip()
            if swallowed or _needs_print(parts, at_end=at_end):
                self.statement("print " + " ~ ".join(part if named else _quoted(part) for part, named in parts))
            else:
                self.out.append("".join(f"{{{{ {part} }}}}" if named else part for part, named in parts))
                self._after_statement = False


def _needs_print(parts: Sequence[tuple[str, bool]], *, at_end: bool) -> bool:
    """Tell whether Jinja would change the literal parts of a line, or the lines after it."""
    if not parts[-1][0].endswith("\n") and not at_end:
        return True
    for index, (part, named) in enumerate(parts):
        if named:
            continue
        if any(sign in part for sign in ("{{", "{%", "{#", "\r")) or (index < len(parts) - 1 and part.endswith("{")):
            return True
    return parts[0][0].lstrip(" \t\v").startswith(STATEMENT)


def _name_parts(line: str, names: Mapping[str, str]) -> list[tuple[str, bool]]:
    """Split a line into literal text (False) and names of answers (True); never empty."""
    parts: list[tuple[str, bool]] = [(line, False)]
    for (answer, _), pattern in zip(_by_length(names), _patterns(names), strict=True):
        split: list[tuple[str, bool]] = []
        for part, named in parts:
            pieces = [part] if named else pattern.split(part)
            for index, piece in enumerate(pieces):
                if index:
                    split.append((answer, True))
                if piece or named:
                    split.append((piece, named))
        parts = split
    return parts


def _patterns(names: Mapping[str, str]) -> list[re.Pattern[str]]:
    """Return a pattern per answer, the longest value first, that matches the value as whole elements of a path."""
    patterns = []
    for _, value in _by_length(names):
        # A path is no element of a longer one; a single name may be any element of a path.
        not_inside = r"(?<!\w/)" if "/" in value else ""
        patterns.append(re.compile(rf"(?<![\w.~-]){not_inside}{re.escape(value)}(?![\w~-]|\.\w)"))
    return patterns


def _by_length(names: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the answers, the longest value first: a module path often ends in the project's name."""
    return sorted(names.items(), key=lambda item: (-len(item[1]), item[0]))


def _quoted(text: str) -> str:
    """Return the text as a Jinja string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    for plain, code in (("\n", "\\n"), ("\t", "\\t"), ("\r", "\\r")):
        escaped = escaped.replace(plain, code)
    return f'"{escaped}"'


# Sets ----------------------------------------------------------------------------------------------------------------


def _union(masks: Iterable[int]) -> int:
    """Return the union of sets."""
    result = 0
    for mask in masks:
        result |= mask
    return result


def _bits(mask: int) -> Iterable[int]:
    """Yield the members of a set, ascending."""
    bit = 0
    while mask:
        if mask & 1:
            yield bit
        mask >>= 1
        bit += 1
