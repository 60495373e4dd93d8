"""Feedback pages that load nothing from elsewhere: formulas are MathML, raw HTML is text."""

from html import escape

from latex2mathml.converter import convert
from nbconvert.exporters import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath


def formula(tex, display):
    """Return TeX as MathML, or as it is where it cannot be read: students write formulas too."""
    try:
        return convert(tex.strip(), display=display)
    except Exception:
        return f"<code>{escape(tex)}</code>"


class Renderer(IPythonRenderer):
    """HTML of Markdown; raw HTML is shown as text, as the page holds what a student wrote."""

    def inline_math(self, body):
        """Render $...$."""
        return formula(body, "inline")

    def block_math(self, body):
        """Render $$...$$."""
        return formula(body, "block")

    def latex_environment(self, name, body):
        r"""Render \begin{name}...\end{name}."""
        return formula(rf"\begin{{{name}}}{body}\end{{{name}}}", "block")


def markdown(source):
    """Return the HTML of a Markdown cell."""
    renderer = Renderer(escape=True, allow_harmful_protocols=False, exclude_anchor_links=True)
    return MarkdownWithMath(renderer=renderer).render(source)


class FeedbackExporter(HTMLExporter):
    """nbgrader's exporter of feedback; its templates are set in nbgrader_config.py."""

    def default_filters(self):
        """Put the Markdown of this module in place of nbconvert's."""
        yield from super().default_filters()
        yield "markdown2html", markdown
