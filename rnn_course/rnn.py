"""The vanilla (Elman) recurrent network: one step, a whole sequence, and its gradient.

h_t = tanh(W_hh h_{t-1} + W_xh x_t + b_h)                                   (eq-rnn-hidden)

Gradients run backward through time. With dh_t the gradient of the loss with respect to h_t,
collected from step t's own output and from step t + 1,

da_t = dh_t * (1 - h_t²)                                              (eq-bptt-preactivation)
dh_{t-1} = W_hh^T da_t + (what step t - 1's own output adds)                 (eq-bptt-hidden)
dW_hh = sum_t da_t h_{t-1}^T,  dW_xh = sum_t da_t x_t^T,  db_h = sum_t da_t (eq-bptt-weights)

The functions of one step are the textbook's. Those of a sequence give the same numbers sooner:
input, state and a 1 for the bias stand on top of each other in one column, so that one product
with [W_xh W_hh b_h] gives a_t, and one product with all da_t gives the gradient of all three.
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
from rnn_course.activations import nonlinearity_pair
from rnn_course.initialisation import uniform_parameters


def init_rnn(input_size, hidden_size, rng, dtype=np.float64, bias=True):
    """Parameters {"W_xh": (H, D), "W_hh": (H, H), "b_h": (H,)}; no b_h without bias.

    Drawn uniformly from ±1/sqrt(hidden_size), as torch.nn.RNN does.
    """
    H, D = hidden_size, input_size
    shapes = {"W_xh": (H, D), "W_hh": (H, H)} | ({"b_h": (H,)} if bias else {})
    return uniform_parameters(shapes, H, rng, dtype)


def rnn_step_forward(x_t, h_prev, W_xh, W_hh, b_h=None, nonlinearity="tanh"):
    """Advance a vanilla RNN by one time step.

    Computes h_t = tanh(W_hh h_prev + W_xh x_t + b_h) (eq-rnn-hidden), one row per sequence.

    Args:
        x_t: (B, D) input at time t.
        h_prev: (B, H) hidden state at time t - 1; zeros at the first step.
        W_xh: (H, D), W_hh: (H, H), b_h: (H,) or None: parameters.
        nonlinearity: "tanh", "relu" or "sigmoid".

    Returns:
        h_t: (B, H) hidden state, entries in (-1, 1) for tanh.
        cache: what rnn_step_backward needs; opaque.

    Raises:
        ValueError: a feature size disagrees with the weights; the message names both arrays and
            shapes.

    Source: Elman (1990), doi:10.1207/s15516709cog1402_1; bias added.
    """
    require_recurrent_shapes(1, "x_t", x_t, (None,), {"h_prev": h_prev}, W_xh, W_hh, {"b_h": b_h})
    activation, _ = nonlinearity_pair(nonlinearity)
    a_t = h_prev @ W_hh.T + x_t @ W_xh.T  # (B, H)
    h_t = activation(a_t if b_h is None else a_t + b_h)  # (B, H)
    return h_t, (x_t, h_prev, h_t.copy(), W_xh, W_hh, b_h, nonlinearity)


def rnn_step_backward(dh_t, cache):
    """Gradients of one step, given all of the gradient that reaches h_t.

    Args:
        dh_t: (B, H) gradient of the loss with respect to h_t.
        cache: from rnn_step_forward.

    Returns:
        dx_t: (B, D). dh_prev: (B, H).
        grads: {"W_xh": (H, D), "W_hh": (H, H), "b_h": (H,)}, summed over the batch; keyed like
            the parameters given.

    Raises:
        ValueError: dh_t does not have the shape of h_t.
    """
    x_t, h_prev, h_t, W_xh, W_hh, b_h, nonlinearity = cache
    require_shape("dh_t", dh_t, h_t.shape, f"h_t {h_t.shape}")
    _, activation_backward = nonlinearity_pair(nonlinearity)
    da_t = activation_backward(dh_t, h_t)  # (B, H)
    grads = {"W_xh": da_t.T @ x_t, "W_hh": da_t.T @ h_prev}
    if b_h is not None:
        grads["b_h"] = da_t.sum(axis=0)
    return da_t @ W_xh, da_t @ W_hh, grads


def rnn_forward(x, h_0, W_xh, W_hh, b_h=None, nonlinearity="tanh", lengths=None):
    """Run a vanilla RNN over whole sequences (eq-rnn-hidden at each step).

    Args:
        x: (B, T, D) inputs.
        h_0: (B, H) state before the first step, or None for zeros.
        W_xh: (H, D), W_hh: (H, H), b_h: (H,) or None: parameters.
        nonlinearity: "tanh", "relu" or "sigmoid".
        lengths: (B,) real steps of each right-padded sequence, 0 to T, or None for T each. A
            state depends on earlier steps only, so they change no real state; they save the work
            on padding and keep what stands there out of everything.

    Returns:
        h: (B, T, H) the state after each step; zeros at padded steps where lengths are given.
        cache: what rnn_backward needs; opaque.

    Raises:
        ValueError: a feature size disagrees with the weights, or a length lies outside 0 to T.

    Source: Elman (1990), doi:10.1207/s15516709cog1402_1; bias added.
    """
    require_recurrent_shapes(1, "x", x, (None, None), {"h_0": h_0}, W_xh, W_hh, {"b_h": b_h})
    B, T, D = x.shape
    H = len(W_hh)
    dtype = float_type(x, W_hh, h_0)
    activation, _ = nonlinearity_pair(nonlinearity)
    W = with_one(np.concatenate([W_xh, W_hh], axis=1), b_h, dtype)  # (H, D + H + 1)

    def block_forward(x, states, new):
        xh1 = input_state_one(x, states[0], new)  # (k + 1, D + H + 1, n)
        h = xh1[:, D:-1]  # (k + 1, H, n), a view
        for t in range(len(x)):
            h[t + 1] = activation(W @ xh1[t])  # (H, n)
        return [h], (xh1[:-1], h[1:])

    h_0 = zeros_if_none(h_0, B, H, dtype)  # (B, H)
    (h,), blocks = forward_in_blocks(x, [h_0], lengths, D + H + 1, dtype, block_forward)
    return h, (blocks, (B, T, H), dtype, W_xh, W_hh, b_h, nonlinearity)


def rnn_backward(dh, cache, truncation=None):
    """Backpropagation through time (eq-bptt-preactivation to eq-bptt-weights).

    Args:
        dh: (B, T, H) gradient of the loss with respect to each step's state, from that step's
            own output only; what comes back through later steps is added here. At padded steps
            it is not looked at.
        cache: from rnn_forward.
        truncation: None for the full gradient, or k >= 1: the sequence is cut into pieces of k
            steps (0 to k - 1, k to 2k - 1, ...), the state still flows from piece to piece, and
            no gradient flows back over a cut.

    Returns:
        dx: (B, T, D).
        dh_0: (B, H); with truncation, what the first piece gives.
        grads: {"W_xh": (H, D), "W_hh": (H, H), "b_h": (H,)}, summed over batch and steps; keyed
            like the parameters given.

    Raises:
        ValueError: dh does not have the shape of h, or truncation is below 1.

    Source: Werbos (1990), doi:10.1109/5.58337; truncation: Williams and Peng (1990),
        doi:10.1162/neco.1990.2.4.490.
    """
    blocks, (B, T, H), dtype, W_xh, W_hh, b_h, nonlinearity = cache
    _, activation_backward = nonlinearity_pair(nonlinearity)
    W_back = np.ascontiguousarray(W_hh.T)  # (H, H)

    def block_backward(d_histories, d_next, arrays):
        (dh,), (dh_next,), (_, h) = d_histories, d_next, arrays
        da = activation_backward(dtype.type(1), h)  # (k, H, n), slopes: they wait for no step
        for t in reversed(range(len(h))):
            da[t] *= dh[t] + dh_next
            dh_next = W_back @ da[t]  # (H, n)
        return da, [dh_next]

    da, (dh_0,) = backward_in_blocks(
        {"dh": dh}, blocks, truncation, (B, T, H), H, dtype, block_backward
    )  # da (H, R)
    dx = from_columns(W_xh.T @ da, blocks, B, T)  # (B, T, D)
    xh1 = side_by_side([block.arrays[0] for block in blocks], W_xh.shape[1] + H + 1, dtype)
    return dx, dh_0, split_gradient(da @ xh1.T, W_xh.shape[1], b_h)
