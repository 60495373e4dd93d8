"""Answers to: the norm of the gradient of every state."""

import numpy as np

from . import Answers

answers = Answers("gradient_norms")


def backwards(h, W_hh, dh_last, slope=lambda h: 1 - h**2):
    dh = [dh_last]
    for t in range(h.shape[1] - 1, 0, -1):
        dh.append((dh[-1] * slope(h[:, t])) @ W_hh)
    return np.stack(dh[::-1], axis=1)


@answers.right
def gradients_stacked(h, W_hh, dh_last):
    return np.linalg.norm(backwards(h, W_hh, dh_last), axis=2)


@answers.right
def norms_on_the_way(h, W_hh, dh_last):
    norms, dh_t = np.empty(h.shape[:2], dtype=h.dtype), dh_last
    for t in reversed(range(h.shape[1])):
        norms[:, t] = np.sqrt((dh_t**2).sum(axis=1))
        dh_t = ((1 - h[:, t] ** 2) * dh_t) @ W_hh
    return norms


@answers.right
def jacobians_of_each_sequence(h, W_hh, dh_last):
    rows = []
    for states, dh_t in zip(h, dh_last, strict=True):
        row = [np.linalg.norm(dh_t)]
        for h_t in states[:0:-1]:
            dh_t = (np.diag(1 - h_t**2) @ W_hh).T @ dh_t
            row.insert(0, np.linalg.norm(dh_t))
        rows.append(row)
    return np.array(rows)


@answers.right
def einsum(h, W_hh, dh_last):
    dh = np.zeros_like(h)
    dh[:, -1] = dh_last
    for t in range(h.shape[1] - 1, 0, -1):
        dh[:, t - 1] = np.einsum("bi,bi,ij->bj", dh[:, t], 1 - h[:, t] * h[:, t], W_hh)
    return np.sqrt(np.einsum("bth,bth->bt", dh, dh))


@answers.right
def products_from_the_left(h, W_hh, dh_last):
    norms, P = [np.linalg.norm(dh_last, axis=-1)], dh_last[:, None]
    for t in range(1, h.shape[1]):
        P = P @ ((1 - h[:, -t] ** 2)[..., None] * W_hh)
        norms.append(np.linalg.norm(P[:, 0], axis=-1))
    return np.array(norms[::-1]).T


@answers.right
def one_column_each(h, W_hh, dh_last):
    dh, columns = dh_last.T, []
    for h_t in h.transpose(1, 2, 0)[::-1]:
        columns.append(np.hypot.reduce(dh, axis=0))
        dh = W_hh.T @ (dh - h_t * h_t * dh)
    return np.column_stack(columns[::-1])


@answers.right
def through_the_jacobians(h, W_hh, dh_last):
    J, dh = (1 - h**2)[..., None] * W_hh, [dh_last]
    for t in range(h.shape[1] - 1, 0, -1):
        dh.append(np.einsum("bij,bi->bj", J[:, t], dh[-1]))
    return np.linalg.norm(dh[::-1], axis=-1).T


@answers.right
def every_step_from_the_end(h, W_hh, dh_last):
    norms = []
    for t in range(h.shape[1]):
        dh_t = dh_last
        for later in range(h.shape[1] - 1, t, -1):
            dh_t = (dh_t - dh_t * h[:, later] ** 2) @ W_hh
        norms.append((dh_t * dh_t).sum(axis=1) ** 0.5)
    return np.transpose(norms)


@answers.right
def lists_of_dot_products(h, W_hh, dh_last):
    return [[np.sqrt(row @ row) for row in rows] for rows in backwards(h, W_hh, dh_last)]


def by_norm(name, says, keeps, run):
    @answers.mistake(name, says, keeps)
    def _(h, W_hh, dh_last):
        return np.linalg.norm(run(h, W_hh, dh_last), axis=-1)


by_norm("tanh left out", "are left out", 1 / 8, lambda h, W, d: backwards(h, W, d, np.ones_like))
by_norm("W_hh transposed", "W_hh is transposed", 2 / 8, lambda h, W, d: backwards(h, W.T, d))
by_norm("square forgotten", "the square is missing", 1 / 8,
        lambda h, W, d: backwards(h, W, d, lambda h: 1 - h))  # fmt: skip
