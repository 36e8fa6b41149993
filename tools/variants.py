"""Axes, layers and variants, all read from copier.yml: adding an option there adds it here.

A *layer* is a folder `template/{{name}}` switched by a hidden question of that name. An *axis* is a question with
choices, of which yes and no are some, that a layer depends on. A *variant* is one answer for each axis; its id joins
them, such as `echo-pgx-nocache-jwt-metrics-nobilling`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from jinja2 import meta
from pydantic import BaseModel, ConfigDict

from tools.questions import Question, Questionnaire, load_questionnaire

SAMPLE_ANSWERS = {
    "project_name": "parcel-desk",
    "module_path": "github.com/acme/parcel-desk",
    "description": "Keeps track of parcels.",
    "owner": "Acme Ltd",
}
"""Answers to the questions without a choice, the same for every variant: one module path lets all share Go's caches."""

DELIVERY = "delivery"
"""The theme whose questions are no axes: they decide how a service is shipped, and change no code."""

ON = "."
"""What the switch of a layer renders to when the layer is on; otherwise it is empty."""


class Axis(BaseModel):
    """A question whose answer decides which layers are on; its answers begin with the default.

    The answers of a multiselect question are tuples: every subset of its choices, in their order.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    values: tuple[Any, ...]


class Variant(BaseModel):
    """One answer for each axis."""

    model_config = ConfigDict(frozen=True)

    choices: tuple[tuple[str, Any], ...]

    @property
    def id(self) -> str:
        """The answers joined by dashes, such as `fiber-ent-redis-noauth-tracing+metrics-billing`."""
        return "-".join(_part_of_id(name, value) for name, value in self.choices)

    @property
    def answers(self) -> dict[str, Any]:
        """Answers that render this variant of the sample project."""
        chosen = {name: list(value) if isinstance(value, tuple) else value for name, value in self.choices}
        return {**SAMPLE_ANSWERS, **chosen}

    def has(self, axis: str, value: Any) -> bool:
        """Whether this variant answers the axis with the value or, where any can be chosen, has chosen it too."""
        chosen = dict(self.choices).get(axis)
        return bool(value in chosen if isinstance(chosen, tuple) and not isinstance(value, tuple) else value == chosen)

    def matches(self, answers: Mapping[str, Any]) -> bool:
        """Whether this variant has all of the answers; those to questions that are no axis are left aside."""
        axes = dict(self.choices)
        return all(self.has(axis, value) for axis, value in answers.items() if axis in axes)


def is_nothing(value: Any) -> bool:
    """Whether an answer leaves out what its question is about."""
    return value is False or value in ("none", ())


def _part_of_id(axis: str, value: Any) -> str:
    if is_nothing(value):
        return f"no{axis}"
    if value is True:
        return axis
    return "+".join(map(str, value)) if isinstance(value, tuple) else str(value)


def find_layers(questionnaire: Questionnaire) -> tuple[str, ...]:
    """Return the names of the folders under template/ that hold a layer, such as `core`."""
    template = questionnaire.root / questionnaire.settings["_subdirectory"]
    folders = sorted(path.name for path in template.iterdir() if path.is_dir())
    return tuple(name.removeprefix("{{").removesuffix("}}").strip() for name in folders)


def evaluate(questionnaire: Questionnaire, answers: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer to every question: those given, defaults, and hidden questions computed in their order."""
    computed = questionnaire.computed_defaults
    known = dict(answers)
    for name, hidden, default in ((each.name, each.hidden, each.default) for each in questionnaire.questions):
        if hidden or name not in known:
            known[name] = computed[name].render(known) if name in computed else default
    return known


def layers_on(questionnaire: Questionnaire, variant: Variant) -> tuple[str, ...]:
    """Return the layers that a variant is made of, such as `core`, `echo`, `pgx`."""
    known = evaluate(questionnaire, variant.answers)
    return tuple(layer for layer in find_layers(questionnaire) if known.get(layer) == ON)


def find_axes(questionnaire: Questionnaire) -> tuple[Axis, ...]:
    """Return the questions with choices that some layer depends on, directly or not, in the order they are asked.

    Those of delivery are left out; find_delivery_axes has them.
    """
    names = _named_by(questionnaire, find_layers(questionnaire))
    code = (q for q in questionnaire.asked if q.theme != DELIVERY)
    return tuple(Axis(name=q.name, values=_answers_to(q)) for q in code if q.name in names and q.values)


def find_delivery_axes(questionnaire: Questionnaire) -> tuple[Axis, ...]:
    """Return the questions with choices about delivery, in the order they are asked."""
    return tuple(
        Axis(name=q.name, values=_answers_to(q)) for q in questionnaire.asked if q.theme == DELIVERY and q.values
    )


def find_code_layers(questionnaire: Questionnaire) -> tuple[str, ...]:
    """Return the layers that no question about delivery switches."""
    delivery = {axis.name for axis in find_delivery_axes(questionnaire)}
    layers = find_layers(questionnaire)
    return tuple(layer for layer in layers if not delivery & _named_by(questionnaire, [layer]))


