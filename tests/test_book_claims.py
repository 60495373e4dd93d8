"""A small book with good and bad claims, built by Sphinx: what is refused, and what is shown."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
SPHINX = ROOT / "book" / "_sphinx"
RECORD = {
    "verdict": "holds",
    "measured": "held-out accuracy",
    "value": "90.0% (80.0% to 100.0% over 3 seeds)",
    "baseline": "50.0%",
    "baseline_name": "majority class",
    "conditions": "",
    "figure": "fig-one",
}
FIGURE = "(fig-one)=\n```{figure} dot.png\n:alt: a dot\n\nA dot.\n```\n"
CONF = """
extensions = ["myst_nb", "course_claims"]
root_doc = "book/claims"
nb_execution_mode = "off"
numfig = True
myst_enable_extensions = ["dollarmath"]
"""


def page(text, *records):
    """Return a notebook whose one code cell holds these records as outputs."""
    prefix = "application/papermill.record/"
    outputs = [
        {
            "output_type": "display_data",
            "data": {prefix + "text/plain": json.dumps(record)},
            "metadata": {"scrapbook": {"name": f"claim {record['id']}", "mime_prefix": prefix}},
        }
        for record in records
    ]
    code = {"cell_type": "code", "execution_count": 1, "source": "", "outputs": outputs}
    cells = [code, {"cell_type": "markdown", "source": text}]
    for number, cell in enumerate(cells):
        cell |= {"metadata": {}, "id": f"cell-{number}"}
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells})


def claim(identifier):
    return f"\n\n```{{claim}} {identifier}\n```\n"


def build(folder, pages):
    """Build a book of these pages; return Sphinx's exit status, warnings and output folder."""
    book = folder / "book"
    book.mkdir()
    toc = "\n".join(pages)
    (book / "claims.md").write_text(
        f"# Claims\n\n```{{toctree}}\n{toc}\n```\n\n```{{claims-table}}\n```\n"
    )
    (folder / "conf.py").write_text(f"import sys\nsys.path.insert(0, {str(SPHINX)!r})\n{CONF}")
    (book / "dot.png").write_bytes(b"")
    for name, text in pages.items():
        (book / f"{name}.ipynb").write_text(text)
    out = folder / "_build" / "html"
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", str(folder), str(out)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return result.returncode, result.stderr, out


def text_of(path):
    bs4 = pytest.importorskip("bs4")
    main = bs4.BeautifulSoup(path.read_text(encoding="utf8"), "html.parser").find(role="main")
    return " ".join(main.get_text().split())


def test_measured_claims_are_shown_with_their_figure(tmp_path):
    """Do page and claims page show statement, verdict, value, baseline and figure?"""
    first = [RECORD | {"id": "F1"}, RECORD | {"id": "F5", "verdict": "does not hold here"}]
    chapters = {
        "ch01_a": page("# One\n\n" + FIGURE + claim("F1") + claim("F5"), *first),
        "ch02_b": page("# Two" + claim("F5"), RECORD | {"id": "F5", "value": "70.0%"}),
    }
    status, warnings, out = build(tmp_path, chapters)
    assert (status, warnings) == (0, "")
    statement = yaml.safe_load((ROOT / "book" / "claims.yml").read_text(encoding="utf8"))
    chapter, listed = text_of(out / "book" / "ch01_a.html"), text_of(out / "book" / "claims.html")
    for text in (chapter, listed):
        assert statement["claims"][0]["claim"] in text
        assert "holds" in text
        assert "Held-out accuracy: 90.0% (80.0% to 100.0% over 3 seeds)" in text
        assert "majority class: 50.0%. Shown in Fig. 1." in text
    assert "does not hold here" in listed
    assert "Held-out accuracy: 70.0%" in listed, "F5 is measured in chapter 2 as well"
    assert 'href="ch01_a.html#fig-one"' in (out / "book" / "claims.html").read_text()
    assert "To be shown by accuracy and number of parameters by window size" in listed


def test_claims_that_do_not_fit_together_are_refused(tmp_path):
    """Does each kind of mistake fail the strict build, with a message that names it?"""
    chapters = {
        "ch01_unknown": page("# A\n\n" + FIGURE + claim("F9"), RECORD | {"id": "Z1"}),
        "ch01_silent": page("# B" + claim("F1")),
        "ch01_hidden": page("# C", RECORD | {"id": "F2"}),
        "ch01_verdict": page("# D" + claim("F3"), RECORD | {"id": "F3", "verdict": "maybe"}),
        "ch01_figure": page("# E" + claim("F4"), RECORD | {"id": "F4", "figure": "fig-none"}),
        "ch02_elsewhere": page("# F" + claim("G1"), RECORD | {"id": "G1"}),
        "ch02_twice": page("# G" + claim("V1"), RECORD | {"id": "V1"}, RECORD | {"id": "V1"}),
        "ch02_again": page("# H" + claim("V1"), RECORD | {"id": "V1"}),
    }
    status, warnings, _ = build(tmp_path, chapters)
    assert status == 1
    for message in (
        "claims.yml has no claim 'F9'",
        "the claim Z1 is not in claims.yml",
        "no cell of this page records F1",
        "the claim F2 is recorded but no claim directive shows it",
        "the claim F3 has the verdict 'maybe'",
        "undefined label: 'fig-none'",
        "the claim G1 belongs to chapter [4]",
        "glue key 'claim V1' duplicate",
        "the claim V1 is recorded twice for chapter 2",
    ):
        assert message in warnings
