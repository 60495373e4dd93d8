"""Mathematics without a script: LaTeX becomes MathML while the book is built.

latex2mathml does the conversion; `tidy` mends what browsers or typesetters expect otherwise.
What the converter does not know is an error of the build, never raw TeX on the page.
"""

import re
from itertools import pairwise
from xml.etree import ElementTree

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

LOGGER = logging.getLogger(__name__)
SCRIPTS = {"msub", "msup", "msubsup", "munder", "mover", "munderover"}
ROWS = {"math", "mrow", "mtd", "mstyle"}
CLOSING = set(")]}⟩⌋⌉!\u2032")
ACCENTS = {"^": "\u02c6", "~": "\u02dc", "¯": "¯", "→": "→", "˙": "˙", "¨": "¨"}
MINUS = "\u2212"
LIMITS_BELOW = {"max", "min", "argmax", "argmin", "lim", "sup", "inf"}
UNSUPPORTED = re.compile(r"\\(begin\{(align|equation|gather)\*?\}|tag\b|label\b)")
ALIGNED = re.compile(r"\\(begin|end)\{aligned\}")
UPRIGHT = set("ΓΔΘΛΞΠΣΦΨΩ")
DOUBLE_STRUCK_ZERO = 0x1D7D8
BOLD_ITALIC = {"A": 0x1D468, "a": 0x1D482, "\u0391": 0x1D71C, "\u03b1": 0x1D736}


class UnknownTeX(ValueError):
    """The converter met a construct that it does not know."""


def tex_to_mathml(tex, display):
    """Convert LaTeX to a string of MathML.

    Args:
        tex: LaTeX without dollars; several lines are written with `aligned`.
        display: whether it stands on a line of its own.

    Raises:
        UnknownTeX: some of it is not understood; the message says what.
    """
    if found := UNSUPPORTED.search(tex):
        raise UnknownTeX(f"{found[0]} is not used here: write aligned inside a math block")
    try:
        text = convert(ALIGNED.sub(r"\\\1{align*}", tex), display="block" if display else "inline")
    except Exception as error:
        raise UnknownTeX(f"{type(error).__name__} {error}".strip()) from error
    # A bare ampersand or backslash in the result is TeX that was passed through.
    text = text.replace("<mi>&</mi>", "<mi>\\&amp;</mi>").replace(' xmlns="', ' data-ns="', 1)
    try:
        math = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise UnknownTeX(str(error)) from error
    for element in math.iter():
        if "\\" in (element.text or ""):
            raise UnknownTeX(element.text)
    return ElementTree.tostring(tidy(math, display), encoding="unicode")


def tidy(math, display):
    """Mend the converter's tree in place, one kind of element at a time."""
    del math.attrib["data-ns"]
    math.set("display", "block") if display else math.attrib.pop("display")
    for element in list(math.iter()):
        flatten(element)
        merge_upright(element)
    for element in math.iter():
        name_function(element)
        if element.tag == "mover":
            mend_accent(element)
        if element.get("mathvariant", "normal") != "normal":
            use_unicode_font(element)
        if element.tag == "mtd":
            element.set("class", element.attrib.pop("columnalign", "center"))
        if element.text in ("∂", "…"):
            element.tag = "mi"
        if element.tag == "mi" and (element.text or "") in UPRIGHT:
            element.set("mathvariant", "normal")
    for element in list(math.iter()):
        pair_bars(element)
        sign_of_one(element)
        tighten_scripts(element)
        space_functions(element)
        if display and element.tag == "msub" and core(element).text in LIMITS_BELOW:
            element.tag = "munder"
        if element.tag == "mtable" and any(e.get("class") == "right" for e in element.iter("mtd")):
            element.set("class", "aligned")
    return math


def flatten(element):
    """Drop an mrow that only wraps another one."""
    for index, child in enumerate(element):
        while child.tag == "mrow" and len(child) == 1 and child[0].tag == "mrow":
            child = element[index] = child[0]


def merge_upright(element):
    """Make one identifier of \\mathrm{ReLU}, which arrives letter by letter."""
    previous = None
    for child in list(element):
        upright = child.tag == "mi" and child.get("mathvariant") == "normal"
        if upright and previous is not None:
            previous.text += child.text
            element.remove(child)
        else:
            previous = child if upright else None


