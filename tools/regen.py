"""Make the generated files of the template anew: `make regen`, or `python -m tools.regen --check` to change nothing.

Every variant is rendered into a folder of its own and its real generators run there, from a state in which no generated
file exists: first the project's `make generate`, then `go mod tidy`. What they write is folded into `template/`
(tools/fold.py), after proof that each variant unfolds to exactly what its generators wrote.

`tools/versions/go.mod` pins every module of every variant, so that all variants choose the same versions; `tools.yml`
beside it pins the tools. To move or add a version edit them, then `make regen`, which keeps go.mod to the modules that
some variant needs: what is missing is pinned at the version `go mod tidy` chose, what nothing needs is dropped.
"""

from __future__ import annotations

import argparse
import fnmatch
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
import yaml
from filelock import FileLock
from pydantic import BaseModel, ConfigDict

from tools import fold
from tools.questions import ROOT, Questionnaire, load_questionnaire
from tools.render import fast_copier, read_tree, render, take_snapshot
from tools.toolchain import ToolchainError, cache_folder, go_environment
from tools.variants import SAMPLE_ANSWERS, Variant, find_axes, find_layers, find_variants

VERSIONS = Path("tools/versions")
LOCKS = ("go.mod", "go.sum")
MODFILES = ("tools.mod", "lint.mod")
GENERATED = (
    *LOCKS,
    *(name for modfile in MODFILES for name in (modfile, modfile.replace(".mod", ".sum"))),
    "api/openapi/openapi.yaml",
    "api/openapi/docs.html",
    "*.gen.go",
    "*/wire_gen.go",
    "*/mocks_test.go",
    "ent/*",
)
"""Patterns of the paths that generators write; a star crosses folders."""
WRITTEN = ("ent/schema/*",)
"""Patterns of the paths that people write although they match GENERATED."""

NAMES = ("module_path", "project_name")
"""Answers that a generated file may contain."""
FREE_TEXT = ("description", "owner")
"""Answers that no generated file may contain: generators quote and wrap text by what it holds."""

DIRECT = "// Direct dependencies managed by the template."
INDIRECT = "// Indirect dependencies managed by the template."
MODFILE_HEADER = """\
// Tools stand apart from go.mod, so that they never choose a version for the service.
// To move one: go get -modfile={modfile} -tool PACKAGE@VERSION
module {module}/{name}

go {go}
"""


VERSIONS_HEADER = """\
// Every module of every variant at its one version. To move or add one, edit it here and run make regen.
"""


class RegenError(Exception):
    """A generator failed or wrote something the template cannot hold; the message says what to do."""


