"""Generate the instructor's and the student's notebook of every exercise.

    python tools/exercises.py                        # all of them
    python tools/exercises.py ch02_vanilla_rnn       # some of them
    python tools/exercises.py --settings own.toml --to ../own     # a course of one's own

solutions/chNN_slug.py                 the one hand-edited source (py:percent)
solutions/chNN_slug/chNN_slug.ipynb    the instructor's notebook, what nbgrader reads
exercises/chNN_slug/chNN_slug.ipynb    the student's notebook, made by nbgrader itself

A cell of the source may carry one marker; nbgrader's metadata is derived from it:

    # %% locked="setup"                            runs as it is, restored before grading
    # %% solution="rnn-step-forward"               the student's code: ### BEGIN SOLUTION ...
    # %% graded="rnn-step-forward-value"           ends in checks.grade(..., points=4)
    # %% [markdown] written="why-bptt" points=2    the student's words, graded by hand

A settings file makes a private variant, in another folder, from the same sources:

    variant = "autumn 2027"                        # the checks draw other inputs
    [ch02_vanilla_rnn]
    points = {rnn-forward-value = 8}               # another weighting, by grade id
    names = {LANGUAGES = ["cs", "es", "it", "pl"]} # other values of names that locked cells define
"""

import argparse
import ast
import re
import sys
import tomllib
from dataclasses import dataclass, field
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


@dataclass
class Variant:
    """What a course of one's own changes in one exercise.

    Attributes:
        name: of the variant, any text; the checks draw their inputs from it. None: the common ones.
        points: {grade id: points}. names: {name: value}, for assignments in locked cells.
        used: the keys of both that were found.
    """

    name: str | None = None
    points: dict = field(default_factory=dict)
    names: dict = field(default_factory=dict)
    used: set = field(default_factory=set)

    def adapt(self, cell, question):
        """Change one cell, and in the question before a written answer its points."""
        name = cell.metadata.get("graded")
        if name:
            cell.source = self._graded(cell.source, self._new_points(name))
        elif cell.metadata.get("written") in self.points:
            self._written(cell, question)
        elif "locked" in cell.metadata and cell.cell_type == "code":
            cell.source = self._locked(cell.source)

    def _written(self, cell, question):
        old, name = f"({cell.metadata['points']} points", cell.metadata["written"]
        if old not in question.source:
            raise SourceError(f"the question before {name!r} does not say {old!r}")
        cell.metadata["points"] = self._new_points(name)
        question.source = question.source.replace(old, f"({cell.metadata['points']} points")

    def _new_points(self, grade_id):
        self.used |= {grade_id} & self.points.keys()
        return self.points.get(grade_id)

    def _graded(self, source, points):
        call = ast.parse(source).body[-1].value
        keywords = {word.arg: word.value for word in call.keywords}
        keywords |= {"points": ast.Constant(points)} if points is not None else {}
        keywords |= {"variant": ast.Constant(self.name)} if self.name is not None else {}
        new = [ast.keyword(name, value) for name, value in keywords.items()]
        whole = ast.Expr(ast.Call(call.func, call.args, new))
        return source.replace(ast.get_source_segment(source, call), ast.unparse(whole))

    def _locked(self, source):
        for node in ast.parse(source).body:
            target = node.targets[0] if isinstance(node, ast.Assign) else None
            if isinstance(target, ast.Name) and target.id in self.names:
                self.used.add(target.id)
                value = repr(_tuples(self.names[target.id]))
                source = source.replace(
                    ast.get_source_segment(source, node), f"{target.id} = {value}"
                )
        return source

    def refuse_unused(self):
        """Raise for a key of the settings that nothing in the source has."""
        unknown = sorted((self.points.keys() | self.names.keys()) - self.used)
        if unknown:
            raise SourceError(f"no graded cell and no locked assignment is called {unknown[0]!r}")


def _tuples(value):
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def variant_of(settings, stem):
    """The Variant of one exercise in a settings file's content."""
    own = settings.get(stem, {})
    unknown = sorted(own.keys() - {"points", "names"})
    if unknown:
        raise SourceError(f"settings know 'points' and 'names', not {unknown[0]!r}")
    return Variant(settings.get("variant"), own.get("points", {}), own.get("names", {}))


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


def instructor_notebook(source, settings=None):
    """Read a source file and return the instructor's notebook, the same for the same bytes."""
    import jupytext
    import nbformat

    read = jupytext.read(source, fmt="py:percent")
    variant, question = variant_of(settings or {}, source.stem), None
    for cell in read.cells:
        nbgrader_metadata(cell)  # refuses a wrong marker first
        variant.adapt(cell, question)
        question = cell
    variant.refuse_unused()
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


def generate(source, root=ROOT, settings=None):
    """Write both notebooks of one source file below root/solutions and root/exercises."""
    import nbformat

    stem = source.stem
    try:
        notebook = instructor_notebook(source, settings)
    except (SourceError, SyntaxError) as error:
        raise SystemExit(f"{source.name}: {error}") from error
    target = root / "solutions" / stem / f"{stem}.ipynb"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8", newline="\n")
    release(stem, root)


CONFIG = '''"""Settings of nbgrader for this folder: those of the course."""

load_subconfig("nbgrader_config.py", path={path!r})  # noqa: F821 - traitlets provides it
'''


def read_settings(parser, options, stems):
    """The content of the settings file, and the folder to write to."""
    if not options.settings:
        return {}, ROOT
    if not options.to or options.to.resolve() == ROOT:
        parser.error("--settings needs --to FOLDER, a folder of its own for the variant")
    try:
        settings = tomllib.loads(options.settings.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        parser.error(f"{options.settings}: {error}")
    unknown = sorted(settings.keys() - stems - {"variant"})
    if unknown:
        parser.error(f"{options.settings}: no exercise is called {unknown[0]!r}")
    options.to.mkdir(parents=True, exist_ok=True)
    config = options.to / "nbgrader_config.py"
    if not config.exists():
        config.write_text(CONFIG.format(path=str(ROOT)), encoding="utf-8")
    return settings, options.to.resolve()


def main(arguments=None):
    """Generate the exercises named on the command line, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("stems", nargs="*", metavar="chNN_slug", help="default: every exercise")
    parser.add_argument("--settings", type=Path, metavar="TOML", help="of a private variant")
    parser.add_argument("--to", type=Path, metavar="FOLDER", help="where the variant goes")
    options = parser.parse_args(arguments)
    sources = {path.stem: path for path in sorted((ROOT / "solutions").glob("ch[0-9][0-9]_*.py"))}
    unknown = set(options.stems) - sources.keys()
    if unknown:
        parser.error(f"no solutions/{min(unknown)}.py")
    settings, root = read_settings(parser, options, sources.keys())
    for stem in options.stems or sources:
        generate(sources[stem], root, settings)
        print(f"exercises/{stem}/{stem}.ipynb")


if __name__ == "__main__":
    sys.exit(main())
