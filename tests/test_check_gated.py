"""The check of either gated network: is the loop judged by itself, whatever its steps do?"""

import numpy as np
import pytest
from mistakes.gated_forward import advance, answers, forward
from mistakes.gru_step_forward import answers as gru_answers
from mistakes.gru_step_forward import two_products
from mistakes.lstm_step_forward import answers as lstm_answers
from mistakes.lstm_step_forward import slices_of_one_product

from rnn_course.checks import check_gated_forward

NOT_FOLLOWED = {
    "h_prev left out",  # a network without memory would do
    "gates read c_prev",
    "h_t alone",  # no loop runs over that
    "cell changed in place",  # spoils the state of the loop that calls it
    "state changed in place",
}
WRONG_STEPS = [("lstm", m) for m in lstm_answers.mistakes] + [
    ("gru", m) for m in gru_answers.mistakes
]
STEPS = [
    pytest.param(cell, m, id=f"{cell}: {m.name}")
    for k, (cell, m) in enumerate(WRONG_STEPS)
    if k % 3 == 0 or m.name in NOT_FOLLOWED or m.name.startswith("reshaped")
]


def looped(lstm_step, gru_step):
    """A right loop over these steps."""

    def step(x_t, state, params, cell):
        if cell == "gru":
            return {"h": gru_step(x_t, state["h"], *params.values(), "after")}
        h_t, c_t = lstm_step(x_t, state["h"], state["c"], *params.values())
        return {"h": h_t, "c": c_t}

    return lambda *given: forward(*given, step=step)


def pair(cell, step):
    """The right steps, but for one."""
    return (step, two_products) if cell == "lstm" else (slices_of_one_product, step)


@pytest.mark.parametrize(("cell", "mistake"), STEPS)
def test_right_loop_over_a_wrong_step_is_not_punished_twice(cell, mistake):
    """Do wrong numbers of a step cost no points in the loop over it?"""
    steps = pair(cell, mistake.answer)
    verdict = check_gated_forward(looped(*steps), *steps)
    assert all(part.held for part in verdict.parts[:6]) == (mistake.name not in NOT_FOLLOWED)


@pytest.mark.parametrize("wrong", answers.mistakes[::3], ids=lambda mistake: mistake.name)
def test_wrong_loop_beside_wrong_steps_stays_wrong(wrong):
    """Is a loop with a mistake of its own rejected where the steps have others?"""
    steps = [next(m.answer for m in every if m.name == name) for every, name in (
        (lstm_answers.mistakes, "order i, f, o, g"), (gru_answers.mistakes, "order z, r, n")
    )]  # fmt: skip
    assert check_gated_forward(wrong.answer, *steps).share < 1


def test_wrong_loop_over_a_wrong_step_hears_of_its_own_mistake():
    """Does the hint name the loop's mistake, not the step's?"""
    wrong_step = next(m.answer for m in lstm_answers.mistakes if m.name == "order i, f, o, g")

    def c_runs_on(*given):
        return forward(*given, step=step, stays=lambda new, state: {**new, "h": state["h"]})

    def step(x_t, state, params, cell):
        if cell == "gru":
            return advance(x_t, state, params, cell)
        return dict(zip("hc", wrong_step(x_t, state["h"], state["c"], **params), strict=True))

    verdict = check_gated_forward(c_runs_on, wrong_step, two_products)
    assert "while h stands still. Both states of the LSTM" in verdict.problem


def still(x_t, h_prev, *rest):
    """A step that hands its state on."""
    return (h_prev, rest[0]) if len(rest) == 4 else h_prev


def never_written(*given):
    """What the released notebook holds."""
    raise NotImplementedError


@pytest.mark.parametrize("step", [still, lambda x_t, h_prev, *_: 0 * h_prev, never_written])
def test_steps_that_do_nothing_earn_nothing_for_the_loop(step):
    """Can trivial steps make a trivial loop right?"""

    def nothing(x, lengths, state, params, cell):
        h = np.repeat(state["h"][:, None], x.shape[1], axis=1)
        return h, {name: value.copy() for name, value in state.items()}

    assert check_gated_forward(nothing, step, step).share == check_gated_forward(nothing).share == 0
