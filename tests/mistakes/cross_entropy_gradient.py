"""Answers to: the gradient of the masked cross-entropy with respect to the logits."""

import numpy as np

from . import Answers

answers = Answers("cross_entropy_gradient")


def softmax(y, axis=-1):
    p = np.exp(y - y.max(axis=axis, keepdims=True))
    return p / p.sum(axis=axis, keepdims=True)


def error(y, target, axis=-1):
    return softmax(y, axis) - np.eye(y.shape[-1], dtype=y.dtype)[target]


@answers.right
def one_hot_rows(y, target, mask):
    steps = y.dtype.type(mask.sum())
    return (softmax(y) - np.eye(y.shape[-1], dtype=y.dtype)[target]) * mask[:, :, None] / steps


@answers.right
def subtract_at_the_target(y, target, mask):
    dy = softmax(y)
    rows, steps = np.indices(target.shape)
    dy[rows, steps, target] -= 1
    dy[~mask] = 0
    dy /= mask.sum()
    return dy


@answers.right
def one_step_at_a_time(y, target, mask):
    dy = np.zeros_like(y)
    for j in range(len(y)):
        for t in range(y.shape[1]):
            if mask[j, t]:
                p = np.exp(y[j, t] - max(y[j, t]))
                p = p / sum(p)
                p[target[j, t]] -= 1
                dy[j, t] = p / int(mask.sum())
    return dy


@answers.right
def only_the_real_rows(y, target, mask):
    dy = np.zeros_like(y)
    real = softmax(y[mask])
    real[np.arange(len(real)), target[mask]] -= 1
    dy[mask] = real / len(real)
    return dy


@answers.right
def where_and_comparison(y, target, mask):
    one_hot = (target[..., None] == np.arange(y.shape[-1])).astype(y.dtype)
    log_p = y - np.logaddexp.reduce(y, axis=-1, keepdims=True)
    return np.where(mask[..., None], np.exp(log_p) - one_hot, y.dtype.type(0)) / int(mask.sum())


@answers.right
def weights_first(y, target, mask):
    weights = (mask / mask.sum()).astype(y.dtype)[..., None]
    return weights * softmax(y) - weights * (np.arange(y.shape[-1]) == target[..., None])


@answers.right
def float64_inside(y, target, mask):
    wide = y.astype(np.float64)
    return (error(wide, target) * mask[..., None] / mask.sum()).astype(y.dtype)


@answers.right
def nested_lists(y, target, mask):
    rows = np.where(mask[..., None], error(y, target) / int(mask.sum()), y.dtype.type(0))
    return [[list(dy_t) for dy_t in row] for row in rows]


@answers.right
def from_log_probabilities(y, target, mask):
    shifted = y - y.max(axis=-1, keepdims=True)
    dy = np.exp(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))
    np.put_along_axis(dy, target[..., None], np.take_along_axis(dy, target[..., None], -1) - 1, -1)
    return np.where(mask[..., None], dy / y.dtype.type(np.count_nonzero(mask)), y.dtype.type(0))


@answers.mistake("one not subtracted", "1 is not subtracted at the target")
def _(y, target, mask):
    return softmax(y) * mask[..., None] / mask.sum()


@answers.mistake("not divided", "divide by the number of real steps")
def _(y, target, mask):
    return error(y, target) * mask[..., None]


@answers.mistake("divided by all places", "divided by all B T places", keeps=0.3)
def _(y, target, mask):
    return error(y, target) * mask[..., None] / mask.size


@answers.mistake("divided by B", "divided by B;", keeps=0)
def _(y, target, mask):
    return error(y, target) * mask[..., None] / len(mask)


@answers.mistake("divided by T", "divided by T;")
def _(y, target, mask):
    return error(y, target) * mask[..., None] / mask.shape[1]


@answers.mistake("padding not zeroed", "padded steps get a gradient", keeps=0.3)
def _(y, target, mask):
    return error(y, target) / mask.sum()


@answers.mistake("mask not used", "the mask is not used at all", keeps=0.3)
def _(y, target, mask):
    return error(y, target) / mask.size


@answers.mistake("each sequence by its own length", "divided by its own length", keeps=0.4)
def _(y, target, mask):
    return error(y, target) * (mask / mask.sum(axis=1, keepdims=True))[..., None] / len(mask)


@answers.mistake("softmax over the steps", "the softmax runs over the steps")
def _(y, target, mask):
    return error(y, target, axis=1) * mask[..., None] / mask.sum()


@answers.mistake("sign reversed", "the sign is reversed")
def _(y, target, mask):
    return -error(y, target) * mask[..., None] / mask.sum()


@answers.mistake("softmax derivative twice", "already contains the softmax's derivative")
def _(y, target, mask):
    p = softmax(y)
    return error(y, target) * p * (1 - p) * mask[..., None] / mask.sum()


