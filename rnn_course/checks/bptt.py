"""Checks of backpropagation through time: of a whole sequence, and cut into pieces."""

import numpy as np

from rnn_course import rnn
from rnn_course.checks.examine import Aspect, Task, examine
from rnn_course.checks.rnn import draw_weights
from rnn_course.checks.rounding import measured_rounding

B, T, D, H = 2, 7, 3, 5
LONG, WINDOW = 10, 4  # so that every wrong cut falls elsewhere
RESULTS = ("dx", "dh_0", 'grads["W_xh"]', 'grads["W_hh"]', 'grads["b_h"]')
INNER = (RESULTS[0], *RESULTS[2:])


def _draw(rng, B=B, T=T, D=D, H=H, **more):
    weights = draw_weights(rng, D, H)
    x, h_0 = rng.uniform(-1, 1, (B, T, D)), rng.uniform(-0.9, 0.9, (B, H))
    h = rnn.rnn_forward(x, h_0, **weights)[0]
    given = {"dh": rng.uniform(-1, 1, (B, T, H)), "x": x, "h": h, "h_0": h_0}
    return given | {"W_xh": weights["W_xh"], "W_hh": weights["W_hh"]} | more


def _before(h, h_0):
    return np.concatenate([h_0[:, None], h[:, :-1]], axis=1)  # (B, T, H)


def _every(window):
    return lambda t: bool(window) and t % window == 0


def _pre_gradients(dh, h, W_hh, slope=lambda h: 1 - h**2, cut=lambda t: False):
    """da of every step (B, T, H), and what comes out before the first one (B, H)."""
    da, dh_next = np.zeros(h.shape), np.zeros(h[:, 0].shape)
    for t in reversed(range(h.shape[1])):
        da[:, t] = (dh[:, t] + dh_next) * slope(h[:, t])
        dh_next = da[:, t] @ W_hh
        if t and cut(t):
            dh_next = 0 * dh_next
    return da, dh_next


def _results(da, dh_0, x, before, W_xh):
    grads = {
        "W_xh": np.einsum("bth,btd->hd", da, x),
        "W_hh": np.einsum("bth,btk->hk", da, before),
        "b_h": da.sum(axis=(0, 1)),
    }
    return da @ W_xh, dh_0, grads


def _backward(dh, x, h, h_0, W_xh, W_hh, window=None, **changed):
    da, dh_0 = _pre_gradients(dh, h, W_hh, **{"cut": _every(window)} | changed)
    return _results(da, dh_0, x, _before(h, h_0), W_xh)


def _named(results):
    dx, dh_0, grads = results
    return dict(zip(RESULTS, (dx, dh_0, *grads.values()), strict=True))


def _alone(dh, x, h, h_0, U, W, window=None):
    """Every step by its own output."""
    da = dh * (1 - h**2)
    return _results(da, da[:, 0] @ W, x, _before(h, h_0), U)


def _last_alone(dh, *rest):
    return _backward(np.concatenate([0 * dh[:, :-1], dh[:, -1:]], axis=1), *rest)


def _slope_of_before(dh, x, h, h_0, U, W, *window):
    before = _before(h, h_0)
    da, dh_0 = _pre_gradients(dh, before, W, cut=_every(*window or [None]))
    return _results(da, dh_0, x, before, U)


def _one_step_on(dh, x, h, h_0, U, W, *window):
    """What a step hands on is counted twice: added to its own dh as well."""
    late = np.concatenate([dh[:, 1:], 0 * dh[:, :1]], axis=1)
    return _backward(late, x, h, h_0, U, W, *window)


def _squashed(dh, x, h, h_0, U, W, *window):
    return _backward(dh, x, h, h_0, U, W, *window, slope=lambda h: 1 - np.tanh(h) ** 2)


# Wrong runs that spoil all results; the arguments are those of _backward.
RUNS = {
    "what comes back from step t + 1 is dropped: each step counts by its own output alone.": _alone,
    "the derivative of tanh, 1 - h_t^2, is left out.": lambda *i: _backward(*i, slope=np.ones_like),
    "W_hh is transposed on the way back. Forward h_{t-1} met W_hh's second axis; backward da_t "
    "meets the first one.": lambda dh, x, h, h_0, U, W, *w: _backward(dh, x, h, h_0, U, W.T, *w),
    "dh counts at the last step alone; every step has an output of its own.": _last_alone,
    "tanh is taken once too often in the derivative: h_t is tanh(a_t) already.": _squashed,
    "the derivative of tanh is 1 - h_t^2; the square is missing.": lambda *i: _backward(
        *i, slope=lambda h: 1 - h
    ),
    "the derivative 1 - h^2 is formed with the state before the step.": _slope_of_before,
    "dh is read one step late: dh[:, t] belongs to h[:, t].": _one_step_on,
    "everything is averaged over the batch; the loss contains its mean already.": lambda dh, *i: (
        _backward(dh / len(dh), *i)
    ),
    "everything is divided by the number of steps; the loss contains its mean "
    "already.": lambda dh, *i: _backward(dh / dh.shape[1], *i),
    "the sign is reversed.": lambda dh, *i: _backward(-dh, *i),
}