class Tool(BaseModel):
    """A pinned tool of tools.yml; `when` maps questions to the answer that a variant needs to get it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    package: str
    version: str
    when: dict[str, Any] = {}

    def serves(self, variant: Variant) -> bool:
        """Whether the variant has this tool."""
        return all(variant.has(axis, value) for axis, value in self.when.items())


class Module(BaseModel):
    """A requirement of a go.mod."""

    model_config = ConfigDict(frozen=True)

    path: str
    version: str
    indirect: bool = False

    def __str__(self) -> str:
        """The line of go.mod."""
        return f"{self.path} {self.version}" + (" // indirect" if self.indirect else "")


def is_generated(path: str) -> bool:
    """Whether a path of a rendered project is written by a generator."""
    return _matches(path, GENERATED) and not _matches(path, WRITTEN)


def _matches(path: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns)


# Generating ----------------------------------------------------------------------------------------------------------


def go_mod(module: str, go: str, requirements: Sequence[Module]) -> str:
    """Return a go.mod with one commented block of direct and one of indirect requirements.

    The go command leaves commented blocks alone and puts what a user adds elsewhere, so that an update merges cleanly.
    """
    text = f"module {module}\n\ngo {go}\n"
    for title, indirect in ((DIRECT, False), (INDIRECT, True)):
        lines = [f"\t{requirement}\n" for requirement in requirements if requirement.indirect is indirect]
        if lines:
            text += f"\n{title}\nrequire (\n{''.join(lines)})\n"
    return text


def read_go_mod(folder: Path) -> tuple[str, tuple[Module, ...]]:
    """Return the go version and the requirements of folder/go.mod."""
    data = json.loads(run(folder, "go", "mod", "edit", "-json"))
    modules = (
        Module(path=entry["Path"], version=entry["Version"], indirect=entry.get("Indirect", False))
        for entry in data.get("Require") or ()
    )
    return data["Go"], tuple(sorted(modules, key=lambda module: module.path))


def merge_pins(pins: Iterable[Module], variants: Iterable[Iterable[Module]]) -> tuple[Module, ...]:
    """Return the pins that the modules of all variants make; raise RegenError where they cannot agree.

    A variant that chose another version than the pin did so because one of its modules asks for more.
    """
    versions = {pin.path: pin.version for pin in pins}
    used: dict[str, Module] = {}
    for modules in variants:
        for module in modules:
            wanted = versions.setdefault(module.path, module.version)
            if module.version != wanted:
                raise RegenError(f"{VERSIONS}/go.mod pins {module.path} {wanted}, a variant needs {module.version}")
            used[module.path] = module.model_copy(update={"indirect": True})
    return tuple(used[path] for path in sorted(used))


def make_modfile(modfile: str, packages: Sequence[str], module: str, go: str) -> dict[str, str]:
    """Resolve tools (`package@version`) with the go command; return the texts of the modfile and of its checksums."""
    name = modfile.removesuffix(".mod")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "go.mod").write_text(f"module {module}\n\ngo {go}\n")
        (folder / modfile).write_text(MODFILE_HEADER.format(modfile=modfile, module=module, name=name, go=go))
        run(folder, "go", "get", f"-modfile={modfile}", "-tool", *packages)
        return {file: (folder / file).read_text() for file in (modfile, f"{name}.sum")}


def generate(folder: Path, versions: Path, modfiles: Mapping[str, str]) -> dict[str, str]:
    """Run the generators of a rendered project that has no generated file, and return what they wrote.

    Raises RegenError when one fails, or when go.mod would not stay as it is.
    """
    module = str(SAMPLE_ANSWERS["module_path"])
    go, pins = read_go_mod(versions)
    (folder / "go.mod").write_text(go_mod(module, go, pins))
    shutil.copy(versions / "go.sum", folder / "go.sum")
    # Add what the written code needs beyond the pins; what only the generated code needs must not go yet.
    run(folder, "go", "mod", "tidy", "-e")
    _, found = read_go_mod(folder)
    everything = {pin.path: pin for pin in (*found, *pins)}
    (folder / "go.mod").write_text(go_mod(module, go, sorted(everything.values(), key=str)))
    (folder / "go.sum").write_text(merge_sums([(versions / "go.sum").read_text(), (folder / "go.sum").read_text()]))
    for name, text in modfiles.items():
        (folder / name).write_text(text)
    run(folder, "make", "--no-print-directory", "generate")
    run(folder, "go", "mod", "tidy")
    chosen, requirements = read_go_mod(folder)
    if chosen != go:
        raise RegenError(f"a module needs go {chosen}: raise the go line of {VERSIONS}/go.mod, now {go}")
    (folder / "go.mod").write_text(go_mod(module, go, requirements))
    run(folder, "go", "mod", "tidy", "-diff")
    outputs = {path: data for path, (data, _) in read_tree(folder).items() if is_generated(path)}
    return {path: data.decode() for path, data in outputs.items()}


def merge_sums(texts: Iterable[str]) -> str:
    """Return one go.sum with the lines of all."""
    return "".join(sorted({line for text in texts for line in text.splitlines(keepends=True)}))


def run(folder: Path, *command: str) -> str:
    """Run a command and return its standard output; raise RegenError with all it printed when it fails."""
    done = subprocess.run(command, cwd=folder, env=go_environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RegenError(f"{' '.join(command)} failed in {folder}:\n{done.stdout}{done.stderr}".rstrip())
    return done.stdout


class Workshop:
    """The folders in which variants are generated.

    They stay between runs, with a record of inputs and outputs: a variant whose inputs did not change is not generated
    again. Go's own caches make the rest fast. One process at a time may use a workshop.
    """

    def __init__(self, root: Path, folder: Path) -> None:
        """Take a snapshot of the template of the repository `root`, and work in `folder`."""
        self._root = root
        self._folder = folder
        self._modfiles: dict[tuple[str, ...], dict[str, str]] = {}
        folder.mkdir(parents=True, exist_ok=True)
        snapshot = folder / "template"
        shutil.rmtree(snapshot, ignore_errors=True)
        self._template = take_snapshot(snapshot, source=root)
        self._tools = {
            modfile: [Tool(**tool) for tool in tools]
            for modfile, tools in yaml.safe_load((root / VERSIONS / "tools.yml").read_text()).items()
        }

    def make(self, variant: Variant) -> dict[str, str]:
        """Return the generated files of a variant."""
        inputs = self._render(variant)
        modfiles = self._modfiles_of(variant)
        record = self._folder / f"{variant.id}.json"
        key = self._key(inputs, modfiles)
        if record.exists() and (known := json.loads(record.read_text()))["key"] == key:
            return dict(known["outputs"])
        folder = self._folder / variant.id
        for path in read_tree(folder).keys() - inputs.keys() if folder.exists() else ():
            (folder / path).unlink()
        for path, (data, executable) in inputs.items():
            target = folder / path
            if not target.exists() or target.read_bytes() != data:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(data)
            target.chmod(0o755 if executable else 0o644)
        outputs = generate(folder, self._root / VERSIONS, modfiles)
        after = read_tree(folder)
        if strays := sorted(after.keys() - inputs.keys() - outputs.keys()):
            raise RegenError(f"{variant.id}: generators wrote files that GENERATED does not name: {', '.join(strays)}")
        for path in sorted(path for path in inputs if after.get(path) != inputs[path]):
            print(f"warning: {variant.id}: make generate rewrites {path}, which people write", file=sys.stderr)
        record.write_text(json.dumps({"key": key, "outputs": outputs}))
        return outputs

    def _render(self, variant: Variant) -> dict[str, tuple[bytes, bool]]:
        """Render a variant and return the files that people wrote."""
        with tempfile.TemporaryDirectory() as temporary, fast_copier():
            try:
                render(self._template, Path(temporary) / "project", variant.answers)
            except jinja2.TemplateSyntaxError as error:
                raise RegenError(f"{error.filename}:{error.lineno}: {error.message}") from error
            tree = read_tree(Path(temporary) / "project")
        return {path: file for path, file in tree.items() if not is_generated(path)}

    def _modfiles_of(self, variant: Variant) -> dict[str, str]:
        """Return the modfiles of a variant, resolved once per set of tools."""
        texts: dict[str, str] = {}
        go, _ = read_go_mod(self._root / VERSIONS)
        for modfile, tools in self._tools.items():
            packages = tuple(f"{tool.package}@{tool.version}" for tool in tools if tool.serves(variant))
            if packages not in self._modfiles:
                self._modfiles[packages] = make_modfile(modfile, packages, str(SAMPLE_ANSWERS["module_path"]), go)
            texts |= self._modfiles[packages]
        return texts

    def _key(self, inputs: Mapping[str, tuple[bytes, bool]], modfiles: Mapping[str, str]) -> str:
        """Return a digest of all that decides what the generators write."""
        digest = hashlib.sha256()
        parts: list[bytes] = [run(self._folder, "go", "version").encode(), Path(__file__).read_bytes()]
        parts += [(self._root / VERSIONS / "go.mod").read_bytes()]
        for path in sorted(inputs):
            parts += [path.encode(), inputs[path][0]]
        for path in sorted(modfiles):
            parts += [path.encode(), modfiles[path].encode()]
        for part in parts:
            digest.update(len(part).to_bytes(8, "big") + part)
        return digest.hexdigest()


# Folding -------------------------------------------------------------------------------------------------------------


def space_of(questionnaire: Questionnaire, variants: Sequence[Variant]) -> fold.Space:
    """Return the axes, the variants and the layers that fold needs to know."""
    axes = tuple(fold.Axis(axis.name, axis.values) for axis in find_axes(questionnaire))
    environment = questionnaire.environment()
    defaults = {question.name: str(question.default) for question in questionnaire.hidden}
    layers = dict.fromkeys(find_layers(questionnaire), 0)
    for bit, variant in enumerate(variants):
        for layer in layers:
            if environment.from_string(defaults[layer]).render(**variant.answers).strip():
                layers[layer] |= 1 << bit
    return fold.Space(axes, tuple(tuple(value for _, value in variant.choices) for variant in variants), layers)


def fold_all(
    questionnaire: Questionnaire, variants: Sequence[Variant], outputs: Sequence[Mapping[str, str]]
) -> dict[str, str]:
    """Fold the outputs of all variants and return the template files, by their path below the template folder.

    Raises RegenError for free text in a generated file, and fold.FoldError for what does not fold or unfold.
    """
    space = space_of(questionnaire, variants)
    environment = questionnaire.environment()
    answers = [variant.answers for variant in variants]
    names = {name: str(SAMPLE_ANSWERS[name]) for name in NAMES}
    files: dict[str, str] = {}
    for path in sorted({path for output in outputs for path in output}):
        texts = {bit: output[path] for bit, output in enumerate(outputs) if path in output}
        for name in FREE_TEXT:
            if any(str(SAMPLE_ANSWERS[name]) in text for text in texts.values()):
                raise RegenError(f"{path} holds the {name}: generated files may name only {' and '.join(NAMES)}")
        folded = fold.fold_file(space, path, texts, names, parses=gofmt_parses if path.endswith(".go") else None)
        fold.prove(space, folded, texts, environment, answers)
        files |= {file.source: file.text for file in folded}
    return files


def gofmt_parses(text: str) -> bool:
    """Whether gofmt can read the text as Go."""
    command, environment = ["gofmt", "-l", "-e"], go_environment()
    return not subprocess.run(
        command, input=text.encode(), env=environment, capture_output=True, check=False
    ).returncode


def generated_files(template: Path) -> dict[str, str]:
    """Return the generated files of the template as they are, by their path below the template folder."""
    files = {}
    for path in sorted(template.rglob("*")):
        source = path.relative_to(template).as_posix()
        _, _, rendered = source.partition("/")
        if path.is_file() and is_generated(rendered.removesuffix(fold.SUFFIX)):
            files[source] = path.read_text()
    return files


def compare(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """Return one line for each file that is new, differs or is gone."""
    lines = []
    for source in sorted({*old, *new}):
        if old.get(source) != new.get(source):
            verb = "new" if source not in old else "gone" if source not in new else "changed"
            lines.append(f"{verb}: {source}")
    return lines


def write(template: Path, old: Mapping[str, str], new: Mapping[str, str]) -> None:
    """Write the files that differ and remove those that are gone, with folders that are left empty."""
    for source in old.keys() - new.keys():
        path = template / source
        path.unlink()
        for folder in path.relative_to(template).parents:
            if folder != Path() and not any((template / folder).iterdir()):
                (template / folder).rmdir()
    for source, text in new.items():
        if old.get(source) != text:
            (template / source).parent.mkdir(parents=True, exist_ok=True)
            (template / source).write_text(text)


# The command ---------------------------------------------------------------------------------------------------------


def merge_versions(versions: Path, outputs: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Return go.mod and go.sum of the pinned versions as the variants need them."""
    go, pins = read_go_mod(versions)
    modules = []
    for output in outputs:
        with tempfile.TemporaryDirectory() as temporary:
            (Path(temporary) / "go.mod").write_text(output["go.mod"])
            modules.append(read_go_mod(Path(temporary))[1])
    lines = "".join(f"\t{module}\n" for module in merge_pins(pins, modules))
    return {
        "go.mod": f"{VERSIONS_HEADER}module versions\n\ngo {go}\n\nrequire (\n{lines})\n",
        "go.sum": merge_sums(output["go.sum"] for output in outputs),
    }


