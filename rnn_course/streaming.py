"""Streaming: a layer that takes one input at a time and keeps its own state between calls.

Where inputs arrive one by one, laying out the weights anew at each step would cost more than the
step itself. Each function here does that once and returns the step, a function of x_t alone; the
numbers are those of a whole sequence. There is no way back through a stream.
"""

import numpy as np

from rnn_course._time_blocks import float_type, with_one, zeros_if_none
from rnn_course._validate import require_recurrent_shapes, require_shape
from rnn_course.activations import nonlinearity_pair
from rnn_course.gru import advance_after, advance_before, halved, require_reset
from rnn_course.lstm import advance, stacked


def rnn_stream(batch_size, h_0, W_xh, W_hh, b_h=None, nonlinearity="tanh"):
    """A vanilla RNN that waits for its next input (eq-rnn-hidden).

    Args:
        batch_size: B, how many streams run side by side.
        h_0: (B, H) state before the first step, or None for zeros; not changed.
        W_xh: (H, D), W_hh: (H, H), b_h: (H,) or None: parameters, as they are now.
        nonlinearity: "tanh", "relu" or "sigmoid".

    Returns:
        step: function of x_t (B, D) that returns h_t (B, H).

    Raises:
        ValueError: a size disagrees with the weights; so does step for x_t.
    """
    activation, _ = nonlinearity_pair(nonlinearity)
    W = np.concatenate([W_xh, W_hh], axis=1)  # (H, D + H)
    xh1, h, put = _buffer(batch_size, 1, {"h_0": h_0}, W_xh, W_hh, {"b_h": b_h})
    W = with_one(W, b_h, xh1.dtype)  # (H, D + H + 1)

    def step(x_t):
        put(x_t)
        h[...] = activation(W @ xh1)
        return h.T.copy()

    return step


def lstm_stream(batch_size, h_0, c_0, W_xh, W_hh, b_h=None):
    """An LSTM that waits for its next input (eq-lstm-gates to eq-lstm-hidden).

    Args:
        batch_size: B, how many streams run side by side.
        h_0, c_0: (B, H) states before the first step, or None for zeros; not changed.
        W_xh: (4H, D), W_hh: (4H, H), b_h: (4H,) or None: parameters, as they are now.

    Returns:
        step: function of x_t (B, D) that returns (h_t, c_t), (B, H) each.

    Raises:
        ValueError: a size disagrees with the weights; so does step for x_t.
    """
    states = {"h_0": h_0, "c_0": c_0}
    xh1, h, put = _buffer(batch_size, 4, states, W_xh, W_hh, {"b_h": b_h})
    H = len(h)
    W = stacked(W_xh, W_hh, b_h, xh1.dtype)  # (4H, D + H + 1)
    c = zeros_if_none(c_0, batch_size, H, xh1.dtype).T.astype(xh1.dtype, order="C")  # (H, B)
    gates = np.empty((4, H, batch_size), dtype=xh1.dtype)  # (4, H, B)
    tanh_c = np.empty_like(c)  # (H, B)

    def step(x_t):
        put(x_t)
        advance(W, xh1, c, gates, c, tanh_c, h)
        return h.T.copy(), c.T.copy()

    return step


def gru_stream(batch_size, h_0, W_xh, W_hh, b_xh=None, b_hh=None, reset="after"):
    """A GRU that waits for its next input (eq-gru-gates to eq-gru-hidden).

    Args:
        batch_size: B, how many streams run side by side.
        h_0: (B, H) state before the first step, or None for zeros; not changed.
        W_xh: (3H, D), W_hh: (3H, H), b_xh: (3H,) or None, b_hh: (3H,) or None: parameters, as
            they are now. reset: "after" or "before" the product with W_hn.

    Returns:
        step: function of x_t (B, D) that returns h_t (B, H).

    Raises:
        ValueError: a size disagrees with the weights, or an unknown reset; so does step for x_t.
    """
    require_reset(reset)
    biases = {"b_xh": b_xh, "b_hh": b_hh}
    xh1, h, put = _buffer(batch_size, 3, {"h_0": h_0}, W_xh, W_hh, biases)
    D, H, dtype = W_xh.shape[1], len(h), xh1.dtype
    advance_gru = advance_after if reset == "after" else advance_before
    W_x, W_h = halved(W_xh, b_xh, dtype), halved(W_hh, b_hh, dtype)  # (3H, · + 1)
    x1 = np.ones((D + 1, batch_size), dtype=dtype)  # (D + 1, B)
    gates = np.empty((3, H, batch_size), dtype=dtype)  # (3, H, B)
    under_r = np.ones((H + 1, batch_size), dtype=dtype)  # (H + 1, B)
    h_next = np.empty_like(h)  # (H, B)

    def step(x_t):
        put(x_t)
        x1[:D] = xh1[:D]
        np.matmul(W_x, x1, gates.reshape(3 * H, -1))
        advance_gru(W_h, xh1[D:], gates, under_r, h_next)
        h[...] = h_next
        return h.T.copy()

    return step


def _buffer(B, gates, states, W_xh, W_hh, biases):
    """A column of input, state and 1 a stream, the state's part of it, and a way to put x_t in."""
    D = W_xh.shape[1]
    dtype = float_type(W_xh, W_hh, *states.values())
    nothing = np.zeros((B, D), dtype=dtype)  # (B, D)
    require_recurrent_shapes(gates, "x_t", nothing, (None,), states, W_xh, W_hh, biases)
    H = W_hh.shape[1]
    xh1 = np.ones((D + H + 1, B), dtype=dtype)  # (D + H + 1, B)
    xh1[D:-1] = zeros_if_none(states["h_0"], B, H, dtype).T

    def put(x_t):
        require_shape("x_t", x_t, (B, D), f"{B} streams with W_xh {W_xh.shape}")
        xh1[:D] = x_t.T

    return xh1, xh1[D:-1], put
