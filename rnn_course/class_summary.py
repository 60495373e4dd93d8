"""Say what a graded class got right, and which mistakes it made how often.

    python -m rnn_course.class_summary ASSIGNMENT

Reads autograded/STUDENT/ASSIGNMENT/ASSIGNMENT.ipynb, which nbgrader has written, and changes
nothing. For every test cell: how many students have all points, some and none, and the causes that
the checks named, the commonest first.
"""

import argparse
import textwrap
from collections import Counter, defaultdict
from pathlib import Path

import nbformat

from rnn_course.examination.verdict import CAUSE
from rnn_course.grading import grade_id

FULL, SOME, NONE, UNWRITTEN = "all points", "some", "none", "not written"
UNNAMED = "(no cause named)"
WIDTH = 88


def printed(cell):
    """What a cell printed."""
    return "".join(o.text for o in cell.outputs if o.output_type == "stream")


def score(cell):
    """The points that a test cell shows; 0 where it ended without a number."""
    shown = [o for o in cell.outputs if o.output_type == "execute_result"]
    try:
        return float(shown[-1].data["text/plain"])
    except (IndexError, KeyError, ValueError):
        return 0.0


def cause(cell):
    """The likely cause that a report names, on one line; "" without a report of a mistake."""
    said, mark = printed(cell), CAUSE.strip()
    if mark in said:
        named = said.partition(mark)[2].split("\n\n")[0]
        return " ".join(named.split())
    return UNNAMED if "What to look at first" in said else ""


def outcome(cell):
    """One of FULL, SOME, NONE, UNWRITTEN."""
    points = score(cell)
    if points >= cell.metadata.nbgrader.points:
        return FULL
    if points > 0:
        return SOME
    return UNWRITTEN if "is not written yet" in printed(cell) else NONE


def summary(notebooks):
    """What each test cell's reports say, over the notebooks of a class.

    Args:
        notebooks: {student: graded notebook node}.

    Returns:
        {grade id: (points, Counter of outcomes, {cause: list of students})}, in the order of the
        cells.
    """
    found = {}
    for student, nb in sorted(notebooks.items()):
        for cell in nb.cells:
            marker = cell.metadata.get("nbgrader", {})
            if cell.cell_type == "code" and marker.get("grade"):
                name = grade_id(cell)
                start = marker["points"], Counter(), defaultdict(list)
                _, outcomes, causes = found.setdefault(name, start)
                outcomes[outcome(cell)] += 1
                if text := cause(cell):
                    causes[text].append(student)
    return found


def as_text(found, names=False):
    """The summary as an instructor reads it; with ``names`` the students stand below each cause."""
    blocks = []
    for name, (points, outcomes, causes) in found.items():
        counts = ", ".join(f"{outcomes[kind]} {kind}" for kind in (FULL, SOME, NONE, UNWRITTEN))
        lines = [f"{name} ({points:g} points): {counts}"]
        for text, students in sorted(causes.items(), key=lambda pair: (-len(pair[1]), pair[0])):
            lines.append(
                textwrap.fill(
                    text,
                    WIDTH,
                    initial_indent=f"{len(students):5}  ",
                    subsequent_indent=" " * 7,
                )
            )
            if names:
                indent = " " * 9
                who = ", ".join(students)
                lines.append(
                    textwrap.fill(who, WIDTH, initial_indent=indent, subsequent_indent=indent)
                )
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def read_class(folder, assignment):
    """{student: graded notebook} of an assignment."""
    return {
        path.parent.parent.name: nbformat.read(path, as_version=4)
        for path in sorted(Path(folder).glob(f"*/{assignment}/{assignment}.ipynb"))
    }


def main(arguments=None):
    """Print the summary of one assignment."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("assignment", help="such as ch02_vanilla_rnn")
    parser.add_argument("--autograded", default="autograded", help="nbgrader's folder of that name")
    parser.add_argument("--names", action="store_true", help="list the students of each cause")
    options = parser.parse_args(arguments)
    notebooks = read_class(options.autograded, options.assignment)
    if not notebooks:
        parser.error(
            f"nothing below {options.autograded}/ is graded for {options.assignment}: "
            f"run nbgrader autograde {options.assignment} first"
        )
    print(f"{options.assignment}: {len(notebooks)} students\n")
    print(as_text(summary(notebooks), options.names))


if __name__ == "__main__":
    main()
