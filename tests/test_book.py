"""The book's sources fit together, and its own machinery refuses what does not."""

import ast
import json
import re
import sys
from pathlib import Path

import jupytext
import numpy as np
import pytest
import yaml
from test_architecture import imported

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "book"), str(ROOT / "book" / "_sphinx")]

import course_claims  # noqa: E402
import course_math  # noqa: E402
import course_run  # noqa: E402
import measured  # noqa: E402

STEM = re.compile(r"ch\d\d_\w+")


def pages():
    """Return every page that _toc.yml names, as a path without its suffix."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf8"))
    chapters = [chapter["file"] for part in toc["parts"] for chapter in part["chapters"]]
    return [toc["root"], *chapters]


def stems(names):
    return {name for name in names if STEM.fullmatch(name)}


def test_toc_names_existing_pages_once():
    """Is every page of the table of contents there, and none there twice?"""
    assert len(pages()) == len(set(pages()))
    missing = [page for page in pages() if not (ROOT / f"{page}.md").exists()]
    assert missing == []


def test_toc_names_every_chapter():
    """Is a chapter in the folder but not in the book?"""
    assert stems(Path(page).name for page in pages()) == stems(
        path.stem for path in (ROOT / "book").glob("*.md")
    )


@pytest.mark.parametrize("place", ["solutions", "notebooks", "exercises", "readme"])
def test_one_stem_joins_the_places_of_a_chapter(place):
    """Has each chapter its page, solution, notebooks and row of the README, all of one stem?"""
    readme = (ROOT / "README.md").read_text(encoding="utf8")
    rows = "\n".join(line for line in readme.splitlines() if line.startswith("|"))
    found = {
        "solutions": stems(path.stem for path in (ROOT / "solutions").glob("ch*.py")),
        "notebooks": stems(p.stem for p in (ROOT / "solutions").glob("ch*/ch*.ipynb")),
        "exercises": stems(p.stem for p in (ROOT / "exercises").glob("ch*/ch*.ipynb")),
        "readme": set(STEM.findall(rows)),
    }
    chapters = stems(Path(page).name for page in pages())
    if place == "readme":
        assert found[place] == chapters
    else:  # a chapter may come before its exercises, never with half of them
        assert found[place] == found["solutions"] <= chapters


def test_claims_have_one_home_with_permanent_ids():
    """Are all rows there, each of a known chapter, with both descriptions?"""
    claims, chapters = course_claims.load_claims()
    groups = {"F": 5, "V": 8, "B": 3, "G": 4, "L": 6, "D": 4, "S": 4, "T": 7}
    assert list(claims) == [f"{k}{n}" for k, count in groups.items() for n in range(1, count + 1)]
    for row in claims.values():
        assert set(row["chapters"]) <= set(chapters)
        assert row["claim"].endswith(".")
        assert not row["shows"].endswith(".")


def test_references_carry_a_doi_or_an_address():
    """Can a reader find every source?"""
    text = (ROOT / "book" / "references.bib").read_text(encoding="utf8")
    entries = re.split(r"^@", text, flags=re.MULTILINE)[1:]
    assert entries
    lost = [e.split(",")[0] for e in entries if not re.search(r"^\s*(doi|url)\s*=", e, re.M)]
    assert lost == []


def recorded(monkeypatch, **changes):
    """Call record_claim with good arguments and some changes; return what it displays."""
    shown = []
    monkeypatch.setattr(
        "IPython.display.display", lambda data, **options: shown.append((data, options))
    )
    good = {"verdict": "holds", "measured": "accuracy", "value": 0.5, "figure": "fig-a"}
    measured.record_claim("F1", **{**good, **changes})
    ((data, options),) = shown
    assert options["metadata"]["scrapbook"]["name"] == "claim F1"
    (text,) = data.values()
    return json.loads(text)


def test_record_claim_gives_mean_and_range_over_seeds(monkeypatch):
    """Does a list of seeds become its mean, lowest and highest?"""
    record = recorded(
        monkeypatch,
        value=np.array([0.9, 0.8, 1.0]),
        baseline=np.float32(0.5),
        baseline_name="majority",
        format=".1%",
    )
    assert record["value"] == "90.0% (80.0% to 100.0% over 3 seeds)"
    assert record["baseline"] == "50.0%"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"verdict": "mostly holds"}, "the verdict is 'mostly holds'"),
        ({"verdict": "holds, with conditions"}, "which conditions"),
        ({"baseline": 0.5}, "what the baseline is"),
        ({"value": float("nan")}, "finite"),
        ({"value": [[0.1, 0.2]]}, "finite number, or one a seed"),
    ],
)
def test_record_claim_refuses(monkeypatch, changes, message):
    """Is an incomplete or impossible record refused, with the reason?"""
    with pytest.raises(ValueError, match=message):
        recorded(monkeypatch, **changes)


def test_plain_number_unwraps_numpy_and_refuses_the_rest():
    """Does prose receive plain numbers only?"""
    assert repr(measured.plain_number("n", np.float64(0.5))) == "0.5"
    assert repr(measured.plain_number("n", np.array([3]))) == "3"
    with pytest.raises(TypeError, match=r"ch01_n must be one number, got .* \(2,\)"):
        measured.plain_number("ch01_n", [1, 2])
    with pytest.raises(ValueError, match="ch01_n is inf"):
        measured.plain_number("ch01_n", np.inf)


@pytest.mark.parametrize(
    ("tex", "part"),
    [
        (r"W_{hh}^\top", "<msubsup><mi>W</mi>"),
        (r"\mathbb{R}^{B \times T}", "<mi>\u211d</mi>"),
        (r"\mathrm{ReLU}(a)", "<mi>ReLU</mi>"),
        (r"\log p", '<mi>log</mi><mspace width="0.167em" /><mi>p</mi>'),
        (r"\hat{y}", 'accent="true"'),
        (r"\lVert x \rVert", 'form="postfix"'),
        (r"\begin{aligned} a &= b \\ c &= d \end{aligned}", '<mtd class="right"><mi>c</mi>'),
    ],
)
def test_tex_becomes_mathml(tex, part):
    """Does each construct become what a browser draws well?"""
    assert part in course_math.tex_to_mathml(tex, display=True)


@pytest.mark.parametrize(
    "tex",
    [r"\nosuchcommand x", r"\frac{1}{", r"a & b", r"\begin{align} a \end{align}", r"x \tag{1}"],
)
def test_tex_that_is_not_understood_is_refused(tex):
    """Is unknown TeX an error, never shown raw?"""
    with pytest.raises(course_math.UnknownTeX):
        course_math.tex_to_mathml(tex, display=True)


def stale_after_a_change(root, path):
    """Whether the cache's name changes with the text of this one file."""
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("1")
    before = course_run.dependency_hash(root)
    assert before == course_run.dependency_hash(root)
    file.write_text("2")
    return before != course_run.dependency_hash(root)


