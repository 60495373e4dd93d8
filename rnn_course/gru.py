"""The gated recurrent unit (GRU) in both conventions: one step, a whole sequence, its gradient.

Weights' rows are stacked in the order r, z, n. The gates are the same in both conventions:

r = sigmoid(W_xr x_t + b_xr + W_hr h_{t-1} + b_hr)
z = sigmoid(W_xz x_t + b_xz + W_hz h_{t-1} + b_hz)                        (eq-gru-gates)

The reset gate r acts after the product with W_hn, as in torch, or before it, as in Cho et al.:

n = tanh(W_xn x_t + b_xn + r * (W_hn h_{t-1} + b_hn))  reset="after"      (eq-gru-candidate-after)
n = tanh(W_xn x_t + b_xn + W_hn (r * h_{t-1}) + b_hn)  reset="before"     (eq-gru-candidate-before)
h_t = (1 - z) * n + z * h_{t-1}                                           (eq-gru-hidden)

z is the share of the old state that is kept, here, in torch and in Cho et al., who write
h_t = z h_{t-1} + (1 - z) n. Some texts give 1 - z that role; since 1 - sigmoid(a) = sigmoid(-a),
their weights become ours by changing the sign of the rows and biases of z. No such exchange leads
from one reset to the other: after the product r weighs what each unit hears, before it what each
unit says, and the two agree for every r and h_{t-1} only where W_hn is diagonal and b_hn is zero.

Gradients, with dh_t all that reaches h_t:

da_n = dh_t * (1 - z) * (1 - n²),  da_z = dh_t * (h_{t-1} - n) * z (1 - z),
da_r = da_n * (W_hn h_{t-1} + b_hn) * r (1 - r)  after,
da_r = (W_hn^T da_n) * h_{t-1} * r (1 - r)       before                   (eq-gru-gates-backward)
dh_{t-1} = z * dh_t + W_hr^T da_r + W_hz^T da_z + dh_n                    (eq-gru-hidden-backward)
with dh_n = W_hn^T (r * da_n)  after,  r * (W_hn^T da_n)  before.
"""

from functools import partial

import numpy as np

from rnn_course._time_blocks import (
    backward_in_blocks,
    float_type,
    forward_in_blocks,
    from_columns,
    side_by_side,
    with_one,
    zeros_if_none,
)
from rnn_course._validate import require_recurrent_shapes, require_shape
from rnn_course.activations import sigmoid, sigmoid_backward, tanh, tanh_backward
from rnn_course.initialisation import uniform_parameters

# Inside the backward pass da has the rows hn, r, z, n, where hn is n as the state's side sees it:
# the last three are what reaches the input's side, the first three what reaches the state's
HN_FIRST = [2, 0, 1]


def init_gru(input_size, hidden_size, rng, dtype=np.float64, bias=True):
    """Parameters {"W_xh": (3H, D), "W_hh": (3H, H), "b_xh": (3H,), "b_hh": (3H,)}.

    Rows stacked r, z, n; drawn uniformly from ±1/sqrt(hidden_size), as torch.nn.GRU does. Without
    bias there is no b_xh and no b_hh.
    """
    H, D = hidden_size, input_size
    biases = {"b_xh": (3 * H,), "b_hh": (3 * H,)} if bias else {}
    shapes = {"W_xh": (3 * H, D), "W_hh": (3 * H, H)} | biases
    return uniform_parameters(shapes, H, rng, dtype)


def require_reset(reset):
    if reset not in ("after", "before"):
        raise ValueError(f"reset is {reset!r}; expected 'after' or 'before'")


