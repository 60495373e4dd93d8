"""Answers to: the softmax over real keys."""

import numpy as np

from . import Answers

answers = Answers("masked_softmax")


@answers.right
def minus_infinity(a, mask):
    a = np.where(mask[:, None], a, -np.inf)
    top = a.max(axis=-1, keepdims=True)
    e = np.exp(a - np.where(np.isfinite(top), top, 0))
    total = e.sum(axis=-1, keepdims=True)
    return e / np.where(total > 0, total, 1)


@answers.right
def a_very_negative_number(a, mask):
    hidden = ~mask[:, None, :]
    a = a - 1e30 * hidden.astype(a.dtype)
    e = np.exp(a - a.max(axis=2, keepdims=True))
    return np.where(hidden, 0, e / e.sum(axis=2, keepdims=True)).astype(a.dtype)


@answers.right
def one_row_at_a_time(a, mask):
    p = np.zeros_like(a)
    for b, t in np.ndindex(*a.shape[:2]):
        real = mask[b]
        if real.any():
            e = np.exp(a[b, t, real] - max(a[b, t, real]))
            p[b, t, real] = e / sum(e)
    return p


@answers.right
def logarithm_of_the_sum(a, mask):
    real = np.broadcast_to(mask[:, None], a.shape)
    a = np.where(real, a, np.finfo(a.dtype).min / 2)
    top = np.amax(a, axis=2, keepdims=True)
    log_sum = top + np.log(np.exp(a - top).sum(axis=2, keepdims=True))
    return np.exp(a - log_sum) * real


@answers.right
def nan_replaced(a, mask):
    with np.errstate(invalid="ignore"):
        a = np.ma.masked_array(a, ~np.broadcast_to(mask[:, None], a.shape)).filled(-np.inf)
        e = np.exp(a - a.max(axis=-1, keepdims=True))
        return np.nan_to_num(e / e.sum(axis=-1, keepdims=True), nan=0)


@answers.right
def keys_first(a, mask):
    a, mask = a.transpose(2, 0, 1), mask.T[:, :, None]  # (S, B, T)
    e = mask * np.exp(np.where(mask, a - np.where(mask, a, np.finfo(a.dtype).min).max(axis=0), 0))
    return np.moveaxis(e / np.maximum(e.sum(axis=0), np.finfo(a.dtype).tiny), 0, -1)


