"""The site of docs/ in a real browser: it loads, can be searched and read on a phone, and asks nobody else."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.browser import INSTALL, Browser, browsing, find_chromium
from tests.service.waiting import eventually
from tools.questions import ROOT

DESK, PHONE = (1280, 900), (375, 812)
SMALLEST = 14
"""The smallest size in pixels that running text may have on a phone; that of a picture may be scaled to 10."""

PAGE_WEIGHT = 300_000
"""As many bytes as a page may take with all that belongs to it, uncompressed."""


class Quiet(SimpleHTTPRequestHandler):
    """Serves files and says nothing about it."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def make_site(root: Path, destination: Path) -> subprocess.CompletedProcess[str]:
    """Build the site of a repository as its maintainers do."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(
        ["make", "--no-print-directory", "site", f"SITE_TO={destination}"],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="module")
def site(once: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    """The site as `make site` builds it."""

    def make(folder: Path) -> None:
        done = make_site(ROOT, folder)
        assert done.returncode == 0, done.stdout + done.stderr

    return once("site", make)


@pytest.fixture(scope="module")
def served(site: Path) -> Iterator[str]:
    """The address of the site."""
    with serving(site) as address:
        yield address


class serving:  # noqa: N801 (reads as what it is in a with statement)
    """Serve a folder for as long as the block runs."""

    def __init__(self, folder: Path) -> None:
        """Take a free port."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> str:
        """Return the address."""
        self._thread.start()
        return f"http://127.0.0.1:{self._server.server_port}/"

    def __exit__(self, *_: object) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=10)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser with one tab."""
    with browsing() as started:
        yield started


def pages_of(site: Path) -> list[str]:
    """Return every page, relative to the site."""
    return sorted(path.relative_to(site).as_posix() for path in site.rglob("*.html"))


def faults(browser: Browser, served: str, page: str) -> list[str]:
    """Say what is wrong with a page: complaints of the browser, strangers that it asks, pictures that are missing."""
    browser.visit(served + page)
    found = browser.complaints()
    found += [f"asks {url}" for url in browser.requested() if not url.startswith((served, "data:"))]
    found += [f"no picture: {url}" for url in browser.ask(MISSING_PICTURES)]
    if not browser.ask("document.querySelector('h1, #search-results')?.outerHTML ?? ''"):
        found.append("no heading")
    return [f"{page}: {each}" for each in found]


def weight(browser: Browser, served: str, site: Path) -> int:
    """Return the bytes of all files that the page asked for."""
    asked = {re.sub(r"[?#].*", "", url.removeprefix(served)) or "index.html" for url in browser.requested()}
    return sum((site / path).stat().st_size for path in asked if (site / path).is_file())


MISSING_PICTURES = "[...document.images].filter(each => !each.complete || !each.naturalWidth).map(each => each.src)"

SMALL_TEXT = f"""
[...document.querySelectorAll('article p, article li, article td, article pre, article h1, article h2')]
  .filter(each => parseFloat(getComputedStyle(each).fontSize) < ({SMALLEST} - (each.matches('td, td *, pre') ? 2 : 0)))
  .map(each => each.innerText.slice(0, 40))
"""

SMALL_PICTURES = """
[...document.querySelectorAll('article img')]
  .filter(each => each.getBoundingClientRect().width / each.naturalWidth * 12 < 10)
  .map(each => each.src)
"""


def phone_faults(browser: Browser, served: str, page: str) -> list[str]:
    """Say what is wrong with a page on a phone: it scrolls sideways, or its text is too small to read."""
    browser.visit(served + page)
    width = browser.ask("document.documentElement.scrollWidth")
    found = [f"is {width} wide"] if width > PHONE[0] else []
    found += [f"small text: {text}" for text in browser.ask(SMALL_TEXT)]
    found += [f"small picture: {url}" for url in browser.ask(SMALL_PICTURES)]
    return [f"{page}: {each}" for each in found]


def test_every_page_of_docs_is_on_the_site(site: Path) -> None:
    """A page that no list of contents names can't be found; Sphinx warns of it, and the build fails."""
    written = {
        path.relative_to(ROOT / "docs").with_suffix(".html").as_posix() for path in (ROOT / "docs").rglob("*.md")
    }
    assert written <= set(pages_of(site))
    assert len(written) > 30


@pytest.fixture(scope="module")
def visited(site: Path, served: str, browser: Browser) -> dict[str, tuple[list[str], int]]:
    """What is wrong with each page, light or dark, and its weight."""
    browser.resize(*DESK)
    visits = {}
    for page in pages_of(site):
        browser.prefer("dark")
        found = faults(browser, served, page)
        browser.prefer("light")
        visits[page] = (found + faults(browser, served, page), weight(browser, served, site))
    return visits


def test_every_page_loads_in_peace(visited: dict[str, tuple[list[str], int]]) -> None:
    """No error and no warning in the console, nothing missing, and nobody else is asked for fonts or scripts."""
    assert [fault for found, _ in visited.values() for fault in found] == []


