"""Checks of the gradients of a network that reads in both directions."""

import functools
import itertools

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
from rnn_course.checks.over_reversal import examine_over_reversal
from rnn_course.examination.examine import Aspect, Task, picked
from rnn_course.examination.rounding import measured_rounding

# A number passes T steps forward and T back, with a sum over D + H in each, and one over the batch.
OPERATIONS = T * (2 * (D + H) + len(LENGTHS))
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


def _keyed(dx, *grads):
    return dx, dict(zip(NAMES, grads, strict=True))


def _reference(*given):
    return _keyed(*_gradients(*given))


def _gradients_over(lengths_kept, masked):
    """Reference over a reversal: with lengths or a masked dh, and with dx masked or as it is."""

    def over(reverse_padded):
        def run(dh, x, lengths, *weights):
            real = real_steps(x, lengths)
            read = lengths if lengths_kept else np.full_like(lengths, x.shape[1])
            dh = dh if lengths_kept else dh * real
            ways = _ways(dh, x, read, *weights, turned=lambda a, _: reverse_padded(a, lengths))
            dx, *grads = _merged(*ways, lambda dx: reverse_padded(dx, lengths))
            return _keyed(dx * real if masked else dx, *grads)

        return run

    return over


GRADIENTS_OVER = tuple(
    itertools.starmap(_gradients_over, itertools.product((True, False), repeat=2))
)


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


def _flipped(dh, x, lengths, *weights):
    """Rows turned round with their padding, and read with the lengths."""
    ways = _ways(dh, x, lengths, *weights, turned=lambda array, _: array[:, ::-1])
    return _merged(*ways, lambda dx: dx[:, ::-1])


def _dh_flipped(dh, x, lengths, *weights):
    forward, _ = _ways(dh, x, lengths, *weights)
    second = np.split(dh, 2, axis=2)[1][:, ::-1]
    backward = _back(second, turn(x, lengths), lengths, *weights[3:])
    return _merged(forward, backward, lambda dx: turn(dx, lengths))


def _padding_counts(dh, x, lengths, weights, chain):
    """Padded steps taken for real in one chain, 0 or 1."""
    ways = list(_ways(dh, x, lengths, *weights))
    full = np.full_like(lengths, x.shape[1])
    ways[chain] = _ways(dh, x, full, *weights, turned=lambda a, _: turn(a, lengths))[chain]
    return _merged(*ways, lambda dx: turn(dx, lengths))


def _second_run(dh, x, lengths, weights, half, of_forward):
    """The second chain given one half of dh, or run through the first chain's states."""
    forward, _ = _ways(dh, x, lengths, *weights)
    second = turn(np.split(dh, 2, axis=2)[half], lengths)
    read, chain = (x, weights[:3]) if of_forward else (turn(x, lengths), weights[3:])
    return _merged(forward, _back(second, read, lengths, *chain), lambda dx: turn(dx, lengths))


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


def _masked_dx(results, x, lengths):
    return results[0] * real_steps(x, lengths), *results[1:]


def _turned_dx(results, lengths):
    return turn(results[0], lengths), *results[1:]


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
    "rows are turned round with their padding, so that the lengths leave out real steps of the "
    "second chain; each is turned within its own length.": _flipped,
    "the second half of dh is turned round with its padding; each row is turned within its own "
    "length.": _dh_flipped,
    "both halves of dh are turned round; the forward chain has read the row in its "
    "order.": lambda dh, x, n, *rest: _gradients(turn(dh, n), x, n, *rest),
    "the second chain goes back with the first half of dh.": lambda dh, x, n, *weights: _second_run(
        dh, x, n, weights, half=0, of_forward=False
    ),
    "the second half of dh goes back through the forward chain: does the second rnn_backward get "
    "the second run's cache?": lambda dh, x, n, *weights: _second_run(
        dh, x, n, weights, half=1, of_forward=True
    ),
    "padded steps count in the forward chain: were its states computed with "
    "lengths?": lambda dh, x, n, *weights: _padding_counts(dh, x, n, weights, chain=0),
    "padded steps count in the second chain: were its states computed with "
    "lengths?": lambda dh, x, n, *weights: _padding_counts(dh, x, n, weights, chain=1),
    "dx is zero at padded steps, but what dh holds there has gone back from them: were the states "
    "computed with lengths?": lambda dh, x, n, *weights: _masked_dx(
        _without_lengths(dh, x, n, *weights), x, n
    ),
    "padded steps count: what dh holds there is not to be looked at. Were the states computed with "
    "lengths?": _without_lengths,
    "the halves of dh are exchanged: the first H numbers belong to the forward "
    "chain.": lambda dh, *rest: _gradients(np.roll(dh, dh.shape[2] // 2, axis=2), *rest),
    "it is the forward chain's alone; both chains have read x.": _with_dx(lambda f, b: f),
    "it is the backward chain's alone; both chains have read x.": _with_dx(lambda f, b: b),
    "the two are averaged; they are added.": _with_dx(lambda f, b: (f + b) / 2),
    "the two stand side by side; they are added.": _with_dx(lambda f, b: side_by_side(f, b)),
    "the two lie on top of each other; they are added.": _with_dx(lambda f, b: np.stack([f, b])),
    "the second chain's dx is subtracted; the two are added.": _with_dx(lambda f, b: f - b),
    "the sum is turned round; only the second chain's dx is, before it is "
    "added.": lambda dh, x, n, *weights: _turned_dx(_dx_not_put_back(dh, x, n, *weights), n),
    "the second chain's dx is put back with its padding, x[:, ::-1]; each row is turned within its "
    "own length.": lambda dh, x, n, *weights: _merged(
        *_ways(dh, x, n, *weights), lambda dx: dx[:, ::-1]
    ),
    "the weights of the two chains are exchanged.": lambda dh, x, n, U, W, b, *reverse: _gradients(
        dh, x, n, *reverse, U, W, b
    ),
    "the second chain runs with the weights of the forward one.": lambda dh, x, n, U, W, b, *_: (
        _gradients(dh, x, n, U, W, b, U, W, b)
    ),
    "it is averaged over the batch; the loss contains its mean already.": lambda dh, *i: _gradients(
        dh / len(dh), *i
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


def _gradient_task(seed, run=_reference):
    rng = np.random.default_rng(seed)
    whole = _draw_gradient(rng)
    return Task(
        name="bidirectional_backward",
        outputs=("dx", "grads"),
        reference=run,
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
        rounding=measured_rounding(_reference, OPERATIONS),
        shapes=dict(zip(RESULTS, ("(B, T, D)", *["(H, D)", "(H, H)", "(H,)"] * 2), strict=True)),
    )  # fmt: skip


def check_bidirectional_backward(answer, reverse_padded=None, seed=6004):
    """Check answer(dh, x, lengths, W_xh, ..., b_h_reverse) -> dx, grads; returns a Verdict.

    ``reverse_padded`` is the learner's. Where it is wrong, a right function over it gets all
    points: no mistake costs twice.
    """
    make_task = functools.partial(_gradient_task, seed)
    return examine_over_reversal(make_task, answer, GRADIENTS_OVER, reverse_padded, seed)
