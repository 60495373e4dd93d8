"""The figures that readers operate, on small pages of their own with the book's real assets."""

import functools
import gzip
import http.server
import json
import re
import shutil
import sys
import threading
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from rnn_course import plotting

ROOT = Path(__file__).resolve().parents[1]
ASSETS = ROOT / "book" / "_sphinx" / "assets"
sys.path.insert(0, str(ROOT / "book"))

import measured  # noqa: E402

THEMES = ("light", "dark")
KINDS = measured.INTERACTIVE
PRAISE = ["the", "film", "was", "not", "dull", "but", "clever"]
BLAME = ["the", "film", "was", "dull", "but", "not", "clever"]
SHORT = ["<end>", "&", "extraordinarily"]
MINUS = "\N{MINUS SIGN}"
CAPTION, ALT = "What the caption says.", "What the picture shows."


def unrolled_data(rng, H=5):
    variants = []
    for label, tokens in (("praise", PRAISE), ("blame", BLAME), ("short", SHORT)):
        states = np.tanh(rng.standard_normal((len(tokens), H)))  # (T, H)
        parts = {"from_state": states - 1, "from_word": states + 1}
        variants.append({"label": label, "tokens": tokens, "states": states, **parts})
    variants[1]["states"][:3] = variants[0]["states"][:3]
    return {"variants": variants}


def gradient_data(rng):
    k = np.arange(0, 40, 2)  # (N,)
    curves = [
        {"radius": r, "activation": name, "norms": norms * r**k, "predicted": r**k}
        for name in ("tanh", "ReLU")
        for r in (0.5, 0.9, 1.1)
        for norms in [rng.uniform(0.5, 1, len(k))]
    ]
    curves[0]["norms"][-3:] = 0
    return {"distance": k, "curves": curves}


def gates_data(rng, H=4):
    variants = [
        {
            "label": label,
            "tokens": tokens,
            "gates": {name: rng.random((len(tokens), H)) for name in "ifo"},
            "c": rng.standard_normal((len(tokens), H)),
        }
        for label, tokens in (("praise", PRAISE), ("short", SHORT))
    ]
    return {"variants": variants}


def attention_data(rng):
    variants = []
    for label, target, source in (("one", PRAISE, BLAME), ("two", SHORT, [*BLAME, *BLAME])):
        weights = rng.dirichlet(np.full(len(source), 0.4), len(target))  # (T, S)
        variants.append({"label": label, "target": target, "source": source, "weights": weights})
    return {"variants": variants}


MAKERS = dict(zip(KINDS, (unrolled_data, gradient_data, gates_data, attention_data), strict=True))


def rounded(data):
    """Return nested data with the numbers that the page will have."""
    if isinstance(data, dict):
        return {key: rounded(value) for key, value in data.items()}
    if isinstance(data, list):
        return [rounded(value) for value in data]
    return np.round(data, 3) if isinstance(data, np.ndarray) else data


def sample(kind):
    data = MAKERS[kind](np.random.default_rng(7))
    return data if kind == "gradient" else rounded(data)


def words(number):
    """A number as the figures write it, with two digits and a true minus."""
    return f"{number:.2f}".replace("-", MINUS)


def element(kind, data, figure="fig-a", **options):
    """Return the HTML that `interactive` displays."""
    shown = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("IPython.display.display", lambda output, raw: shown.append(output))
        measured.interactive(kind, figure=figure, data=data, **options)
    return shown[0]["text/html"]


def data_in(text):
    return json.loads(re.search(r'<script type="application/json">(.*)</script>', text)[1])


def test_interactive_carries_numbers_rounded():
    """Do arrays, lists and scalars arrive as plain numbers of the digits asked for?"""
    data = {"a": np.array([[0.123456, 1e-9 / 3], [2, 3]]), "b": (np.float32(0.1), 7), "c": "word"}
    assert data_in(element("gates", data, digits=3)) == {
        "a": [[0.123, 3.33e-10], [2.0, 3.0]],
        "b": [0.1, 7],
        "c": "word",
    }


