"""Check of backpropagation through time cut into pieces."""

import functools

import numpy as np

from rnn_course.checks.bptt import (
    RESULTS,
    RUNS,
    SHAPES,
    backward,
    draw_case,
    every,
    pre_gradients,
    results_of,
    rounding,
    states_before,
    suspects_of,
)
from rnn_course.examination.examine import Aspect, Task
from rnn_course.examination.following import Earlier, examine_following
from rnn_course.examination.rounding import measured_rounding

B, T, D, H = 2, 7, 3, 5
LONG, WINDOW = 10, 4  # so that every wrong cut falls elsewhere
INNER = (RESULTS[0], *RESULTS[2:])


def _firsts(h, window):
    return range(0, h.shape[1], window)


def _in_pieces(piece_backward):
    """The reference as calls of a function for one piece."""

    def run(dh, x, h, h_0, U, W, window):
        parts = []
        for first in _firsts(h, window):
            here = slice(first, first + window)
            start = h[:, first - 1] if first else h_0
            parts.append(piece_backward(dh[:, here], x[:, here], h[:, here], start, U, W))
        dx, dh_0, grads = zip(*parts, strict=True)
        total = {name: sum(part[name] for part in grads) for name in grads[0]}
        return np.concatenate(dx, axis=1), dh_0[0], total

    return run


def _cut_at(where):
    def run(dh, x, h, h_0, U, W, window):
        return backward(dh, x, h, h_0, U, W, cut=lambda t: where(t, window, h.shape[1]))

    return run


def _as_many_pieces(dh, x, h, h_0, U, W, window):
    steps = np.array_split(np.arange(h.shape[1]), window)
    firsts = {int(piece[0]) for piece in steps if len(piece)}
    return backward(dh, x, h, h_0, U, W, cut=lambda t: t in firsts)


def _sliding(dh, x, h, h_0, U, W, window):
    """Every output by itself, a fixed number of steps back."""
    da, dh_0 = np.zeros(h.shape), np.zeros(h_0.shape)
    for last in range(h.shape[1]):
        dh_t = dh[:, last]
        for t in range(last, max(last - window, -1), -1):
            da_t = dh_t * (1 - h[:, t] ** 2)
            da[:, t] += da_t
            dh_t = da_t @ W
        dh_0 += dh_t if last < window else 0
    return results_of(da, dh_0, x, states_before(h, h_0), U)


def _starting(state):
    """Every piece but the first starts from state(h, h_0, first) in the gradient of W_hh."""

    def run(dh, x, h, h_0, U, W, window):
        before = states_before(h, h_0)
        for first in _firsts(h, window)[1:]:
            before[:, first] = state(h, h_0, first)
        da, dh_0 = pre_gradients(dh, h, W, cut=every(window))
        return results_of(da, dh_0, x, before, U)

    return run


def _counting(steps):
    """Only the steps that steps(t, window, T) names count, in dx and in the weights."""

    def run(dh, x, h, h_0, U, W, window):
        da, dh_0 = pre_gradients(dh, h, W, cut=every(window))
        counts = [steps(t, window, h.shape[1]) for t in range(h.shape[1])]
        return results_of(da * np.array(counts)[:, None], dh_0, x, states_before(h, h_0), U)

    return run


def _last_steps(dh, x, h, h_0, U, W, window):
    counts = np.arange(h.shape[1])[:, None] >= h.shape[1] - window
    cut = _cut_at(lambda t, k, T: t == T - k)
    return cut(dh * counts, x, h, h_0, U, W, window)


def _averaged(dh, x, h, h_0, U, W, window):
    return backward(dh / len(_firsts(h, window)), x, h, h_0, U, W, window)


def _whole_pieces(dh, x, h, h_0, U, W, window):
    counts = np.arange(h.shape[1])[:, None] < h.shape[1] // window * window
    return backward(dh * counts, x, h, h_0, U, W, window)


