"""Downloaded folders of every shape become submissions, and nothing is lost on the way."""

import nbformat
import pytest

from rnn_course.collecting import collect, gather, main, pick

STEM = "ch99_small"


def notebook(source="x = 1", name="answer"):
    """A notebook of one answer cell, as bytes."""
    marker = {"grade_id": name, "solution": True, "grade": False, "points": 1}
    cell = nbformat.v4.new_code_cell(source, id="a", metadata={"nbgrader": marker})
    return nbformat.writes(nbformat.v4.new_notebook(cells=[cell])).encode()


RELEASED = nbformat.reads(notebook("raise NotImplementedError()").decode(), as_version=4)


@pytest.fixture
def course(tmp_path):
    """An instructor's folder with one exercise and an empty download."""
    released = tmp_path / "exercises" / STEM / f"{STEM}.ipynb"
    released.parent.mkdir(parents=True)
    nbformat.write(RELEASED, released)
    (tmp_path / "downloaded").mkdir()
    return tmp_path


def put(course, files):
    for name, data in files.items():
        path = course / "downloaded" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def collected(course, pattern=None):
    return {row[0]: row[1:] for row in collect(course / "downloaded", STEM, course, pattern)}


@pytest.mark.parametrize(
    ("name", "student"),
    [
        (f"ada/{STEM}.ipynb", "ada"),
        (f"ada/deep/er/{STEM}.ipynb", "ada"),
        (f"Ada Lovelace_1234_assignsubmission_file/{STEM}.ipynb", "Ada-Lovelace"),
        ("ada.ipynb", "ada"),
        (f"ada_{STEM}.ipynb", "ada"),
        (f"ada - {STEM} (2).ipynb", "ada"),
        (f"Müller, J./{STEM}.ipynb", "Müller-J"),
        (f"a*[b]/{STEM}.ipynb", "a-b"),
        (f"ada@uni.example/{STEM}.ipynb", "ada@uni.example"),
    ],
)
def test_gather_finds_the_student(course, name, student):
    """Is the student named by the folder or the file, fit for a path and for a CSV file?"""
    put(course, {name: notebook()})
    assert list(collected(course)) == [student]
    assert (course / "submitted" / student / STEM / f"{STEM}.ipynb").read_bytes() == notebook()


def test_one_file_a_student_has_no_wrong_name(course):
    """Is a file that carries its student's name graded without a remark, and are two left alone?"""
    put(course, {"ada.ipynb": notebook("1"), "bob.ipynb": notebook("2")})
    assert collected(course) == {"ada": ("collected", ""), "bob": ("collected", "")}
    put(course, {f"bob_{STEM}.ipynb": notebook("3")})
    assert "several notebooks and none" in collected(course)["bob"][1]


def test_gather_follows_a_pattern(course):
    """Does a pattern of the instructor's own name the student?"""
    put(course, {"lovelaceada_77_8_hw.ipynb": notebook(), "odd": b""})
    found = collected(course, r"(?P<student>[a-z]+)_\d+_.*")
    assert set(found) == {"lovelaceada", "?"}


def test_gather_mixes_no_two_students(course):
    """Are folders whose names become the same listed, not merged?"""
    put(course, {f"a b/{STEM}.ipynb": notebook("1"), f"a-b/{STEM}.ipynb": notebook("2")})
    found = collected(course)
    assert found["?"] == ("not collected", "a-b (same student name as a b)")
    assert (course / "submitted" / "a-b" / STEM / f"{STEM}.ipynb").read_bytes() == notebook("1")


def test_gather_lists_what_belongs_to_nobody(course):
    """Is a notebook without a name, or another loose file, listed, and clutter left out?"""
    put(course, {f"{STEM}.ipynb": notebook(), "all.zip": b"", ".DS_Store": b"", "__MACOSX/x": b""})
    students, nobody = gather(course / "downloaded", STEM, r"(?P<student>.+)")
    assert students == {}
    assert nobody == ["all.zip", f"{STEM}.ipynb"]


