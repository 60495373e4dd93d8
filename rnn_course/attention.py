"""Attention: each query takes a mean of the values, weighted by how well their keys fit it.

o_t = sum_s p_ts v_s,  p_t = softmax(a_t) over the keys s that query t may see
                                                                           (eq-attention-output)
a_ts = q_t^T k_s / sqrt(d)                                            (eq-attention-dot-product)

Backward, where do_t^T o_t stands for the softmax's sum over s of p_ts do_t^T v_s:

dv_s = sum_t p_ts do_t,  da_ts = p_ts (do_t^T v_s - do_t^T o_t)          (eq-attention-backward)
dq_t = sum_s da_ts k_s / sqrt(d),  dk_s = sum_t da_ts q_t / sqrt(d)
                                                             (eq-attention-dot-product-backward)
"""

import math

import numpy as np

from rnn_course._validate import require_shape

BLOCK_SCORES = 2**17  # scores at a time: as float32, half a MiB, which a core's own cache holds
KEPT_SCORES = 2**16  # up to so many scores T S, keeping them is quicker than computing them again


def without_padding(array, mask):
    """A copy of array (B, S, ...) with zeros where mask (B, S) is False, whatever stands there."""
    if mask is None:
        return array
    array = np.array(array, order="C")
    array[~np.asarray(mask, dtype=bool)] = 0  # not a product with the mask: 0 times NaN is NaN
    return array


def softmax_where(a, visible):
    """Softmax over the visible scores of a (..., T, S); zeros where a query sees no key."""
    a = np.where(visible, a, -np.inf)  # (..., T, S)
    highest = a.max(axis=-1, keepdims=True, initial=np.finfo(a.dtype).min)  # never -inf
    exp_a = np.exp(a - highest)  # (..., T, S)
    total = exp_a.sum(axis=-1, keepdims=True)  # (..., T, 1)
    return exp_a / np.where(total == 0, 1, total)


def _require_dot_product_shapes(q, k, v, mask):
    if np.ndim(q) < 2:
        raise ValueError(f"q has shape {np.shape(q)}, but attention needs (..., T, d)")
    *leading, _, d = q.shape
    require_shape("k", k, (*leading, None, d), f"q {q.shape}")
    S = k.shape[-2]
    require_shape("v", v, (*leading, S, None), f"k {k.shape}")
    if mask is not None:
        require_shape("mask", mask, (*leading[:1], S), f"k {k.shape}")


def _over_heads(mask, leading):
    """The mask (B, S) with an axis of size 1 for each leading axis after the first."""
    mask = np.asarray(mask, dtype=bool)
    return mask.reshape(*leading[:1], *[1] * (len(leading) - 1), mask.shape[-1])


def dot_product_attention_weights(q, k, mask=None, causal=False):
    """Weights of scaled dot-product attention (eq-attention-dot-product), as a textbook has them.

    Args:
        q, k, mask, causal: as for dot_product_attention_forward.

    Returns:
        p: (..., T, S), rows that sum to 1, or to 0 where a query may see no key. p @ v is the
            output of dot_product_attention_forward.

    Raises:
        ValueError: sizes disagree; the message names both arrays and shapes.
    """
    _require_dot_product_shapes(q, k, k, mask)
    T, S = q.shape[-2], k.shape[-2]
    visible = np.tri(T, S, S - T, dtype=bool) if causal else np.ones((T, S), dtype=bool)
    if mask is not None:
        visible = visible & _over_heads(mask, q.shape[:-2])[..., None, :]  # (..., T, S)
    return softmax_where(q @ k.swapaxes(-1, -2) / math.sqrt(q.shape[-1]), visible)


def _one_leading_axis(q, k, v, mask):
    """q / sqrt(d), k, v as (N, ...); 0 at real keys and -inf at others (N, 1, S), or None."""
    q, padding = q / math.sqrt(q.shape[-1]), None  # T d divisions here, not T S among the scores
    N, S = math.prod(q.shape[:-2]), k.shape[-2]
    if mask is not None:
        mask = np.broadcast_to(_over_heads(mask, q.shape[:-2]), k.shape[:-1])  # (..., S)
        k, v = without_padding(k, mask), without_padding(v, mask)
        padding = np.where(mask, 0, -np.inf).astype(q.dtype).reshape(N, 1, S)
    q, k, v = (array.reshape(N, *array.shape[-2:]) for array in (q, k, v))
    return q, k, v, padding