def test_interactive_keeps_words_inside_its_element():
    """Can no word of the data end the script that holds it, or become markup?"""
    words = ["</script><b>", "<!--", "&amp;", '"', "é"]
    text = element("gates", {"tokens": words}, figure='a"b')
    assert text.count("<") == 4
    assert data_in(text) == {"tokens": words}
    assert 'figure="a&quot;b"' in text


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_interactive_refuses_numbers_that_are_not_finite(number):
    """Is the place of the number named?"""
    with pytest.raises(ValueError, match=r"fig-a\.variants\[0\]\.c\[0\]\[1\] is -?(nan|inf)"):
        element("gates", {"variants": [{"c": np.array([[0.0, number]])}]})


def test_interactive_refuses_what_is_neither_text_nor_number():
    """Is the place of the object named, and an unknown kind refused?"""
    with pytest.raises(TypeError, match=r"fig-a\.tokens\[1\] must be one number"):
        element("gates", {"tokens": ["a", None]})
    with pytest.raises(ValueError, match="fig-a: the kind is 'gate', expected one of"):
        element("gate", {})


def declared(theme):
    """Return the colours that the style sheet gives to a theme, by name."""
    sheet = (ASSETS / "figures.css").read_text(encoding="utf8")
    selector = r"^course-figure \{" if theme == "light" else r'^html\[data-theme="dark"\].*?\{'
    rules = re.search(selector + "(.*?)}", sheet, re.MULTILINE | re.DOTALL)[1]
    return dict(re.findall(r"--([\w-]+): (#\w{6})", rules))


def test_colours_are_those_of_the_pictures():
    """Has each theme the colours of the plots, turned on a dark page as those are?"""
    matplotlib = pytest.importorskip("matplotlib", reason="matplotlib comes with the book")
    from test_plotting import on_dark_page

    light = {name: plotting.PALETTE[name] for name in ("blue", "orange", "violet")}
    light |= {"ink": "#000000", "paper": "#ffffff", "grey": plotting.BASELINE_COLOUR}
    light |= {f"tenth-{n}": colour for n, colour in enumerate(plotting.TENTHS)}
    turn = lambda colour: on_dark_page(np.array(matplotlib.colors.to_rgb(colour)))  # noqa: E731
    assert declared("light") == light
    assert declared("dark") == {n: matplotlib.colors.to_hex(turn(c)) for n, c in light.items()}


def test_assets_are_light_and_still():
    """Do they weigh little beside a page, and does nothing in them move by itself?"""
    texts = {path.name: path.read_text(encoding="utf8") for path in ASSETS.glob("figures.*")}
    assert set(texts) == {"figures.css", "figures.js"}
    assert sum(len(gzip.compress(text.encode())) for text in texts.values()) < 13_000
    for text in texts.values():
        assert not re.search(r"animation|transition|animate|setInterval|setTimeout", text)


# From here on in a browser


