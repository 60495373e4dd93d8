"""The summary of a class: does it count what the checks said of each student?"""

import contextlib
import io

import nbformat
import numpy as np
import pytest
from mistakes.rnn_step_forward import answers

from rnn_course import checks
from rnn_course.class_summary import FULL, NONE, SOME, UNNAMED, UNWRITTEN, as_text, main, summary

STEM = "ch02_vanilla_rnn"
MISTAKES = {mistake.name: mistake.answer for mistake in answers.mistakes}
RIGHT = next(iter(answers.rights.values()))


def unwritten(*arguments):
    """What the released notebook holds."""
    raise NotImplementedError


def graded(answer):
    """A graded notebook with one test cell, as nbgrader leaves it."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        points = checks.grade(checks.check_rnn_step_forward, answer, points=4)
    marker = {"grade": True, "solution": False, "grade_id": "step-value", "points": 4}
    outputs = [
        nbformat.v4.new_output("stream", name="stdout", text=printed.getvalue()),
        nbformat.v4.new_output("execute_result", data={"text/plain": repr(points)}),
    ]
    cell = nbformat.v4.new_code_cell("", metadata={"nbgrader": marker}, outputs=outputs)
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("Text"), cell])


def dead():
    """A notebook whose test cell was never run."""
    nb = graded(RIGHT)
    nb.cells[1].outputs = [nbformat.v4.new_output("error", ename="NotRun", evalue="", traceback=[])]
    return nb


CLASS = {
    "ada": graded(RIGHT),
    "bob": graded(MISTAKES["W_hh transposed"]),
    "cem": graded(MISTAKES["bias left out"]),
    "dan": graded(MISTAKES["W_hh transposed"]),
    "eve": graded(unwritten),
    "fay": graded(lambda *_: np.full((2, 5), 0.123)),
    "gil": dead(),
}


def test_summary_counts_outcomes_and_causes():
    """Is each student in one group, and each mistake under the cause that the report named?"""
    ((name, (points, outcomes, causes)),) = summary(CLASS).items()
    assert (name, points) == ("step-value", 4)
    assert outcomes == {FULL: 1, SOME: 3, UNWRITTEN: 1, NONE: 2}
    transposed = next(text for text in causes if text.startswith("W_hh is used the wrong way"))
    assert transposed.endswith("has to meet the last axis of h_prev?")  # over two lines in the cell
    assert causes[transposed] == ["bob", "dan"]
    assert causes["the bias b_h is left out."] == ["cem"]
    assert causes[UNNAMED] == ["fay"]
    assert len(causes) == 3


def test_text_puts_the_commonest_cause_first_and_names_students_on_request():
    """Does the instructor read counts, and names only when asking for them?"""
    text = as_text(summary(CLASS))
    assert "1 all points, 3 some, 2 none, 1 not written" in text
    assert text.index("    2  W_hh is used") < text.index("    1  the bias b_h")
    assert "bob" not in text
    assert "bob, dan" in as_text(summary(CLASS), names=True)


def test_command_reads_what_nbgrader_wrote(tmp_path, capsys):
    """Are all students of one assignment found, and a missing folder explained?"""
    for student, nb in CLASS.items():
        folder = tmp_path / student / STEM
        folder.mkdir(parents=True)
        nbformat.write(nb, folder / f"{STEM}.ipynb")
    main([STEM, "--autograded", str(tmp_path)])
    assert f"{STEM}: 7 students" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["ch01_feedforward_limits", "--autograded", str(tmp_path)])
    assert "run nbgrader autograde ch01_feedforward_limits first" in capsys.readouterr().err
