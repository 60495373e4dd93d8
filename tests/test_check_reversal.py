"""Functions over the learner's reverse_padded: does a mistake in it cost its points once?"""

import mistakes.bidirectional_backward as backward
import mistakes.bidirectional_states as states
import pytest
from mistakes.reverse_padded import answers as reversals

from rnn_course import checks

# Those that fail everywhere or give another shape; and those that leave the real steps in order,
# over which a network that reads forward only would be right.
NOT_FOLLOWED = (
    "stops at step 0, which is left out",
    "(T, B, D)",
    "real parts without their padding",
    "nothing turned",
    "every pair exchanged twice",
    "padding turned round alone",
)
WRONG = {mistake.name: mistake.answer for mistake in reversals.mistakes}
FOLLOWED = [name for name in WRONG if name not in NOT_FOLLOWED]
CASES = [
    (states, checks.check_bidirectional_states, "two_runs"),
    (states, checks.check_bidirectional_states, "masked_afterwards"),
    (backward, checks.check_bidirectional_backward, "two_ways_back"),
    (backward, checks.check_bidirectional_backward, "masked_without_lengths"),
]


@pytest.mark.parametrize("name", FOLLOWED)
@pytest.mark.parametrize(("module", "check", "right"), CASES)
def test_right_function_over_a_wrong_reversal_is_not_punished_twice(
    module, check, right, name, monkeypatch
):
    """Does it get all its points, whichever way it masks, and say why the numbers are wrong?"""
    monkeypatch.setattr(module, "turned", WRONG[name])
    alone = check(getattr(module, right))
    verdict = check(getattr(module, right), WRONG[name])
    assert verdict.share == 1, verdict.problem
    assert alone.share == 1 or len(verdict.notes) > len(alone.notes)


@pytest.mark.parametrize("name", ["turned with the padding", "the first length for all"])
@pytest.mark.parametrize(
    ("module", "check", "own"),
    [
        (states, checks.check_bidirectional_states, "one set of weights"),
        (states, checks.check_bidirectional_states, "not put back"),
        (backward, checks.check_bidirectional_backward, "one set of weights"),
        (backward, checks.check_bidirectional_backward, "dh not turned"),
        (backward, checks.check_bidirectional_backward, "dx not put back"),
    ],
)
def test_wrong_function_over_a_wrong_reversal_stays_wrong(module, check, own, name, monkeypatch):
    """Is a mistake of its own still found beside the reversal's?"""
    monkeypatch.setattr(module, "turned", WRONG[name])
    mistake = next(m for m in module.answers.mistakes if m.name == own)
    assert check(mistake.answer, WRONG[name]).share < 0.5


@pytest.mark.parametrize("name", ["nothing turned", "padding turned round alone"])
def test_a_reversal_that_turns_nothing_earns_nothing_for_a_forward_reader(name, monkeypatch):
    """Can two chains that both read forward become right by a reversal that does nothing?"""
    monkeypatch.setattr(states, "turned", WRONG[name])
    alone = checks.check_bidirectional_states(states.two_runs)
    verdict = checks.check_bidirectional_states(states.two_runs, WRONG[name])
    assert verdict.share == alone.share < 0.5


@pytest.mark.parametrize("reversal", [lambda *given: None, lambda x, n: 0 * x, lambda x, n: n])
def test_right_function_keeps_its_points_beside_any_reversal(reversal):
    """Does a right function of its own formula lose nothing beside nonsense?"""
    assert checks.check_bidirectional_states(states.loop_from_the_end, reversal).share == 1
    assert checks.check_bidirectional_backward(backward.row_by_row, reversal).share == 1


def test_wrong_functions_are_judged_alike_beside_a_right_reversal():
    """Does the learner's reversal change no verdict when it is right?"""
    right = reversals.rights["slice_of_each_row"]
    for module in (states, backward):
        for mistake in module.answers.mistakes:
            verdict = module.answers.check(mistake.answer, right)
            assert verdict.share == pytest.approx(mistake.keeps)
            assert mistake.says in verdict.problem
