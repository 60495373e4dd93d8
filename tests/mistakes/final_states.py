"""Answers to: the state of each direction where it has read the whole sequence."""

import numpy as np

from . import Answers

answers = Answers("final_states")


def last(h, lengths):
    return h[np.arange(len(h)), lengths - 1]


def width(h):
    """Half of the last axis, of all steps or of one row."""
    return h.shape[2 if h.ndim == 3 else 0] // 2


def ends(forward, backward):
    H = forward.shape[1] // 2
    return np.concatenate([forward[:, :H], backward[:, H:]], axis=1)


@answers.right
def both_ends(h, lengths):
    return ends(last(h, lengths), h[:, 0])


@answers.right
def row_by_row(h, lengths):
    H = h.shape[2] // 2
    return np.array([
        np.hstack([row[length - 1, :H] if length else 0 * row[0, :H], row[0, H:]])
        for row, length in zip(h, lengths, strict=True)
    ])  # fmt: skip


@answers.right
def one_hot_steps(h, lengths):
    steps, H = np.arange(h.shape[1]), h.shape[2] // 2
    final = (steps == lengths[:, None] - 1).astype(h.dtype)  # (B, T)
    first = (steps == 0).astype(h.dtype)  # (T,)
    forward, backward = h[:, :, :H], h[:, :, H:]
    return np.hstack(
        [np.einsum("bt,bth->bh", final, forward), np.einsum("t,bth->bh", first, backward)]
    )


@answers.right
def along_the_axis(h, lengths):
    forward, backward = np.split(h, 2, axis=2)
    where = np.maximum(lengths - 1, 0)[:, None, None]
    return np.hstack([np.take_along_axis(forward, where, axis=1)[:, 0], backward[:, 0]])


@answers.right
def filled_in(h, lengths):
    B, _, width = h.shape
    result = np.zeros_like(h[:, 0])
    for j in range(B):
        for k in range(width):
            result[j, k] = h[j, lengths[j] - 1, k] if k < width // 2 else h[j, 0, k]
    return result


@answers.right
def both_halves_chosen(h, lengths):
    forward = np.arange(h.shape[2]) < h.shape[2] // 2
    return np.where(forward, last(h, lengths), h[:, 0])


@answers.right
def carried_along(h, lengths):
    H = h.shape[2] // 2
    forward = np.zeros_like(h[:, 0, :H])
    for t in range(h.shape[1]):
        forward = np.where((t < lengths)[:, None], h[:, t, :H], forward)
    return np.concatenate([forward, h[:, 0, H:]], axis=1)


@answers.right
def one_half_overwritten(h, lengths):
    result, H = h[:, 0].copy(), h.shape[2] // 2
    result[:, :H] = h[np.arange(len(h)), lengths - 1, :H]
    return result


