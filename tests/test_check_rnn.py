"""The check of a whole sequence: is a right loop judged by itself, whatever step it calls?"""

import numpy as np
import pytest
from mistakes.rnn_step_forward import answers

from rnn_course import checks

STEPS = {mistake.name: mistake.answer for mistake in answers.mistakes}
WRONG_NUMBERS = (
    "W_hh transposed",
    "bias left out",
    "bias added after tanh",
    "tanh left out",
    "tanh applied twice",
    "tanh of each term",
    "sigmoid instead of tanh",
    "h_prev added to the result",
    "cut off at -1 and 1",
)


def loop_over(step, dtype=None):
    """A right loop that calls this step."""

    def loop(x, h_0, *weights):
        h = np.empty((*x.shape[:2], h_0.shape[1]), dtype=dtype or x.dtype)
        for t in range(x.shape[1]):
            h_0 = step(x[:, t], h_0, *weights)
            h[:, t] = h_0
        return h

    return loop


@pytest.mark.parametrize("name", WRONG_NUMBERS)
def test_right_loop_over_a_wrong_step_gets_all_points_for_many_seeds(name):
    """Is the tolerance of states that no formula is known for wide enough, in both precisions?"""
    for seed in range(4):
        verdict = checks.check_rnn_forward(loop_over(STEPS[name]), STEPS[name], seed=seed)
        assert verdict.share == 1, verdict.problem


@pytest.mark.parametrize(
    ("name", "dtype"),
    [("float32 turned into float64", np.float64), ("float64 rounded to float32", np.float32)],
)
def test_step_of_another_precision_costs_once(name, dtype):
    """Does a loop keep all points whose states have another dtype because its step makes it so?"""
    step, loop = STEPS[name], loop_over(STEPS[name], dtype)
    assert checks.check_rnn_step_forward(step).share == 7 / 8
    assert checks.check_rnn_forward(loop).share == 7 / 8
    assert checks.check_rnn_forward(loop, step).share == 1


def test_loop_that_widens_loses_its_point():
    """Is float64 noticed that a loop makes by itself, over a right step and over a wrong one?"""
    for step in (next(iter(answers.rights.values())), STEPS["bias left out"]):
        assert checks.check_rnn_forward(loop_over(step, np.float64), step).share == 7 / 8