def test_pages_are_light(visited: dict[str, tuple[list[str], int]], site: Path) -> None:
    """What a first visitor loads, without compression."""
    weights = {page: grams for page, (_, grams) in visited.items()}
    heaviest = max(weights, key=lambda page: weights[page])
    total = sum(path.stat().st_size for path in site.rglob("*") if path.is_file() and ".doctrees" not in path.parts)
    print(f"{len(weights)} pages; index {weights['index.html']}, heaviest {heaviest} {weights[heaviest]}, all {total}")
    assert weights["index.html"] > 50_000
    assert weights[heaviest] <= PAGE_WEIGHT


def test_every_page_can_be_read_on_a_phone(site: Path, served: str, browser: Browser) -> None:
    """At 375 pixels nothing scrolls sideways, and text has a size for people."""
    browser.resize(*PHONE, phone=True)
    assert [fault for page in pages_of(site) for fault in phone_faults(browser, served, page)] == []


@pytest.mark.parametrize(("word", "page"), [("tiered", "options/tiered.html"), ("conflict", "updating.html")])
def test_search_finds_a_word_and_leads_to_its_page(word: str, page: str, served: str, browser: Browser) -> None:
    """As a reader does it: type into the field, press enter, take the link."""
    browser.resize(*DESK)
    browser.visit(served)
    browser.events.clear()
    browser.ask(f"const field = document.querySelector('input[name=q]'); field.value = {word!r}; field.form.submit()")
    browser.wait_for("Page.loadEventFired", "the search")
    links = "[...document.querySelectorAll('#search-results li a')].map(each => each.href)"
    found = eventually(lambda: [url for url in browser.ask(links) if page in url], 20, f"{page} among what is found")
    assert browser.complaints() == []
    browser.visit(found[0])
    assert word in browser.ask("document.querySelector('article').innerText").lower()


def test_search_finds_nothing_where_there_is_nothing(served: str, browser: Browser) -> None:
    """The counterpart: what is found depends on the word."""
    browser.visit(f"{served}search.html?q=xylophone")
    said = "document.querySelector('#search-results')?.innerText ?? ''"
    eventually(lambda: "did not match" in browser.ask(said), 20, "the search to say that it found nothing")


BROKEN = {
    "console": ("<h1>x</h1><script>console.error('broken')</script>", "broken"),
    "exception": ("<h1>x</h1><script>nothing.here()</script>", "ReferenceError"),
    "missing": ("<h1>x</h1><script src='gone.js'></script>", "404"),
    "picture": ("<h1>x</h1><img src='data:image/png;base64,AA=='>", "no picture"),
    "stranger": ("<h1>x</h1><link rel=stylesheet href='http://127.0.0.2:9/font.css'>", "asks http://127.0.0.2:9"),
    "empty": ("<p>x</p>", "no heading"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_page_is_noticed(case: str, browser: Browser, tmp_path: Path) -> None:
    """The counterpart of a page that loads in peace."""
    text, sign = BROKEN[case]
    (tmp_path / "page.html").write_text(f"<!doctype html><link rel=icon href='data:,'>{text}", "utf-8")
    browser.resize(*DESK)
    with serving(tmp_path) as served:
        assert any(sign in fault for fault in faults(browser, served, "page.html"))


@pytest.mark.parametrize(
    ("text", "sign"),
    [
        ("<div style='width: 600px'>wide</div>", "is 600 wide"),
        ("<p style='font-size: 9px'>tiny</p>", "small text: tiny"),
    ],
)
def test_a_page_that_is_no_good_on_a_phone_is_noticed(text: str, sign: str, browser: Browser, tmp_path: Path) -> None:
    """The counterpart of a page that can be read on a phone."""
    head = (
        "<!doctype html><link rel=icon href='data:,'><meta name=viewport content='width=device-width, minimum-scale=1'>"
    )
    (tmp_path / "page.html").write_text(f"{head}<body style='margin: 0'><article>{text}</article>", "utf-8")
    browser.resize(*PHONE, phone=True)
    with serving(tmp_path) as served:
        assert any(sign in fault for fault in phone_faults(browser, served, "page.html"))


@pytest.fixture
def copy(tmp_path: Path, site: Path) -> Path:
    """What the site is made of, to break it; the environment that builds it was set up for the site itself."""
    del site
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")
    for name in ("Makefile", "CHANGELOG.md"):
        shutil.copy2(ROOT / name, tmp_path / name)
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    return tmp_path


def test_what_leads_nowhere_fails_the_build(copy: Path) -> None:
    """Strict: what Sphinx warns of fails `make site`, which names each."""
    with (copy / "docs" / "use" / "own.md").open("a", encoding="utf-8") as page:
        page.write("\n[nowhere](nowhere.md) [heading](change.md#no-such-heading) ![none](../pictures/none.svg)\n")
    (copy / "docs" / "use" / "lost.md").write_text("# A page that no list of contents names\n", "utf-8")
    done = make_site(copy, copy / "site")
    assert done.returncode != 0, done.stdout + done.stderr
    for sign in ("nowhere.md", "no-such-heading", "none.svg", "lost.md"):
        assert re.search(rf"WARNING: .*{re.escape(sign)}|{re.escape(sign)}: WARNING", done.stderr), sign


def test_without_a_browser_the_tests_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without one must not pass."""
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("CHROMIUM", raising=False)
    with pytest.raises(AssertionError, match=re.escape(INSTALL)):
        find_chromium()
