"""Checks of the gradients of a network that reads in both directions."""

import numpy as np

from rnn_course import rnn
from rnn_course.checks.directions import (
    LENGTHS,
    NAMES,
    D,
    H,
    T,
    both_states,
    draw_both,
    real_steps,
    side_by_side,
    turn,
)
from rnn_course.checks.examine import Aspect, Task, examine, picked
from rnn_course.checks.rounding import measured_rounding

RESULTS = ("dx", *(f'grads["{name}"]' for name in NAMES))


def _draw_gradient(rng, *sizes):
    given = draw_both(rng, *sizes)
    states = both_states(*given.values())
    return {"dh": rng.uniform(-1, 1, states.shape)} | given


def _back(dh, x, lengths, *weights):
    """dx, and the gradients of one chain's three parameters."""
    _, cache = rnn.rnn_forward(x, None, *weights, lengths=lengths)
    dx, _, grads = rnn.rnn_backward(dh, cache)
    return dx, list(grads.values())


def _ways(dh, x, lengths, U, W, b, U_r, W_r, b_r, turned=turn):
    """What each chain gives back, the second one in its order of reading."""
    first, second = np.split(dh, 2, axis=2)
    forward = _back(first, x, lengths, U, W, b)
    return forward, _back(turned(second, lengths), turned(x, lengths), lengths, U_r, W_r, b_r)


def _merged(forward, backward, put_back=lambda dx: dx):
    return forward[0] + put_back(backward[0]), *forward[1], *backward[1]


def _gradients(dh, x, lengths, *weights):
    ways = _ways(dh, x, lengths, *weights)
    return _merged(*ways, lambda dx: turn(dx, lengths))


def _reference(*given):
    dx, *grads = _gradients(*given)
    return dx, dict(zip(NAMES, grads, strict=True))


def _without_lengths(dh, x, lengths, *weights):
    """Padded steps taken for real."""
    full = np.full_like(lengths, x.shape[1])
    ways = _ways(dh, x, full, *weights, turned=lambda array, _: turn(array, lengths))
    return _merged(*ways, lambda dx: turn(dx, lengths))


def _turned_with_padding(dh, x, lengths, *weights):
    real = real_steps(x, lengths)
    full = np.full_like(lengths, x.shape[1])
    dx, *grads = _gradients(dh * real, x, full, *weights)
    return dx * real, *grads


def _dh_not_turned(dh, x, lengths, *weights):
    first, second = np.split(dh, 2, axis=2)
    return _gradients(side_by_side(first, turn(second, lengths)), x, lengths, *weights)


def _x_not_turned(dh, x, lengths, *weights):
    first, second = np.split(dh, 2, axis=2)
    forward = _back(first, x, lengths, *weights[:3])
    return _merged(forward, _back(turn(second, lengths), x, lengths, *weights[3:]))


def _nothing_turned(dh, x, lengths, *weights):
    first, second = np.split(dh, 2, axis=2)
    forward = _back(first, x, lengths, *weights[:3])
    return _merged(forward, _back(second, x, lengths, *weights[3:]))


def _with_dx(change):
    """Right gradients beside a dx made of the two chains' dx, the second one put back."""

    def run(dh, x, lengths, *weights):
        forward, backward = _ways(dh, x, lengths, *weights)
        return change(forward[0], turn(backward[0], lengths)), *forward[1], *backward[1]

    return run


def _dx_not_put_back(dh, x, lengths, *weights):
    return _merged(*_ways(dh, x, lengths, *weights))


# Wrong ways back, as functions of the learner's arguments; the results are those of RESULTS.
WAYS = {
    "the second half of dh is not turned round: it has to go back in the order in which the "
    "backward chain has read.": _dh_not_turned,
    "the second chain's dx is added in its order of reading; turn it round first.": (
        _dx_not_put_back
    ),
    "the second chain runs over x as it is; it has read the row from its last real step.": (
        _x_not_turned
    ),
    "nothing is turned round: the second chain is taken for another forward one.": _nothing_turned,
    "rows are turned round with their padding; each is turned within its own "
    "length.": _turned_with_padding,
    "padded steps count: what dh holds there is not to be looked at. Were the states computed with "
    "lengths?": _without_lengths,
    "the halves of dh are exchanged: the first H numbers belong to the forward "
    "chain.": lambda dh, *rest: _gradients(np.roll(dh, dh.shape[2] // 2, axis=2), *rest),
    "it is the forward chain's alone; both chains have read x.": _with_dx(lambda f, b: f),
    "it is the backward chain's alone; both chains have read x.": _with_dx(lambda f, b: b),
    "the two are averaged; they are added.": _with_dx(lambda f, b: (f + b) / 2),
    "the two stand side by side; they are added.": _with_dx(lambda f, b: side_by_side(f, b)),
    "the weights of the two chains are exchanged.": lambda dh, x, n, U, W, b, *reverse: _gradients(
        dh, x, n, *reverse, U, W, b
    ),
    "the second chain runs with the weights of the forward one.": lambda dh, x, n, U, W, b, *_: (
        _gradients(dh, x, n, U, W, b, U, W, b)
    ),
    "everything is averaged over the batch; the loss contains its mean already.": lambda dh, *i: (
        _gradients(dh / len(dh), *i)
    ),
}
KEYS = "the gradients of the two chains are exchanged: which of them have names in _reverse?"
SUMS = "it is the sum of both chains' gradients; each chain has its own parameters."


def _gradient_suspects():
    found = {
        name: {cause: picked(run, position) for cause, run in WAYS.items()}
        for position, name in enumerate(RESULTS)
    }
    for position, name in enumerate(RESULTS[1:], 1):
        other = (position + 2) % 6 + 1
        found[name][KEYS] = picked(_gradients, other)
        found[name][SUMS] = lambda *given, p=position, q=other: (
            _gradients(*given)[p] + _gradients(*given)[q]
        )
    return found


def _gradient_task(seed):
    rng = np.random.default_rng(seed)
    whole = _draw_gradient(rng)
    return Task(
        name="bidirectional_backward",
        outputs=("dx", "grads"),
        reference=_reference,
        aspects=(
            Aspect("dx of four padded sequences", 3, (whole,), RESULTS[:1]),
            Aspect("the gradients of the forward chain", 2, (whole,), RESULTS[1:4]),
            Aspect("the gradients of the backward chain", 3, (whole,), RESULTS[4:]),
            Aspect("sequences that need no padding", 2, (_draw_gradient(rng, 4, (4, 4)),)),
            Aspect("a sequence of length 0, and one of length 1", 1,
                   (_draw_gradient(rng, 6, (3, 0, 1)),)),
            Aspect("a batch of one; a single step", 1,
                   (_draw_gradient(rng, 5, (4,)), _draw_gradient(rng, 1, (1, 1)))),
        ),
        suspects=_gradient_suspects(),
        fallbacks=(_draw_gradient(rng, 3, (3, 2, 1), 3, 3),),
        rounding=measured_rounding(_reference, T * (D + H + len(LENGTHS))),
        shapes=dict(zip(RESULTS, ("(B, T, D)", *["(H, D)", "(H, H)", "(H,)"] * 2), strict=True)),
    )  # fmt: skip


def check_bidirectional_backward(answer, seed=6004):
    """Check answer(dh, x, lengths, W_xh, ..., b_h_reverse) -> dx, grads; returns a Verdict."""
    return examine(_gradient_task(seed), answer)