FIGURE = """<figure class="align-default" id="{name}">
<img alt="{alt}" src="favicon.svg" width="320" height="200">
<figcaption><p>{caption}</p></figcaption></figure>
"""
CELL = """<div class="cell docutils container"><div class="cell_output docutils container">
<div class="output text_html">{element}</div></div></div>
"""
PAGE = """<!doctype html>
<html lang="en" data-theme="{theme}"><head><meta charset="utf-8"><title>Test</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="favicon.svg">
<link rel="stylesheet" href="pydata-sphinx-theme.css">
<link rel="stylesheet" href="sphinx-book-theme.css">
<link rel="stylesheet" href="course.css"><link rel="stylesheet" href="figures.css">
<script src="course.js" defer></script><script src="figures.js" defer></script></head>
<body style="display: block"><main class="bd-article" style="max-width: 43rem; padding: 0 1rem">
<p id="before">Before.</p>
{content}<p id="after">After.</p></main></body></html>
"""


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        """Say nothing."""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder with the assets of the book and of its theme, and the address it is served at."""
    pytest.importorskip("sphinx_book_theme", reason="the theme comes with the book's requirements")
    folder = tmp_path_factory.mktemp("site")
    for path in ASSETS.iterdir():
        shutil.copy(path, folder)
    for theme in ("pydata_sphinx_theme", "sphinx_book_theme"):
        sheet = f"{theme.replace('_', '-')}.css"
        styles = files(theme) / "theme" / theme / "static" / "styles" / sheet
        (folder / sheet).write_bytes(styles.read_bytes())
    handler = functools.partial(QuietHandler, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


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


@pytest.fixture
def visit(browser, site):
    """Open a page with one figure; return it with its console errors and foreign requests."""
    folder, address = site
    contexts = []

    def open_page(text, theme="light", width=1280, **options):
        content = FIGURE.format(name="fig-a", alt=ALT, caption=CAPTION) + CELL.format(element=text)
        page = PAGE.format(theme=theme, content=content)
        (folder / "page.html").write_text(page, encoding="utf8")
        context = browser.new_context(viewport={"width": width, "height": 1600}, **options)
        contexts.append(context)
        tab, errors, foreign = context.new_page(), [], []
        tab.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
        tab.on("pageerror", lambda error: errors.append(str(error)))
        tab.on(
            "request", lambda r: None if r.url.startswith((address, "data:")) else foreign.append(r)
        )
        tab.goto(f"{address}/page.html", wait_until="load")
        return tab, errors, foreign

    yield open_page
    for context in contexts:
        context.close()


def said(tab):
    return tab.locator("course-figure [role=status]").inner_text()


def drawn(tab):
    return tab.locator("course-figure .drawing").inner_html()


def set_slider(tab, name, index):
    """Move a slider as a finger would: at once, with the event that it sends."""
    tab.get_by_role("slider", name=name, exact=True).fill(str(index))


def resize(tab, width):
    """Change the width of the screen and wait until the figure has followed."""
    tab.set_viewport_size({"width": width, "height": 2000})
    tab.wait_for_function(
        """width => innerWidth == width && document.querySelector("course-figure [role=img]")
        .getAttribute("width") == document.querySelector("course-figure").clientWidth""",
        arg=width,
    )


each_kind = pytest.mark.parametrize("kind", KINDS)


@each_kind
def test_figure_takes_the_place_of_the_picture(visit, kind):
    """Does it stand between the figure's id and its caption, quietly and with no foreign server?"""
    tab, errors, foreign = visit(element(kind, sample(kind)))
    assert errors == []
    assert foreign == []
    assert tab.locator("figure#fig-a > course-figure").is_visible()
    assert not tab.locator("figure#fig-a > img").is_visible()
    assert tab.locator("figure#fig-a > figcaption").inner_text() == CAPTION
    order = "[...document.querySelector('figure').children].map(n => n.localName)"
    assert tab.evaluate(order) == ["img", "course-figure", "figcaption"]
    assert tab.locator("course-figure svg").first.get_attribute("aria-label") == ALT
    assert tab.locator(".cell").bounding_box() is None


def controls_of(tab):
    """Return (role, name) of each stop of the Tab key within the figure."""
    stops = []
    tab.locator("#before").click()
    for _ in range(12):
        tab.keyboard.press("Tab")
        stop = tab.evaluate(
            """() => { const e = document.activeElement; return !e.closest("course-figure") ? null
            : e.localName == "summary" ? ["summary", e.textContent]
            : [e.type, e.getAttribute("aria-label")
               ?? e.closest("fieldset").querySelector("legend").textContent] }"""
        )
        if stop is None:
            break
        stops.append(tuple(stop))
    return stops


STOPS = {
    "unrolled": [("radio", "Sentence"), ("range", "Word"), ("summary", "These numbers as a table")],
    "gradient": [("radio", "Activation"), ("range", "Spectral radius"), ("range", "Steps back")],
    "gates": [
        ("radio", "Sentence"),
        ("radio", "Gate"),
        ("range", "Unit"),
        ("range", "Word"),
        ("summary", "These numbers as a table"),
    ],
    "attention": [("radio", "Sentence"), ("radio", "Word written")],
}


@each_kind
def test_keyboard_reaches_every_control_and_each_changes_figure_and_words(visit, kind):
    """Does Tab stop at named controls, and an arrow key change the drawing and what is said?"""
    tab, errors, _ = visit(element(kind, sample(kind)))
    stops = controls_of(tab)
    assert stops == STOPS[kind]
    tab.locator("#before").click()
    for role, name in stops:
        tab.keyboard.press("Tab")
        outline = "getComputedStyle(document.activeElement.closest('.words label') ?? "
        outline += "document.activeElement)"
        assert tab.evaluate(f"{outline}.outlineStyle") == "solid", name
        assert tab.evaluate(f"parseFloat({outline}.outlineWidth)") >= 2, name
        if role == "summary":
            tab.keyboard.press("Enter")
            assert tab.locator("course-figure table").is_visible()
            continue
        before = drawn(tab), said(tab)
        tab.keyboard.press("ArrowRight")
        after = drawn(tab), said(tab)
        assert before[0] != after[0], name
        assert before[1] != after[1], name
        if role == "range":
            text = "document.activeElement.getAttribute('aria-valuetext')"
            assert tab.evaluate(text) == tab.locator(".slider:focus-within b").inner_text()
    assert errors == []


