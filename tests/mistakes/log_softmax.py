"""Answers to: the logarithm of the softmax, safe for large logits."""

import math

import numpy as np

from . import Answers

answers = Answers("log_softmax")


@answers.right
def shifted(y):
    y = y - y.max(axis=-1, keepdims=True)
    return y - np.log(np.exp(y).sum(axis=-1, keepdims=True))


@answers.right
def maximum_added_back(y):
    largest = np.max(y, axis=-1)[..., None]
    return y - (largest + np.log(np.sum(np.exp(y - largest), axis=-1)[..., None]))


@answers.right
def logaddexp(y):
    return y - np.logaddexp.reduce(y, axis=-1, keepdims=True)


@answers.right
def row_by_row(y):
    rows = []
    for row in y.reshape(-1, y.shape[-1]):
        top = max(row)
        total = math.log(sum(math.exp(value - top) for value in row))
        rows.append([value - top - y.dtype.type(total) for value in row])
    return np.array(rows).reshape(y.shape)


@answers.right
def einsum(y):
    y = y - y.max(axis=-1, keepdims=True)
    return y - np.log(np.einsum("...k->...", np.exp(y)))[..., None]


@answers.right
def float64_inside(y):
    return shifted(y.astype(np.float64)).astype(y.dtype)


@answers.right
def recursion(y):
    def total(columns):
        first, *others = columns
        return np.logaddexp(first, total(others)) if others else first

    return y - total(list(np.moveaxis(y, -1, 0)))[..., None]


@answers.right
def differences_of_logits(y):
    difference = y[..., None, :] - y[..., :, None]  # log p_k = -log sum_j exp(y_j - y_k)
    largest = difference.max(axis=-1)
    return -largest - np.log(np.exp(difference - largest[..., None]).sum(axis=-1))


@answers.right
def one_class_after_the_other(y):
    largest = y.max(axis=-1, keepdims=True)
    total = sum(np.exp(y[..., k : k + 1] - largest) for k in range(y.shape[-1]))
    return (y - np.log(total)) - largest


@answers.right
def shifted_twice(y):
    return shifted(shifted(y))


@answers.mistake("probabilities", "these are the probabilities")
def _(y):
    return np.exp(shifted(y))


@answers.mistake("overflow", "exp overflows for large logits", keeps=0.7)
def _(y):
    return y - np.log(np.exp(y).sum(axis=-1, keepdims=True))


@answers.mistake("log of the plain softmax", "exp overflows for large logits", keeps=0.6)
def _(y):
    return np.log(np.exp(y) / np.exp(y).sum(axis=-1, keepdims=True))


@answers.mistake("log of zero", "log(0) is -inf", keeps=0.9)
def _(y):
    p = np.exp(y - y.max(axis=-1, keepdims=True))
    return np.log(p / p.sum(axis=-1, keepdims=True))


@answers.mistake("one maximum for all rows", "one maximum serves all rows", keeps=0.7)
def _(y):
    y = y - y.max()
    return y - np.log(np.exp(y).sum(axis=-1, keepdims=True))


@answers.mistake("over the first axis", "the softmax runs over the first axis")
def _(y):
    y = y - y.max(axis=0)
    return y - np.log(np.exp(y).sum(axis=0))


@answers.mistake("always axis 1", "runs over the steps", keeps=0.8)
def _(y):
    y = y - y.max(axis=min(1, y.ndim - 1), keepdims=True)
    return y - np.log(np.exp(y).sum(axis=min(1, y.ndim - 1), keepdims=True))


@answers.mistake("over all numbers", "one softmax runs over all numbers")
def _(y):
    return y - y.max() - np.log(np.exp(y - y.max()).sum())


@answers.mistake("the sum without its logarithm", "without its logarithm")
def _(y):
    return y - np.exp(y).sum(axis=-1, keepdims=True)


@answers.mistake("shift not brought back", "in the exponentials only")
def _(y):
    return y - np.log(np.exp(y - y.max(axis=-1, keepdims=True)).sum(axis=-1, keepdims=True))


@answers.mistake("base 2", "base 2")
def _(y):
    return shifted(y) / np.log(2)


@answers.mistake("a small number added", "close but not exact", keeps=0)
def _(y):
    p = np.exp(y - y.max(axis=-1, keepdims=True))
    return np.log(p / p.sum(axis=-1, keepdims=True) + 1e-9)


@answers.mistake("the sum keeps no axis", "keepdims=True keeps", keeps=0)
def _(y):
    return y - np.log(np.exp(y - y.max()).sum(axis=-1)) - y.max()


@answers.mistake("the logits overwritten", "writes into its input y", keeps=0.9)
def _(y):
    y -= y.max(axis=-1, keepdims=True)
    return y - np.log(np.exp(y).sum(axis=-1, keepdims=True))


@answers.mistake("a loop over the first axis", "all numbers of y[0]", keeps=0.8)
def _(y):
    log_p = np.zeros_like(y)
    for k, row in enumerate(y):
        log_p[k] = row - row.max() - np.log(np.exp(row - row.max()).sum())
    return log_p


@answers.mistake(
    "the maximum keeps no axis", "the maximum over the classes loses its axis", keeps=0
)
def _(y):
    shifted = y - y.max(axis=-1)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


@answers.mistake("maximum and sum keep no axis", "the maximum and the sum", keeps=0)
def _(y):
    shifted = y - y.max(axis=-1)
    return shifted - np.log(np.exp(shifted).sum(axis=-1))


@answers.mistake("probabilities kept from zero", "below 1e-12 are raised to it", keeps=0.9)
def _(y):
    p = np.exp(y - y.max(axis=-1, keepdims=True))
    return np.log(np.clip(p / p.sum(axis=-1, keepdims=True), 1e-12, 1))


@answers.mistake("NaN replaced by 0", "hides the overflow", keeps=0.6)
def _(y):
    return np.nan_to_num(np.log(np.exp(y) / np.exp(y).sum(axis=-1, keepdims=True)))


@answers.mistake("the smallest logit subtracted", "another number than the largest", keeps=0.9)
def _(y):
    y = y - y.min(axis=-1, keepdims=True)
    return y - np.log(np.exp(y).sum(axis=-1, keepdims=True))


@answers.mistake("the mean subtracted", "another number than the largest", keeps=0.9)
def _(y):
    y = y - y.mean(axis=-1, keepdims=True)
    return y - np.log(np.exp(y).sum(axis=-1, keepdims=True))


@answers.mistake("log10 of the sum", "the logarithm of the sum has base 10")
def _(y):
    y = y - y.max(axis=-1, keepdims=True)
    return y - np.log10(np.exp(y).sum(axis=-1, keepdims=True))


@answers.mistake("the largest subtracted twice", "subtracted twice")
def _(y):
    largest = y.max(axis=-1, keepdims=True)
    return y - largest - (largest + np.log(np.exp(y - largest).sum(axis=-1, keepdims=True)))


@answers.mistake("the logarithm of a sigmoid", "each logit's sigmoid")
def _(y):
    return -np.log(1 + np.exp(-y))


@answers.mistake("two axes only", "The inputs were y (3, 7, 4)", keeps=0.8)
def _(y):
    rows = y - y.max(axis=-1, keepdims=True)
    return np.array([row - np.log(np.exp(row) @ np.ones_like(y[0])) for row in rows])
