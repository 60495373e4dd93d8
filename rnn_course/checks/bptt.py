"""Check of backpropagation through time over a whole sequence."""

import numpy as np

from rnn_course import rnn
from rnn_course.checks.rnn import draw_weights
from rnn_course.examination.examine import Aspect, Task, examine

B, T, D, H = 2, 7, 3, 5
RESULTS = ("dx", "dh_0", 'grads["W_xh"]', 'grads["W_hh"]', 'grads["b_h"]')


def draw_case(rng, B=B, T=T, D=D, H=H, **more):
    weights = draw_weights(rng, D, H)
    x, h_0 = rng.uniform(-1, 1, (B, T, D)), rng.uniform(-0.9, 0.9, (B, H))
    h = rnn.rnn_forward(x, h_0, **weights)[0]
    given = {"dh": rng.uniform(-1, 1, (B, T, H)), "x": x, "h": h, "h_0": h_0}
    return given | {"W_xh": weights["W_xh"], "W_hh": weights["W_hh"]} | more


def states_before(h, h_0):
    return np.concatenate([h_0[:, None], h[:, :-1]], axis=1)  # (B, T, H)


def every(window):
    return lambda t: bool(window) and t % window == 0


def _hand_on(dh_t, da_t, dh_next, h_t, W_hh):
    return da_t @ W_hh


def pre_gradients(
    dh, h, W_hh, slope=lambda h: 1 - h**2, cut=lambda t: False, steps=reversed, hand_on=_hand_on
):
    """da of every step (B, T, H), and what comes out before the first one (B, H)."""
    da, dh_next = np.zeros(h.shape), np.zeros(h[:, 0].shape)
    for t in steps(range(h.shape[1])):
        dh_t = dh[:, t] + dh_next
        da[:, t] = dh_t * slope(h[:, t])
        dh_next = hand_on(dh_t, da[:, t], dh_next, h[:, t], W_hh)
        if t and cut(t):
            dh_next = 0 * dh_next
    return da, dh_next


def results_of(da, dh_0, x, before, W_xh):
    grads = {
        "W_xh": np.einsum("bth,btd->hd", da, x),
        "W_hh": np.einsum("bth,btk->hk", da, before),
        "b_h": da.sum(axis=(0, 1)),
    }
    return da @ W_xh, dh_0, grads


def backward(dh, x, h, h_0, W_xh, W_hh, window=None, **changed):
    da, dh_0 = pre_gradients(dh, h, W_hh, **{"cut": every(window)} | changed)
    return results_of(da, dh_0, x, states_before(h, h_0), W_xh)


def _named(results):
    dx, dh_0, grads = results
    return dict(zip(RESULTS, (dx, dh_0, *grads.values()), strict=True))


def _alone(dh, x, h, h_0, U, W, window=None):
    """Every step by its own output."""
    da = dh * (1 - h**2)
    return results_of(da, da[:, 0] @ W, x, states_before(h, h_0), U)


def _last_alone(dh, *rest):
    return backward(np.concatenate([0 * dh[:, :-1], dh[:, -1:]], axis=1), *rest)


def _slope_of_before(dh, x, h, h_0, U, W, *window):
    before = states_before(h, h_0)
    da, dh_0 = pre_gradients(dh, before, W, cut=every(*window or [None]))
    return results_of(da, dh_0, x, before, U)


def _one_step_on(dh, x, h, h_0, U, W, *window):
    """Every step with the output of the step after."""
    late = np.concatenate([dh[:, 1:], 0 * dh[:, :1]], axis=1)
    return backward(late, x, h, h_0, U, W, *window)


def _twice(dh, *rest):
    """What a step's own output adds is added again where it is handed on."""
    return backward(np.concatenate([2 * dh[:, :-1], dh[:, -1:]], axis=1), *rest)


def _with(**changed):
    return lambda *inputs: backward(*inputs, **changed)


# Wrong runs that spoil all results; the arguments are those of _backward.
RUNS = {
    "what comes back from step t + 1 is dropped: each step counts by its own output alone.": _alone,
    "the derivative of tanh, 1 - h_t^2, is left out.": _with(slope=np.ones_like),
    "W_hh is transposed on the way back. Forward h_{t-1} met W_hh's second axis; backward da_t "
    "meets the first one.": lambda dh, x, h, h_0, U, W, *w: backward(dh, x, h, h_0, U, W.T, *w),
    "dh counts at the last step alone; every step has an output of its own.": _last_alone,
    "tanh is taken once too often in the derivative: h_t is tanh(a_t) already.": _with(
        slope=lambda h: 1 - np.tanh(h) ** 2
    ),
    "the derivative of tanh is 1 - h_t^2; the square is missing.": _with(slope=lambda h: 1 - h),
    "the derivative of tanh is 1 - h_t^2, not 1 + h_t^2.": _with(slope=lambda h: 1 + h**2),
    "the derivative 1 - h^2 is formed with the state before the step.": _slope_of_before,
    "dh is read one step late: dh[:, t] belongs to h[:, t].": _one_step_on,
    "the loop runs from the first step to the last; gradients come from the end.": _with(
        steps=iter
    ),
    "the loop ends before step 0: range(T - 1, 0, -1) leaves that out.": _with(
        steps=lambda steps: reversed(steps[1:])
    ),
    "the loop begins before the last step: range(T - 2, -1, -1) leaves that out.": _with(
        steps=lambda steps: reversed(steps[:-1])
    ),
    "what goes on to the step before is W_hh^T dh_t; it is W_hh^T da_t, with the factor "
    "1 - h_t^2.": _with(hand_on=lambda dh_t, da_t, old, h_t, W: dh_t @ W),
    "what goes on to the step before is multiplied by 1 - h_t^2 twice.": _with(
        hand_on=lambda dh_t, da_t, old, h_t, W: (da_t @ W) * (1 - h_t**2)
    ),
    "what goes on to the step before is multiplied by W_hh first and by 1 - h_t^2 then; the other "
    "way round.": _with(hand_on=lambda dh_t, da_t, old, h_t, W: (dh_t @ W) * (1 - h_t**2)),
    "da_t goes on to the step before as it is, without W_hh.": _with(
        hand_on=lambda dh_t, da_t, *_: da_t
    ),
    "what comes back piles up: from step to step it is replaced (=), not added to (+=).": _with(
        hand_on=lambda dh_t, da_t, old, h_t, W: old + da_t @ W
    ),
    "dh of a step counts twice: once where it is handed on, once at its own step.": _twice,
    "this is averaged over the batch; the loss contains its mean already.": lambda dh, *i: backward(
        dh / len(dh), *i
    ),
    "this is divided by the number of steps; the loss contains its mean already.": lambda dh, *i: (
        backward(dh / dh.shape[1], *i)
    ),
    "the sign is reversed.": lambda dh, *i: backward(-dh, *i),
}


