"""Properties of folding: exact, short, readable by gofmt, and loud when it cannot be."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Mapping, Sequence

import jinja2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.fold import Axis, FoldError, Space, TemplateFile, fold_file, prove, unfold
from tools.regen import gofmt_parses

NAMES = {"module_path": "github.com/acme/parcel-desk", "project_name": "parcel-desk"}
FRAMEWORK = Axis("framework", ("fiber", "echo"))
ORM = Axis("orm", ("ent", "pgx"))
CACHE = Axis("cache", ("redis", "memory", "tiered", "none"))
TRACING = Axis("tracing", (False, True), member_of="observability")
METRICS = Axis("metrics", (False, True), member_of="observability")
BILLING = Axis("billing", (True, False))
AUTH = Axis("auth", ("jwt", "none"))


def space_of(*axes: Axis) -> Space:
    """The full product of the axes; the core, each choice and each flag are layers, as is what caches share."""
    variants = tuple(itertools.product(*(axis.values for axis in axes)))
    layers = {"core": (1 << len(variants)) - 1}
    for position, axis in enumerate(axes):
        for value in axis.values:
            if value not in (False, "none"):
                name = axis.name if value is True else str(value)
                layers[name] = sum(1 << bit for bit, values in enumerate(variants) if values[position] == value)
    if "tiered" in layers:
        layers["cached"] = layers["redis"] | layers["memory"] | layers["tiered"]
        layers["redis"] |= layers["tiered"]
        layers["memory"] |= layers["tiered"]
    return Space(axes, variants, layers)


COMMON = "".join(f"common{n}\n" for n in range(12))
FOUR = space_of(FRAMEWORK, ORM)
ALL = space_of(FRAMEWORK, ORM, CACHE, AUTH, TRACING, METRICS, BILLING)


def answers_of(space: Space, names: Mapping[str, str] = NAMES) -> list[dict[str, object]]:
    """The answers of each variant, as Copier would hand them to a template."""
    result: list[dict[str, object]] = []
    for values in space.variants:
        answers: dict[str, object] = dict(names)
        for axis, value in zip(space.axes, values, strict=True):
            if axis.member_of is None:
                answers[axis.name] = value
            else:
                members = answers.setdefault(axis.member_of, [])
                assert isinstance(members, list)
                members += [axis.name] if value else []
        result.append(answers)
    for layer, mask in space.layers.items():
        for bit, known in enumerate(result):
            known[layer] = "." if mask >> bit & 1 else ""
    return result


def environment() -> jinja2.Environment:
    """Jinja as copier.yml sets it up."""
    return jinja2.Environment(  # noqa: S701 (Go and YAML, not HTML)
        undefined=jinja2.StrictUndefined,
        line_statement_prefix="//%",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def fold(space: Space, texts: Mapping[int, str], **options: object) -> list[TemplateFile]:
    """Fold and prove it."""
    files = fold_file(space, "file", texts, NAMES, **options)  # type: ignore[arg-type]
    prove(space, files, texts, environment(), answers_of(space))
    return files


def texts_where(space: Space, lines: Sequence[tuple[str, object]]) -> dict[int, str]:
    """The text of each variant, from lines and the condition each stands under (a callable over the answers)."""
    result = {}
    for bit, answers in enumerate(answers_of(space)):
        result[bit] = "".join(line + "\n" for line, holds in lines if holds is True or holds(answers))  # type: ignore[operator]
    return result


def conditions(text: str) -> list[str]:
    """The conditions of a template, in order."""
    return re.findall(r"^//% if (.*)$", text, flags=re.MULTILINE)


# Exactness

BRACES = ["{{", "}}", "{%", "%}", "{#", "#}", "//", "//%", "{{}}", "//%if"]
SAMPLE = ["github.com/acme/parcel-desk", "parcel-desk", "/ent", "-x"]
PIECES = st.sampled_from([*"ab{} \t\r\"\\'é\u2028", "//% if x", "\\n", "{{ module_path }}", *BRACES, *SAMPLE])
LINES = st.lists(st.lists(PIECES, max_size=4).map("".join), max_size=8)
TEXTS = st.builds(lambda lines, end: "\n".join(lines) + end, LINES, st.sampled_from(["", "\n", "\n\n"]))


@settings(max_examples=400, deadline=None)
@given(texts=st.tuples(TEXTS, TEXTS, TEXTS, TEXTS))
def test_any_four_texts_unfold_exactly(texts: tuple[str, ...]) -> None:
    """Text that Jinja would read, odd line ends and names included."""
    fold(FOUR, dict(enumerate(texts)))


@settings(max_examples=400, deadline=None)
@given(lines=st.lists(st.tuples(st.sampled_from(["", "a", "b", "}", "x {", "{{1}}"]), st.integers(1, 15)), max_size=14))
def test_any_lines_under_any_sets_of_variants_unfold_exactly(lines: list[tuple[str, int]]) -> None:
    """Repeated and blank lines, which align in more than one way, included."""
    fold(FOUR, {bit: "".join(f"{line}\n" for line, members in lines if members >> bit & 1) for bit in range(4)})


def test_a_file_of_no_text_and_a_file_without_a_last_newline_are_kept() -> None:
    """Both are bytes like any other."""
    assert fold(FOUR, dict.fromkeys(range(4), ""))[0].text == ""
    assert fold(FOUR, dict.fromkeys(range(4), "a"))[0].text == "a"


def test_a_render_that_differs_is_refused() -> None:
    """The proof can fail."""
    files = [TemplateFile("core", "file", "b\n", is_template=False)]
    with pytest.raises(FoldError, match="does not unfold"):
        prove(FOUR, files, dict.fromkeys(range(4), "a\n"), environment(), answers_of(FOUR))


def test_a_file_where_none_was_generated_is_refused() -> None:
    """The proof looks at the variants without the file as well."""
    files = [TemplateFile("core", "file", "a\n", is_template=False)]
    with pytest.raises(FoldError, match="does not unfold"):
        prove(FOUR, files, {0: "a\n"}, environment(), answers_of(FOUR))


# Where a text belongs


def test_one_text_in_every_variant_is_a_plain_file_of_the_core() -> None:
    """Without a suffix Copier copies it: nothing to escape."""
    (file,) = fold(FOUR, dict.fromkeys(range(4), "{{1}} {% //%\n"))
    assert (file.source, file.text) == ("{{core}}/file", "{{1}} {% //%\n")


def test_one_text_in_the_variants_of_a_layer_is_a_plain_file_of_that_layer() -> None:
    """The layer's folder shows all that the option adds."""
    (file,) = fold(FOUR, {0: "a\n", 2: "a\n"})
    assert file.source == "{{ent}}/file"


