"""The built pages, as a browser and a reader meet them. Needs a built book: `make book`."""

import functools
import http.server
import os
import re
import shutil
import threading
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from fontTools.ttLib import TTFont

ROOT = Path(__file__).resolve().parents[1]
HTML = ROOT / "_build" / "html"
bs4 = pytest.importorskip("bs4", reason="beautifulsoup4 comes with the book's requirements")

if not (HTML / "index.html").exists():
    pytest.skip("there is no built book: run make book first", allow_module_level=True)

PAGES = sorted(path.relative_to(HTML).as_posix() for path in HTML.rglob("*.html"))
PAGES = [page for page in PAGES if not page.startswith("_") and page != "index.html"]
LOADING = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href"}
LOADED_RELATIONS = {"stylesheet", "preload", "modulepreload", "icon", "preconnect", "prefetch"}


@functools.cache
def soup(page):
    return bs4.BeautifulSoup((HTML / page).read_text(encoding="utf8"), "html.parser")


@pytest.mark.parametrize("page", PAGES)
def test_page_loads_nothing_foreign(page):
    """Does any element or style sheet name another server?"""
    foreign = []
    for tag, attribute in LOADING.items():
        for element in soup(page).find_all(tag, attrs={attribute: True}):
            loads = tag != "link" or LOADED_RELATIONS & set(element.get("rel", []))
            if loads and urlsplit(element[attribute]).netloc:
                foreign.append(element[attribute])
    assert foreign == []


def test_front_door_leads_to_the_preface():
    """Does index.html, which only forwards, name a page that exists?"""
    target = re.search(r"url=([^\"]+)", (HTML / "index.html").read_text(encoding="utf8"))[1]
    assert target in PAGES


def test_style_sheets_and_scripts_load_nothing_foreign():
    """Does a style sheet or one of the course's scripts fetch from another server?"""
    foreign = []
    for sheet in HTML.rglob("*.css"):
        foreign += re.findall(r"(?:url\(|@import)[\s\"']*(?:https?:)?//[^)\"']+", sheet.read_text())
    assert foreign == []


@pytest.mark.parametrize("page", PAGES)
def test_internal_links_and_anchors_resolve(page):
    """Does every link within the book lead somewhere?"""
    broken = []
    for link in soup(page).find_all("a", href=True):
        parts = urlsplit(link["href"])
        if parts.scheme or parts.netloc:
            continue
        path = (HTML / page).parent / unquote(parts.path) if parts.path else HTML / page
        path = Path(os.path.normpath(path))
        if not path.is_file():
            broken.append(link["href"])
        elif parts.fragment and path.suffix == ".html":
            target = soup(path.relative_to(HTML).as_posix())
            if not target.find(id=unquote(parts.fragment)):
                broken.append(link["href"])
    assert broken == []


@pytest.mark.parametrize("page", PAGES)
def test_no_raw_tex_is_left(page):
    """Does the reader see a backslash command or a dollar formula outside code?"""
    body = bs4.BeautifulSoup(str(soup(page)), "html.parser")
    for element in body.find_all(["pre", "code", "script", "style"]):
        element.decompose()
    raw = re.findall(r"\\[A-Za-z]{2,}|\$[^$\n]{1,60}\$|\{(?:eq|ref|glue)[^}]*\}", body.get_text())
    assert raw == []


@pytest.mark.parametrize("page", PAGES)
def test_images_say_what_they_show(page):
    """Has each image an alternative text that is not its file's name?"""
    silent = []
    for image in soup(page).find_all("img"):
        text = image.get("alt", "").strip()
        if len(text) < 10 or text.endswith((".svg", ".png")):
            silent.append(image["src"])
    assert silent == []


@pytest.mark.parametrize("page", PAGES)
def test_ids_are_unique(page):
    """Is an id on a page twice, so that a link may end at the wrong place?"""
    ids = [element["id"] for element in soup(page).find_all(id=True)]
    assert sorted(i for i in set(ids) if ids.count(i) > 1) == []


def chromium_path():
    """Return where a Chromium is, or None."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((path for path in map(shutil.which, names) if path), None)


@pytest.fixture(scope="module")
def browser():
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = chromium_path()
    if not path:
        pytest.skip("no Chromium on this machine")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        """Say nothing."""


@pytest.fixture(scope="module")
def address():
    handler = functools.partial(QuietHandler, directory=HTML)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def visit(browser, address):
    """Open a page at a width; return it with its errors and requests."""
    contexts = []

    def open_page(page, width):
        context = browser.new_context(viewport={"width": width, "height": 900})
        contexts.append(context)
        tab, errors, requests = context.new_page(), [], []
        tab.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
        tab.on("pageerror", lambda error: errors.append(str(error)))
        tab.on("request", lambda request: requests.append(request.url))
        tab.goto(f"{address}/{page}", wait_until="load")
        tab.evaluate("document.fonts.ready")
        return tab, errors, [url for url in requests if not url.startswith((address, "data:"))]

    yield open_page
    for context in contexts:
        context.close()


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("page", PAGES)
def test_page_in_a_browser_has_no_error_and_no_sideways_scroll(visit, page, width):
    """Is the console clean, nothing foreign asked for, and the page as wide as the screen?"""
    tab, errors, foreign = visit(page, width)
    assert errors == []
    assert foreign == []
    assert tab.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0


def test_search_finds_a_page(visit):
    """Does the book's own search answer without a server?"""
    tab, errors, foreign = visit("search.html?q=notation", 1280)
    tab.wait_for_selector("#search-results li a")
    assert errors == []
    assert foreign == []


def test_shipped_font_has_the_sign_of_every_root():
    """Is the root, which no formula writes as a character, drawn where a page has one?"""
    pages = [path.read_text(encoding="utf8") for path in HTML.rglob("*.html")]
    assert any("<msqrt" in page for page in pages)
    font = TTFont(HTML / "_static" / "fonts" / "STIXTwoMath.woff2")
    assert ord("√") in font.getBestCmap()


def test_mathematics_is_set_in_the_shipped_font(visit):
    """Does the browser use the font that lies beside the pages, with its licence?"""
    tab, _, _ = visit("book/ch02_vanilla_rnn.html", 1280)
    loaded = tab.evaluate(
        "[...document.fonts].filter(f => f.status == 'loaded').map(f => f.family)"
    )
    assert any("STIX Two Math Course" in family for family in loaded)
    assert "Open Font License" in (
        HTML / "_static" / "fonts" / "STIXTwoMath-LICENSE.txt"
    ).read_text(encoding="utf8")
