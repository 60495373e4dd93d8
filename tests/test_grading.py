"""One class of students through the real commands, as the instructor's page of the README says."""

import ast
import copy
import csv
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbgrader.api import Gradebook
from nbgrader.utils import determine_grade

from rnn_course.grading import STRIPPED, GetScores, Settle, failure, grade_id, rebuild

ROOT = Path(__file__).resolve().parent.parent
STEM = "ch02_vanilla_rnn"
LIMITS = ("--student=endless*", "--Run.timeout=6", "--Run.later_timeout=2")


def load(folder):
    return nbformat.read(ROOT / folder / STEM / f"{STEM}.ipynb", as_version=4)


SOLVED, RELEASED = load("solutions"), load("exercises")
MARKED = [cell for cell in RELEASED.cells if grade_id(cell)]
MARK = {grade_id(cell): cell.metadata.nbgrader for cell in MARKED}
ANSWERS = [name for name, mark in MARK.items() if mark.solution and not mark.grade]
TESTS = [name for name, mark in MARK.items() if mark.grade and not mark.solution]
WRITTEN = [name for name, mark in MARK.items() if mark.grade and mark.solution]
SETUP = next(name for name, mark in MARK.items() if not mark.grade and not mark.solution)
ALL = sum(MARK[name].points for name in TESTS)


def between(answer):
    """Names of the test cells of one answer: those before the next answer."""
    order = list(MARK)
    after = [name for name in ANSWERS if order.index(name) > order.index(answer)]
    end = order.index(after[0]) if after else len(order)
    return [name for name in order[order.index(answer) : end] if name in TESTS]


FIRST = ANSWERS[0]
VICTIM = [name for name in ANSWERS if between(name)][-1]  # no other test needs the last one
TEST = between(VICTIM)[-1]
REST = ALL - sum(MARK[name].points for name in between(VICTIM))


def cell(nb, name):
    return next(cell for cell in nb.cells if grade_id(cell) == name)


def solved(also=()):
    """A submission with every tested answer right: released cells, the student's own text."""
    nb = copy.deepcopy(RELEASED)
    for name in [name for name in ANSWERS if between(name)] + WRITTEN + list(also):
        cell(nb, name).source = cell(SOLVED, name).source
    return nb


def answered(body, name=VICTIM, before=""):
    """All right, but the body of one answer's last function is replaced."""
    nb = solved()
    function = ast.parse(cell(SOLVED, name).source).body[-1]
    arguments = ast.unparse(function.args)
    indented = body.replace("\n", "\n    ")
    cell(nb, name).source = f"{before}def {function.name}({arguments}):\n    {indented}\n"
    return nb


def with_cells(change):
    nb = solved()
    change(nb.cells)
    for index, item in enumerate(nb.cells):
        item.id = f"cell-{index}"
    return nb


def edited_test():
    nb = answered("return None")
    cell(nb, TEST).source = "100.0"
    cell(nb, TEST).metadata.nbgrader["points"] = 100
    return nb


def warned():
    """Right answers, one of which writes to stderr past every redirection."""
    nb = solved()
    name = ast.parse(cell(nb, VICTIM).source).body[-1].name
    cell(nb, VICTIM).source += (
        f"\nimport os, warnings\nquiet = {name}\n"
        f"def {name}(*arguments):\n"
        "    os.write(2, b'careful')\n    warnings.warn('careful')\n    return quiet(*arguments)\n"
    )
    return nb


def delete(name):
    return lambda cells: cells.remove(next(c for c in cells if grade_id(c) == name))


def duplicate(name, at, source=None):
    def change(cells):
        twin = copy.deepcopy(next(c for c in cells if grade_id(c) == name))
        twin.source = twin.source if source is None else source
        cells.insert(at % (len(cells) + 1), twin)

    return change


def keep_text_only(cells):
    for item in cells:
        item.metadata = {}


