"""Attention to a memory: how a decoder looks at what an encoder wrote, in three ways.

The output is a weighted mean of the memory (eq-attention-output), and the scores are those of a
small network, of a product, or none:

a_ts = v^T tanh(W_q q_t + W_k k_s)                                       (eq-attention-additive)
a_ts = (W_q q_t)^T k_s / sqrt(E)                                       (eq-attention-projected)
a_ts = 0, so that o_t is the plain mean                                   (eq-attention-uniform)

The three classes share one interface, so that a decoder can exchange one for another.
"""

import math

import numpy as np

from rnn_course._validate import require_shape
from rnn_course.activations import softmax_backward, tanh, tanh_backward
from rnn_course.attention import softmax_where, without_padding
from rnn_course.initialisation import uniform_parameters


def _product_over_queries(p, do):
    """p^T do (B, S, E) for p (B, T, S) and do (B, T, E)."""
    if p.shape[1] == 1:  # one decoder step: here matmul does without BLAS, five times as slow
        return p.swapaxes(1, 2) * do
    return p.swapaxes(1, 2) @ do


def _require_mask(mask, name, array):
    if mask is not None:
        require_shape("mask", mask, array.shape[:2], f"{name} {array.shape}")


def _weight_gradient(dy, x):
    """Gradient (K, D) of W in y = W x, summed over all leading axes of dy (..., K), x (..., D)."""
    return dy.reshape(-1, dy.shape[-1]).T @ x.reshape(-1, x.shape[-1])


def _attend_forward(a, values, mask):
    """(o (B, T, E), p (B, T, S)) from scores and unpadded values (eq-attention-output)."""
    p = softmax_where(a, True if mask is None else np.asarray(mask, dtype=bool)[:, None])
    return (p @ values, p), (p, values)


def _attend_backward(do, cache):
    """da (B, T, S) and dvalues (B, S, E) for do (B, T, E) (eq-attention-backward)."""
    p, values = cache
    shape = (*p.shape[:2], values.shape[2])
    require_shape("do", do, shape, f"o {shape}")
    return softmax_backward(do @ values.swapaxes(1, 2), p), _product_over_queries(p, do)


def _additive_scores_forward(query, keys, W_q, v):
    """Scores (B, T, S) of query (B, T, Hq) and keys (B, S, A) that W_k was applied to already."""
    hidden = tanh((query @ W_q.T)[:, :, None] + keys[:, None])  # (B, T, S, A)
    return hidden @ v, (query, hidden, W_q, v)


def _additive_scores_backward(da, cache):
    """dquery (B, T, Hq), dkeys (B, S, A) and grads of W_q and v for da (B, T, S)."""
    query, hidden, W_q, v = cache
    dhidden = tanh_backward(da[..., None] * v, hidden)  # (B, T, S, A)
    dq = dhidden.sum(axis=2)  # (B, T, A)
    grads = {"W_q": _weight_gradient(dq, query), "v": _weight_gradient(da[..., None], hidden)[0]}
    return dq @ W_q, dhidden.sum(axis=1), grads


def _require_additive_shapes(query, keys, values, W_q, W_k, v, mask):
    require_shape("W_q", W_q, (None, None), "(attention size, query size)")
    require_shape("W_k", W_k, (len(W_q), None), f"W_q {W_q.shape}")
    require_shape("v", v, (len(W_q),), f"W_q {W_q.shape}")
    require_shape("query", query, (None, None, W_q.shape[1]), f"W_q {W_q.shape}")
    because = f"query {query.shape} with W_k {W_k.shape}"
    require_shape("keys", keys, (len(query), None, W_k.shape[1]), because)
    require_shape("values", values, (*keys.shape[:2], None), f"keys {keys.shape}")
    _require_mask(mask, "keys", keys)


def init_additive_attention(query_size, key_size, attention_size, rng, dtype=np.float64):
    """Parameters {"W_q": (A, Hq), "W_k": (A, Hk), "v": (A,)} for A = attention_size.

    Drawn uniformly from ±1/sqrt(n), where n counts the numbers that each output sums over.
    """
    A = attention_size
    shapes = {"W_q": (A, query_size), "W_k": (A, key_size), "v": (A,)}
    params = {}
    for name, shape in shapes.items():
        params |= uniform_parameters({name: shape}, shape[-1], rng, dtype)
    return params