@answers.right
def places_in_a_flat_array(h, lengths):
    B, T, width = h.shape
    flat, first = h.reshape(B * T, width), np.arange(B) * T
    final = flat.take(first + np.maximum(lengths, 1) - 1, axis=0)
    return np.hstack([final[:, : width // 2], flat.take(first, axis=0)[:, width // 2 :]])


def wrong(name, says, keeps, answer):
    answers.mistake(name, says, keeps)(answer)


wrong("h[:, -1]", "the padded end of most rows", 0, lambda h, n: h[:, -1].copy())
wrong("the last real step for both", "the backward chain has read one item", 2 / 8,
      lambda h, n: last(h, n))  # fmt: skip
wrong("the padded end for the forward half", "is taken at the padded end", 2 / 8,
      lambda h, n: ends(h[:, -1], h[:, 0]))  # fmt: skip
wrong("padded end and last real step", "at the padded end, and the backward half", 0,
      lambda h, n: ends(h[:, -1], last(h, n)))  # fmt: skip
wrong("step 0 for both", "taken at step 0, where the forward chain", 2 / 8,
      lambda h, n: h[:, 0].copy())  # fmt: skip
wrong("ends exchanged", "the ends are exchanged", 0, lambda h, n: ends(h[:, 0], last(h, n)))
wrong("ends exchanged, at the padded end", "the backward one at the padded end", 0,
      lambda h, n: ends(h[:, 0], h[:, -1]))  # fmt: skip
wrong("halves in the wrong order", "stand in the wrong order", 0,
      lambda h, n: np.roll(both_ends(h, n), h.shape[2] // 2, axis=1))  # fmt: skip
wrong("the wrong halves", "the wrong halves are taken", 0,
      lambda h, n: np.roll(ends(h[:, 0], last(h, n)), h.shape[2] // 2, axis=1))  # fmt: skip
wrong("one step early", "one step early", 2 / 8,
      lambda h, n: ends(h[np.arange(len(h)), n - 2], h[:, 0]))  # fmt: skip
wrong("one step late", "is taken at the padded end", 2 / 8,
      lambda h, n: ends(h[np.arange(len(h)), n], h[:, 0]))  # fmt: skip
wrong("the longest sequence's step", "the column of the longest", 2 / 8,
      lambda h, n: ends(h[:, n.max() - 1], h[:, 0]))  # fmt: skip
wrong("step 1 for the backward half", "taken at step 1", 2 / 8,
      lambda h, n: ends(last(h, n), h[:, 1]))  # fmt: skip
wrong("mean over the real steps", "the mean over the real steps", 0,
      lambda h, n: h.sum(axis=1) / np.maximum(n, 1)[:, None].astype(h.dtype))  # fmt: skip
wrong("largest value", "the largest value", 0, lambda h, n: h.max(axis=1))
wrong("added", "are added", 0, lambda h, n: sum(np.split(both_ends(h, n), 2, axis=1)))
wrong("the forward half alone", "the forward half alone", 0,
      lambda h, n: last(h, n)[:, : h.shape[2] // 2])  # fmt: skip
wrong("both whole states", "both whole states", 0,
      lambda h, n: np.hstack([last(h, n), h[:, 0]]))  # fmt: skip
wrong("lengths without rows", "expected (4, 10)", 0,
      lambda h, n: np.concatenate([h[:, n - 1, :5], h[:, n * 0, 5:]], axis=-1))  # fmt: skip
wrong("steps without rows", "rows and steps go in pairs", 0, lambda h, n: h[:, n - 1])
wrong("the padded end for the backward half", "half is taken at the padded end", 2 / 8,
      lambda h, n: ends(last(h, n), h[:, -1]))  # fmt: skip
wrong("steps counted from the end", "counts from the padded end", 2 / 8,
      lambda h, n: ends(h[np.arange(len(h)), -n], h[:, 0]))  # fmt: skip
wrong("the same half twice", "the wrong halves", 2 / 8,
      lambda h, n: np.hstack([last(h, n)[:, : width(h)], h[:, 0, : width(h)]]))  # fmt: skip
wrong("H written as 5", "meet at h.shape[2] // 2", 7 / 8,
      lambda h, n: np.hstack([last(h, n)[:, :5], h[:, 0, 5:]]))  # fmt: skip
wrong("H from the number of steps", "rest is right", 2 / 8,
      lambda h, n: np.hstack([last(h, n)[:, : width(h[0])], h[:, 0, width(h[0]) :]]))  # fmt: skip
wrong("halves on an axis of their own", "in another shape", 0,
      lambda h, n: np.stack(np.split(both_ends(h, n), 2, axis=1)))  # fmt: skip
wrong("halves below each other", "in another shape", 0,
      lambda h, n: np.concatenate(np.split(both_ends(h, n), 2, axis=1)))  # fmt: skip
wrong("no row for length 0", "expected (3, 10)", 7 / 8, lambda h, n: both_ends(h, n)[n > 0])
wrong(
    "a pair", "expected h_final alone", 0, lambda h, n: tuple(np.split(both_ends(h, n), 2, axis=1))
)


@answers.mistake("float64", "comes out as float64", keeps=7 / 8)
def _(h, lengths):
    result = np.zeros((len(h), h.shape[2]))
    result[:] = both_ends(h, lengths)
    return result


@answers.mistake("lengths changed in place", "writes into its input lengths", keeps=7 / 8)
def _(h, lengths):
    lengths -= 1
    return both_ends(h, lengths + 1)


@answers.mistake("padding found by its zeros", "0, 2 of axis 0 (0 to 2) only", keeps=7 / 8)
def _(h, lengths):
    silent = ~h.any(axis=2)  # (B, T)
    return ends(h[np.arange(len(h)), silent.argmax(axis=1) - 1], h[:, 0])


@answers.mistake("the last entry of an empty row", "out of bounds", keeps=7 / 8)
def _(h, lengths):
    H = h.shape[2] // 2
    pairs = zip(h, lengths, strict=True)
    return np.stack([np.concatenate([row[:n][-1, :H], row[0, H:]]) for row, n in pairs])


@answers.mistake("every row written over the ones before", "of axis 0 (0 to 3) only", keeps=0)
def _(h, lengths):
    result = np.zeros_like(h[:, 0])
    for row in both_ends(h, lengths):
        result[:] = row
    return result
