"""Answers to: attention by scaled products, with a mask."""

import numpy as np

from . import Answers

answers = Answers("dot_product_attention")


def weights(scores, mask):
    """A softmax over the real keys; zeros where there is none."""
    scores = np.where(mask[:, None], scores, -np.inf)
    top = scores.max(axis=-1, keepdims=True)
    e = np.exp(scores - np.where(np.isfinite(top), top, 0))
    total = e.sum(axis=-1, keepdims=True)
    return e / np.where(total > 0, total, 1)


def scores_of(q, k):
    return q @ k.transpose(0, 2, 1) / q.shape[-1] ** 0.5


@answers.right
def minus_infinity(q, k, v, mask):
    p = weights(scores_of(q, k), mask)
    return p @ v, p


@answers.right
def einsum(q, k, v, mask):
    d = q.shape[2]
    a = np.einsum("btd,bsd->bts", q / np.sqrt(np.array(d, q.dtype)), k)
    a = a - np.where(mask[:, None, :], a, np.finfo(a.dtype).min).max(axis=2)[..., None]
    e = np.exp(np.minimum(a, 0)) * mask[:, None, :]
    p = e / np.maximum(e.sum(axis=2, keepdims=True), np.finfo(a.dtype).tiny)
    return np.einsum("bts,bse->bte", p, v), p


@answers.right
def one_query_at_a_time(q, k, v, mask):
    o = np.zeros((*q.shape[:2], v.shape[2]), dtype=v.dtype)
    p = np.zeros((*q.shape[:2], k.shape[1]), dtype=q.dtype)
    for b in range(len(q)):
        real = np.flatnonzero(mask[b])
        for t in range(q.shape[1]):
            if len(real):
                a = k[b, real] @ q[b, t] / np.sqrt(q.shape[2]).astype(q.dtype)
                e = np.exp(a - a.max())
                p[b, t, real] = e / e.sum()
            o[b, t] = p[b, t] @ v[b]
    return o, p


@answers.right
def real_keys_alone(q, k, v, mask):
    rows = []
    for q_b, k_b, v_b, mask_b in zip(q, k, v, mask, strict=True):
        p_b = np.zeros((len(q_b), len(k_b)), dtype=q.dtype)
        if mask_b.any():
            a = q_b @ k_b[mask_b].T * float(q.shape[2] ** -0.5)
            e = np.exp(a - a.max(axis=1, keepdims=True))
            p_b[:, mask_b] = e / e.sum(axis=1, keepdims=True)
        rows.append((p_b @ v_b, p_b))
    return [np.stack(part) for part in zip(*rows, strict=True)]


@answers.right
def logarithm_of_the_sum(q, k, v, mask):
    a = np.where(mask[:, None], scores_of(q, k), -1e30).astype(q.dtype)
    top = a.max(axis=-1, keepdims=True)
    log_sum = top + np.log(np.exp(a - top).sum(axis=-1, keepdims=True))
    p = np.where(mask[:, None], np.exp(a - log_sum), 0).astype(q.dtype)
    return p @ v, p


def by_weights(name, says, keeps, weigh):
    @answers.mistake(name, says, keeps)
    def _(q, k, v, mask):
        p = weigh(scores_of(q, k), mask[:, None])
        return p @ v, p


