"""Multi-head attention: several small attentions side by side, each with its own view of a vector.

Queries come from x, keys and values from x itself (self-attention) or from another sequence z
(cross-attention):

q_t = W_q x_t + b_q,  k_s = W_k z_s + b_k,  v_s = W_v z_s + b_v       (eq-multi-head-projections)

Each of the three is cut into equal pieces of d entries, one a head. Each head attends with its own
pieces q^j, k^j, v^j as rnn_course.attention does, and the outputs are laid end to end again:

o_t^j = attention of q_t^j to k^j and v^j                                (eq-multi-head-heads)
y_t = W_o (o_t^0, o_t^1, ...) + b_o                                      (eq-multi-head-output)
"""

import numpy as np

from rnn_course._validate import require_shape
from rnn_course.attention import (
    dot_product_attention_backward,
    dot_product_attention_forward,
    dot_product_attention_weights,
)
from rnn_course.initialisation import uniform_parameters

PROJECTIONS = ("q", "k", "v", "o")


def init_multi_head_attention(size, rng, bias=True, dtype=np.float64):
    """Parameters {"W_q", "W_k", "W_v", "W_o": (size, size)}, and {"b_q", ...: (size,)} if ``bias``.

    W_q, W_k, W_v uniform from ±sqrt(1.5 / size), W_o from ±1/sqrt(size), biases zero: as
    torch.nn.MultiheadAttention draws them.
    """
    shapes = {"W_q": (size, size), "W_k": (size, size), "W_v": (size, size)}
    params = uniform_parameters(shapes, size / 1.5, rng, dtype)
    params |= uniform_parameters({"W_o": (size, size)}, size, rng, dtype)
    if bias:
        params |= {f"b_{name}": np.zeros(size, dtype) for name in PROJECTIONS}
    return params


def _require_weights(weights, biases, num_heads):
    W_q, E = weights[0], len(weights[0])
    require_shape("W_q", W_q, (None, None), "(size of all heads, input size)")
    if E % num_heads:
        raise ValueError(f"W_q has shape {W_q.shape}; {num_heads} heads cannot share {E} rows")
    require_shape("W_k", weights[1], (E, None), f"W_q {W_q.shape}")
    require_shape("W_v", weights[2], weights[1].shape, f"W_k {weights[1].shape}")
    require_shape("W_o", weights[3], (None, E), f"W_q {W_q.shape}")
    if len({b is None for b in biases}) > 1:
        raise ValueError("give all of b_q, b_k, b_v and b_o, or none")
    if biases[0] is not None:
        for name, W, b in zip(PROJECTIONS, weights, biases, strict=True):
            require_shape(f"b_{name}", b, (len(W),), f"W_{name} {W.shape}")


