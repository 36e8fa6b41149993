"""Axes, layers and variants follow from the questions and the folders, on a small template with all kinds of them."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from tests.small import make_template
from tools.questions import Questionnaire, load_questionnaire
from tools.render import render, take_snapshot
from tools.variants import (
    SAMPLE_ANSWERS,
    Variant,
    choose_variant,
    factors_of,
    find_axes,
    find_covering,
    find_neighbours,
    find_pairwise,
    find_variants,
    layers_on,
)

ALL = "core fiber echo ent pgx cached redis memory tiered jwt ent_jwt tracing metrics billed"


@pytest.fixture
def small(tmp_path: Path) -> Questionnaire:
    """All layers of the small template."""
    return load_questionnaire(make_template(tmp_path / "repository", ALL))


def test_every_subset_of_a_multiselect_question_is_an_answer(small: Questionnaire) -> None:
    """The default first."""
    axes = {axis.name: axis.values for axis in find_axes(small)}
    assert axes["observability"] == (("tracing", "metrics"), ("tracing",), ("metrics",), ())
    assert list(axes) == ["framework", "orm", "cache", "auth", "observability", "billing"]


def test_yes_and_no_are_answers_too(small: Questionnaire) -> None:
    """The default first, as with any other."""
    axes = {axis.name: axis.values for axis in find_axes(small)}
    assert axes["billing"] == (True, False)
    default = find_variants(small)[0]
    assert default.answers["billing"] is True
    assert factors_of(small, default)["billing"] is True
    assert "billed" in layers_on(small, default)


@pytest.mark.parametrize("answer", ["maybe", "true", 1, None, [True]])
def test_an_answer_other_than_yes_and_no_is_one_problem(answer: object, small: Questionnaire) -> None:
    """It says what to write."""
    assert small.problems({**SAMPLE_ANSWERS, "billing": answer}) == ["billing: Use true or false."]


def test_an_id_names_what_was_chosen_and_what_was_not(small: Questionnaire) -> None:
    """Unique, and fit for a folder."""
    ids = [variant.id for variant in find_variants(small)]
    assert ids[0] == "fiber-ent-redis-jwt-tracing+metrics-billing"
    assert ids[-1] == "echo-pgx-nocache-noauth-noobservability-nobilling"
    assert len(set(ids)) == len(ids) == 256


def test_a_question_that_no_layer_depends_on_is_no_axis(tmp_path: Path) -> None:
    """Half of the template is there: layers that have no folder yet count for nothing."""
    some = load_questionnaire(make_template(tmp_path, "core fiber echo"))
    assert [axis.name for axis in find_axes(some)] == ["framework"]


def test_a_layer_of_several_questions_makes_axes_of_all(tmp_path: Path) -> None:
    """Also where its switch asks other switches."""
    some = load_questionnaire(make_template(tmp_path, "core ent_jwt"))
    assert [axis.name for axis in find_axes(some)] == ["orm", "auth"]


def test_the_layers_that_are_on_are_those_that_copier_renders(small: Questionnaire, tmp_path: Path) -> None:
    """Each layer has a file of its name."""
    template = take_snapshot(tmp_path / "snapshot", source=small.root)
    for number, variant in enumerate(find_variants(small)[::7]):
        render(template, tmp_path / str(number), variant.answers)
        rendered = {path.stem for path in (tmp_path / str(number)).glob("*.txt")}
        assert set(layers_on(small, variant)) == rendered


def test_a_variant_tells_what_it_has(small: Questionnaire) -> None:
    """A choice of several is had as well as the whole answer."""
    variant = next(each for each in find_variants(small) if each.id == "echo-ent-tiered-noauth-metrics-nobilling")
    assert variant.has("cache", "tiered")
    assert variant.has("observability", "metrics")
    assert not variant.has("observability", "tracing")
    assert variant.has("observability", ("metrics",))
    assert variant.matches({"framework": "echo", "auth": "none", "licence": "BSD"})
    assert variant.has("billing", False)  # noqa: FBT003
    assert not variant.matches({"framework": "echo", "auth": "jwt"})
    assert not variant.matches({"billing": True})


@pytest.mark.parametrize(
    "answer", ["tracing", None, {"tracing": True}, ["tracing", "logs"], ["metrics", "metrics"], [[]]]
)
def test_a_wrong_choice_of_several_is_one_problem(answer: object, small: Questionnaire) -> None:
    """It says what to write."""
    (problem,) = small.problems({**SAMPLE_ANSWERS, "observability": answer})
    assert problem.startswith("observability: Write a list of any of tracing, metrics")


@pytest.mark.parametrize("answer", [[], ["metrics"], ["metrics", "tracing"]])
def test_any_order_of_a_choice_of_several_will_do(answer: object, small: Questionnaire) -> None:
    """Nobody has to know the order of the choices."""
    assert small.problems({**SAMPLE_ANSWERS, "observability": answer}) == []


def test_any_two_choices_meet_in_the_pairwise_set(small: Questionnaire) -> None:
    """In as few variants as the two largest questions need, the default first, and the same each time."""
    chosen = find_pairwise(small)

    def pairs(variants: tuple[Variant, ...]) -> set[object]:
        return {pair for v in variants for pair in itertools.combinations(factors_of(small, v).items(), 2)}

    assert pairs(chosen) == pairs(find_variants(small))
    assert len(chosen) == 8
    assert chosen[0] == find_variants(small)[0]
    assert chosen == find_pairwise(small)


def test_the_covering_set_has_every_deviation_from_the_default(small: Questionnaire) -> None:
    """And all of the pairwise set."""
    covering = find_covering(small)
    default = find_variants(small)[0]
    near = [variant for variant in find_variants(small) if len(set(variant.choices) - set(default.choices)) == 1]
    assert set(find_neighbours(default, small)) == set(near)
    assert {default, *near, *find_pairwise(small)} == set(covering)
    assert len(near) == 10


@pytest.mark.parametrize("text", ["fiber", "echo-pgx", "pgx-echo", "tiered-noauth", "ent-nocache-jwt", "nobilling"])
def test_a_variant_is_chosen_by_what_it_has(text: str, small: Questionnaire) -> None:
    """Ids change when there is a new question; what a test needs does not."""
    parts = choose_variant(text, small).id.replace("+", "-").split("-")
    assert set(text.split("-")) <= set(parts)


def test_the_default_is_chosen_before_others_and_rare_ones_are_found(small: Questionnaire) -> None:
    """The pairwise set comes first, because its variants are built anyway."""
    assert choose_variant("fiber-ent", small) == find_variants(small)[0]
    rare = "fiber-pgx-redis-jwt-noobservability-nobilling"
    assert choose_variant(rare, small).id == rare
    assert [choose_variant(variant.id, small) for variant in find_variants(small)] == list(find_variants(small))
    with pytest.raises(ValueError, match="no variant is fiber-gorm; ids are such as fiber-ent-redis"):
        choose_variant("fiber-gorm", small)
