"""The proof can fail: for each known mistake there is a test that notices it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import named
from tests.service.mutations import Mutation, read_mutations
from tests.service.postgres import Postgres
from tests.service.redis import Redis
from tools.variants import Variant

MUTATIONS = read_mutations()


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name.replace(" ", "-"))
def test_a_mistake_is_noticed(
    mutation: Mutation,
    render_once: Callable[[Variant], Path],
    postgres: Postgres,
    redis: Redis,
    go_environment: dict[str, str],
    tmp_path: Path,
) -> None:
    """The named test fails on a copy of the service with the mistake in it. Elsewhere it passes on the original."""
    (variant,) = named(mutation.variant)
    mutated = tmp_path / "mutated"
    mutation.make(render_once(variant), mutated)
    servers = {"TEST_DATABASE_URL": postgres.url("postgres"), "TEST_REDIS_URL": redis.url}
    environment = {**go_environment, **servers}
    problem = mutation.is_caught(mutated, environment, tmp_path)
    assert not problem, f"{mutation.name} was not noticed by {mutation.suite or mutation.go}: {problem}"


def test_every_variant_has_mistakes() -> None:
    """No framework and no database access is left to the others, and names are unique."""
    tried = {
        tuple(dict(named(mutation.variant)[0].choices)[axis] for axis in ("framework", "orm")) for mutation in MUTATIONS
    }
    assert tried == set(itertools.product(("fiber", "echo"), ("ent", "pgx")))
    assert len({mutation.name for mutation in MUTATIONS}) == len(MUTATIONS)
