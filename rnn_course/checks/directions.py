"""Checks of reading in both directions: the states of both chains."""

import functools

import numpy as np

from rnn_course import layers, rnn, text
from rnn_course.checks.over_reversal import examine_over_reversal
from rnn_course.checks.rnn import draw_weights
from rnn_course.examination.examine import Aspect, Task
from rnn_course.examination.rounding import measured_rounding

T, D, H = 7, 3, 5
LENGTHS = (5, 3, 6, 2)


def real_steps(x, lengths):
    """Which steps are no padding, (B, T, 1)."""
    return text.mask_from_lengths(lengths, x.shape[1])[:, :, None]


def turn(x, lengths):
    """Every row turned round within its own length."""
    return layers.reverse_padded(x, lengths)


# The six parameters of the formulas below: U, W, b read forward, U_r, W_r, b_r backward.
NAMES = ("W_xh", "W_hh", "b_h", "W_xh_reverse", "W_hh_reverse", "b_h_reverse")


def draw_both(rng, T=T, lengths=LENGTHS, D=D, H=H):
    """Padded inputs, their lengths, and the parameters of both chains."""
    lengths = np.array(lengths)
    weights = [*draw_weights(rng, D, H).values(), *draw_weights(rng, D, H).values()]
    given = {"x": rng.uniform(-1, 1, (len(lengths), T, D)), "lengths": lengths}
    return given | dict(zip(NAMES, weights, strict=True))


def _chain(x, U, W, b, h_0=None):
    return rnn.rnn_forward(x, h_0, U, W, b)[0]  # (B, T, H), at padded steps too


def _backward_chain(x, lengths, U, W, b):
    return turn(_chain(turn(x, lengths), U, W, b), lengths)


def _halves(x, lengths, U, W, b, U_r, W_r, b_r):
    return _chain(x, U, W, b), _backward_chain(x, lengths, U_r, W_r, b_r)


def _masked(x, lengths, *weights):
    return [half * real_steps(x, lengths) for half in _halves(x, lengths, *weights)]


def side_by_side(*halves):
    """Both halves along the last axis, (B, T, 2H)."""
    return np.concatenate(halves, axis=2)


def both_states(x, lengths, *weights):
    """The states of both chains, (B, T, 2H), zeros at padded steps."""
    return side_by_side(*_masked(x, lengths, *weights))


def _with_backward(run):
    """The right forward half beside another backward one."""
    return lambda x, lengths, U, W, b, *reverse: side_by_side(
        _chain(x, U, W, b), run(x, lengths, *reverse)
    )


def _with_weights(change):
    return lambda x, lengths, *weights: side_by_side(*_halves(x, lengths, *change(*weights)))


def _from_the_last_state(x, lengths, U, W, b, U_r, W_r, b_r):
    forward = _chain(x, U, W, b)
    turned = _chain(turn(x, lengths), U_r, W_r, b_r, forward[np.arange(len(x)), lengths - 1])
    return side_by_side(forward, turn(turned, lengths))


def _before(h, lengths):
    """Of states in the order of the steps, that of the step after, where a real one comes."""
    after = np.concatenate([h[:, 1:], 0 * h[:, :1]], axis=1)
    return after * (np.arange(h.shape[1]) < lengths[:, None] - 1)[:, :, None]


def _read(x, lengths, U, W, b):
    """States with zeros behind the first lengths[j] steps, whatever they hold."""
    return rnn.rnn_forward(x, None, U, W, b, lengths=lengths)[0]


PADDING_KEPT = "the states at real steps are right, and those at padded steps should be zero."

