"""Check of the gradients of one step of the vanilla RNN."""

import numpy as np

from rnn_course import rnn
from rnn_course.checks.rnn import draw_step
from rnn_course.examination.examine import Aspect, Task, examine

W_XH, W_HH, B_H = 'grads["W_xh"]', 'grads["W_hh"]', 'grads["b_h"]'
OUTPUTS = ("dx_t", "dh_prev", W_XH, W_HH, B_H)


def _backward(dh_t, x_t, h_prev, h_t, W_xh, W_hh):
    b_h = np.zeros(len(W_hh))  # (H,), of which the gradient asks only whether there is one
    return rnn.rnn_step_backward(dh_t, (x_t, h_prev, h_t, W_xh, W_hh, b_h, "tanh"))


def _products(da, x, h_prev, W_xh, W_hh):
    """All results by name, for a gradient ``da`` of the pre-activation that may be wrong."""
    values = da @ W_xh, da @ W_hh, da.T @ x, da.T @ h_prev, da.sum(axis=0)
    return dict(zip(OUTPUTS, values, strict=True))


# Wrong gradients of the pre-activation: each spoils every result.
DERIVATIVES = {
    "the derivative of tanh is left out: da_t is not dh_t.": lambda dh, h, h_prev: dh,
    "the derivative of tanh is 1 - tanh(a_t)^2. h_t is tanh(a_t) already, so tanh is taken once "
    "too often.": lambda dh, h, h_prev: dh * (1 - np.tanh(h) ** 2),
    "the derivative of tanh is 1 - h_t^2; the square is missing.": lambda dh, h, h_prev: (
        dh * (1 - h)
    ),
    "the derivative of tanh is 1 - h_t^2; here 1 - h_t is squared.": lambda dh, h, h_prev: (
        dh * (1 - h) ** 2
    ),
    "the derivative of tanh is multiplied by; here dh_t is divided by it.": lambda dh, h, h_prev: (
        dh / (1 - h * h)
    ),
    "dh_t does not enter: da_t is dh_t times the derivative of tanh.": lambda dh, h, h_prev: (
        1 - h * h
    ),
    "the derivative of tanh is 1 - h_t^2; h_t times h_prev is not h_t^2.": lambda dh, h, h_prev: (
        dh * (1 - h * h_prev)
    ),
    "the derivative of tanh is 1 - h_t^2; 2 h_t is the derivative of the "
    "square.": lambda dh, h, h_prev: dh * (1 - 2 * h),
    "the derivative of tanh is 1 - h_t^2; here h_t^2 stands alone.": lambda dh, h, h_prev: (
        dh * h * h
    ),
    "the derivative of tanh is 1 - h_t^2, not 1 + h_t^2.": lambda dh, h, h_prev: dh * (1 + h * h),
    "h_t (1 - h_t) is the derivative of the sigmoid; this is tanh.": lambda dh, h, h_prev: (
        dh * h * (1 - h)
    ),
    "the derivative of tanh is taken at h_prev; it belongs to h_t.": lambda dh, h, h_prev: (
        dh * (1 - h_prev**2)
    ),
    "the derivative 1 - h_t^2 is formed with a_t instead of h_t.": lambda dh, h, h_prev: (
        dh * (1 - np.arctanh(h) ** 2)
    ),
    "dh_t is averaged over the batch; the loss already contains its mean.": lambda dh, h, h_prev: (
        dh * (1 - h * h) / len(dh)
    ),
    "the sign is reversed.": lambda dh, h, h_prev: -dh * (1 - h * h),
}


def _da(dh, x, h_prev, h, U, W):
    return dh * (1 - h * h)


# Wrong products of a right da_t; i = (dh_t, x_t, h_prev, h_t, W_xh, W_hh).
PRODUCTS = {
    "dx_t": {
        "this is the product with W_hh, which belongs to dh_prev.": lambda *i: _da(*i) @ i[5],
        "W_xh is transposed. Going forward x_t meets W_xh's D, so da_t meets its H.": lambda *i: (
            _da(*i) @ i[4].T
        ),
    },
    "dh_prev": {
        "W_hh is transposed once too often. Forward, h_prev met W_hh's second axis; backward, "
        "da_t meets the first one.": lambda *i: _da(*i) @ i[5].T,
        "this is da_t; to reach h_prev it passes through W_hh.": _da,
        "dh_t itself passes through W_hh; the derivative of tanh comes first.": lambda *i: (
            i[0] @ i[5]
        ),
        "dh_t is added. It is all that reaches h_t; nothing jumps over the step.": lambda *i: (
            _da(*i) @ i[5] + i[0]
        ),
        "tanh's derivative of the state before is applied too; that belongs to the step "
        "before.": lambda *i: (_da(*i) @ i[5]) * (1 - i[2] ** 2),
    },
    W_XH: {
        "it is transposed: each gradient has the shape of its weights.": lambda *i: (
            i[1].T @ _da(*i)
        ),
        "it is averaged over the batch; the sum is asked for, the loss contains the "
        "mean.": lambda *i: _da(*i).T @ i[1] / len(i[1]),
        "only the last sequence of the batch counts: are the gradients added up, or "
        "replaced?": lambda *i: np.outer(_da(*i)[-1], i[1][-1]),
        "only the first sequence of the batch counts.": lambda *i: np.outer(_da(*i)[0], i[1][0]),
        "this is the gradient of W_hh: W_xh was multiplied by x_t.": lambda *i: _da(*i).T @ i[2],
        "it is not summed over the batch. The weights serve every sequence, so their gradients add "
        "up.": lambda *i: np.einsum("bh,bd->bhd", _da(*i), i[1]),
    },
    W_HH: {
        "it is transposed: row k holds the weights into unit k.": lambda *i: i[2].T @ _da(*i),
        "it is formed with h_t; the weights were multiplied by h_prev.": lambda *i: (
            _da(*i).T @ i[3]
        ),
        "it is averaged over the batch; the sum is asked for, the loss contains the "
        "mean.": lambda *i: _da(*i).T @ i[2] / len(i[1]),
        "only the last sequence of the batch counts: are the gradients added up, or "
        "replaced?": lambda *i: np.outer(_da(*i)[-1], i[2][-1]),
        "only the first sequence of the batch counts.": lambda *i: np.outer(_da(*i)[0], i[2][0]),
        "it is not summed over the batch. The weights serve every sequence, so their gradients add "
        "up.": lambda *i: np.einsum("bh,bk->bhk", _da(*i), i[2]),
    },
    B_H: {
        "it is not summed over the batch. b_h serves every sequence, so their gradients add "
        "up.": _da,
        "it is averaged over the batch; the sum is asked for, the loss contains the "
        "mean.": lambda *i: _da(*i).mean(axis=0),
        "it is summed over the units instead of over the batch.": lambda *i: _da(*i).sum(axis=1),
        "everything is summed to one number; each unit has its own bias.": lambda *i: _da(*i).sum(),
        "the derivative of tanh is left out for the bias.": lambda *i: i[0].sum(axis=0),
        "the sum over the batch keeps its axis; b_h has one axis.": lambda *i: _da(*i).sum(
            axis=0, keepdims=True
        ),
        "only the last sequence of the batch counts: are the gradients added up, or "
        "replaced?": lambda *i: _da(*i)[-1],
        "only the first sequence of the batch counts.": lambda *i: _da(*i)[0],
    },
}