def test_what_is_said_live_is_a_status_and_groups_are_named(visit):
    """Do screen readers get the picture's alternative text, named groups and the words?"""
    tab, _, _ = visit(element("gates", sample("gates")))
    assert tab.get_by_role("group", name="Interactive figure").count() == 1
    assert tab.get_by_role("group", name="Gate", exact=True).count() == 1
    assert tab.get_by_role("img", name=ALT).count() == 1
    assert tab.get_by_role("status").inner_text().startswith("At “the” the input gate i is ")


LEGIBLE = r"""() => {
  const wrong = [], luminance = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, n) => sum + v * [0.2126, 0.7152, 0.0722][n], 0);
  const parse = text => (text.match(/[\d.]+/g) ?? [0, 0, 0, 0]).map(Number);
  const solid = text => text != "none" && (parse(text)[3] ?? 1) == 1;
  const paint = node => node instanceof SVGElement
    ? (node.localName == "rect" ? getComputedStyle(node).fill : "none")
    : getComputedStyle(node).backgroundColor;
  for (const node of document.querySelectorAll("figure *")) {
    const own = [...node.childNodes].some(n => n.nodeType == 3 && n.data.trim());
    const box = node.getBoundingClientRect(), style = getComputedStyle(node);
    if (!own || !box.width || node.closest("script")) continue;
    const drawn = node instanceof SVGElement, name = node.textContent.trim();
    if (parseFloat(style.fontSize) < 12) wrong.push(`${name} is ${style.fontSize}`);
    const room = (node.closest("course-figure") ?? document.body).getBoundingClientRect();
    if (box.left < room.left - 1 || box.right > room.right + 1) wrong.push(`${name} is cut off`);
    const below = document.elementsFromPoint(box.x + box.width / 2, box.y + box.height / 2);
    const ground = below.filter(n => n != node && !n.contains(node) || !drawn)
      .map(paint).find(solid) ?? getComputedStyle(document.body).backgroundColor;
    const [a, b] = [parse(drawn ? style.fill : style.color), parse(ground)].map(luminance);
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < 4.5) wrong.push(`${name} has a contrast of ${contrast.toFixed(1)}`);
  }
  return wrong;
}"""


@pytest.mark.parametrize("theme", THEMES)
@each_kind
def test_text_is_legible_and_nothing_scrolls_sideways(visit, kind, theme):
    """Has all text 12 pixels and a contrast of 4.5 to 1, and is the page as wide as the screen?"""
    tab, _, _ = visit(element(kind, sample(kind)), theme)
    if tab.locator("summary").count():
        tab.locator("summary").click()
    for variant in range(2):
        tab.locator("fieldset").first.locator("input").nth(variant).check()
        for width in (1280, 390, 350):
            resize(tab, width)
            assert tab.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
            assert tab.evaluate(LEGIBLE) == []


def test_legibility_check_sees_what_is_not_legible(visit):
    """Does it name small, pale and cut-off text, on the page and on a cell of a map?"""
    tab, _, _ = visit(element("gates", sample("gates")))
    tab.add_style_tag(
        content="""[role=status] { color: #999; } legend { font-size: 10px !important; }
        g[data-step] text { fill: var(--tenth-6) !important; }
        summary { position: relative; left: 80rem; }"""
    )
    wrong = "\n".join(tab.evaluate(LEGIBLE))
    assert re.search("At “the” .* has a contrast of 2.8", wrong)
    assert "Gate is 10px" in wrong
    assert "These numbers as a table is cut off" in wrong
    assert re.search(r"0\.\d\d has a contrast of 1\.\d", wrong)


@each_kind
def test_targets_are_large_enough_for_a_finger(visit, kind):
    """Is every control at least 24 pixels high and wide?"""
    tab, _, _ = visit(element(kind, sample(kind)), width=390)
    boxes = "[...document.querySelectorAll('fieldset label, .slider input, summary')]"
    sizes = tab.evaluate(
        f"{boxes}.map(n => n.getBoundingClientRect()).map(b => [b.width, b.height])"
    )
    assert min(size for pair in sizes for size in pair) >= 24


