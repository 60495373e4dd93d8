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

import numpy as np

from rnn_course._gates import (
    per_gate,
    require_gated_shapes,
    weight_gradient,
)
from rnn_course._validate import require_shape, require_truncation
from rnn_course.activations import sigmoid, sigmoid_backward, tanh, tanh_backward
from rnn_course.initialisation import uniform_parameters


def init_gru(input_size, hidden_size, rng, dtype=np.float64):
    """Parameters {"W_xh": (3H, D), "W_hh": (3H, H), "b_xh": (3H,), "b_hh": (3H,)}.

    Rows stacked r, z, n; drawn uniformly from ±1/sqrt(hidden_size), as torch.nn.GRU does.
    """
    H, D = hidden_size, input_size
    shapes = {"W_xh": (3 * H, D), "W_hh": (3 * H, H), "b_xh": (3 * H,), "b_hh": (3 * H,)}
    return uniform_parameters(shapes, H, rng, dtype)


def _require_reset(reset):
    if reset not in ("after", "before"):
        raise ValueError(f"reset is {reset!r}; expected 'after' or 'before'")


def _cell_forward(a_from_x, h_prev, W_h, b_h, reset, gates_t):
    """Fill gates_t (3, B, H); return h_t (B, H) and what r multiplied (B, H).

    a_from_x: (3, B, H) with b_xh in it, W_h: (3, H, H) gate by gate, b_h: (3, 1, H).
    """
    gates_t[:2] = sigmoid(a_from_x[:2] + h_prev @ W_h[:2] + b_h[:2])
    r, z, n = gates_t  # (B, H) each, views
    if reset == "after":
        under_r = h_prev @ W_h[2] + b_h[2]  # (B, H)
        from_h = r * under_r  # (B, H)
    else:
        under_r = h_prev
        from_h = (r * under_r) @ W_h[2] + b_h[2]  # (B, H)
    n[:] = tanh(a_from_x[2] + from_h)
    return (1 - z) * n + z * h_prev, under_r


def _cell_backward(dh_t, h_prev, under_r, gates_t, W_h, reset, da_t):
    """Fill da_t (3, B, H), the gradient at x's side of each gate; return dh_prev (B, H).

    W_h: (3, H, H) gate by gate, each as in the equation, (out, in).
    """
    r, z, n = gates_t  # (B, H) each
    da_r, da_z, da_n = da_t  # (B, H) each, views
    da_n[:] = tanh_backward(dh_t * (1 - z), n)
    da_z[:] = sigmoid_backward(dh_t * (h_prev - n), z)
    if reset == "after":
        dr = da_n * under_r  # (B, H)
        dh_n = (r * da_n) @ W_h[2]  # (B, H)
    else:
        d_product = da_n @ W_h[2]  # (B, H), with respect to r * h_prev
        dr = d_product * under_r  # (B, H)
        dh_n = d_product * r  # (B, H)
    da_r[:] = sigmoid_backward(dr, r)
    return z * dh_t + da_r @ W_h[0] + da_z @ W_h[1] + dh_n


def _input_and_parameter_gradients(da, r, x_rows, h_prev_rows, W_xh, reset):
    """dx (R, D) and grads for da (3, R, H), r (R, H), one row for each sequence and step."""
    if reset == "after":
        da_n_from_h, n_sees = r * da[2], h_prev_rows  # (R, H) each
    else:
        da_n_from_h, n_sees = da[2], r * h_prev_rows  # (R, H) each
    dW_hn = da_n_from_h.T @ n_sees  # (H, H)
    grads = {
        "W_xh": weight_gradient(da, x_rows),
        "W_hh": np.concatenate([weight_gradient(da[:2], h_prev_rows), dW_hn]),
        "b_xh": da.sum(axis=1).ravel(),
        "b_hh": np.concatenate([da[:2].sum(axis=1).ravel(), da_n_from_h.sum(axis=0)]),
    }
    return (da @ per_gate(W_xh, 3).swapaxes(1, 2)).sum(axis=0), grads


def gru_step_forward(x_t, h_prev, W_xh, W_hh, b_xh, b_hh, reset="after"):
    """Advance a GRU by one time step (eq-gru-gates to eq-gru-hidden), one row per sequence.

    Args:
        x_t: (B, D) input at time t.
        h_prev: (B, H) hidden state at time t - 1; zeros at the first step.
        W_xh: (3H, D), W_hh: (3H, H), b_xh: (3H,), b_hh: (3H,) parameters, rows stacked r, z, n.
        reset: "after" the product with W_hn, as in torch, or "before" it, as in Cho et al.

    Returns:
        h_t: (B, H) hidden state, between h_prev and n in each entry.
        cache: what gru_step_backward needs; opaque.

    Raises:
        ValueError: a size disagrees with the weights, named with both shapes, or an unknown reset.

    Source: Cho et al. (2014), doi:10.3115/v1/D14-1179; biases added.
    """
    biases = {"b_xh": b_xh, "b_hh": b_hh}
    require_gated_shapes(3, "x_t", x_t, (None,), {"h_prev": h_prev}, W_xh, W_hh, biases)
    _require_reset(reset)
    a_from_x = x_t @ per_gate(W_xh, 3) + b_xh.reshape(3, 1, -1)  # (3, B, H)
    gates_t = np.empty_like(a_from_x)  # (3, B, H)
    W_h, b_h = per_gate(W_hh, 3), b_hh.reshape(3, 1, -1)  # (3, H, H), (3, 1, H)
    h_t, under_r = _cell_forward(a_from_x, h_prev, W_h, b_h, reset, gates_t)
    return h_t, (x_t, h_prev, under_r, gates_t, W_xh, W_hh, reset)


