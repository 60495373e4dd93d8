"""Checks of the vanilla RNN run forward: one step, and a whole sequence."""

import functools

import numpy as np

from rnn_course import rnn
from rnn_course.examination.examine import Aspect, Task, examine
from rnn_course.examination.following import Earlier, examine_following
from rnn_course.examination.rounding import measured_rounding

B, T, D, H = 2, 7, 3, 5  # pairwise distinct: an exchanged axis cannot pass


def draw_weights(rng, D, H):
    """W_xh, W_hh (not symmetric) and b_h, large enough for every term to count."""
    return {
        "W_xh": rng.uniform(-1, 1, (H, D)),
        "W_hh": rng.uniform(-0.6, 0.6, (H, H)),
        "b_h": rng.uniform(-1, 1, H),
    }


def draw_step(rng, B=B, D=D, H=H, **replaced):
    """Arguments of one step; h_prev is not zero."""
    x_t, h_prev = rng.uniform(-1, 1, (B, D)), rng.uniform(-0.9, 0.9, (B, H))
    return {"x_t": x_t, "h_prev": h_prev} | draw_weights(rng, D, H) | replaced


def _draw_sequence(rng, B=B, T=T, D=D, H=H, **replaced):
    x, h_0 = rng.uniform(-1, 1, (B, T, D)), rng.uniform(-0.9, 0.9, (B, H))
    return {"x": x, "h_0": h_0} | draw_weights(rng, D, H) | replaced


def _step(*arguments):
    return rnn.rnn_step_forward(*arguments)[0]


def _sequence(*arguments):
    return rnn.rnn_forward(*arguments)[0]


def _a(x, h, U, W, b):
    return h @ W.T + x @ U.T + b


# In the wrong formulas below, x, h, U, W, b are x_t, h_prev, W_xh, W_hh, b_h.
STEP_SUSPECTS = {
    "the bias b_h is left out.": lambda x, h, U, W, b: _step(x, h, U, W, 0 * b),
    "W_hh is used the wrong way round. It is (H, H), one row for each new unit: which of its axes "
    "has to meet the last axis of h_prev?": lambda x, h, U, W, b: _step(x, h, U, W.T, b),
    "the previous state h_prev does not enter: this network has no memory.": lambda x, h, U, W, b: (
        _step(x, 0 * h, U, W, b)
    ),
    "the input x_t does not enter.": lambda x, h, U, W, b: _step(0 * x, h, U, W, b),
    "tanh is left out: this is the pre-activation a_t.": _a,
    "the bias b_h is added after tanh; it belongs inside.": lambda x, h, U, W, b: (
        _step(x, h, U, W, 0 * b) + b
    ),
    "tanh is applied twice.": lambda *inputs: np.tanh(_step(*inputs)),
    "tanh is taken of each term and the results are added; add first, then take one tanh of the "
    "sum.": lambda x, h, U, W, b: np.tanh(h @ W.T) + np.tanh(x @ U.T + b),
    "tanh is taken of the input's term alone; W_hh h_prev belongs inside it "
    "too.": lambda x, h, U, W, b: h @ W.T + np.tanh(x @ U.T + b),
    "the bias b_h is subtracted.": lambda x, h, U, W, b: _step(x, h, U, W, -b),
    "the state's term is subtracted.": lambda x, h, U, W, b: _step(x, -h, U, W, b),
    "the input's term is subtracted.": lambda x, h, U, W, b: _step(-x, h, U, W, b),
    "the logistic sigmoid stands where tanh belongs.": lambda *inputs: (
        0.5 + 0.5 * np.tanh(0.5 * _a(*inputs))
    ),
    "ReLU stands where tanh belongs.": lambda *inputs: np.maximum(_a(*inputs), 0),
    "h_prev is added as it is, without W_hh.": lambda x, h, U, W, b: np.tanh(h + x @ U.T + b),
    "the bias b_h is added twice.": lambda x, h, U, W, b: _step(x, h, U, W, 2 * b),
    "tanh is taken of the state's term alone; W_xh x_t and b_h belong inside it "
    "too.": lambda x, h, U, W, b: np.tanh(h @ W.T) + x @ U.T + b,
    "W_hh is applied twice: was h_prev overwritten by its own product?": lambda x, h, U, W, b: (
        _step(x, h @ W.T, U, W, b)
    ),
    "h_prev is added to the new state; it enters through W_hh only.": lambda x, h, U, W, b: (
        h + _step(x, h, U, W, b)
    ),
    "this is tan, not tanh.": lambda *inputs: np.tan(_a(*inputs)),
    "2 sigmoid(a) - 1 is tanh(a / 2); tanh(a) is 2 sigmoid(2 a) - 1.": lambda *inputs: np.tanh(
        _a(*inputs) / 2
    ),
    "the pre-activation is cut off at -1 and 1; tanh bends smoothly.": lambda *inputs: np.clip(
        _a(*inputs), -1, 1
    ),
    "np.squeeze also removes the axis of the batch when there is one sequence.": lambda *inputs: (
        np.squeeze(_step(*inputs))
    ),
    "the terms are summed over the batch; each sequence has its own row.": lambda *inputs: np.tanh(
        _a(*inputs).sum(axis=0)
    ),
    "the result is transposed: a state is a row, one for each sequence.": lambda *inputs: (
        _step(*inputs).T
    ),
    # The last five run only where all sizes are equal.
    "* multiplies entry by entry; the products of the equation are matrix products, "
    "@.": lambda x, h, U, W, b: np.tanh(W * h + U * x + b),
    "W_xh and W_hh are exchanged.": lambda x, h, U, W, b: _step(x, h, W, U, b),
    "W_xh is used the wrong way round. Its shape is (H, D): which axis has to meet the last axis "
    "of x_t?": lambda x, h, U, W, b: np.tanh(h @ W.T + x @ U + b),
    "both weight matrices are used the wrong way round. W_xh is (H, D), one row for each unit: "
    "which axis has to meet the last axis of x_t?": lambda x, h, U, W, b: np.tanh(
        h @ W + x @ U + b
    ),
    "the factors of the products are in the order of the equation, where x_t is a column. In the "
    "arrays x_t is a row: one for each sequence.": lambda x, h, U, W, b: np.tanh(W @ h + U @ x + b),
}