def test_texts_that_share_little_are_one_plain_file_per_layer() -> None:
    """Two plain files read better than one template of alternatives."""
    fiber, echo = "package x\nfiber\nf\n", "package x\necho\ne\n"
    files = fold(FOUR, {0: fiber, 1: fiber, 2: echo, 3: echo})
    assert [(file.source, file.text) for file in files] == [("{{fiber}}/file", fiber), ("{{echo}}/file", echo)]


def test_what_else_differs_is_folded_within_the_layers_of_the_axis_that_differs_most() -> None:
    """The server code of a framework may still depend on other answers."""
    rest = "c1\nc2\nc3\nc4\n"
    texts = {}
    for bit, (framework, orm) in enumerate(FOUR.variants):
        texts[bit] = "".join(f"{framework}{n}\n" for n in range(4)) + rest + (f"{orm}\n" if orm == "ent" else "")
    files = fold(FOUR, texts)
    assert [file.source for file in files] == ["{{fiber}}/file.jinja", "{{echo}}/file.jinja"]
    assert [conditions(file.text) for file in files] == [["ent"]] * 2


def test_texts_that_share_much_are_one_template() -> None:
    """A difference of a line is a condition."""
    fiber, echo = "a\nb\nc\nd\nfiber\n", "a\nb\nc\nd\necho\n"
    (file,) = fold(FOUR, {0: fiber, 1: fiber, 2: echo, 3: echo})
    assert file.source == "{{core}}/file.jinja"
    assert file.text == "a\nb\nc\nd\n//% if fiber\nfiber\n//% else\necho\n//% endif\n"


