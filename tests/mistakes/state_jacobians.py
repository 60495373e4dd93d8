"""Answers to: the Jacobian of every step."""

import numpy as np

from . import Answers

answers = Answers("state_jacobians")


@answers.right
def broadcast(h, W_hh):
    return (1 - h**2)[:, :, :, None] * W_hh


@answers.right
def einsum(h, W_hh):
    return np.einsum("bti,ij->btij", 1 - h * h, W_hh)


@answers.right
def diagonal_matrices(h, W_hh):
    J = np.empty((*h.shape, h.shape[-1]), dtype=h.dtype)
    for b in range(h.shape[0]):
        for t in range(h.shape[1]):
            J[b, t] = np.diag(1 - h[b, t] ** 2) @ W_hh
    return J


@answers.right
def lists_of_rows(h, W_hh):
    return [[[s * row for s, row in zip(1 - x**2, W_hh, strict=True)] for x in one] for one in h]


@answers.right
def difference_of_two_terms(h, W_hh):
    whole = np.zeros(h.shape + h.shape[-1:], dtype=h.dtype) + W_hh
    return whole - np.square(h)[..., None] * W_hh


@answers.right
def factored(h, W_hh):
    return np.multiply(W_hh[None, None], ((1 - h) * (1 + h))[..., np.newaxis])


@answers.right
def column_by_column(h, W_hh):
    return np.stack([(1 - h**2) * column for column in W_hh.T], axis=-1)


@answers.right
def row_by_row(h, W_hh):
    units = range(len(W_hh))
    return np.stack([(1 - h[..., j] ** 2)[..., None] * W_hh[j] for j in units], axis=2)


@answers.right
def products_of_matrices(h, W_hh):
    slopes, H = np.zeros((*h.shape, h.shape[-1]), dtype=h.dtype), range(h.shape[-1])
    slopes[..., H, H] = 1 - h**2
    return slopes @ W_hh


@answers.mistake("W_hh alone", "is left out", keeps=1 / 8)
def _(h, W_hh):
    return np.tile(W_hh, (*h.shape[:2], 1, 1))


@answers.mistake("W_hh transposed", "W_hh stands transposed", keeps=1 / 8)
def _(h, W_hh):
    return (1 - h**2)[..., None] * W_hh.T


@answers.mistake("factor along the columns", "multiplies the columns", keeps=2 / 8)
def _(h, W_hh):
    return (1 - h**2)[:, :, None] * W_hh


@answers.mistake("result transposed", "the whole matrix is transposed", keeps=1 / 8)
def _(h, W_hh):
    return np.swapaxes((1 - h**2)[..., None] * W_hh, 2, 3)


@answers.mistake("square forgotten", "the square is missing", keeps=1 / 8)
def _(h, W_hh):
    return (1 - h)[..., None] * W_hh


@answers.mistake("h_t^2 alone", "stands alone")
def _(h, W_hh):
    return (h**2)[..., None] * W_hh


@answers.mistake("tanh of a tanh", "once too often", keeps=1 / 8)
def _(h, W_hh):
    return (1 - np.tanh(h) ** 2)[..., None] * W_hh


@answers.mistake("the sigmoid's derivative", "the derivative of the sigmoid")
def _(h, W_hh):
    return (h * (1 - h))[..., None] * W_hh


@answers.mistake("diag without W_hh", "without W_hh")
def _(h, W_hh):
    return (1 - h**2)[..., None] * np.eye(len(W_hh))


@answers.mistake("state before the step", "the state before the step", keeps=1 / 8)
def _(h, W_hh):
    before = np.concatenate([np.zeros_like(h[:, :1]), h[:, :-1]], axis=1)
    return (1 - before**2)[..., None] * W_hh


@answers.mistake("product with the vector", "one matrix for each state")
def _(h, W_hh):
    return (1 - h**2) @ W_hh.T


@answers.mistake("sign", "the sign is reversed")
def _(h, W_hh):
    return (h**2 - 1)[..., None] * W_hh


@answers.mistake("the last step only", "expected (2, 6, 4, 4)", keeps=0)
def _(h, W_hh):
    return (1 - h[:, -1] ** 2)[..., None] * W_hh


@answers.mistake("float64 identity", "comes out as float64", keeps=7 / 8)
def _(h, W_hh):
    return np.einsum("bti,ik,kj->btij", 1 - h**2, np.eye(len(W_hh)), W_hh)


@answers.mistake("h overwritten", "writes into its input h", keeps=7 / 8)
def _(h, W_hh):
    h *= -h
    h += 1
    return h[..., None] * W_hh


@answers.mistake("brackets forgotten", "brackets are missing around 1 - h^2")
def _(h, W_hh):
    return 1 - (h**2)[..., None] * W_hh


@answers.mistake("subtracted from W_hh", "is subtracted from W_hh", keeps=1 / 8)
def _(h, W_hh):
    return W_hh - (h**2)[..., None]


@answers.mistake("diag times W_hh entry by entry", "keeps the diagonal alone", keeps=1 / 8)
def _(h, W_hh):
    return (1 - h**2)[..., None] * np.eye(len(W_hh), dtype=h.dtype) * W_hh


@answers.mistake("slope squared", "the factor is squared", keeps=1 / 8)
def _(h, W_hh):
    return ((1 - h**2) ** 2)[..., None] * W_hh


@answers.mistake("rows and columns", "rows and columns", keeps=1 / 8)
def _(h, W_hh):
    return (1 - h**2)[..., None] * W_hh * (1 - h**2)[..., None, :]


@answers.mistake("two h for h squared", "here 1 - 2 h_t stands", keeps=1 / 8)
def _(h, W_hh):
    return (1 - 2 * h)[..., None] * W_hh


@answers.mistake("plus for minus", "the derivative of tanh subtracts", keeps=1 / 8)
def _(h, W_hh):
    return (1 + h**2)[..., None] * W_hh


@answers.mistake("the last matrix in all places", "the Jacobian of the last one", keeps=2 / 8)
def _(h, W_hh):
    J = np.zeros((*h.shape, len(W_hh)), dtype=h.dtype)
    for b, states in enumerate(h):
        for h_t in states:
            matrix = np.diag(1 - h_t**2) @ W_hh
        J[b] = matrix
    return J


@answers.mistake("without the first step", "the first step is missing")
def _(h, W_hh):
    return (1 - h[:, 1:] ** 2)[..., None] * W_hh


@answers.mistake("the first sequence", "of the first sequence alone")
def _(h, W_hh):
    return (1 - h[0] ** 2)[..., None] * W_hh


@answers.mistake("states rolled", "the last state comes before the first", keeps=2 / 8)
def _(h, W_hh):
    return (1 - np.roll(h, 1, axis=1) ** 2)[..., None] * W_hh


@answers.mistake("steps in front of the batch", "two axes are exchanged", keeps=1 / 8)
def _(h, W_hh):
    return np.stack([(1 - h_t**2)[..., None] * W_hh for h_t in h.swapaxes(0, 1)])
