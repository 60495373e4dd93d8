"""The long short-term memory (LSTM): one step, a whole sequence, and its gradient.

Four gates are computed from the input and the previous state; the weights' rows are stacked in the
order i, f, g, o. The cell state c_t carries the memory, h_t is what the rest of the network sees.

a_t = W_xh x_t + W_hh h_{t-1} + b_h, stacked (a_i, a_f, a_g, a_o),
i = sigmoid(a_i), f = sigmoid(a_f), g = tanh(a_g), o = sigmoid(a_o)               (eq-lstm-gates)
c_t = f * c_{t-1} + i * g                                                         (eq-lstm-cell)
h_t = o * tanh(c_t)                                                               (eq-lstm-hidden)

Gradients run backward through time. With dh_t and dc_t what reaches h_t and c_t from outside the
step, the cell first adds what comes through h_t, and then hands all of it on:

dc_t <- dc_t + dh_t * o * (1 - tanh(c_t)²),  dc_{t-1} = f * dc_t          (eq-lstm-cell-backward)
da_i = dc_t * g * i (1 - i),  da_f = dc_t * c_{t-1} * f (1 - f),
da_g = dc_t * i * (1 - g²),  da_o = dh_t * tanh(c_t) * o (1 - o)          (eq-lstm-gates-backward)
dh_{t-1} = W_hh^T da_t,  dx_t = W_xh^T da_t                               (eq-lstm-hidden-backward)
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


def init_lstm(input_size, hidden_size, rng, forget_bias=0.0, dtype=np.float64):
    """Parameters {"W_xh": (4H, D), "W_hh": (4H, H), "b_h": (4H,)}, rows stacked i, f, g, o.

    Drawn uniformly from ±1/sqrt(hidden_size), as torch.nn.LSTM does, but for the forget gate's
    bias, b_h[H:2H], which is ``forget_bias``. At 0 a new cell keeps about half of its memory
    a step, at 1 about 73 %, so gradients reach further back from the start.

    Source: a positive forget bias: Gers, Schmidhuber and Cummins (2000),
        doi:10.1162/089976600300015015.
    """
    H, D = hidden_size, input_size
    shapes = {"W_xh": (4 * H, D), "W_hh": (4 * H, H), "b_h": (4 * H,)}
    params = uniform_parameters(shapes, H, rng, dtype)
    params["b_h"][H : 2 * H] = forget_bias
    return params


def _cell_forward(a_t, c_prev, gates_t):
    """Fill gates_t (4, B, H) from a_t (4, B, H); return c_t, tanh(c_t) and h_t, each (B, H)."""
    gates_t[:2] = sigmoid(a_t[:2])
    gates_t[2] = tanh(a_t[2])
    gates_t[3] = sigmoid(a_t[3])
    i, f, g, o = gates_t  # (B, H) each
    c_t = f * c_prev + i * g  # (B, H)
    tanh_c = tanh(c_t)  # (B, H)
    return c_t, tanh_c, o * tanh_c


def _cell_backward(dh_t, dc_t, gates_t, c_prev, tanh_c, da_t):
    """Fill da_t (4, B, H) from all that reaches h_t and c_t; return dc_prev (B, H)."""
    i, f, g, o = gates_t  # (B, H) each
    dc_t = dc_t + tanh_backward(dh_t * o, tanh_c)  # (B, H)
    da_t[0] = sigmoid_backward(dc_t * g, i)
    da_t[1] = sigmoid_backward(dc_t * c_prev, f)
    da_t[2] = tanh_backward(dc_t * i, g)
    da_t[3] = sigmoid_backward(dh_t * tanh_c, o)
    return dc_t * f


def _input_and_parameter_gradients(da, x_rows, h_prev_rows, W_xh):
    """dx (R, D) and grads for da (4, R, H), one row for each sequence and step."""
    grads = {
        "W_xh": weight_gradient(da, x_rows),
        "W_hh": weight_gradient(da, h_prev_rows),
        "b_h": da.sum(axis=1).ravel(),
    }
    return (da @ per_gate(W_xh, 4).swapaxes(1, 2)).sum(axis=0), grads


def lstm_step_forward(x_t, h_prev, c_prev, W_xh, W_hh, b_h):
    """Advance an LSTM by one time step (eq-lstm-gates to eq-lstm-hidden), one row per sequence.

    Args:
        x_t: (B, D) input at time t.
        h_prev: (B, H) hidden state at time t - 1; zeros at the first step.
        c_prev: (B, H) cell state at time t - 1; zeros at the first step.
        W_xh: (4H, D), W_hh: (4H, H), b_h: (4H,) parameters, rows stacked i, f, g, o; b_h is the
            sum of torch's two biases.

    Returns:
        (h_t, c_t): (B, H) each; entries of h_t in (-1, 1), those of c_t of any size.
        cache: what lstm_step_backward needs; opaque.

    Raises:
        ValueError: a size disagrees with the weights; the message names both arrays and shapes.

    Source: Hochreiter and Schmidhuber (1997), doi:10.1162/neco.1997.9.8.1735; forget gate: Gers,
        Schmidhuber and Cummins (2000), doi:10.1162/089976600300015015.
    """
    states = {"h_prev": h_prev, "c_prev": c_prev}
    require_gated_shapes(4, "x_t", x_t, (None,), states, W_xh, W_hh, {"b_h": b_h})
    a_t = x_t @ per_gate(W_xh, 4) + h_prev @ per_gate(W_hh, 4) + b_h.reshape(4, 1, -1)  # (4, B, H)
    gates_t = np.empty_like(a_t)  # (4, B, H)
    c_t, tanh_c, h_t = _cell_forward(a_t, c_prev, gates_t)
    return (h_t, c_t), (x_t, h_prev, c_prev, gates_t, tanh_c, W_xh, W_hh)


def lstm_step_backward(dh_t, dc_t, cache):
    """Gradients of one step (eq-lstm-cell-backward to eq-lstm-hidden-backward).

    Args:
        dh_t: (B, H) gradient of the loss with respect to h_t, from outside this step.
        dc_t: (B, H) gradient of the loss with respect to c_t, from outside this step: what comes
            through h_t is added here.
        cache: from lstm_step_forward.

    Returns:
        dx_t: (B, D). dh_prev: (B, H). dc_prev: (B, H).
        grads: {"W_xh": (4H, D), "W_hh": (4H, H), "b_h": (4H,)}, summed over the batch.

    Raises:
        ValueError: dh_t or dc_t does not have the shape of the state.
    """
    x_t, h_prev, c_prev, gates_t, tanh_c, W_xh, W_hh = cache
    require_shape("dh_t", dh_t, tanh_c.shape, f"h_t {tanh_c.shape}")
    require_shape("dc_t", dc_t, tanh_c.shape, f"c_t {tanh_c.shape}")
    da_t = np.empty_like(gates_t)  # (4, B, H)
    dc_prev = _cell_backward(dh_t, dc_t, gates_t, c_prev, tanh_c, da_t)
    dh_prev = (da_t @ per_gate(W_hh, 4).swapaxes(1, 2)).sum(axis=0)  # (B, H)
    dx_t, grads = _input_and_parameter_gradients(da_t, x_t, h_prev, W_xh)
    return dx_t, dh_prev, dc_prev, grads


def lstm_forward(x, h_0, c_0, W_xh, W_hh, b_h):
    """Run an LSTM over whole sequences (eq-lstm-gates to eq-lstm-hidden at each step).

    Right-padded batches need no special care here: a state depends on earlier steps only.

    Args:
        x: (B, T, D) inputs.
        h_0: (B, H) hidden state before the first step, or None for zeros.
        c_0: (B, H) cell state before the first step, or None for zeros.
        W_xh: (4H, D), W_hh: (4H, H), b_h: (4H,) parameters, rows stacked i, f, g, o.

    Returns:
        (h, c): (B, T, H) each, the hidden and the cell state after each step.
        cache: what lstm_backward needs; opaque.

    Raises:
        ValueError: a size disagrees with the weights.

    Source: Hochreiter and Schmidhuber (1997), doi:10.1162/neco.1997.9.8.1735; forget gate: Gers,
        Schmidhuber and Cummins (2000), doi:10.1162/089976600300015015.
    """
    given = {"h_0": h_0, "c_0": c_0}
    states = {name: state for name, state in given.items() if state is not None}
    require_gated_shapes(4, "x", x, (None, None), states, W_xh, W_hh, {"b_h": b_h})
    B, T, D = x.shape
    H = W_hh.shape[1]
    x_rows = x.swapaxes(0, 1).reshape(T * B, D)  # (T B, D), time first: each step is one block
    a_from_x = x_rows @ np.ascontiguousarray(per_gate(W_xh, 4)) + b_h.reshape(4, 1, H)
    a_from_x = a_from_x.reshape(4, T, B, H)  # all steps in one product: none depends on h
    W_h = np.ascontiguousarray(per_gate(W_hh, 4))  # (4, H, H)
    gates = np.empty_like(a_from_x)  # (4, T, B, H)
    h, c = np.empty((2, T + 1, B, H), dtype=gates.dtype)  # (T + 1, B, H) each, from the start
    h[0], c[0] = 0 if h_0 is None else h_0, 0 if c_0 is None else c_0
    tanh_c = np.empty((T, B, H), dtype=gates.dtype)
    for t in range(T):
        a_t = h[t] @ W_h + a_from_x[:, t]  # (4, B, H)
        c[t + 1], tanh_c[t], h[t + 1] = _cell_forward(a_t, c[t], gates[:, t])
    outputs = h[1:].swapaxes(0, 1), c[1:].swapaxes(0, 1)  # (B, T, H) each
    return outputs, (x_rows, h, c, gates, tanh_c, W_xh, W_hh)


def lstm_backward(dh, dc, cache, truncation=None):
    """Backpropagation through time (eq-lstm-cell-backward to eq-lstm-hidden-backward).

    Args:
        dh: (B, T, H) gradient of the loss with respect to each step's hidden state, from that
            step's own output only; what comes back through later steps is added here.
        dc: (B, T, H) the same for each step's cell state, or None where the loss does not see it.
        cache: from lstm_forward.
        truncation: None for the full gradient, or k >= 1: no gradient flows back over the cuts
            between pieces of k steps (0 to k - 1, k to 2k - 1, ...), in either state.

    Returns:
        dx: (B, T, D). dh_0: (B, H). dc_0: (B, H).
        grads: {"W_xh": (4H, D), "W_hh": (4H, H), "b_h": (4H,)}, summed over batch and steps.

    Raises:
        ValueError: dh or dc does not have the shape of h, or truncation is below 1.
    """
    x_rows, h, c, gates, tanh_c, W_xh, W_hh = cache
    _, T, B, H = gates.shape
    require_shape("dh", dh, (B, T, H), f"h {(B, T, H)}")
    if dc is not None:
        require_shape("dc", dc, (B, T, H), f"c {(B, T, H)}")
    require_truncation(truncation)
    W_h = W_hh.reshape(4, H, H)
    da = np.empty_like(gates)  # (4, T, B, H)
    dh_next, dc_next = np.zeros((2, B, H), dtype=da.dtype)  # what step t + 1 sends back
    for t in reversed(range(T)):
        if truncation is not None and (t + 1) % truncation == 0:
            dh_next, dc_next = np.zeros((2, B, H), dtype=da.dtype)  # a cut between t and t + 1
        dc_t = dc_next if dc is None else dc[:, t] + dc_next  # (B, H)
        dc_next = _cell_backward(dh[:, t] + dh_next, dc_t, gates[:, t], c[t], tanh_c[t], da[:, t])
        dh_next = (da[:, t] @ W_h).sum(axis=0)  # (B, H)
    da_rows, h_prev_rows = da.reshape(4, T * B, H), h[:-1].reshape(T * B, H)
    dx_rows, grads = _input_and_parameter_gradients(da_rows, x_rows, h_prev_rows, W_xh)
    dx = dx_rows.reshape(T, B, W_xh.shape[1]).swapaxes(0, 1)  # (B, T, D)
    return dx, dh_next, dc_next, grads