def test_a_template_of_a_layer_does_not_repeat_the_condition_of_the_layer() -> None:
    """Inside {{ent}} nothing needs to ask for Ent."""
    (file,) = fold(FOUR, {0: "a\nb\nfiber\n", 2: "a\nb\n"})
    assert file.source == "{{ent}}/file.jinja"
    assert conditions(file.text) == ["fiber"]


def test_a_set_of_variants_without_a_layer_is_refused_by_its_condition() -> None:
    """A file cannot be conditional, only its layer can."""
    with pytest.raises(FoldError, match="exists when fiber and ent"):
        fold(FOUR, {0: "a\n"})


# Names


def test_names_become_answers_and_longer_paths_stay() -> None:
    """A value that is part of a longer name or path is something else."""
    text = (
        'import "github.com/acme/parcel-desk/ent"\n'
        '"github.com/acme/parcel-desk"\n'
        "https://github.com/acme/parcel-desk.\n"
        "proxy.example/github.com/acme/parcel-desk/@v\n"
        "image: registry/parcel-desk:1\n"
        "github.com/acme/parcel-desk-tools github.com/acme/parcel-desk2 github.com/acme/parcel-desk.io\n"
        "xgithub.com/acme/parcel-desks parcel-desks my-parcel-desk\n"
    )
    (file,) = fold(FOUR, dict.fromkeys(range(4), text))
    assert file.is_template
    kept = text.splitlines(keepends=True)[5:]
    assert file.text == (
        'import "{{ module_path }}/ent"\n'
        '"{{ module_path }}"\n'
        "https://{{ module_path }}.\n"
        "proxy.example/github.com/acme/{{ project_name }}/@v\n"
        "image: registry/{{ project_name }}:1\n" + "".join(kept)
    )


def test_a_fold_renders_other_names_in_their_place() -> None:
    """The names of the sample must not survive."""
    text = 'package x\n\nimport "github.com/acme/parcel-desk/ent"\n\nvar x = []y{{parcel-desk}}\n'
    (file,) = fold(FOUR, dict.fromkeys(range(4), text))
    other = {"module_path": "a.io/b", "project_name": "c"}
    rendered = unfold(file, environment(), answers_of(FOUR, other))[0]
    assert rendered == 'package x\n\nimport "a.io/b/ent"\n\nvar x = []y{{c}}\n'


def test_a_brace_before_a_name_stays_a_brace() -> None:
    """Three braces in a row would be read as two and one."""
    (file,) = fold(FOUR, dict.fromkeys(range(4), "x{parcel-desk}\n"))
    assert file.text == '//% print "x{" ~ project_name ~ "}\\n"\n'


# Conditions


@pytest.mark.parametrize(
    ("holds", "expected"),
    [
        (lambda a: a["framework"] == "fiber" and a["orm"] == "pgx", "fiber and pgx"),
        (lambda a: a["cache"] in ("redis", "tiered"), "redis"),
        (lambda a: a["cache"] == "redis", "redis and not memory"),
        (lambda a: a["cache"] == "tiered", "tiered"),
        (lambda a: a["cache"] != "none", "cached"),
        (lambda a: a["cache"] == "none", "not cached"),
        (lambda a: a["cache"] in ("memory", "none"), "not redis"),
        (lambda a: a["cache"] == "none" and a["auth"] == "jwt", "jwt and not cached"),
        (lambda a: a["auth"] == "none", "not jwt"),
        (lambda a: "tracing" in a["observability"], "tracing"),
        (lambda a: "tracing" not in a["observability"], "not tracing"),
        (lambda a: a["billing"], "billing"),
        (lambda a: not a["billing"], "not billing"),
        (
            lambda a: a["cache"] in ("redis", "tiered") or a["observability"],
            "redis or tracing or metrics",
        ),
        (
            lambda a: a["auth"] == "jwt" and a["billing"] and a["orm"] == "ent",
            "ent and jwt and billing",
        ),
    ],
)
def test_a_condition_is_what_a_person_would_write(holds: object, expected: str) -> None:
    """Maintainers read these conditions in reviews."""
    members = sum(1 << bit for bit, answers in enumerate(answers_of(ALL)) if holds(answers))  # type: ignore[operator]
    assert ALL.condition(members) == expected