CUTS = {
    "nothing is cut: this is the full gradient.": _cut_at(lambda t, k, T: False),
    "the pieces are one step too short: the cut comes at steps k - 1, 2 (k - 1), ...": _cut_at(
        lambda t, k, T: k > 1 and t % (k - 1) == 0
    ),
    "the pieces are one step too long: the cut comes at steps k + 1, 2 (k + 1), ...": _cut_at(
        lambda t, k, T: t % (k + 1) == 0
    ),
    "the cut is one step late: the first step of every piece still sends its gradient to the "
    "piece before, and the one after it does not.": _cut_at(lambda t, k, T: t % k == 1 % k),
    "the cut is one step early: the last step of every piece sends nothing back.": _cut_at(
        lambda t, k, T: (t + 1) % k == 0
    ),
    "the pieces are counted from the end of the sequence; they begin at steps 0, k, 2k, "
    "...": _cut_at(lambda t, k, T: (T - t) % k == 0),
    "every gradient is cut after one step.": _cut_at(lambda t, k, T: True),
    "only one cut is made, at step `window`; every multiple of it is one.": _cut_at(
        lambda t, k, T: t == k
    ),
    "window is taken for the number of pieces; it is the number of steps of each.": _as_many_pieces,
    "every output sends its gradient `window` steps back, wherever it stands; here no gradient "
    "crosses a cut, and the cuts stand at fixed steps.": _sliding,
    "the state is cut as well: the first step of every piece counts as if the state before it "
    "were zero. Only the gradient is cut.": _starting(lambda h, h_0, first: 0),
    "every piece starts from h_0; the state before a later piece is the last one of the piece "
    "before it.": _starting(lambda h, h_0, first: h_0),
    "the state before a piece is h[:, first - 1]; h[:, first] is the state after its first "
    "step.": _starting(lambda h, h_0, first: h[:, first]),
    "the first step of a later piece is left out; it hands nothing on, and counts "
    "itself.": _counting(lambda t, k, T: t == 0 or t % k > 0),
    "only the last `window` steps count; every piece has outputs of its own.": _last_steps,
    "it is that of the last piece alone; every piece has outputs of its own and adds its part "
    "(+=).": _counting(lambda t, k, T: t // k == (T - 1) // k),
    "it is that of the first piece alone: was the gradient assigned (=) instead of added "
    "(+=)?": _counting(lambda t, k, T: t < k),
    "it is averaged over the pieces; they are added.": _averaged,
    "the last piece is left out where it is shorter than the others.": _whole_pieces,
}


def _leaving(dh, x, h, h_0, U, W, window):
    """What leaves the first step of every piece, (pieces, B, H)."""
    da, _ = pre_gradients(dh, h, W, cut=every(window))
    return np.stack([da[:, first] @ W for first in _firsts(h, window)])


LEAVING = {
    "it is what leaves the last piece; the first one starts from h_0.": lambda *i: _leaving(*i)[-1],
    "it is the sum over the pieces; only the first one starts from h_0.": lambda *i: _leaving(
        *i
    ).sum(axis=0),
    "it is that of every piece; only the first one starts from h_0.": lambda *i: _leaving(
        *i
    ).swapaxes(0, 1),
}


def _task(seed, run=backward):
    rng = np.random.default_rng(seed)
    main = draw_case(rng, T=LONG, window=WINDOW)
    longer, exact = draw_case(rng, window=T + 2), draw_case(rng, T=6, window=2)
    short = draw_case(rng, window=1), draw_case(rng, B=1, T=1, window=3)
    suspects = suspects_of(CUTS | RUNS)
    return Task(
        name="truncated_rnn_backward",
        outputs=("dx", "dh_0", "grads"),
        reference=run,
        aspects=(
            Aspect("ten steps in pieces of four: inputs and weights", 3, (main,), INNER),
            Aspect("dh_0, which the first piece alone decides", 1, (main,), ("dh_0",)),
            Aspect("six steps in pieces of two", 1, (exact,)),
            Aspect("pieces of one step; a sequence of one step", 1, short),
            Aspect("a piece longer than the sequence: the full gradient", 1, (longer,)),
        ),
        suspects=suspects | {"dh_0": LEAVING | suspects["dh_0"]},
        fallbacks=(draw_case(rng, B=3, T=3, D=3, H=3, window=2),),
        # of a wrong rnn_backward nothing is known
        rounding=rounding if run is backward else measured_rounding(run, LONG * (H + 4) + B * LONG),
        shapes=SHAPES,
    )


def check_truncated_rnn_backward(answer, whole=None, seed=3002):
    """Check answer(dh, x, h, h_0, W_xh, W_hh, window) -> dx, dh_0, grads; returns a Verdict.

    ``whole`` is the learner's rnn_backward; where it is wrong, what the pieces make of it counts.
    """
    arguments = draw_case(np.random.default_rng(seed))
    own = Earlier(whole, backward, arguments, ("dh", "x"))
    make_task = functools.partial(_task, seed)
    return examine_following(make_task, answer, _in_pieces, rnn_backward=own)