@pytest.mark.parametrize(
    "path", ["rnn_course/rnn.py", "book/measured.py", "book/experiments/a.json", "requirements.txt"]
)
def test_results_become_stale_when_what_they_depend_on_changes(tmp_path, path):
    """Does the cache's name change with the package, the helpers and the requirements?"""
    assert stale_after_a_change(tmp_path, path)


@pytest.mark.parametrize("path", ["rnn_course/checks/rnn.py", "rnn_course/grading.py"])
def test_results_outlive_a_change_that_cannot_reach_them(tmp_path, path):
    """Does a better hint, or a mended grader, leave the executed pages as they are?"""
    assert not stale_after_a_change(tmp_path, path)


def edge_imports(code):
    """The modules left out of the cache's name that this code imports, or names in a string."""
    edge = {f"rnn_course.{Path(path).stem}" for path in course_run.EDGE}
    nodes = list(ast.walk(ast.parse(code)))
    named = {n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    return edge & {".".join(name.split(".")[:2]) for name in {*imported(nodes), *named}}


def page_code(path):
    return "\n".join(c.source for c in jupytext.read(path).cells if c.cell_type == "code")


def test_no_page_reaches_the_modules_left_out_of_the_cache_name():
    """Is no such module imported by a page or a helper, directly or through the package?"""
    assert all((ROOT / path).exists() for path in course_run.EDGE)
    code = {page: page_code(ROOT / f"{page}.md") for page in pages()}
    assert "from rnn_course" in code["book/ch02_vanilla_rnn"]
    for file in [*ROOT.glob("book/*.py"), *ROOT.glob("rnn_course/**/*.py")]:
        name = file.relative_to(ROOT).as_posix()
        if not name.startswith(course_run.EDGE):
            code[name] = file.read_text(encoding="utf8")
    assert {name: found for name, text in code.items() if (found := edge_imports(text))} == {}


@pytest.mark.parametrize(
    "code",
    [
        "import rnn_course.checks.rnn",
        "from rnn_course import data, checks",
        "def f():\n    from rnn_course.checks import grade",
        "import importlib\nimportlib.import_module('rnn_course.checks')",
    ],
)
def test_an_import_of_a_module_left_out_is_seen(code):
    """Is the import found in each form, and one of another module let through?"""
    assert edge_imports(code) == {"rnn_course.checks"}
    assert edge_imports(code.replace("checks", "plotting")) == set()