def test_answers_are_compared_only_where_no_layers_tell_them_apart() -> None:
    """One way to write a condition."""
    space = space_of(FRAMEWORK, CACHE)
    few = Space(space.axes, space.variants, {"core": space.everything, "fiber": space.layers["fiber"]})
    members = space.layers["fiber"] & space.layers["tiered"]
    assert few.condition(members) == 'fiber and cache == "tiered"'
    assert few.condition(space.everything & ~space.layers["cached"]) == 'cache == "none"'


@settings(max_examples=60, deadline=None)
@given(members=st.integers(1, 2**16 - 1), within=st.integers(1, 2**16 - 1))
def test_a_condition_holds_in_exactly_its_set(members: int, within: int) -> None:
    """Also when only some variants count."""
    space = space_of(FRAMEWORK, CACHE, TRACING)
    members &= within
    if not members:
        return
    test = environment().compile_expression(space.condition(members, within))
    for bit, answers in enumerate(answers_of(space)):
        if within >> bit & 1:
            assert bool(test(**answers)) == bool(members >> bit & 1)


def test_a_long_condition_is_refused_with_its_lines() -> None:
    """Such lines depend on answers in a way nobody designed."""
    space = space_of(FRAMEWORK, ORM, CACHE, AUTH)
    odd = {bit: "a\nb\n" + ("parity\n" if bit.bit_count() % 2 else "") for bit in range(len(space.variants))}
    with pytest.raises(FoldError, match=r"finding about the design(.|\n)*parity"):
        fold(space, odd)


# Alignment

GO_MOD = [
    ("module github.com/acme/parcel-desk", True),
    ("", True),
    ("// Direct dependencies managed by the template.", True),
    ("require (", True),
    ("\tentgo.io/ent v1", lambda a: a["orm"] == "ent"),
    ("\tgithub.com/gofiber/fiber v3", lambda a: a["framework"] == "fiber"),
    ("\tgithub.com/google/uuid v1", True),
    ("\tgithub.com/labstack/echo v5", lambda a: a["framework"] == "echo"),
    ("\tgithub.com/redis/go-redis v9", lambda a: a["cache"] in ("redis", "tiered")),
    ("\tgo.opentelemetry.io/otel v1", lambda a: "tracing" in a["observability"]),
    (")", True),
    ("", True),
    ("// Indirect dependencies managed by the template.", True),
    ("require (", True),
    ("\tariga.io/atlas v0 // indirect", lambda a: a["orm"] == "ent"),
    ("\tgithub.com/valyala/fasthttp v1 // indirect", lambda a: a["framework"] == "fiber"),
    (
        "\tgo.opentelemetry.io/otel v1 // indirect",
        lambda a: "tracing" not in a["observability"] and a["cache"] in ("redis", "tiered"),
    ),
    (")", True),
]


def test_each_line_of_go_mod_gets_the_condition_it_was_made_with() -> None:
    """Also the module that is direct in some variants and indirect in others."""
    space = space_of(FRAMEWORK, ORM, CACHE, TRACING)
    (file,) = fold(space, texts_where(space, GO_MOD))
    assert conditions(file.text) == [
        "ent",
        "fiber",
        "echo",
        "redis",
        "tracing",
        "ent",
        "fiber",
        "redis and not tracing",
    ]
    assert file.text.count("require (") == 2


def test_a_repeated_block_is_taken_whole_not_from_its_middle() -> None:
    """Error handling repeats, so alignment alone may start a run at its closing brace."""
    block = "\t{0}, err := new{0}()\n\tif err != nil {{\n\t\treturn err\n\t}}\n"
    fiber = "func f() error {\n" + block.format("a") + block.format("b") + block.format("c") + "\treturn nil\n}\n"
    echo = "func f() error {\n" + block.format("a") + block.format("c") + "\treturn nil\n}\n"
    fiber, echo = COMMON + fiber, COMMON + echo
    (file,) = fold(FOUR, {0: fiber, 1: fiber, 2: echo, 3: echo})
    assert "//% if fiber\n" + block.format("b") + "//% endif\n" in file.text


