"""Check of a gradient by finite differences."""

import numpy as np

from rnn_course import rnn
from rnn_course.checks.examine import Aspect, Task, examine
from rnn_course.checks.rnn import draw_weights
from rnn_course.checks.rounding import measured_rounding

B, T, D, H = 2, 4, 2, 3


def _draw(rng, B=B, T=T, D=D, H=H, epsilon=1e-5):
    weights = draw_weights(rng, D, H)
    given = {"x": rng.uniform(-1, 1, (B, T, D)), "h_0": rng.uniform(-0.9, 0.9, (B, H))}
    return given | weights | {"upstream": rng.uniform(-1, 1, (B, T, H)), "epsilon": epsilon}


def _loss(x, h_0, W_xh, W_hh, b_h, upstream):
    return (upstream * rnn.rnn_forward(x, h_0, W_xh, W_hh, b_h)[0]).sum()


def _by_entry(x, h_0, W_xh, W_hh, b_h, upstream, epsilon, quotient=None, step=None):
    """Any quotient of the losses with one entry of W_hh moved up, not moved, and moved down."""
    quotient = quotient or (lambda up, middle, down: (up - down) / (2 * epsilon))
    step = step or epsilon
    result = np.zeros(W_hh.shape)
    for index in np.ndindex(*W_hh.shape):
        losses = []
        for change in (step, 0.0, -step):
            moved = W_hh.copy()
            moved[index] += change
            losses.append(_loss(x, h_0, W_xh, moved, b_h, upstream))
        result[index] = quotient(*losses)
    return result


def _exact(x, h_0, W_xh, W_hh, b_h, upstream, epsilon=None):
    _, cache = rnn.rnn_forward(x, h_0, W_xh, W_hh, b_h)
    return rnn.rnn_backward(upstream, cache)[2]["W_hh"]


def _cumulative(x, h_0, W_xh, W_hh, b_h, upstream, epsilon):
    """The entry is not put back: the changes pile up."""
    result, moved = np.zeros(W_hh.shape), W_hh.copy()
    for index in np.ndindex(*W_hh.shape):
        moved[index] += epsilon
        up = _loss(x, h_0, W_xh, moved, b_h, upstream)
        moved[index] -= 2 * epsilon
        result[index] = (up - _loss(x, h_0, W_xh, moved, b_h, upstream)) / (2 * epsilon)
    return result


def _all_at_once(x, h_0, W_xh, W_hh, b_h, upstream, epsilon):
    up, down = (_loss(x, h_0, W_xh, W_hh + e, b_h, upstream) for e in (epsilon, -epsilon))
    return np.full(W_hh.shape, (up - down) / (2 * epsilon))


def _with(**changed):
    return lambda *inputs: _by_entry(
        *inputs, **{name: make(*inputs) for name, make in changed.items()}
    )


SUSPECTS = {
    "the difference is divided by epsilon; the two weights lie 2 epsilon apart.": _with(
        quotient=lambda *i: lambda up, middle, down: (up - down) / i[-1]
    ),
    "only one side is moved: (L(w + epsilon) - L(w)) / epsilon. The error of that is of the order "
    "of epsilon, that of the central difference of its square.": _with(
        quotient=lambda *i: lambda up, middle, down: (up - middle) / i[-1]
    ),
    "only one side is moved, downwards. The error of that is of the order of epsilon, that of the "
    "central difference of its square.": _with(
        quotient=lambda *i: lambda up, middle, down: (middle - down) / i[-1]
    ),
    "the sign is reversed: the loss with the larger weight comes first.": _with(
        quotient=lambda *i: lambda up, middle, down: (down - up) / (2 * i[-1])
    ),
    "it is not divided by 2 epsilon.": _with(quotient=lambda *i: lambda up, _, down: up - down),
    "it is multiplied by 2 epsilon instead of divided.": _with(
        quotient=lambda *i: lambda up, _, down: (up - down) * 2 * i[-1]
    ),
    "the weight is moved by epsilon / 2 to either side, and the difference divided by 2 "
    "epsilon.": _with(step=lambda *i: i[-1] / 2),
    "the difference is divided by epsilon's square.": _with(
        quotient=lambda *i: lambda up, _, down: (up - down) / i[-1] ** 2
    ),
    "all entries are moved at once, so every place holds their sum; move one at a "
    "time.": _all_at_once,
    "the result is transposed.": lambda *i: _by_entry(*i).T,
    "this is the exact gradient; the difference quotient is asked for, from which that is "
    "checked.": _exact,
    "the weights are not put back after an entry is moved, so the changes pile up.": _cumulative,
}


def _rounding(*inputs):
    """Both losses are rounded, and their difference is divided by 2 epsilon."""
    *given, epsilon = inputs
    losses = measured_rounding(_loss, T * (D + H) + B * T * H)(*given)
    smooth = measured_rounding(_exact, T * (B + D + H))(*given)
    return smooth + losses / epsilon + np.abs(given[3]).max() * smooth / epsilon


def _task(seed):
    rng = np.random.default_rng(seed)
    coarse = _draw(rng, epsilon=0.1)
    return Task(
        name="numerical_gradient",
        outputs=("dW_hh",),
        reference=_by_entry,
        aspects=(
            Aspect("epsilon = 0.1, so that the kind of difference shows", 3, (coarse,)),
            Aspect("epsilon = 0.00001", 2, (_draw(rng),)),
            Aspect("one sequence, one unit", 1, (_draw(rng, B=1, H=1, epsilon=0.01),)),
        ),
        suspects={"dW_hh": SUSPECTS},
        fallbacks=(_draw(rng, B=2, T=2, D=2, H=2, epsilon=0.1),),
        rounding=_rounding,
        shapes={"dW_hh": "(H, H)"},
        kinds={"dW_hh": "f"},
    )


def check_numerical_gradient(answer, seed=3003):
    """Check answer(x, h_0, W_xh, W_hh, b_h, upstream, epsilon) -> dW_hh; returns a Verdict."""
    return examine(_task(seed), answer)