SUBMISSIONS = {
    "right": lambda: solved(also=ANSWERS),
    "partly": lambda: answered("return None"),
    "untouched": lambda: RELEASED,
    "syntax": lambda: answered("return (1"),
    "endless": lambda: answered("while True:\n    pass"),
    "endless-deaf": lambda: answered(
        "while True:\n    try:\n        time.sleep(9)\n    except BaseException:\n        pass",
        before="import time\n",
    ),
    "killed": lambda: answered("os._exit(1)", before="import os\n"),
    "quit": lambda: answered("exit()"),
    "loud": lambda: answered(
        "return None", before="for _ in range(4000):\n    print('x' * 1000)\n"
    ),
    "warned": warned,
    "deleted-test": lambda: with_cells(delete(TEST)),
    "deleted-answer": lambda: with_cells(delete(VICTIM)),
    "copied-test": lambda: with_cells(duplicate(TEST, 1)),
    "copied-answer": lambda: with_cells(duplicate(VICTIM, -1, cell(RELEASED, VICTIM).source)),
    "edited-test": edited_test,
    "reversed": lambda: with_cells(lambda cells: cells.reverse()),
    "stripped": lambda: with_cells(keep_text_only),
}
EXPECTED = {
    "right": (ALL, ""),
    "partly": (REST, ""),
    "untouched": (0, ""),
    "syntax": (REST, f"Cell `{VICTIM}` stopped with"),
    "endless": (REST, f"Cell `{between(VICTIM)[0]}` took more than"),
    "endless-deaf": (REST, "could not be interrupted"),
    "killed": (REST, "Python itself ended in cell"),
    "quit": (REST, ""),
    "loud": (REST, ""),
    "warned": (ALL, ""),
    "deleted-test": (ALL, f"The test cell `{TEST}` was missing; it was put back."),
    "deleted-answer": (REST, f"The answer cell `{VICTIM}` was missing"),
    "copied-test": (ALL, f"The test cell `{TEST}` was there 2 times; the original counts, once."),
    "copied-answer": (ALL, f"The answer cell `{VICTIM}` was there 2 times"),
    "edited-test": (REST, f"The test cell `{TEST}` was changed; the original was used."),
    "reversed": (ALL, ""),
    "stripped": (ALL, STRIPPED),
    "not-json": (0, "cannot be read as a notebook"),
    "renamed": (ALL, f"the file name should have been `{STEM}.ipynb`"),
    "no-notebook": (0, "there is no notebook in what was handed in: `answers.pdf`"),
    "loose-file": (ALL, ""),
}


def hand_in(downloaded):
    """Lay out a folder as learning platforms deliver it, one folder or file a student."""
    for student, make in SUBMISSIONS.items():
        (downloaded / student).mkdir(parents=True)
        nbformat.write(make(), downloaded / student / f"{STEM}.ipynb")
    text = nbformat.writes(solved())
    for name, content in {
        f"not-json/{STEM}.ipynb": "My answers are in the other file.",
        "renamed/homework (2).ipynb": text,
        "no-notebook/answers.pdf": "%PDF",
        f"loose-file_{STEM}.ipynb": text,
        "readme.txt": "whose?",
    }.items():
        (downloaded / name).parent.mkdir(exist_ok=True)
        (downloaded / name).write_text(content, encoding="utf-8")


class Course:
    """A copy of what an instructor has after cloning, and what each command printed."""

    def __init__(self, root):
        self.root, self.said = root, {}
        for name in ("exercises", "solutions"):
            shutil.copytree(ROOT / name / STEM, root / name / STEM)
        shutil.copytree(ROOT / "tools", root / "tools")
        shutil.copy(ROOT / "nbgrader_config.py", root)
        hand_in(root / "downloaded")

    def run(self, step, module, *arguments):
        """Run a command with the environment not activated: its folder is not on PATH."""
        environment = {
            **os.environ,
            "PATH": os.pathsep.join(("/usr/bin", "/bin")) if os.name == "posix" else "",
            "IPYTHONDIR": str(self.root / "ipython"),
        }
        done = subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=self.root,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        self.said[step] = done.stdout + done.stderr

    def notebook(self, student):
        """What was run and graded."""
        file = self.root / "autograded" / student / STEM / f"{STEM}.ipynb"
        return nbformat.read(file, as_version=4)

    def page(self, student):
        """The feedback page."""
        file = self.root / "feedback" / student / STEM / f"{STEM}.html"
        return file.read_text(encoding="utf-8")

    def grades(self, student):
        """{grade_id: (automatic score, whether to be graded by hand)}."""
        with Gradebook(f"sqlite:///{self.root}/gradebook.db") as gradebook:
            notebook = gradebook.find_submission_notebook(STEM, STEM, student)
            return {g.name: (g.auto_score, g.needs_manual_grade) for g in notebook.grades}


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """The whole path, once."""
    course = Course(tmp_path_factory.mktemp("course"))
    released = (course.root / "exercises" / STEM / f"{STEM}.ipynb").read_bytes()
    course.run("generate", "nbgrader", "generate_assignment", STEM, "--force")
    assert (course.root / "exercises" / STEM / f"{STEM}.ipynb").read_bytes() == released
    course.run("collect", "rnn_course.collecting", "downloaded", STEM)
    course.run("again", "rnn_course.collecting", "downloaded", STEM)
    course.run("endless", "nbgrader", "autograde", STEM, *LIMITS)  # the others get 60 s a cell
    course.run("autograde", "nbgrader", "autograde", STEM)
    course.run("feedback", "nbgrader", "generate_feedback", STEM)
    course.run("export", "nbgrader", "export")
    course.run("summary", "rnn_course.class_summary", STEM)
    return course


