"""Answers to: the gradient of attention."""

import numpy as np

from . import Answers
from .dot_product_attention import minus_infinity

answers = Answers("attention_backward")


def backward(do, q, k, v, mask, /, inner=None, scale=lambda d: d**0.5):
    """The textbook's way back; ``inner`` and ``scale`` may be told to go wrong."""
    o, p = minus_infinity(q, k, v, mask)
    dp = do @ v.transpose(0, 2, 1)
    da = inner(do, o, p, dp) if inner else p * (dp - (do * o).sum(axis=-1, keepdims=True))
    da = da / float(scale(q.shape[2]))
    return da @ k, da.transpose(0, 2, 1) @ q, p.transpose(0, 2, 1) @ do


@answers.right
def as_in_the_book(*given):
    return backward(*given)


@answers.right
def weighted_mean_of_dp(do, q, k, v, mask):
    return backward(
        do, q, k, v, mask, inner=lambda do, o, p, dp: p * dp - p * (p * dp).sum(-1, keepdims=True)
    )


@answers.right
def einsum(do, q, k, v, mask):
    o, p = minus_infinity(q, k, v, mask)
    outer = np.einsum("bte,bse->bts", do, v) - np.einsum("bte,bte->bt", do, o)[..., None]
    da = np.einsum("bts,bts->bts", p, outer) * float(q.shape[2] ** -0.5)
    dq = np.einsum("bts,bsd->btd", da, k)
    return dq, np.einsum("bts,btd->bsd", da, q), np.einsum("bts,bte->bse", p, do)


@answers.right
def jacobian_of_each_row(do, q, k, v, mask):
    _, p = minus_infinity(q, k, v, mask)
    dq, dk, dv = np.zeros_like(q), np.zeros_like(k), np.zeros_like(v)
    root = float(np.sqrt(q.shape[2]))
    for b, t in np.ndindex(*q.shape[:2]):
        row = p[b, t]
        da = (np.diag(row) - np.outer(row, row)) @ (v[b] @ do[b, t]) / root
        dq[b, t] = da @ k[b]
        dk[b] += np.outer(da, q[b, t])
        dv[b] += np.outer(row, do[b, t])
    return dq, dk, dv


@answers.right
def one_sequence_at_a_time(do, q, k, v, mask):
    rows = [backward(*(a[b : b + 1] for a in (do, q, k, v, mask))) for b in range(len(q))]
    return [np.concatenate(part) for part in zip(*rows, strict=True)]


def wrong(name, says, keeps, **how):
    answers.mistake(name, says, keeps)(lambda *given: backward(*given, **how))


wrong("p * dp alone", "independent entries", 2 / 12, inner=lambda do, o, p, dp: p * dp)
wrong("p (1 - p)", "on its diagonal only", 2 / 12, inner=lambda do, o, p, dp: p * (1 - p) * dp)
wrong("softmax left out", "the softmax is left out", 2 / 12, inner=lambda do, o, p, dp: dp)
wrong("p left out", "the factor p is left out", 2 / 12,
      inner=lambda do, o, p, dp: dp - (do * o).sum(axis=-1, keepdims=True))  # fmt: skip
wrong("plain mean of dp", "the mean of dp stands", 2 / 12,
      inner=lambda do, o, p, dp: p * (dp - dp.mean(axis=-1, keepdims=True)))  # fmt: skip
wrong("plain sum of dp", "not weighted by p", 2 / 12,
      inner=lambda do, o, p, dp: p * (dp - dp.sum(axis=-1, keepdims=True)))  # fmt: skip
wrong("sum over the queries", "over the queries", 2 / 12,
      inner=lambda do, o, p, dp: p * (dp - (p * dp).sum(axis=1, keepdims=True)))  # fmt: skip
wrong("not scaled back", "is left out on the way back", 2 / 12, scale=lambda d: 1)
wrong("scaled by d", "the division is by d", 2 / 12, scale=lambda d: d)
wrong("sign", "the sign of da", 2 / 12,
      inner=lambda do, o, p, dp: p * ((do * o).sum(axis=-1, keepdims=True) - dp))  # fmt: skip