@each_kind
def test_every_state_is_drawn_with_real_numbers(visit, kind):
    """Is there no NaN, undefined or infinity at either end of any control?"""
    tab, errors, _ = visit(element(kind, sample(kind)), width=390)
    for group in tab.locator("fieldset").all():
        for button in group.locator("input").all():
            button.check()
            for control in tab.locator("input[type=range]").all():
                for key in ("End", "Home"):
                    control.press(key)
                    text = drawn(tab) + said(tab)
                    assert not re.search("NaN|undefined|Infinity|null", text)
    assert errors == []


def test_longer_and_shorter_sentences_share_a_slider(visit):
    """Does the word stay within a shorter sentence, and its slider end with it?"""
    tab, errors, _ = visit(element("unrolled", sample("unrolled")))
    set_slider(tab, "Word", len(PRAISE) - 1)
    tab.get_by_label("short").check()
    assert said(tab).startswith("After “extraordinarily”")
    assert tab.get_by_role("slider").get_attribute("max") == str(len(SHORT) - 1)
    tab.get_by_label("blame").check()
    assert errors == []


def test_unrolled_says_the_state_and_where_two_sentences_part(visit):
    """Are the numbers read out and listed those of the data, and the gap that of the states?"""
    data = sample("unrolled")
    one, other = (variant["states"] for variant in data["variants"][:2])
    tab, _, _ = visit(element("unrolled", data))
    set_slider(tab, "Word", 2)
    assert "“blame” has the same state here." in said(tab)
    assert tab.get_by_text("Δ 0.00", exact=True).count() == 3
    set_slider(tab, "Word", 3)
    assert f"After “not” the state is ({', '.join(map(words, one[3]))})." in said(tab)
    gap = words(np.abs(one[3] - other[3]).max())
    assert f"“blame” has just read “dull”; its state differs by up to {gap}." in said(tab)
    tab.locator("summary").click()
    row = tab.locator("tbody tr").nth(4).locator("th, td").all_inner_texts()
    parts = [one[3, 4] - 1, one[3, 4] + 1, one[3, 4], other[3, 4]]
    assert row == ["4", *map(words, parts)]


def test_unrolled_draws_a_bar_a_unit_to_the_side_of_its_sign(visit):
    """Are bars as long as the states, positive ones to the right, and only later steps pale?"""
    data = {"tokens": ["a", "b"], "states": [[0.5, -1.0], [0.25, 0.0]]}
    tab, errors, _ = visit(element("unrolled", data))
    bars = tab.evaluate(
        """[...document.querySelectorAll("g[data-step]")].map(step => {
        const middle = +step.querySelector(".axis").getAttribute("d").match(/M([\\d.]+)/)[1];
        return [...step.querySelectorAll(".bar")].map(bar => [
          +bar.getAttribute("x") - middle, +bar.getAttribute("width"),
          bar.classList.contains("later")]) })"""
    )
    full = bars[0][1][1]
    assert full > 10
    assert bars[0][0] == [0, full / 2, False]
    assert bars[0][1] == [-full, full, False]
    assert bars[1] == [[0, full / 4, True], [0, 0, True]]
    assert errors == []


def test_numbers_that_round_to_zero_have_no_sign(visit):
    """Is a small negative state 0.00?"""
    tab, _, _ = visit(element("unrolled", {"tokens": ["a"], "states": [[-0.001, 0.0, -0.006]]}))
    assert f"the state is (0.00, 0.00, {MINUS}0.01)." in said(tab)


def test_gradient_says_norm_prediction_and_growth(visit):
    """Are the values read out those of the chosen radius, activation and distance?"""
    data = sample("gradient")
    tab, _, _ = visit(element("gradient", data))
    tab.get_by_label("ReLU").check()
    set_slider(tab, "Spectral radius", 2)
    set_slider(tab, "Steps back", 5)
    curve = data["curves"][5]
    norm, growth = curve["norms"][5], curve["norms"][-1] / curve["norms"][0]
    assert said(tab) == (
        f"Spectral radius 1.1, ReLU, steps back 10: the norm of the gradient is {norm:.3g}, "
        f"predicted {1.1**10:.3g}. From 0 to 38 it grows by a factor of {growth:.3g}."
    )
    set_slider(tab, "Spectral radius", 0)
    set_slider(tab, "Steps back", 19)
    digits, power = f"{0.5**38:.1e}".split("e-")
    assert f"predicted {digits} times 10 to the power {MINUS}{int(power)}." in said(tab)


