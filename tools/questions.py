"""The questions of copier.yml as data, and answers checked against all of them at once.

Copier stops at the first bad answer and ignores unknown names. Here every problem is found before anything is
written. The rules themselves live in one place, the validators of `questions/*.yml`, and are rendered as Copier does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from jinja2 import FileSystemLoader, StrictUndefined, Template
from jinja2.sandbox import SandboxedEnvironment
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    ValidationError,
    create_model,
)
from pydantic_core import ErrorDetails

ROOT = Path(__file__).resolve().parent.parent
"""The template repository that these tools are part of."""


class Question(BaseModel):
    """One entry of `questions/*.yml`; unknown keys are refused so that a typing error cannot pass unseen."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    theme: str = ""
    """The name of the file it stands in, without .yml."""
    type: Literal["str", "int", "bool", "yaml"]
    help: str = ""
    default: Any = None
    choices: dict[str, Any] | list[Any] | None = None
    multiselect: bool = False
    when: bool | str = True
    placeholder: str = ""
    validator: str = ""

    @property
    def hidden(self) -> bool:
        """Whether the answer is computed instead of asked."""
        return self.when is False

    @property
    def required(self) -> bool:
        """Whether a person has to answer because there is no default."""
        return self.default is None

    @property
    def values(self) -> tuple[Any, ...]:
        """The choices; empty for free text. The answer is one of them or, of a multiselect question, any of them."""
        if self.type == "bool":
            return (True, False)
        if self.choices is None:
            return ()
        return tuple(self.choices.values() if isinstance(self.choices, dict) else self.choices)


class Questionnaire(BaseModel):
    """copier.yml with its includes: settings (names with an underscore) and questions, in the order they are asked."""

    model_config = ConfigDict(frozen=True)

    root: Path
    settings: dict[str, Any]
    questions: tuple[Question, ...]

    @property
    def asked(self) -> tuple[Question, ...]:
        """The questions a person answers."""
        return tuple(question for question in self.questions if not question.hidden)

    @property
    def hidden(self) -> tuple[Question, ...]:
        """The questions that are computed from others."""
        return tuple(question for question in self.questions if question.hidden)

    @cached_property
    def computed_defaults(self) -> Mapping[str, Template]:
        """The defaults that are templates, compiled once: many answers are evaluated, and compiling is all it takes."""
        environment = self.environment()
        texts = {question.name: question.default for question in self.questions}
        return {name: environment.from_string(text) for name, text in texts.items() if isinstance(text, str)}

    def environment(self) -> SandboxedEnvironment:
        """Build a Jinja environment with the loader, filters and options that Copier gives the template."""
        options = {key: value for key, value in self.settings["_envops"].items() if key != "undefined"}
        return SandboxedEnvironment(
            loader=FileSystemLoader(self.root),
            extensions=["jinja2_ansible_filters.AnsibleCoreFiltersExtension"],
            undefined=StrictUndefined,
            keep_trailing_newline=True,
            **options,
        )

    def problems(self, answers: Mapping[str, Any]) -> list[str]:
        """Return one line for each wrong, unknown or missing answer, each beginning with the question's name."""
        try:
            answers_model(self).model_validate(dict(answers))
        except ValidationError as error:
            known = ", ".join(question.name for question in self.asked)
            return [_line(detail, known) for detail in error.errors()]
        return []


def load_questionnaire(root: Path = ROOT) -> Questionnaire:
    """Read copier.yml and the files it includes.

    Raises:
        ValidationError: A question has a key or type that these tools do not know.
    """
    merged: dict[str, Any] = {}
    for document in _documents(root / "copier.yml"):
        merged.update(document)
    return Questionnaire(
        root=root,
        settings={name: value for name, value in merged.items() if name.startswith("_")},
        questions=tuple(Question(name=name, **value) for name, value in merged.items() if not name.startswith("_")),
    )


def answers_model(questionnaire: Questionnaire) -> type[BaseModel]:
    """Build a pydantic model with a field for every asked question."""
    environment = questionnaire.environment()
    fields: dict[str, Any] = {}
    for question in questionnaire.asked:
        annotation = _annotation(question, environment)
        fields[question.name] = (annotation, ... if question.required else Field(default=question.default))
    return create_model("Answers", __config__=ConfigDict(extra="forbid"), **fields)


def _annotation(question: Question, environment: SandboxedEnvironment) -> Any:
    if question.multiselect:
        return Annotated[Any, AfterValidator(partial(_choose_any, question))]
    if question.type == "bool":
        return StrictBool
    if question.values:
        return Literal[question.values]
    if question.type != "str":
        return {"int": int, "yaml": Any}[question.type]

    def obey(value: str) -> str:
        if problem := environment.from_string(question.validator).render({question.name: value}).strip():
            raise ValueError(problem)
        return value

    return Annotated[str, BeforeValidator(_text_of_number), AfterValidator(obey)]


def _choose_any(question: Question, value: Any) -> list[Any]:
    """Return the chosen in the order of the choices, as Copier does: the same subset renders the same bytes."""
    chosen = value if isinstance(value, list) else [None]
    if any(chosen.count(each) > 1 or each not in question.values for each in chosen):
        choices = ", ".join(map(str, question.values))
        raise ValueError(f"Write a list of any of {choices}, each once, such as [{choices}]; [] chooses none.")
    return [each for each in question.values if each in chosen]


def _text_of_number(value: Any) -> Any:
    """Take `port: 8080` for text, as Copier does; a YAML boolean stays what it is and is refused."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _line(detail: ErrorDetails, known: str) -> str:
    name = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "extra_forbidden":
        return f"{name if name.isidentifier() else repr(name)}: there is no such question; the questions are {known}."
    messages = {
        "missing": "This answer is required; it has no default.",
        "literal_error": f"Use one of {detail.get('ctx', {}).get('expected', '')}.",
        "bool_type": "Use true or false.",
        "string_type": "Use one line of text; put it in quotes when YAML would read something else.",
    }
    return f"{name}: " + messages.get(detail["type"], detail["msg"].removeprefix("Value error, "))


def _documents(path: Path) -> Iterator[dict[str, Any]]:
    class Loader(yaml.SafeLoader):
        """A loader of its own, so that `!include` does not reach other users of PyYAML."""

    def include(loader: Loader, node: yaml.ScalarNode) -> dict[str, Any]:
        file = path.parent / loader.construct_scalar(node)
        merged: dict[str, Any] = {}
        for document in _documents(file):
            merged.update(document)
        return {
            name: value if name.startswith("_") else {"theme": file.stem, **value} for name, value in merged.items()
        }

    Loader.add_constructor("!include", include)
    yield from filter(None, yaml.load_all(path.read_text("utf-8"), Loader=Loader))
