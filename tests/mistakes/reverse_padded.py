"""Answers to: turn the real steps of each sequence round and leave its padding where it is."""

import numpy as np

from . import Answers

answers = Answers("reverse_padded")


@answers.right
def slice_of_each_row(x, lengths):
    y = x.copy()
    for j, length in enumerate(lengths):
        y[j, :length] = x[j, :length][::-1]
    return y


@answers.right
def index_of_each_step(x, lengths):
    steps = np.arange(x.shape[1])
    source = np.where(steps < lengths[:, None], lengths[:, None] - 1 - steps, steps)
    return np.take_along_axis(x, source[:, :, None], axis=1)


@answers.right
def list_of_rows(x, lengths):
    rows = []
    for row, length in zip(x, lengths, strict=True):
        rows.append(np.concatenate([np.flip(row[:length], axis=0), row[length:]]))
    return np.array(rows)


@answers.right
def step_by_step(x, lengths):
    y = np.zeros_like(x)
    for j in range(x.shape[0]):
        for t in range(x.shape[1]):
            y[j, t] = x[j, lengths[j] - 1 - t] if t < lengths[j] else x[j, t]
    return y


@answers.right
def sorted_by_keys(x, lengths):
    steps = np.arange(x.shape[1])
    keys = np.where(steps < lengths[:, None], -steps, steps)
    return x[np.arange(len(x))[:, None], np.argsort(keys, axis=1)]


@answers.right
def permutation_matrices(x, lengths):
    steps = np.arange(x.shape[1])
    real = steps < lengths[:, None]
    meets = steps[:, None] + steps == lengths[:, None, None] - 1
    stays = np.eye(len(steps), dtype=bool) & ~real[:, :, None]
    return np.einsum("bts,bsd->btd", (meets | stays).astype(x.dtype), x)


@answers.right
def turned_and_rolled(x, lengths):
    T = x.shape[1]
    rolled = [
        np.roll(row[::-1], length - T, axis=0) for row, length in zip(x, lengths, strict=True)
    ]
    real = (np.arange(T) < lengths[:, None])[:, :, None]
    return np.where(real, np.array(rolled), x)


def from_source(name, says, keeps, source):
    """An answer that takes step source(steps, length) in the place of each step."""

    @answers.mistake(name, says, keeps)
    def _(x, lengths):
        steps = np.arange(x.shape[1])
        return np.stack([row[source(steps, n)] for row, n in zip(x, lengths, strict=True)])


@answers.mistake("turned with the padding", "turns the padding round as well")
def _(x, lengths):
    return x[:, ::-1]


@answers.mistake("the batch turned round", "the order of the sequences")
def _(x, lengths):
    return np.flip(x, axis=0)


@answers.mistake("all axes flipped", "differ")
def _(x, lengths):
    return np.flip(x)


@answers.mistake("the features turned round", "the features are turned round")
def _(x, lengths):
    return x[..., ::-1]


@answers.mistake("nothing turned", "nothing is turned round")
def _(x, lengths):
    return x.copy()


@answers.mistake("the last real step left out", "the last real step stays")
def _(x, lengths):
    y = x.copy()
    for j, length in enumerate(lengths):
        y[j, : max(length - 1, 0)] = x[j, : max(length - 1, 0)][::-1]
    return y


from_source("one step too many", "first step of padding is turned", 0,
            lambda t, n: np.where(t <= n, n - t, t) % len(t))  # fmt: skip
from_source("one step too late", "one step too late", 0, lambda t, n: np.where(t < n, n - t, t))
from_source("negative indices", "count from the padded end", 0, lambda t, n: n - 1 - t)


@answers.mistake("the longest length for all", "within the longest length", keeps=1 / 8)
def _(x, lengths):
    longest = lengths.max()
    return np.concatenate([x[:, :longest][:, ::-1], x[:, longest:]], axis=1)


@answers.mistake("the first length for all", "within the first row's length", keeps=1 / 8)
def _(x, lengths):
    y = x.copy()
    y[:, : lengths[0]] = x[:, : lengths[0]][:, ::-1]
    return y


@answers.mistake("padding set to zero", "the padding is zero")
def _(x, lengths):
    y = np.zeros_like(x)
    for j, length in enumerate(lengths):
        y[j, :length] = x[j, :length][::-1]
    return y


@answers.mistake("padding turned round behind", "behind the real steps")
def _(x, lengths):
    return np.stack([np.concatenate([row[:n][::-1], row[n:][::-1]])
                     for row, n in zip(x, lengths, strict=True)])  # fmt: skip


@answers.mistake("padding turned round alone", "the real steps stand as before")
def _(x, lengths):
    return np.stack([np.concatenate([row[:n], row[n:][::-1]])
                     for row, n in zip(x, lengths, strict=True)])  # fmt: skip


@answers.mistake("counted from the end: length 0 takes all", "differ", keeps=7 / 8)
def _(x, lengths):
    y = x.copy()
    for j, n in enumerate(lengths):
        y[j, :n] = x[j, :n][::-1]
        if n == 0:
            y[j] = x[j, -n:][::-1]
    return y


@answers.mistake("stops at step 0, which is left out", "could not broadcast")
def _(x, lengths):
    y = x.copy()
    for j, n in enumerate(lengths):
        y[j, :n] = x[j, n - 1 : 0 : -1]
    return y


@answers.mistake("written into x", "writes into its input x", keeps=7 / 8)
def _(x, lengths):
    for j, n in enumerate(lengths):
        x[j, :n] = x[j, :n][::-1].copy()
    return x


@answers.mistake("float64 zeros", "comes out as float64", keeps=7 / 8)
def _(x, lengths):
    y = np.zeros(x.shape)
    for j, n in enumerate(lengths):
        y[j] = x[j]
        y[j, :n] = x[j, :n][::-1]
    return y


@answers.mistake("(T, B, D)", "time and batch are exchanged")
def _(x, lengths):
    return slice_of_each_row(x, lengths).swapaxes(0, 1)
