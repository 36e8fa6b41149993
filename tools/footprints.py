"""Read the golden lists of tests/golden/: the files of every service, and what each option does to them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from tools.questions import ROOT

GOLDEN = ROOT / "tests" / "golden"
"""Where the lists are; tools/golden.py makes them."""

BASE = "base"
"""The name of the list of what every service has."""


class Effect(NamedTuple):
    """What an option does to a file: adds (+), changes (~) or takes it away (-), perhaps only beside other layers."""

    sign: str
    path: str
    condition: str


class Footprint(NamedTuple):
    """What an option does, compared with a project that differs in nothing else."""

    option: str
    against: str
    effects: tuple[Effect, ...]

    def with_sign(self, sign: str) -> list[Effect]:
        """Return the effects of one kind."""
        return [effect for effect in self.effects if effect.sign == sign]

    def files(self, sign: str) -> list[str]:
        """Return the files of one kind."""
        return [effect.path for effect in self.with_sign(sign)]


def read_footprint(path: Path) -> Footprint:
    """Return a golden list; that of the base only adds."""
    text = path.read_text("utf-8")
    if path.stem == BASE:
        return Footprint(BASE, "", tuple(Effect("+", line, "") for line in text.splitlines()))
    against = re.search(r"compared with (.*?)\. Made by", text)
    lines = re.findall(r"(?m)^([+~-]) (\S+)(?: when (.*))?$", text)
    return Footprint(path.stem, against[1] if against else "", tuple(Effect(*line) for line in lines))


def read_footprints(folder: Path = GOLDEN) -> tuple[Footprint, ...]:
    """Return the lists, that of the base first."""
    found = sorted(folder.glob("*.files"), key=lambda path: (path.stem != BASE, path.stem))
    return tuple(map(read_footprint, found))
