"""What plain nbgrader lacks to grade any submission; nbgrader_config.py puts each part in place.

Rebuild lays the student's answers into the released notebook, so that deleted, copied, moved or
edited test cells do not matter. Run executes it within limits and survives a dying kernel. Settle
sees to it that a test cell without a score earns nothing. Each tells the student in a note, shown
at the top of the feedback, and the instructor in the log and after `nbgrader export`. GetScores
tells the feedback page which written answers nobody has graded yet.
"""

import math
import time
from collections import defaultdict
from pathlib import Path

import nbformat
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output
from nbgrader.plugins import CsvExportPlugin
from nbgrader.preprocessors import Execute, GetGrades, NbGraderPreprocessor
from nbgrader.utils import is_grade, is_solution
from traitlets import Integer

NOTES_FILE = "grading-notes.txt"  # what collecting has to say, one note a line
NO_NOTE = ("KernelDied", "TimeLimit", "NotRun", "KeyboardInterrupt", "NotImplementedError")
STRIPPED = (
    "The cells have lost their names, as some editors strip them: the notebook was run as it "
    "stands, and the test cells after it."
)
MISSING = "This answer cell was missing from the submission."


def grade_id(cell):
    """Return the name of a marked cell, None for any other; submitted metadata may be anything."""
    marker = cell.get("metadata", {}).get("nbgrader")
    name = marker.get("grade_id") if isinstance(marker, dict) else None
    return name if isinstance(name, str) else None


def notes(nb):
    """Return the notebook's list of grading notes, to read and to append to."""
    return nb.metadata.setdefault("rnn_course", {}).setdefault("notes", [])


def plain(cell):
    """Return an ordinary cell of the same text: no metadata, no outputs."""
    if cell.get("cell_type") == "code":
        return new_code_cell(cell.source)
    attachments = cell.get("attachments")
    kept = {"attachments": attachments} if isinstance(attachments, dict) else {}
    return new_markdown_cell(cell.source, **kept)


def rebuild(submitted, released):
    """Lay the answers of a submitted notebook into the released one.

    Marked cells come in the released order with the released metadata; an answer cell takes the
    submitted text, and every other cell of the student stays behind the marked cell it followed.
    Of several copies of an answer the last one that was changed counts.

    Args:
        submitted: notebook node as it was handed in.
        released: notebook node as it was given out; not changed.

    Returns:
        A new notebook node; its notes tell what was put right.
    """
    marked = {grade_id(cell): cell for cell in released.cells if grade_id(cell)}
    chosen, said = _choose(submitted.cells, marked)
    own, here = defaultdict(list), None
    for index, cell in enumerate(submitted.cells):
        name = grade_id(cell) if grade_id(cell) in marked else None
        if name and chosen[name] == index:
            here = name
            if is_solution(marked[name]) or cell.source == marked[name].source:
                continue
        if not (name and is_grade(marked[name])):
            own[here].append(plain(cell))
    cells = own[None]
    for name, cell in marked.items():
        cell = nbformat.from_dict(cell)
        if is_solution(cell):
            missing = MISSING if cell.cell_type == "markdown" else f"# {MISSING}"
            cell.source = submitted.cells[chosen[name]].source if name in chosen else missing
        cells += [cell, *own[name]]
    result = nbformat.v4.new_notebook(cells=cells, metadata=nbformat.from_dict(released.metadata))
    notes(result).extend(said)
    return result


def _choose(cells, marked):
    """Return the index of the cell that counts for each name, and notes on what was found."""
    found, chosen, said = defaultdict(list), {}, []
    for index, cell in enumerate(cells):
        if grade_id(cell) in marked:
            found[grade_id(cell)].append(index)
    if not found:
        return chosen, [STRIPPED]
    for name, cell in marked.items():
        answer, copies = is_solution(cell), found[name]
        what = "answer" if answer else "test" if is_grade(cell) else "locked"
        changed = [index for index in copies if _differs(cells[index], cell)]
        if copies:
            chosen[name] = (changed if answer and changed else copies)[-1]
        if not copies:
            then = "nothing stands in its place" if answer else "it was put back"
            said.append(f"The {what} cell `{name}` was missing; {then}.")
        if len(copies) > 1:
            then = "the last changed one counts" if answer else "the original counts, once"
            said.append(f"The {what} cell `{name}` was there {len(copies)} times; {then}.")
        if changed and not answer:
            said.append(f"The {what} cell `{name}` was changed; the original was used.")
    return chosen, said