@pytest.mark.parametrize("student", EXPECTED)
def test_student_gets_the_score_and_is_told_why(course, student):
    """Does each get what the working answers are worth, and a message that says what happened?"""
    points, message = EXPECTED[student]
    assert sum(score or 0 for score, _ in course.grades(student).values()) == pytest.approx(points)
    notes = course.notebook(student).metadata.rnn_course.notes
    assert any(message in note for note in notes) or not message
    if student in ("right", "untouched", "warned", "loose-file"):
        assert notes == []


@pytest.mark.parametrize("student", EXPECTED)
def test_notes_reach_student_and_instructor(course, student):
    """Is every note on the feedback page, and in what autograde and export print?"""
    page = re.sub(r"<[^>]*>", "", course.page(student))
    for note in course.notebook(student).metadata.rnn_course.notes:
        words = note.replace("`", "")
        assert words.split(";")[0][:40] in page
        assert f"{student}: {note}" in course.said["endless"] + course.said["autograde"]
        assert note in course.said["export"]


@pytest.mark.parametrize("student", EXPECTED)
def test_only_written_answers_wait_for_a_grader(course, student):
    """Is every test cell graded for good, whatever was handed in?"""
    for name, (score, waits) in course.grades(student).items():
        if name in TESTS:
            assert score is not None and not waits


def test_partial_score_of_one_cell_arrives(course):
    """Does the gradebook hold what each check printed, to the hundredth?"""
    for student in SUBMISSIONS:
        grades, nb = course.grades(student), course.notebook(student)
        for name in TESTS:
            shown = [o for o in cell(nb, name).outputs if o.output_type == "execute_result"]
            assert grades[name][0] == (float(shown[0].data["text/plain"]) if shown else 0)


def test_export_has_a_row_for_every_student(course):
    """Does the CSV file hold the whole class, with the scores of the gradebook?"""
    with open(course.root / "grades.csv", encoding="utf-8") as file:
        rows = {row["student_id"]: row for row in csv.DictReader(file)}
    assert set(rows) == set(EXPECTED)
    for student, (points, _) in EXPECTED.items():
        assert float(rows[student]["score"]) == pytest.approx(points)


def test_summary_counts_the_whole_class(course):
    """Does each test cell's line account for every student, by the scores of the gradebook?"""
    said = course.said["summary"]
    assert said.startswith(f"{STEM}: {len(EXPECTED)} students")
    for name in TESTS:
        scores = [course.grades(student)[name][0] for student in EXPECTED]
        full = sum(score == MARK[name].points for score in scores)
        line = next(line for line in said.splitlines() if line.startswith(f"{name} ("))
        counts = [int(number) for number in re.findall(r"(\d+) (?:all|some|none|not)", line)]
        assert counts[0] == full and sum(counts) == len(EXPECTED)


def test_collecting_twice_changes_nothing(course):
    """Is every student collected the first time, and found unchanged the second?"""
    for step, deed in (("collect", "collected"), ("again", "unchanged")):
        deeds = dict(re.findall(r"^(\S+) +(collected|unchanged|replaced)", course.said[step], re.M))
        assert deeds == dict.fromkeys(EXPECTED, deed)


def test_collecting_names_what_it_leaves(course):
    """Is a file that belongs to nobody listed, and the original of a broken notebook kept?"""
    assert re.search(r"not collected +readme.txt", course.said["collect"])
    folder = course.root / "submitted" / "not-json" / STEM
    kept = folder / f"original-{STEM}.ipynb"
    assert kept.read_text(encoding="utf-8") == "My answers are in the other file."


def test_endless_loop_costs_one_full_time_limit(course):
    """Do the cells after a time-out get the short limit only?"""
    said = [line for line in course.said["endless"].splitlines() if "endless: Cell" in line]
    assert sum("more than 6 s" in line for line in said) == 1
    assert all("more than 2 s" in line for line in said if "more than 6 s" not in line)


def test_long_output_is_cut(course):
    """Is a flood of four million characters cut, with a word that it was?"""
    printed = "".join(o.text for o in cell(course.notebook("loud"), VICTIM).outputs)
    assert len(printed) < 60_000
    assert printed.endswith("... the rest was cut ...")