def gru_step_forward(x_t, h_prev, W_xh, W_hh, b_xh=None, b_hh=None, reset="after"):
    """Advance a GRU by one time step (eq-gru-gates to eq-gru-hidden), one row per sequence.

    Args:
        x_t: (B, D) input at time t.
        h_prev: (B, H) hidden state at time t - 1; zeros at the first step.
        W_xh: (3H, D), W_hh: (3H, H), b_xh: (3H,) or None, b_hh: (3H,) or None: parameters, rows
            stacked r, z, n.
        reset: "after" the product with W_hn, as in torch, or "before" it, as in Cho et al.

    Returns:
        h_t: (B, H) hidden state, between h_prev and n in each entry.
        cache: what gru_step_backward needs; opaque.

    Raises:
        ValueError: a size disagrees with the weights, named with both shapes, or an unknown reset.

    Source: Cho et al. (2014), doi:10.3115/v1/D14-1179; biases added.
    """
    biases = {"b_xh": b_xh, "b_hh": b_hh}
    require_recurrent_shapes(3, "x_t", x_t, (None,), {"h_prev": h_prev}, W_xh, W_hh, biases)
    require_reset(reset)
    H = W_hh.shape[1]
    b_x, b_h = (np.zeros(3 * H, x_t.dtype) if b is None else b for b in (b_xh, b_hh))  # (3H,)
    a_x = x_t @ W_xh.T + b_x  # (B, 3H)
    a_h = h_prev @ W_hh[: 2 * H].T + b_h[: 2 * H]  # (B, 2H)
    r_z = sigmoid(a_x[:, : 2 * H] + a_h)  # (B, 2H)
    r, z = r_z[:, :H], r_z[:, H:]  # (B, H) each
    W_hn, b_hn = W_hh[2 * H :], b_h[2 * H :]  # (H, H), (H,)
    if reset == "after":
        under_r = h_prev @ W_hn.T + b_hn  # (B, H), what r multiplies
        from_h = r * under_r  # (B, H)
    else:
        under_r = h_prev
        from_h = (r * under_r) @ W_hn.T + b_hn  # (B, H)
    n = tanh(a_x[:, 2 * H :] + from_h)  # (B, H)
    h_t = (1 - z) * n + z * h_prev  # (B, H)
    params = {"W_xh": W_xh, "W_hh": W_hh} | biases
    return h_t, (x_t, h_prev, under_r, (r, z, n), params, reset)


def gru_step_backward(dh_t, cache):
    """Gradients of one step (eq-gru-gates-backward, eq-gru-hidden-backward).

    Args:
        dh_t: (B, H) all of the gradient that reaches h_t.
        cache: from gru_step_forward.

    Returns:
        dx_t: (B, D). dh_prev: (B, H).
        grads: {"W_xh": (3H, D), "W_hh": (3H, H), "b_xh": (3H,), "b_hh": (3H,)}, summed over the
            batch; keyed like the parameters given.

    Raises:
        ValueError: dh_t does not have the shape of h_t.
    """
    x_t, h_prev, under_r, (r, z, n), params, reset = cache
    require_shape("dh_t", dh_t, h_prev.shape, f"h_t {h_prev.shape}")
    W_xh, W_hh, H = params["W_xh"], params["W_hh"], h_prev.shape[1]
    W_hn = W_hh[2 * H :]  # (H, H)
    da_n = tanh_backward(dh_t * (1 - z), n)  # (B, H)
    da_z = sigmoid_backward(dh_t * (h_prev - n), z)  # (B, H)
    if reset == "after":
        da_r = sigmoid_backward(da_n * under_r, r)  # (B, H)
        da_hn, seen_by_n = r * da_n, h_prev  # (B, H) each
        dh_n = da_hn @ W_hn  # (B, H)
    else:
        da_hn, seen_by_n = da_n, r * h_prev  # (B, H) each
        d_seen = da_n @ W_hn  # (B, H)
        da_r, dh_n = sigmoid_backward(d_seen * under_r, r), d_seen * r  # (B, H) each
    da_rz = np.concatenate([da_r, da_z], axis=1)  # (B, 2H)
    da_x, da_h = np.concatenate([da_rz, da_n], axis=1), np.concatenate([da_rz, da_hn], axis=1)
    dh_prev = dh_t * z + da_rz @ W_hh[: 2 * H] + dh_n  # (B, H)
    dW_hh = np.concatenate([da_rz.T @ h_prev, da_hn.T @ seen_by_n])  # (3H, H)
    grads = {"W_xh": da_x.T @ x_t, "W_hh": dW_hh, "b_xh": da_x.sum(0), "b_hh": da_h.sum(0)}
    return da_x @ W_xh, dh_prev, _of_given(grads, params)


def _of_given(grads, params):
    return {name: grad for name, grad in grads.items() if params[name] is not None}


