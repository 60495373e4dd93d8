"""Answers to: dropout with a given mask."""

import numpy as np

from . import Answers

answers = Answers("apply_dropout")
DRAWN = np.random.default_rng(3)


def fresh():
    return np.random.default_rng(0)


@answers.right
def product_and_quotient(x, keep, rate):
    return x / 1 if keep is None else x * keep / (1 - rate)


@answers.right
def chosen(x, keep, rate):
    if keep is None:
        return np.array(x)
    return np.where(keep, x / (1 - rate), 0)


@answers.right
def scale_first(x, keep, rate):
    scale = np.ones_like(x) if keep is None else keep.astype(x.dtype) / x.dtype.type(1 - rate)
    return scale * x


@answers.right
def assigned(x, keep, rate):
    if keep is None:
        return x
    y = np.zeros_like(x)
    y[keep] = x[keep] * (1 / (1 - rate))
    return y


@answers.right
def entry_by_entry(x, keep, rate):
    y = x.copy()
    for index in np.ndindex(x.shape):
        if keep is not None:
            y[index] = x[index] / (1.0 - rate) if keep[index] else 0.0
    return y


@answers.right
def dropped_afterwards(x, keep, rate):
    if keep is None:
        keep, rate = np.ones(x.shape, dtype=bool), 0.0
    y = x / (1 - rate)
    y[~keep] = 0
    return y


@answers.right
def in_the_precision_of_x(x, keep, rate):
    one = x.dtype.type(1)
    return x.copy() if keep is None else np.multiply(x, keep) * (one / (one - x.dtype.type(rate)))


@answers.right
def what_is_dropped_subtracted(x, keep, rate):
    if keep is None:
        return x.copy()
    kept = x - np.where(keep, 0, x)
    return kept + kept * rate / (1 - rate)


@answers.right
def one_of_two_arrays(x, keep, rate):
    return +x if keep is None else np.choose(keep, [np.zeros_like(x), x / (1 - rate)])


@answers.right
def put_in_a_copy(x, keep, rate):
    y = np.array(x)
    if keep is not None:
        np.putmask(y, ~keep, 0)
        y /= 1 - rate
    return y


def in_training(name, says, keeps, run):
    """An answer that is right outside training."""
    answers.mistake(name, says, keeps)(
        lambda x, keep, rate: x if keep is None else run(x, keep, rate)
    )


def in_use(name, says, keeps, run):
    """An answer that is right in training."""
    answers.mistake(name, says, keeps)(
        lambda x, keep, rate: run(x, rate) if keep is None else x * keep / (1 - rate)
    )


in_training("not divided", "not divided by 1 - rate", 4 / 10, lambda x, keep, rate: x * keep)
in_training("multiplied by 1 - rate", "is multiplied by 1 - rate", 4 / 10,
            lambda x, keep, rate: x * keep * (1 - rate))  # fmt: skip
in_training("multiplied by the rate", "is multiplied by the rate", 4 / 10,
            lambda x, keep, rate: x * keep * rate)  # fmt: skip
in_training("keep the wrong way round", "that are to be kept are dropped", 3 / 10,
            lambda x, keep, rate: x * ~keep / (1 - rate))  # fmt: skip
in_training("dropped entries as they were", "keep their value", 6 / 10,
            lambda x, keep, rate: np.where(keep, x / (1 - rate), x))  # fmt: skip
in_training("nothing dropped", "everything is divided", 6 / 10,
            lambda x, keep, rate: x / (1 - rate))  # fmt: skip
in_training("keep not looked at", "nothing is dropped", 3 / 10,
            lambda x, keep, rate: x)  # fmt: skip
in_training("divided by the share kept", "happens to be kept", 4 / 10,
            lambda x, keep, rate: x * keep / float(keep.mean()))  # fmt: skip
in_training("the root", "the root of 1 - rate", 4 / 10,
            lambda x, keep, rate: x * keep / (1 - rate) ** 0.5)  # fmt: skip
in_training("1 + rate", "1 + rate stands", 4 / 10, lambda x, keep, rate: x * keep / (1 + rate))
in_training("the mask alone", "the mask alone", 4 / 10,
            lambda x, keep, rate: (keep / (1 - rate)).astype(x.dtype))  # fmt: skip
in_training("only what is kept", "has the shape", 3 / 10,
            lambda x, keep, rate: x[keep] / (1 - rate))  # fmt: skip
