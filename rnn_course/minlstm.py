"""The minLSTM: an LSTM whose gates see the input and not the state, without an output gate.

Without W_hh all gates come from one product, the state enters each step linearly, and a scan
gives every state (eq-scan-step). Weights' rows are stacked i, f, g as in rnn_course.lstm, without
o; g is the candidate, and with no o between them c_t and h_t are one state, h_t:

i = sigmoid(W_xi x_t + b_i),  f = sigmoid(W_xf x_t + b_f),  g = W_xg x_t + b_g  (eq-minlstm-gates)
f' = f / (f + i),  i' = i / (f + i)                                           (eq-minlstm-shares)
h_t = f' * h_{t-1} + i' * g                                                   (eq-minlstm-hidden)

The shares f' and i' add up to 1, so h_t keeps the size of the candidates however long the
sequence. f + i may underflow, so the share is computed as f' = sigmoid(log f - log i), with each
logarithm taken of the pre-activation; i' = 1 - f'. A minLSTM is thus a minGRU whose z is f'. The
candidate g is linear, or positive as the minGRU's (eq-mingru-positive); Feng et al. write h with
a tilde for g, and g for that positive function.

Gradients, with dh_t all that reaches h_t, which a scan from the end gives (eq-scan-backward), and
dl_t that of log f - log i:

dl_t = dh_t * (h_{t-1} - g) * f' i',  da_g = dh_t * i' * dg/da
da_f = dl_t * (1 - f),  da_i = -dl_t * (1 - i),  dh_{t-1} = f' * dh_t      (eq-minlstm-backward)
"""

import numpy as np

from rnn_course._minimal import (
    candidate_backward,
    candidate_forward,
    init_input_weights,
    input_and_parameter_gradients,
    only_real,
    pre_activations,
    real_steps,
    require_minimal_shapes,
)
from rnn_course._validate import require_shape
from rnn_course.activations import sigmoid, sigmoid_backward
from rnn_course.scan import scan_backward, scan_forward


def init_minlstm(input_size, hidden_size, rng, bias=True, dtype=np.float64):
    """Parameters {"W_xh": (3H, D), "b_h": (3H,)}, rows stacked i, f, g; without bias no "b_h".

    Drawn uniformly from ±1/sqrt(input_size), as torch.nn.Linear does: all weights see x alone. A
    new cell keeps about half of its state a step; a larger b_h[H:2H] lengthens its memory.
    """
    return init_input_weights(3, input_size, hidden_size, rng, bias, dtype)


def _log_sigmoid(a):
    """log(sigmoid(a)), finite where sigmoid(a) is 0 in floating point."""
    return np.minimum(a, 0) - np.log1p(np.exp(-np.abs(a)))


def _gates_forward(x, W_xh, b_h, candidate):
    """a_i, a_f, f' and g, (..., H) each, of x (..., D) (eq-minlstm-gates, eq-minlstm-shares)."""
    a_i, a_f, a_g = pre_activations(x, W_xh, b_h, 3)  # (..., H) each
    f_share = sigmoid(_log_sigmoid(a_f) - _log_sigmoid(a_i))  # (..., H)
    return a_i, a_f, f_share, candidate_forward(a_g, candidate)


def _gates_backward(df_share, dg, gates, candidate):
    """da (3, ..., H) from the gradients of f' and g."""
    a_i, a_f, f_share, g = gates
    dl = sigmoid_backward(df_share, f_share)  # (..., H), of log f - log i
    da_i, da_f = -dl * sigmoid(-a_i), dl * sigmoid(-a_f)  # (..., H) each; 1 - i = sigmoid(-a_i)
    return np.stack([da_i, da_f, candidate_backward(dg, g, candidate)])


def minlstm_step_forward(x_t, h_prev, W_xh, b_h=None, candidate="linear"):
    """Advance a minLSTM by one time step (eq-minlstm-gates to eq-minlstm-hidden).

    Args:
        x_t: (B, D) input at time t.
        h_prev: (B, H) hidden state at time t - 1; zeros at the first step.
        W_xh: (3H, D), b_h: (3H,) parameters, rows stacked i, f, g; b_h None for no bias.
        candidate: "linear" or "positive" (eq-mingru-positive).

    Returns:
        h_t: (B, H) hidden state, between h_prev and g in each entry.
        cache: what minlstm_step_backward needs; opaque.

    Raises:
        ValueError: a size disagrees with the weights, named with both shapes, or an unknown
            candidate.

    Source: Feng et al. (2024), arXiv:2410.01201.
    """
    require_minimal_shapes(3, "x_t", x_t, (None,), {"h_prev": h_prev}, W_xh, b_h)
    gates = _gates_forward(x_t, W_xh, b_h, candidate)  # (B, H) each
    _, _, f_share, g = gates
    return f_share * h_prev + (1 - f_share) * g, (x_t, h_prev, gates, W_xh, b_h, candidate)


