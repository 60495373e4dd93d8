"""Answers to: attention that sees no later step."""

import numpy as np

from . import Answers

answers = Answers("causal_attention")


def softmax(a, axis=-1):
    e = np.exp(a - a.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def scores(q, k):
    return q @ k.transpose(0, 2, 1) / q.shape[-1] ** 0.5


def visible(T):
    return np.tri(T, dtype=bool)


@answers.right
def minus_infinity(q, k, v):
    p = softmax(np.where(visible(q.shape[1]), scores(q, k), -np.inf))
    return p @ v, p


@answers.right
def upper_triangle_added(q, k, v):
    a = scores(q, k)
    p = softmax(a + np.triu(np.full(a.shape[1:], -np.inf, dtype=a.dtype), 1))
    return np.matmul(p, v), p


@answers.right
def a_loop_over_steps(q, k, v):
    B, T, d = q.shape
    o, p = np.zeros_like(v), np.zeros((B, T, T), dtype=q.dtype)
    for t in range(T):
        a_t = np.einsum("bd,bsd->bs", q[:, t], k[:, : t + 1]) / d**0.5
        p[:, t, : t + 1] = softmax(a_t)
        o[:, t] = np.einsum("bs,bse->be", p[:, t], v)
    return o, p


@answers.right
def masked_after_exp_and_normalised(q, k, v):
    a = np.einsum("btd,bsd->bts", q / q.shape[2] ** 0.5, k)
    hidden = ~visible(q.shape[1])
    a = a - np.where(hidden, -np.inf, a).max(axis=2, keepdims=True)
    e = np.where(hidden, 0, np.exp(np.minimum(a, 0)))
    p = e / e.sum(axis=2, keepdims=True)
    return np.einsum("bts,bse->bte", p, v), p


@answers.right
def lists_of_rows(q, k, v):
    outputs, weights = [], []
    for q_b, k_b, v_b in zip(q, k, v, strict=True):
        rows = []
        for t, query in enumerate(q_b):
            p_t = softmax(k_b[: t + 1] @ query / len(query) ** 0.5)
            rows.append(np.concatenate([p_t, np.zeros(len(q_b) - t - 1, dtype=q.dtype)]))
        weights.append(np.array(rows))
        outputs.append(weights[-1] @ v_b)
    return np.array(outputs), np.array(weights)


@answers.right
def a_very_negative_number(q, k, v):
    a = scores(q, k)
    a[:, ~visible(q.shape[1])] = -1e30
    p = softmax(a)
    return p @ v, p


def wrong(name, says, keeps, weigh):
    @answers.mistake(name, says, keeps)
    def _(q, k, v):
        p = weigh(scores(q, k), visible(q.shape[1]))
        return p @ v, p


def hide(a, seen):
    return softmax(np.where(seen, a, -np.inf))


wrong("no mask", "there is no mask", 1 / 9, lambda a, seen: softmax(a))
wrong("sees the next", "each step sees the next one", 1 / 9, lambda a, seen: hide(
    a, np.tri(len(seen), k=1, dtype=bool)))  # fmt: skip
wrong("does not see itself", "does not see itself", 0, lambda a, seen: np.nan_to_num(
    hide(a, np.tri(len(seen), k=-1, dtype=bool))))  # fmt: skip
wrong("mask transposed", "the mask is transposed", 1 / 9, lambda a, seen: hide(a, seen.T))
wrong("mask after the softmax", "applied after the softmax", 1 / 9, lambda a, seen: (
    softmax(a) * seen))  # fmt: skip
wrong("scores times the mask", "exp(0) is 1", 1 / 9, lambda a, seen: softmax(a * seen))
wrong("mask taken off", "1 is taken off", 1 / 9, lambda a, seen: softmax(
    a - (~seen).astype(a.dtype)))  # fmt: skip
wrong("softmax over the queries", "runs over the queries", 1 / 9, lambda a, seen: softmax(
    np.where(seen, a, -np.inf), axis=1))  # fmt: skip
wrong("uniform weights", "gets the same weight", 1 / 9, lambda a, seen: hide(0 * a, seen))
wrong("not normalised", "not divided by their sum", 0, lambda a, seen: np.exp(a) * seen)
wrong("overflow", "overflow", 8 / 9, lambda a, seen: (
    np.exp(a) * seen / (np.exp(a) * seen).sum(axis=2, keepdims=True)))  # fmt: skip


@answers.mistake("a row of hidden steps gives NaN", "should be", 0)
def _(q, k, v):
    p = hide(scores(q, k), np.tri(q.shape[1], k=-1, dtype=bool))
    return p @ v, p


@answers.mistake("not divided by the root", "not divided by the root", 1 / 9)
def _(q, k, v):
    return minus_infinity(q * q.shape[2] ** 0.5, k, v)


@answers.mistake("divided by d", "by d instead of its root", 1 / 9)
def _(q, k, v):
    return minus_infinity(q / q.shape[2] ** 0.5, k, v)


@answers.mistake("queries and keys exchanged", "queries and keys are exchanged", 1 / 9)
def _(q, k, v):
    return minus_infinity(k, q, v)


@answers.mistake("keys averaged", "the keys are averaged", 3 / 9)
def _(q, k, v):
    p = minus_infinity(q, k, v)[1]
    return p @ k, p


@answers.mistake("results exchanged", "o first and p second")
def _(q, k, v):
    return minus_infinity(q, k, v)[::-1]


@answers.mistake("the output alone", "expected 2 values")
def _(q, k, v):
    return minus_infinity(q, k, v)[0]


@answers.mistake("float64 by np.sqrt", "comes out as float64", 8 / 9)
def _(q, k, v):
    p = hide(q @ k.swapaxes(1, 2) / np.sqrt(q.shape[2]), visible(q.shape[1]))
    return p @ v, p


@answers.mistake("queries scaled in place", "writes into its input q", 8 / 9)
def _(q, k, v):
    q /= q.shape[2] ** 0.5
    p = hide(q @ k.swapaxes(1, 2), visible(q.shape[1]))
    return p @ v, p


@answers.mistake("0 times infinity", "0 times infinity")
def _(q, k, v):
    hidden = np.triu(np.ones((q.shape[1], q.shape[1]), dtype=q.dtype), 1)
    p = softmax(scores(q, k) + hidden * -np.inf)
    return p @ v, p


@answers.mistake("a mask of np.ones", "comes out as float64", 8 / 9)
def _(q, k, v):
    hidden = np.triu(np.ones((q.shape[1], q.shape[1])), 1)
    p = softmax(scores(q, k) - 1e9 * hidden)
    return p @ v, p


@answers.mistake("keepdims left out", "keepdims=True", 1 / 9)
def _(q, k, v):
    a = np.where(visible(q.shape[1]), scores(q, k), -np.inf)
    e = np.exp(a - a.max(axis=2))
    p = e / e.sum(axis=2)
    return p @ v, p


@answers.mistake("keepdims left out of the sum", "keepdims=True", 1 / 9)
def _(q, k, v):
    a = np.where(visible(q.shape[1]), scores(q, k), -np.inf)
    e = np.exp(a - a.max(axis=2, keepdims=True))
    p = e / e.sum(axis=2)
    return p @ v, p


@answers.mistake(
    "largest score over the queries", "the largest score is taken over the queries", 1 / 9
)
def _(q, k, v):
    a = np.where(visible(q.shape[1]), scores(q, k), -np.inf)
    e = np.exp(a - a.max(axis=1, keepdims=True))
    p = e / e.sum(axis=2, keepdims=True)
    return p @ v, p


@answers.mistake(
    "masked after the softmax, and divided again", "taken over masked keys as well", 8 / 9
)
def _(q, k, v):
    p = softmax(scores(q, k)) * visible(q.shape[1])
    p = p / p.sum(axis=2, keepdims=True)
    return p @ v, p


@answers.mistake("-100 for -infinity", "a number that is not low enough", 8 / 9)
def _(q, k, v):
    p = softmax(np.where(visible(q.shape[1]), scores(q, k), -100))
    return p @ v, p


@answers.mistake("100 taken off", "a number is taken off", 8 / 9)
def _(q, k, v):
    p = softmax(scores(q, k) - 100 * (~visible(q.shape[1])).astype(q.dtype))
    return p @ v, p


@answers.mistake("what is 0 counts as hidden", "should be", 8 / 9)
def _(q, k, v):
    a = np.tril(scores(q, k))
    a[a == 0] = -np.inf
    p = softmax(a)
    return p @ v, p


@answers.mistake("weights divided by the root", "the weights are divided by the root", 0)
def _(q, k, v):
    d = q.shape[2] ** 0.5
    p = hide(scores(q, k) * d, visible(q.shape[1])) / d
    return p @ v, p


@answers.mistake("k.T", "exchanges all three axes")
def _(q, k, v):
    p = hide(q @ k.T / q.shape[2] ** 0.5, visible(q.shape[1]))
    return p @ v, p


@answers.mistake("k as it is", "k is to be transposed")
def _(q, k, v):
    p = hide(q @ k / q.shape[2] ** 0.5, visible(q.shape[1]))
    return p @ v, p