def additive_attention_forward(query, keys, values, W_q, W_k, v, mask=None):
    """Additive attention (eq-attention-additive, eq-attention-output).

    Args:
        query: (B, T, Hq). keys: (B, S, Hk). values: (B, S, E).
        W_q: (A, Hq), W_k: (A, Hk), v: (A,) parameters.
        mask: (B, S) True where a key is real, or None for all; other keys may hold anything.

    Returns:
        (o, p): (B, T, E) output and (B, T, S) weights, both zero where no key is real.
        cache: opaque.

    Raises:
        ValueError: sizes disagree; the message names both arrays and shapes.

    Source: Bahdanau, Cho and Bengio (2015), arXiv:1409.0473.
    """
    _require_additive_shapes(query, keys, values, W_q, W_k, v, mask)
    keys, values = without_padding(keys, mask), without_padding(values, mask)
    a, scores_cache = _additive_scores_forward(query, keys @ W_k.T, W_q, v)
    outputs, attend_cache = _attend_forward(a, values, mask)
    return outputs, (keys, W_k, scores_cache, attend_cache)


def additive_attention_backward(do, cache):
    """Gradients of additive attention.

    Args:
        do: (B, T, E) gradient of the loss with respect to o; p gets none of its own.
        cache: from additive_attention_forward.

    Returns:
        dquery: (B, T, Hq). dkeys: (B, S, Hk). dvalues: (B, S, E).
        grads: {"W_q": (A, Hq), "W_k": (A, Hk), "v": (A,)}, summed over batch and queries.

    Raises:
        ValueError: do does not have the shape of o.
    """
    keys, W_k, scores_cache, attend_cache = cache
    da, dvalues = _attend_backward(do, attend_cache)
    dquery, dprojected, grads = _additive_scores_backward(da, scores_cache)
    grads["W_k"] = _weight_gradient(dprojected, keys)
    return dquery, dprojected @ W_k, dvalues, grads


def uniform_attention_forward(values, mask=None, T=1):
    """The mean of the real values (eq-attention-uniform), the same for each of T queries.

    Args:
        values: (B, S, E). mask: (B, S) True where a value is real, or None for all.

    Returns:
        (o, p): (B, T, E) output and (B, T, S) weights, both zero where no value is real.
        cache: opaque.

    Raises:
        ValueError: sizes disagree; the message names both arrays and shapes.
    """
    require_shape("values", values, (None, None, None), "attention")
    B, S, _ = values.shape
    _require_mask(mask, "values", values)
    a = np.zeros((B, T, S), dtype=np.result_type(values, np.float32))
    return _attend_forward(a, without_padding(values, mask), mask)


def uniform_attention_backward(do, cache):
    """Gradient dvalues (B, S, E) for do (B, T, E).

    Raises:
        ValueError: do does not have the shape of o.
    """
    return _attend_backward(do, cache)[1]


