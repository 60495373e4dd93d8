"""Checks of gradients: of the masked cross-entropy, and of one step of the vanilla RNN."""

import numpy as np

from rnn_course import activations, losses, rnn
from rnn_course.checks.examine import Aspect, Task, examine
from rnn_course.checks.losses import K, T, draw_steps
from rnn_course.checks.rnn import draw_step

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
        "only one sequence of the batch counts.": lambda *i: np.outer(_da(*i)[-1], i[1][-1]),
    },
    W_HH: {
        "it is transposed: row k holds the weights into unit k.": lambda *i: i[2].T @ _da(*i),
        "it is formed with h_t; the weights were multiplied by h_prev.": lambda *i: (
            _da(*i).T @ i[3]
        ),
        "it is averaged over the batch; the sum is asked for, the loss contains the "
        "mean.": lambda *i: _da(*i).T @ i[2] / len(i[1]),
    },
    B_H: {
        "it is not summed over the batch. b_h serves every sequence, so their gradients add "
        "up.": _da,
        "it is averaged over the batch; the sum is asked for, the loss contains the "
        "mean.": lambda *i: _da(*i).mean(axis=0),
        "it is summed over the units instead of over the batch.": lambda *i: _da(*i).sum(axis=1),
        "everything is summed to one number; each unit has its own bias.": lambda *i: _da(*i).sum(),
        "the derivative of tanh is left out for the bias.": lambda *i: i[0].sum(axis=0),
    },
}


COLUMNS = (  # runs only where all sizes are equal
    "the factors stand in the order of the equations, which are written for one sequence with "
    "columns. In the arrays every sequence is a row."
)


def _columns(dh, x, h_prev, h, U, W):
    da = _da(dh, x, h_prev, h, U, W)
    return dict(zip(OUTPUTS, (U.T @ da, W.T @ da, da @ x.T, da @ h_prev.T, da), strict=True))


def _suspects(output):
    def spoilt(da):
        return lambda *i: _products(da(i[0], i[3], i[2]), i[1], i[2], i[4], i[5])[output]

    columns = {COLUMNS: lambda *i: _columns(*i)[output]}
    return PRODUCTS[output] | columns | {cause: spoilt(da) for cause, da in DERIVATIVES.items()}


def _rounding(dh_t, x_t, h_prev, h_t, W_xh, W_hh):
    named = _products(abs(dh_t), abs(x_t), abs(h_prev), abs(W_xh), abs(W_hh))
    terms = 8 + sum(dh_t.shape)
    dx_t, dh_prev, dW_xh, dW_hh, db_h = (terms * (1e-3 + value) for value in named.values())
    return dx_t, dh_prev, {"W_xh": dW_xh, "W_hh": dW_hh, "b_h": db_h}


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


def _softmax(y, axis=-1):
    p = np.exp(y - y.max(axis=axis, keepdims=True))
    return p / p.sum(axis=axis, keepdims=True)


def _loss_gradient(y, target, mask):
    return losses.cross_entropy_backward(losses.cross_entropy_forward(y, target, mask)[1])


def _error(y, target, axis=-1):
    return _softmax(y, axis) - (np.arange(y.shape[-1]) == target[..., None])  # (B, T, K)


def _times(mask):
    return mask[..., None]  # (B, T, 1)