def gru_step_backward(dh_t, cache):
    """Gradients of one step (eq-gru-gates-backward, eq-gru-hidden-backward).

    Args:
        dh_t: (B, H) all of the gradient that reaches h_t.
        cache: from gru_step_forward.

    Returns:
        dx_t: (B, D). dh_prev: (B, H).
        grads: {"W_xh": (3H, D), "W_hh": (3H, H), "b_xh": (3H,), "b_hh": (3H,)}, summed over the
            batch.

    Raises:
        ValueError: dh_t does not have the shape of h_t.
    """
    x_t, h_prev, under_r, gates_t, W_xh, W_hh, reset = cache
    require_shape("dh_t", dh_t, h_prev.shape, f"h_t {h_prev.shape}")
    da_t = np.empty_like(gates_t)  # (3, B, H)
    W_h = W_hh.reshape(3, -1, W_hh.shape[1])  # (3, H, H)
    dh_prev = _cell_backward(dh_t, h_prev, under_r, gates_t, W_h, reset, da_t)
    dx_t, grads = _input_and_parameter_gradients(da_t, gates_t[0], x_t, h_prev, W_xh, reset)
    return dx_t, dh_prev, grads


def gru_forward(x, h_0, W_xh, W_hh, b_xh, b_hh, reset="after"):
    """Run a GRU over whole sequences (eq-gru-gates to eq-gru-hidden at each step).

    Right-padded batches need no special care here: a state depends on earlier steps only.

    Args:
        x: (B, T, D) inputs.
        h_0: (B, H) state before the first step, or None for zeros.
        W_xh: (3H, D), W_hh: (3H, H), b_xh: (3H,), b_hh: (3H,) parameters, rows stacked r, z, n.
        reset: "after" the product with W_hn, as in torch, or "before" it, as in Cho et al.

    Returns:
        h: (B, T, H) the state after each step.
        cache: what gru_backward needs; opaque.

    Raises:
        ValueError: a size disagrees with the weights, or an unknown reset.

    Source: Cho et al. (2014), doi:10.3115/v1/D14-1179; biases added.
    """
    states = {} if h_0 is None else {"h_0": h_0}
    biases = {"b_xh": b_xh, "b_hh": b_hh}
    require_gated_shapes(3, "x", x, (None, None), states, W_xh, W_hh, biases)
    _require_reset(reset)
    B, T, D = x.shape
    H = W_hh.shape[1]
    x_rows = x.swapaxes(0, 1).reshape(T * B, D)  # (T B, D), time first: each step is one block
    a_from_x = x_rows @ np.ascontiguousarray(per_gate(W_xh, 3)) + b_xh.reshape(3, 1, H)
    a_from_x = a_from_x.reshape(3, T, B, H)  # all steps in one product: none depends on h
    W_h, b_h = np.ascontiguousarray(per_gate(W_hh, 3)), b_hh.reshape(3, 1, H)
    gates = np.empty_like(a_from_x)  # (3, T, B, H)
    h = np.empty((T + 1, B, H), dtype=gates.dtype)  # from the state before the first step
    h[0] = 0 if h_0 is None else h_0
    under_r = np.empty((T, B, H), dtype=gates.dtype)
    for t in range(T):
        h[t + 1], under_r[t] = _cell_forward(a_from_x[:, t], h[t], W_h, b_h, reset, gates[:, t])
    return h[1:].swapaxes(0, 1), (x_rows, h, under_r, gates, W_xh, W_hh, reset)


def gru_backward(dh, cache, truncation=None):
    """Backpropagation through time (eq-gru-gates-backward, eq-gru-hidden-backward).

    Args:
        dh: (B, T, H) gradient of the loss with respect to each step's state, from that step's
            own output only; what comes back through later steps is added here.
        cache: from gru_forward.
        truncation: None for the full gradient, or k >= 1: no gradient flows back over the cuts
            between pieces of k steps (0 to k - 1, k to 2k - 1, ...).

    Returns:
        dx: (B, T, D). dh_0: (B, H).
        grads: {"W_xh": (3H, D), "W_hh": (3H, H), "b_xh": (3H,), "b_hh": (3H,)}, summed over batch
            and steps.

    Raises:
        ValueError: dh does not have the shape of h, or truncation is below 1.
    """
    x_rows, h, under_r, gates, W_xh, W_hh, reset = cache
    _, T, B, H = gates.shape
    require_shape("dh", dh, (B, T, H), f"h {(B, T, H)}")
    require_truncation(truncation)
    W_h = W_hh.reshape(3, H, H)
    da = np.empty_like(gates)  # (3, T, B, H)
    dh_next = np.zeros((B, H), dtype=da.dtype)  # what step t + 1 sends back
    for t in reversed(range(T)):
        if truncation is not None and (t + 1) % truncation == 0:
            dh_next = np.zeros((B, H), dtype=da.dtype)  # a cut lies between t and t + 1
        dh_t = dh[:, t] + dh_next  # (B, H)
        dh_next = _cell_backward(dh_t, h[t], under_r[t], gates[:, t], W_h, reset, da[:, t])
    dx_rows, grads = _input_and_parameter_gradients(
        da.reshape(3, T * B, H),
        gates[0].reshape(T * B, H),
        x_rows,
        h[:-1].reshape(T * B, H),
        W_xh,
        reset,
    )
    return dx_rows.reshape(T, B, W_xh.shape[1]).swapaxes(0, 1), dh_next, grads