by_norm("tanh of a tanh", "once too often", 1 / 8,
        lambda h, W, d: backwards(h, W, d, lambda h: 1 - np.tanh(h) ** 2))  # fmt: skip
by_norm("state before the step", "that of the earlier state", 1 / 8,
        lambda h, W, d: backwards(np.concatenate([h[:, :1], h[:, :-1]], axis=1), W, d))  # fmt: skip
by_norm("one step late", "one step late", 0,
        lambda h, W, d: np.pad(backwards(h, W, d)[:, :-1], ((0, 0), (1, 0), (0, 0))))  # fmt: skip


@answers.mistake("order of going back", "in the order of going back", keeps=1 / 8)
def _(h, W_hh, dh_last):
    return gradients_stacked(h, W_hh, dh_last)[:, ::-1]


@answers.mistake("root forgotten", "the root is missing")
def _(h, W_hh, dh_last):
    return (backwards(h, W_hh, dh_last) ** 2).sum(axis=-1)


@answers.mistake("norm over the batch", "taken over the batch as well")
def _(h, W_hh, dh_last):
    return np.linalg.norm(backwards(h, W_hh, dh_last), axis=(0, 2))


@answers.mistake("mean over the batch", "averaged over the batch")
def _(h, W_hh, dh_last):
    return gradients_stacked(h, W_hh, dh_last).mean(axis=0)


@answers.mistake("gradients instead of norms", "the gradients themselves")
def _(h, W_hh, dh_last):
    return backwards(h, W_hh, dh_last)


@answers.mistake("absolute values added", "the absolute values are added", keeps=1 / 8)
def _(h, W_hh, dh_last):
    return np.abs(backwards(h, W_hh, dh_last)).sum(axis=-1)


@answers.mistake("largest entry", "the largest entry", keeps=1 / 8)
def _(h, W_hh, dh_last):
    return np.abs(backwards(h, W_hh, dh_last)).max(axis=-1)


@answers.mistake("mean of the squares", "the mean of the squares", keeps=1 / 8)
def _(h, W_hh, dh_last):
    return np.sqrt((backwards(h, W_hh, dh_last) ** 2).mean(axis=-1))


@answers.mistake("dh_last at every step", "added at every step", keeps=1 / 8)
def _(h, W_hh, dh_last):
    dh = [dh_last]
    for t in range(h.shape[1] - 1, 0, -1):
        dh.append((dh[-1] * (1 - h[:, t] ** 2)) @ W_hh + dh_last)
    return np.linalg.norm(np.stack(dh[::-1], axis=1), axis=-1)


@answers.mistake("relative norms", "divided by that of dh_last")
def _(h, W_hh, dh_last):
    norms = gradients_stacked(h, W_hh, dh_last)
    return norms / norms[:, -1:]


@answers.mistake("one step too many", "has the shape (2, 7)")
def _(h, W_hh, dh_last):
    norms = gradients_stacked(h, W_hh, dh_last)
    return np.concatenate([norms[:, :1], norms], axis=1)


@answers.mistake("dh_last overwritten", "writes into its input dh_last", keeps=7 / 8)
def _(h, W_hh, dh_last):
    norms = np.zeros(h.shape[:2], dtype=h.dtype)
    for t in reversed(range(h.shape[1])):
        norms[:, t] = np.linalg.norm(dh_last, axis=-1)
        dh_last *= 1 - h[:, t] ** 2
        dh_last[:] = dh_last @ W_hh
    return norms


@answers.mistake("float64 zeros", "comes out as float64", keeps=7 / 8)
def _(h, W_hh, dh_last):
    return np.zeros(h.shape[:2]) + gradients_stacked(h, W_hh, dh_last)


def handed_back(name, says, keeps, hand_back, keep=lambda dh, h_t: dh):
    """Norms of keep(dh, h_t) at every step, with a wrong way to the step before."""

    @answers.mistake(name, says, keeps)
    def _(h, W_hh, dh_last):
        dh, norms = dh_last, []
        for t in range(h.shape[1] - 1, -1, -1):
            norms.append(np.linalg.norm(keep(dh, h[:, t]), axis=-1))
            dh = hand_back(dh, h[:, t], h[:, t - 1], W_hh)
        return np.stack(norms[::-1], axis=1)


