"""Draw the pictures of docs/ as SVG: what is rendered, the way of a request, what an update merges.

They are narrow, so that their text can be read on a phone, and bring a ground of their own, so that it can be read on a
light page and on a dark one. `make docs` draws them; the tree is drawn from tests/golden/.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple

from tools.footprints import BASE, Footprint

WIDTH = 400
MARGIN = 16

STYLE = """\
<style>
  text { font: 14px system-ui, sans-serif; fill: #1f2328 }
  .mono { font-family: ui-monospace, monospace; font-size: 13px }
  .small { font-size: 12px; fill: #57606a }
  .middle { text-anchor: middle }
  .end { text-anchor: end }
  .ground { fill: #f6f8fa }
  .box { fill: #ffffff; stroke: #8c959f }
  .mine { fill: #dafbe1; stroke: #1a7f37 }
  .new { fill: #ddf4ff; stroke: #0969da }
  .line { stroke: #57606a; stroke-width: 1.5; fill: none }
  .head { fill: #57606a }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .small { fill: #9ea7b3 }
    .ground { fill: #161b22 }
    .box { fill: #0d1117; stroke: #768390 }
    .mine { fill: #0f3d1e; stroke: #3fb950 }
    .new { fill: #0c2d55; stroke: #58a6ff }
    .line { stroke: #9ea7b3 }
    .head { fill: #9ea7b3 }
  }
</style>
<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">\
<path class="head" d="M0 0 8 4 0 8z"/></marker></defs>
"""


class Text(NamedTuple):
    """A line of text with its class: mono, small, middle, end, or several of them."""

    x: float
    y: float
    words: str
    kind: str = ""

    def __str__(self) -> str:
        """Return the element."""
        return f'<text class="{self.kind}" x="{self.x:g}" y="{self.y:g}">{escape(self.words)}</text>'


class Box(NamedTuple):
    """A box with lines of text in its middle, the first of them larger than the rest."""

    x: float
    y: float
    width: float
    lines: Sequence[str]
    kind: str = "box"

    @property
    def height(self) -> float:
        """Return what its lines take."""
        return 18 + 19 * len(self.lines)

    @property
    def bottom(self) -> float:
        """Return where it ends."""
        return self.y + self.height

    @property
    def middle(self) -> float:
        """Return the middle of its width."""
        return self.x + self.width / 2

    def __str__(self) -> str:
        """Return the elements."""
        shape = (
            f'<rect class="{self.kind}" x="{self.x:g}" y="{self.y:g}" width="{self.width:g}" '
            f'height="{self.height:g}" rx="6"/>'
        )
        texts = (
            Text(self.middle, self.y + 23 + 19 * number, line, "middle small" if number else "middle")
            for number, line in enumerate(self.lines)
        )
        return "".join([shape, *map(str, texts)])


class Arrow(NamedTuple):
    """A line with a head at its end."""

    from_x: float
    from_y: float
    to_x: float
    to_y: float

    def __str__(self) -> str:
        """Return the element."""
        return (
            f'<path class="line" marker-end="url(#head)" '
            f'd="M{self.from_x:g} {self.from_y:g} {self.to_x:g} {self.to_y:g}"/>'
        )


def draw(title: str, height: float, parts: Iterable[Text | Box | Arrow]) -> str:
    """Return a picture with a title for those who can't see it."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height:g}" viewBox="0 0 {WIDTH} {height:g}" '
        f'role="img" aria-label="{escape(title)}">\n<title>{escape(title)}</title>\n{STYLE}'
        f'<rect class="ground" width="{WIDTH}" height="{height:g}" rx="8"/>\n'
        + "".join(f"{part}\n" for part in parts)
        + "</svg>\n"
    )


def column(steps: Sequence[tuple[Sequence[str], str]], top: float = MARGIN) -> tuple[list[Text | Box | Arrow], float]:
    """Return boxes below one another with arrows between them, and where they end."""
    parts: list[Text | Box | Arrow] = []
    for lines, kind in steps:
        box = Box(MARGIN, top, WIDTH - 2 * MARGIN, lines, kind)
        if parts:
            parts.append(Arrow(WIDTH / 2, top - 18, WIDTH / 2, top - 1))
        parts.append(box)
        top = box.bottom + 18
    return parts, top - 18


REQUEST = [
    (("a client",), "mine"),
    (("the listener", "Fiber or Echo; time limits, size of the header"), "box"),
    (("name and observe", "metrics, trace, request id, client, access log"), "box"),
    (("answer errors", "every error becomes application/problem+json"), "box"),
    (("refuse", "who it is, rate limit, body, what they may, overload"), "box"),
    (("the generated server", "paths and parameters of the OpenAPI document"), "new"),
    (("the handler", "JSON and its rules in, the document's types out"), "box"),
    (("the domain", "rules and transactions; knows no HTTP and no SQL"), "box"),
    (("the cache, where there is one", "one load at a time; a write drops what was read"), "box"),
    (("the repository", "Ent or pgx; errors of the driver become the domain's"), "box"),
    (("PostgreSQL",), "mine"),
]
"""What a request passes, from the client to the database, in the order of internal/api/middleware/standard.go."""


def request_path() -> str:
    """Return the way of a request."""
    parts, bottom = column(REQUEST)
    return draw("The way of a request, from the client to the database", bottom + MARGIN, parts)


def update() -> str:
    """Return what an update merges."""
    half = (WIDTH - 3 * MARGIN) / 2
    old = Box(MARGIN, 52, half, ("a fresh copy", "of the old release,", "with the old answers"), "box")
    new = Box(2 * MARGIN + half, 52, half, ("a fresh copy", "of the new release,", "with the new answers"), "new")
    mine = Box(MARGIN, old.bottom + 58, half, ("your project", "as it is committed"), "mine")
    merged = Box(
        MARGIN,
        mine.bottom + 58,
        WIDTH - 2 * MARGIN,
        ("your project, updated", "in the work tree, for you to review"),
        "mine",
    )
    settled = Box(
        MARGIN,
        merged.bottom + 48,
        WIDTH - 2 * MARGIN,
        ("your project, settled", "modules and generated code agree again"),
        "mine",
    )
    parts: list[Text | Box | Arrow] = [
        Text(MARGIN, 36, "What the release or the answer changes:", "small"),
        old,
        new,
        mine,
        Text(old.middle + 14, old.bottom + 24, "your own changes", "small"),
        Text(old.middle + 14, old.bottom + 40, "are what differs from it", "small"),
        Arrow(old.middle, old.bottom, old.middle, mine.y - 1),
        Arrow(mine.middle, mine.bottom, mine.middle, merged.y - 1),
        Arrow(new.middle, new.bottom, new.middle, merged.y - 1),
        Text(WIDTH / 2 - 8, mine.bottom + 34, "make update", "mono middle"),
        merged,
        Arrow(WIDTH / 2, merged.bottom, WIDTH / 2, settled.y - 1),
        Text(WIDTH / 2 + 14, merged.bottom + 29, "make sync", "mono"),
        settled,
    ]
    return draw("An update merges what changed in the template with what you changed", settled.bottom + MARGIN, parts)


DEEPER = ("internal", "internal/domain", "internal/infrastructure")
"""The folders that are opened in the picture of the tree."""


def tree(footprints: Sequence[Footprint]) -> str:
    """Return the folders of a project: those of every service, and those that an option adds."""
    counts: dict[str, int] = {}
    adds: dict[str, set[str]] = {}
    for footprint in footprints:
        for path in footprint.files("+"):
            folder = shown(path)
            if footprint.option == BASE:
                counts[folder] = counts.get(folder, 0) + 1
            else:
                adds.setdefault(folder, set()).add(footprint.option)
    folders = {folder for path in {*counts, *adds} for folder in parents(path)}
    parts: list[Text | Box | Arrow] = []
    top = 34.0
    for folder in sorted(folders):
        depth = folder.count("/")
        always = any(each == folder or each.startswith(f"{folder}/") for each in counts)
        name = f"{folder.rpartition('/')[2]}/"
        if not always:
            parts.append(Box(MARGIN, top - 14, WIDTH - 2 * MARGIN, (), "new"))
            parts.append(Text(WIDTH - MARGIN - 8, top - 1, ", ".join(sorted(adds[folder])), "small end"))
        parts.append(Text(MARGIN + 8 + 20 * depth, top, name, "mono"))
        top += 22
    return draw("The folders of a rendered project, and the options that add to them", top, parts)


def shown(path: str) -> str:
    """Return the folder of the picture that a file lies in."""
    folder = path.rpartition("/")[0] or "."
    parts = folder.split("/")
    for depth in range(1, len(parts)):
        if "/".join(parts[:depth]) not in DEEPER:
            return "/".join(parts[:depth])
    return folder


def parents(folder: str) -> Iterable[str]:
    """Return a folder and those above it, without the top."""
    parts = folder.split("/")
    return ("/".join(parts[: depth + 1]) for depth in range(len(parts)) if folder != ".")
