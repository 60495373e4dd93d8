"""Put downloaded submissions where nbgrader reads them, and say what was found for each student.

    python -m rnn_course.collecting DOWNLOADED ASSIGNMENT

DOWNLOADED holds one folder or one notebook a student, as learning platforms deliver them. Nothing
in it is changed. Every student found gets submitted/STUDENT/ASSIGNMENT/ASSIGNMENT.ipynb: the
notebook handed in, or, where there is none to be read, the released one, so that the student is
graded (0) and told why. Running it again changes nothing; a newer notebook replaces an older one,
which stays beside it.
"""

import argparse
import hashlib
import json
import re
import warnings
from collections import defaultdict
from pathlib import Path

import nbformat

from rnn_course.grading import NOTES_FILE, grade_id

STUDENT = r"(?P<student>.+?)(_\d+_assignsubmission_.*|[ _-]+{assignment}.*)?"
CLUTTER = {"__MACOSX", ".ipynb_checkpoints"}


def read(data):
    """Return the notebook in these bytes; raises ValueError saying why there is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of nbformat, on ids that it mends itself
            text = data.decode("utf-8-sig")
            json.loads(text)  # its errors name line and column, those of nbformat do not
            nb = nbformat.reads(text, as_version=4)
        for cell in nb.cells:
            cell.source.splitlines()
    except Exception as error:  # a submission can be broken in any way
        reason = str(error).splitlines()[0] if str(error) else ""
        raise ValueError(f"{type(error).__name__}: {reason}"[:200]) from error
    return nb


def pick(files, assignment, released):
    """Choose a student's notebook among the files handed in.

    Args:
        files: name -> bytes of every file handed in.
        assignment: the name the notebook should have, without .ipynb.
        released: the released notebook node, whose cells' names tell a renamed notebook.

    Returns:
        (bytes, note): the notebook, None if there is none to be graded, and what the student
        should know, None if nothing.
    """
    wanted = f"{assignment}.ipynb"
    notebooks, broken = {}, {}
    for name, data in files.items():
        if name.lower().endswith(".ipynb"):
            try:
                notebooks[name] = {grade_id(cell) for cell in read(data).cells}
            except ValueError as error:
                broken[name] = f"`{name}` cannot be read as a notebook ({error})"
    names = {grade_id(cell) for cell in released.cells} - {None}
    alike = [name for name, found in notebooks.items() if found & names] or list(notebooks)
    if wanted in notebooks:
        others = ", ".join(f"`{name}`" for name in alike if name != wanted)
        return files[wanted], f"`{wanted}` was graded; also found: {others}." if others else None
    why = "; ".join(broken.values())
    if len(alike) == 1:
        note = f"`{alike[0]}` was graded; the file name should have been `{wanted}`."
        return files[alike[0]], f"{note} {why}." if why else note
    if alike:
        found = ", ".join(f"`{name}`" for name in alike)
        why = "; ".join(
            [f"several notebooks and none is called `{wanted}`: {found}", *broken.values()]
        )
    if not why:
        found = ", ".join(f"`{name}`" for name in files) or "an empty folder"
        why = f"there is no notebook in what was handed in: {found}"
    return None, f"Nothing could be graded: {why}. Please hand it in again, or ask."


def placeholder(released, note):
    """Return the released notebook as bytes, its written answers saying why it stands there."""
    nb = nbformat.from_dict(released)
    for cell in nb.cells:
        if cell.cell_type == "markdown" and grade_id(cell):
            cell.source = note  # no longer the released text: nbgrader asks for a look by hand
    return nbformat.writes(nb).encode()


def gather(downloaded, assignment, pattern):
    """Return ({student: {name: bytes}}, [what belongs to nobody]) of a downloaded folder."""
    students, origins, nobody, alone = defaultdict(dict), {}, [], set()
    for path in sorted(downloaded.iterdir()):
        loose = path.is_file() and path.suffix.lower() != ".ipynb"
        if path.name.startswith(".") or path.name in CLUTTER:
            continue
        match = re.fullmatch(pattern, path.name if path.is_dir() else path.stem)
        if loose or not match or path.stem == assignment:
            nobody.append(path.name)
            continue
        student = re.sub(r"[^\w.@+-]+", "-", match["student"]).strip("-.") or "-"
        if path.is_dir() and origins.setdefault(student, path.name) != path.name:
            nobody.append(f"{path.name} (same student name as {origins[student]})")
            continue
        handed = students[student]  # an empty folder is a student too
        alone |= {student} if path.is_file() else set()
        files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
        for file in files:
            name = file.name if path.is_file() else "-".join(file.relative_to(path).parts)
            if not CLUTTER & set(file.parts) and not file.name.startswith("."):
                handed[name] = file.read_bytes()
    for student in alone:  # one file a student is named by whoever delivers it: no wrong name
        if len(students[student]) == 1:
            (data,) = students[student].values()
            students[student] = {f"{assignment}.ipynb": data}
    return dict(students), nobody


def store(folder, assignment, data, note, files):
    """Write one submission; return what was done: collected, unchanged or replaced."""
    target = folder / f"{assignment}.ipynb"
    done = "collected"
    if target.exists():
        earlier = target.read_bytes()
        done = "unchanged" if earlier == data else "replaced"
        if done == "replaced":
            mark = hashlib.sha256(earlier).hexdigest()[:8]
            (folder / f"earlier-{mark}.ipynb").write_bytes(earlier)
    folder.mkdir(parents=True, exist_ok=True)
    if done != "unchanged":
        target.write_bytes(data)
    for name, original in files.items():
        if name.lower().endswith(".ipynb") and original != data:
            (folder / f"original-{name}").write_bytes(original)
    (folder / NOTES_FILE).unlink(missing_ok=True)
    if note:
        (folder / NOTES_FILE).write_text(note + "\n", encoding="utf-8")
    return done


def collect(downloaded, assignment, root, pattern=None):
    """Collect a folder of submissions below root/submitted; yield (student, deed, note)."""
    pattern = pattern or STUDENT.format(assignment=re.escape(assignment))
    released = nbformat.read(root / "exercises" / assignment / f"{assignment}.ipynb", as_version=4)
    students, nobody = gather(downloaded, assignment, pattern)
    for student, files in students.items():
        data, note = pick(files, assignment, released)
        data = placeholder(released, note) if data is None else data
        folder = root / "submitted" / student / assignment
        done = store(folder, assignment, data, note, files)
        if done == "replaced" and (root / "autograded" / student / assignment).exists():
            done = f"replaced: grade it again with --force --student={student}"
        yield student, done, note or ""
    for name in nobody:
        yield "?", "not collected", name


def main(arguments=None):
    """Collect as the command line says, from the course's folder."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("downloaded", type=Path)
    parser.add_argument("assignment")
    parser.add_argument(
        "--pattern",
        help="regular expression for a whole folder name (or file name without .ipynb), "
        "with a group (?P<student>...)",
    )
    options = parser.parse_args(arguments)
    released = Path("exercises", options.assignment, f"{options.assignment}.ipynb")
    if not released.exists():
        parser.error(f"there is no {released} here; run this in the folder of the clone")
    if not options.downloaded.is_dir():
        parser.error(f"there is no folder {options.downloaded}")
    if options.pattern and "(?P<student>" not in options.pattern:
        parser.error("the pattern needs a group (?P<student>...)")
    for row in collect(options.downloaded, options.assignment, Path.cwd(), options.pattern):
        print(f"{row[0]:<24} {row[1]:<14} {row[2]}".rstrip())


if __name__ == "__main__":
    main()