def name_function(element):
    """A named operator is an upright identifier, as tanh is."""
    if element.tag == "mo" and (element.text or "").isalpha() and len(element.text) > 1:
        element.tag = "mi"
        element.attrib.clear()
    if element.tag == "mi" and len(element.text or "") > 1:
        element.attrib.pop("mathvariant", None)


def mend_accent(element):
    """Hats, bars and arrows keep the width of their letter."""
    mark = element[1]
    if mark.tag == "mo" and mark.text in ACCENTS:
        element.set("accent", "true")
        mark.text = ACCENTS[mark.text]
        mark.set("stretchy", "false")


def use_unicode_font(element):
    """Spell \\boldsymbol and \\mathbb{1} with the Unicode letters that browsers draw."""
    variant, letter = element.attrib.pop("mathvariant"), element.text
    if variant == "double-struck" and letter in "0123456789":
        element.text = chr(DOUBLE_STRUCK_ZERO + int(letter))
        return
    for first, code in BOLD_ITALIC.items():
        if variant == "bold-italic" and len(letter) == 1 and 0 <= ord(letter) - ord(first) < 26:
            element.text = chr(code + ord(letter) - ord(first))
            return
    raise UnknownTeX(f"a {variant} font for {letter!r}")


def core(element):
    """Return what carries the scripts, or the element itself."""
    while element.tag in SCRIPTS and len(element):
        element = element[0]
    return element


def pair_bars(element):
    """Give the bars of |x| and of a norm their sides: opening, closing, opening..."""
    side = "prefix"
    for child in element if element.tag not in SCRIPTS else ():
        bar = core(child)
        if bar.tag == "mo" and bar.text in ("|", "‖") and "form" not in bar.attrib:
            bar.attrib.update(form=side, fence="true", stretchy="false", lspace="0", rspace="0")
            side = "postfix" if side == "prefix" else "prefix"


def sign_of_one(element):
    """A minus or plus after an operator or an opening bracket is a sign, set close."""
    previous = None
    for child in element if element.tag in ROWS else ():
        if child.tag == "mo" and child.text in (MINUS, "+") and previous is not None:
            before = core(previous)
            if (
                before.tag == "mo"
                and before.text not in CLOSING
                and before.get("form") != "postfix"
            ):
                child.set("form", "prefix")
        previous = child


def tighten_scripts(element):
    """Inside scripts TeX sets no space around operators; browsers do."""
    for script in element[1:] if element.tag in SCRIPTS else ():
        for operator in script.iter("mo"):
            operator.attrib.update(lspace="0", rspace="0")


def space_functions(element):
    """Set a thin space around a function name where no bracket or operator does it."""
    if element.tag in SCRIPTS or element.tag in ("mfrac", "msqrt"):
        return
    children = list(element)
    for left, right in pairwise(children):
        names = [is_function(left), is_function(right)]
        bracket = core(right).tag == "mo" or (right.tag == "mrow" and opens(right))
        operator = core(left).tag == "mo" and core(left).text != ")"
        if (names[0] and not bracket) or (names[1] and not operator and left.tag != "mspace"):
            position = list(element).index(right)
            element.insert(position, ElementTree.Element("mspace", width="0.167em"))


def is_function(element):
    """Whether this is a name of several letters, with or without scripts."""
    name = core(element)
    return name.tag == "mi" and len(name.text or "") > 1


def opens(row):
    """Whether a row begins with a bracket."""
    return len(row) > 0 and core(row[0]).tag == "mo"


def render(self, node, display):
    """Return the MathML of a docutils node; a warning stands in for what is not understood."""
    try:
        return tex_to_mathml(node.astext().strip(), display)
    except UnknownTeX as error:
        LOGGER.warning("mathematics not understood: %s in %r", error, node.astext(), location=node)
        return "<mtext>?</mtext>"


def visit_inline(self, node):
    self.body.append(f'<span class="math">{render(self, node, False)}</span>')
    raise nodes.SkipNode


def visit_block(self, node):
    ids = f' id="{node["ids"][0]}"' if node["ids"] else ""
    self.body.append(f'<div class="math-block"{ids}>')
    self.body.append(f'<div class="math-scroll">{render(self, node, True)}</div>')
    if node["number"]:
        number = get_node_equation_number(self, node)
        self.body.append(f'<span class="eqno">({number})')
        self.add_permalink_ref(node, "Link to this equation")
        self.body.append("</span>")
    self.body.append("</div>")
    raise nodes.SkipNode


def setup(app):
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
