"""Make the generated files of the template anew: `make regen`, or `python -m tools.regen --check` to change nothing.

Every variant gets what its real generators write, from a state in which no generated file exists: those of `make
generate` in the project (the table GENERATORS below), then `go mod tidy`. What they write is folded into `template/`
(tools/fold.py), after proof that each variant unfolds to exactly what its generators wrote.

Variants share most of what generators read. So a generator runs alone in an empty folder with nothing but what the
table says it reads, once for each distinct content of that, and its outputs are kept between runs under a digest of its
inputs. `make matrix` proves the table right: in a finished project `make generate` and `go mod tidy` change nothing.

`tools/versions/go.mod` pins every module of every variant, so that all variants choose the same versions; `tools.yml`
beside it pins the tools. To move or add a version edit them, then `make regen`, which keeps go.mod to the modules that
some variant needs: what is missing or too old is pinned at the version `go mod tidy` chose, what nothing needs is
dropped.
"""

from __future__ import annotations

import argparse
import fnmatch
import hashlib
import inspect
import itertools
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import cache, lru_cache, partial
from pathlib import Path
from typing import NamedTuple

import jinja2
import yaml
from filelock import FileLock
from pydantic import BaseModel, ConfigDict

from tools import fold
from tools.questions import ROOT, Questionnaire, load_questionnaire
from tools.render import Sketcher, Tree, read_tree
from tools.toolchain import ToolchainError, cache_folder, go_environment
from tools.variants import (
    SAMPLE_ANSWERS,
    Variant,
    evaluate,
    find_axes,
    find_code_layers,
    find_variants,
    layers_on,
)

VERSIONS = Path("tools/versions")
LOCKS = ("go.mod", "go.sum")
MODFILES = ("tools.mod", "lint.mod", "check.mod")

PARALLEL = 2
"""Variants that are generated at the same time: the tools use several cores and much memory themselves."""
KEPT_DAYS = 30
"""How long outputs are kept after their last use."""


class Generator(BaseModel):
    """One command of the project's `make generate`; it runs where any file matches what it reads."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    command: tuple[str, ...]
    reads: tuple[str, ...] = ()
    """Patterns of files. Packages of the project that these files name by import path are read as well, with all that
    those import of the project."""
    declarations: tuple[str, ...] = ()
    """Patterns of Go files. Of these and of the packages they import only what stands outside of functions matters."""
    writes: tuple[str, ...]
    """Patterns of the files that it makes; a star crosses folders."""
    batch: int = 1
    """How many inputs one run takes; then the last argument is a folder, `./` and its path, that is given for each."""


TOOL = ("go", "tool", "-modfile=tools.mod")

GENERATORS = (
    Generator(
        name="bundle",
        command=("go", "run", "./scripts/bundle"),
        reads=("api/openapi/*.yaml", "scripts/bundle/*"),
        writes=("api/openapi/openapi.yaml", "api/openapi/docs.html"),
    ),
    Generator(
        name="oapi-codegen",
        command=(
            *(*TOOL, "oapi-codegen", "-config", "internal/api/openapi/oapi-codegen.yaml"),
            "api/openapi/openapi.yaml",
        ),
        reads=("internal/api/openapi/oapi-codegen.yaml", "api/openapi/openapi.yaml", "api/openapi/overlay.yaml"),
        writes=("*.gen.go",),
    ),
    Generator(
        name="ent",
        command=("env", "GOMAXPROCS=1", *TOOL, "ent", "generate", "--feature=sql/execquery,sql/lock", "./ent/schema"),
        reads=("ent/schema/*",),
        writes=("ent/*",),
    ),
    Generator(name="mockery", command=(*TOOL, "mockery"), reads=(".mockery.yaml",), writes=("*/mocks_test.go",)),
    *(
        Generator(
            name=f"wire {program}",
            command=(*TOOL, "wire", "gen", f"./cmd/{program}"),
            declarations=(f"cmd/{program}/*.go",),
            writes=(f"cmd/{program}/wire_gen.go",),
            batch=16,
        )
        for program in ("api", "worker")
    ),
)
"""In the order of `make generate`; tests/test_regen.py compares the commands."""

FORMAT = (
    (*TOOL, "gci", "write", "-s", "standard", "-s", "default", "-s", "localmodule", "."),
    (*TOOL, "gofumpt", "-w", "."),
)
"""What `make fmt` does, at the end of `make generate`."""

GENERATED = (
    *LOCKS,
    *(name for modfile in MODFILES for name in (modfile, modfile.replace(".mod", ".sum"))),
    *(pattern for generator in GENERATORS for pattern in generator.writes),
)
"""Patterns of the paths that generators write."""
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
    """A pinned tool of tools.yml; where it names a layer, only the variants with that layer get it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    package: str
    version: str
    layer: str = "core"


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


