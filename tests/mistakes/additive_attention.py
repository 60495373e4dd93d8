"""Answers to: additive attention, with a mask."""

import numpy as np

from . import Answers
from .masked_softmax import minus_infinity as masked_softmax
from .masked_softmax import softmax

answers = Answers("additive_attention")


def hidden(q, k, W_q, W_k):
    return np.tanh((q @ W_q.T)[:, :, None] + (k @ W_k.T)[:, None, :])


@answers.right
def as_in_the_book(q, k, v, mask, W_q, W_k, w):
    g = hidden(q, k, W_q, W_k)
    p = masked_softmax(g @ w, mask)
    return p @ v, p, g


@answers.right
def einsum(q, k, v, mask, W_q, W_k, w):
    of_q, of_k = np.einsum("ah,bth->bta", W_q, q), np.einsum("ah,bsh->bsa", W_k, k)
    g = np.tanh(of_q[:, :, np.newaxis, :] + of_k[:, np.newaxis, :, :])
    p = masked_softmax(np.einsum("a,btsa->bts", w, g), mask)
    return np.einsum("bts,bse->bte", p, v), p, g


@answers.right
def one_pair_at_a_time(q, k, v, mask, W_q, W_k, w):
    (B, T), S = q.shape[:2], k.shape[1]
    g = np.zeros((B, T, S, len(w)), dtype=q.dtype)
    a = np.zeros((B, T, S), dtype=q.dtype)
    for b, t, s in np.ndindex(B, T, S):
        g[b, t, s] = np.tanh(W_q @ q[b, t] + W_k @ k[b, s])
        a[b, t, s] = w @ g[b, t, s]
    p = masked_softmax(a, mask)
    return np.stack([p[b] @ v[b] for b in range(B)]), p, g


@answers.right
def one_matrix_for_both(q, k, v, mask, W_q, W_k, w):
    T, S = q.shape[1], k.shape[1]
    pairs = np.concatenate(
        [np.repeat(q[:, :, None], S, axis=2), np.repeat(k[:, None], T, axis=1)], axis=3
    )
    g = np.tanh(pairs @ np.hstack([W_q, W_k]).T)
    p = masked_softmax((g * w).sum(axis=-1), mask)
    return p @ v, p, g


@answers.right
def one_query_at_a_time(q, k, v, mask, W_q, W_k, w):
    of_keys = k @ W_k.T
    g = np.stack([np.tanh(of_keys + (q[:, t] @ W_q.T)[:, None]) for t in range(q.shape[1])], axis=1)
    rows = [masked_softmax((g[:, t] @ w)[:, None], mask) for t in range(q.shape[1])]
    p = np.concatenate(rows, axis=1)
    return (p[..., None] * v[:, None]).sum(axis=2), p, g


def attend(q, k, v, mask, W_q, W_k, w, /, of=hidden, score=np.matmul, weigh=masked_softmax):
    """Attention whose parts may be told to go wrong."""
    g = of(q, k, W_q, W_k)
    p = weigh(score(g, w), mask)
    return p @ v, p, g


def wrong(name, says, keeps, **how):
    answers.mistake(name, says, keeps)(lambda *given: attend(*given, **how))


def by_hidden(name, says, of):
    wrong(name, says, 0, of=of)


def by_score(name, says, score):
    wrong(name, says, 2 / 9, score=score)


def by_weights(name, says, keeps, weigh):
    wrong(name, says, keeps, weigh=lambda a, mask: weigh(a, mask[:, None]))


by_hidden("tanh of each term", "tanh is taken of each term", lambda q, k, W_q, W_k: (
    np.tanh(q @ W_q.T)[:, :, None] + np.tanh(k @ W_k.T)[:, None]))  # fmt: skip
by_hidden("tanh left out", "tanh is left out", lambda q, k, W_q, W_k: (
    (q @ W_q.T)[:, :, None] + (k @ W_k.T)[:, None]))  # fmt: skip
by_hidden("query left out", "the query does not enter", lambda q, k, W_q, W_k: (
    hidden(0 * q, k, W_q, W_k)))  # fmt: skip
by_hidden("keys left out", "the keys do not enter", lambda q, k, W_q, W_k: (
    hidden(q, 0 * k, W_q, W_k)))  # fmt: skip
by_hidden("terms multiplied", "the terms are multiplied", lambda q, k, W_q, W_k: (
    np.tanh((q @ W_q.T)[:, :, None] * (k @ W_k.T)[:, None])))  # fmt: skip
by_hidden("sigmoid", "the logistic sigmoid", lambda q, k, W_q, W_k: (
    1 / (1 + np.exp(-(q @ W_q.T)[:, :, None] - (k @ W_k.T)[:, None]))))  # fmt: skip