def test_gradient_leaves_out_a_norm_of_zero(visit):
    """Does the line end where the norm is 0, and is 0 still said?"""
    data = sample("gradient")
    tab, _, _ = visit(element("gradient", data))
    set_slider(tab, "Spectral radius", 0)
    set_slider(tab, "Steps back", 18)
    line = tab.locator(".drawing [role=img] .curve")
    assert line.count() == 1
    assert line.get_attribute("d").count("L") == len(data["distance"]) - 3 - 1
    assert tab.locator(".point").count() == 0
    assert "the norm of the gradient is 0, predicted" in said(tab)


def test_gradient_lines_stand_where_the_ticks_say(visit):
    """Do 10 to the power 0 and to the power -2 lie on the ticks of that name?"""
    curve = {"radius": 0.1, "norms": [1, 0.1, 0.01], "predicted": [1, 0.1, 0.01]}
    tab, errors, _ = visit(element("gradient", {"distance": [0, 1, 2], "curves": [curve]}))
    ticks = tab.evaluate(
        """Object.fromEntries([...document.querySelectorAll(".drawing text")]
        .filter(t => t.querySelector("tspan"))
        .map(t => [t.textContent, +t.getAttribute("y") - 4]))"""
    )
    path = tab.locator(".drawing [role=img] .curve").get_attribute("d")
    heights = [float(point.split(",")[1]) for point in re.findall(r"[\d.]+,[\d.]+", path)]
    at = dict(zip(("100", f"10{MINUS}1", f"10{MINUS}2"), heights, strict=True))
    assert ticks == pytest.approx(at, abs=0.1)
    assert tab.locator("fieldset").count() == 0
    assert errors == []


def test_gates_say_a_unit_and_the_mean(visit):
    """Are unit, gate and word those of the sliders, and the mean that over the units?"""
    data = sample("gates")
    variant = data["variants"][0]
    forget, c = variant["gates"]["f"], variant["c"]
    tab, _, _ = visit(element("gates", data))
    tab.get_by_label("forget gate f").check()
    set_slider(tab, "Word", 3)
    assert f"At “not” the forget gate f is {forget[3].mean():.2f} (mean of 4 units" in said(tab)
    low = forget[3].argmin()
    assert f"from {forget[3, low]:.2f} in unit {low} to" in said(tab)
    set_slider(tab, "Unit", 2)
    assert said(tab) == (
        f"At “not” the forget gate f is {forget[3, 1]:.2f} (unit 1). "
        f"After it the cell state c is {words(c[3, 1])}."
    )
    tab.locator("summary").click()
    row = tab.locator("tbody tr").nth(3).locator("th, td").all_inner_texts()
    numbers = [*(variant["gates"][name][3, 1] for name in "ifo"), c[3, 1]]
    assert row == ["not", *map(words, numbers)]


def test_gates_shade_each_cell_by_its_tenth(visit):
    """Is 0 the page's colour, 1 ink, and the boundary of two tenths the darker one?"""
    values = [0, 0.05, 0.1, 0.3, 0.49, 0.5, 0.7, 0.999, 1]
    data = {"tokens": ["a"], "gates": {"r": [values]}}
    tab, _, _ = visit(element("gates", data))
    styles = tab.evaluate("[...document.querySelectorAll('[data-unit]')].map(c => c.style.fill)")
    assert styles == [f"var(--tenth-{n})" for n in (0, 0, 1, 3, 4, 5, 7, 9, 9)]
    assert "the reset gate r" in said(tab)
    assert "cell state" not in said(tab)


def test_hover_reads_a_cell_and_leaves_the_choice(visit):
    """Is the value under the pointer said while it is there, and the chosen one afterwards?"""
    data = sample("gates")
    values = data["variants"][0]["gates"]["i"]
    tab, _, _ = visit(element("gates", data))
    chosen = said(tab)
    tab.locator("[data-unit='3'][data-step='4']").hover()
    assert said(tab).startswith(f"At “dull” the input gate i is {values[4, 2]:.2f} (unit 2)")
    tab.locator("#after").hover()
    assert said(tab) == chosen
    tab.locator("[data-unit='3'][data-step='4']").click()
    tab.locator("#after").hover()
    assert "(unit 2)" in said(tab)
    assert tab.get_by_role("slider", name="Unit").input_value() == "3"