COLUMNS = (  # runs only where all sizes are equal
    "the factors stand in the order of the equations, which are written for one sequence with "
    "columns. In the arrays every sequence is a row."
)


def _columns(dh, x, h_prev, h, U, W):
    da = _da(dh, x, h_prev, h, U, W)
    return dict(zip(OUTPUTS, (U.T @ da, W.T @ da, da @ x.T, da @ h_prev.T, da), strict=True))


NO_BIAS = (
    "h_t is given: the derivative of tanh is 1 - h_t^2. Worked out again from x_t and h_prev, h_t "
    "lacks the bias."
)


def _without_bias(dh, x, h_prev, h, U, W):
    again = np.tanh(h_prev @ W.T + x @ U.T)
    return _products(_da(dh, x, h_prev, again, U, W), x, h_prev, U, W)


def _suspects(output):
    def spoilt(da):
        return lambda *i: _products(da(i[0], i[3], i[2]), i[1], i[2], i[4], i[5])[output]

    whole = {
        COLUMNS: lambda *i: _columns(*i)[output],
        NO_BIAS: lambda *i: _without_bias(*i)[output],
    }
    return PRODUCTS[output] | whole | {cause: spoilt(da) for cause, da in DERIVATIVES.items()}


def _rounding(dh_t, x_t, h_prev, h_t, W_xh, W_hh):
    """Bounds of the errors in machine epsilons.

    da_t takes at most four roundings, (1 - h) (1 + h) dh, of numbers up to dh_t. A product and the
    sum over H units, or over B sequences, add H, or B, each of at most the sum of the sizes.
    """
    B, H = dh_t.shape
    named = _products(abs(dh_t), abs(x_t), abs(h_prev), abs(W_xh), abs(W_hh))
    dx_t, dh_prev, dW_xh, dW_hh, db_h = named.values()
    grads = {"W_xh": (4 + B) * dW_xh, "W_hh": (4 + B) * dW_hh, "b_h": (4 + B) * db_h}
    return (4 + H) * dx_t, (4 + H) * dh_prev, grads


def _draw(rng, **sizes):
    step = draw_step(rng, **sizes)
    h_t = rnn.rnn_step_forward(**step)[0]
    dh_t = rng.normal(size=h_t.shape)
    names = ("x_t", "h_prev", "W_xh", "W_hh")
    x_t, h_prev, W_xh, W_hh = (step[name] for name in names)
    return dict(dh_t=dh_t, x_t=x_t, h_prev=h_prev, h_t=h_t, W_xh=W_xh, W_hh=W_hh)


def _task(seed):
    rng = np.random.default_rng(seed)
    main = _draw(rng, B=4)
    flat = main | {"h_t": np.zeros_like(main["h_t"])}
    return Task(
        name="rnn_step_backward",
        outputs=("dx_t", "dh_prev", "grads"),
        reference=_backward,
        aspects=(
            Aspect("dx_t", 1, (main, _draw(rng, B=1)), ("dx_t",)),
            Aspect("dh_prev", 2, (main, _draw(rng, B=1)), ("dh_prev",)),
            Aspect(W_XH, 2, (main, _draw(rng, B=1)), (W_XH,)),
            Aspect(W_HH, 2, (main, _draw(rng, B=1)), (W_HH,)),
            Aspect(B_H, 1, (main, _draw(rng, B=1)), (B_H,)),
            Aspect("all of them where h_t = 0 and the derivative of tanh is 1", 2, (flat,)),
        ),
        suspects={output: _suspects(output) for output in OUTPUTS},
        fallbacks=(_draw(rng, B=3, D=3, H=3),),
        rounding=_rounding,
        shapes=dict(zip(OUTPUTS, ("(B, D)", "(B, H)", "(H, D)", "(H, H)", "(H,)"), strict=True)),
    )


def check_rnn_step_backward(answer, seed=2005):
    """Check answer(dh_t, x_t, h_prev, h_t, W_xh, W_hh) -> dx_t, dh_prev, grads."""
    return examine(_task(seed), answer)