def _differs(cell, released):
    """Whether a submitted cell has another text than the released one, or other points."""
    points = [c.metadata.nbgrader.get("points") for c in (cell, released)]
    return cell.source != released.source or points[0] != points[1]


class Rebuild(NbGraderPreprocessor):
    """Replace a submission by the released notebook with the student's answers in it."""

    def preprocess(self, nb, resources):
        """Rebuild one notebook; what collecting noted comes first."""
        course = self.parent.parent.coursedir
        assignment, name = resources["nbgrader"]["assignment"], resources["nbgrader"]["notebook"]
        folder = Path(course.format_path(course.release_directory, ".", assignment))
        released = nbformat.read(folder / f"{name}.ipynb", as_version=4)
        result = rebuild(nb, released)
        collected = Path(resources["metadata"]["path"]) / NOTES_FILE
        if collected.exists():
            notes(result)[:0] = collected.read_text(encoding="utf-8").splitlines()
        return result, resources


class Run(Execute):
    """Execute within limits of time and output; a dead kernel ends the run, not the grading."""

    timeout = Integer(60, help="seconds for a cell").tag(config=True)
    later_timeout = Integer(5, help="seconds for a cell after a time-out").tag(config=True)
    notebook_timeout = Integer(240, help="seconds for the whole notebook").tag(config=True)
    output_limit = Integer(50_000, help="characters kept of a cell's output").tag(config=True)
    coalesce_streams = True  # what a cell prints is one output, not one for each flush

    def preprocess(self, nb, resources, km=None):
        """Run one notebook with fresh limits."""
        self.deadline = time.monotonic() + self.notebook_timeout
        self.limit, self.stopped = self.timeout, None
        self.timeout_func = lambda cell: max(1, min(self.limit, self.deadline - time.monotonic()))
        return super().preprocess(nb, resources, km)

    def preprocess_cell(self, cell, resources, index):
        """Run one cell, or say why it was not run."""
        if cell.cell_type != "code":
            return cell, resources
        self.printed = 0
        if not self.stopped and time.monotonic() > self.deadline:
            self._stop(f"The notebook took more than {self.notebook_timeout} s")
        if self.stopped:
            cell.outputs = [failure("NotRun", self.stopped)]
            return cell, resources
        name = _title(cell)
        try:
            super().preprocess_cell(cell, resources, index)
        except DeadKernelError:
            self._stop(f"Python itself ended in cell {name} (an exit, or out of memory)")
            cell.outputs.append(failure("KernelDied", self.stopped))
        except CellTimeoutError:
            self._stop(f"Cell {name} ran into its time limit and could not be interrupted")
            cell.outputs.append(failure("TimeLimit", self.stopped))
        self._explain(cell, name)
        return cell, resources

    def process_message(self, msg, cell, cell_index):
        """Drop what is printed beyond the limit; it would only swell the feedback."""
        if msg["msg_type"] in ("stream", "display_data"):
            content = msg["content"]
            size = len(content["text"]) if "text" in content else len(str(content["data"]))
            self.printed += size
            if self.printed > self.output_limit:
                if self.printed - size > self.output_limit:
                    return None
                msg["msg_type"] = msg["header"]["msg_type"] = "stream"
                text = content.get("text", "")[: self.output_limit]
                msg["content"] = {"name": "stdout", "text": f"{text}\n... the rest was cut ..."}
        return super().process_message(msg, cell, cell_index)

    def _stop(self, why):
        self.stopped = f"{why}; the cells after it were not run."
        notes(self.nb).append(self.stopped)

    def _explain(self, cell, name):
        """Note a time-out, and every answer or test cell that could not be run to its end."""
        for error in [o for o in cell.outputs if o.output_type == "error"]:
            if error.ename == "CellTimeoutError":
                text = f"Cell {name} took more than {self.limit} s and was stopped."
                error.update(failure("TimeLimit", text))
                notes(self.nb).append(text)
                self.limit = min(self.limit, self.later_timeout)
            elif grade_id(cell) and error.ename not in NO_NOTE:
                what = f"{error.ename}: {error.evalue}"[:200].replace("\n", " ")
                notes(self.nb).append(f"Cell {name} stopped with {what}")


