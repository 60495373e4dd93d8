"""Mechanical mutants of every model answer: does each check notice every change that counts?"""

import json

import pytest
from mistakes import all_answers
from mistakes.__main__ import STORED as FILE
from mistakes.__main__ import evidence
from mistakes.mutants import EQUIVALENT, functions, limited, mutants

ANSWERS = {answers.task: answers for answers in all_answers()}
STORED = json.loads(FILE.read_text(encoding="utf8"))
GRADED = {name: found for name, found in functions().items() if name in ANSWERS}


def test_every_task_has_a_model_answer():
    """Is each task with mistakes one that a notebook asks for?"""
    assert set(GRADED) == set(ANSWERS)


@pytest.mark.parametrize("task", GRADED)
def test_evidence_of_a_task_has_no_hole_and_is_what_the_book_shows(task):
    """Are just the known mutants equivalent, and do the stored counts belong to these answers?"""
    counts, _, holes = evidence(task, seeds=1)
    assert holes == []
    assert counts["mutants"] >= 10
    assert counts["equivalent"] >= len(EQUIVALENT.get(task, {}))
    assert counts == STORED["tasks"].get(task), 'run `make mistakes OPTIONS="--seeds 1000 --store"`'


def test_known_mutants_exist():
    """Is each mutant that is said to be equivalent one of those that are made?"""
    for task, known in EQUIVALENT.items():
        assert known.keys() <= {mutant.change for mutant in mutants(task, GRADED[task][0])}, task


def test_stored_evidence_is_of_a_thousand_seeds_and_of_these_tasks():
    """Does the book show what a long run found, for every task and no other?"""
    assert STORED["seeds"] >= 1000
    assert list(STORED["tasks"]) == list(ANSWERS)


def test_mutants_change_operators_indices_transposes_constants_and_lines():
    """Is one of each kind among the mutants of a small function?"""
    function = "def f(a, W):\n    b = a[1:] + 2.0\n    b += 1\n    return -b @ W.T\n"
    changes = {mutant.change for mutant in mutants("f", function)}
    first, second, last = "b = a[1:] + 2.0  ->  ", "b += 1  ->  ", "return -b @ W.T  ->  return "
    assert {first + "b = a[1:] - 2.0", first + "b = a + 2.0", first + "b = a[:] + 2.0"} <= changes
    assert {first + "b = a[2:] + 2.0", first + "b = a[1:] + 5.0", first + "pass"} <= changes
    assert {second + "b += 2", second + "b = 1", second + "pass"} <= changes
    assert {last + "-b @ W", last + "(-b).T @ W.T", last + "b @ W.T"} <= changes


def test_a_mutant_that_loops_for_ever_is_stopped():
    """Does the limit end a loop?"""
    with pytest.raises(TimeoutError), limited(0.05):
        while True:
            pass
