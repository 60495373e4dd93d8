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


@answers.right
def swapped_in_a_copy(x, lengths):
    y = np.array(x)
    for row, length in zip(y, lengths, strict=True):
        for t in range(length // 2):
            row[[t, length - 1 - t]] = row[[length - 1 - t, t]]
    return y


@answers.right
def indices_of_flat_steps(x, lengths):
    B, T, D = x.shape
    order = []
    for j, n in enumerate(lengths.tolist()):
        order += [j * T + t for t in reversed(range(n))] + [j * T + t for t in range(n, T)]
    return x.reshape(B * T, D)[order].reshape(x.shape)


@answers.right
def filled_where_real(x, lengths):
    y, real = x.copy(), np.arange(x.shape[1]) < lengths[:, None]
    y[real] = np.concatenate([row[:n][::-1] for row, n in zip(x, lengths, strict=True)])
    return y


@answers.right
def pushed_to_the_front(x, lengths):
    rows = []
    for row, length in zip(x, lengths, strict=True):
        steps = []
        for t in range(len(row)):
            steps.insert(0 if t < length else t, row[t])
        rows.append(np.stack(steps))
    return rows


def from_source(name, says, keeps, source):
    """An answer that takes step source(steps, length) in the place of each step."""

    @answers.mistake(name, says, keeps)
    def _(x, lengths):
        steps = np.arange(x.shape[1])
        return np.stack([row[source(steps, n)] for row, n in zip(x, lengths, strict=True)])


@answers.mistake("turned with the padding", "turns the padding round as well", keeps=1 / 8)
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


@answers.mistake("nothing turned", "nothing is turned round", keeps=1 / 8)
def _(x, lengths):
    return x.copy()


@answers.mistake("the last real step left out", "the last real step stays", keeps=1 / 8)
def _(x, lengths):
    y = x.copy()
    for j, length in enumerate(lengths):
        y[j, : max(length - 1, 0)] = x[j, : max(length - 1, 0)][::-1]
    return y


from_source("one step too many", "first step of padding is turned", 0,
            lambda t, n: np.where(t <= n, n - t, t) % len(t))  # fmt: skip
from_source("one step too late", "one step too late", 1 / 8, lambda t, n: np.where(t < n, n - t, t))
from_source("negative indices", "count from the padded end", 3 / 8, lambda t, n: n - 1 - t)


@answers.mistake("the longest length for all", "within the longest length", keeps=2 / 8)
def _(x, lengths):
    longest = lengths.max()
    return np.concatenate([x[:, :longest][:, ::-1], x[:, longest:]], axis=1)


@answers.mistake("the first length for all", "within the first row's length", keeps=2 / 8)
def _(x, lengths):
    y = x.copy()
    y[:, : lengths[0]] = x[:, : lengths[0]][:, ::-1]
    return y


@answers.mistake("padding set to zero", "the padding is zero", keeps=3 / 8)
def _(x, lengths):
    y = np.zeros_like(x)
    for j, length in enumerate(lengths):
        y[j, :length] = x[j, :length][::-1]
    return y


@answers.mistake("padding turned round behind", "behind the real steps", keeps=3 / 8)
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


def half_overwritten(name):
    return answers.mistake(name, "overwritten before it is read", keeps=1 / 8)


@half_overwritten("x itself filled in from the front")
def _(x, lengths):
    y = x
    for j, n in enumerate(lengths):
        for t in range(n):
            y[j, t] = x[j, n - 1 - t]
    return y


@half_overwritten("views exchanged, which are not copies")
def _(x, lengths):
    y = x.copy()
    for j, n in enumerate(lengths):
        for t in range(n // 2):
            y[j, t], y[j, n - 1 - t] = y[j, n - 1 - t], y[j, t]
    return y


@answers.mistake("every pair exchanged twice", "nothing is turned round", keeps=1 / 8)
def _(x, lengths):
    y = x.copy()
    for j, n in enumerate(lengths):
        for t in range(n):
            y[j, [t, n - 1 - t]] = y[j, [n - 1 - t, t]]
    return y


@answers.mistake("x[:, ::-1] at real places", "at the real steps stands x[:, ::-1]", 2 / 8)
def _(x, lengths):
    real = np.arange(x.shape[1]) < lengths[:, None]
    return np.where(real[:, :, None], x[:, ::-1], x)


@answers.mistake(
    "features of the real steps turned too", "the features are turned round as well", 1 / 8
)
def _(x, lengths):
    y = x.copy()
    for j, n in enumerate(lengths):
        y[j, :n] = np.flip(x[j, :n])
    return y


@answers.mistake("returned inside the loop", "return inside its loop", keeps=3 / 8)
def _(x, lengths):
    y = x.copy()
    for j, n in enumerate(lengths):
        y[j, :n] = x[j, :n][::-1]
        return y


@answers.mistake("the shortest length for all", "within the shortest length", keeps=3 / 8)
def _(x, lengths):
    n = lengths.min()
    return np.concatenate([x[:, :n][:, ::-1], x[:, n:]], axis=1)


@answers.mistake("real steps behind the padding", "stand behind the padding", keeps=1 / 8)
def _(x, lengths):
    return np.stack([np.concatenate([row[n:], row[:n][::-1]])
                     for row, n in zip(x, lengths, strict=True)])  # fmt: skip


from_source("indices held at 0", "rest is right", 3 / 8, lambda t, n: np.maximum(n - 1 - t, 0))
from_source(
    "indices around the length", "rest is right", 3 / 8, lambda t, n: (n - 1 - t) % max(n, 1)
)


@answers.mistake("from n - 1 down, which wraps at length 0", "could not broadcast", keeps=7 / 8)
def _(x, lengths):
    y = x.copy()
    for j, n in enumerate(lengths):
        y[j, :n] = x[j, n - 1 :: -1]
    return y


@answers.mistake("real parts without their padding", "rows of different lengths", keeps=1 / 8)
def _(x, lengths):
    return [row[:n][::-1] for row, n in zip(x, lengths, strict=True)]


KEPT = {}


@answers.mistake("one buffer for all calls", "both write into one array", keeps=7 / 8)
def _(x, lengths):
    buffer = KEPT.setdefault((x.shape, x.dtype), np.empty_like(x))
    buffer[:] = slice_of_each_row(x, lengths)
    return buffer