def _title(cell):
    """Name a cell for its author: by its name, else by its first line."""
    first = next(iter(cell.source.strip().splitlines()), "")
    return f"`{grade_id(cell)}`" if grade_id(cell) else f"beginning with `{first[:40]}`"


def failure(name, text):
    """Return an error output, which nbgrader grades as 0."""
    return new_output("error", ename=name, evalue=text, traceback=[f"{name}: {text}"])


class Settle(NbGraderPreprocessor):
    """Let a test cell score what it shows as a number, and nothing else; then write the notes.

    nbgrader itself gives full marks to a test cell that shows no number, and none to one in which
    something was written to stderr.
    """

    def preprocess(self, nb, resources):
        """Settle every test cell of one notebook, and put the notes on top."""
        for cell in nb.cells:
            if is_grade(cell) and not is_solution(cell):
                self._settle(cell)
        student = resources["nbgrader"]["student"]
        for note in notes(nb):
            self.log.warning("%s: %s", student, note)
        if notes(nb):
            lines = ["**Notes on this submission**", *(f"- {note}" for note in notes(nb))]
            nb.cells.insert(0, new_markdown_cell("\n".join(lines), id="grading-notes"))
        return nb, resources

    def _settle(self, cell):
        for output in cell.outputs:
            if output.output_type == "stream":
                output.name = "stdout"
        results = [o for o in cell.outputs if o.output_type == "execute_result"]
        if any(o.output_type == "error" for o in cell.outputs):
            cell.outputs = [o for o in cell.outputs if o not in results]
        elif len(results) != 1 or not self._is_score(results[0], cell.metadata.nbgrader.points):
            text = "This test cell ended without a score, so it earns nothing."
            cell.outputs = [o for o in cell.outputs if o not in results]
            cell.outputs.append(failure("NoScore", text))

    def _is_score(self, result, points):
        try:
            score = float(result.data["text/plain"])
        except (KeyError, ValueError):
            return False
        return math.isfinite(score) and 0 <= score <= points


class GetScores(GetGrades):
    """Fetch the scores for the feedback page, and mark those that a grader has yet to give."""

    def _get_score(self, cell, resources):
        super()._get_score(cell, resources)
        name = cell.metadata.nbgrader["grade_id"]
        grade = self.gradebook.find_grade(
            name, self.notebook_id, self.assignment_id, self.student_id
        )
        # A grade given before stands, although nbgrader asks to look again after a second run.
        if grade.needs_manual_grade and grade.manual_score is None:
            cell.metadata.nbgrader["waits"] = resources["nbgrader"]["waits"] = True


class ExportWithNotes(CsvExportPlugin):
    """Write nbgrader's CSV file, and print who needs a look and what happened to whom."""

    def export(self, gradebook):
        """Export every grade; the table has one line a submission and one for each of its notes."""
        super().export(gradebook)
        for assignment in gradebook.assignments:
            if self.assignment and assignment.name not in self.assignment:
                continue
            for submission in gradebook.assignment_submissions(assignment.name):
                look = "  to grade by hand" if submission.needs_manual_grade else ""
                score = f"{submission.score:5.1f} / {submission.max_score:.1f}"
                print(f"{assignment.name}  {submission.student_id:<24} {score}{look}")
                for note in self._notes(assignment.name, submission.student_id):
                    print(f"    {note}")

    def _notes(self, assignment, student):
        course = self.parent.coursedir
        folder = Path(course.format_path(course.autograded_directory, student, assignment))
        graded = sorted(folder.glob("*.ipynb"))
        if not graded:
            return ["Not graded: see the log of nbgrader autograde."]
        return [note for file in graded for note in notes(nbformat.read(file, as_version=4))]
