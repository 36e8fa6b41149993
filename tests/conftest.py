"""Fixtures that all tests share. What is slow is made once per run, also when several workers run the tests."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

# Before anything imports Copier: the settings of the person at this machine must not change a render.
os.environ["COPIER_SETTINGS_PATH"] = str(Path(__file__).with_name("no-settings.yml"))
# Nor must their git: no global hooks, signing, default branch or identity.
os.environ["GIT_CONFIG_GLOBAL"] = str(Path(__file__).with_name("gitconfig"))
os.environ["GIT_CONFIG_NOSYSTEM"] = "1"
# Nor their language: tests read what programs say.
os.environ["LC_ALL"] = "C.UTF-8"
for _role in ("AUTHOR", "COMMITTER"):
    os.environ[f"GIT_{_role}_NAME"] = "Test"
    os.environ[f"GIT_{_role}_EMAIL"] = "test@example.com"

import pytest  # noqa: E402
from filelock import FileLock  # noqa: E402
from xdist.remote import Producer  # noqa: E402
from xdist.scheduler import LoadScopeScheduling  # noqa: E402

from tools import toolchain  # noqa: E402
from tools.questions import Questionnaire, load_questionnaire  # noqa: E402
from tools.releases import clone_with_tags  # noqa: E402
from tools.render import Sketcher, fast_copier, render, take_snapshot  # noqa: E402
from tools.variants import SETS, Variant, choose_variant, find_deliveries, find_variants  # noqa: E402

pytest_plugins = ["tests.proofs", "tests.service.plugin"]

Once = Callable[[str, Callable[[Path], object]], Path]
"""Makes a folder that all workers of this run share: once("name", make) calls make(folder) the first time only."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that asks for a variant once for each; a worker takes all tests of one, to use what is built.

    `@pytest.mark.variants(...)` names a set of tools.variants.SETS, `pairwise` by default, or by what they have the few
    variants on which an expensive test runs: `echo-pgx` is the first of the pairwise set that has both.
    """
    if "variant" in metafunc.fixturenames:
        mark = metafunc.definition.get_closest_marker("variants")
        variants = list(dict.fromkeys(each for name in (mark.args if mark else ["pairwise"]) for each in named(name)))
        if metafunc.config.getoption("--project"):
            variants = variants[:1]
        metafunc.parametrize("variant", variants, ids=[each.id for each in variants], scope="session")


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Keep the tests of a variant together: xdist 3.8 writes the group of a test where pytest 9.2 no longer looks."""
    return ByVariant(config, log)


class ByVariant(LoadScopeScheduling):
    """Gives all tests of a variant to one worker, all of the site to one, and any other test to whoever is free."""

    def _split_scope(self, nodeid: str) -> str:
        return group(nodeid)


def group(nodeid: str) -> str:
    """Return what the tests are called that go to the same worker as this one; a pair goes with its first variant."""
    file, _, name = nodeid.partition("::")
    if file == "tests/test_site.py":
        return file
    _, _, parameters = name.partition("[")
    return min((each for each in ids() if each in parameters), key=parameters.find, default=nodeid)


@cache
def ids() -> tuple[str, ...]:
    """Return the ids of variants, those of deliveries included; an id comes before one that it begins with."""
    every = {variant.id for variant in (*find_variants(), *find_deliveries())}
    return tuple(sorted(every, key=len, reverse=True))


@cache
def named(name: str) -> tuple[Variant, ...]:
    """Return a set of variants by its name, or the one variant that has what the name says."""
    return SETS[name]() if name in SETS else (choose_variant(name),)


@pytest.fixture(scope="session")
def questionnaire() -> Questionnaire:
    """The questions of copier.yml."""
    return load_questionnaire()


@pytest.fixture(scope="session")
def variants() -> tuple[Variant, ...]:
    """All variants, for tests that compare them."""
    return find_variants()


@pytest.fixture(scope="session", autouse=True)
def _fast_copier() -> Iterator[None]:
    """Render without compiling the same template twice; test_copy.py proves that the bytes stay the same."""
    with fast_copier():
        yield


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Once:
    """Make shared folders; a folder that could not be made is tried again by the next who asks."""
    base = tmp_path_factory.getbasetemp()
    shared = (base if worker_id == "master" else base.parent) / "shared"
    shared.mkdir(exist_ok=True)

    def make_once(name: str, make: Callable[[Path], object]) -> Path:
        folder, unfinished = shared / name, shared / f"{name}.unfinished"
        with FileLock(shared / f"{name}.lock"):
            if not folder.exists():
                shutil.rmtree(unfinished, ignore_errors=True)
                make(unfinished)
                unfinished.rename(folder)
        return folder

    return make_once


@pytest.fixture(scope="session")
def template(once: Once) -> Path:
    """A git repository with the template as it stands on disk, tagged v1.0.0."""
    return once("template", take_snapshot)


@pytest.fixture(scope="session")
def releases(once: Once) -> Path:
    """A git repository with a tag for each release, and the template as it stands on disk as tools.releases.NEXT."""
    return once("releases", clone_with_tags)


@pytest.fixture(scope="session")
def render_once(once: Once, template: Path) -> Callable[[Variant], Path]:
    """Render a variant once per run. The folder is shared: tests that write take a copy."""
    return lambda variant: once(variant.id, lambda folder: render(template, folder, variant.answers))


@pytest.fixture(scope="session")
def sketcher(questionnaire: Questionnaire) -> Sketcher:
    """Renders variants in no time; test_render.py proves that the bytes are those of Copier."""
    return Sketcher(questionnaire)


@pytest.fixture(scope="session")
def rendered(variant: Variant, render_once: Callable[[Variant], Path]) -> Path:
    """The variant as its owner gets it. The folder is shared: tests that write take a copy."""
    return render_once(variant)


@pytest.fixture(scope="session")
def go_environment() -> dict[str, str]:
    """The environment that Go commands run in."""
    return toolchain.go_environment()