def _da(dh, x, h, h_0, U, W, window=None):
    return _pre_gradients(dh, h, W, cut=_every(window))[0]


# Wrong products of a right da; i = (dh, x, h, h_0, W_xh, W_hh).
PRODUCTS = {
    "dx": {
        "it is multiplied by W_hh; the way to x_t leads through W_xh.": lambda *i: _da(*i) @ i[5],
        "these are the da_t; the way to x_t leads through W_xh.": _da,
        "the steps stand in reverse order.": lambda *i: (_da(*i) @ i[4])[:, ::-1],
        "time and batch are exchanged.": lambda *i: (_da(*i) @ i[4]).swapaxes(0, 1),
    },
    "dh_0": {
        "it is zero: what reaches the first step goes on to h_0, through W_hh.": lambda *i: (
            0 * i[3]
        ),
        "this is da_0; it passes through W_hh once more.": lambda *i: _da(*i)[:, 0],
        "this is the gradient of the first state; h_0 is the state before it.": lambda *i: (
            i[0][:, 0] + _da(*i)[:, 1] @ i[5] if i[0].shape[1] > 1 else i[0][:, 0]
        ),
        "it is multiplied by tanh's derivative at h_0; h_0 is given, not the result of a "
        "step.": lambda *i: (_da(*i)[:, 0] @ i[5]) * (1 - i[3] ** 2),
        "dh of the first step is added again.": lambda *i: _da(*i)[:, 0] @ i[5] + i[0][:, 0],
    },
    RESULTS[2]: {
        "it is that of the first step alone: was the gradient assigned (=) instead of added "
        "(+=)?": lambda *i: _da(*i)[:, 0].T @ i[1][:, 0],
        "it is that of the last step alone; every step adds its part.": lambda *i: (
            _da(*i)[:, -1].T @ i[1][:, -1]
        ),
        "it is transposed: a gradient has the shape of its weights.": lambda *i: np.einsum(
            "bth,btd->dh", _da(*i), i[1]
        ),
        "it is averaged over the steps; they are added.": lambda *i: (
            np.einsum("bth,btd->hd", _da(*i), i[1]) / i[1].shape[1]
        ),
    },
    RESULTS[3]: {
        "it is formed with h_t; the weights were multiplied by h_{t-1}.": lambda *i: np.einsum(
            "bth,btk->hk", _da(*i), i[2]
        ),
        "it is that of the first step alone: was the gradient assigned (=) instead of added "
        "(+=)?": lambda *i: _da(*i)[:, 0].T @ i[3],
        "h_0 is taken for zero in it; the first step's part is missing.": lambda *i: np.einsum(
            "bth,btk->hk", _da(*i), _before(i[2], 0 * i[3])
        ),
        "it is transposed: row k holds the weights into unit k.": lambda *i: np.einsum(
            "bth,btk->kh", _da(*i), _before(i[2], i[3])
        ),
        "it is that of the last step alone; every step adds its part.": lambda *i: (
            _da(*i)[:, -1].T @ _before(i[2], i[3])[:, -1]
        ),
        "it is averaged over the steps; they are added.": lambda *i: (
            np.einsum("bth,btk->hk", _da(*i), _before(i[2], i[3])) / i[1].shape[1]
        ),
    },
    RESULTS[4]: {
        "it is that of the first step alone: was the gradient assigned (=) instead of added "
        "(+=)?": lambda *i: _da(*i)[:, 0].sum(axis=0),
        "it is not summed over the batch.": lambda *i: _da(*i).sum(axis=1),
        "it is not summed over the steps.": lambda *i: _da(*i).sum(axis=0),
        "it is that of the last step alone; every step adds its part.": lambda *i: _da(*i)[
            :, -1
        ].sum(axis=0),
        "it is averaged over the steps; they are added.": lambda *i: (
            _da(*i).sum(axis=0).mean(axis=0)
        ),
        "the derivative of tanh is left out for the bias.": lambda *i: (
            _da(*i) / (1 - i[2] ** 2)
        ).sum(axis=(0, 1)),
    },
}