def gru_forward(x, h_0, W_xh, W_hh, b_xh=None, b_hh=None, reset="after", lengths=None):
    """Run a GRU over whole sequences (eq-gru-gates to eq-gru-hidden at each step).

    Args:
        x: (B, T, D) inputs.
        h_0: (B, H) state before the first step, or None for zeros.
        W_xh: (3H, D), W_hh: (3H, H), b_xh: (3H,) or None, b_hh: (3H,) or None: parameters, rows
            stacked r, z, n.
        reset: "after" the product with W_hn, as in torch, or "before" it, as in Cho et al.
        lengths: (B,) real steps of each right-padded sequence, 0 to T, or None for T each.

    Returns:
        h: (B, T, H) the state after each step; zeros at padded steps where lengths are given.
        cache: what gru_backward needs; opaque.

    Raises:
        ValueError: a size disagrees with the weights, an unknown reset, or a length lies outside 0
            to T.

    Source: Cho et al. (2014), doi:10.3115/v1/D14-1179; biases added.
    """
    biases = {"b_xh": b_xh, "b_hh": b_hh}
    require_recurrent_shapes(3, "x", x, (None, None), {"h_0": h_0}, W_xh, W_hh, biases)
    require_reset(reset)
    (B, T, D), H = x.shape, W_hh.shape[1]
    dtype = float_type(x, W_hh, h_0)
    W_x, W_h = halved(W_xh, b_xh, dtype), halved(W_hh, b_hh, dtype)  # (3H, · + 1)
    advance = advance_after if reset == "after" else advance_before

    def block_forward(x, states, new):
        k, _, n = x.shape
        x1, h1, under_r = new(k, D + 1, n), new(k + 1, H + 1, n), new(k, H + 1, n)
        x1[:, :D], h1[0, :H] = x, states[0]
        x1[:, D], h1[:, H], under_r[:, H] = 1, 1, 1
        gates = new(k, 3, H, n)  # (k, 3, H, n)
        np.matmul(W_x, x1, gates.reshape(k, 3 * H, n))  # no step's input depends on its state
        for t in range(k):
            advance(W_h, h1[t], gates[t], under_r[t], h1[t + 1, :H])
        return [h1[:, :H]], (x1, h1[:-1], gates, under_r)

    h_0 = zeros_if_none(h_0, B, H, dtype)  # (B, H)
    (h,), blocks = forward_in_blocks(x, [h_0], lengths, D + 5 * H + 3, dtype, block_forward)
    return h, (blocks, (B, T, H), dtype, {"W_xh": W_xh, "W_hh": W_hh} | biases, reset)