by_hidden("key of its own place", "each query meets only the key", lambda q, k, W_q, W_k: (
    np.tanh(q @ W_q.T + k @ W_k.T)))  # fmt: skip
by_hidden("matrices not transposed", "used the wrong way round", lambda q, k, W_q, W_k: (
    np.tanh((q @ W_q)[:, :, None] + (k @ W_k)[:, None])))  # fmt: skip
by_hidden("matrices exchanged", "W_q and W_k are exchanged", lambda q, k, W_q, W_k: (
    hidden(q, k, W_k, W_q)))  # fmt: skip
by_hidden("queries and keys exchanged", "queries and keys are exchanged", lambda q, k, W_q, W_k: (
    hidden(k, q, W_q, W_k)))  # fmt: skip
by_hidden("order of the equation", "where q_t is a column", lambda q, k, W_q, W_k: (
    np.tanh((W_q @ q)[:, :, None] + (W_k @ k)[:, None])))  # fmt: skip
by_hidden("axes of queries and keys", "exchanged in its axes", lambda q, k, W_q, W_k: (
    np.tanh((q @ W_q.T)[:, None] + (k @ W_k.T)[:, :, None])))  # fmt: skip
by_score("w left out", "w is left out", lambda g, w: g.sum(axis=-1))
by_score("mean of the hidden units", "are averaged after w", lambda g, w: (g * w).mean(axis=-1))
by_score("scaled by the root of A", "root of the number of hidden", lambda g, w: (
    g @ w / float(len(w) ** 0.5)))  # fmt: skip
by_score("tanh of the score", "tanh is taken of the score", lambda g, w: np.tanh(g @ w))
by_weights("padding not masked", "padding is not masked", 3 / 9, lambda a, m: softmax(a))
by_weights("mask after the softmax", "after the softmax", 3 / 9, lambda a, m: softmax(a) * m)
by_weights("scores times the mask", "set to 0 before", 3 / 9, lambda a, m: softmax(a * m))
by_weights("NaN without a real key", "nan", 8 / 9, lambda a, m: softmax(np.where(m, a, -np.inf)))
by_weights("softmax over the queries", "over the queries", 2 / 9,
           lambda a, m: softmax(a, axis=1) * m)  # fmt: skip
by_weights("not divided by the sum", "not divided by their sum", 2 / 9, lambda a, m: np.exp(a) * m)


@answers.mistake("scaled by the root of the key's size", "the size of a key", keeps=2 / 9)
def _(q, k, v, mask, W_q, W_k, w):
    return attend(q, k, v, mask, W_q, W_k, w, score=lambda g, w: g @ w / k.shape[2] ** 0.5)


@answers.mistake("mask on the hidden units", "it is 0 at padding", keeps=1 / 9)
def _(q, k, v, mask, W_q, W_k, w):
    g = hidden(q, k, W_q, W_k) * mask[:, None, :, None]
    p = softmax(g @ w)
    return p @ v, p, g


@answers.mistake("keys first", "queries and keys are exchanged in its axes", keeps=4 / 9)
def _(q, k, v, mask, W_q, W_k, w):
    o, p, g = attend(q, k, v, mask, W_q, W_k, w)
    return o, p, g.swapaxes(1, 2)


@answers.mistake("scores in the place of g", "the hidden units come before w", keeps=4 / 9)
def _(q, k, v, mask, W_q, W_k, w):
    o, p, g = attend(q, k, v, mask, W_q, W_k, w)
    return o, p, g @ w


@answers.mistake("w inside g", "w is in it already", keeps=4 / 9)
def _(q, k, v, mask, W_q, W_k, w):
    o, p, g = attend(q, k, v, mask, W_q, W_k, w)
    return o, p, g * w


@answers.mistake("product of the hidden vectors", "are multiplied and added up", keeps=0)
def _(q, k, v, mask, W_q, W_k, w):
    a = np.tanh((q @ W_q.T) @ (k @ W_k.T).swapaxes(1, 2))
    p = masked_softmax(a, mask)
    return p @ v, p, a


@answers.mistake("keys averaged", "the keys are averaged", keeps=4 / 9)
def _(q, k, *rest):
    _, p, g = attend(q, k, *rest)
    return p @ k, p, g


@answers.mistake("two results", "expected 3 values", keeps=0)
def _(*given):
    return attend(*given)[:2]


@answers.mistake("float64", "comes out as float64", keeps=8 / 9)
def _(*given):
    o, p, g = attend(*given)
    return o, p, g.astype(np.float64)


@answers.mistake("padding in k cleared in place", "writes into its input k", keeps=8 / 9)
def _(q, k, v, mask, *weights):
    result = attend(q, k, v, mask, *weights)
    k[~mask] = 0
    return result