# Wrong states (B, T, 2H) at all steps, padded ones too.
WRONG_STATES = {
    "the backward states stand in the order of reading: h[:, t] has to hold the states of both "
    "chains at step t. Turn them round again.": _with_backward(
        lambda x, lengths, *reverse: _chain(turn(x, lengths), *reverse)
    ),
    "the sequences are turned round with their padding, so that the backward chain reads padding "
    "first: each row is turned within its own length.": _with_backward(
        lambda x, lengths, *reverse: _chain(x[:, ::-1], *reverse)[:, ::-1]
    ),
    "the backward states are put back with the padding, x[:, ::-1]; each row is turned within its "
    "own length, there and back.": _with_backward(
        lambda x, lengths, *reverse: _read(turn(x, lengths), lengths, *reverse)[:, ::-1]
    ),
    "the backward states are put back by [:, ::-1], which brings those of padded steps to the "
    "front; each row is turned within its own length, there and back.": _with_backward(
        lambda x, lengths, *reverse: _chain(turn(x, lengths), *reverse)[:, ::-1]
    ),
    "x[:, ::-1] puts padding in front, and the lengths then leave out real steps of the backward "
    "chain.": _with_backward(
        lambda x, lengths, *reverse: _read(x[:, ::-1], lengths, *reverse)[:, ::-1]
    ),
    "the second chain reads forward as well, with weights of its own.": _with_backward(
        lambda x, lengths, *reverse: _chain(x, *reverse)
    ),
    "the states of the second chain come from reading forward, and are turned round "
    "then.": _with_backward(lambda x, lengths, *reverse: turn(_chain(x, *reverse), lengths)),
    "the backward chain uses the weights of the forward one; it has its own.": _with_weights(
        lambda U, W, b, *reverse: (U, W, b, U, W, b)
    ),
    "the two chains' weights are exchanged.": _with_weights(
        lambda U, W, b, *reverse: (*reverse, U, W, b)
    ),
    "both chains use the weights of the backward one.": _with_weights(
        lambda U, W, b, *reverse: (*reverse, *reverse)
    ),
    "the backward chain takes W_hh of the forward one.": _with_weights(
        lambda U, W, b, U_r, W_r, b_r: (U, W, b, U_r, W, b_r)
    ),
    "the backward chain takes W_xh of the forward one.": _with_weights(
        lambda U, W, b, U_r, W_r, b_r: (U, W, b, U, W_r, b_r)
    ),
    "the backward chain takes b_h of the forward one.": _with_weights(
        lambda U, W, b, U_r, W_r, b_r: (U, W, b, U_r, W_r, b)
    ),
    "both halves are the forward chain's.": lambda *given: side_by_side(*_halves(*given)[:1] * 2),
    "the halves stand in the wrong order: the forward states come first.": lambda *given: (
        side_by_side(*_halves(*given)[::-1])
    ),
    "both halves are the backward chain's.": lambda *given: side_by_side(*_halves(*given)[1:] * 2),
    "the numbers of both chains alternate; the forward state's come first, then the backward "
    "state's.": lambda *given: np.stack(_halves(*given), axis=-1).reshape(
        both_states(*given).shape
    ),
    "the backward chain starts from the forward chain's last state; both start from "
    "zeros.": _from_the_last_state,
    "the backward states are one step late: h[:, t] holds that chain's state after it has read "
    "x_t.": _with_backward(
        lambda x, lengths, *reverse: _before(_backward_chain(x, lengths, *reverse), lengths)
    ),
    "the backward chain's last state stands at every step.": _with_backward(
        lambda x, lengths, *reverse: (
            _backward_chain(x, lengths, *reverse)[:, :1] + np.zeros((*x.shape[:2], 1))
        )
    ),
    "the forward states are turned round as well; they stand in order "
    "already.": lambda x, lengths, *weights: side_by_side(
        turn(_chain(x, *weights[:3]), lengths), _backward_chain(x, lengths, *weights[3:])
    ),
    "both halves stand in the backward chain's order of reading.": lambda x, lengths, *weights: (
        turn(both_states(x, lengths, *weights), lengths)
    ),
    "the backward chain uses W_hh the wrong way round.": _with_weights(
        lambda U, W, b, U_r, W_r, b_r: (U, W, b, U_r, W_r.T, b_r)
    ),
    "the backward chain has no bias.": _with_weights(
        lambda U, W, b, U_r, W_r, b_r: (U, W, b, U_r, W_r, 0 * b_r)
    ),
    "the padding of x is zero, but a state goes on without input too; the states at padded steps "
    "should be zero.": lambda x, lengths, *weights: side_by_side(
        *_halves(x * real_steps(x, lengths), lengths, *weights)
    ),
    PADDING_KEPT: lambda *given: side_by_side(*_halves(*given)),
    f"{PADDING_KEPT} That is missing in the forward half.": lambda *given: side_by_side(
        _halves(*given)[0], _masked(*given)[1]
    ),
    f"{PADDING_KEPT} That is missing in the backward half.": lambda *given: side_by_side(
        _masked(*given)[0], _halves(*given)[1]
    ),
    # The last five have another shape.
    "the two states are added; they stand side by side, so that the layer above can tell them "
    "apart.": lambda *given: sum(_masked(*given)),
    "the two states are averaged; they stand side by side.": lambda *given: (
        sum(_masked(*given)) / 2
    ),
    "the states are joined along time; side by side means along the last axis.": lambda *given: (
        np.concatenate(_masked(*given), axis=1)
    ),
    "the states are joined along the batch; side by side means along the last "
    "axis.": lambda *given: np.concatenate(_masked(*given), axis=0),
    "the backward half is missing.": lambda *given: _masked(*given)[0],
}