def test_feedback_page_loads_nothing_from_elsewhere(course):
    """Is the page complete in itself, its formulas included?"""
    page = course.page("right")
    assert not re.search(r"(src|href)=[\"']?(https?:)?//", page)
    assert "<math" in page and "$$" not in page
    assert 'name="viewport"' in page


@pytest.mark.parametrize("student", ["right", "untouched"])
def test_feedback_tells_a_score_of_zero_from_no_score(course, student):
    """Does the page say which answers wait for a grader, in the table, the cell and the total?"""
    page = " ".join(re.sub(r"<[^>]*>", " ", course.page(student)).split())
    waiting = [name for name, (_, waits) in course.grades(student).items() if waits]
    assert waiting == (WRITTEN if student == "right" else [])
    for name in WRITTEN:
        score = "not graded yet" if name in waiting else f"0.0 of {MARK[name].points:.1f}"
        assert f"{name} {score}" in page
    assert page.count("not graded yet") == 2 * len(waiting)
    assert ("points so far; written answers are still to be graded" in page) == bool(waiting)


def test_answer_graded_by_hand_waits_no_longer(course, tmp_path):
    """Is a grader's score shown, although nbgrader still asks to look at that answer again?"""
    database = f"sqlite:///{shutil.copy(course.root / 'gradebook.db', tmp_path)}"
    with Gradebook(database) as gradebook:
        for name in WRITTEN:
            grade = gradebook.find_grade(name, STEM, STEM, "right")
            grade.manual_score = 1
            assert grade.needs_manual_grade
        gradebook.db.commit()
    about = {"notebook": STEM, "assignment": STEM, "student": "right", "db_url": database}
    nb, resources = GetScores().preprocess(course.notebook("right"), {"nbgrader": about})
    assert [cell(nb, name).metadata.nbgrader.score for name in WRITTEN] == [1] * len(WRITTEN)
    assert not any(c.metadata.get("nbgrader", {}).get("waits") for c in nb.cells)
    assert "waits" not in resources["nbgrader"]


def settled(*outputs):
    """The score that nbgrader gives a test cell of 4 points with these outputs."""
    marker = {"grade": True, "solution": False, "grade_id": "t", "points": 4, "locked": True}
    test = nbformat.v4.new_code_cell("", metadata={"nbgrader": marker}, outputs=list(outputs))
    resources = {"nbgrader": {"student": "someone"}}
    nb, _ = Settle().preprocess(nbformat.v4.new_notebook(cells=[test]), resources)
    return determine_grade(nb.cells[-1])[0]


def result(text):
    return nbformat.v4.new_output("execute_result", data={"text/plain": text})


@pytest.mark.parametrize(
    "shown", ["nan", "inf", "-1.0", "4.5", "np.float64(4.0)", "True", "", "[4.0]"]
)
def test_settle_gives_nothing_for_what_is_no_score(shown):
    """Is a result outside 0 to the cell's points, or no number at all, worth nothing?"""
    assert settled(result(shown)) == 0


def test_settle_gives_nothing_without_a_result():
    """Does a test cell that shows nothing, only prints, or fails after its score earn nothing?"""
    printed = nbformat.v4.new_output("stream", name="stdout", text="4.0")
    assert settled() == 0
    assert settled(printed) == 0
    assert settled(result("4.0"), failure("Error", "late")) == 0
    assert settled(result("4.0"), result("4.0")) == 0


def test_settle_keeps_a_score_beside_error_output():
    """Does a score count although something was written to stderr?"""
    assert settled(nbformat.v4.new_output("stream", name="stderr", text="!"), result("2.5")) == 2.5


def test_rebuild_keeps_what_the_student_added():
    """Do own cells, and what was added to the set-up, stay, behind the cell they followed?"""
    nb = solved()
    cell(nb, SETUP).source += "\nimport math"
    nb.cells.insert(nb.cells.index(cell(nb, FIRST)), nbformat.v4.new_code_cell("mine = 1"))
    sources = [c.source for c in rebuild(nb, RELEASED).cells]
    places = [sources.index(cell(RELEASED, SETUP).source), sources.index(cell(nb, SETUP).source)]
    places += [sources.index("mine = 1"), sources.index(cell(SOLVED, FIRST).source)]
    assert places == sorted(places)


@pytest.mark.parametrize("marker", [None, [], "x", {"grade_id": None}, {"grade_id": ["x"]}])
def test_rebuild_takes_any_metadata(marker):
    """Does a cell with nonsense for nbgrader's metadata become an ordinary cell?"""
    nb = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell("x", metadata={"nbgrader": marker})]
    )
    rebuilt = rebuild(nb, RELEASED)
    assert [grade_id(c) for c in rebuilt.cells] == [None, *MARK]
    assert rebuilt.cells[0].metadata == {}
