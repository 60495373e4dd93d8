"""Answers to: pick the state at each sequence's own last real step."""

import numpy as np

from . import Answers

answers = Answers("last_hidden")


@answers.right
def a_loop_over_the_batch(h, lengths):
    return np.stack([row[length - 1] for row, length in zip(h, lengths, strict=True)])


@answers.right
def take_along_axis(h, lengths):
    return np.take_along_axis(h, (lengths - 1)[:, None, None], axis=1)[:, 0]


@answers.right
def a_sum_over_a_one_hot_mask(h, lengths):
    last = np.arange(h.shape[1]) == lengths[:, None] - 1
    return np.where(last[:, :, None], h, 0).sum(axis=1)


@answers.right
def a_list_of_rows(h, lengths):
    return [h[j, : lengths[j]][-1] for j in range(len(h))]


@answers.right
def rows_of_a_flat_array(h, lengths):
    B, T, H = h.shape
    return h.reshape(B * T, H)[T * np.arange(B) + lengths - 1]


@answers.right
def counted_from_the_end(h, lengths):
    T = h.shape[1]
    return np.array([row[length - 1 - T] for row, length in zip(h, lengths, strict=True)])


@answers.right
def diagonal_of_all_pairs(h, lengths):
    return h[:, lengths - 1].diagonal().T


@answers.right
def einsum(h, lengths):
    last = (np.arange(1, h.shape[1] + 1) == lengths[:, None]).astype(h.dtype)
    return np.einsum("bth,bt->bh", h, last)


@answers.right
def a_generator(h, lengths):
    return np.stack(tuple(h[j, k] for j, k in enumerate((lengths - 1).tolist())))


@answers.mistake("the last column", "For a shorter sequence that is padding")
def _(h, lengths):
    return h[:, -1]


@answers.mistake("the longest sequence's last step", "the longest sequence", keeps=0)
def _(h, lengths):
    return h[:, max(lengths) - 1]


@answers.mistake("one step too late", "one step too late", keeps=0)
def _(h, lengths):
    return h[np.arange(len(h)), lengths]


@answers.mistake("one step too early", "one step too early")
def _(h, lengths):
    return h[np.arange(len(h)), lengths - 2]


@answers.mistake("counted from the end", "counted from the end")
def _(h, lengths):
    return h[np.arange(len(h)), -lengths]


@answers.mistake("h[:, lengths - 1]", "all B steps for every row")
def _(h, lengths):
    return h[:, lengths - 1]


@answers.mistake("mean over the real steps", "the mean over the real steps")
def _(h, lengths):
    return np.stack([h[j, : lengths[j]].mean(axis=0) for j in range(len(h))])


@answers.mistake("mean over all steps", "padding included")
def _(h, lengths):
    return h.mean(axis=1)


@answers.mistake("padding zeroed, last column taken", "padding is set to zero")
def _(h, lengths):
    return (h * (np.arange(h.shape[1]) < lengths[:, None])[:, :, None])[:, -1]


@answers.mistake("the first state", "after the first step")
def _(h, lengths):
    return h[:, 0]


@answers.mistake("lengths changed in place", "writes into its input lengths", keeps=5 / 6)
def _(h, lengths):
    lengths -= 1
    return h[np.arange(len(h)), lengths]


@answers.mistake("float32 turned into float64", "comes out as float64", keeps=5 / 6)
def _(h, lengths):
    h_last = np.zeros((len(h), h.shape[2]))
    for j, length in enumerate(lengths):
        h_last[j] = h[j, length - 1]
    return h_last


@answers.mistake("a short sequence breaks it", "stops with ValueError", keeps=5 / 6)
def _(h, lengths):
    if min(lengths) < 2:
        raise ValueError("too short")
    return a_loop_over_the_batch(h, lengths)


@answers.mistake("h[lengths - 1]", "picks along the first axis")
def _(h, lengths):
    return h[lengths - 1]


@answers.mistake("the first sequence's row", "taken from the first sequence")
def _(h, lengths):
    return h[0, lengths - 1]


@answers.mistake("the first sequence's length for all", "where the first sequence ends")
def _(h, lengths):
    return h[:, lengths[0] - 1]


@answers.mistake("cut to the shortest", "where the shortest sequence ends")
def _(h, lengths):
    return h[:, : min(lengths)][:, -1]


@answers.mistake("indices exchanged", "the row comes first, then the step")
def _(h, lengths):
    return h[lengths - 1, np.arange(len(h))]


@answers.mistake("largest value over the real steps", "the largest value of each unit")
def _(h, lengths):
    return np.stack([row[:length].max(axis=0) for row, length in zip(h, lengths, strict=True)])


@answers.mistake("longest first", "in order of length", keeps=1 / 6)
def _(h, lengths):
    order = np.argsort(-lengths)
    return h[order, lengths[order] - 1]


@answers.mistake("time kept as an axis", "the axis of time is still there")
def _(h, lengths):
    return np.take_along_axis(h, (lengths - 1)[:, None, None], axis=1)


@answers.mistake("the last row everywhere", "the last sequence's state")
def _(h, lengths):
    h_last = np.zeros_like(h[:, 0])
    for j, length in enumerate(lengths):
        h_last[:] = h[j, length - 1]
    return h_last
