"""The minGRU: a GRU whose gate sees the input and not the state.

Without r and W_hh all gates come from one product, the state enters each step linearly, and a
scan gives every state (eq-scan-step). Weights' rows are stacked in the order z, n:

z = sigmoid(W_xz x_t + b_z),  n = W_xn x_t + b_n                               (eq-mingru-gates)
h_t = (1 - z) * n + z * h_{t-1}                                               (eq-mingru-hidden)

z is the share of the old state that is kept, as in rnn_course.gru. Feng et al. give 1 - z that
role; since 1 - sigmoid(a) = sigmoid(-a), their weights become ours by changing the sign of the
rows and biases of z. Their version in logarithms needs positive states, and so a candidate

n = a + 0.5 for a >= 0, sigmoid(a) for a < 0, with a = W_xn x_t + b_n       (eq-mingru-positive)

Our scan takes no logarithm and works with either candidate.

Gradients, with dh_t all that reaches h_t, which a scan from the end gives (eq-scan-backward):

da_z = dh_t * (h_{t-1} - n) * z (1 - z),  da_n = dh_t * (1 - z) * dn/da
dh_{t-1} = z * dh_t                                                         (eq-mingru-backward)
dn/da = 1 for the linear candidate and where n >= 0.5, n (1 - n) elsewhere
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


def init_mingru(input_size, hidden_size, rng, bias=True, dtype=np.float64):
    """Parameters {"W_xh": (2H, D), "b_h": (2H,)}, rows stacked z, n; without bias no "b_h".

    Drawn uniformly from ±1/sqrt(input_size), as torch.nn.Linear does: all weights see x alone. A
    new cell keeps about half of its state a step; a larger b_h[:H] lengthens its memory.
    """
    return init_input_weights(2, input_size, hidden_size, rng, bias, dtype)


def _gates_forward(x, W_xh, b_h, candidate):
    """z and n, (..., H) each, of x (..., D) (eq-mingru-gates)."""
    a_z, a_n = pre_activations(x, W_xh, b_h, 2)  # (..., H) each
    return sigmoid(a_z), candidate_forward(a_n, candidate)


def _gates_backward(dz, dn, z, n, candidate):
    """da (2, ..., H) from the gradients of z and n."""
    return np.stack([sigmoid_backward(dz, z), candidate_backward(dn, n, candidate)])


def mingru_step_forward(x_t, h_prev, W_xh, b_h=None, candidate="linear"):
    """Advance a minGRU by one time step (eq-mingru-gates, eq-mingru-hidden), a row per sequence.

    Args:
        x_t: (B, D) input at time t.
        h_prev: (B, H) hidden state at time t - 1; zeros at the first step.
        W_xh: (2H, D), b_h: (2H,) parameters, rows stacked z, n; b_h None for no bias.
        candidate: "linear" or "positive" (eq-mingru-positive).

    Returns:
        h_t: (B, H) hidden state, between h_prev and n in each entry.
        cache: what mingru_step_backward needs; opaque.

    Raises:
        ValueError: a size disagrees with the weights, named with both shapes, or an unknown
            candidate.

    Source: Feng et al. (2024), arXiv:2410.01201.
    """
    require_minimal_shapes(2, "x_t", x_t, (None,), {"h_prev": h_prev}, W_xh, b_h)
    z, n = _gates_forward(x_t, W_xh, b_h, candidate)  # (B, H) each
    return (1 - z) * n + z * h_prev, (x_t, h_prev, z, n, W_xh, b_h, candidate)


def mingru_step_backward(dh_t, cache):
    """Gradients of one step (eq-mingru-backward).

    Args:
        dh_t: (B, H) all of the gradient that reaches h_t.
        cache: from mingru_step_forward.

    Returns:
        dx_t: (B, D). dh_prev: (B, H).
        grads: {"W_xh": (2H, D), "b_h": (2H,)}, summed over the batch; no "b_h" without bias.

    Raises:
        ValueError: dh_t does not have the shape of h_t.
    """
    x_t, h_prev, z, n, W_xh, b_h, candidate = cache
    require_shape("dh_t", dh_t, z.shape, f"h_t {z.shape}")
    da_t = _gates_backward(dh_t * (h_prev - n), dh_t * (1 - z), z, n, candidate)  # (2, B, H)
    dx_t, grads = input_and_parameter_gradients(da_t, x_t, W_xh, b_h)
    return dx_t, z * dh_t, grads


def mingru_forward(x, h_0, W_xh, b_h=None, lengths=None, candidate="linear", parallel=True):
    """Run a minGRU over whole sequences: all gates in one product, all states by a scan.

    Args:
        x: (B, T, D) inputs.
        h_0: (B, H) state before the first step, or None for zeros.
        W_xh: (2H, D), b_h: (2H,) parameters, rows stacked z, n; b_h None for no bias.
        lengths: (B,) real steps of each sequence, 0 to T, the rest is padding and may hold NaN;
            or None where all steps are real.
        candidate: "linear" or "positive" (eq-mingru-positive).
        parallel: many steps of the scan at once, or False for one at a time; the same numbers
            but for rounding.

    Returns:
        h: (B, T, H) the state after each step, zeros at padded steps.
        cache: what mingru_backward needs; opaque.

    Raises:
        ValueError: a size disagrees with the weights, a length lies outside 0 to T, or an unknown
            candidate.

    Source: Feng et al. (2024), arXiv:2410.01201.
    """
    states = {} if h_0 is None else {"h_0": h_0}
    require_minimal_shapes(2, "x", x, (None, None), states, W_xh, b_h)
    real = real_steps(lengths, x)  # (B, T, 1)
    x = only_real(x, real)  # (B, T, D)
    z, n = _gates_forward(x, W_xh, b_h, candidate)  # (B, T, H) each
    h, scan_cache = scan_forward(z, (1 - z) * n, h_0, parallel)  # (B, T, H)
    h_real = h.copy() if real is None else only_real(h, real)  # its owner may change it
    return h_real, (x, z, n, W_xh, b_h, candidate, real, scan_cache)


def mingru_backward(dh, cache, truncation=None):
    """Backpropagation through time, by a scan from the end (eq-scan-backward, eq-mingru-backward).

    Args:
        dh: (B, T, H) gradient of the loss with respect to each step's state, from that step's
            own output only; what comes back through later steps is added here, and padded steps
            are left out.
        cache: from mingru_forward.
        truncation: None for the full gradient, or k >= 1: no gradient flows back over the cuts
            between pieces of k steps (0 to k - 1, k to 2k - 1, ...).

    Returns:
        dx: (B, T, D), zeros at padded steps. dh_0: (B, H).
        grads: {"W_xh": (2H, D), "b_h": (2H,)}, summed over batch and steps; no "b_h" without bias.

    Raises:
        ValueError: dh does not have the shape of h, or truncation is below 1.
    """
    x, z, n, W_xh, b_h, candidate, real, scan_cache = cache
    require_shape("dh", dh, z.shape, f"h {z.shape}")
    dz_kept, dadd, dh_0 = scan_backward(only_real(dh, real), scan_cache, truncation)
    # z also weighs n: add = (1 - z) * n
    da = _gates_backward(dz_kept - dadd * n, dadd * (1 - z), z, n, candidate)  # (2, B, T, H)
    dx, grads = input_and_parameter_gradients(da, x, W_xh, b_h)
    return only_real(dx, real), dh_0, grads