def _blocks(N, T, S, block_size, causal):
    """Slices (sequences, queries, keys that any of these queries may see), one after the other."""
    rows = max(1, min(block_size, T))
    together = max(1, BLOCK_SCORES // (rows * max(1, S)))
    for n in range(0, N, together):
        for t in range(0, T, rows):
            end = min(t + rows, T)
            keys = max(0, end + S - T) if causal else S
            yield slice(n, n + together), slice(t, end), slice(0, keys)


def _block_scores(block, q, k, padding, future, out):
    """Scores of one block, written to ``out`` if given; -inf where a query may not see a key."""
    n, t, keys = block
    a = np.matmul(q[n, t], k[n, keys].swapaxes(1, 2), out=out)  # (sequences, queries, keys)
    if padding is not None:
        a += padding[n, :, keys]
    if future is not None:  # the last keys of the block: all others lie in every query's past
        rows = t.stop - t.start
        last = min(rows, keys.stop)
        a[..., keys.stop - last :] += future[:rows, rows - last : rows]
    return a


def dot_product_attention_forward(q, k, v, mask=None, causal=False, block_size=128):
    """Scaled dot-product attention (eq-attention-dot-product, eq-attention-output).

    Queries go through in blocks, so that T S scores never exist at once, and long sequences keep
    two numbers a query for the backward pass, from which each block's weights are made again.

    Args:
        q: (..., T, d) queries, with leading axes (B,) or (B, heads). k: (..., S, d) keys.
        v: (..., S, E) values.
        mask: (B, S) True where a key is real, or None for all; other keys may hold anything.
        causal: query t sees the keys s <= t + S - T only. The last query sees all keys, so T new
            queries fit keys that begin S - T steps before them.
        block_size: queries in a block; it changes time and memory, not the result.

    Returns:
        o: (..., T, E), zeros where a query may see no key. cache: opaque.

    Raises:
        ValueError: sizes disagree, and the message names both arrays and shapes; block_size < 1.

    Source: Vaswani et al. (2017), arXiv:1706.03762; blocks whose weights are computed again: Dao
        et al. (2022), arXiv:2205.14135.
    """
    _require_dot_product_shapes(q, k, v, mask)
    if block_size < 1:
        raise ValueError(f"block_size is {block_size}; expected at least 1")
    shapes = q.shape, k.shape, v.shape
    q, k, v, padding = _one_leading_axis(q, k, v, mask)
    (N, T, _), (_, S, E), dtype = q.shape, v.shape, np.result_type(q, k, v)
    rows = min(block_size, T)
    future = np.triu(np.full((rows, rows), -np.inf, dtype=dtype), 1) if causal else None
    blocks = list(_blocks(N, T, S, block_size, causal))
    kept = np.empty((N, T, S), dtype=dtype) if T * S <= KEPT_SCORES else None
    o, highest, total = (np.empty((N, T, size), dtype=dtype) for size in (E, 1, 1))
    ones = np.ones((S, 1), dtype=dtype)
    for block in blocks:
        n, t, keys = block
        out = None if kept is None else kept[block]
        a = _block_scores(block, q, k, padding, future, out)
        highest[n, t] = a.max(axis=-1, keepdims=True, initial=np.finfo(a.dtype).min)
        a -= highest[n, t]
        exp_a = np.exp(a, out=a)  # the softmax, but for the division by total
        total[n, t] = exp_a @ ones[keys]  # BLAS adds up rows faster than sum
        o[n, t] = exp_a @ v[n, keys]
    total[total == 0] = 1  # a query that sees no key
    o /= total  # T E divisions here instead of T S among the weights
    cache = (q, k, v, padding, future, o, highest, total, kept, blocks, shapes)
    return o.reshape(*shapes[0][:-1], E), cache


def dot_product_attention_backward(do, cache):
    """Gradients of attention (eq-attention-backward, eq-attention-dot-product-backward).

    Args:
        do: (..., T, E) gradient of the loss with respect to o.
        cache: from dot_product_attention_forward.

    Returns:
        dq: (..., T, d). dk: (..., S, d). dv: (..., S, E), both zero where a key is not real.

    Raises:
        ValueError: do does not have the shape of o.
    """
    q, k, v, padding, future, o, highest, total, kept, blocks, shapes = cache
    o_shape = (*shapes[0][:-1], shapes[2][-1])
    require_shape("do", do, o_shape, f"o {o_shape}")
    do = do.reshape(o.shape) / total  # as good as dividing exp_a, and T E numbers instead of T S
    do_o = (do * o).sum(axis=-1, keepdims=True)  # (N, T, 1)
    dq, dk, dv = (np.zeros(array.shape, dtype=o.dtype) for array in (q, k, v))
    for block in blocks:
        n, t, keys = block
        if kept is not None:
            exp_a = kept[block]
        else:
            a = _block_scores(block, q, k, padding, future, out=None)
            a -= highest[n, t]
            exp_a = np.exp(a, out=a)
        da = do[n, t] @ v[n, keys].swapaxes(1, 2)  # (sequences, queries, keys)
        da -= do_o[n, t]
        da *= exp_a
        dq[n, t] = da @ k[n, keys]
        dk[n, keys] += da.swapaxes(1, 2) @ q[n, t]
        dv[n, keys] += exp_a.swapaxes(1, 2) @ do[n, t]
    dq /= math.sqrt(q.shape[-1])
    return tuple(d.reshape(shape) for d, shape in zip((dq, dk, dv), shapes, strict=True))