class _Attention:
    """What the three kinds have in common; each scores queries against keys in its own way.

    Where all queries are known, use forward and backward. Where a query depends on what the one
    before it was given, call prepare_forward once and step_forward for each query; then
    step_backward for each, adding up dkeys and dvalues, and prepare_backward once with the sums.
    """

    query_size = memory_size = None

    def _keys_forward(self, memory):
        return memory, None

    def _keys_backward(self, dkeys, cache):
        return dkeys, {}

    def prepare_forward(self, memory, mask=None):
        """What depends on the memory alone: prepared = (keys, values, mask), and a cache.

        memory: (B, S, E). mask: (B, S) True where it is real, or None for all.
        """
        require_shape("memory", memory, (None, None, self.memory_size), type(self).__name__)
        _require_mask(mask, "memory", memory)
        memory = without_padding(memory, mask)
        keys, cache = self._keys_forward(memory)
        return (keys, memory, mask), cache

    def prepare_backward(self, dkeys, dvalues, cache):
        """dmemory (B, S, E) and grads."""
        dmemory, grads = self._keys_backward(dkeys, cache)
        return dmemory + dvalues, grads

    def step_forward(self, query, prepared):
        """(o, p) and cache: o (B, T, E) and the weights p (B, T, S) for query (B, T, H)."""
        keys, values, mask = prepared
        sizes = (len(values), None, self.query_size)
        require_shape("query", query, sizes, f"{type(self).__name__} of memory {values.shape}")
        a, scores_cache = self._scores_forward(query, keys)
        outputs, attend_cache = _attend_forward(a, values, mask)
        return outputs, (scores_cache, attend_cache)

    def step_backward(self, do, cache):
        """dquery (B, T, H), dkeys, dvalues (B, S, E) and grads for do (B, T, E)."""
        scores_cache, attend_cache = cache
        da, dvalues = _attend_backward(do, attend_cache)
        dquery, dkeys, grads = self._scores_backward(da, scores_cache)
        return dquery, dkeys, dvalues, grads

    def forward(self, query, memory, mask=None):
        """(o, p) and cache: o (B, T, E) and the weights p (B, T, S) for query (B, T, H)."""
        prepared, prepare_cache = self.prepare_forward(memory, mask)
        outputs, step_cache = self.step_forward(query, prepared)
        return outputs, (prepare_cache, step_cache)

    def backward(self, do, cache):
        """dquery (B, T, H), dmemory (B, S, E) and grads, keyed like params, for do (B, T, E)."""
        prepare_cache, step_cache = cache
        dquery, dkeys, dvalues, grads = self.step_backward(do, step_cache)
        dmemory, memory_grads = self.prepare_backward(dkeys, dvalues, prepare_cache)
        return dquery, dmemory, grads | memory_grads


class AdditiveAttention(_Attention):
    """Scores v^T tanh(W_q q + W_k k) (eq-attention-additive); W_k k is computed once a memory."""

    def __init__(self, query_size, memory_size, attention_size, rng, dtype=np.float64):
        self.query_size, self.memory_size = query_size, memory_size
        self.params = init_additive_attention(query_size, memory_size, attention_size, rng, dtype)

    def _keys_forward(self, memory):
        W_k = self.params["W_k"]
        return memory @ W_k.T, (memory, W_k)

    def _keys_backward(self, dkeys, cache):
        memory, W_k = cache
        return dkeys @ W_k, {"W_k": _weight_gradient(dkeys, memory)}

    def _scores_forward(self, query, keys):
        return _additive_scores_forward(query, keys, self.params["W_q"], self.params["v"])

    def _scores_backward(self, da, cache):
        return _additive_scores_backward(da, cache)


class DotProductAttention(_Attention):
    """Scores (W_q q)^T k / sqrt(E) (eq-attention-dot-product); W_q gives q the memory's size."""

    def __init__(self, query_size, memory_size, rng, dtype=np.float64):
        self.query_size, self.memory_size = query_size, memory_size
        shapes = {"W_q": (memory_size, query_size)}
        self.params = uniform_parameters(shapes, query_size, rng, dtype)

    def _scores_forward(self, query, keys):
        W_q = self.params["W_q"]
        q = query @ W_q.T / math.sqrt(self.memory_size)  # (B, T, E)
        return q @ keys.swapaxes(1, 2), (query, q, keys, W_q)

    def _scores_backward(self, da, cache):
        query, q, keys, W_q = cache
        dq = da @ keys / math.sqrt(self.memory_size)  # (B, T, E)
        return dq @ W_q, _product_over_queries(da, q), {"W_q": _weight_gradient(dq, query)}


class UniformAttention(_Attention):
    """Equal scores (eq-attention-uniform): the mean of the memory, whatever the query."""

    def __init__(self):
        self.params = {}

    def _scores_forward(self, query, keys):
        a = np.zeros((*query.shape[:2], keys.shape[1]), np.result_type(keys, np.float32))
        return a, (query, keys)

    def _scores_backward(self, da, cache):
        query, keys = cache
        return np.zeros_like(query), np.zeros_like(keys), {}