def softmax(a, axis=-1):
    e = np.exp(a - a.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


by_weights("padding not masked", "padding is not masked", 1 / 10, lambda a, m: softmax(a))
by_weights("mask after the softmax", "after the softmax", 1 / 10, lambda a, m: softmax(a) * m)
by_weights(
    "scores of padding 0", "set to 0 before", 1 / 10, lambda a, m: softmax(np.where(m, a, 0))
)
by_weights("softmax over the queries", "over the queries", 0,
           lambda a, m: softmax(a, axis=1) * m)  # fmt: skip
by_weights("not divided by the sum", "not divided by their sum", 0, lambda a, m: np.exp(a) * m)
by_weights("equal weights", "the same weight", 0,
           lambda a, m: (m + 0 * a) / np.maximum(m.sum(axis=-1, keepdims=True), 1))  # fmt: skip
by_weights("NaN without a real key", "nan", 9 / 10,
           lambda a, m: softmax(np.where(m, a, -np.inf)))  # fmt: skip
by_weights("-9 for padding", "differ", 1 / 10, lambda a, m: softmax(np.where(m, a, -9.0)))
by_weights("hard choice", "the largest score takes all", 1 / 10,
           lambda a, m: np.eye(a.shape[-1])[np.where(m, a, -np.inf).argmax(-1)])  # fmt: skip


@answers.mistake("no maximum taken off", "is nan", keeps=9 / 10)
def _(q, k, v, mask):
    e = np.exp(scores_of(q, k)) * mask[:, None]
    p = e / np.maximum(e.sum(axis=-1, keepdims=True), np.finfo(q.dtype).tiny)
    return p @ v, p


def by_query(name, says, keeps, change):
    @answers.mistake(name, says, keeps)
    def _(q, k, v, mask):
        return minus_infinity(change(q, k, v).astype(q.dtype), k, v, mask)


by_query("not scaled", "are not divided by the root", 1 / 10, lambda q, k, v: q * q.shape[2] ** 0.5)
by_query("scaled by d", "by d instead", 1 / 10, lambda q, k, v: q / q.shape[2] ** 0.5)
by_query("scaled by the number of keys", "the number of keys", 1 / 10,
         lambda q, k, v: q * (q.shape[2] / k.shape[1]) ** 0.5)  # fmt: skip
by_query("sign", "the sign of the scores", 0, lambda q, k, v: -q)


by_query("scaled by the number of queries", "the number of queries", 1 / 10,
         lambda q, k, v: q * (q.shape[2] / q.shape[1]) ** 0.5)  # fmt: skip


@answers.mistake("weights scaled", "the weights are divided by the root", keeps=0)
def _(q, k, v, mask):
    p = weights(q @ k.transpose(0, 2, 1), mask) / q.shape[2] ** 0.5
    return p @ v, p


@answers.mistake("transposed by .T", "k.T reverses all three axes", keeps=0)
def _(q, k, v, mask):
    p = weights(q @ k.T / q.shape[2] ** 0.5, mask)
    return p @ v, p


@answers.mistake("queries and keys exchanged", "queries and keys are exchanged", keeps=0)
def _(q, k, v, mask):
    p = weights(scores_of(k, q), mask)
    return p @ v, p


@answers.mistake("mask on the values", "padding is not masked", keeps=1 / 10)
def _(q, k, v, mask):
    p = softmax(scores_of(q, k))
    return p @ (v * mask[:, :, None]), p


@answers.mistake("float64 by np.sqrt", "comes out as float64", keeps=9 / 10)
def _(q, k, v, mask):
    p = weights(q @ k.swapaxes(1, 2) / np.sqrt(q.shape[2]), mask)
    return p @ v, p


@answers.mistake("mask reversed", "the wrong way round", keeps=0)
def _(q, k, v, mask):
    return minus_infinity(q, k, v, ~mask)


@answers.mistake("keys averaged", "the keys are averaged", keeps=3 / 10)
def _(q, k, v, mask):
    p = minus_infinity(q, k, v, mask)[1]
    return p @ k, p


@answers.mistake("scores returned", "the softmax is missing", keeps=2 / 10)
def _(q, k, v, mask):
    return minus_infinity(q, k, v, mask)[0], scores_of(q, k)


@answers.mistake("results exchanged", "o first and p second", keeps=0)
def _(*given):
    return minus_infinity(*given)[::-1]


@answers.mistake("output alone", "expected 2 values", keeps=0)
def _(*given):
    return minus_infinity(*given)[0]


@answers.mistake("padding in v cleared in place", "writes into its input v", keeps=9 / 10)
def _(q, k, v, mask):
    v[~mask] = 0
    return minus_infinity(q, k, v, mask)


@answers.mistake("float64", "comes out as float64", keeps=9 / 10)
def _(*given):
    o, p = minus_infinity(*given)
    return o, p.astype(np.float64)
