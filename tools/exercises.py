"""Generate the instructor's and the student's notebook of every exercise.

    python tools/exercises.py                        # all of them
    python tools/exercises.py ch02_vanilla_rnn       # some of them

solutions/chNN_slug.py                 the one hand-edited source (py:percent)
solutions/chNN_slug/chNN_slug.ipynb    the instructor's notebook, what nbgrader reads
exercises/chNN_slug/chNN_slug.ipynb    the student's notebook, made by nbgrader itself

A cell of the source may carry one marker; nbgrader's metadata is derived from it:

    # %% locked="setup"                            runs as it is, restored before grading
    # %% solution="rnn-step-forward"               the student's code: ### BEGIN SOLUTION ...
    # %% graded="rnn-step-forward-value"           ends in checks.grade(..., points=4)
    # %% [markdown] written="why-bptt" points=2    the student's words, graded by hand
"""

import argparse
import ast
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MARKERS = ("locked", "solution", "graded", "written")
WORDS = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
NOTEBOOK_METADATA = {
    "kernelspec": {
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
        "name": "python3",
    },
    "language_info": {"name": "python"},
}


class SourceError(Exception):
    """A source cell that cannot become an exercise; the message names the cell and the remedy."""


def graded_points(source, grade_id):
    """Return the points of a graded cell: those that its last line passes to checks.grade.

    A graded cell whose last expression is not a number would be given full marks by nbgrader,
    so anything but that call, as the last statement and not silenced by a semicolon, is refused.
    """
    body = ast.parse(source).body
    call = body[-1].value if body and isinstance(body[-1], ast.Expr) else None
    if isinstance(call, ast.Call) and ast.unparse(call.func) == "checks.grade":
        points = [k.value for k in call.keywords if k.arg == "points"]
        number = points[0].value if points and isinstance(points[0], ast.Constant) else None
        if type(number) in (int, float) and number > 0 and not source.rstrip().endswith(";"):
            return number
    raise SourceError(
        f"graded cell {grade_id!r} must end in checks.grade(check, answer, points=NUMBER)"
    )


def nbgrader_metadata(cell):
    """Turn a cell's marker into nbgrader's metadata; None for a cell without a marker."""
    found = [name for name in MARKERS if name in cell.metadata]
    if not found:
        return None
    if len(found) > 1:
        raise SourceError(f"a cell can be only one of {found}")
    (kind,) = found
    grade_id = cell.metadata[kind]
    if not isinstance(grade_id, str) or not WORDS.fullmatch(grade_id):
        raise SourceError(f"{kind}={grade_id!r}: expected words joined by '-', in lower case")
    if (cell.cell_type == "markdown") != (kind == "written") and kind != "locked":
        raise SourceError(f"{kind}={grade_id!r} cannot mark a {cell.cell_type} cell")
    metadata = {
        "grade": kind in ("graded", "written"),
        "grade_id": grade_id,
        "locked": kind in ("locked", "graded"),
        "schema_version": 3,
        "solution": kind in ("solution", "written"),
        "task": False,
    }
    if kind == "graded":
        metadata["points"] = graded_points(cell.source, grade_id)
    if kind == "written":
        metadata["points"] = cell.metadata.get("points")
        if not isinstance(metadata["points"], int | float):
            raise SourceError(f"written={grade_id!r} needs points=NUMBER on the same line")
    return metadata


def instructor_notebook(source):
    """Read a source file and return the instructor's notebook, the same for the same bytes."""
    import jupytext
    import nbformat

    read = jupytext.read(source, fmt="py:percent")
    cells, names, here, since = [], set(), "start", 0
    for cell in read.cells:
        marker = nbgrader_metadata(cell)
        if marker:
            here, since = marker["grade_id"], 0
            if here in names:
                raise SourceError(f"{here!r} marks two cells")
            names.add(here)
        make = getattr(nbformat.v4, f"new_{cell.cell_type}_cell")
        cell_id = here if since == 0 and marker else f"{here}-then-{since}"
        tags = {"tags": cell.metadata["tags"]} if "tags" in cell.metadata else {}
        metadata = tags | ({"nbgrader": marker} if marker else {})
        cells.append(make(cell.source, id=cell_id[:64], metadata=metadata))
        since += 1
    return nbformat.v4.new_notebook(cells=cells, metadata=NOTEBOOK_METADATA)


def release(assignment, root):
    """Have nbgrader make the student's notebook, as `nbgrader generate_assignment` would."""
    from nbgrader.converters import GenerateAssignment
    from nbgrader.coursedir import CourseDirectory
    from traitlets.config import Config, PyFileConfigLoader

    config = PyFileConfigLoader("nbgrader_config.py", path=str(ROOT)).load_config()
    config.merge(
        Config(
            CourseDirectory={"root": str(root), "assignment_id": assignment},
            GenerateAssignment={"force": True, "no_database": True},
            SaveCells={"enabled": False},
        )
    )
    course = CourseDirectory(config=config)
    course.log.setLevel("ERROR")
    GenerateAssignment(coursedir=course, config=config).start()


def generate(source, root=ROOT):
    """Write both notebooks of one source file below root/solutions and root/exercises."""
    import nbformat

    stem = source.stem
    try:
        notebook = instructor_notebook(source)
    except (SourceError, SyntaxError) as error:
        raise SystemExit(f"{source.name}: {error}") from error
    target = root / "solutions" / stem / f"{stem}.ipynb"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8", newline="\n")
    release(stem, root)


def main(arguments=None):
    """Generate the exercises named on the command line, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("stems", nargs="*", metavar="chNN_slug", help="default: every exercise")
    stems = parser.parse_args(arguments).stems
    sources = sorted((ROOT / "solutions").glob("ch[0-9][0-9]_*.py"))
    unknown = set(stems) - {source.stem for source in sources}
    if unknown:
        parser.error(f"no solutions/{min(unknown)}.py")
    for source in sources:
        if not stems or source.stem in stems:
            generate(source)
            print(f"exercises/{source.stem}/{source.stem}.ipynb")


if __name__ == "__main__":
    sys.exit(main())