def _step_rounding(x_t, h_prev, W_xh, W_hh, b_h):
    """Bound of the error of a step in machine epsilons.

    Each term of a_t passes through one product and at most H + D additions, each rounding by no
    more than the sum of the terms' sizes. tanh passes 1 - h_t^2 of that on, and by itself costs 5
    roundings of numbers up to 1: two exponentials, a difference, a sum and a quotient.
    """
    roundings = 1 + W_hh.shape[1] + W_xh.shape[1]
    sizes = abs(h_prev) @ abs(W_hh).T + abs(x_t) @ abs(W_xh).T + abs(b_h)
    return 5 + _slope(x_t, h_prev, W_xh, W_hh, b_h) * roundings * sizes


def _slope(*inputs):
    return 1 - _step(*inputs) ** 2  # (B, H)


def _step_task(seed):
    rng = np.random.default_rng(seed)
    whole, single = draw_step(rng), draw_step(rng, B=1)
    whole["b_h"][0] += 2 - _a(*whole.values())[0, 0]  # one unit where tanh bends
    only_x = draw_step(rng, h_prev=np.zeros((B, H)), b_h=np.zeros(H))
    only_h = draw_step(rng, x_t=np.zeros((B, D)), b_h=np.zeros(H))
    return Task(
        name="rnn_step_forward",
        outputs=("h_t",),
        reference=_step,
        aspects=(
            Aspect("the whole step, for two sequences and for one", 2, (whole, single)),
            Aspect("the input's term alone (h_prev and b_h are zero)", 2, (only_x,)),
            Aspect("the state's term alone (x_t and b_h are zero)", 2, (only_h,)),
        ),
        suspects={"h_t": STEP_SUSPECTS},
        fallbacks=(draw_step(rng, B=3, D=3, H=3),),
        rounding=_step_rounding,
        shapes={"h_t": "(B, H)"},
    )