LOSS_GRADIENT_SUSPECTS = {
    "1 is not subtracted at the target: this is p divided by the number of "
    "steps.": lambda y, c, m: _softmax(y) * _times(m) / m.sum(),
    "padded steps get a gradient; it has to be zero there.": lambda y, c, m: _error(y, c) / m.sum(),
    "the mask is not used at all.": lambda y, c, m: _error(y, c) / m.size,
    "the mask is not used, and nothing is divided by the number of steps.": lambda y, c, m: _error(
        y, c
    ),
    "the gradient is divided by all B T places; the loss is the mean over the real steps "
    "only.": lambda y, c, m: _error(y, c) * _times(m) / m.size,
    "the loss is a mean: divide by the number of real steps.": lambda y, c, m: (
        _error(y, c) * _times(m)
    ),
    "the gradient is divided by B; divide by the number of real steps.": lambda y, c, m: (
        _error(y, c) * _times(m) / len(m)
    ),
    "the gradient is divided by T; divide by the number of real steps.": lambda y, c, m: (
        _error(y, c) * _times(m) / m.shape[1]
    ),
    "each sequence is divided by its own length; the mean runs over all real "
    "steps.": lambda y, c, m: _error(y, c) * _times(m / m.sum(axis=1, keepdims=True)) / len(m),
    "each sequence is divided by its own length and not by the real steps of the "
    "batch.": lambda y, c, m: _error(y, c) * _times(m / m.sum(axis=1, keepdims=True)),
    "the sign is reversed: p - one-hot, not one-hot - p.": lambda y, c, m: -_loss_gradient(y, c, m),
    "the softmax runs over the steps; the classes are on the last axis.": lambda y, c, m: (
        _error(y, c, 1) * _times(m) / m.sum()
    ),
    "the softmax runs over the batch; the classes are on the last axis.": lambda y, c, m: (
        _error(y, c, 0) * _times(m) / m.sum()
    ),
    "p - one-hot already contains the softmax's derivative; it is multiplied by p (1 - p) "
    "again.": lambda y, c, m: _error(y, c) * _softmax(y) * (1 - _softmax(y)) * _times(m) / m.sum(),
    "the targets are shifted by one step.": lambda y, c, m: _loss_gradient(
        y, np.roll(c, -1, axis=1), m
    ),
    "the logits stand where the probabilities belong: the softmax is missing.": lambda y, c, m: (
        (y - _softmax(y) + _error(y, c)) * _times(m) / m.sum()
    ),
    "the log-probabilities stand where the probabilities belong.": lambda y, c, m: (
        (activations.log_softmax(y) - _softmax(y) + _error(y, c)) * _times(m) / m.sum()
    ),
    "exp overflows for large logits. Subtract the largest logit of each step "
    "first.": lambda y, c, m: (
        (np.exp(y) / np.exp(y).sum(-1, keepdims=True) - _softmax(y) + _error(y, c))
        * _times(m)
        / m.sum()
    ),
    "one maximum serves all steps. In a step far below it every exp becomes 0, and 0 / 0 is NaN: "
    "take the maximum of each step.": lambda y, c, m: (
        (
            (np.exp(y - y.max()) / np.exp(y - y.max()).sum(-1, keepdims=True) - _softmax(y))
            + _error(y, c)
        )
        * _times(m)
        / m.sum()
    ),
    "p[:, :, target] -= 1 subtracts 1 at every step for each class that is a target anywhere; pair "
    "each step with its own target, for instance with a one-hot array.": lambda y, c, m: (
        (_softmax(y) - np.isin(np.arange(y.shape[-1]), c)) * _times(m) / m.sum()
    ),
    "only the real steps are returned; the padded ones stay, with a gradient of "
    "zero.": lambda y, c, m: _error(y, c)[m] / m.sum(),
    "the mask is (B, T) and the gradient (B, T, K): give the mask a third axis, so that one truth "
    "value meets all K entries of its step.": lambda y, c, m: _error(y, c) * m / m.sum(),
    "the mask is the wrong way round: the padded steps get the gradient.": lambda y, c, m: (
        _loss_gradient(y, c, ~m)
    ),
}


def _loss_gradient_task(seed):
    rng = np.random.default_rng(seed)

    def draw(**sizes):
        return dict(zip(("y", "target", "mask"), draw_steps(rng, **sizes), strict=True))

    return Task(
        name="cross_entropy_gradient",
        outputs=("dy",),
        reference=_loss_gradient,
        aspects=(
            Aspect("three sequences of different lengths", 3, (draw(),)),
            Aspect("no padding: every step is real", 3, (draw(lengths=(T, T, T)),)),
            Aspect("large logits", 1, (draw(scale=1000.0),)),
            Aspect("one sequence; one step", 1, (draw(lengths=(5,)), draw(lengths=(1, 1), T=1))),
        ),
        suspects={"dy": LOSS_GRADIENT_SUSPECTS},
        fallbacks=(draw(lengths=(3, 1, 2), T=3, K=3),),
        rounding=lambda y, c, m: (K + 8 + 4 * np.abs(y).max(axis=-1, keepdims=True)) / m.sum(),
        shapes={"dy": "(B, T, K)"},
    )


def check_cross_entropy_gradient(answer, seed=2004):
    """Check answer(y, target, mask) -> dy; returns a Verdict."""
    return examine(_loss_gradient_task(seed), answer)
