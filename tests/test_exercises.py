"""Exercises are generated from their sources, alike every time, and leak nothing."""

import ast
import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbgrader.api import Gradebook

from rnn_course.class_summary import read_class
from rnn_course.grading import grade_id

ROOT = Path(__file__).resolve().parent.parent
REGION = re.compile(r"^( *)### BEGIN SOLUTION\n(.*?) *### END SOLUTION$", re.DOTALL | re.MULTILINE)
STEMS = sorted(path.stem for path in (ROOT / "solutions").glob("ch*.py"))

spec = importlib.util.spec_from_file_location("exercises", ROOT / "tools" / "exercises.py")
exercises = importlib.util.module_from_spec(spec)
spec.loader.exec_module(exercises)


def file(folder, stem):
    return ROOT / folder / stem / f"{stem}.ipynb"


def read(folder, stem):
    return nbformat.read(file(folder, stem), as_version=4)


def marked(nb, kind):
    """Cells that are answers, tests or written, by nbgrader's own metadata."""
    wanted = {"answer": (False, True), "test": (True, False), "written": (True, True)}[kind]
    return [
        cell
        for cell in nb.cells
        if grade_id(cell)
        and (cell.metadata.nbgrader.grade, cell.metadata.nbgrader.solution) == wanted
    ]


def generated(tmp_path, source):
    """The two notebooks of a source, as bytes, generated below an empty folder."""
    exercises.generate(source, tmp_path)
    found = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file())
    return {str(path): (tmp_path / path).read_bytes() for path in found}


@pytest.mark.parametrize("stem", STEMS)
def test_committed_notebooks_are_fresh(tmp_path, stem):
    """Do the sources give, twice, the committed notebooks, and not one file besides?"""
    source = ROOT / "solutions" / f"{stem}.py"
    first = generated(tmp_path, source)
    assert first == generated(tmp_path, source)
    for folder in ("solutions", "exercises"):
        name = str(file(folder, stem).relative_to(ROOT))
        assert first.pop(name) == file(folder, stem).read_bytes(), "run `make exercises`"
    assert first == {}


@pytest.mark.parametrize("folder", ["solutions", "exercises"])
def test_every_notebook_has_a_source(folder):
    """Is there one folder an exercise, with one notebook of its name and nothing else?"""
    paths = [path.relative_to(ROOT / folder) for path in (ROOT / folder).rglob("*.*")]
    files = [path for path in paths if ".ipynb_checkpoints" not in path.parts]
    inside = sorted(str(path) for path in files if len(path.parts) > 1)
    assert inside == [f"{stem}/{stem}.ipynb" for stem in STEMS]


@pytest.mark.parametrize("stem", STEMS)
def test_release_holds_no_solution(stem):
    """Is no line of a solution, no model answer and no output in the student's notebook?"""
    released, solved = read("exercises", stem), read("solutions", stem)
    text = "\n".join(cell.source for cell in released.cells)
    gap = r"\1# YOUR CODE HERE\n\1raise NotImplementedError()"
    assert len(marked(released, "answer")) > 0
    for given, whole in zip(marked(released, "answer"), marked(solved, "answer"), strict=True):
        assert given.source == REGION.sub(gap, whole.source) != whole.source
        for _, body in REGION.findall(whole.source):
            assert body.count("\n") < 2 or body.strip() not in text
    assert not [cell for cell in released.cells if cell.get("outputs")]
    assert "SOLUTION" not in text and "HIDDEN" not in text
    for cell in marked(released, "written"):
        assert cell.source == "YOUR ANSWER HERE"


@pytest.mark.parametrize("stem", STEMS)
def test_grade_ids_are_words_and_unique(stem):
    """Are the names words, as the house has it, the same in both notebooks?"""
    names = [grade_id(cell) for cell in read("exercises", stem).cells if grade_id(cell)]
    assert names == [grade_id(cell) for cell in read("solutions", stem).cells if grade_id(cell)]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z]+[a-z0-9]*(-[a-z0-9]+)*", name) for name in names)


@pytest.mark.parametrize("folder", ["solutions", "exercises"])
@pytest.mark.parametrize("stem", STEMS)
def test_every_test_cell_ends_in_its_grading_call(folder, stem):
    """Is the last expression of each test cell the call whose points the metadata repeats?"""
    for cell in marked(read(folder, stem), "test"):
        last = ast.parse(cell.source).body[-1].value
        assert ast.unparse(last.func) == "checks.grade"
        given = {word.arg: ast.literal_eval(word.value) for word in last.keywords}
        assert given["points"] == cell.metadata.nbgrader.points > 0
        literals = [
            node for node in ast.walk(ast.Module(last.args, [])) if isinstance(node, ast.Constant)
        ]
        assert literals == [], "expected values live in rnn_course.checks"