def test_touch_chooses_a_cell(visit):
    """Does a tap do what a click does?"""
    tab, _, _ = visit(element("unrolled", sample("unrolled")), width=390, has_touch=True)
    tab.locator("g[data-step='5'] .box").tap(force=True)
    assert said(tab).startswith("After “but”")


def test_attention_says_where_most_weight_lies(visit):
    """Are the three largest weights of the chosen word said and written beside their words?"""
    data = sample("attention")
    weights = data["variants"][0]["weights"]
    tab, _, _ = visit(element("attention", data))
    tab.get_by_label("but").check()
    order = np.argsort(-weights[5])[:3]
    words = ", ".join(f"“{BLAME[s]}” {100 * weights[5, s]:.0f} %" for s in order)
    assert said(tab) == f"“but” looks at {words}."
    shares = tab.locator(".chip > :last-child").all_inner_texts()
    written = [f"{100 * p:.0f} %" if p >= 0.005 else "< 1 %" for p in weights[5]]
    assert shares == written


def test_attention_follows_the_pointer_over_words(visit):
    """Does hovering a written word, above or in the map, show where it looks?"""
    tab, _, _ = visit(element("attention", sample("attention")))
    tab.locator("label", has_text="dull").hover()
    assert said(tab).startswith("“dull” looks at")
    tab.locator("g[data-target='2']").hover(position={"x": 5, "y": 5})
    assert said(tab).startswith("“was” looks at")
    tab.locator("#after").hover()
    assert said(tab).startswith("“the” looks at")


def test_blank_tokens_are_shown(visit):
    """Can a reader see, and point at, a token that is a space?"""
    data = {"target": ["a", " "], "source": ["b", "\n"], "weights": [[0.4, 0.6], [1, 0]]}
    tab, _, _ = visit(element("attention", data))
    assert said(tab) == "“a” looks at “␣” 60 %, “b” 40 %."
    tab.get_by_label("␣").check()
    assert said(tab) == "“␣” looks at “b” 100 %."


def test_labels_rename_what_is_shown(visit):
    """Can a chapter call controls and quantities by other names?"""
    data = sample("gradient") | {"labels": {"radius": "Forget bias", "distance": "Steps ago"}}
    tab, _, _ = visit(element("gradient", data))
    assert tab.get_by_role("slider", name="Forget bias").count() == 1
    assert said(tab).startswith("Forget bias 0.9, tanh, steps ago")


def test_two_figures_do_not_share_their_buttons(visit):
    """Does a choice in one figure leave the other, of the same kind, as it was?"""
    one = element("attention", sample("attention"))
    figure = FIGURE.format(name="fig-b", alt="b", caption="B")
    tab, errors, _ = visit(one + figure + one.replace("fig-a", "fig-b"))
    tab.locator("#fig-b").get_by_label("two").check()
    assert tab.locator("#fig-a").get_by_label("one").is_checked()
    ids = tab.evaluate("[...document.querySelectorAll('[id]')].map(n => n.id)")
    assert len(ids) == len(set(ids))
    assert errors == []


@each_kind
def test_figure_follows_the_width_of_the_screen(visit, kind):
    """Is it drawn anew, not scaled, when a phone is turned?"""
    tab, _, _ = visit(element(kind, sample(kind)), width=800)
    picture = tab.locator("course-figure [role=img]")
    assert picture.bounding_box()["width"] > 390
    resize(tab, 390)
    assert picture.bounding_box()["width"] < 390
    resize(tab, 800)
    assert picture.bounding_box()["width"] > 390


@each_kind
def test_print_shows_the_picture(visit, kind):
    """Is the still picture on paper, and the figure back on the screen?"""
    tab, errors, _ = visit(element(kind, sample(kind)))
    tab.emulate_media(media="print")
    assert tab.locator("figure > img").is_visible()
    assert not tab.locator("course-figure").is_visible()
    tab.emulate_media(media="screen")
    assert tab.locator("course-figure").is_visible()
    assert errors == []


def test_without_scripts_the_picture_stays(visit):
    """Is the picture there, and is the cell with the data left out of the page's layout?"""
    tab, _, _ = visit(element("gates", sample("gates")), java_script_enabled=False)
    assert tab.locator("figure > img").is_visible()
    assert tab.locator(".cell").bounding_box() is None
    assert not tab.locator("course-figure").is_visible()