def minlstm_step_backward(dh_t, cache):
    """Gradients of one step (eq-minlstm-backward).

    Args:
        dh_t: (B, H) all of the gradient that reaches h_t.
        cache: from minlstm_step_forward.

    Returns:
        dx_t: (B, D). dh_prev: (B, H).
        grads: {"W_xh": (3H, D), "b_h": (3H,)}, summed over the batch; no "b_h" without bias.

    Raises:
        ValueError: dh_t does not have the shape of h_t.
    """
    x_t, h_prev, gates, W_xh, b_h, candidate = cache
    _, _, f_share, g = gates
    require_shape("dh_t", dh_t, g.shape, f"h_t {g.shape}")
    da_t = _gates_backward(dh_t * (h_prev - g), dh_t * (1 - f_share), gates, candidate)  # (3, B, H)
    dx_t, grads = input_and_parameter_gradients(da_t, x_t, W_xh, b_h)
    return dx_t, f_share * dh_t, grads


def minlstm_forward(x, h_0, W_xh, b_h=None, lengths=None, candidate="linear", parallel=True):
    """Run a minLSTM over whole sequences: all gates in one product, all states by a scan.

    Args:
        x: (B, T, D) inputs.
        h_0: (B, H) state before the first step, or None for zeros.
        W_xh: (3H, D), b_h: (3H,) parameters, rows stacked i, f, g; b_h None for no bias.
        lengths: (B,) real steps of each sequence, 0 to T, the rest is padding and may hold NaN;
            or None where all steps are real.
        candidate: "linear" or "positive" (eq-mingru-positive).
        parallel: many steps of the scan at once, or False for one at a time; the same numbers
            but for rounding.

    Returns:
        h: (B, T, H) the state after each step, zeros at padded steps.
        cache: what minlstm_backward needs; opaque.

    Raises:
        ValueError: a size disagrees with the weights, a length lies outside 0 to T, or an unknown
            candidate.

    Source: Feng et al. (2024), arXiv:2410.01201.
    """
    states = {} if h_0 is None else {"h_0": h_0}
    require_minimal_shapes(3, "x", x, (None, None), states, W_xh, b_h)
    real = real_steps(lengths, x)  # (B, T, 1)
    x = only_real(x, real)  # (B, T, D)
    gates = _gates_forward(x, W_xh, b_h, candidate)  # (B, T, H) each
    _, _, f_share, g = gates
    h, scan_cache = scan_forward(f_share, (1 - f_share) * g, h_0, parallel)  # (B, T, H)
    h_real = h.copy() if real is None else only_real(h, real)  # its owner may change it
    return h_real, (x, gates, W_xh, b_h, candidate, real, scan_cache)


def minlstm_backward(dh, cache, truncation=None):
    """Backpropagation through time, by a scan from the end (eq-scan-backward, eq-minlstm-backward).

    Args:
        dh: (B, T, H) gradient of the loss with respect to each step's state, from that step's
            own output only; what comes back through later steps is added here, and padded steps
            are left out.
        cache: from minlstm_forward.
        truncation: None for the full gradient, or k >= 1: no gradient flows back over the cuts
            between pieces of k steps (0 to k - 1, k to 2k - 1, ...).

    Returns:
        dx: (B, T, D), zeros at padded steps. dh_0: (B, H).
        grads: {"W_xh": (3H, D), "b_h": (3H,)}, summed over batch and steps; no "b_h" without bias.

    Raises:
        ValueError: dh does not have the shape of h, or truncation is below 1.
    """
    x, gates, W_xh, b_h, candidate, real, scan_cache = cache
    _, _, f_share, g = gates
    require_shape("dh", dh, g.shape, f"h {g.shape}")
    df_kept, dadd, dh_0 = scan_backward(only_real(dh, real), scan_cache, truncation)
    # f' also weighs g: add = (1 - f') * g
    da = _gates_backward(df_kept - dadd * g, dadd * (1 - f_share), gates, candidate)  # (3, B, T, H)
    dx, grads = input_and_parameter_gradients(da, x, W_xh, b_h)
    return only_real(dx, real), dh_0, grads