def _require_inputs(x_q, x_kv, W_q, W_k, num_heads, mask, state):
    require_shape("x_q", x_q, (None, None, W_q.shape[1]), f"W_q {W_q.shape}")
    if x_kv is None:
        require_shape("W_k", W_k, W_q.shape, f"self-attention with W_q {W_q.shape}")
    else:
        because = f"x_q {x_q.shape} with W_k {W_k.shape}"
        require_shape("x_kv", x_kv, (len(x_q), None, W_k.shape[1]), because)
    if mask is not None:
        name, source = ("x_q", x_q) if x_kv is None else ("x_kv", x_kv)
        require_shape("mask", mask, source.shape[:2], f"{name} {source.shape}")
    if state is not None:
        because = f"x_q {x_q.shape} with {num_heads} heads and W_q {W_q.shape}"
        keys_shape = (len(x_q), num_heads, None, len(W_q) // num_heads)
        require_shape("keys", state[0], keys_shape, because)
        require_shape("values", state[1], state[0].shape, f"keys {state[0].shape}")
        require_shape("real", state[2], state[0].shape[::2], f"keys {state[0].shape}")


def _split_heads(a, num_heads):
    """View (B, heads, T, d) of vectors (B, T, E)."""
    B, T, E = a.shape
    return a.reshape(B, T, num_heads, E // num_heads).swapaxes(1, 2)


def _merge_heads(a):
    """Vectors (B, T, E) of (B, heads, T, d): the heads laid end to end."""
    B, heads, T, d = a.shape
    return a.swapaxes(1, 2).reshape(B, T, heads * d)


def _affine(x, weights, biases):
    """W x + b for each W (E, D) and b, from one product: n arrays (B, T, E) for x (B, T, D)."""
    B, T, D = x.shape
    W = np.concatenate(weights)  # (n E, D)
    y = x.reshape(B * T, D) @ W.T  # (B T, n E)
    if biases[0] is not None:
        y += np.concatenate(biases)
    return np.split(y.reshape(B, T, len(W)), len(weights), axis=2)


def _affine_backward(dy, x, weights):
    """dx (B, T, D), and each dW and db, for dy, the n gradients (B, T, E) of what _affine gave."""
    B, T, D = x.shape
    W = np.concatenate(weights)  # (n E, D)
    dy_rows = np.concatenate(dy, axis=2).reshape(B * T, len(W))  # (B T, n E)
    dW = dy_rows.T @ x.reshape(B * T, D)  # (n E, D)
    dx = (dy_rows @ W).reshape(B, T, D)
    return dx, np.split(dW, len(weights)), np.split(dy_rows.sum(axis=0), len(weights))


def multi_head_attention_forward(
    x_q,
    x_kv,
    W_q,
    W_k,
    W_v,
    W_o,
    b_q=None,
    b_k=None,
    b_v=None,
    b_o=None,
    num_heads=1,
    mask=None,
    causal=False,
    state=None,
):
    """Attend with several heads (eq-multi-head-projections to eq-multi-head-output).

    Args:
        x_q: (B, T, D) what asks. x_kv: (B, S, D_kv) what is looked at, or None for x_q itself.
        W_q: (E, D), W_k and W_v: (E, D_kv), W_o: (D_out, E) parameters; usually all one size.
        b_q, b_k, b_v: (E,), b_o: (D_out,) parameters, or all None.
        num_heads: divides E; each head has d = E / num_heads entries.
        mask: (B, S) True where a step of x_kv (or x_q) is real; None means all.
        causal: the newest T keys line up with the T queries, and each sees no later key.
        state: (keys, values, real) from an earlier call; the keys and values of x_kv are appended
            to them. An x_kv without steps, (B, 0, D_kv), adds none.

    Returns:
        y: (B, T, D_out).
        state: keys and values (B, heads, S_all, d) of this and all earlier calls, and real
            (B, S_all), True where a step was; for a later call.
        cache: what multi_head_attention_backward needs; opaque.

    Raises:
        ValueError: sizes disagree, the heads do not divide E, or some biases are missing.

    Source: Vaswani et al. (2017), arXiv:1706.03762.
    """
    weights, biases = (W_q, W_k, W_v, W_o), (b_q, b_k, b_v, b_o)
    _require_weights(weights, biases, num_heads)
    _require_inputs(x_q, x_kv, W_q, W_k, num_heads, mask, state)
    if x_kv is None:
        projected = _affine(x_q, weights[:3], biases[:3])
    else:
        projected = _affine(x_q, weights[:1], biases[:1])
        projected += _affine(x_kv, weights[1:3], biases[1:3])
    q, k, v = (_split_heads(a, num_heads) for a in projected)  # (B, heads, T or S, d) each
    real = np.ones((k.shape[0], k.shape[2]), dtype=bool) if mask is None else mask  # (B, S)
    if state is not None:
        k, v = np.concatenate([state[0], k], axis=2), np.concatenate([state[1], v], axis=2)
        real = np.concatenate([state[2], real], axis=1)  # (B, S_all)
    mask = None if real.all() else real  # a mask that hides nothing would cost time
    o, attention_cache = dot_product_attention_forward(q, k, v, mask, causal)
    o = _merge_heads(o)  # (B, T, E)
    (y,) = _affine(o, weights[3:], biases[3:])  # (B, T, D_out)
    cache = x_q, x_kv, o, weights, b_o is not None, attention_cache, (q, k, mask, causal)
    return (y, (k, v, real)), cache


def multi_head_attention_backward(dy, cache, dstate=None):
    """Gradients of multi_head_attention_forward.

    Args:
        dy: (B, T, D_out) gradient of the loss with respect to y.
        cache: from multi_head_attention_forward.
        dstate: (dkeys, dvalues, None), gradients with respect to the returned state from its later
            use, or None for zeros.

    Returns:
        dx_q: (B, T, D). dx_kv: (B, S, D_kv), or None where keys and values came from x_q, whose
            gradient then holds all three ways.
        dstate_0: (dkeys, dvalues, None) with respect to the given state, (B, heads, S_before, d);
            a mask has no gradient.
        grads: dict keyed like the parameters given.

    Raises:
        ValueError: dy or dstate does not have the shape of what it is the gradient of.
    """
    x_q, x_kv, o, weights, biased, attention_cache, (q, k, _, _) = cache
    y_shape = (*x_q.shape[:2], len(weights[3]))
    require_shape("dy", dy, y_shape, f"x_q {x_q.shape} with W_o {weights[3].shape}")
    do, dW_o, db_o = _affine_backward([dy], o, weights[3:])
    dq, dk, dv = dot_product_attention_backward(_split_heads(do, q.shape[1]), attention_cache)
    if dstate is not None:
        require_shape("dkeys", dstate[0], k.shape, f"keys {k.shape}")
        require_shape("dvalues", dstate[1], k.shape, f"keys {k.shape}")
        dk, dv = dk + dstate[0], dv + dstate[1]
    before = k.shape[2] - (x_q if x_kv is None else x_kv).shape[1]
    dstate_0 = dk[:, :, :before], dv[:, :, :before], None  # (B, heads, S_before, d)
    d_heads = dq, dk[:, :, before:], dv[:, :, before:]  # what the newly projected ones get
    dq, dk, dv = (_merge_heads(d) for d in d_heads)  # (B, T or S, E) each
    if x_kv is None:
        dx_kv = None
        dx_q, dW, db = _affine_backward([dq, dk, dv], x_q, weights[:3])
    else:
        dx_q, dW, db = _affine_backward([dq], x_q, weights[:1])
        dx_kv, dW_kv, db_kv = _affine_backward([dk, dv], x_kv, weights[1:3])
        dW, db = dW + dW_kv, db + db_kv
    grads = {f"W_{name}": d for name, d in zip(PROJECTIONS, dW + dW_o, strict=True)}
    if biased:
        grads |= {f"b_{name}": d for name, d in zip(PROJECTIONS, db + db_o, strict=True)}
    return dx_q, dx_kv, dstate_0, grads


def multi_head_attention_weights(cache):
    """What each head looked at in the forward pass that gave ``cache``, for pictures.

    Returns:
        p: (B, heads, T, S_all); the weights of a query sum to 1, or to 0 where it sees no key.
    """
    return dot_product_attention_weights(*cache[-1])