@cache
def _matches(path: str, patterns: tuple[str, ...]) -> bool:
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
    """Return the pins that the modules of all variants make; raise RegenError where the variants do not agree.

    A variant that chose another version than the pin did so because one of its modules asks for more: the pin follows.
    """
    pinned = {pin.path: pin.version for pin in pins}
    used: dict[str, Module] = {}
    for module in (module for modules in variants for module in modules):
        known = used.setdefault(module.path, module.model_copy(update={"indirect": True}))
        if module.version != known.version:
            pin = pinned.get(module.path, "nothing")
            message = f"pins {module.path} {pin}, variants need {known.version} and {module.version}: pin the newest"
            raise RegenError(f"{VERSIONS}/go.mod {message}")
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


def merge_sums(texts: Iterable[str]) -> str:
    """Return one go.sum with the lines of all."""
    return "".join(sorted({line for text in texts for line in text.splitlines(keepends=True)}))


def run(folder: Path, *command: str) -> str:
    """Run a command and return its standard output; raise RegenError with all it printed when it fails."""
    done = subprocess.run(command, cwd=folder, env=go_environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RegenError(f"{' '.join(command)} failed in {folder}:\n{done.stdout}{done.stderr}".rstrip())
    return done.stdout


class Store:
    """What commands wrote, by a digest of what they read. It stays between runs."""

    def __init__(self, folder: Path) -> None:
        """Keep everything in a folder, less what was not used for long."""
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.glob("*.json"):
            if path.stat().st_mtime < time.time() - KEPT_DAYS * 24 * 3600:
                path.unlink()

    def get(self, key: str) -> dict[str, str] | None:
        """Return what was put under a key, or None."""
        path = self._folder / f"{key}.json"
        if not path.exists():
            return None
        path.touch()
        return dict(json.loads(path.read_text()))

    def put(self, key: str, files: Mapping[str, str]) -> None:
        """Keep files under a key; half of a file is never seen."""
        unfinished = self._folder / f"{key}.unfinished"
        unfinished.write_text(json.dumps(files))
        unfinished.replace(self._folder / f"{key}.json")


def digest_of(*parts: str | bytes) -> str:
    """Return a digest that differs for any other parts."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()


class Job(NamedTuple):
    """What one variant hands to one generator: a name for messages, the inputs, the modules and tools."""

    name: str
    inputs: Tree
    base: Mapping[str, str]


class Workshop:
    """Makes the generated files of variants. One process at a time may use a folder for its store."""

    def __init__(self, root: Path, folder: Path, generators: Sequence[Generator] = GENERATORS) -> None:
        """Read the template of the repository `root`, and keep outputs in `folder`."""
        self._versions = root / VERSIONS
        self._questionnaire = load_questionnaire(root)
        self._generators = generators
        self._store = Store(folder)
        self._module = str(SAMPLE_ANSWERS["module_path"])
        recipe = (Workshop, run_generator, make_modfile, go_mod, skeleton_of, declarations_of, FUNCTION, IMPORT, FORMAT)
        sources = (inspect.getsource(part) if callable(part) else repr(part) for part in recipe)
        self._recipe: list[str | bytes] = [run(root, "go", "version"), *sources]
        self._go, self._pins = read_go_mod(self._versions)
        self._tools = {
            modfile: [Tool(**tool) for tool in tools]
            for modfile, tools in yaml.safe_load((self._versions / "tools.yml").read_text()).items()
        }

    def make_all(self, variants: Sequence[Variant]) -> list[dict[str, str]]:
        """Return the generated files of each variant.

        Raises:
            RegenError: A template cannot be read, a generator failed, or it wrote what nobody expects.
        """
        try:
            sketcher = Sketcher(self._questionnaire)
            trees = [sketcher.tree(variant.answers) for variant in variants]
        except jinja2.TemplateSyntaxError as error:
            raise RegenError(f"{error.filename}:{error.lineno}: {error.message}") from error
        written = [{path: file for path, file in tree.items() if not is_generated(path)} for tree in trees]
        superset = self._superset(written)
        outputs = [self._modfiles(variant) for variant in variants]
        bases = [
            superset | {path: text for path, text in made.items() if path.startswith("tools.")} for made in outputs
        ]
        files = [dict(tree) for tree in written]
        for generator in self._generators:
            keys: dict[int, str] = {}
            jobs: dict[str, Job] = {}
            for number, variant in enumerate(variants):
                inputs, parts = self._inputs(generator, files[number])
                if inputs:
                    recipe = [generator.model_dump_json(), *self._recipe, *_flat(bases[number])]
                    keys[number] = digest_of(*recipe, *parts)
                    jobs.setdefault(keys[number], Job(variant.id, inputs, bases[number]))
            made = self._run_missing(
                generator.name, jobs, partial(run_generator, generator, self._module), generator.batch
            )
            for number, key in keys.items():
                outputs[number] |= made[key]
                files[number] |= {path: (text.encode(), False) for path, text in made[key].items()}
        skeletons = [skeleton_of(tree) for tree in files]
        lock_keys = [digest_of("tidy", *self._recipe, *_flat(superset), *_flat(skeleton)) for skeleton in skeletons]
        locks = {
            key: Job(variant.id, {path: (text.encode(), False) for path, text in skeleton.items()}, superset)
            for key, variant, skeleton in zip(lock_keys, variants, skeletons, strict=True)
        }
        settled = self._run_missing("tidy", locks, self._tidy, 1)
        return [made | settled[key] for made, key in zip(outputs, lock_keys, strict=True)]

    def _run_missing(
        self, name: str, jobs: Mapping[str, Job], work: Callable[[Sequence[Job]], list[dict[str, str]]], batch: int
    ) -> dict[str, dict[str, str]]:
        """Return the outputs of each job, running those that the store does not know in batches with the same base."""
        known = {key: made for key in jobs if (made := self._store.get(key)) is not None}
        missing = sorted(jobs.keys() - known.keys(), key=lambda key: (_flat(jobs[key].base), jobs[key].name))
        print(f"{name}: {len(jobs)} distinct inputs, {len(missing)} to run", file=sys.stderr, flush=True)
        batches = [
            list(keys)[start : start + batch]
            for _, group in itertools.groupby(missing, key=lambda key: _flat(jobs[key].base))
            for keys in [list(group)]
            for start in range(0, len(keys), batch)
        ]
        with ThreadPoolExecutor(PARALLEL) as pool:
            running = {pool.submit(work, [jobs[key] for key in keys]): keys for keys in batches}
            try:
                for done, job in enumerate(as_completed(running), 1):
                    for key, made in zip(running[job], job.result(), strict=True):
                        self._store.put(key, made)
                        known[key] = made
                    print(f"  [{done}/{len(batches)}] {jobs[running[job][0]].name}", file=sys.stderr, flush=True)
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        return known

    def _superset(self, trees: Sequence[Tree]) -> dict[str, str]:
        """Return a go.mod and go.sum with all that any variant needs: the pins, and what they do not name yet."""
        imported = {name for tree in trees for path, (data, _) in tree.items() for name in _imports(path, data)}
        external = sorted(name for name in imported if "." in name.split("/")[0] and not self._is_own(name))
        pins = {name: (self._versions / name).read_text() for name in LOCKS}

        def tidy() -> dict[str, str]:
            text = "package all\n\n" + "".join(f'import _ "{name}"\n' for name in external)
            files = {"go.mod": go_mod(self._module, self._go, self._pins), "go.sum": pins["go.sum"], "all.go": text}
            with tempfile.TemporaryDirectory() as temporary:
                folder = Path(temporary)
                fill(folder, files)
                run(folder, "go", "mod", "tidy", "-e")
                _, found = read_go_mod(folder)
                everything = {module.path: module for module in (*self._pins, *found)}
                return {
                    "go.mod": go_mod(self._module, self._go, sorted(everything.values(), key=str)),
                    "go.sum": merge_sums([pins["go.sum"], (folder / "go.sum").read_text()]),
                }

        return self._once(digest_of("superset", *self._recipe, *pins.values(), *external), tidy)

    def _once(self, key: str, make: Callable[[], dict[str, str]]) -> dict[str, str]:
        """Return what `make` returns, now or when the key was last asked for."""
        made = self._store.get(key)
        if made is None:
            made = make()
            self._store.put(key, made)
        return made

    def _inputs(self, generator: Generator, files: Tree) -> tuple[Tree, list[str | bytes]]:
        """Return the files that a generator needs, and what of them decides about its outputs."""
        read = {path for path in files if _matches(path, generator.reads) and not path.endswith("_test.go")}
        read |= self._imported(read, files)
        declared = {path for path in files if _matches(path, generator.declarations) and not path.endswith("_test.go")}
        declared |= self._imported(declared, files)
        key: list[str | bytes] = []
        for path in sorted(read | declared):
            data = files[path][0]
            if path not in read:
                data = declarations_of(data) if path.endswith(".go") else b""
            key += [path, data]
        return {path: files[path] for path in sorted(read | declared)}, key

    def _imported(self, paths: Iterable[str], files: Tree) -> set[str]:
        """Return the files of all packages of the project that files name, and of the packages these import."""
        folders = _by_folder(frozenset(files))
        found: set[str] = set()
        seen: set[str] = set()
        waiting = list(paths)
        while waiting:
            path = waiting.pop()
            for folder in _own_packages(files[path][0], self._module) - seen:
                seen.add(folder)
                inside = {file for file in folders.get(folder, ()) if not file.endswith("_test.go")}
                waiting += [file for file in inside - found if file.endswith(".go")]
                found |= inside
        return found

    def _is_own(self, name: str) -> bool:
        return name == self._module or name.startswith(f"{self._module}/")

    def _tidy(self, jobs: Sequence[Job]) -> list[dict[str, str]]:
        """Return go.mod and go.sum of projects with these imports; raise RegenError when they would not stay so."""
        return [self._lock(job) for job in jobs]

    def _lock(self, job: Job) -> dict[str, str]:
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            fill(folder, {path: data for path, (data, _) in job.inputs.items()} | dict(job.base))
            run(folder, "go", "mod", "tidy")
            chosen, requirements = read_go_mod(folder)
            if chosen != self._go:
                raise RegenError(f"a module needs go {chosen}: raise the go line of {VERSIONS}/go.mod, now {self._go}")
            (folder / "go.mod").write_text(go_mod(self._module, self._go, requirements))
            run(folder, "go", "mod", "tidy", "-diff")
            return {name: (folder / name).read_text() if (folder / name).exists() else "" for name in LOCKS}

    def _modfiles(self, variant: Variant) -> dict[str, str]:
        """Return the modfiles of a variant, resolved once per set of tools."""
        texts: dict[str, str] = {}
        on = layers_on(self._questionnaire, variant)
        for modfile, tools in self._tools.items():
            packages = [f"{tool.package}@{tool.version}" for tool in tools if tool.layer in on]

            def resolve(modfile: str = modfile, packages: Sequence[str] = tuple(packages)) -> dict[str, str]:
                return make_modfile(modfile, packages, self._module, self._go)

            texts |= self._once(digest_of(modfile, *self._recipe, self._go, *packages), resolve)
        return texts


def run_generator(generator: Generator, module: str, jobs: Sequence[Job]) -> list[dict[str, str]]:
    """Run a generator once for all jobs and return what it wrote for each, formatted.

    A single job is a module of its own. Several stand side by side in one module, each in a folder, so that the
    generator reads the modules they share only once; the folder is part of their import paths meanwhile.

    Raises:
        RegenError: It failed, changed one of its inputs, or wrote a file that the table does not name.
    """
    names = [""] if len(jobs) == 1 else [f"job{number}/" for number in range(len(jobs))]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name, job in zip(names, jobs, strict=True):
            for path, (data, _) in job.inputs.items():
                fill(folder, {name + path: data.replace(f"{module}/".encode(), f"{module}/{name}".encode())})
        base = jobs[0].base
        fill(folder, base)
        before = read_tree(folder)
        last = generator.command[-1]
        command = (
            generator.command
            if len(jobs) == 1
            else (*generator.command[:-1], *(f"./{name}{last[2:]}" for name in names))
        )
        try:
            run(folder, *command)
        except RegenError as error:
            raise RegenError(f"{', '.join(job.name for job in jobs)}: {error}") from None
        after = read_tree(folder)
        changed = sorted(path for path in after if after[path] != before.get(path) and path not in LOCKS)
        if "tools.mod" in base:
            for command in FORMAT:
                run(folder, *command)
        outputs = []
        for name, job in zip(names, jobs, strict=True):
            own = [path.removeprefix(name) for path in changed if path.startswith(name)]
            if strays := [path for path in own if not _matches(path, generator.writes) or _matches(path, WRITTEN)]:
                message = f"{generator.name} wrote files that its `writes` does not name: {', '.join(strays)}"
                raise RegenError(f"{job.name}: {message}")
            outputs.append(
                {path: (folder / name / path).read_text().replace(f"{module}/{name}", f"{module}/") for path in own}
            )
        return outputs


def fill(folder: Path, files: Mapping[str, str | bytes]) -> None:
    """Write files into a folder."""
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data.encode() if isinstance(data, str) else data)


def _flat(files: Mapping[str, str]) -> list[str]:
    return [text for path in sorted(files) for text in (path, files[path])]


@lru_cache(maxsize=1024)
def _by_folder(paths: frozenset[str]) -> Mapping[str, list[str]]:
    """Return the Go files of each folder, and the files at any depth that it may embed."""
    folders: dict[str, list[str]] = {path.rpartition("/")[0]: [] for path in paths if path.endswith(".go")}
    for path in paths:
        folder, _, _ = path.rpartition("/")
        if path.endswith(".go"):
            folders[folder].append(path)
            continue
        while folder:
            if folder in folders:
                folders[folder].append(path)
            folder, _, _ = folder.rpartition("/")
    return folders


@cache
def _own_packages(data: bytes, module: str) -> frozenset[str]:
    """Return the folders that a text names by their import path."""
    return frozenset(name.decode() for name in re.findall(re.escape(module.encode()) + rb"/([\w./-]*[\w-])", data))


FUNCTION = re.compile(rb"^(func .*\{)\n(?:.*\n)*?\}$", re.MULTILINE)
"""A function as gofmt writes it, over several lines."""


@cache
def declarations_of(data: bytes) -> bytes:
    """Return Go code without the bodies of its functions."""
    return FUNCTION.sub(rb"\1}", data)


IMPORT = re.compile(r'^import (?:[\w.]+ )?"([^"]+)"|^import \(\n((?:.*\n)*?)\)', re.MULTILINE)


@cache
def _imports(path: str, data: bytes) -> frozenset[str]:
    """Return the import paths of a Go file as gofmt writes it; none of any other file."""
    if not path.endswith(".go"):
        return frozenset()
    names = set()
    for single, block in IMPORT.findall(data.decode()):
        names |= {single} if single else set(re.findall(r'^\t(?:[\w.]+ )?"([^"]+)"', block, re.MULTILINE))
    return frozenset(names)


def skeleton_of(files: Tree) -> dict[str, str]:
    """Return Go files with all that `go mod tidy` looks at: the packages of a project and what they import."""
    found: dict[tuple[str, str], set[str]] = {}
    for path, (data, _) in files.items():
        if path.endswith(".go"):
            folder = path.rpartition("/")[0]
            found.setdefault((folder, "_test" if path.endswith("_test.go") else ""), set()).update(_imports(path, data))
    return {
        f"{folder}/imports{test}.go".lstrip("/"): "package p\n\n"
        + "".join(f'import _ "{name}"\n' for name in sorted(names))
        for (folder, test), names in found.items()
    }


# Folding -------------------------------------------------------------------------------------------------------------


def space_of(questionnaire: Questionnaire, variants: Sequence[Variant]) -> fold.Space:
    """Return the axes, the variants and the layers that fold needs to know."""
    axes: list[fold.Axis] = []
    multiselect = {question.name: question.values for question in questionnaire.asked if question.multiselect}
    for axis in find_axes(questionnaire):
        if axis.name in multiselect:
            axes += [fold.Axis(value, (True, False), member_of=axis.name) for value in multiselect[axis.name]]
        else:
            axes.append(fold.Axis(axis.name, axis.values))
    layers = dict.fromkeys(find_code_layers(questionnaire), 0)
    for bit, variant in enumerate(variants):
        for layer in layers.keys() & set(layers_on(questionnaire, variant)):
            layers[layer] |= 1 << bit
    values = (
        tuple(
            variant.has(axis.member_of, axis.name) if axis.member_of else dict(variant.choices)[axis.name]
            for axis in axes
        )
        for variant in variants
    )
    return fold.Space(tuple(axes), tuple(values), layers)


def fold_all(
    questionnaire: Questionnaire, variants: Sequence[Variant], outputs: Sequence[Mapping[str, str]]
) -> dict[str, str]:
    """Fold the outputs of all variants and return the template files, by their path below the template folder.

    Raises RegenError for free text in a generated file, and fold.FoldError for what does not fold or unfold.
    """
    space = space_of(questionnaire, variants)
    environment = questionnaire.environment()
    answers = [evaluate(questionnaire, variant.answers) for variant in variants]
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
    for text in sorted({output["go.mod"] for output in outputs}):
        with tempfile.TemporaryDirectory() as temporary:
            (Path(temporary) / "go.mod").write_text(text)
            modules.append(read_go_mod(Path(temporary))[1])
    lines = "".join(f"\t{module}\n" for module in merge_pins(pins, modules))
    return {
        "go.mod": f"{VERSIONS_HEADER}module versions\n\ngo {go}\n\nrequire (\n{lines})\n",
        "go.sum": merge_sums({output["go.sum"] for output in outputs}),
    }


def regen(root: Path, cache: Path, *, check: bool, generators: Sequence[Generator] = GENERATORS) -> list[str]:
    """Generate, fold, prove, and unless only checking, write. Return one line for each file that changes."""
    questionnaire = load_questionnaire(root)
    variants = find_variants(questionnaire)
    template = root / questionnaire.settings["_subdirectory"]
    outputs = Workshop(root, cache, generators).make_all(variants)
    old_pins = {name: (root / VERSIONS / name).read_text() for name in LOCKS}
    pins = merge_versions(root / VERSIONS, outputs)
    while not check and pins["go.mod"] != (root / VERSIONS / "go.mod").read_text():
        print("pins changed: generate again", file=sys.stderr)
        for name, text in pins.items():
            (root / VERSIONS / name).write_text(text)
        outputs = Workshop(root, cache, generators).make_all(variants)
        pins = merge_versions(root / VERSIONS, outputs)
    print("folding", file=sys.stderr, flush=True)
    old, new = generated_files(template), fold_all(questionnaire, variants, outputs)
    if not check:
        (root / VERSIONS / "go.sum").write_text(pins["go.sum"])
        write(template, old, new)
    changed = [f"changed: {VERSIONS}/{name}" for name in LOCKS if old_pins[name] != pins[name]]
    return changed + compare(old, new)


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