def check_rnn_step_forward(answer, seed=2001):
    """Check answer(x_t, h_prev, W_xh, W_hh, b_h) -> h_t; returns a Verdict."""
    return examine(_step_task(seed), answer)


def _from_row_to_row(x, h_0, U, W, b):
    """Every sequence starts where the one before it in the batch ended."""
    h, h_prev = [], h_0[:1]
    for row in x:
        h.append(_sequence(row[None], h_prev, U, W, b)[0])
        h_prev = h[-1][-1:]
    return np.stack(h)


def _without_tanh_between(x, h, U, W, b):
    states = []
    for t in range(x.shape[1]):
        h = _a(x[:, t], h, U, W, b)
        states.append(np.tanh(h))
    return np.stack(states, axis=1)


SEQUENCE_SUSPECTS = {
    "h_0 is ignored: the first step starts from zeros.": lambda x, h, U, W, b: _sequence(
        x, 0 * h, U, W, b
    ),
    "the state is not carried on: every step starts from h_0.": lambda x, h, U, W, b: np.stack(
        [_step(x[:, t], h, U, W, b) for t in range(x.shape[1])], axis=1
    ),
    "no state enters at all: every step sees its own input only.": lambda x, h, U, W, b: np.tanh(
        x @ U.T + b
    ),
    "the sequence is read from its end.": lambda x, *rest: _sequence(x[:, ::-1], *rest)[:, ::-1],
    "the sequence is read from its end, and the states stand in the order of "
    "reading.": lambda x, *rest: _sequence(x[:, ::-1], *rest),
    "the states are right but stand in reverse order.": lambda *inputs: _sequence(*inputs)[:, ::-1],
    "the last state stands at every step, as if one array were stored T times. Does every step "
    "make a new array?": lambda *inputs: 0 * _sequence(*inputs) + _sequence(*inputs)[:, -1:],
    "the states are one step late: h[:, t] is the state before step t, not after "
    "it.": lambda x, h, *rest: np.concatenate([h[:, None], _sequence(x, h, *rest)[:, :-1]], axis=1),
    "h_0 stands at h[:, 0], and the first input is never read; h[:, 0] is the state after step "
    "0.": lambda x, h, *rest: np.concatenate([h[:, None], _sequence(x[:, 1:], h, *rest)], axis=1),
    "reshape cuts the states up in another order. Stack them along axis 1, or exchange the first "
    "two axes.": lambda *inputs: (
        _sequence(*inputs).swapaxes(0, 1).reshape(_sequence(*inputs).shape)
    ),
    "only the last state is returned; the states of all steps are asked for.": lambda *inputs: (
        _sequence(*inputs)[:, -1]
    ),
    "h_0 is returned in front of the states; h starts after the first step.": lambda x, h, *rest: (
        np.concatenate([h[:, None], _sequence(x, h, *rest)], axis=1)
    ),
    "time and batch are exchanged in the result: a list of T states of shape (B, H) becomes "
    "(T, B, H) when stacked along axis 0.": lambda *inputs: _sequence(*inputs).swapaxes(0, 1),
    "the first input is read at every step: the time index of x does not move.": lambda x, *rest: (
        _sequence(0 * x + x[:, :1], *rest)
    ),
    "W_hh is used the wrong way round; see the step.": lambda x, h, U, W, b: _sequence(
        x, h, U, W.T, b
    ),
    "the bias b_h is left out; see the step.": lambda x, h, U, W, b: _sequence(x, h, U, W, 0 * b),
    "the state of one sequence runs on into the next one of the batch.": _from_row_to_row,
    "every sequence starts from the first sequence's h_0.": lambda x, h, *rest: _sequence(
        x, 0 * h + h[:1], *rest
    ),
    "the first state stands at every step: is the state carried on?": lambda *inputs: (
        0 * _sequence(*inputs) + _sequence(*inputs)[:, :1]
    ),
    "h_0 stands at every step: is the new state ever stored?": lambda x, h, *rest: (
        0 * _sequence(x, h, *rest) + h[:, None]
    ),
    "the inputs are one step late: step t reads x[:, t], not x[:, t - 1].": lambda x, *rest: (
        _sequence(np.roll(x, 1, axis=1), *rest)
    ),
    "only the first state is returned: does the `return` stand inside the loop?": lambda *inputs: (
        _sequence(*inputs)[:, :1]
    ),
    "the last state is missing: does the loop end one step too early?": lambda *inputs: _sequence(
        *inputs
    )[:, :-1],
    "the first state is missing.": lambda *inputs: _sequence(*inputs)[:, 1:],
    "np.concatenate lays the states of all steps side by side; np.stack gives time an axis of its "
    "own.": lambda *inputs: _sequence(*inputs).reshape(len(inputs[0]), -1),
    "the state handed on is the sum before tanh; hand on tanh of it.": _without_tanh_between,
    # The last two run only where all sizes are equal.
    "the loop goes over the batch instead of over time: x is (B, T, D).": lambda x, *rest: (
        _sequence(x.swapaxes(0, 1), *rest).swapaxes(0, 1)
    ),
    "the loop goes over the batch instead of over time: x is (B, T, D), and the result "
    "(B, T, H).": lambda x, *rest: _sequence(x.swapaxes(0, 1), *rest),
}


