"""Answers to: two stretches of a linear recurrence made one."""

import numpy as np

from . import Answers

answers = Answers("combine_segments")


@answers.right
def put_in(keep_1, add_1, keep_2, add_2):
    return keep_2 * keep_1, keep_2 * add_1 + add_2


@answers.right
def from_states(keep_1, add_1, keep_2, add_2):
    def run(h):
        return keep_2 * (keep_1 * h + add_1) + add_2

    add = run(np.zeros_like(keep_1))
    return np.multiply(keep_1, keep_2), add


@answers.right
def einsum(keep_1, add_1, keep_2, add_2):
    keep = np.einsum("...,...->...", keep_1, keep_2)
    return keep, add_2 + np.einsum("...,...->...", keep_2, add_1)


@answers.right
def matrices_of_two_rows(keep_1, add_1, keep_2, add_2):
    def matrix(keep, add):
        rows = [np.stack([keep, add], -1), np.stack([0 * keep, 0 * keep + 1], -1)]
        return np.stack(rows, -2)

    product = matrix(keep_2, add_2) @ matrix(keep_1, add_1)
    return product[..., 0, 0].copy(), product[..., 0, 1].copy()


@answers.right
def entry_by_entry(keep_1, add_1, keep_2, add_2):
    keep, add = np.empty_like(keep_1), np.empty_like(add_1)
    for place in np.ndindex(keep.shape):
        keep[place] = keep_1[place] * keep_2[place]
        add[place] = keep_2[place] * add_1[place] + add_2[place]
    return keep, add


@answers.right
def a_list(*given):
    return list(put_in(*given))


def wrong(name, says, keeps, combine):
    answers.mistake(name, says, keeps)(lambda *given: combine(*given))


wrong("exchanged", "the stretches are exchanged", 2 / 9, lambda k1, a1, k2, a2: (
    k1 * k2, k1 * a2 + a1))  # fmt: skip
wrong("own keep", "the keep of the earlier stretch is used", 2 / 9, lambda k1, a1, k2, a2: (
    k1 * k2, k1 * a1 + a2))  # fmt: skip
wrong("summed", "are summed as they are", 2 / 9, lambda k1, a1, k2, a2: (k1 * k2, a1 + a2))
wrong("keeps summed", "the keeps are added", 3 / 9, lambda k1, a1, k2, a2: (
    k1 + k2, k2 * a1 + a2))  # fmt: skip
wrong("keep of the later", "the later stretch alone", 3 / 9, lambda k1, a1, k2, a2: (
    k2 * 1, k2 * a1 + a2))  # fmt: skip
wrong("keep of the earlier", "the earlier stretch alone", 3 / 9, lambda k1, a1, k2, a2: (
    k1 * 1, k2 * a1 + a2))  # fmt: skip
wrong("later addition missing", "what the later stretch adds", 2 / 9, lambda k1, a1, k2, a2: (
    k1 * k2, k2 * a1))  # fmt: skip
wrong("earlier addition missing", "what the earlier stretch adds", 2 / 9,
      lambda k1, a1, k2, a2: (k1 * k2, a2 * 1))  # fmt: skip
wrong("later keep on both", "it comes after it", 2 / 9, lambda k1, a1, k2, a2: (
    k1 * k2, k2 * (a1 + a2)))  # fmt: skip
wrong("both keeps", "the product of both keeps is used", 2 / 9, lambda k1, a1, k2, a2: (
    k1 * k2, k1 * k2 * a1 + a2))  # fmt: skip
wrong("minus", "the sign is wrong", 2 / 9, lambda k1, a1, k2, a2: (k1 * k2, a2 - k2 * a1))
wrong("results exchanged", "keep first and add second", 0, lambda *given: put_in(*given)[::-1])
wrong("add alone", "expected 2 values", 0, lambda *given: put_in(*given)[1])
wrong("mean of the keeps", "the mean of the keeps", 3 / 9, lambda k1, a1, k2, a2: (
    (k1 + k2) / 2, k2 * a1 + a2))  # fmt: skip
wrong("each through the other", "passes the other's keep", 2 / 9, lambda k1, a1, k2, a2: (
    k1 * k2, k2 * a1 + k1 * a2))  # fmt: skip
wrong("a state of 1", "a state of 1 went in", 3 / 9, lambda k1, a1, k2, a2: (
    k1 * k2, k2 * (k1 + a1) + a2))  # fmt: skip
wrong("one after the other", "one after the other in time", 0, lambda k1, a1, k2, a2: (
    np.concatenate([k1, k2], axis=1), np.concatenate([a1, a2], axis=1)))  # fmt: skip
wrong("over time", "multiplied over time", 0, lambda k1, a1, k2, a2: (
    (k1 * k2).prod(axis=1), (k2 * a1 + a2).sum(axis=1)))  # fmt: skip
wrong("matrix products", "@ multiplies matrices", 1 / 9, lambda k1, a1, k2, a2: (
    k1 @ k2, k2 @ a1 + a2))  # fmt: skip
wrong("one array", "It returns one array", 0, lambda *given: np.stack(put_in(*given)))
wrong("float64", "comes out as float64", 8 / 9, lambda *given: tuple(
    part.astype(np.float64) for part in put_in(*given)))  # fmt: skip


@answers.mistake("in place", "writes into its input add_2", keeps=8 / 9)
def _(keep_1, add_1, keep_2, add_2):
    add_2 += keep_2 * add_1
    return keep_1 * keep_2, add_2