@answers.mistake("targets shifted by one", "shifted by one step")
def _(y, target, mask):
    return error(y, np.roll(target, -1, axis=1)) * mask[..., None] / mask.sum()


@answers.mistake("softmax missing", "the softmax is missing")
def _(y, target, mask):
    return (y - np.eye(y.shape[-1])[target]) * mask[..., None] / mask.sum()


@answers.mistake("overflow", "exp overflows for large logits", keeps=0.9)
def _(y, target, mask):
    p = np.exp(y) / np.exp(y).sum(axis=-1, keepdims=True)
    one_hot = np.eye(y.shape[-1], dtype=y.dtype)[target]
    return (p - one_hot) * mask[..., None] / y.dtype.type(mask.sum())


@answers.mistake("mask without its own axis", "give the mask a third axis")
def _(y, target, mask):
    return error(y, target) * mask / mask.sum()


@answers.mistake("one-hot in float64", "comes out as float64", keeps=0.9)
def _(y, target, mask):
    return (softmax(y) - np.eye(y.shape[-1])[target]) * mask[..., None] / mask.sum()


@answers.mistake("the logits overwritten", "writes into its input y", keeps=0.9)
def _(y, target, mask):
    y -= y.max(axis=-1, keepdims=True)
    return one_hot_rows(y, target, mask)


@answers.mistake("p[:, :, target] -= 1", "pair each step with its own target")
def _(y, target, mask):
    dy = softmax(y)
    dy[:, :, target] -= 1
    return dy * mask[:, :, None] / int(mask.sum())


@answers.mistake("one maximum for all steps", "one maximum serves all steps", keeps=0.9)
def _(y, target, mask):
    p = np.exp(y - y.max())
    p /= p.sum(axis=-1, keepdims=True)
    one_hot = np.arange(y.shape[-1]) == target[:, :, None]
    return (p - one_hot) * mask[:, :, None] / int(mask.sum())


@answers.mistake("the real steps only", "only the real steps are returned")
def _(y, target, mask):
    one_hot = np.arange(y.shape[-1]) == target[:, :, None]
    return (softmax(y) - one_hot)[mask] / int(mask.sum())


@answers.mistake("one subtracted for every class", "1 is subtracted for every class")
def _(y, target, mask):
    return (softmax(y) - 1) * mask[..., None] / mask.sum()


@answers.mistake("p[target] -= 1", "picks along the first axis")
def _(y, target, mask):
    p = softmax(y)
    p[target] -= 1
    return p * mask[..., None] / mask.sum()


@answers.mistake("the target's entry only", "p stays for the other classes")
def _(y, target, mask):
    dy = np.zeros_like(y)
    rows, steps = np.nonzero(mask)
    dy[rows, steps, target[mask]] = (softmax(y)[rows, steps, target[mask]] - 1) / len(rows)
    return dy


@answers.mistake("the gradient of log p", "with respect to the log-probabilities")
def _(y, target, mask):
    return -np.eye(y.shape[-1])[target] * mask[..., None] / mask.sum()


@answers.mistake("a sigmoid for each class", "a sigmoid of its own")
def _(y, target, mask):
    one_hot = np.eye(y.shape[-1])[target]
    return (1 / (1 + np.exp(-y)) - one_hot) * mask[..., None] / mask.sum()


@answers.mistake("mask on the softmax only", "the mask multiplies p alone", keeps=0.3)
def _(y, target, mask):
    return (softmax(y) * mask[..., None] - np.eye(y.shape[-1])[target]) / mask.sum()


@answers.mistake("mask on the one-hot only", "the one-hot vector alone", keeps=0.3)
def _(y, target, mask):
    return (softmax(y) - np.eye(y.shape[-1])[target] * mask[..., None]) / mask.sum()


@answers.mistake("mask on the logits", "sets the logits of padded steps to 0", keeps=0.3)
def _(y, target, mask):
    return error(y * mask[..., None], target) / int(mask.sum())


@answers.mistake("target 0 taken for padding", "0 is a class like any other")
def _(y, target, mask):
    real = mask & (target != 0)
    return error(y, target) * real[..., None] / max(int(real.sum()), 1)


@answers.mistake("divided by the longest length", "the longest length")
def _(y, target, mask):
    return error(y, target) * mask[..., None] / int(mask.sum(axis=1).max())


@answers.mistake("divided twice", "divided twice")
def _(y, target, mask):
    return error(y, target) * (mask / mask.sum())[..., None] / mask.sum()


@answers.mistake("targets shifted the other way", "target[:, t] belongs to y[:, t]")
def _(y, target, mask):
    return error(y, np.roll(target, 1, axis=1)) * mask[..., None] / int(mask.sum())