handed_back("J for its transpose", "multiplied by its transpose", 2 / 8,
            lambda dh, h, before, W: (dh @ W.T) * (1 - h**2))  # fmt: skip
handed_back("tanh' after W_hh", "W_hh comes first", 2 / 8,
            lambda dh, h, before, W: (dh @ W) * (1 - h**2))  # fmt: skip
handed_back("tanh' of the step before, after W_hh", "comes after W_hh", 1 / 8,
            lambda dh, h, before, W: (dh @ W) * (1 - before**2))  # fmt: skip
handed_back("norms of da", "norms of dh_t times", 0,
            lambda dh, h, before, W: (dh * (1 - h**2)) @ W,
            keep=lambda dh, h: dh * (1 - h**2))  # fmt: skip


@answers.mistake("handed back before it is measured", "one step early")
def _(h, W_hh, dh_last):
    norms, dh_t = np.zeros(h.shape[:2], dtype=h.dtype), dh_last
    for t in reversed(range(h.shape[1])):
        dh_t = (dh_t * (1 - h[:, t] ** 2)) @ W_hh
        norms[:, t] = np.linalg.norm(dh_t, axis=-1)
    return norms


@answers.mistake("the first place empty", "norms[:, 0] is not filled in")
def _(h, W_hh, dh_last):
    return gradients_stacked(h, W_hh, dh_last) * (np.arange(h.shape[1]) > 0).astype(h.dtype)


@answers.mistake("the last place empty", "norms[:, T - 1] is not filled in")
def _(h, W_hh, dh_last):
    norms = np.zeros(h.shape[:2], dtype=h.dtype)
    norms[:, :-1] = gradients_stacked(h, W_hh, dh_last)[:, :-1]
    return norms


@answers.mistake("length 1 at every step", "divided by its norm at every step", keeps=1 / 8)
def _(h, W_hh, dh_last):
    dh_t, norms = dh_last, [np.linalg.norm(dh_last, axis=-1)]
    for t in range(h.shape[1] - 1, 0, -1):
        unit = dh_t / np.linalg.norm(dh_t, axis=-1, keepdims=True)
        dh_t = (unit * (1 - h[:, t] ** 2)) @ W_hh
        norms.append(np.linalg.norm(dh_t, axis=-1))
    return np.stack(norms[::-1], axis=1)


@answers.mistake("NaN from a gradient of zeros", "are not finite", keeps=7 / 8)
def _(h, W_hh, dh_last):
    norms = [np.linalg.norm(dh_last, axis=-1)]
    unit = dh_last / norms[0][:, None]
    for t in range(h.shape[1] - 1, 0, -1):
        dh_t = (unit * (1 - h[:, t] ** 2)) @ W_hh
        factor = np.linalg.norm(dh_t, axis=-1)
        norms.append(norms[-1] * factor)
        unit = dh_t / factor[:, None]
    return np.stack(norms[::-1], axis=1)


@answers.mistake("forwards in time", "the loop goes forwards in time", keeps=1 / 8)
def _(h, W_hh, dh_last):
    dh_t, norms = dh_last, []
    for t in range(h.shape[1]):
        norms.append(np.linalg.norm(dh_t, axis=-1))
        dh_t = (dh_t * (1 - h[:, t] ** 2)) @ W_hh
    return np.stack(norms, axis=1)


@answers.mistake("the bound", "the bound from the largest singular value", keeps=1 / 8)
def _(h, W_hh, dh_last):
    steps_back = np.arange(h.shape[1])[::-1]
    return np.linalg.norm(dh_last, axis=-1)[:, None] * np.linalg.norm(W_hh, 2) ** steps_back


@answers.mistake("logarithms", "these are logarithms")
def _(h, W_hh, dh_last):
    return np.log(gradients_stacked(h, W_hh, dh_last))


@answers.mistake("steps in front of the batch", "two axes are exchanged")
def _(h, W_hh, dh_last):
    return gradients_stacked(h, W_hh, dh_last).T