def _da(dh, x, h, h_0, U, W, window=None):
    return pre_gradients(dh, h, W, cut=every(window))[0]


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
        "at the first step the state before it is h_0; with t = 0, h[:, t - 1] is the last "
        "state.": lambda *i: np.einsum("bth,btk->hk", _da(*i), states_before(i[2], i[2][:, -1])),
        "h_0 is taken for zero in it; the first step's part is missing.": lambda *i: np.einsum(
            "bth,btk->hk", _da(*i), states_before(i[2], 0 * i[3])
        ),
        "it is transposed: row k holds the weights into unit k.": lambda *i: np.einsum(
            "bth,btk->kh", _da(*i), states_before(i[2], i[3])
        ),
        "it is that of the last step alone; every step adds its part.": lambda *i: (
            _da(*i)[:, -1].T @ states_before(i[2], i[3])[:, -1]
        ),
        "it is averaged over the steps; they are added.": lambda *i: (
            np.einsum("bth,btk->hk", _da(*i), states_before(i[2], i[3])) / i[1].shape[1]
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


def suspects_of(runs):
    """Suspects of every result; a wrong product alone comes before what spoils them all."""

    def entry(run, name):
        return lambda *i: _named(run(*i))[name]

    return {
        name: PRODUCTS[name] | {cause: entry(run, name) for cause, run in runs.items()}
        for name in RESULTS
    }


SHAPES = dict(zip(RESULTS, ("(B, T, D)", "(B, H)", "(H, D)", "(H, H)", "(H,)"), strict=True))


def rounding(dh, x, h, h_0, W_xh, W_hh, window=None):
    """Errors run back with the gradients: each arrives, passes the slope, and W_hh's H products.

    A step adds four roundings, the sum's, those of h^2 and 1 - h^2, which is at most 1, and the
    product's. Sizes are added without sign, so the bound holds for any order of the sums.
    """
    (B, T, H), U, W = h.shape, np.abs(W_xh), np.abs(W_hh)
    sizes, errors = np.zeros(h.shape), np.zeros(h.shape)
    size = error = np.zeros((B, H))
    for t in reversed(range(T)):
        arriving, slope = np.abs(dh[:, t]) + size, 1 - h[:, t] ** 2
        sizes[:, t], errors[:, t] = arriving * slope, error * slope + 4 * arriving
        handed_on = 0 if t and every(window)(t) else 1
        size = handed_on * sizes[:, t] @ W
        error = handed_on * (errors[:, t] + H * sizes[:, t]) @ W
    terms = max(H, B * T)  # of dx, and of the gradients of the weights
    return results_of(errors + terms * sizes, error, abs(x), abs(states_before(h, h_0)), U)


def _task(seed):
    rng = np.random.default_rng(seed)
    whole, one, single = draw_case(rng), draw_case(rng, T=1), draw_case(rng, B=1, T=2)
    end = np.zeros((B, T, H))
    end[:, -1] = rng.uniform(-1, 1, (B, H))
    from_the_end = draw_case(rng, dh=end)
    return Task(
        name="rnn_backward",
        outputs=("dx", "dh_0", "grads"),
        reference=backward,
        aspects=(
            Aspect("dx of all seven steps", 2, (whole,), RESULTS[:1]),
            Aspect("dh_0, the gradient of the state before the first step", 2, (whole,), ("dh_0",)),
            Aspect("the gradients of W_xh and b_h", 2, (whole,), (RESULTS[2], RESULTS[4])),
            Aspect("the gradient of W_hh", 2, (whole,), RESULTS[3:4]),
            Aspect("a loss of the last state alone", 1, (from_the_end,)),
            Aspect("one step; one sequence of two steps", 1, (one, single)),
        ),
        suspects=suspects_of(RUNS),
        fallbacks=(draw_case(rng, B=3, T=3, D=3, H=3),),
        rounding=rounding,
        shapes=SHAPES,
    )


def check_rnn_backward(answer, seed=3001):
    """Check answer(dh, x, h, h_0, W_xh, W_hh) -> dx, dh_0, grads; returns a Verdict."""
    return examine(_task(seed), answer)