def halved(W, b, dtype):
    """[W b] with the rows of r and z halved, since sigmoid(a) = (1 + tanh(a / 2)) / 2."""
    W = with_one(W, b, dtype)  # (3H, · + 1)
    W[: 2 * (len(W) // 3)] *= 0.5
    return W


def _sigmoid_from_half(a):
    """In place (1 + tanh(a)) / 2, where a is half of the pre-activation."""
    np.tanh(a, a)
    a *= 0.5
    a += 0.5


def advance_after(W_h, h1_t, gates_t, under_r_t, h_next):
    """One step for n sequences in columns, where r multiplies W_hn h_prev + b_hn.

    W_h: (3H, H + 1), the rows of r and z halved. h1_t: (H + 1, n) the state over a 1. gates_t:
    (3, H, n) holds W_xh x_t + b_xh and is filled with r, z, n; under_r_t and h_next (H, n) are
    filled too.
    """
    H = len(h_next)
    a_h = (W_h @ h1_t).reshape(gates_t.shape)  # (3, H, n)
    r_z = gates_t[:2]  # (2, H, n), a view
    r_z += a_h[:2]
    _sigmoid_from_half(r_z)
    r, z, candidate = gates_t  # (H, n) each, views
    under_r_t[:H] = a_h[2]
    candidate += r * a_h[2]
    np.tanh(candidate, candidate)
    np.subtract(h1_t[:H], candidate, h_next)  # h_t = n + z (h_prev - n)
    h_next *= z
    h_next += candidate


def advance_before(W_h, h1_t, gates_t, r_h1_t, h_next):
    """The same where r multiplies h_prev: fills r_h1_t (H + 1, n) over its last row."""
    H = len(h_next)
    h_prev, r_z = h1_t[:H], gates_t[:2]  # (H, n), (2, H, n)
    r_z += (W_h[: 2 * H] @ h1_t).reshape(r_z.shape)
    _sigmoid_from_half(r_z)
    r, z, candidate = gates_t  # (H, n) each, views
    np.multiply(r, h_prev, r_h1_t[:H])
    candidate += W_h[2 * H :] @ r_h1_t
    np.tanh(candidate, candidate)
    np.subtract(h_prev, candidate, h_next)
    h_next *= z
    h_next += candidate


def gru_backward(dh, cache, truncation=None):
    """Backpropagation through time (eq-gru-gates-backward, eq-gru-hidden-backward).

    Args:
        dh: (B, T, H) gradient of the loss with respect to each step's state, from that step's
            own output only; what comes back through later steps is added here. At padded steps
            it is not looked at.
        cache: from gru_forward.
        truncation: None for the full gradient, or k >= 1: no gradient flows back over the cuts
            between pieces of k steps (0 to k - 1, k to 2k - 1, ...).

    Returns:
        dx: (B, T, D). dh_0: (B, H).
        grads: {"W_xh": (3H, D), "W_hh": (3H, H), "b_xh": (3H,), "b_hh": (3H,)}, summed over batch
            and steps; keyed like the parameters given.

    Raises:
        ValueError: dh does not have the shape of h, or truncation is below 1.
    """
    blocks, (B, T, H), dtype, params, reset = cache
    D = params["W_xh"].shape[1]
    block_backward = _backward_after if reset == "after" else _backward_before
    W_back = np.ascontiguousarray(params["W_hh"].reshape(3, H, H)[HN_FIRST].reshape(3 * H, H).T)
    da, (dh_0,) = backward_in_blocks(
        {"dh": dh}, blocks, truncation, (B, T, H), 4 * H, dtype, partial(block_backward, W_back)
    )  # da (4H, R), rows hn, r, z, n
    da_x, da_h = da[H:], da[: 3 * H]  # (3H, R): what reaches x's side, and h's
    kept = [[block.arrays[which] for block in blocks] for which in range(4)]
    x1, h1 = side_by_side(kept[0], D + 1, dtype), side_by_side(kept[1], H + 1, dtype)  # (·, R)
    seen_by_n = h1 if reset == "after" else side_by_side(kept[3], H + 1, dtype)  # (H + 1, R)
    dW_x = da_x @ x1.T  # (3H, D + 1)
    dW_h = np.concatenate([da_h[H:] @ h1.T, da_h[:H] @ seen_by_n.T])  # (3H, H + 1)
    grads = {"W_xh": dW_x[:, :D], "W_hh": dW_h[:, :H], "b_xh": dW_x[:, D], "b_hh": dW_h[:, H]}
    dx = from_columns(params["W_xh"].T @ da_x, blocks, B, T)  # (B, T, D)
    return dx, dh_0, _of_given(grads, params)


def _backward_after(W_back, d_histories, d_next, arrays):
    (dh,), (dh_next,), (_, h1, gates, under_r) = d_histories, d_next, arrays
    (k, _, H, n), (r, z, candidate) = gates.shape, gates.swapaxes(0, 1)  # (k, H, n) each
    da = np.empty((k, 4, H, n), dtype=gates.dtype)  # rows hn, r, z, n; first without dh_t
    da[:, 3] = tanh_backward(1 - z, candidate)
    da[:, 2] = sigmoid_backward(h1[:, :H] - candidate, z)
    da[:, 1] = sigmoid_backward(da[:, 3] * under_r[:, :H], r)
    da[:, 0] = r * da[:, 3]
    for t in reversed(range(k)):
        dh_t = dh[t] + dh_next  # (H, n)
        da[t] *= dh_t
        dh_next = W_back @ da[t, :3].reshape(3 * H, n)  # (H, n)
        dh_next += z[t] * dh_t
    return da, [dh_next]


def _backward_before(W_back, d_histories, d_next, arrays):
    (dh,), (dh_next,), (_, h1, gates, _) = d_histories, d_next, arrays
    (k, _, H, n), (r, z, candidate) = gates.shape, gates.swapaxes(0, 1)  # (k, H, n) each
    h_prev = h1[:, :H]  # (k, H, n)
    da = np.empty((k, 4, H, n), dtype=gates.dtype)  # rows hn, r, z, n
    slope_n, slope_z = tanh_backward(1 - z, candidate), sigmoid_backward(h_prev - candidate, z)
    slope_r = sigmoid_backward(h_prev, r)  # (k, H, n)
    for t in reversed(range(k)):
        dh_t = dh[t] + dh_next  # (H, n)
        da[t, 0] = da[t, 3] = dh_t * slope_n[t]
        d_seen = W_back[:, :H] @ da[t, 0]  # (H, n), with respect to r * h_prev
        da[t, 1], da[t, 2] = d_seen * slope_r[t], dh_t * slope_z[t]
        dh_next = W_back[:, H:] @ da[t, 1:3].reshape(2 * H, n) + d_seen * r[t] + z[t] * dh_t
    return da, [dh_next]
