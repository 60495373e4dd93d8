"""Check of a gradient by finite differences."""

import numpy as np

from rnn_course import rnn
from rnn_course.checks.rnn import draw_weights
from rnn_course.examination.examine import Aspect, Task, examine
from rnn_course.examination.rounding import measured_rounding

B, T, D, H = 2, 4, 5, 3


def _draw(rng, B=B, T=T, D=D, H=H, epsilon=1e-5):
    weights = draw_weights(rng, D, H)
    given = {"x": rng.uniform(-1, 1, (B, T, D)), "h_0": rng.uniform(-0.9, 0.9, (B, H))}
    return given | weights | {"upstream": rng.uniform(-1, 1, (B, T, H)), "epsilon": epsilon}


def _loss(x, h_0, W_xh, W_hh, b_h, upstream):
    return (upstream * rnn.rnn_forward(x, h_0, W_xh, W_hh, b_h)[0]).sum()


def _by_entry(
    x, h_0, W_xh, W_hh, b_h, upstream, epsilon, quotient=None, step=None, loss=_loss, moves=None
):
    """Any quotient of the losses with one entry of W_hh moved up, not moved, and moved down."""
    quotient = quotient or (lambda up, middle, down: (up - down) / (2 * epsilon))
    step = epsilon if step is None else step
    result = np.zeros(W_hh.shape)
    for index in np.ndindex(*W_hh.shape):
        losses = []
        for sign in (1, 0, -1):
            moved = W_hh.copy()
            moved[moves(index) if moves else index] += (
                sign * np.broadcast_to(step, W_hh.shape)[index]
            )
            losses.append(loss(x, h_0, W_xh, moved, b_h, upstream))
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


def _both_cumulative(x, h_0, W_xh, W_hh, b_h, upstream, epsilon):
    """Two copies made once, in which one entry after the other is moved."""
    result, up, down = np.zeros(W_hh.shape), W_hh.copy(), W_hh.copy()
    for index in np.ndindex(*W_hh.shape):
        up[index] += epsilon
        down[index] -= epsilon
        losses = [_loss(x, h_0, W_xh, W, b_h, upstream) for W in (up, down)]
        result[index] = (losses[0] - losses[1]) / (2 * epsilon)
    return result


def _of_loss(of_states):
    """The right quotient of another loss of the states and upstream."""

    def loss(x, h_0, W_xh, W_hh, b_h, upstream):
        return of_states(rnn.rnn_forward(x, h_0, W_xh, W_hh, b_h)[0], upstream)

    return lambda *inputs: _by_entry(*inputs, loss=loss)


def _moving(moves):
    """The right quotient with all entries at moves(index) moved in place of one."""
    return lambda *inputs: _by_entry(*inputs, moves=moves)


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
    "brackets are missing: (up - down) / 2 * epsilon divides by 2 and multiplies by "
    "epsilon.": _with(quotient=lambda *i: lambda up, _, down: (up - down) / 2 * i[-1]),
    "brackets are missing: up - down / (2 epsilon) divides the second loss alone.": _with(
        quotient=lambda *i: lambda up, _, down: up - down / (2 * i[-1])
    ),
    "the second change starts from the first, so it leads back to where it began: the copy is to "
    "be made anew for each of the two.": _with(
        quotient=lambda *i: lambda up, middle, down: (up - middle) / (2 * i[-1])
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
    "a whole row is moved at once; move one entry at a time.": _moving(lambda index: index[:1]),
    "a whole column is moved at once; move one entry at a time.": _moving(
        lambda index: (slice(None), index[1])
    ),
    "this is the exact gradient, or a quotient with an epsilon of its own; the quotient with the "
    "epsilon given is asked for.": _exact,
    "the entry is moved by the share epsilon of its own size, and the difference divided by 2 "
    "epsilon; it is moved by epsilon itself.": _with(step=lambda *i: i[-1] * i[3]),
    "the entry is moved by the share epsilon of its own size; it is moved by epsilon "
    "itself.": lambda *i: _by_entry(*i, step=i[-1] * i[3]) / i[3],
    "the weights are not put back after an entry is moved, so the changes pile up.": _cumulative,
    "the weights are not put back after an entry is moved, neither up nor down, so the changes "
    "pile up.": _both_cumulative,
    "the loss is a sum over sequences, steps and units; here their mean is taken.": _of_loss(
        lambda h, upstream: (upstream * h).mean()
    ),
    "the loss is a sum over the sequences; here their mean is taken.": _of_loss(
        lambda h, upstream: (upstream * h).sum() / len(h)
    ),
    "upstream does not enter: the loss is sum(upstream * h).": _of_loss(lambda h, _: h.sum()),
    "the last step alone enters the loss; every step has its part.": _of_loss(
        lambda h, upstream: (upstream * h)[:, -1].sum()
    ),
    "the first sequence alone enters the loss.": _of_loss(
        lambda h, upstream: (upstream * h)[0].sum()
    ),
    "upstream is taken for a target, with a squared error; the loss is sum(upstream * "
    "h).": _of_loss(lambda h, upstream: ((h - upstream) ** 2).sum()),
    "b_h is not given to rnn_forward, which then takes none.": _with(
        loss=lambda *i: lambda x, h_0, U, W, b, upstream: _loss(x, h_0, U, W, 0 * b, upstream)
    ),
    "h_0 is not given to rnn_forward, which then takes zeros.": _with(
        loss=lambda *i: lambda x, h_0, U, W, b, upstream: _loss(x, 0 * h_0, U, W, b, upstream)
    ),
    "it is the absolute value; a gradient has a sign.": lambda *i: np.abs(_by_entry(*i)),
}


def _rounding(*inputs):
    """The reference makes the same truncation error, of the order of epsilon^2: rounding is left.

    Two losses, each wrong by its own rounding, have their difference divided by 2 epsilon. The
    moved weight is rounded too, by a share of its size, which the slope turns into a change of
    the loss. The quotient itself takes three more operations.
    """
    *given, epsilon = inputs
    # D + H products and their sum and tanh in every step, then B * T * H terms of the loss
    losses = measured_rounding(_loss, T * (D + H + 2) + B * T * H)(*given)
    moved = np.abs(given[3]) + epsilon
    return losses / epsilon + (moved / epsilon + 3) * np.abs(_by_entry(*inputs))


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