def _named_by(questionnaire: Questionnaire, questions: Iterable[str]) -> set[str]:
    """Return the questions that the hidden ones among these depend on, directly or not, and these themselves."""
    switches = {question.name: question for question in questionnaire.hidden}
    environment = questionnaire.environment()
    names: set[str] = set()
    found = set(questions)
    while found - names:
        names |= found
        defaults = [str(switches[name].default) for name in found if name in switches]
        found = {name for text in defaults for name in meta.find_undeclared_variables(environment.parse(text))}
    return names


def _answers_to(question: Question) -> tuple[Any, ...]:
    """Return all that can be answered to a question with choices, the default first."""
    if not question.multiselect:
        return tuple(sorted(question.values, key=lambda value: value != question.default))
    sizes = range(len(question.values), -1, -1)
    subsets = [subset for size in sizes for subset in itertools.combinations(question.values, size)]
    return tuple(sorted(subsets, key=lambda subset: list(subset) != question.default))


def find_variants(questionnaire: Questionnaire | None = None) -> tuple[Variant, ...]:
    """Return every combination of the axes; the first is the default."""
    axes = find_axes(questionnaire or load_questionnaire())
    return tuple(_variant(axes, values) for values in itertools.product(*(axis.values for axis in axes)))


def _variant(axes: Sequence[Axis], values: Sequence[Any]) -> Variant:
    return Variant(choices=tuple(zip((axis.name for axis in axes), values, strict=True)))


def factors_of(questionnaire: Questionnaire, variant: Variant) -> dict[str, Any]:
    """Return what was decided independently: the answer to each axis, and yes or no to each choice of several."""
    several = {question.name: question.values for question in questionnaire.asked if question.multiselect}
    factors: dict[str, Any] = {}
    for name, value in variant.choices:
        factors |= {each: each in value for each in several[name]} if name in several else {name: value}
    return factors


def find_pairwise(questionnaire: Questionnaire | None = None) -> tuple[Variant, ...]:
    """Return few variants in which every two factors meet with every two of their values, the default first.

    Greedy: the next one is that which has most pairs that are still missing. Which of several is taken makes a
    difference, so each variant in turn is preferred, with those after it, and the smallest set wins.
    """
    questionnaire = questionnaire or load_questionnaire()
    factors = {variant: factors_of(questionnaire, variant) for variant in find_variants(questionnaire)}
    numbers: dict[Any, int] = {}
    pairs = {
        variant: sum(1 << numbers.setdefault(pair, len(numbers)) for pair in itertools.combinations(known.items(), 2))
        for variant, known in factors.items()
    }
    default, *others = pairs
    everything = (1 << len(numbers)) - 1
    found = []
    for start in range(max(1, len(others))):
        chosen, missing = [default], everything & ~pairs[default]
        rotated = others[start:] + others[:start]
        while missing:
            chosen.append(max(rotated, key=lambda variant: (pairs[variant] & missing).bit_count()))
            missing &= ~pairs[chosen[-1]]
        found.append(tuple(chosen))
    return min(found, key=len)


def find_neighbours(variant: Variant, questionnaire: Questionnaire | None = None) -> tuple[Variant, ...]:
    """Return the variants that answer one axis differently."""
    return tuple(
        other
        for other in find_variants(questionnaire)
        if sum(mine != theirs for mine, theirs in zip(variant.choices, other.choices, strict=True)) == 1
    )


def find_covering(questionnaire: Questionnaire | None = None) -> tuple[Variant, ...]:
    """Return the pairwise set and every single deviation from the default."""
    pairwise = find_pairwise(questionnaire)
    return tuple(dict.fromkeys([*pairwise, *find_neighbours(pairwise[0], questionnaire)]))


def find_deviations(questionnaire: Questionnaire | None = None) -> tuple[Variant, ...]:
    """Return the single deviations from the default that are not in the pairwise set."""
    pairwise = find_pairwise(questionnaire)
    return tuple(variant for variant in find_neighbours(pairwise[0], questionnaire) if variant not in pairwise)


def find_deliveries(questionnaire: Questionnaire | None = None) -> tuple[Variant, ...]:
    """Return the first and the last variant with every combination of answers about delivery."""
    questionnaire = questionnaire or load_questionnaire()
    axes = find_delivery_axes(questionnaire)
    variants = find_variants(questionnaire)
    return tuple(
        Variant(choices=variant.choices + _variant(axes, values).choices)
        for variant in dict.fromkeys([variants[0], variants[-1]])
        for values in itertools.product(*(axis.values for axis in axes))
    )


SETS = {
    "all": find_variants,
    "covering": find_covering,
    "deviations": find_deviations,
    "pairwise": find_pairwise,
    "delivery": find_deliveries,
}
"""The sets of variants by the names that tests use."""


def choose_variant(text: str, questionnaire: Questionnaire | None = None) -> Variant:
    """Return the variant that an id names, or the first with what a short one such as `echo-nocache` names.

    That is one of the pairwise set if it can be.

    Raises:
        ValueError: There is none.
    """
    wanted = set(text.split("-"))
    exact = next((variant for variant in find_variants(questionnaire) if variant.id == text), None)
    if exact:
        return exact
    for variant in (*find_pairwise(questionnaire), *find_variants(questionnaire)):
        parts = variant.id.split("-")
        if wanted <= {*parts, *(each for part in parts for each in part.split("+"))}:
            return variant
    raise ValueError(f"no variant is {text}; ids are such as {find_variants(questionnaire)[0].id}")
