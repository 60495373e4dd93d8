"""Mechanical mutants of every model answer: does each check notice every change that counts?"""

import pytest
from mistakes import all_answers
from mistakes.mutants import EQUIVALENT, examined, functions, limited, mutants

ANSWERS = {answers.task: answers for answers in all_answers()}
GRADED = {name: found for name, found in functions().items() if name in ANSWERS}


def test_every_task_has_a_model_answer():
    """Is each task with mistakes one that a notebook asks for?"""
    assert set(GRADED) == set(ANSWERS)


@pytest.mark.parametrize("task", GRADED)
def test_check_rejects_every_mutant_but_the_equivalent_ones(task):
    """Do just the mutants survive of which it is known why?"""
    verdicts = list(examined(task, ANSWERS[task].check, *GRADED[task]))
    alive = [mutant.change for mutant, verdict in verdicts if verdict.share == 1]
    assert len(verdicts) >= 10
    assert sorted(set(alive)) == sorted(EQUIVALENT.get(task, {}))


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
