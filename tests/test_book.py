"""The book's sources fit together, and its own machinery refuses what does not."""

import json
import re
import sys
from pathlib import Path

import jupytext
import nbformat
import numpy as np
import pytest
import yaml
from jupyter_cache import get_cache

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


def page_code(path):
    return "\n".join(c.source for c in jupytext.read(path).cells if c.cell_type == "code")


def inputs(code, root=ROOT):
    return {path.relative_to(root).as_posix() for path in course_run.inputs_of(root, code)}


@pytest.mark.parametrize(
    "code",
    [
        "import rnn_course.checks.rnn",
        "from rnn_course.checks import rnn",
        "def f():\n    from rnn_course.checks.rnn import check_rnn_forward",
    ],
)
def test_inputs_of_a_page_are_what_it_imports_and_what_that_imports(code):
    """Are the module, the packages above it and the modules that it needs found in each form?"""
    reached = inputs(code)
    assert {"rnn_course/__init__.py", "rnn_course/checks/rnn.py", "rnn_course/rnn.py"} <= reached
    assert "rnn_course/plotting.py" not in reached and "book/measured.py" not in reached


def test_inputs_of_a_page_hold_the_experiments_that_it_names(tmp_path):
    """Does a page depend on an experiment's module, its helper and its results, and on no other?"""
    folder = tmp_path / "book" / "experiments"
    folder.mkdir(parents=True)
    for name, text in {
        "__init__": "",
        "_shared": "",
        "one": "from experiments import _shared",
    }.items():
        (folder / f"{name}.py").write_text(text)
    for name in ("one.json", "other.json", "other.py"):
        (folder / name).write_text("0")
    everything = {
        f"book/experiments/{n}" for n in ("__init__.py", "_shared.py", "one.py", "one.json")
    }
    for code in ("from experiments import one", "import experiments\nstored('one')"):
        assert inputs(code, tmp_path) == everything


def test_inputs_of_a_page_hold_the_files_whose_paths_it_names(tmp_path):
    """Is a notebook or a stored result found by its path or pattern, and no other file?"""
    for name in ("a/one/one.ipynb", "a/two/two.ipynb", "a/two/two.py", "b/c.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("{}")
    notebooks = {"a/one/one.ipynb", "a/two/two.ipynb"}
    assert inputs('read("a/*/*.ipynb")', tmp_path) == notebooks
    assert inputs("read('b/c.json', 'd/e.json')", tmp_path) == {"b/c.json"}


def test_no_page_depends_on_the_checks_or_on_grading():
    """Does a better hint, or a mended grader, leave every executed page as it is?"""
    for page in pages():
        reached = inputs(page_code(ROOT / f"{page}.md"))
        assert not [path for path in reached if "checks" in path or "grading" in path], page
    assert "rnn_course/rnn.py" in inputs(page_code(ROOT / "book/ch02_vanilla_rnn.md"))


@pytest.mark.parametrize("path", ["requirements.txt", "constraints.txt", "pyproject.toml"])
def test_all_results_become_stale_with_the_requirements(tmp_path, path):
    """Does the name of the cache's folder change with the pinned packages?"""
    (tmp_path / path).write_text("1")
    before = course_run.requirements_hash(tmp_path)
    assert before == course_run.requirements_hash(tmp_path)
    (tmp_path / path).write_text("2")
    assert before != course_run.requirements_hash(tmp_path)


def test_results_of_a_page_become_stale_with_its_inputs_alone(tmp_path):
    """Is a page executed anew when a module it imports has changed, and its neighbour not?"""
    (tmp_path / "measured.py").write_text("A = 1")
    cache = get_cache(tmp_path / "cache")
    codes = {"with": "import measured", "without": "import json"}
    for name, code in codes.items():
        page = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
        nbformat.write(page, tmp_path / f"{name}.ipynb")
        cache.add_nb_to_project(str(tmp_path / f"{name}.ipynb"))

    def left_after_a_build():
        course_run.drop_stale(cache, tmp_path)
        pending = sorted(Path(record.uri).stem for record in cache.list_unexecuted())
        for name in pending:
            cache.cache_notebook_file(tmp_path / f"{name}.ipynb", check_validity=False)
        return pending

    assert left_after_a_build() == ["with", "without"]
    assert left_after_a_build() == []
    (tmp_path / "measured.py").write_text("A = 2")
    assert left_after_a_build() == ["with"]
    assert left_after_a_build() == []
