"""Check of the gradient of the masked cross-entropy with respect to the logits."""

import numpy as np

from rnn_course import activations, losses
from rnn_course.checks.losses import UP_TO_T, T, draw_steps, log_softmax_rounding
from rnn_course.examination.examine import Aspect, Task, examine


def _softmax(y, axis=-1):
    p = np.exp(y - y.max(axis=axis, keepdims=True))
    return p / p.sum(axis=axis, keepdims=True)


def _right(y, target, mask):
    return losses.cross_entropy_backward(losses.cross_entropy_forward(y, target, mask)[1])


def _one_hot(y, target):
    return np.float64(np.arange(y.shape[-1]) == target[..., None])  # (B, T, K)


def _error(y, target, axis=-1):
    return _softmax(y, axis) - _one_hot(y, target)  # (B, T, K)


def _times(mask):
    return mask[..., None]  # (B, T, 1)


SUSPECTS = {
    "1 is not subtracted at the target: this is p divided by the number of "
    "steps.": lambda y, c, m: _softmax(y) * _times(m) / m.sum(),
    "1 is subtracted for every class; only the target's loses it.": lambda y, c, m: (
        (_softmax(y) - 1) * _times(m) / m.sum()
    ),
    "p[target] -= 1 picks along the first axis, the batch; pair each step with its own target, for "
    "instance with a one-hot array.": lambda y, c, m: (
        (_softmax(y) - np.isin(np.arange(len(y)), c)[:, None, None]) * _times(m) / m.sum()
    ),
    "only the target's entry has a gradient; p stays for the other classes.": lambda y, c, m: (
        _error(y, c) * _one_hot(y, c) * _times(m) / m.sum()
    ),
    "this is the gradient with respect to the log-probabilities; p is missing.": lambda y, c, m: (
        -_one_hot(y, c) * _times(m) / m.sum()
    ),
    "this is the gradient with respect to the probabilities; the softmax is not gone "
    "through.": lambda y, c, m: -_one_hot(y, c) / _softmax(y) * _times(m) / m.sum(),
    "each logit went through a sigmoid of its own; the softmax shares one sum.": lambda y, c, m: (
        (1 / (1 + np.exp(-y)) - _one_hot(y, c)) * _times(m) / m.sum()
    ),
    "the mask multiplies p alone: at padded steps the one-hot vector is left.": lambda y, c, m: (
        (_softmax(y) * _times(m) - _one_hot(y, c)) / m.sum()
    ),
    "the mask multiplies the one-hot vector alone: at padded steps p is left.": lambda y, c, m: (
        (_softmax(y) - _one_hot(y, c) * _times(m)) / m.sum()
    ),
    "the mask sets the logits of padded steps to 0, but the gradient there is not 0 "
    "yet.": lambda y, c, m: _error(y * _times(m), c) / m.sum(),
    "steps whose target is 0 are left out. 0 is a class like any other; only the mask says what is "
    "padded.": lambda y, c, m: _right(y, c, m & (c != 0)),
    "the number of steps is counted where target != 0. 0 is a class like any other; only the mask "
    "says what is padded.": lambda y, c, m: _error(y, c) * _times(m) / (c != 0).sum(),
    "the gradient is divided by the longest length; divide by the number of real "
    "steps.": lambda y, c, m: _error(y, c) * _times(m) / m.sum(axis=1).max(),
    "the gradient is divided by K too.": lambda y, c, m: _right(y, c, m) / y.shape[-1],
    "the gradient is divided twice by the number of real steps.": lambda y, c, m: (
        _right(y, c, m) / m.sum()
    ),
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
    "the sign is reversed: p - one-hot, not one-hot - p.": lambda y, c, m: -_right(y, c, m),
    "the softmax runs over the steps; the classes are on the last axis.": lambda y, c, m: (
        _error(y, c, 1) * _times(m) / m.sum()
    ),
    "the softmax runs over the batch; the classes are on the last axis.": lambda y, c, m: (
        _error(y, c, 0) * _times(m) / m.sum()
    ),
    "p - one-hot already contains the softmax's derivative; it is multiplied by p (1 - p) "
    "again.": lambda y, c, m: _error(y, c) * _softmax(y) * (1 - _softmax(y)) * _times(m) / m.sum(),
    "the targets are shifted by one step.": lambda y, c, m: _right(y, np.roll(c, -1, axis=1), m),
    "the targets are shifted by one step: target[:, t] belongs to y[:, t].": lambda y, c, m: _right(
        y, np.roll(c, 1, axis=1), m
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
    "the mask is the wrong way round: the padded steps get the gradient.": lambda y, c, m: _right(
        y, c, ~m
    ),
}


def _rounding(y, target, mask):
    """Bound of the error in machine epsilons.

    p is exp of a log-softmax, whose error it takes over as p <= 1. The exponential, the
    difference, the product with the mask or a weight and the quotient are four more roundings of
    numbers up to 1. All of it is divided by the number of real steps; padded places are exactly 0.
    """
    return (log_softmax_rounding(y) + 4) * _times(mask) / mask.sum()


def _task(seed):
    rng = np.random.default_rng(seed)

    def draw(**sizes):
        return dict(zip(("y", "target", "mask"), draw_steps(rng, **sizes), strict=True))

    return Task(
        name="cross_entropy_gradient",
        outputs=("dy",),
        reference=_right,
        aspects=(
            Aspect("three sequences of different lengths", 3, (draw(), draw(lengths=UP_TO_T))),
            Aspect("no padding: every step is real", 3, (draw(lengths=(T, T, T)),)),
            Aspect("large logits", 1, (draw(scale=1000.0),)),
            Aspect("one sequence; one step", 1, (draw(lengths=(5,)), draw(lengths=(1, 1), T=1))),
        ),
        suspects={"dy": SUSPECTS},
        fallbacks=(draw(lengths=(3, 1, 2), T=3, K=3),),
        rounding=_rounding,
        shapes={"dy": "(B, T, K)"},
    )


def check_cross_entropy_gradient(answer, seed=2004):
    """Check answer(y, target, mask) -> dy; returns a Verdict."""
    return examine(_task(seed), answer)