@pytest.mark.parametrize(
    ("fiber", "echo"),
    [("said\n\nfiber\n", "\nsaid\necho\n"), ("said\nsaid\n}\n}\n}\nfiber\n", "}\n}\n}\nsaid\nsaid\necho\n")],
)
def test_lines_that_say_something_align_before_braces_and_blanks(fiber: str, echo: str) -> None:
    """Else what is common stands twice, each time under a condition."""
    texts = {0: COMMON + fiber, 1: COMMON + fiber, 2: COMMON + echo, 3: COMMON + echo}
    (file,) = fold(FOUR, texts)
    assert file.text.count("said\n") == fiber.count("said\n")


def test_a_block_that_begins_like_its_successor_is_taken_from_its_beginning() -> None:
    """The first line they share could be taken for the other's."""
    first, second = "\tif ok {\n\t\ta()\n\t}\n", "\tif ok {\n\t\tb()\n\t}\n"
    fiber, echo = COMMON + first + second, COMMON + second
    (file,) = fold(FOUR, {0: fiber, 1: fiber, 2: echo, 3: echo})
    assert file.text == f"{COMMON}//% if fiber\n{first}//% endif\n{second}"


def test_a_blank_line_after_a_block_survives() -> None:
    """Jinja swallows blank lines after a line statement."""
    fiber, echo = COMMON + "a\nfiber\n\nz\n", COMMON + "a\necho\n\nz\n"
    (file,) = fold(FOUR, {0: fiber, 1: fiber, 2: echo, 3: echo})
    assert file.text == COMMON + "a\n//% if fiber\nfiber\n\n//% else\necho\n\n//% endif\nz\n"


def test_256_variants_fold_in_seconds() -> None:
    """All options of the design at once."""
    extra = [(f"\tgithub.com/some/module{n} v1.{n}.0", True) for n in range(150)]
    texts = texts_where(ALL, GO_MOD[:4] + extra + GO_MOD[4:])
    start = time.process_time()
    (file,) = fold(ALL, texts)
    assert time.process_time() - start < 20
    assert len(conditions(file.text)) == 8


# Go

WIRE = """// Code generated by Wire. DO NOT EDIT.

package main

import (
	"context"

	"{import}"

	"github.com/acme/parcel-desk/internal/user"
)

// newService builds the service.
func newService(ctx context.Context) (*{type}.App, error) {{
	store := user.New([]user.Option{options})
	app, err := {type}.New(store)
	if err != nil {{
		return nil, err
	}}
	return app, nil
}}
"""


def test_a_go_template_with_another_signature_per_variant_parses() -> None:
    """Two opening lines and one closing brace are no Go: the declaration is repeated."""
    signature = WIRE.replace("func newService", "func {type}Service").replace("[]user.Option{options}", "")
    texts = {}
    for bit, (framework, orm) in enumerate(FOUR.variants):
        texts[bit] = signature.format(**{"import": f"example.com/{framework}", "type": framework}) + (
            f"\nfunc {orm}() {{\n\tcommon()\n}}\n"
        )
    (file,) = fold(FOUR, texts, parses=gofmt_parses)
    assert gofmt_parses(file.text)
    assert '"{{ module_path }}/internal/user"' in file.text


def test_a_line_that_jinja_would_read_is_printed_and_the_go_template_parses() -> None:
    """To gofmt the line is a comment."""
    text = WIRE.format(**{"import": "example.com/x", "type": "x", "options": '{{parcel-desk: "a"}}'})
    (file,) = fold(FOUR, dict.fromkeys(range(4), text), parses=gofmt_parses)
    assert '//% print "\\tstore := user.New([]user.Option{{" ~ project_name ~ ": \\"a\\"}})\\n"\n' in file.text
    assert gofmt_parses(file.text)


def test_go_that_cannot_be_escaped_is_refused() -> None:
    """A printed line that opens a block leaves its end alone."""
    text = 'package x\n\nimport "github.com/acme/parcel-desk/y"\n\nvar x = [][]y.T{{\n\t1,\n}}\n'
    with pytest.raises(FoldError, match="does not parse"):
        fold(FOUR, dict.fromkeys(range(4), text), parses=gofmt_parses)