def _sequence_rounding(x, h_0, *weights):
    """A step's bound, and the errors of the states before, which pass through W_hh and tanh."""
    bound, h_t, bounds = np.zeros_like(h_0), h_0, []
    for t in range(x.shape[1]):
        inputs = x[:, t], h_t, *weights
        bound = _slope(*inputs) * (bound @ abs(weights[1]).T) + _step_rounding(*inputs)
        h_t = _step(*inputs)
        bounds.append(bound)
    return np.stack(bounds, axis=1)


def _keeps_precision(run, arguments):
    def comes_out(dtype):
        return run(*(value.astype(dtype) for value in arguments.values())).dtype

    return all(comes_out(dtype) == dtype for dtype in (np.float32, np.float64))


def _sequence_task(seed, run=_sequence):
    rng = np.random.default_rng(seed)
    from_zero = _draw_sequence(rng, h_0=np.zeros((B, H)))
    by_measure = measured_rounding(run, T * (1 + D + H))  # of a wrong step nothing is known
    return Task(
        name="rnn_forward",
        outputs=("h",),
        reference=run,
        aspects=(
            Aspect("all seven steps of two sequences", 3, (_draw_sequence(rng),)),
            Aspect("the same, starting from h_0 = 0", 1, (from_zero,)),
            Aspect("a sequence of one step", 1, (_draw_sequence(rng, T=1),)),
            Aspect("a batch of one sequence", 1, (_draw_sequence(rng, B=1),)),
        ),
        suspects={"h": SEQUENCE_SUSPECTS},
        fallbacks=(_draw_sequence(rng, B=3, T=3, D=3, H=3),),
        rounding=_sequence_rounding if run is _sequence else by_measure,
        shapes={"h": "(B, T, H)"},
        kinds=None if _keeps_precision(run, from_zero) else {},  # else the step has paid for it
    )


def _run_with(step):
    def run(x, h_0, *weights):
        h_t, states = h_0, []
        for t in range(x.shape[1]):
            h_t = step(x[:, t], h_t, *weights)  # (B, H)
            states.append(h_t)
        return np.stack(states, axis=1)

    return run


def check_rnn_forward(answer, step=None, seed=2002):
    """Check answer(x, h_0, W_xh, W_hh, b_h) -> h; returns a Verdict.

    ``step`` is the learner's rnn_step_forward. Where it is wrong, a right loop over it gets all
    points: no mistake costs twice.
    """
    arguments = draw_step(np.random.default_rng(seed))
    own = Earlier(step, _step, arguments, ("x_t", "h_prev"))
    make_task = functools.partial(_sequence_task, seed)
    return examine_following(make_task, answer, _run_with, rnn_step_forward=own)