@pytest.mark.parametrize("scripts", [True, False])
def test_cell_that_shows_its_code_stays(visit, scripts):
    """Does only the output leave a cell whose code the reader should see?"""
    end = '</div></div></div><div class="cell"><div class="cell_input">code</div>'
    start = '<div class="cell_output"><div class="output text_html">'
    text = f"<p>More.</p>{end}{start}{element('gates', sample('gates'))}"
    tab, errors, _ = visit(text, java_script_enabled=scripts)
    assert tab.get_by_text("code", exact=True).is_visible()
    assert tab.get_by_text("More.").is_visible()
    assert tab.locator("figure > course-figure").count() == scripts
    assert errors == []


def broken(kind):
    """Return pairs of what is wrong with the data and what the console should say of it."""
    data = data_in(element(kind, sample(kind)))
    first = data.get("variants", [{}])[0]
    if kind == "unrolled":
        yield {"variants": []}, "variants must be a list"
        yield {"tokens": ["a"], "states": [[1], [2]]}, "states must hold 1 rows"
        yield {"tokens": ["a"], "states": [["b"]]}, r"states\[0\] must hold 1 numbers"
        yield {**first, "tokens": [1, 2]}, "tokens must be a list of words"
        yield {"variants": [{"tokens": ["a"], "states": [[1]]}]}, "a variant has no label"
        yield first | {"from_word": [[1]]}, "from_word must hold 7 rows"
    if kind == "gradient":
        yield data | {"distance": [1]}, "distance must grow"
        yield data | {"distance": data["distance"][::-1]}, "distance must grow"
        yield data | {"distance": data["distance"][1:]}, "norms at 0.5 must hold 19 numbers"
        yield data | {"curves": data["curves"][1:]}, "no curve of radius 0.5 and activation tanh"
        curve = {"radius": 1, "norms": [0, -1]}
        yield {"distance": [0, 1], "curves": [curve]}, r"norms at 1 must lie in \[0, Infinity\]"
        yield {"distance": [0, 1], "curves": [curve | {"norms": [0, 0]}]}, "no norm is above 0"
    if kind == "gates":
        yield first | {"gates": {}}, "gates must hold at least one gate"
        yield first | {"gates": {"f": [[1.5]] * 7}}, r"gate f\[0\] must lie in \[0, 1\]"
        yield first | {"c": [[1]] * 7}, r"c\[0\] must hold 4 numbers"
        yield {"variants": [first, first | {"gates": {"i": []}}]}, "gate i must hold 7 rows"
    if kind == "attention":
        yield first | {"source": BLAME[1:]}, r"weights\[0\] must hold 6 numbers"
        yield first | {"target": []}, "target must be a list of words"
        yield first | {"weights": [[None]]}, "weights must hold 7 rows"
    yield {}, ""
    yield [], ""


@each_kind
def test_malformed_data_leaves_the_picture_and_one_error(visit, kind):
    """Does the reader see the picture, and the author which figure is wrong, and why?"""
    cases = dict(enumerate(broken(kind)))
    parts = [
        FIGURE.format(name=f"fig-{n}", alt=ALT, caption=n)
        + element(kind, {}, f"fig-{n}").replace("{}", json.dumps(data))
        for n, (data, _) in cases.items()
    ]
    tab, errors, _ = visit("".join(parts) + element(kind, sample(kind)))
    assert len(errors) == len(cases)
    for n, (_, message) in cases.items():
        assert re.search(f"^figure fig-{n}: .*{message}", errors[n])
        assert tab.locator(f"#fig-{n} > img").is_visible()
        assert not tab.locator(f"course-figure[figure=fig-{n}]").is_visible()
    assert tab.locator("#fig-a > course-figure").is_visible()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("{", "{]", "JSON"),
        ('kind="gates"', 'kind="toString"', "there is no kind toString"),
        ('figure="fig-a"', 'figure="fig-b"', "no such picture"),
        ('figure="fig-a"', 'figure="after"', "no such picture"),
    ],
)
def test_wrong_element_leaves_the_picture_and_one_error(visit, old, new, message):
    """Are broken JSON, an unknown kind and a figure that is not there said in the console?"""
    tab, errors, _ = visit(element("gates", sample("gates")).replace(old, new, 1))
    assert len(errors) == 1
    assert re.search(f"^figure (fig-a|fig-b|after): .*{message}", errors[0])
    assert tab.locator("figure > img").is_visible()
