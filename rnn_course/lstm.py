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

The functions of one step are the textbook's. Those of a sequence give the same numbers sooner:
input, state and a 1 for the bias stand in one column, so that one product gives a_t; the factors
that the backward pass multiplies dh_t and dc_t by are computed for many steps at once.
"""

import numpy as np

from rnn_course._time_blocks import (
    backward_in_blocks,
    float_type,
    forward_in_blocks,
    from_columns,
    input_state_one,
    side_by_side,
    split_gradient,
    with_one,
    zeros_if_none,
)
from rnn_course._validate import require_recurrent_shapes, require_shape
from rnn_course.activations import sigmoid, sigmoid_backward, tanh, tanh_backward
from rnn_course.initialisation import uniform_parameters

# Inside a sequence the gates stand in the order o, i, f, g: the three sigmoids are neighbours, and
# so are the three that dc_t reaches
INSIDE, OUTSIDE, SIGMOIDS = [3, 0, 1, 2], [1, 2, 3, 0], slice(0, 3)


def init_lstm(input_size, hidden_size, rng, forget_bias=0.0, dtype=np.float64, bias=True):
    """Parameters {"W_xh": (4H, D), "W_hh": (4H, H), "b_h": (4H,)}, rows stacked i, f, g, o.

    Drawn uniformly from ±1/sqrt(hidden_size), as torch.nn.LSTM does, but for the forget gate's
    bias, b_h[H:2H], which is ``forget_bias``. At 0 a new cell keeps about half of its memory
    a step, at 1 about 73 %, so gradients reach further back from the start. Without bias there
    is no b_h, and forget_bias says nothing.

    Source: a positive forget bias: Gers, Schmidhuber and Cummins (2000),
        doi:10.1162/089976600300015015.
    """
    H, D = hidden_size, input_size
    shapes = {"W_xh": (4 * H, D), "W_hh": (4 * H, H)} | ({"b_h": (4 * H,)} if bias else {})
    params = uniform_parameters(shapes, H, rng, dtype)
    if bias:
        params["b_h"][H : 2 * H] = forget_bias
    return params


def lstm_step_forward(x_t, h_prev, c_prev, W_xh, W_hh, b_h=None):
    """Advance an LSTM by one time step (eq-lstm-gates to eq-lstm-hidden), one row per sequence.

    Args:
        x_t: (B, D) input at time t.
        h_prev: (B, H) hidden state at time t - 1; zeros at the first step.
        c_prev: (B, H) cell state at time t - 1; zeros at the first step.
        W_xh: (4H, D), W_hh: (4H, H), b_h: (4H,) or None: parameters, rows stacked i, f, g, o; b_h
            is the sum of torch's two biases.

    Returns:
        (h_t, c_t): (B, H) each; entries of h_t in (-1, 1), those of c_t of any size.
        cache: what lstm_step_backward needs; opaque.

    Raises:
        ValueError: a size disagrees with the weights; the message names both arrays and shapes.

    Source: Hochreiter and Schmidhuber (1997), doi:10.1162/neco.1997.9.8.1735; forget gate: Gers,
        Schmidhuber and Cummins (2000), doi:10.1162/089976600300015015.
    """
    states = {"h_prev": h_prev, "c_prev": c_prev}
    require_recurrent_shapes(4, "x_t", x_t, (None,), states, W_xh, W_hh, {"b_h": b_h})
    H = W_hh.shape[1]
    a_t = x_t @ W_xh.T + h_prev @ W_hh.T  # (B, 4H)
    if b_h is not None:
        a_t = a_t + b_h
    i_f, g, o = sigmoid(a_t[:, : 2 * H]), tanh(a_t[:, 2 * H : 3 * H]), sigmoid(a_t[:, 3 * H :])
    i, f = i_f[:, :H], i_f[:, H:]  # (B, H) each
    c_t = f * c_prev + i * g  # (B, H)
    tanh_c = tanh(c_t)  # (B, H)
    return (o * tanh_c, c_t), (x_t, h_prev, c_prev, (i, f, g, o), tanh_c, W_xh, W_hh, b_h)


def lstm_step_backward(dh_t, dc_t, cache):
    """Gradients of one step (eq-lstm-cell-backward to eq-lstm-hidden-backward).

    Args:
        dh_t: (B, H) gradient of the loss with respect to h_t, from outside this step.
        dc_t: (B, H) gradient of the loss with respect to c_t, from outside this step: what comes
            through h_t is added here.
        cache: from lstm_step_forward.

    Returns:
        dx_t: (B, D). dh_prev: (B, H). dc_prev: (B, H).
        grads: {"W_xh": (4H, D), "W_hh": (4H, H), "b_h": (4H,)}, summed over the batch; keyed like
            the parameters given.

    Raises:
        ValueError: dh_t or dc_t does not have the shape of the state.
    """
    x_t, h_prev, c_prev, (i, f, g, o), tanh_c, W_xh, W_hh, b_h = cache
    require_shape("dh_t", dh_t, tanh_c.shape, f"h_t {tanh_c.shape}")
    require_shape("dc_t", dc_t, tanh_c.shape, f"c_t {tanh_c.shape}")
    dc_t = dc_t + tanh_backward(dh_t * o, tanh_c)  # (B, H)
    da_i = sigmoid_backward(dc_t * g, i)  # (B, H)
    da_f = sigmoid_backward(dc_t * c_prev, f)  # (B, H)
    da_g = tanh_backward(dc_t * i, g)  # (B, H)
    da_o = sigmoid_backward(dh_t * tanh_c, o)  # (B, H)
    da_t = np.concatenate([da_i, da_f, da_g, da_o], axis=1)  # (B, 4H)
    grads = {"W_xh": da_t.T @ x_t, "W_hh": da_t.T @ h_prev}
    if b_h is not None:
        grads["b_h"] = da_t.sum(axis=0)
    return da_t @ W_xh, da_t @ W_hh, dc_t * f, grads


def _inside(W):
    """Rows (4H, N) from the order i, f, g, o to the one used inside."""
    return W.reshape(4, -1, W.shape[1])[INSIDE].reshape(W.shape)


def stacked(W_xh, W_hh, b_h, dtype):
    """[W_xh W_hh b_h] with the gates in the order inside, those of the sigmoids halved.

    Since sigmoid(a) = (1 + tanh(a / 2)) / 2, one tanh then serves all four gates.
    """
    W = _inside(with_one(np.concatenate([W_xh, W_hh], axis=1), b_h, dtype))  # (4H, D + H + 1)
    W[: 3 * W_hh.shape[1]] *= 0.5
    return W


def advance(W, xh1_t, c_prev, gates_t, c_t, tanh_c_t, h_t):
    """One step for n sequences in columns: fill gates_t (4, H, n), c_t, tanh_c_t and h_t."""
    np.matmul(W, xh1_t, gates_t.reshape(len(W), -1))
    np.tanh(gates_t, gates_t)
    sigmoids = gates_t[SIGMOIDS]  # (3, H, n), a view
    sigmoids *= 0.5
    sigmoids += 0.5
    o, i, f, g = gates_t  # (H, n) each
    np.multiply(f, c_prev, c_t)
    c_t += i * g
    np.tanh(c_t, tanh_c_t)
    np.multiply(o, tanh_c_t, h_t)


def lstm_forward(x, h_0, c_0, W_xh, W_hh, b_h=None, lengths=None):
    """Run an LSTM over whole sequences (eq-lstm-gates to eq-lstm-hidden at each step).

    Args:
        x: (B, T, D) inputs.
        h_0: (B, H) hidden state before the first step, or None for zeros.
        c_0: (B, H) cell state before the first step, or None for zeros.
        W_xh: (4H, D), W_hh: (4H, H), b_h: (4H,) or None: parameters, rows stacked i, f, g, o.
        lengths: (B,) real steps of each right-padded sequence, 0 to T, or None for T each.

    Returns:
        (h, c): (B, T, H) each, the hidden and the cell state after each step; zeros at padded
            steps where lengths are given.
        cache: what lstm_backward needs; opaque.

    Raises:
        ValueError: a size disagrees with the weights, or a length lies outside 0 to T.

    Source: Hochreiter and Schmidhuber (1997), doi:10.1162/neco.1997.9.8.1735; forget gate: Gers,
        Schmidhuber and Cummins (2000), doi:10.1162/089976600300015015.
    """
    given = {"h_0": h_0, "c_0": c_0}
    require_recurrent_shapes(4, "x", x, (None, None), given, W_xh, W_hh, {"b_h": b_h})
    (B, T, D), H = x.shape, W_hh.shape[1]
    dtype = float_type(x, W_hh, h_0, c_0)
    W = stacked(W_xh, W_hh, b_h, dtype)  # (4H, D + H + 1)

    def block_forward(x, states, new):
        k, _, n = x.shape
        xh1 = input_state_one(x, states[0], new)  # (k + 1, D + H + 1, n)
        h = xh1[:, D:-1]  # (k + 1, H, n), a view
        c = new(k + 1, H, n)  # (k + 1, H, n)
        c[0] = states[1]
        gates = new(k, 4, H, n)  # (k, 4, H, n)
        tanh_c = new(k, H, n)  # (k, H, n)
        for t in range(k):
            advance(W, xh1[t], c[t], gates[t], c[t + 1], tanh_c[t], h[t + 1])
        return [h, c], (xh1[:-1], c[:-1], gates, tanh_c)

    states_0 = [zeros_if_none(state, B, H, dtype) for state in (h_0, c_0)]
    (h, c), blocks = forward_in_blocks(x, states_0, lengths, D + 7 * H + 1, dtype, block_forward)
    return (h, c), (blocks, (B, T, H), dtype, W_xh, W_hh, b_h)


def lstm_backward(dh, dc, cache, truncation=None):
    """Backpropagation through time (eq-lstm-cell-backward to eq-lstm-hidden-backward).

    Args:
        dh: (B, T, H) gradient of the loss with respect to each step's hidden state, from that
            step's own output only; what comes back through later steps is added here. At padded
            steps it is not looked at.
        dc: (B, T, H) the same for each step's cell state, or None where the loss does not see it.
        cache: from lstm_forward.
        truncation: None for the full gradient, or k >= 1: no gradient flows back over the cuts
            between pieces of k steps (0 to k - 1, k to 2k - 1, ...), in either state.

    Returns:
        dx: (B, T, D). dh_0: (B, H). dc_0: (B, H).
        grads: {"W_xh": (4H, D), "W_hh": (4H, H), "b_h": (4H,)}, summed over batch and steps; keyed
            like the parameters given.

    Raises:
        ValueError: dh or dc does not have the shape of h, or truncation is below 1.
    """
    blocks, (B, T, H), dtype, W_xh, W_hh, b_h = cache
    D = W_xh.shape[1]
    W_back = np.ascontiguousarray(_inside(W_hh).T)  # (H, 4H)

    def block_backward(d_histories, d_next, arrays):
        (dh, dc), (dh_next, dc_next), (_, c_prev, gates, tanh_c) = d_histories, d_next, arrays
        o, i, f, g = gates.swapaxes(0, 1)  # (k, H, n) each
        da = np.empty_like(gates)  # (k, 4, H, n), first what dh_t and dc_t are multiplied by
        da[:, 0] = sigmoid_backward(tanh_c, o)
        da[:, 1] = sigmoid_backward(g, i)
        da[:, 2] = sigmoid_backward(c_prev, f)
        da[:, 3] = tanh_backward(i, g)
        through_h = tanh_backward(o, tanh_c)  # (k, H, n)
        for t in reversed(range(len(gates))):
            dh_t = dh[t] + dh_next  # (H, n)
            dc_t = dc_next + dh_t * through_h[t]  # (H, n)
            if dc is not None:
                dc_t += dc[t]
            da[t, 0] *= dh_t
            da[t, 1:] *= dc_t
            dh_next = W_back @ da[t].reshape(4 * H, -1)  # (H, n)
            dc_next = dc_t * f[t]  # (H, n)
        return da, [dh_next, dc_next]

    da, (dh_0, dc_0) = backward_in_blocks(
        {"dh": dh, "dc": dc}, blocks, truncation, (B, T, H), 4 * H, dtype, block_backward
    )  # da (4H, R)
    dx = from_columns(_inside(W_xh).T @ da, blocks, B, T)  # (B, T, D)
    xh1 = side_by_side([block.arrays[0] for block in blocks], D + H + 1, dtype)
    dW = (da @ xh1.T).reshape(4, H, -1)[OUTSIDE].reshape(4 * H, -1)  # (4H, D + H + 1)
    return dx, dh_0, dc_0, split_gradient(dW, D, b_h)
