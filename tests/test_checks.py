"""The checks of the graded notebooks: do they tell right answers from wrong ones, and say why?"""

import pytest
from mistakes import all_answers

ANSWERS = all_answers()
MISTAKES = [
    pytest.param(answers, mistake, id=f"{answers.task}: {mistake.name}")
    for answers in ANSWERS
    for mistake in answers.mistakes
]
RIGHTS = [
    pytest.param(answers, right, id=f"{answers.task}: {name}")
    for answers in ANSWERS
    for name, right in answers.rights.items()
]


@pytest.mark.parametrize(("answers", "mistake"), MISTAKES)
def test_mistake_is_rejected_and_explained(answers, mistake):
    """Does the mistake keep only its share, and does the first problem name its cause?"""
    verdict = answers.check(mistake.answer)
    assert verdict.share == pytest.approx(mistake.keeps)
    assert verdict.share < 1
    assert mistake.says in verdict.problem


@pytest.mark.parametrize(("answers", "right"), RIGHTS)
def test_right_answer_gets_all_points_for_many_seeds(answers, right):
    """Does a right answer get everything, whatever the random inputs?"""
    for seed in range(10):
        verdict = answers.check(right, seed=seed)
        assert verdict.share == 1, verdict.problem


@pytest.mark.parametrize("answers", ANSWERS, ids=lambda answers: answers.task)
def test_task_has_enough_answers(answers):
    """Are there six mistakes, one of which keeps a part of the points, and three right answers?"""
    assert len(answers.mistakes) >= 6
    assert len(answers.rights) >= 3
    assert any(0 < mistake.keeps < 1 for mistake in answers.mistakes)
    assert any(mistake.keeps == 0 for mistake in answers.mistakes)