def _states_over(read, masked):
    """Reference over a reversal: how it reads padded steps, and whether it masks at the end."""

    def over(reverse_padded):
        def run(x, lengths, U, W, b, *reverse):
            backward = read(reverse_padded(x, lengths), lengths, *reverse)
            h = side_by_side(read(x, lengths, U, W, b), reverse_padded(backward, lengths))
            return h * real_steps(x, lengths) if masked else h

        return run

    return over


STATES_OVER = (
    _states_over(_read, masked=False),
    _states_over(_read, masked=True),
    _states_over(lambda x, lengths, *weights: _chain(x, *weights), masked=True),
)


def _half(first):
    """Entries of one chain at real steps, as Aspect.where."""

    def where(given):
        H = len(given["b_h"])
        return real_steps(given["x"], given["lengths"]) & ((np.arange(2 * H) < H) == first)

    return where


def _states_task(seed, run=both_states):
    rng = np.random.default_rng(seed)
    whole = draw_both(rng)
    return Task(
        name="bidirectional_states",
        outputs=("h",),
        reference=run,
        aspects=(
            Aspect("the forward half of four padded sequences", 1, (whole,), where=_half(True)),
            Aspect("the backward half of them", 4, (whole,), where=_half(False)),
            Aspect("zeros at padded steps", 1, (whole,),
                   where=lambda given: ~real_steps(given["x"], given["lengths"])),
            Aspect("sequences that need no padding", 2, (draw_both(rng, 4, (4, 4)),)),
            Aspect("a sequence of length 0, and one of length 1", 1,
                   (draw_both(rng, 6, (3, 0, 1)),)),
            Aspect("a batch of one; a single step", 1,
                   (draw_both(rng, 5, (4,)), draw_both(rng, 1, (1, 1)))),
        ),
        suspects={"h": WRONG_STATES},
        fallbacks=(draw_both(rng, 3, (3, 2, 1), 3, 3),),
        rounding=measured_rounding(both_states, T * (D + H + 2)),  # a bias and a tanh each step
        shapes={"h": "(B, T, 2H)"},
    )  # fmt: skip


def check_bidirectional_states(answer, reverse_padded=None, seed=6002):
    """Check answer(x, lengths, W_xh, ..., b_h_reverse) -> h (B, T, 2H); returns a Verdict.

    ``reverse_padded`` is the learner's. Where it is wrong, a right function over it gets all
    points: no mistake costs twice.
    """
    make_task = functools.partial(_states_task, seed)
    return examine_over_reversal(make_task, answer, STATES_OVER, reverse_padded, seed)