def _suspects(runs):
    def entry(run, name):
        return lambda *i: _named(run(*i))[name]

    return {
        name: {cause: entry(run, name) for cause, run in runs.items()} | PRODUCTS[name]
        for name in RESULTS
    }


SHAPES = dict(zip(RESULTS, ("(B, T, D)", "(B, H)", "(H, D)", "(H, H)", "(H,)"), strict=True))


def _backward_task(seed):
    rng = np.random.default_rng(seed)
    whole, one, single = _draw(rng), _draw(rng, T=1), _draw(rng, B=1, T=2)
    end = np.zeros((B, T, H))
    end[:, -1] = rng.uniform(-1, 1, (B, H))
    from_the_end = _draw(rng, dh=end)
    return Task(
        name="rnn_backward",
        outputs=("dx", "dh_0", "grads"),
        reference=_backward,
        aspects=(
            Aspect("dx of all seven steps", 2, (whole,), RESULTS[:1]),
            Aspect("dh_0, the gradient of the state before the first step", 2, (whole,), ("dh_0",)),
            Aspect("the gradients of W_xh and b_h", 2, (whole,), (RESULTS[2], RESULTS[4])),
            Aspect("the gradient of W_hh", 2, (whole,), RESULTS[3:4]),
            Aspect("a loss of the last state alone", 1, (from_the_end,)),
            Aspect("one step; one sequence of two steps", 1, (one, single)),
        ),
        suspects=_suspects(RUNS),
        fallbacks=(_draw(rng, B=3, T=3, D=3, H=3),),
        rounding=measured_rounding(_backward, T * (B + D + H)),
        shapes=SHAPES,
    )


def check_rnn_backward(answer, seed=3001):
    """Check answer(dh, x, h, h_0, W_xh, W_hh) -> dx, dh_0, grads; returns a Verdict."""
    return examine(_backward_task(seed), answer)


def _cut_at(where):
    def run(dh, x, h, h_0, U, W, window):
        return _backward(dh, x, h, h_0, U, W, cut=lambda t: where(t, window, h.shape[1]))

    return run


def _forward_cut(dh, x, h, h_0, U, W, window):
    """The state is cut as well: every piece starts from zero."""
    before = _before(h, h_0)
    before[:, window::window] = 0
    da, dh_0 = _pre_gradients(dh, h, W, cut=_every(window))
    return _results(da, dh_0, x, before, U)


def _last_piece(dh, x, h, h_0, U, W, window):
    first = (h.shape[1] - 1) // window * window
    dh = np.concatenate([0 * dh[:, :first], dh[:, first:]], axis=1)
    return _backward(dh, x, h, h_0, U, W, window)


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
    "the state is cut as well: the first step of every piece counts as if the state before it "
    "were zero. Only the gradient is cut.": _forward_cut,
    "only the last piece counts; each piece has outputs of its own.": _last_piece,
}


def _truncated_task(seed):
    rng = np.random.default_rng(seed)
    main = _draw(rng, T=LONG, window=WINDOW)
    longer, exact = _draw(rng, window=T + 2), _draw(rng, T=6, window=2)
    return Task(
        name="truncated_rnn_backward",
        outputs=("dx", "dh_0", "grads"),
        reference=_backward,
        aspects=(
            Aspect("ten steps in pieces of four: inputs and weights", 3, (main,), INNER),
            Aspect("dh_0, which the first piece alone decides", 1, (main,), ("dh_0",)),
            Aspect("six steps in pieces of two", 1, (exact,)),
            Aspect("pieces of one step", 1, (_draw(rng, window=1),)),
            Aspect("a piece longer than the sequence: the full gradient", 1, (longer,)),
        ),
        suspects=_suspects(CUTS | RUNS),
        fallbacks=(_draw(rng, B=3, T=3, D=3, H=3, window=2),),
        rounding=measured_rounding(_backward, LONG * (B + D + H)),
        shapes=SHAPES,
    )  # fmt: skip


def check_truncated_rnn_backward(answer, seed=3002):
    """Check answer(dh, x, h, h_0, W_xh, W_hh, window) -> dx, dh_0, grads; returns a Verdict."""
    return examine(_truncated_task(seed), answer)