def softmax(a, axis=-1):
    e = np.exp(a - a.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def wrong(name, says, keeps, weigh):
    answers.mistake(name, says, keeps)(lambda a, mask: weigh(a, mask[:, None]))


def guarded(e):
    """The weights for exponentials, without a division by zero."""
    total = e.sum(axis=-1, keepdims=True)
    return e / np.where(total > 0, total, 1)


wrong("padding not masked", "padding is not masked", 1 / 8, lambda a, m: softmax(a))
wrong("mask after the softmax", "after the softmax", 1 / 8, lambda a, m: softmax(a) * m)
wrong("scores of padding 0", "set to 0 before", 1 / 8, lambda a, m: softmax(np.where(m, a, 0)))
wrong("scores times the mask", "set to 0 before", 1 / 8, lambda a, m: softmax(a * m))
wrong("-9 for padding", "set to -9, and exp(-9)", 1 / 8,
      lambda a, m: softmax(np.where(m, a, -9.0)))  # fmt: skip
wrong("-100 for padding", "a number that is not low enough", 6 / 8,
      lambda a, m: softmax(np.where(m, a, -100.0)))  # fmt: skip
wrong("-1e9 for padding", "where no key is seen", 7 / 8, lambda a, m: softmax(np.where(m, a, -1e9)))
wrong("NaN without a real key", "nan", 7 / 8, lambda a, m: softmax(np.where(m, a, -np.inf)))
wrong("softmax over the queries", "over the queries", 0, lambda a, m: softmax(a, axis=1) * m)
wrong("softmax over the batch", "over the batch", 0, lambda a, m: softmax(a, axis=0) * m)
wrong("not divided by the sum", "not divided by their sum", 0, lambda a, m: np.exp(a) * m)
wrong("divided by the sum of all", "sum of the whole array", 0, lambda a, m: (
    np.exp(a) * m / (np.exp(a) * m).sum()))  # fmt: skip
wrong("no maximum taken off", "overflow", 7 / 8, lambda a, m: guarded(np.exp(a) * m))
wrong("maximum over padding", "taken over masked keys", 7 / 8, lambda a, m: guarded(
    np.exp(a - a.max(axis=-1, keepdims=True)) * m))  # fmt: skip
wrong("maximum of all rows", "largest score of all rows", 7 / 8, lambda a, m: guarded(
    np.exp(a - a.max()) * m))  # fmt: skip
wrong("maximum with 0", "taken together with 0", 7 / 8, lambda a, m: guarded(
    np.exp(np.where(m, a, -np.inf) - np.where(m, a, 0).max(axis=-1, keepdims=True))))  # fmt: skip
wrong("-1e9 taken off padding", "a number is taken off all", 6 / 8, lambda a, m: softmax(
    a - ~m * 1e9))  # fmt: skip
wrong("-infinity and softmax over the queries", "what a masked key gets is NaN", 0, lambda a, m: (
    softmax(np.where(m, a, -np.inf), axis=1)))  # fmt: skip
wrong("a small number in the sum", "a small number added", 0, lambda a, m: (
    np.exp(a) * m / ((np.exp(a) * m).sum(axis=-1, keepdims=True) + 1e-8)))  # fmt: skip
wrong("mask reversed", "the wrong way round", 0, lambda a, m: guarded(
    np.exp(a - np.where(m, -1e30, a).max(axis=-1, keepdims=True)) * ~m))  # fmt: skip
wrong("equal weights", "the same weight", 0, lambda a, m: guarded(m + 0 * a))
wrong("hard choice", "the largest score takes all", 1 / 8, lambda a, m: np.eye(a.shape[-1])[
    np.where(m, a, -np.inf).argmax(axis=-1)])  # fmt: skip
wrong("softmax missing", "the softmax is missing", 0, lambda a, m: np.where(m, a, -np.inf))
wrong("float64", "comes out as float64", 7 / 8, lambda a, m: guarded(
    np.exp(np.where(m, a, -np.inf) - np.float64(np.where(m, a, -1e30)).max(-1, keepdims=True))
))  # fmt: skip


@answers.mistake("mask along the queries", "the mask stands along the queries", keeps=0)
def _(a, mask):
    return softmax(np.where(mask[:, :, None], a, -np.inf))


@answers.mistake("mask without an axis for the queries", "has no axis for the queries", keeps=0)
def _(a, mask):
    return guarded(np.exp(a) * mask)


@answers.mistake("index by the mask", "whose rows become NaN", keeps=0)
def _(a, mask):
    a = np.array(a)
    a[~mask] = -np.inf
    return softmax(a)


@answers.mistake("real keys alone, padding left out", "inhomogeneous", keeps=1 / 8)
def _(a, mask):
    return np.array([softmax(row[:, real]) for row, real in zip(a, mask, strict=True)])


@answers.mistake("sum without keepdims", "exponentials has lost its axis", keeps=0)
def _(a, mask):
    e = np.exp(a) * mask[:, None]
    return e / e.sum(axis=2)


@answers.mistake("maximum without keepdims", "largest score of each row has lost its axis", keeps=0)
def _(a, mask):
    a = np.where(mask[:, None], a, -np.inf)
    return softmax(a - a.max(axis=2))


@answers.mistake("both without keepdims", "each of the two", keeps=0)
def _(a, mask):
    a = np.where(mask[:, None], a, -np.inf)
    e = np.exp(a - a.max(axis=2))
    return e / e.sum(axis=2)


@answers.mistake("scores masked in place", "writes into its input a", keeps=7 / 8)
def _(a, mask):
    a[~np.repeat(mask[:, None], a.shape[1], axis=1)] = -np.inf
    return minus_infinity(a, mask)
