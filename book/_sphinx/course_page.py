"""What the finished pages need beyond the theme: fonts cut to size, nothing unused, small mends."""

import re
from html import unescape
from importlib.resources import files
from io import BytesIO
from pathlib import Path

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont

MATH = re.compile(r"<math.*?</math>", re.DOTALL)
ICON_RULE = re.compile(r'([^{}]*)\{[^{}]*content:"\\([0-9a-f]{2,4})"')
ICON_VARIABLE = re.compile(r'--pst-icon-[\w-]+:"(.)"')
SVG_SIZE = re.compile(r'<svg[^>]*?width="([\d.]+)pt" height="([\d.]+)pt"')
STIX_NOTICE = "STIXTwoMath-LICENSE.txt"
ITALIC_CAPITALS, ITALIC_SMALL, PLANCK = 0x1D434, 0x1D44E, 0x210E
ITALIC_GREEK_CAPITALS, ITALIC_GREEK_SMALL = 0x1D6E2, 0x1D6FC
UNWRITTEN = {0x1D715, 0x2061, 0x221A}  # ∂ in italics, the sign of application, msqrt's root


def mathematics_characters(pages):
    """Return every character of the pages' formulas, with the italics browsers put in place."""
    characters = set()
    for page in pages:
        for formula in MATH.findall(page.read_text(encoding="utf8")):
            characters |= set(unescape(re.sub(r"<[^>]*>", "", formula)))
    italics = {PLANCK}
    for letter in characters:
        for first, start in zip(
            "Aa\u0391\u03b1",
            (ITALIC_CAPITALS, ITALIC_SMALL, ITALIC_GREEK_CAPITALS, ITALIC_GREEK_SMALL),
            strict=True,
        ):
            if 0 <= ord(letter) - ord(first) < 26:
                italics.add(start + ord(letter) - ord(first))
    return {ord(letter) for letter in characters} | italics | UNWRITTEN


def cut_font(source, target, codes):
    """Write the glyphs of `codes`, with their mathematics tables and licence, as woff2."""
    font = TTFont(BytesIO(Path(source).read_bytes()), recalcTimestamp=False)
    options = Options(layout_features=["*"], name_IDs=["*"], notdef_outline=True)
    options.drop_tables += ["DSIG"]
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=codes)
    subsetter.subset(font)
    font.flavor = "woff2"
    font.save(target)
    return font


def write_math_font(out):
    """Put the mathematics font beside the pages, cut to what they use, with its licence."""
    fonts = out / "_static" / "fonts"
    fonts.mkdir(parents=True, exist_ok=True)
    source = files("ziamath") / "fonts" / "STIXTwoMath-Regular.ttf"
    pages = sorted(out.rglob("*.html"))
    font = cut_font(str(source), fonts / "STIXTwoMath.woff2", mathematics_characters(pages))
    notice = [str(font["name"].getDebugName(number)) for number in (4, 0, 7, 13, 14)]
    notice.append("This copy holds only the characters that the course uses.")
    (fonts / STIX_NOTICE).write_text("\n".join(notice) + "\n", encoding="utf8")


def cut_icon_fonts(out):
    """Keep of the icon font what the pages and the theme's own style rules name."""
    used = set()
    for page in out.rglob("*.html"):
        used |= set(re.findall(r"\bfa-[a-z-]+", page.read_text(encoding="utf8")))
    codes = set()
    for sheet in (out / "_static" / "styles").glob("*.css"):
        rules = sheet.read_text(encoding="utf8")
        for selectors, code in ICON_RULE.findall(rules):
            names = set(re.findall(r"\.(fa-[\w-]+)", selectors))
            if names & used or not names:
                codes.add(int(code, 16))
        codes |= {ord(icon) for icon in ICON_VARIABLE.findall(rules)}
    for font in (out / "_static" / "vendor" / "fontawesome" / "webfonts").glob("*.woff2"):
        cut_font(font, font, codes)


def drop_unused(out):
    """Remove what no page asks for."""
    for pattern in ("*.map", "fontawesome.js*", "*.ttf"):
        for path in (out / "_static").rglob(pattern):
            path.unlink()


def mend_bibliography(body, app):
    """Entries are plain paragraphs: the list role, its children's and the back links clash."""
    body = body.replace('<div role="list" class="citation-list">', '<div class="citation-list">')
    body = body.replace(' role="doc-biblioentry"', "")
    return re.sub(r'<span class="backrefs">.*?</span>', "", body, flags=re.DOTALL)


def mend_summary_names(body, app):
    """A fold is called by the text it shows."""
    return body.replace('<summary aria-label="Toggle hidden content">', "<summary>")


def mend_image_sizes(body, app):
    """Give each SVG its size, so that the text does not jump when it arrives."""
    sources = {name: path for path, name in app.builder.images.items()}

    def with_size(match):
        path = sources.get(match[2])
        size = path and SVG_SIZE.search(Path(app.srcdir, path).read_text(encoding="utf8"))
        if not size:
            return match[0]
        width, height = (round(float(points) * 4 / 3) for points in size.groups())
        return f'<img width="{width}" height="{height}" {match[1]}'

    return re.sub(r'<img (?=([^>]*?src="[^"]*?_images/([^"/]+\.svg)"))\1', with_size, body)


def mend_page(app, pagename, templatename, context, doctree):
    for mend in (mend_bibliography, mend_summary_names, mend_image_sizes):
        context["body"] = mend(context.get("body", ""), app)
    if "<course-figure" in context["body"]:
        app.add_css_file("figures.css")
        app.add_js_file("figures.js", defer="defer")


def finish(app, error):
    if error is None and app.builder.format == "html":
        out = Path(app.outdir)
        write_math_font(out)
        cut_icon_fonts(out)
        drop_unused(out)


def setup(app):
    # Jupyter Book always sets it, though the extension that reads it is left out.
    app.add_config_value("comments_config", {}, "")
    app.connect("html-page-context", mend_page)
    app.connect("build-finished", finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