def regen(root: Path, cache: Path, *, check: bool) -> list[str]:
    """Generate, fold, prove, and unless only checking, write. Return one line for each file that changes."""
    questionnaire = load_questionnaire(root)
    variants = find_variants(questionnaire)
    template = root / questionnaire.settings["_subdirectory"]
    outputs = generate_all(root, cache, variants)
    old_pins = {name: (root / VERSIONS / name).read_text() for name in LOCKS}
    pins = merge_versions(root / VERSIONS, outputs)
    while not check and pins["go.mod"] != (root / VERSIONS / "go.mod").read_text():
        print("pins changed: generate again", file=sys.stderr)
        for name, text in pins.items():
            (root / VERSIONS / name).write_text(text)
        outputs = generate_all(root, cache, variants)
        pins = merge_versions(root / VERSIONS, outputs)
    old, new = generated_files(template), fold_all(questionnaire, variants, outputs)
    if not check:
        (root / VERSIONS / "go.sum").write_text(pins["go.sum"])
        write(template, old, new)
    changed = [f"changed: {VERSIONS}/{name}" for name in LOCKS if old_pins[name] != pins[name]]
    return changed + compare(old, new)


def generate_all(root: Path, cache: Path, variants: Sequence[Variant]) -> list[dict[str, str]]:
    """Return the generated files of each variant."""
    workshop = Workshop(root, cache)
    outputs = []
    for number, variant in enumerate(variants, 1):
        print(f"[{number}/{len(variants)}] {variant.id}: generate", file=sys.stderr, flush=True)
        outputs.append(workshop.make(variant))
    return outputs


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code: 1 when something failed or, with --check, drifts."""
    parser = argparse.ArgumentParser(description="Make the generated files of the template anew.")
    parser.add_argument("--check", action="store_true", help="change nothing; fail when a file would change")
    options = parser.parse_args(arguments)
    try:
        cache = cache_folder() / "regen"
        with FileLock(cache_folder() / "regen.lock"):
            lines = regen(ROOT, cache, check=options.check)
    except (RegenError, ToolchainError, fold.FoldError) as error:
        print(f"regen: {error}", file=sys.stderr)
        return 1
    for line in lines:
        print(line)
    if options.check and lines:
        print("regen: generated files drift; run make regen", file=sys.stderr)
        return 1
    if not lines:
        print("every generated file is as its generator writes it")
    return 0


if __name__ == "__main__":
    sys.exit(main())