wrong("one sum for all queries", "added up over all queries", 2 / 12,
      inner=lambda do, o, p, dp: p * (dp - (do * o).sum()))  # fmt: skip
wrong("sum without keepdims", "the sum has lost its axis", 0,
      inner=lambda do, o, p, dp: p * (dp - (do * o).sum(axis=-1)))  # fmt: skip


def gradient_of_scores(do, q, k, v, mask):
    """(da, p), da divided by the root of d."""
    o, p = minus_infinity(q, k, v, mask)
    da = p * (do @ v.transpose(0, 2, 1) - (do * o).sum(axis=-1, keepdims=True))
    return da / q.shape[2] ** 0.5, p


@answers.mistake("transposed by .T", "da.T reverses all three axes", keeps=0)
def _(do, q, k, v, mask):
    da, p = gradient_of_scores(do, q, k, v, mask)
    return da @ k, da.T @ q, p.swapaxes(1, 2) @ do


@answers.mistake("v transposed by .T", "v.T reverses all three axes", keeps=0)
def _(do, q, k, v, mask):
    o, p = minus_infinity(q, k, v, mask)
    da = p * (do @ v.T - (do * o).sum(axis=-1, keepdims=True)) / q.shape[2] ** 0.5
    return da @ k, da.T @ q, p.T @ do


@answers.mistake("not transposed", "da is not transposed", keeps=0)
def _(do, q, k, v, mask):
    da, p = gradient_of_scores(do, q, k, v, mask)
    return da @ k, da @ q, p @ do


@answers.mistake("dv from o", "o stands where its gradient", keeps=6 / 12)
def _(do, q, k, v, mask):
    o, p = minus_infinity(q, k, v, mask)
    return *backward(do, q, k, v, mask)[:2], p.swapaxes(1, 2) @ o


@answers.mistake("dk not scaled", "is left out on the way back", keeps=5 / 12)
def _(do, q, k, v, mask):
    dq, dk, dv = backward(do, q, k, v, mask)
    return dq, dk * q.shape[2] ** 0.5, dv


@answers.mistake("padding not masked", "not masked on the way back", keeps=0)
def _(do, q, k, v, mask):
    return backward(do, q, k, v, np.ones_like(mask))


@answers.mistake("dv without weights", "the weights are left out", keeps=6 / 12)
def _(do, q, k, v, mask):
    dq, dk, _ = backward(do, q, k, v, mask)
    return dq, dk, np.repeat(do.sum(axis=1, keepdims=True), v.shape[1], axis=1)


@answers.mistake("dv averaged", "averaged over the queries", keeps=6 / 12)
def _(do, q, k, v, mask):
    dq, dk, dv = backward(do, q, k, v, mask)
    return dq, dk, dv / q.shape[1]


@answers.mistake("dv from the scores", "stand where the weights belong", keeps=6 / 12)
def _(do, q, k, v, mask):
    o, p = minus_infinity(q, k, v, mask)
    da = p * (do @ v.transpose(0, 2, 1) - (do * o).sum(axis=-1, keepdims=True))
    dq, dk, _ = backward(do, q, k, v, mask)
    return dq, dk, da.transpose(0, 2, 1) @ do


@answers.mistake("dk and dv exchanged", "this is", keeps=3 / 12)
def _(*given):
    dq, dk, dv = backward(*given)
    return dq, dv, dk


@answers.mistake("two results", "expected 3 values", keeps=0)
def _(*given):
    return backward(*given)[:2]


@answers.mistake("do changed in place", "writes into its input do", keeps=11 / 12)
def _(do, *rest):
    result = backward(do, *rest)
    do *= 2
    return result


@answers.mistake("float64", "comes out as float64", keeps=11 / 12)
def _(*given):
    dq, dk, dv = backward(*given)
    return dq, dk, np.zeros(dv.shape) + dv
