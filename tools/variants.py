"""Axes, layers and variants, all read from copier.yml: adding an option there adds it here.

A *layer* is a folder `template/{{name}}` switched by a hidden question of that name. An *axis* is a question with
choices that a layer depends on. A *variant* is one choice for each axis; its id joins the choices, such as `echo-pgx`.
"""

from __future__ import annotations

import itertools
from typing import Any

from jinja2 import Environment, meta
from pydantic import BaseModel, ConfigDict

from tools.questions import Questionnaire, load_questionnaire

SAMPLE_ANSWERS = {
    "project_name": "parcel-desk",
    "module_path": "github.com/acme/parcel-desk",
    "description": "Keeps track of parcels.",
    "owner": "Acme Ltd",
}
"""Answers to the questions without a choice, the same for every variant: one module path lets all share Go's caches."""


class Axis(BaseModel):
    """A question whose answer decides which layers are on."""

    model_config = ConfigDict(frozen=True)

    name: str
    values: tuple[Any, ...]


class Variant(BaseModel):
    """One choice for each axis."""

    model_config = ConfigDict(frozen=True)

    choices: tuple[tuple[str, Any], ...]

    @property
    def id(self) -> str:
        """The choices joined by dashes, such as `fiber-ent`."""
        return "-".join(str(value) for _, value in self.choices)

    @property
    def answers(self) -> dict[str, Any]:
        """Answers that render this variant of the sample project."""
        return {**SAMPLE_ANSWERS, **dict(self.choices)}

    def has(self, axis: str, value: Any) -> bool:
        """Whether this variant answers the axis with the value."""
        return (axis, value) in self.choices


def find_layers(questionnaire: Questionnaire) -> tuple[str, ...]:
    """Return the names of the folders under template/ that hold a layer, such as `core`."""
    template = questionnaire.root / questionnaire.settings["_subdirectory"]
    folders = sorted(path.name for path in template.iterdir() if path.is_dir())
    return tuple(name.removeprefix("{{").removesuffix("}}").strip() for name in folders)


def layers_on(questionnaire: Questionnaire, variant: Variant) -> tuple[str, ...]:
    """Return the layers that a variant is made of, such as `core`, `echo`, `pgx`."""
    layers = find_layers(questionnaire)
    environment = questionnaire.environment()
    answers = {question.name: question.default for question in questionnaire.asked} | variant.answers
    switches = {q.name: environment.from_string(str(q.default)).render(answers) for q in questionnaire.hidden}
    return tuple(layer for layer in layers if switches.get(layer) == ".")


def find_axes(questionnaire: Questionnaire) -> tuple[Axis, ...]:
    """Return the questions with choices that some layer depends on, in the order they are asked."""
    layers = set(find_layers(questionnaire))
    names: set[str] = set()
    for question in questionnaire.hidden:
        if question.name in layers:
            names |= meta.find_undeclared_variables(Environment(autoescape=True).parse(str(question.default)))
    return tuple(Axis(name=q.name, values=q.values) for q in questionnaire.asked if q.name in names and q.values)


def find_variants(questionnaire: Questionnaire | None = None) -> tuple[Variant, ...]:
    """Return every combination of the axes; the first is the default."""
    axes = find_axes(questionnaire or load_questionnaire())
    names = [axis.name for axis in axes]
    return tuple(
        Variant(choices=tuple(zip(names, values, strict=True)))
        for values in itertools.product(*(axis.values for axis in axes))
    )