in_training("float64", "comes out as float64", 9 / 10,
            lambda x, keep, rate: x * (keep / np.full(x.shape, 1 - rate)))  # fmt: skip
in_training("minus infinity for zero", "should be 0", 6 / 10,
            lambda x, keep, rate: np.where(keep, x / (1 - rate), -np.inf))  # fmt: skip
in_training("a mask of its own, seeded", "differ", 3 / 10,
            lambda x, keep, rate: x * (fresh().random(x.shape) >= rate) / (1 - rate))  # fmt: skip
in_training("keep of the first entry for all", "rest is right", 4 / 10,
            lambda x, keep, rate: x * keep[:1] / (1 - rate))  # fmt: skip
in_training("doubled, whatever the rate", "a rate of 1/2, whatever", 4 / 10,
            lambda x, keep, rate: 2 * x * keep)  # fmt: skip
in_training("multiplied by 1 + rate", "is multiplied by 1 + rate", 4 / 10,
            lambda x, keep, rate: x * keep * (1 + rate))  # fmt: skip
in_training("rounded down", "differ", 4 / 10,
            lambda x, keep, rate: x * keep // (1 - rate))  # fmt: skip
in_training("divided by the larger of both", "divided by the rate", 9 / 10,
            lambda x, keep, rate: x * keep / max(rate, 1 - rate))  # fmt: skip
in_training("a small number in the denominator", "close but not exact", 4 / 10,
            lambda x, keep, rate: x * keep / (1 - rate + 1e-8))  # fmt: skip
in_training("NaN for what is dropped", "is nan", 6 / 10,
            lambda x, keep, rate: np.where(keep, x / (1 - rate), np.nan))  # fmt: skip
in_use("divided outside training", "outside training the result is x", 7 / 10,
       lambda x, rate: x / (1 - rate))  # fmt: skip
in_use("multiplied outside training", "the other kind of dropout", 7 / 10,
       lambda x, rate: x * (1 - rate))  # fmt: skip
in_use("multiplied by the rate outside training", "is multiplied by the rate", 7 / 10,
       lambda x, rate: x * rate)  # fmt: skip
in_use("zeros outside training", "everything is dropped", 7 / 10, lambda x, rate: 0 * x)
in_use("nothing returned outside training", "y is None", 7 / 10, lambda x, rate: None)


@answers.mistake("None not thought of", "TypeError", keeps=7 / 10)
def _(x, keep, rate):
    return x * keep / (1 - rate)


@answers.mistake("a mask of its own", "another result", keeps=0)
def _(x, keep, rate):
    return x * (DRAWN.random(x.shape) >= 0.5) / (1 - rate) + 1e-3


@answers.mistake("x changed in place", "writes into its input x", keeps=9 / 10)
def _(x, keep, rate):
    if keep is not None:
        x *= keep
        x /= 1 - rate
    return x


@answers.mistake("divided by the rate", "divided by the rate", keeps=4 / 10)
def _(x, keep, rate):
    if keep is None:
        return x
    return x * keep / rate if rate else x * keep * 0


@answers.mistake("the truth of a whole array", "truth value of an array", keeps=3 / 10)
def _(x, keep, rate):
    return x * keep / (1 - rate) if keep else x


@answers.mistake("training told by the rate", "TypeError", keeps=7 / 10)
def _(x, keep, rate):
    return x * keep / (1 - rate) if rate > 0 else x


@answers.mistake("the mask as well", "expected y alone", keeps=0)
def _(x, keep, rate):
    return (x, None) if keep is None else (x * keep / (1 - rate), keep)


@answers.mistake("dropped entries set to zero in x", "writes into its input x", keeps=9 / 10)
def _(x, keep, rate):
    if keep is None:
        return x.copy()
    x[~keep] = 0
    return x / (1 - rate)


@answers.mistake("keep turned into what is dropped", "writes into its input keep", keeps=9 / 10)
def _(x, keep, rate):
    if keep is None:
        return x.copy()
    y = x * keep / (1 - rate)
    np.logical_not(keep, out=keep)
    return y


KEPT = {}


@answers.mistake("one buffer for all calls", "both write into one array", keeps=9 / 10)
def _(x, keep, rate):
    buffer = KEPT.setdefault((x.shape, x.dtype), np.empty_like(x))
    buffer[...] = x if keep is None else x * keep / (1 - rate)
    return buffer