def test_pick_takes_the_right_name():
    """Does the right name win, the others being mentioned?"""
    data, note = pick({f"{STEM}.ipynb": notebook("1"), "b.ipynb": notebook("2")}, STEM, RELEASED)
    assert data == notebook("1")
    assert "also found: `b.ipynb`" in note


def test_pick_tells_a_renamed_notebook_by_its_cells():
    """Is the one notebook with this exercise's cells chosen among others?"""
    files = {"a.ipynb": notebook("1", "other-exercise"), "b.ipynb": notebook("2")}
    data, note = pick(files, STEM, RELEASED)
    assert data == notebook("2")
    assert "`b.ipynb` was graded; the file name should have been" in note


def test_pick_does_not_guess_between_two():
    """Are two notebooks of this exercise, none with its name, left to a person?"""
    data, note = pick({"a.ipynb": notebook("1"), "b.ipynb": notebook("2")}, STEM, RELEASED)
    assert data is None
    assert f"none is called `{STEM}.ipynb`: `a.ipynb`, `b.ipynb`" in note


@pytest.mark.parametrize(
    "data",
    [
        b"",
        notebook()[:99],
        b"\xff\xfe\x00",
        b"[]",
        b"{}",
        b"null",
        b'{"cells": null, "nbformat": 4}',
        b"{" * 9999,
    ],
)
def test_pick_says_that_a_file_is_no_notebook(data):
    """Is a file that cannot be read named with the reason, whatever is in it?"""
    found, note = pick({f"{STEM}.ipynb": data}, STEM, RELEASED)
    assert found is None
    assert f"`{STEM}.ipynb` cannot be read as a notebook" in note


def test_collect_replaces_and_keeps_the_earlier_one(course):
    """Does a newer notebook replace the older, which stays beside it, once?"""
    put(course, {f"ada/{STEM}.ipynb": notebook("1")})
    assert collected(course)["ada"][0] == "collected"
    put(course, {f"ada/{STEM}.ipynb": notebook("2")})
    assert collected(course)["ada"][0] == "replaced"
    folder = course / "submitted" / "ada" / STEM
    assert (folder / f"{STEM}.ipynb").read_bytes() == notebook("2")
    assert [path.read_bytes() for path in folder.glob("earlier-*")] == [notebook("1")]
    assert collected(course)["ada"][0] == "unchanged"


def test_collect_says_how_to_grade_a_replaced_one_again(course):
    """Is the command named once the earlier one has been graded?"""
    put(course, {f"ada/{STEM}.ipynb": notebook("1")})
    collected(course)
    (course / "autograded" / "ada" / STEM).mkdir(parents=True)
    put(course, {f"ada/{STEM}.ipynb": notebook("2")})
    assert "--force --student=ada" in collected(course)["ada"][0]


def test_collect_prints_a_line_for_each(course, capsys, monkeypatch):
    """Does the command work from the course's folder?"""
    put(course, {f"ada/{STEM}.ipynb": notebook(), "bob/x.txt": b""})
    monkeypatch.chdir(course)
    main(["downloaded", STEM])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines] == [["ada", "collected"], ["bob", "collected"]]
    assert "no notebook in what was handed in: `x.txt`" in lines[1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere", STEM], "there is no folder nowhere"),
        (["downloaded", "ch98_other"], "run this in the folder of the clone"),
        (["downloaded", STEM, "--pattern", "[a-z]+"], "needs a group"),
    ],
)
def test_collect_says_what_is_wrong_with_the_command(course, capsys, monkeypatch, arguments, said):
    """Does a wrong command line end in one sentence, with nothing collected?"""
    monkeypatch.chdir(course)
    with pytest.raises(SystemExit):
        main(arguments)
    assert said in capsys.readouterr().err
    assert not (course / "submitted").exists()