@pytest.mark.parametrize("stem", STEMS)
def test_question_announces_the_points_of_its_answer(stem):
    """Does the learner read beforehand what a written answer is worth?"""
    cells = read("exercises", stem).cells
    for answer in marked(read("exercises", stem), "written"):
        asked = next(k for k, cell in enumerate(cells) if grade_id(cell) == grade_id(answer)) - 1
        assert f"({answer.metadata.nbgrader.points} points" in cells[asked].source


PATIENT = ("--Run.timeout=600", "--Run.notebook_timeout=1200")


def nbgrader(folder, *arguments):
    """Run one of nbgrader's commands as an instructor does."""
    command = [sys.executable, "-m", "nbgrader", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module", params=STEMS)
def graded(request, tmp_path_factory):
    """Stem, graded notebooks and gradebook scores of "right" and "untouched", by nbgrader."""
    stem, root = request.param, tmp_path_factory.mktemp("class")
    for name in ("solutions", "exercises"):
        shutil.copytree(ROOT / name / stem, root / name / stem)
    shutil.copytree(ROOT / "tools", root / "tools")
    shutil.copy(ROOT / "nbgrader_config.py", root)
    nbgrader(root, "generate_assignment", stem, "--force")
    for student, folder in (("right", "solutions"), ("untouched", "exercises")):
        (root / "submitted" / student).mkdir(parents=True)
        shutil.copytree(ROOT / folder / stem, root / "submitted" / student / stem)
    nbgrader(root, "autograde", stem, *PATIENT)
    notebooks = read_class(root / "autograded", stem)
    with Gradebook(f"sqlite:///{root}/gradebook.db") as gradebook:
        scores = {
            student: {grade.name: grade.auto_score for grade in book.grades}
            for student in notebooks
            for book in [gradebook.find_submission_notebook(stem, stem, student)]
        }
    return stem, notebooks, scores


def test_solution_earns_every_point(graded):
    """Does the instructor's notebook run without an error or a word on stderr, to full marks?"""
    _, notebooks, scores = graded
    nb = notebooks["right"]
    outputs = [output for cell in nb.cells for output in cell.get("outputs", [])]
    assert not [o for o in outputs if o.output_type == "error" or o.get("name") == "stderr"]
    assert nb.metadata.rnn_course.notes == []
    for cell in marked(nb, "test"):
        assert float(cell.outputs[-1].data["text/plain"]) == cell.metadata.nbgrader.points
        assert scores["right"][grade_id(cell)] == cell.metadata.nbgrader.points


def test_untouched_release_earns_nothing_and_says_what_to_do(graded):
    """Does each test cell of the released notebook end with 0 and name what is to be written?"""
    _, notebooks, scores = graded
    nb = notebooks["untouched"]
    for cell in marked(nb, "test"):
        report, score = cell.outputs
        assert report.name == "stdout" and "not written yet" in report.text
        assert float(score.data["text/plain"]) == scores["untouched"][grade_id(cell)] == 0
    for cell in nb.cells:
        errors = [o.ename for o in cell.get("outputs", []) if o.output_type == "error"]
        assert set(errors) <= {"NotImplementedError"}, cell.source


SOURCE = """# %% locked="setup"
from rnn_course import checks

# %% solution="double"
def double(x):
    ### BEGIN SOLUTION
    return 2 * x
    ### END SOLUTION

# %%
double(1)

# %% graded="double-value"
checks.grade(check, double, points=4)

# %% [markdown] written="why" points=2
# Because.
"""


@pytest.fixture
def source(tmp_path):
    """Write a changed copy of the small source above."""

    def write(old="", new=""):
        assert old in SOURCE
        path = tmp_path / "ch99_small.py"
        path.write_text(SOURCE.replace(old, new) if old else SOURCE, encoding="utf-8")
        return path

    return write


def test_markers_become_nbgrader_metadata(source):
    """Does each marker give the cell its role, its points and a stable id?"""
    nb = exercises.instructor_notebook(source())
    ids = ["setup", "double", "double-then-1", "double-value", "why"]
    assert [cell.id for cell in nb.cells] == ids
    roles = [
        (mark.grade, mark.solution, mark.locked, mark.get("points"))
        for mark in (cell.metadata.get("nbgrader") for cell in nb.cells)
        if mark
    ]
    assert roles == [
        (False, False, True, None),
        (False, True, False, None),
        (True, False, True, 4),
        (True, True, False, 2),
    ]


@pytest.mark.parametrize(
    ("old", "new", "hint"),
    [
        ("checks.grade(check, double, points=4)", "double(2) == 4", "must end in checks.grade"),
        ("points=4)", "points=4);", "must end in checks.grade"),
        ("points=4)", "points=4).real", "must end in checks.grade"),
        ("points=4)", "points=four)", "must end in checks.grade"),
        ("points=4)", "points=0)", "must end in checks.grade"),
        ('graded="double-value"', 'graded="double"', "marks two cells"),
        ('solution="double"', 'solution="Double it"', "words joined by"),
        ('locked="setup"', 'locked="setup" graded="x"', "only one of"),
        (' written="why" points=2', ' written="why"', "needs points"),
        (' written="why" points=2', ' graded="why"', "cannot mark a markdown cell"),
    ],
)
def test_wrong_marker_is_refused_with_its_remedy(source, old, new, hint):
    """Is a source that would grade wrongly refused, the file and the cell named?"""
    path = source(old, new)
    with pytest.raises(SystemExit, match=hint) as refused:
        exercises.generate(path, path.parent)
    assert "ch99_small.py" in str(refused.value)


SETTINGS = """
variant = "autumn 2027"
[ch02_vanilla_rnn]
points = {rnn-forward-value = 8, what-the-state-collects = 6}
names = {LANGUAGES = ["cs", "es", "it"]}
"""


@pytest.fixture
def own_course(tmp_path):
    """Write a settings file and generate exercise 2 from it; the folder."""

    def make(settings=SETTINGS):
        file = tmp_path / "own.toml"
        file.write_text(settings, encoding="utf-8")
        to = str(tmp_path / "own")
        exercises.main(["--settings", str(file), "--to", to, "ch02_vanilla_rnn"])
        return tmp_path / "own"

    return make


def differing(folder, stem="ch02_vanilla_rnn"):
    """Pairs of cells, of the course's notebook and of a variant's, that are not the same."""
    theirs = nbformat.read(folder / "exercises" / stem / f"{stem}.ipynb", as_version=4)
    return [
        pair
        for pair in zip(read("exercises", stem).cells, theirs.cells, strict=True)
        if pair[0] != pair[1]
    ]


def test_variant_changes_what_its_settings_name_and_nothing_else(own_course):
    """Do points, inputs and names change in the student's notebook, and no other cell?"""
    pairs = differing(own_course())
    new = {grade_id(cell): cell for _, cell in pairs}
    assert None in new and len(new) == len(pairs) == 8
    assert all("variant='autumn 2027'" in new[name].source for name in new if "value" in str(name))
    assert "points=8" in new["rnn-forward-value"].source
    assert new["rnn-forward-value"].metadata.nbgrader.points == 8
    assert new["what-the-state-collects"].metadata.nbgrader.points == 6
    assert "(6 points" in new[None].source
    assert "LANGUAGES = ('cs', 'es', 'it')" in new["names"].source


def test_empty_settings_change_nothing(own_course):
    """Is the notebook of a variant without settings the course's own?"""
    assert differing(own_course("")) == []


def test_variant_grades_with_real_nbgrader_in_its_own_folder(own_course):
    """Does nbgrader's command, run in the folder of a variant, find the course's settings?"""
    folder = own_course()
    stem = "ch02_vanilla_rnn"
    released = folder / "exercises" / stem / f"{stem}.ipynb"
    before = released.read_bytes()
    nbgrader(folder, "generate_assignment", stem, "--force")
    assert released.read_bytes() == before
    assert (folder / "gradebook.db").exists()


@pytest.mark.parametrize(
    ("settings", "hint"),
    [
        ("[ch02_vanilla_rnn]\npoints = {rnn-backward-value = 8}", "'rnn-backward-value'"),
        ("[ch02_vanilla_rnn]\nnames = {LANGUAGE = 3}", "'LANGUAGE'"),
        ("[ch02_vanilla_rnn]\nseeds = 3", "not 'seeds'"),
        ("[ch02_vanila_rnn]\npoints = {}", "'ch02_vanila_rnn'"),
        ("variant = ", "own.toml"),
    ],
)
def test_wrong_settings_are_refused_by_name(own_course, capsys, settings, hint):
    """Is a key that nothing has, or a broken file, named?"""
    with pytest.raises(SystemExit) as refused:
        own_course(settings)
    assert hint in str(refused.value) + capsys.readouterr().err


def test_variant_never_overwrites_the_course(tmp_path, capsys):
    """Is a settings file without a folder of its own refused?"""
    file = tmp_path / "own.toml"
    file.write_text(SETTINGS, encoding="utf-8")
    for to in ([], ["--to", str(ROOT)]):
        with pytest.raises(SystemExit):
            exercises.main(["--settings", str(file), *to, "ch02_vanilla_rnn"])
        assert "--to" in capsys.readouterr().err


def test_source_opens_in_jupyter_and_saves_alike(tmp_path):
    """Does a source, read and written by jupytext, keep every marker and every cell?"""
    import jupytext

    for stem in STEMS:
        copy = shutil.copy(ROOT / "solutions" / f"{stem}.py", tmp_path)
        before = exercises.instructor_notebook(Path(copy))
        jupytext.write(jupytext.read(copy, fmt="py:percent"), copy, fmt="py:percent")
        assert exercises.instructor_notebook(Path(copy)) == before
